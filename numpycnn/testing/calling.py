"""Checks of ``forward`` and ``backward``: shapes, dtypes, memory, the order of calls, what is refused, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import gradcheck, kernels
from .case import DTYPES, MEMORY, Case, expect, expect_close, expect_same, gradients, numbers, raises, step, values

ELEMENTS = 200  # of an array, at most; all of them count along random directions
ROWS = 64  # of the batch that is compared with its rows


def results_have_the_layers_dtype(case: Case) -> None:
    """y and dx have the dtype that the layer was built with, for inputs of any dtype."""
    for dtype in DTYPES:
        layer = case.built(dtype)
        for given in DTYPES:
            found = step(layer, *(a.astype(given) for a in numbers(layer)))
            dtypes = {name: str(np.asarray(a).dtype) for name, a in found.items()}
            expect(set(dtypes.values()) == {dtype}, f"{dtype} throughout for a {given} input", dtypes)


def dx_has_the_shape_of_x(case: Case) -> None:
    """dx has the shape of x for any batch size; one row is a batch, too."""
    layer = case.built()
    for batch in (3, 1, 2):
        x, dy = numbers(layer, batch)
        found = step(layer, x, dy)
        expect(found["y"].shape == dy.shape, f"y of shape {dy.shape}", found["y"].shape)
        expect(np.shape(found["dx"]) == x.shape, f"dx of shape {x.shape}", np.shape(found["dx"]))


def input_is_not_written_to(case: Case) -> None:
    """``forward`` and ``backward`` leave ``x`` as it was, in both modes."""
    layer = case.built()
    x, dy = numbers(layer)
    before = x.copy()
    for training in (False, True):
        layer.forward(x, training)
        expect_same({"x": x}, {"x": before}, f"after forward(x, training={training})")
    layer.backward(dy)
    expect_same({"x": x}, {"x": before}, "after backward")


def output_gradient_is_not_written_to(case: Case) -> None:
    """``backward`` leaves ``dy`` as it was."""
    layer = case.built()
    x, dy = numbers(layer)
    before = dy.copy()
    step(layer, x, dy)
    expect_same({"dy": dy}, {"dy": before}, "after backward")


def results_are_the_callers_own(case: Case) -> None:
    """The arrays that a layer outside of a model returned do not change at the next call."""
    layer = case.built()
    first = step(layer, *numbers(layer, seed=1))
    kept = {name: a.copy() for name, a in first.items()}
    step(layer, *numbers(layer, seed=5))
    layer.forward(numbers(layer, seed=9)[0])
    expect_same(first, kept, "after the next batch, in the arrays returned before")


def any_memory_gives_the_same_result(case: Case) -> None:
    """Read-only, strided, reversed, unaligned, byte-swapped arrays and nested lists give the same as plain ones."""
    layer = case.built()
    x, dy = numbers(layer)
    state = layer.get_state()
    expected = step(layer, x.copy(), dy.copy())
    for name, lay in MEMORY.items():
        layer.set_state(state)
        strange_x, strange_dy = lay(x), lay(dy)
        try:
            found = step(layer, strange_x, strange_dy)
        except Exception as error:
            expect(False, f"arrays in any memory to be taken ({name})", f"{type(error).__name__}: {error}")
        expect_same(found, expected, f"from {name}")
        untouched = np.array_equal(strange_x, x) and np.array_equal(strange_dy, dy)
        expect(untouched, f"x and dy as before from {name}", "others")


def integers_are_cast(case: Case) -> None:
    """Any real dtype is cast to the layer's: integers, booleans, float16."""
    layer = case.built()
    state = layer.get_state()
    x, dy = (np.abs(4 * a) for a in numbers(layer))
    for dtype in ("uint8", "int8", ">i2", "int64", "bool", "float16"):
        layer.set_state(state)
        expected = step(layer, x.astype(dtype).astype("float32"), dy.astype(dtype).astype("float32"))
        layer.set_state(state)
        expect_same(step(layer, x.astype(dtype), dy.astype(dtype)), expected, f"from {dtype} as from float32")


