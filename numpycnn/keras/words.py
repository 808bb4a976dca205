"""Things with Keras's arguments: what layers, losses, metrics, optimizers, initializers and callbacks share."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from ..hints import did_you_mean, is_ours
from ..io.keras_file.write import snake_case
from .notes import no_effect, note

REQUIRED = inspect.Parameter.empty
ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": None}  # Keras 1's values of data_format


class Worded:
    """Something that Keras has, too.

    Attributes
    ----------
    words : dict
        Its arguments in Keras's order, with their defaults; REQUIRED has none.
    old_words : dict
        An old word of Keras's: today's.
    refused : dict
        A word: why another value than the default is refused.
    idle : tuple of str
        Words that cannot change a result here; they are noted.
    """

    words: dict[str, Any] = {}
    old_words: dict[str, str] = {}
    refused: dict[str, str] = {}
    idle: tuple[str, ...] = ()
    not_called: tuple[str, ...] = ()  # methods of Keras's that nobody calls here: a subclass may not have its own
    instead = ""  # what to write in their place
    name: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [name for name in cls.not_called if name in vars(cls)]
        if own and not is_ours(cls):
            raise TypeError(f"class {cls.__name__}: {own[0]} would never be called; {cls.instead}")

    def __init__(self, *args: Any, **given: Any) -> None:
        self.config = self.take(args, given)

    def take(self, args: tuple, given: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments by name."""
        kind = type(self).__name__
        for old, new in {"dim_ordering": "data_format", **self.old_words}.items():
            if old in given and old not in self.words and new in self.words:
                note(f"{kind}: {old}= is the old word for {new}=")
                value = given.pop(old)
                given[new] = ORDERINGS.get(value, value) if old == "dim_ordering" else value
        if len(args) > len(self.words):
            raise TypeError(f"{kind}: expected at most {len(self.words)} arguments, got {len(args)}")
        config = {**self.words, **dict(zip(self.words, args)), **given}
        for word, value in config.items():
            if word not in self.words:
                raise TypeError(f"{kind}: unexpected argument {word!r}{did_you_mean(word, self.words)}")
            if value is REQUIRED:
                raise TypeError(f"{kind}: argument {word!r} is missing")
            one_answer = isinstance(value, (str, int, float, tuple))  # to ``==``: arrays give many
            if value is not self.words[word] and not (one_answer and value == self.words[word]):
                self.look_at(word, value)
        return config

    def look_at(self, word: str, value: Any) -> None:
        """Refuse or note an argument that is not the default."""
        if word in self.refused and value is not None and value is not False:
            raise ValueError(f"{type(self).__name__}: {word}={value!r}: {self.refused[word]}")
        if word in self.idle:
            no_effect(type(self).__name__, **{word: value})

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return {**self.config, **({"name": self.name} if "name" in self.words else {})}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return such a thing, new; Keras 3 writes the dtype as a policy."""
        return cls(**{word: value["config"]["name"] if word == "dtype" and isinstance(value, dict) else value
                      for word, value in config.items()})  # fmt: skip

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{word}={value!r}' for word, value in self.config.items())})"


def name_here(thing: Any) -> str:
    """Return the name of its class, or of the one of this package that it is a subclass of."""
    return next(cls.__name__ for cls in type(thing).__mro__ if is_ours(cls))


def variant(base: type, name: str, doc: str, **attributes: Any) -> Any:
    """Return a subclass that differs in its words alone: a row of a table of names."""
    module = sys._getframe(1).f_globals["__name__"]  # where it gets its name, and where pickle looks for it
    return type(name, (base,), {"__doc__": doc, "__module__": module, **attributes})


def found(identifier: Any, kind: str, base: type, names: dict[str, Any], missing: dict[str, str]) -> Any:
    """Return what a name (whatever its case), a class or a description means; anything else as it is."""
    if isinstance(identifier, dict):
        return found_class(identifier["class_name"], kind, names, missing).from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        return found_class(identifier, kind, names, missing)()
    return identifier() if isinstance(identifier, type) and issubclass(identifier, base) else identifier


def found_class(name: str, kind: str, names: dict[str, Any], missing: dict[str, str]) -> Any:
    """Return the class of this name; ValueError says which there are."""
    small = name.lower()
    for known in (name, small, small.replace("_", "")):
        if known in names:
            return names[known]
    instead = next((f": numpycnn has {text}" for word, text in missing.items() if word.lower() == small), "")
    hint = instead or did_you_mean(small, names) or f": numpycnn has {', '.join(names)}"
    raise ValueError(f"unknown {kind} {name!r}{hint}")


def by_name(*classes: Any, **others: Any) -> dict[str, Any]:
    """Return the classes by their names, written as a class and as Keras's strings, and by further names."""
    return {**{name(each.__name__): each for name in (snake_case, str) for each in classes}, **others}
