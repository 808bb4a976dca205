"""``ops``: the kernels that the layers call, compiled or plain.

``ops.im2col(...)`` runs the compiled kernel, or its NumPy twin where the JIT is disabled or ``using("reference")`` says
so. Nothing is loaded before the first call: importing the package stays quick.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from typing import Any, Callable, Iterator

# Which file holds which compiled kernel; the twins are all in reference.py.
KERNELS = {
    "affine": "matmul",
    "matmul_tn": "matmul",
    "matmul_nt": "matmul",
    "affine_weight_gradient": "matmul",
    "conv_forward": "direct",
    "conv_relu_pool_forward": "convolution",
    "winograd_relu_pool_forward": "winograd",
    "winograd_forward": "winograd_map",
    "winograd_weight_gradient": "winograd_gradient",
    "conv_dense_weight_gradient": "direct",
    "conv_dense_input_gradient": "direct",
    "conv_entries": "convolution",
    "conv_weight_gradient": "convolution",
    "conv_input_gradient": "convolution",
    "window_input_gradient": "convolution",
    "conv_tap_gradient": "convolution",
    "depthwise_forward": "depthwise",
    "depthwise_weight_gradient": "depthwise",
    "depthwise_input_gradient": "depthwise",
    "pad_images": "patches",
    "crop_images": "patches",
    "im2col": "patches",
    "col2im": "patches",
    "maxpool_forward": "pooling",
    "maxpool_backward": "pooling",
    "avgpool_forward": "pooling",
    "avgpool_backward": "pooling",
    "relu_forward": "activations",
    "relu_backward": "activations",
    "leaky_relu_forward": "activations",
    "leaky_relu_backward": "activations",
    "elu_forward": "activations",
    "elu_backward": "activations",
    "sigmoid_forward": "activations",
    "sigmoid_backward": "activations",
    "tanh_forward": "activations",
    "tanh_backward": "activations",
    "silu_forward": "activations",
    "silu_backward": "activations",
    "gelu_forward": "activations",
    "gelu_backward": "activations",
    "gelu_tanh_forward": "activations",
    "gelu_tanh_backward": "activations",
    "dropout": "dropout",
    "softmax": "losses",
    "softmax_cross_entropy": "losses",
    "binary_cross_entropy": "losses",
    "take_rows": "rows",
    "sum_rows": "rows",
    "moments": "normalisation",
    "sum_products": "normalisation",
    "normalise": "normalisation",
    "normalise_backward": "normalisation",
    "normalise_relu_pool": "normalisation",
    "normalise_relu_pool_sums": "normalisation",
    "normalise_relu_pool_backward": "normalisation",
    "sgd": "optimizers",
    "adam": "optimizers",
    "rmsprop": "optimizers",
    "adagrad": "optimizers",
    "adadelta": "optimizers",
    "adamax": "optimizers",
    "nadam": "optimizers",
    "warp": "warp",
}


# A fork waits till no other thread imports, compiles or runs a kernel: what such a thread has locked, here, in TBB or
# in Python's imports, would stay locked in the child. `threads` adds Numba's lock, under the first one.
lock = threading.RLock()  # the layer `workqueue` aborts the process when two threads call parallel kernels at once
fork_locks: list[Any] = [lock]
_files: dict[str, Any] = {}


def _before_fork() -> None:
    for held in fork_locks:
        held.acquire()


def _after_fork() -> None:
    for held in fork_locks:
        held.release()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    import logging  # noqa: F401  # its lock, which imports take, is acquired after those of who comes later

    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def _file(name: str) -> Any:
    """Return a file of this folder, imported at its first use, and perhaps Numba with it."""
    if name not in _files:
        with lock:
            _files[name] = importlib.import_module(f"{__name__}.{name}")
    return _files[name]


def jit_disabled() -> bool:
    """Whether ``NUMBA_DISABLE_JIT`` asks for plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


class _Ops:
    """The active kernels as attributes, each fetched at its first use."""

    def __init__(self) -> None:
        self.active = "reference" if jit_disabled() else "compiled"

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in KERNELS:
            raise AttributeError(f"no kernel named {name!r}; there are {', '.join(KERNELS)}")
        module = "reference" if self.active == "reference" else KERNELS[name]
        function = getattr(_file(module), name)
        self.__dict__[name] = function
        return function


ops: Any = _Ops()


@contextlib.contextmanager
def using(kernel_set: str) -> Iterator[None]:
    """Run the block with the ``"compiled"`` or the ``"reference"`` kernels, in every thread."""
    if not isinstance(kernel_set, str) or kernel_set not in ("compiled", "reference"):
        error = ValueError if isinstance(kernel_set, str) else TypeError
        raise error(f'expected "compiled" or "reference", got {kernel_set!r}')
    before = dict(ops.__dict__)
    ops.__dict__.clear()
    ops.active = kernel_set
    try:
        yield
    finally:
        ops.__dict__.clear()
        ops.__dict__.update(before)


@contextlib.contextmanager
def compiled_together() -> Iterator[None]:
    """Run the block once so that kernels which it needs are compiled at its end, all at once, on all cores.

    In it, a kernel that is not compiled yet is noted, and its NumPy twin runs in its place.
    """
    if ops.active == "reference" or jit_disabled():
        yield
        return
    with _file("ahead").compiled_together():
        yield


def recorded(serial: bool) -> contextlib.AbstractContextManager[list[Callable[[], None]]]:
    """Run the block; its list gets, for each compiled kernel called in it, a function that calls it so again.

    With `serial` these use the calling thread alone, and no lock. Weights must be the same in all of these calls. Twins
    are not recorded.
    """
    if ops.active == "reference":
        return contextlib.nullcontext([])
    return _file("jit").recorded(serial)


def on_one_thread() -> contextlib.AbstractContextManager[None]:
    """Run the kernels that this thread calls in a ``with`` block on it alone; others go on with theirs."""
    if ops.active == "reference":
        return contextlib.nullcontext()
    return _file("threads").on_one_thread()


def set_num_threads(n: int) -> None:
    """Use `n` threads in every kernel from now on.

    Results do not depend on it, to the bit.

    Parameters
    ----------
    n : int
        From 1 to ``NUMBA_NUM_THREADS`` (by default the number of cores), read when the process starts.

    Raises
    ------
    ValueError
        `n` is no integer in that range.
    """
    _file("threads").set_num_threads(n)


def get_num_threads() -> int:
    """Return the number of threads that the kernels use."""
    return _file("threads").get_num_threads()
