"""Several processes that train one model: each takes its rows of every batch, and all take the same step.

Data-parallel training without delays: the outputs of all rows go to everybody, so that the loss and the metrics are
those of the batch; each process goes back through its own rows; the sum of the gradients goes to everybody.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from typing import TYPE_CHECKING, Any, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..hints import shown
from ..layers import Layer
from ..layers.share import Communicator, Share
from .run import Run

if TYPE_CHECKING:
    from ..model import Sequential

SAMPLE = 256  # rows of the images whose bytes are compared


@contextlib.contextmanager
def sharing(communicator: Communicator | None) -> Iterator[Share | None]:
    """Train in this block with the other processes; an error that one of them meets alone ends them all."""
    if communicator is None or communicator.size == 1:
        yield None
        return
    share = Share(communicator)
    try:
        yield share
    except BaseException as error:
        if not share.agreed:
            share.abort(error)
        raise


@contextlib.contextmanager
def each_knows(layers: list[Layer], share: Share) -> Iterator[None]:
    """Let the layers know of this process's share for as long as the block lasts."""
    for layer in layers:
        layer.share = share
    try:
        yield
    finally:
        for layer in layers:
            layer.share = None


def join(share: Share, model: Sequential, run: Run) -> None:
    """Let a run begin on all processes with the same model, that of process 0, and the same of everything else.

    Raises
    ------
    ValueError
        The processes were given different data, layers or options.
    """
    run.share = share
    if not run.speaks:
        run.options.verbose = 0
    own = _what_is_given(model, run)
    share.together(lambda: _compare(share, own, share.from_first(lambda: own)))
    layers, optimizer = [layer for layer in model.layers if layer.state_names], model.optimizer
    weights, states, steps, rng = share.from_first(lambda: (
        model.get_weights(), [layer.get_state() for layer in layers], optimizer.get_state(),
        run.rng.bit_generator.state,
    ))  # fmt: skip
    model.set_weights(weights)
    for layer, state in zip(layers, states):
        layer.set_state(state)
    optimizer.set_state(steps)
    run.rng.bit_generator.state = rng


def first_ahead(run: Run, function: Callable[[], None]) -> None:
    """Call the function on process 0, which compiles kernels, and then on the others, which find them on the disk."""
    share = run.share
    if share is None:
        return function()
    with run.interruption:
        if share.rank == 0:
            function()
        share.any(False)  # the others wait here
        if share.rank > 0:
            function()


def _what_is_given(model: Sequential, run: Run) -> dict[str, Any]:
    """Return what has to be the same on all processes; arrays as their shape and a checksum."""
    options = dict(vars(run.options))
    for name in ("validation_data", "sample_weight", "communicator", "verbose"):
        del options[name]
    options["callbacks"] = [type(callback).__name__ for callback in run.callbacks.callbacks]
    given = {"layers": model.layers, "dtype": model.dtype, "loss": model.loss, "metrics": model.metrics, **options}
    given["optimizer"] = type(model.optimizer).__name__, getattr(model.optimizer, "get_config", dict)()
    given = {name: re.sub(r" at 0x\w+", "", repr(value)) for name, value in given.items()}  # without addresses
    if run.rows is not None:
        arrays = {"x": run.source.x, "y": run.source.y, "weights of the rows": run.source.weights}
        given.update({name: _checksum(array) for name, array in arrays.items() if array is not None})
    return given


def _checksum(array: NDArray) -> str:
    """Return the shape, and a number that is another one where the first bytes of a sample of the rows differ."""
    sample = np.ascontiguousarray(array[:: max(1, len(array) // SAMPLE)])
    return f"{array.dtype}{array.shape} with the checksum {zlib.crc32(sample.tobytes()):08x}"


def _compare(share: Share, own: dict[str, Any], first: dict[str, Any]) -> None:
    for name in first:
        if own.get(name) != first[name]:
            raise ValueError(f"{name}: expected the same on all processes, got {shown(own.get(name))} on process "
                             f"{share.rank} and {shown(first[name])} on process 0; give all of them the same data in "
                             "the same order")
