"""Checks of ``build``, of configuration and of what a layer keeps: parameters, state, copies, files."""

from __future__ import annotations

import copy
import inspect
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..memory.parameter import Parameter
from ..model import Sequential
from .case import DTYPES, Case, expect, expect_close, expect_same, numbers, raises, step, values


def build_returns_the_shape_of_the_output(case: Case) -> None:
    """``build`` returns the shape of ``forward``'s output, without the batch axis, and ``output_shape`` is the same."""
    layer = case.new()
    returned = layer.build(case.input_shape, np.random.default_rng(0))
    expect(isinstance(returned, tuple), "a tuple from build", repr(returned))
    expect(layer.output_shape == returned, f"output_shape {returned}, as build returned", layer.output_shape)
    y = layer.forward(np.ones((2, *case.input_shape)))
    expect(y.shape == (2, *returned), f"an output of shape {(2, *returned)}, as build promised", y.shape)


def build_sets_what_it_was_given(case: Case) -> None:
    """``build`` sets ``input_shape``, ``dtype`` and ``built``."""
    for dtype in DTYPES:
        layer = case.new()
        layer.build(list(case.input_shape), np.random.default_rng(0), dtype)  # type: ignore[arg-type]
        found = (layer.built, layer.input_shape, layer.dtype)
        expect(found == (True, case.input_shape, dtype), f"built, {case.input_shape}, {dtype}", found)


def build_refuses_bad_shapes(case: Case) -> None:
    """``build`` refuses a shape that is not made of positive integers."""
    for wrong in (None, "ab", 28, (None, 3), (0, 4, 4), (-1,), (2.5, 4), (True, 4)):
        with raises((TypeError, ValueError), f"build({wrong!r})"):
            case.new().build(wrong)  # type: ignore[arg-type]


def build_refuses_other_dtypes(case: Case) -> None:
    """``build`` takes float32 and float64 only; another dtype raises TypeError."""
    for wrong in ("int32", "float16", "complex64", None):
        with raises(TypeError, f"dtype {wrong!r}"):
            case.new().build(case.input_shape, np.random.default_rng(0), wrong)  # type: ignore[arg-type]


def build_again_starts_again(case: Case) -> None:
    """A second ``build`` makes new parameters in the place of the old ones."""
    layer = case.new()
    layer.build(case.input_shape, np.random.default_rng(0))
    first = values(layer)
    layer.build(case.input_shape, np.random.default_rng(0))
    expect(len(layer.parameters) == len(first), f"{len(first)} parameters after a second build", len(layer.parameters))
    expect_same(values(layer), first, "after a second build from the same seed")


def parameters_are_parameters(case: Case) -> None:
    """``parameters`` is a tuple of ``Parameter``, each with a name of its own, in the layer's dtype, C-contiguous."""
    for dtype in DTYPES:
        parameters = case.built(dtype).parameters
        expect(isinstance(parameters, tuple), "a tuple of parameters", type(parameters).__name__)
        expect(all(isinstance(p, Parameter) for p in parameters), "instances of Parameter", parameters)
        names = [p.name for p in parameters]
        expect(len(set(names)) == len(names), "a different name for each parameter", names)
        for p in parameters:
            fits = p.value.dtype == p.grad.dtype == dtype and p.value.flags.c_contiguous
            expect(fits, f"{p.name} and its gradient in {dtype}, C-contiguous", (p.value.dtype, p.grad.dtype))
            expect(np.isfinite(p.value).all(), f"finite starting values of {p.name}", p.value)


def same_seed_same_start(case: Case) -> None:
    """The starting values follow from the generator given to ``build``."""
    starts = [_start(case, np.random.default_rng(3)) for _ in range(2)]
    expect_same(starts[1], starts[0], "from the same seed")


def another_seed_another_start(case: Case) -> None:
    """Random starting values differ between seeds, and between two layers built from one generator."""
    rng = np.random.default_rng(3)
    first, second, other = _start(case, rng), _start(case, rng), _start(case, np.random.default_rng(4))
    for name, value in first.items():
        if value.size and (value == value.flat[0]).all():
            continue  # zeros, ones: not random
        expect(not np.array_equal(value, other[name]), f"another {name} from another seed", "the same")
        expect(not np.array_equal(value, second[name]), f"another {name} in a second layer", "the same")


def _start(case: Case, rng: np.random.Generator) -> dict[str, Any]:
    layer = case.new()
    layer.build(case.input_shape, rng)
    return values(layer)


def no_global_random_numbers(case: Case) -> None:
    """All randomness comes from the generator given to ``build``; ``np.random.<function>`` is left alone."""
    before = str(np.random.get_state())
    layer = case.built()
    step(layer, *numbers(layer))
    expect(str(np.random.get_state()) == before, "NumPy's global generator untouched", "a call of np.random.<function>")


def defaults_of_the_calls(case: Case) -> None:
    """``forward(x, training=False)`` and ``backward(dy, need_dx=True)``."""
    for method, name, default in (("forward", "training", False), ("backward", "need_dx", True)):
        found = inspect.signature(getattr(case.layer, method)).parameters.get(name)
        expect(found is not None and found.default is default, f"{method}(..., {name}={default})", found)


