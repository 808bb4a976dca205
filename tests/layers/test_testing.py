"""``numpycnn.testing.check_layer``: right layers pass, and every check rejects a layer that breaks its rule."""

import copy
import re

import numpy as np
import pytest
import wrong_layers as wrong
from wrong_layers import BatchMeanInTraining, Centred, Right, SlightlyWrong

from numpycnn import BatchNorm, Conv2D, Dense, Layer, Sequential, kernels, testing
from numpycnn.testing import CHECKS, ContractError, check_layer

SHAPE = (4, 3)

WRONG = {
    "build_returns_the_shape_of_the_output": wrong.PromisesAnotherShape,
    "build_sets_what_it_was_given": wrong.KeepsAList,
    "build_refuses_bad_shapes": wrong.TakesAnyShape,
    "build_refuses_other_dtypes": wrong.TakesAnyDtype,
    "build_again_starts_again": wrong.RemembersItsBuilds,
    "parameters_are_parameters": wrong.ParametersInAList,
    "same_seed_same_start": wrong.ItsOwnGenerator,
    "another_seed_another_start": wrong.TheSameSeedForAll,
    "no_global_random_numbers": wrong.GlobalRandomNumbers,
    "defaults_of_the_calls": wrong.TrainsByDefault,
    "configuration_makes_an_equal_layer": wrong.DoublesItsArgument,
    "text_names_the_class": wrong.NamelessText,
    "state_goes_to_another_layer": wrong.UnnamedState,
    "state_is_a_copy": wrong.StateOfTheLayerItself,
    "copies_are_independent": wrong.SharedByCopies,
    "saved_and_loaded_predicts_the_same": wrong.NamedLikeAnother,
    "in_a_model_it_computes_the_same": wrong.KeepsTheFirstGradient,
    "results_have_the_layers_dtype": wrong.AlwaysDouble,
    "dx_has_the_shape_of_x": wrong.FlatGradient,
    "input_is_not_written_to": wrong.ScalesItsInput,
    "output_gradient_is_not_written_to": wrong.ScalesTheGradient,
    "results_are_the_callers_own": wrong.OneBufferForAll,
    "any_memory_gives_the_same_result": wrong.ReadsTheBytes,
    "integers_are_cast": wrong.FloatsOnly,
    "other_things_than_numbers_are_refused": wrong.TakesAnything,
    "inputs_of_another_shape_are_refused": wrong.ResizesItsInput,
    "empty_batches_are_refused": wrong.TakesEmptyBatches,
    "output_gradients_of_another_shape_are_refused": wrong.ResizesTheGradient,
    "a_layer_must_be_built_first": wrong.BuildsItself,
    "backward_needs_a_training_forward": wrong.KeepsThePrediction,
    "prediction_is_deterministic": wrong.Noisy,
    "prediction_changes_nothing": wrong.FollowsPredictions,
    "training_is_deterministic": wrong.UnnamedNoise,
    "rows_are_predicted_alone": wrong.BatchMeanInPrediction,
    "rows_are_trained_alone": wrong.BatchMeanInTraining,
    "gradients_are_overwritten": wrong.Accumulates,
    "gradients_stay_in_their_memory": wrong.NewGradientArrays,
    "without_dx_the_gradients_are_the_same": wrong.NothingWithoutDx,
    "written_parameters_take_effect": wrong.PackedParameters,
    "used_again_memory_changes_nothing": wrong.OneNameForTwoArrays,
    "threads_change_nothing": wrong.DependsOnThreads,
    "nan_stays_visible": wrong.SwallowsNaN,
    "gradients_are_derivatives": wrong.SlightlyWrong,
    "frozen_it_passes_the_gradient_on": wrong.NoGradientWhenFrozen,
    "backward_is_the_adjoint": wrong.FirstRowsOnly,
}


def test_there_are_at_least_25_checks_each_with_a_rule():
    assert len(CHECKS) >= 25
    assert all(function.__doc__ for function in CHECKS.values())
    assert set(WRONG) == set(CHECKS), "a wrong layer for each check"


@pytest.mark.parametrize("layer", [Right(), Right(3.0), Centred()], ids=str)
def test_a_right_layer_of_ones_own_passes(layer):
    assert check_layer(layer, SHAPE) == list(CHECKS)
    assert not layer.built and layer.parameters == ()


@pytest.mark.parametrize("name", WRONG)
def test_every_check_rejects_a_layer_that_breaks_its_rule(name):
    if name == "threads_change_nothing" and (kernels.jit_disabled() or kernels.get_num_threads() == 1):
        pytest.skip("one thread only")
    with pytest.raises(ContractError) as caught:
        check_layer(WRONG[name](), SHAPE)
    assert name in caught.value.failures
    message = str(caught.value)
    assert "breaks the contract of a layer" in message and f"\n  {name}: expected " in message and ", got " in message
    assert f"{len(caught.value.failures)} of {len(CHECKS)} checks failed" in message


