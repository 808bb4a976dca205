"""Which methods of a callback ``fit`` calls, and when: Keras's names, and an error for a name that nothing calls."""

from __future__ import annotations

import inspect
from typing import Any, Callable

from ..checks import check_function
from ..hints import did_you_mean

Hook = Callable[..., Any]

# By moment: what a hook is given there, and its names. `logs` may be left out where a hook has no use for it.
MOMENTS = {
    "train_begin": (("logs",), ("on_train_begin",)),
    "train_end": (("logs",), ("on_train_end",)),
    "epoch_begin": (("epoch", "logs"), ("on_epoch_begin",)),
    "epoch_end": (("epoch", "logs"), ("on_epoch_end",)),
    "batch_begin": (("batch", "logs"), ("on_train_batch_begin", "on_batch_begin")),
    "batch_end": (("batch", "logs"), ("on_train_batch_end", "on_batch_end")),
    "test_begin": (("logs",), ("on_test_begin",)),
    "test_end": (("logs",), ("on_test_end",)),
    "test_batch_begin": (("batch", "logs"), ("on_test_batch_begin",)),
    "test_batch_end": (("batch", "logs"), ("on_test_batch_end",)),
    "exception": (("error",), ("on_exception",)),
}
NAMES = tuple(name for _, names in MOMENTS.values() for name in names)

_PREDICT = "predict takes no callbacks"
NEVER_CALLED = {
    "on_predict_begin": _PREDICT, "on_predict_end": _PREDICT,
    "on_predict_batch_begin": _PREDICT, "on_predict_batch_end": _PREDICT,
    "set_model": "the model is self.model, from on_train_begin on",
    "set_params": "the options are in self.run.options, from on_train_begin on",
}  # fmt: skip


def find_hooks(callback: Any, base: type) -> dict[str, list[Hook]]:
    """Return the hooks that `callback` adds to those of `base`, by moment.

    Raises
    ------
    ValueError
        A name that nothing calls: Keras's for another method than ``fit``, or a misspelt one.
    TypeError
        A hook that cannot be called with what it is given.
    """
    owner = type(callback).__name__
    for name in dir(callback):
        if name in NEVER_CALLED:
            raise ValueError(f"{owner}: {name} would never be called: {NEVER_CALLED[name]}; remove it")
        if name.startswith("on_") and name not in NAMES:
            known = did_you_mean(name, NAMES) or f"; expected one of {', '.join(NAMES)}"
            raise ValueError(f"{owner}: {name} would never be called{known}")
    hooks: dict[str, list[Hook]] = {}
    for moment, (arguments, names) in MOMENTS.items():
        found: dict[Hook, Hook] = {}  # two names for one function are one hook
        for name in names:
            method = check_function(getattr(callback, name), f"{owner}.{name}", f"({', '.join(arguments)})")
            function = getattr(method, "__func__", method)
            if function is not getattr(base, name):
                found.setdefault(function, _adapted(method, f"{owner}.{name}", arguments))
        hooks[moment] = list(found.values())
    return hooks


def _adapted(method: Hook, owner: str, arguments: tuple[str, ...]) -> Hook:
    """Return a function of these arguments that gives `method` those which it takes: all, or all but ``logs``."""
    signature = inspect.signature(method)
    if _takes(signature, arguments):
        return method
    if arguments[-1] == "logs" and "logs" not in signature.parameters and _takes(signature, arguments[:-1]):
        return lambda *given: method(*given[:-1])
    expected = ", ".join(("self", *arguments)).replace("logs", "logs=None")
    raise TypeError(f"{owner}: expected a method ({expected}), got one of {signature}, without self")


def _takes(signature: inspect.Signature, arguments: tuple[str, ...]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