def other_things_than_numbers_are_refused(case: Case) -> None:
    """Complex numbers, text and objects raise TypeError, in both passes."""
    layer = case.built()
    x, dy = numbers(layer)
    for dtype in ("complex64", "U1", "object", "datetime64[s]"):
        with raises(TypeError, f"an input of dtype {dtype}"):
            layer.forward(np.zeros(x.shape, int).astype(dtype))
        layer.forward(x, training=True)
        with raises(TypeError, f"an output gradient of dtype {dtype}"):
            layer.backward(np.zeros(dy.shape, int).astype(dtype))


def inputs_of_another_shape_are_refused(case: Case) -> None:
    """Inputs of another shape raise ValueError, with the expected and the given shape in its message."""
    layer, shape = case.built(), case.input_shape
    expected = ", ".join(map(str, ("N", *shape)))
    for wrong in [(2, *shape, 1), (2, *shape[:-1], shape[-1] + 1), (2, *shape[:-1]), (2, shape[0] + 1, *shape[1:]), ()]:
        with raises(ValueError, f"an input of shape {wrong}", f"({expected})", str(wrong)):
            layer.forward(np.zeros(wrong))
    with raises(ValueError, "an input without the batch axis", f"({expected})"):
        layer.forward(np.zeros(shape))


def empty_batches_are_refused(case: Case) -> None:
    """An empty batch raises ValueError: there is no mean over no rows."""
    with raises(ValueError, "an empty batch"):
        case.built().forward(np.zeros((0, *case.input_shape)))


def output_gradients_of_another_shape_are_refused(case: Case) -> None:
    """A dy of another shape, or with other rows than the latest forward, raises ValueError; a right one then works."""
    layer = case.built()
    x, dy = numbers(layer)
    layer.forward(x, training=True)
    for wrong in (dy[..., None], dy[:2]):
        with raises(ValueError, f"an output gradient of shape {wrong.shape}, not {dy.shape}"):
            layer.backward(wrong)
    layer.backward(dy)


def a_layer_must_be_built_first(case: Case) -> None:
    """``forward`` raises RuntimeError before ``build``."""
    with raises(RuntimeError, "forward before build"):
        case.new().forward(np.zeros((1, *case.input_shape)))


def backward_needs_a_training_forward(case: Case) -> None:
    """``backward`` raises RuntimeError unless a ``forward(x, training=True)`` was the call before it."""
    layer = case.built()
    x, dy = numbers(layer)
    with raises(RuntimeError, "backward before any forward"):
        layer.backward(dy)
    layer.forward(x, training=True)
    layer.forward(x)
    with raises(RuntimeError, "backward after a prediction: what was kept belongs to another input"):
        layer.backward(dy)
    layer.forward(x, training=True)
    layer.build(case.input_shape, np.random.default_rng(0))
    with raises(RuntimeError, "backward after a new build"):
        layer.backward(dy)


def prediction_is_deterministic(case: Case) -> None:
    """``forward(x)`` twice gives the same bits: nothing random, no statistics of the batch that move."""
    layer = case.built()
    x, dy = numbers(layer)
    step(layer, x, dy)
    expect_same({"y": layer.forward(x)}, {"y": layer.forward(x)}, "from a second prediction")


def prediction_changes_nothing(case: Case) -> None:
    """``forward(x)`` leaves parameters and state alone."""
    layer = case.built()
    x, dy = numbers(layer)
    step(layer, x, dy)
    before = values(layer)
    state = str(layer.get_state())
    layer.forward(x)
    expect_same(values(layer), before, "after a prediction")
    expect(str(layer.get_state()) == state, "the same state after a prediction", layer.get_state())


