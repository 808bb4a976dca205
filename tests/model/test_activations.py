"""``Sequential.activations``: what each layer makes of the images, and nothing else happens."""

import numpy as np
import pytest
from small_models import make_images, small_cnn, small_stateful_cnn

from numpycnn import BatchNorm, Dense, Dropout, Sequential


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
@pytest.mark.parametrize("fused", [True, False])
def test_activations_are_the_layers_outputs_in_order(make, fused):
    model = make(fused=fused)
    x, y = make_images(6)
    model.fit(x, y, epochs=2, verbose=0)  # moving statistics that are not their starting values
    outputs = model.activations(x)
    assert [a.shape for a in outputs] == [(6, *layer.output_shape) for layer in model.layers]
    assert {a.dtype for a in outputs} == {np.dtype("float32")}
    expected = x
    for layer, output in zip(model.layers, outputs):
        expected = layer.forward(expected).copy()
        np.testing.assert_array_equal(output, expected)
    np.testing.assert_allclose(outputs[-1], model.forward(x), rtol=1e-5, atol=1e-6)


def test_activations_in_inference_by_hand():
    dropout, norm = Dropout(0.5), BatchNorm(epsilon=1.0)
    model = Sequential([dropout, norm], input_shape=(1,), seed=0, dtype="float64")
    norm.moving_mean[:], norm.moving_variance[:] = 3, 3
    kept, normed = model.activations([[5], [7]])
    np.testing.assert_array_equal(kept, [[5], [7]])
    np.testing.assert_allclose(normed, [[1], [2]], rtol=1e-15)  # (5 - 3) / sqrt(3 + 1), (7 - 3) / 2


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_activations_leave_a_due_backward_and_all_state_alone(make):
    model, undisturbed = make(), make()
    x, _ = make_images(5)
    other = make_images(9, seed=1)[0]
    other.flags.writeable = False
    for candidate in (model, undisturbed):
        candidate.forward(x, training=True)
    states = [layer.get_state() for layer in model.layers]
    for output in model.activations(other):
        output[:] = np.nan  # the caller's own
    for layer, state in zip(model.layers, states):
        np.testing.assert_equal(layer.get_state(), state)
    for candidate in (model, undisturbed):
        candidate.backward(np.ones((5, 4), np.float32))
    np.testing.assert_array_equal(model.arena.grads, undisturbed.arena.grads)
    np.testing.assert_array_equal(model.forward(x, training=True), undisturbed.forward(x, training=True))


def test_activations_ask_for_a_built_model_and_suitable_images():
    with pytest.raises(RuntimeError, match="activations: the model is not built"):
        Sequential([Dense(3)]).activations(np.zeros((1, 2)))
    model = small_cnn()
    with pytest.raises(ValueError, match=r"x\[None\]"):
        model.activations(np.zeros((12, 12, 1)))
    with pytest.raises(TypeError, match="real numbers"):
        model.activations(np.full((1, 12, 12, 1), "ink"))
