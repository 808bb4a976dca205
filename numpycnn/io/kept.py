"""What a model knows besides its weights, and its files keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar, overload

from ..checks import check_instance

if TYPE_CHECKING:
    from ..model import Sequential

Kind = TypeVar("Kind")


class Kept(Generic[Kind]):
    """An attribute of a model: None, or an object of a class, which `check_fits(model, it)` found to fit the model."""

    def __init__(self, kind: type[Kind], check_fits: Callable[[Any, Kind], None]) -> None:
        self.kind, self.check_fits = kind, check_fits

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, model: None, owner: type) -> Kept[Kind]: ...

    @overload
    def __get__(self, model: Sequential, owner: type) -> Kind | None: ...

    def __get__(self, model: Sequential | None, owner: type) -> Kept[Kind] | Kind | None:
        return self if model is None else vars(model).get(f"_{self.name}")

    def __set__(self, model: Sequential, value: Kind | None) -> None:
        if value is not None:
            model._require_built(self.name)
            check_instance(value, self.kind, self.name, f"an object of the class {self.kind.__name__}, or None")
            self.check_fits(model, value)
        vars(model)[f"_{self.name}"] = value


class OfKind:
    """An attribute of a model that holds an object of a class, and None until it is assigned."""

    def __init__(self, kind: type, expected: str) -> None:
        self.kind, self.expected = kind, expected

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type) -> Any:
        return self if model is None else vars(model).get(self.name)

    def __set__(self, model: Any, value: Any) -> None:
        vars(model)[self.name] = check_instance(value, self.kind, self.name, self.expected)
