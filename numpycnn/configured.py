"""Objects that know the names of their attributes: a misspelt one is refused where it is assigned."""

from __future__ import annotations

import functools
import inspect
from types import CodeType
from typing import Any, Iterator

from .hints import ExplainsArguments, did_you_mean, is_ours

# What others call it, and ``did_you_mean`` does not find.
SYNONYMS = {"lr": "learning_rate", "clipnorm": "global_clipnorm", "decay": "weight_decay", "b1": "beta1", "b2": "beta2"}


class Strict(ExplainsArguments):
    """Base of objects that refuse attributes which no line of their class knows, as ``optimizer.lr`` would be.

    Known is what the object or its class has, and every name that a method of the class mentions: a subclass may give
    itself attributes of its own, in ``__init__`` or later. Names with an underscore in front are never refused.
    """

    _once: tuple[str, ...] = ()  # what is read when the object is made: another value later would do nothing, or harm

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._once and name in vars(self):
            kind = type(self).__name__
            raise AttributeError(f"{kind}: {name} is fixed; make a new one in its place: {kind}(..., {name}={value!r})")
        known = name in self.__dict__ or name[:1] == "_"
        if not known and name not in _known_names(type(self)):  # type: ignore[arg-type]
            raise AttributeError(_refusal(self, name))
        super().__setattr__(name, value)


class Configured(Strict):
    """Base of objects that are described by the arguments of their ``__init__``, each kept under its own name.

    Assigned later, an argument is checked as ``__init__`` checks it.
    """

    _later: dict[str, Any] = {}  # arguments that older files do not have, with the value that makes no difference

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and name in _argument_set(type(self)):  # type: ignore[arg-type]
            value = _checked(self, name, value)
        super().__setattr__(name, value)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__`` by name; later ones only if they matter, as in older files."""
        config = {name: getattr(self, name) for name in _arguments(type(self)) if hasattr(self, name)}
        return {name: value for name, value in config.items() if name not in self._later or value != self._later[name]}

    def __repr__(self) -> str:
        config = self.get_config()
        arguments = (f"{name}={getattr(self, name)!r}" for name in _arguments(type(self)) if name in config)
        return f"{type(self).__name__}({', '.join(arguments)})"


class FixedOnceBuilt(ExplainsArguments):
    """Base of things that their arguments make once: another argument afterwards would do nothing, or half of it.

    Numbers with a point, such as a dropout's rate, are read at each step, and may change; they are checked as
    ``__init__`` checks them. Classes from outside the package decide for themselves.
    """

    built = False
    _fixed: frozenset[str] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if is_ours(cls):
            cls._fixed = frozenset(_arguments(cls))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._fixed and name in vars(self):
            if self.built and not isinstance(vars(self)[name], float):
                raise AttributeError(f"{self!r}: {name} is fixed once it is built; put a new one in its place")
            value = _checked(self, name, value)
        super().__setattr__(name, value)


def _checked(thing: Any, name: str, value: Any) -> Any:
    """Return what ``__init__`` makes of an argument that is assigned later; raise as it does.

    Of a subclass from outside, the ``__init__`` of the package's class above it is asked, if that has the argument.
    """
    owners = filter(is_ours, type(thing).__mro__)
    owner: Any = next((cls for cls in owners if "__init__" in vars(cls)), None)
    names = [] if owner is None else _arguments(owner)
    if name not in names or "_on_trial" in vars(thing) or not all(hasattr(thing, n) for n in names):
        return value
    trial = owner.__new__(owner)
    vars(trial)["_on_trial"] = True  # whatever its __init__ assigns twice is not tried again
    trial.__init__(**{n: getattr(thing, n) for n in names} | {name: value})
    return vars(trial).get(name, value)


def kept_arguments(thing: Any) -> dict[str, Any]:
    """Return what an object keeps of the arguments of its ``__init__``, each under its own name."""
    names = [p.name for p in inspect.signature(type(thing).__init__).parameters.values() if p.name != "self"]
    kept = {name: getattr(thing, name, inspect.Parameter.empty) for name in names if name not in ("args", "kwargs")}
    for name, value in kept.items():
        if value is inspect.Parameter.empty:
            raise AttributeError(f"{type(thing).__name__}.__init__: expected the argument {name} kept as self.{name}")
    return kept


def described(thing: Any) -> str:
    """Return the call that makes such an object: its name and those arguments that are not the usual ones."""
    defaults = {p.name: p.default for p in inspect.signature(type(thing).__init__).parameters.values()}
    config = thing.get_config().items()
    shown = [f"{name}={value!r}" for name, value in config if name not in defaults or not _same(value, defaults[name])]
    return f"{type(thing).__name__}({', '.join(shown)})"


def _same(value: Any, default: Any) -> bool:
    pair = isinstance(value, tuple) and value == (default, default)  # 1 was given, (1, 1) is kept
    return value is default or pair or (type(value) is type(default) and value == default)


def _arguments(cls: type) -> list[str]:
    """Names of the arguments of ``__init__``; through ``**options``, those of the class above, too."""
    names: list[str] = []
    for owner in cls.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        names += [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in names]
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            break
    return names


@functools.cache
def _argument_set(cls: type) -> frozenset[str]:
    return frozenset(_arguments(cls))


@functools.cache
def _known_names(cls: type) -> frozenset[str]:
    """Names of the class's attributes, and those that its methods mention."""
    names = set(dir(cls))
    for owner in cls.__mro__[: cls.__mro__.index(Strict)]:
        for member in vars(owner).values():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            function = inspect.unwrap(function) if callable(function) else function
            code = getattr(function, "__code__", None)
            if code is not None:
                names.update(*(each.co_names for each in _codes(code)))
    return frozenset(names)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function and of the functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _refusal(thing: Any, name: str) -> str:
    names = {*vars(thing), *dir(type(thing))}
    public = sorted(n for n in names if n[:1] != "_" and not callable(getattr(thing, n, None)))
    word = SYNONYMS[name] if SYNONYMS.get(name) in public else name
    hint = did_you_mean(word, public) or f"; it has {', '.join(public) or 'none'}"
    return f"{type(thing).__name__} has no attribute {name!r}, so assigning to it would do nothing{hint}"