def configuration_makes_an_equal_layer(case: Case) -> None:
    """``type(layer)(**layer.get_config())`` is the same layer again: same configuration, text and results."""
    layer = case.new()
    config = layer.get_config()
    twin = type(layer)(**config)
    expect(twin.get_config() == config, f"the configuration {config}", twin.get_config())
    expect(repr(twin) == repr(layer), repr(layer), repr(twin))
    accepted = set(inspect.signature(type(layer)).parameters)
    expect(set(config) == accepted, f"every argument of __init__ in get_config: {sorted(accepted)}", sorted(config))
    other = Case(twin, case.input_shape).built()
    layer = case.built()
    expect_same(step(other, *numbers(layer)), step(layer, *numbers(layer)), "from a layer made of the configuration")


def text_names_the_class(case: Case) -> None:
    """``repr`` begins with the name of the class, built or not."""
    for layer in (case.new(), case.built()):
        expect(repr(layer).startswith(f"{type(layer).__name__}("), f"{type(layer).__name__}(...)", repr(layer))


def state_goes_to_another_layer(case: Case) -> None:
    """``get_state`` of one, ``set_state`` of another: with the same parameters both give the same, in both modes."""
    layer, other = case.built(seed=1), case.built(seed=2)
    x, _ = numbers(layer)
    layer.forward(x, training=True)  # statistics move, random numbers are used up
    state = layer.get_state()
    expect(set(state) == set(layer.state_names), f"the state {sorted(layer.state_names)}", sorted(state))
    other.set_state(copy.deepcopy(state))
    for mine, source in zip(other.parameters, layer.parameters):
        mine.value = source.value
    for training in (False, True):
        found = {"y": other.forward(x, training)}
        expect_same(found, {"y": layer.forward(x, training)}, f"after set_state, training={training}")


def state_is_a_copy(case: Case) -> None:
    """What ``get_state`` returned does not change when the layer goes on."""
    layer = case.built()
    state = layer.get_state()
    before = str(state)
    layer.forward(numbers(layer)[0], training=True)
    expect(str(state) == before, "a state that stays as it was", "one that changed with the layer")


def copies_are_independent(case: Case) -> None:
    """A deep copy computes the same, shares no memory, and has not seen the latest batch."""
    layer = case.built()
    x, dy = numbers(layer)
    layer.forward(x, training=True)
    twin = copy.deepcopy(layer)
    with raises(RuntimeError, "backward of a copy that has seen no batch"):
        twin.backward(dy)
    state = layer.get_state()
    expected = step(layer, x, dy)
    expect_same(step(twin, x, dy), expected, "from a copy")
    for p in twin.parameters:
        p.value[...] = 7
    layer.set_state(state)
    expect_same(step(layer, x, dy), expected, "after the copy's parameters were changed")


def saved_and_loaded_predicts_the_same(case: Case) -> None:
    """``Sequential([layer]).save`` and ``Sequential.load`` give the same predictions, to the bit."""
    model = Sequential([case.new()], input_shape=case.input_shape, seed=0)
    x, _ = numbers(model.layers[0], 5)
    model.forward(x, training=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        model.save(path)
        loaded = Sequential.load(path, custom_layers=[type(case.layer)])
    expect_same({"y": loaded.forward(x)}, {"y": model.forward(x)}, "after saving and loading")


def in_a_model_it_computes_the_same(case: Case) -> None:
    """In ``Sequential``, fused or not, it gives the same; there memory is used again, and parameters are views."""
    models = [
        Sequential([case.new()], input_shape=case.input_shape, seed=0, dtype="float64", fused=fused)
        for fused in (False, True)
    ]
    alone = case.new()
    alone.build(case.input_shape, np.random.default_rng(0), "float64")
    for mine, theirs in zip(alone.parameters, models[0].parameters):
        mine.value = theirs.value
    alone.set_state(models[0].layers[0].get_state())
    for batch in (4, 1, 6, 4):  # smaller and larger ones after another
        x, dy = numbers(alone, batch, seed=batch)
        expected = step(alone, x, dy)
        for model in models:
            found: dict[str, Any] = {"y": model.forward(x, training=True), "dx": model.backward(dy, need_dx=True)}
            found.update({f"{p.name}.grad": p.grad for p in model.parameters})
            expect_close(found, expected, f"in Sequential(fused={model.fused}), batch of {batch}")


CHECKS = (
    build_returns_the_shape_of_the_output, build_sets_what_it_was_given, build_refuses_bad_shapes,
    build_refuses_other_dtypes, build_again_starts_again, parameters_are_parameters, same_seed_same_start,
    another_seed_another_start, no_global_random_numbers, defaults_of_the_calls, configuration_makes_an_equal_layer,
    text_names_the_class, state_goes_to_another_layer, state_is_a_copy, copies_are_independent,
    saved_and_loaded_predicts_the_same, in_a_model_it_computes_the_same,
)