@pytest.mark.parametrize("bad", [None, "ab", 28, (None, 3), (0, 4, 4), (-1,), (2.5, 4), (True, 4)], ids=repr)
def test_each_bad_shape_is_tried(bad):
    class TakesIt(Right):
        pass

    TakesIt.build = lambda self, shape, *others: Layer.build(self, (1,) if repr(shape) == repr(bad) else shape, *others)
    with pytest.raises(ContractError, match=re.escape(f"build({bad!r})")):
        check_layer(TakesIt(), SHAPE, checks=["build_refuses_bad_shapes"])


@pytest.mark.parametrize("bad", ["int32", "float16", "complex64", None])
def test_each_bad_dtype_is_tried(bad):
    class TakesIt(Right):
        pass

    TakesIt.build = lambda self, shape, rng, dtype: Layer.build(self, shape, rng, "float32" if dtype == bad else dtype)
    with pytest.raises(ContractError, match=f"dtype {bad!r}"):
        check_layer(TakesIt(), SHAPE, checks=["build_refuses_other_dtypes"])


def test_what_a_layer_draws_for_itself_belongs_to_its_state():
    class DrawsItsFactor(Right):
        def setup(self, rng):
            self.factor = 1 + rng.random()
            return super().setup(rng)

    with pytest.raises(ContractError, match="state_goes_to_another_layer"):
        check_layer(DrawsItsFactor(), SHAPE, checks=["state_goes_to_another_layer"])


def test_all_failures_are_told():
    class Hopeless(SlightlyWrong):
        def __repr__(self):
            return "layer"

    with pytest.raises(ContractError) as caught:
        check_layer(Hopeless(), SHAPE)
    failures = caught.value.failures
    assert {"text_names_the_class", "gradients_are_derivatives", "backward_is_the_adjoint"} <= set(failures)
    assert "scaled by 1.001" in failures["gradients_are_derivatives"]


def test_an_unexpected_error_is_a_failure_with_its_text():
    class Fails(Right):
        def forward(self, x, training=False):
            raise KeyError("nothing here")

    with pytest.raises(ContractError, match="nan_stays_visible: expected no error, got KeyError: 'nothing here'"):
        check_layer(Fails(), SHAPE)


def test_checks_can_be_chosen_and_skipped():
    assert check_layer(SlightlyWrong(), SHAPE, checks=["nan_stays_visible"]) == ["nan_stays_visible"]
    names = check_layer(BatchMeanInTraining(), SHAPE, skip=["rows_are_trained_alone"])
    assert names == [name for name in CHECKS if name != "rows_are_trained_alone"]
    for options in ({"checks": ["nan"]}, {"skip": ["nan"]}):
        with pytest.raises(ValueError, match="expected one of .build_returns_the_shape_of_the_output., .* got 'nan'"):
            check_layer(Right(), SHAPE, **options)


def test_a_built_layer_stays_as_it_is():
    model = Sequential([Conv2D(2, 3), BatchNorm()], input_shape=(5, 4, 1), seed=0)
    values = model.arena.values.copy()
    for layer in model.layers:
        check_layer(layer, (5, 4, 1))
    np.testing.assert_array_equal(model.arena.values, values)
    assert not model.arena.grads.any() and model.layers[0].built


def test_what_is_no_layer_or_no_shape_says_so():
    with pytest.raises(TypeError, match=r"expected a layer, got .*Dense'>; write it with parentheses"):
        check_layer(Dense, (3,))
    with pytest.raises(TypeError, match="expected a layer, got 'Dense'"):
        check_layer("Dense", (3,))
    with pytest.raises(TypeError, match="expected an input shape"):
        check_layer(Dense(2), 3)


def test_the_error_is_an_assertion_and_can_be_copied():
    with pytest.raises(AssertionError) as caught:
        check_layer(SlightlyWrong(), SHAPE, checks=["gradients_are_derivatives"])
    assert isinstance(caught.value, testing.ContractError)
    assert copy.copy(caught.value.failures).keys() == {"gradients_are_derivatives"}


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_a_layer_that_makes_nan_of_some_numbers_fails_in_its_gradients_alone():
    class SquareRoot(Layer):
        def forward(self, x, training=False):
            y = np.sqrt(self.check_input(x))
            self.save_for_backward(training, len(y), y)
            return y

        def backward(self, dy, need_dx=True):
            dx = self.check_output_gradient(dy) / (2 * self.saved[0])
            return dx if need_dx else None

    with pytest.raises(ContractError, match="give check_layer an x of such") as caught:
        testing.check_layer(SquareRoot(), (4,))
    assert set(caught.value.failures) == {
        "gradients_are_derivatives", "frozen_it_passes_the_gradient_on", "backward_is_the_adjoint",
    }  # fmt: skip
    testing.check_layer(SquareRoot(), (4,), skip=caught.value.failures)
