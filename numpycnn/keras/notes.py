"""What the facade says: one note for a word that does nothing here or that Keras has dropped; an error for the rest."""

from __future__ import annotations

import sys
from typing import Any, Callable

from ..hints import did_you_mean
from ..terminal import warn

_said: set[str] = set()


class KerasNote(UserWarning):
    """Says, once a process, that a word was taken but does nothing here, or which word has replaced it."""


def note(text: str) -> None:
    """Say it once; the warning bears the line of the program, not of the facade."""
    if text in _said:
        return
    _said.add(text)
    warn(text, KerasNote)


def no_effect(owner: str, **given: Any) -> None:
    """Note the arguments that were given and cannot change a result here."""
    for word, value in given.items():
        if value is not None:
            instead = "utils.set_random_seed says where all that is random starts" if word == "seed" else ""
            note(f"{owner}: {word} does nothing here; {instead or 'the results are the same without it'}")


def refuse(owner: str, why: str = "numpycnn has nothing like it", **given: Any) -> None:
    """Raise if one of these arguments was given: it would change the result, and there is nothing for it here."""
    for word, value in given.items():
        if value is not None and value is not False and (not isinstance(value, (int, float)) or value):
            raise ValueError(f"{owner}: {word}={value!r}: {why}")


def settle(owner: str, given: dict[str, Any], *idle: str) -> None:
    """Note those of the further arguments that do nothing here, and raise TypeError for all others."""
    no_effect(owner, **{word: given.pop(word) for word in idle if word in given})
    if given:
        raise TypeError(f"{owner}: unexpected argument {', '.join(sorted(map(repr, given)))}")


def named(function: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    """Return the function under this name."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def missing_names(module: str, instead: dict[str, str], others: str = "") -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module: names of Keras that are missing here raise, saying what to use instead.

    An ImportError, since ``from numpycnn.keras.layers import LSTM`` would drop the text of an AttributeError. `others`
    is what the error says of names that are not listed.
    """

    def explain(name: str) -> Any:
        if name in instead:
            raise ImportError(f"{module}.{name}: numpycnn has {instead[name]}", name=f"numpycnn.{module}")
        place = vars(sys.modules.get(f"numpycnn.{module}", sys))
        hint = f": numpycnn has {others}" if others else did_you_mean(name, [word for word in place if word[0] != "_"])
        raise AttributeError(f"module 'numpycnn.{module}' has no attribute {name!r}{hint}")

    return explain