def training_is_deterministic(case: Case) -> None:
    """From the same state the same batch gives the same bits; what moves is named in ``state_names``."""
    layer = case.built()
    x, dy = numbers(layer)
    state = layer.get_state()
    first = step(layer, x, dy)
    layer.set_state(state)
    expect_same(step(layer, x, dy), first, "from the same state again")


def rows_are_predicted_alone(case: Case) -> None:
    """A row in a batch of 64 is predicted as it is alone, except for rounding."""
    layer = case.built("float64")
    step(layer, *numbers(layer))
    x, _ = numbers(layer, ROWS)
    alone = np.concatenate([layer.forward(x[i : i + 1]) for i in range(ROWS)])
    expect_close({"y": alone}, {"y": layer.forward(x)}, f"for a row alone as among {ROWS}")


def rows_are_trained_alone(case: Case) -> None:
    """The same in training, where gradients are sums over rows; not for layers with a state (BatchNorm, Dropout)."""
    layer = case.built("float64")
    if layer.state_names:
        return
    x, dy = numbers(layer, 5)
    rows = [step(layer, x[i : i + 1], dy[i : i + 1]) for i in range(len(x))]
    expected = {name: np.sum([row[name] for row in rows], axis=0) for name in gradients(layer)}
    expected |= {name: np.concatenate([row[name] for row in rows]) for name in ("y", "dx")}
    expect_close(step(layer, x, dy), expected, "from a batch as from its rows", tolerance=1e-11)


def gradients_are_overwritten(case: Case) -> None:
    """``backward`` replaces each ``grad`` instead of adding to it: there is no zero_grad to forget."""
    layer = case.built()
    x, dy = numbers(layer)
    step(layer, x, dy)
    expected = gradients(layer)
    for p in layer.parameters:
        p.grad[...] = np.nan
    layer.backward(dy)
    expect_same(gradients(layer), expected, "whatever the gradient held before")


def gradients_stay_in_their_memory(case: Case) -> None:
    """``value`` and ``grad`` are written in place: in a model they are views of one long vector."""
    layer = case.built()
    arrays = [(p.name, p.value, p.grad) for p in layer.parameters]
    step(layer, *numbers(layer))
    for p, (name, value, grad) in zip(layer.parameters, arrays):
        expect(p.value is value and p.grad is grad, f"the same arrays in parameter {name}", "new ones")


def without_dx_the_gradients_are_the_same(case: Case) -> None:
    """``backward(dy, need_dx=False)`` returns None and computes the same gradients."""
    layer = case.built()
    x, dy = numbers(layer)
    step(layer, x, dy)
    expected = gradients(layer)
    for p in layer.parameters:
        p.grad[...] = np.nan
    returned = layer.backward(dy, need_dx=False)
    expect(returned is None, "None from backward(dy, need_dx=False)", type(returned).__name__)
    expect_same(gradients(layer), expected, "without dx")


def written_parameters_take_effect(case: Case) -> None:
    """``p.value[...] = ...`` takes effect at the next forward: no packed copy outlives it."""
    layer, other = case.built(seed=1), case.built(seed=2)
    x, dy = numbers(layer)
    state = layer.get_state()
    step(layer, x, dy)
    for mine, theirs in zip(layer.parameters, other.parameters):
        mine.value[...] = theirs.value
    layer.set_state(state)
    other.set_state(state)
    expect_same(step(layer, x, dy), step(other, x, dy), "from the same values, written into another layer's")


def used_again_memory_changes_nothing(case: Case) -> None:
    """A layer that keeps its work space from step to step, as in a model, gives the same bits as one that does not."""
    alone, keeping = case.built(), case.built()
    keeping.join_model()
    for batch in (4, 1, 6, 4):  # smaller and larger ones after another, predictions between
        x, dy = numbers(alone, batch, seed=batch)
        expect_same({"y": keeping.forward(x)}, {"y": alone.forward(x)}, f"with memory used again, batch of {batch}")
        expect_same(step(keeping, x, dy), step(alone, x, dy), f"with memory used again, batch of {batch}")


