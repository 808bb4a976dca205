"""NaN and infinity: met within a step, and the place named."""

import math

import numpy as np
import pytest
from small_models import make_images, make_vectors, small_cnn, small_mlp, small_stateful_cnn

from numpycnn import SGD, Dense, Layer, MeanSquaredError, ReLU, Sequential, Tanh, TerminateOnNaN
from numpycnn.nonfinite import all_finite

# NumPy's own warnings, where its twins of the kernels run.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
BAD = pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])


def stopped(model, x, y, **options):
    """Train with TerminateOnNaN; return when and where it stopped."""
    callback = TerminateOnNaN()
    model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=[callback], **options)
    return callback.stopped, callback.place


@BAD
@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn, lambda: small_cnn(fused=False)])
def test_rows_of_the_data(make, bad):
    x, y = make_images(40)
    x[[13, 15], 3, 3] = bad
    place = "NaN or infinity in x, rows 13, 15 (fit(check_finite=True) looks before it trains)"
    assert stopped(make(), x, y, shuffle=False) == ((0, 1), place)
    at, place = stopped(make(), x, y)  # shuffled: in the batch that has the first of them
    assert at[0] == 0 and place.startswith("NaN or infinity in x, row") and "1" in place


def test_many_rows_and_targets():
    x, y = make_vectors(20)
    x[:] = math.inf
    assert "x, rows 0, 1, 2, 3, 4 and 3 more (" in stopped(small_mlp(), x, y, shuffle=False)[1]
    model = small_mlp()
    model.compile("adam", MeanSquaredError())
    targets = np.zeros((20, 3), np.float32)
    targets[9, 1] = math.nan
    place = stopped(model, np.zeros_like(x), targets, shuffle=False)[1]
    assert place == "NaN or infinity in y, row 9"  # which check_finite does not look at


@BAD
@pytest.mark.parametrize("fused", [True, False])
def test_a_weight_before_the_step(bad, fused):
    model = small_cnn(fused=fused)
    model.layers[3].parameters[0].value[1, 1, 2, 3] = bad
    at, place = stopped(model, *make_images())
    assert at == (0, 0) and place.startswith("NaN or infinity in layers[3], Conv2D(filters=8, kernel_size=(3, 3)), ")
    assert place.endswith(", weight: 1 of 432 numbers, before this step")


@pytest.mark.parametrize("fused", [True, False])
def test_a_layer_whose_numbers_grow_too_large(fused):
    model = small_cnn(fused=fused)
    model.layers[6].parameters[0].value[...] = 3e38
    at, place = stopped(model, *make_images())
    assert at == (0, 0) and place == "layers[6], Dense(units=16), makes NaN or infinity of finite numbers"


def test_the_loss_itself():
    model = Sequential([Dense(2)], input_shape=(2,), seed=0)
    model.compile(SGD(0.0), MeanSquaredError())
    at, place = stopped(model, np.full((8, 2), 1e30), np.zeros((8, 2)))
    assert at == (0, 0) and place.startswith("MeanSquaredError() makes NaN or infinity of finite outputs, the largest ")


class Faulty(Layer):
    """Passes everything on, but its gradient is NaN, or too large for float32."""

    def __init__(self, gradient):
        self.gradient = gradient

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        return x

    def backward(self, dy, need_dx=True):
        return np.full_like(dy, self.gradient)


@pytest.mark.parametrize("gradient", [math.nan, 3e38])
def test_a_gradient_is_met_in_the_step_where_the_loss_is_still_finite(gradient):
    model = Sequential([Dense(5), Tanh(), Faulty(gradient), ReLU(), Dense(3)], input_shape=(6,), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    at, place = stopped(model, *make_vectors(24))
    assert at == (0, 0) and "the gradient of layers[0], Dense(units=5), " in place and " numbers" in place


def test_a_weight_after_the_step():
    model = Sequential([Dense(3)], input_shape=(6,), seed=0)
    model.compile(SGD(1e38), "sparse_categorical_crossentropy")
    x, y = make_vectors(24)
    at, place = stopped(model, 1e2 * x, y)
    assert at == (0, 0) and place.startswith("layers[0], Dense(units=3), ") and model.optimizer.steps == 1


def test_without_the_callback_fit_warns_once_and_goes_on():
    x, y = make_images(40)
    x[13] = math.nan
    model = small_cnn()
    message = r"in epoch 1, batch 2.*TerminateOnNaN.*: NaN or infinity in x, row 13 "
    with pytest.warns(RuntimeWarning, match=message) as caught:
        history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False)
    assert len(caught) == 1 and caught[0].filename == __file__ and np.isnan(history.history["loss"]).all()
    assert model.nonfinite.startswith("NaN or infinity in x, row 13 ")
    with pytest.warns(RuntimeWarning, match=r"layers\[8\], Dense\(units=4\), bias: 4 of 4 numbers, before this step"):
        model.fit(make_images()[0], y, batch_size=8, verbose=0)


@pytest.mark.parametrize("gradient", [math.nan, 3e38])
def test_weights_that_the_last_step_spoils_are_warned_of(gradient):
    model = Sequential([Dense(5), Tanh(), Faulty(gradient), ReLU(), Dense(3)], input_shape=(6,), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    message = r"weights are not finite.*the gradient of layers\[0\], Dense\(units=5\), \w+: \d+ of \d+ .* last step"
    with pytest.warns(RuntimeWarning, match=message) as caught, np.errstate(all="ignore"):  # NumPy's twins warn, too
        history = model.fit(*make_vectors(8), batch_size=8, verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert np.isfinite(history.history["loss"]).all() and model.nonfinite in str(caught[0].message)


def test_train_on_batch_warns_once():
    x, y = make_images(8)
    x[3] = math.nan
    model = small_cnn()
    with pytest.warns(RuntimeWarning, match="in train_on_batch.*: NaN or infinity in x, row 3 ") as caught:
        model.train_on_batch(x, y)
        model.train_on_batch(x, y)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_compile_forgets_what_was_met_before():
    """A model that is compiled anew says what it meets, again."""
    x, y = make_vectors(8)
    x[3] = math.nan
    model = small_mlp(optimizer=SGD(0.0))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="NaN or infinity in x, row 3 "):
            model.train_on_batch(x, y)
        assert model.nonfinite.startswith("NaN or infinity in x, row 3 ")
        model.compile(SGD(0.0), "sparse_categorical_crossentropy")
        assert model.nonfinite is None
        model.set_weights(small_mlp().get_weights())


def test_looking_for_the_place_changes_nothing():
    x, y = make_images(24)
    x[13] = math.nan
    models = [small_stateful_cnn(), small_stateful_cnn()]
    models[0].nonfinite = "known: nobody looks"
    models[0].train_on_batch(x, y)
    with pytest.warns(RuntimeWarning):
        models[1].train_on_batch(x, y)
    states = [[layer.get_state() for layer in model.layers] for model in models]
    assert repr(states[0]) == repr(states[1])


def test_a_sound_training_is_never_suspected(recwarn):
    model = small_cnn()
    assert stopped(model, *make_images()) == (None, None) and model.nonfinite is None and not recwarn


def test_all_finite():
    vector = np.full(1000, 3e38, np.float32)  # the sum is infinity, no number is
    assert all_finite(vector) and all_finite(vector[:0])
    for bad in (math.nan, math.inf, -math.inf):
        assert not all_finite(np.array([1, bad, 2], np.float32))
    assert not all_finite(np.array([math.inf, -math.inf]))