def threads_change_nothing(case: Case) -> None:
    """One thread gives the same bits as all threads."""
    if kernels.ops.active != "compiled" or kernels.get_num_threads() == 1:
        return
    threads, results = kernels.get_num_threads(), []
    try:
        for n in (1, threads):
            kernels.set_num_threads(n)
            layer = case.built()
            results.append(step(layer, *numbers(layer, 8)))
    finally:
        kernels.set_num_threads(threads)
    expect_same(results[0], results[1], f"on one thread as on {threads}")


def nan_stays_visible(case: Case) -> None:
    """A row of NaN gives NaN in its output, and an output gradient of NaN a NaN in every gradient."""
    layer = case.built()
    x, dy = numbers(layer)
    x[0] = np.nan
    with np.errstate(all="ignore"):
        for training in (False, True):
            y = layer.forward(x, training)[0]
            expect(np.isnan(y).any(), f"NaN in the output of a row of NaN, training={training}", y)
        layer.forward(numbers(layer, 8)[0], training=True)
        dx: Any = layer.backward(np.full((8, *layer.output_shape), np.nan))
    found = {"dx": dx, **gradients(layer)}
    lost = [name for name, a in found.items() if not np.isnan(a).any()]
    expect(not lost, "NaN in every gradient for an output gradient of NaN", f"none in {', '.join(lost)}")


def gradients_are_derivatives(case: Case) -> None:
    """dx and every parameter's gradient by central differences, in every element, or 200 of a large array."""
    report = gradcheck.check_layer(case.new(), case.input_shape, max_elements=ELEMENTS)
    _expect_passed(report, "gradients that are derivatives")


def frozen_it_passes_the_gradient_on(case: Case) -> None:
    """With ``trainable = False`` dx is the derivative as ever, and the parameters keep their bits."""
    layer = case.built()
    layer.trainable = False
    before = values(layer)
    step(layer, *numbers(layer))
    expect_same(values(layer), before, "after a step of the frozen layer")
    _expect_passed(gradcheck.check_layer(layer, max_elements=ELEMENTS), "dx that is the derivative")


def backward_is_the_adjoint(case: Case) -> None:
    """<dy, J v> = <J^T dy, v> for a batch of 64 along random directions; by complex steps where the layer can."""
    options: dict[str, Any] = {"batch_size": ROWS, "directions": 2, "seed": 1}
    try:
        if gradcheck.check_layer(case.new(), case.input_shape, method="complex", **options).passed:
            return
    except Exception:  # it computes in real numbers only
        pass
    _expect_passed(gradcheck.check_layer(case.new(), case.input_shape, **options), "<dy, J v> = <J^T dy, v>")


def _expect_passed(report: gradcheck.Report, expected: str) -> None:
    expect(report.passed, expected, "\n    ".join(str(row) for row in report.rows if not row.passed))


CHECKS = (
    results_have_the_layers_dtype, dx_has_the_shape_of_x, input_is_not_written_to, output_gradient_is_not_written_to,
    results_are_the_callers_own, any_memory_gives_the_same_result, integers_are_cast,
    other_things_than_numbers_are_refused, inputs_of_another_shape_are_refused, empty_batches_are_refused,
    output_gradients_of_another_shape_are_refused, a_layer_must_be_built_first, backward_needs_a_training_forward,
    prediction_is_deterministic, prediction_changes_nothing, training_is_deterministic, rows_are_predicted_alone,
    rows_are_trained_alone, gradients_are_overwritten, gradients_stay_in_their_memory,
    without_dx_the_gradients_are_the_same, written_parameters_take_effect, used_again_memory_changes_nothing,
    threads_change_nothing, nan_stays_visible, gradients_are_derivatives, frozen_it_passes_the_gradient_on,
    backward_is_the_adjoint,
)
