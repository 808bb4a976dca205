"""Layers of one's own: what an author writes, what is refused, and how a layer relates to a model."""

import copy
import pickle

import numpy as np
import pytest

from numpycnn import BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU, Sequential, testing


class Scale(Layer):
    """y = factor * gain * x, with one gain a channel."""

    def __init__(self, factor, start="ones"):
        self.factor = factor
        self.start = start

    def setup(self, rng):
        self.add_parameter("gain", self.input_shape[-1:], self.start, rng)
        return self.input_shape

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.save_for_backward(training, len(x), x)
        return self.factor * self.parameters[0].value * x

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        (x,) = self.saved
        gain = self.parameters[0]
        gain.grad = self.factor * (dy * x).sum(axis=tuple(range(dy.ndim - 1)))
        return self.factor * gain.value * dy if need_dx else None


def test_a_layer_of_ones_own():
    layer = Scale(2.0)
    assert layer.build((2,), dtype="float64") == (2,)
    layer.parameters[0].value = [1, 3]
    assert layer.forward([[1, 1], [2, 0]], training=True).tolist() == [[2, 6], [4, 0]]
    assert layer.saved[0].tolist() == [[1, 1], [2, 0]]
    assert layer.backward(np.array([[1, 1], [1, 1]])).tolist() == [[2, 6], [2, 6]]
    assert layer.parameters[0].grad.tolist() == [6, 2]  # 2 * (1 + 2), 2 * (1 + 0)
    assert repr(layer) == "Scale(factor=2.0)" and layer.get_config() == {"factor": 2.0, "start": "ones"}
    layer.forward([[1, 1]])
    assert layer.saved is None


def of_setup(setup, **more):
    body = {"setup": setup, "forward": lambda self, x, training=False: None, **more}
    return type("Mine", (Layer,), body)()


@pytest.mark.parametrize(("setup", "more", "error", "says"), [
    (lambda self, rng: [self.add_parameter("a", (1,), "ones", rng) for _ in range(2)], {}, ValueError,
     "expected another name for this parameter, 'a' is taken"),
    (lambda self, rng: self.add_parameter("mean", (1,), "ones", rng), {"state_names": ("mean",)}, ValueError,
     "expected another name for this parameter, 'mean' is taken"),
    (lambda self, rng: self.add_parameter("a", 1, "ones", rng), {}, TypeError, "the shape of a as a tuple"),
])  # fmt: skip
def test_slips_in_setup_are_told(setup, more, error, says):
    with pytest.raises(error, match=says):
        of_setup(setup, **more).build((5,))


def test_an_argument_that_is_kept_under_another_name_is_told():
    class Renamed(Layer):
        def __init__(self, factor=2.0):
            self.f = factor

    with pytest.raises(AttributeError, match="Renamed.__init__: expected the argument factor kept as self.factor"):
        repr(Renamed())


def test_a_forward_that_returns_nothing_is_told():
    forgetful = of_setup(lambda self, rng: self.input_shape)
    with pytest.raises(TypeError, match="input: expected an array of real numbers, got None"):
        Sequential([forgetful, Dense(2)], input_shape=(5,)).forward(np.ones((1, 5)))


def test_the_layer_in_the_docstring_keeps_the_contract():
    example = Layer.__doc__[Layer.__doc__.index(">>> class Scale") :]
    code = "\n".join(line.strip()[4:] for line in example.splitlines() if line.strip().startswith((">>>", "...")))
    names = {"Layer": Layer}
    exec(code, names)
    testing.check_layer(names["Scale"](), (5,))


@pytest.mark.parametrize("hook", ["_build", "build"])
def test_a_hook_that_nobody_would_call_is_refused_where_the_class_is_made(hook):
    message = rf"Mine defines {hook}, but .* is setup\(self, rng\).* Rename the method"
    with pytest.raises(TypeError, match=message):
        type("Mine", (Layer,), {hook: lambda self, rng: self.input_shape})
    with pytest.raises(TypeError, match=message):  # over a layer of the package
        type("Mine", (Dense,), {hook: lambda self, rng: self.input_shape})
    mixin = type("Mixin", (), {hook: lambda self, rng: self.input_shape})
    with pytest.raises(TypeError, match=message):  # from a class that is no layer
        type("Mine", (mixin, Layer), {})


@pytest.mark.parametrize("name, method, arguments", [
    ("forward", lambda self, x: x, r"x, training=False\), got forward\(self, x\)"),
    ("forward", lambda self, x, train: x, r"x, training=False\), got forward\(self, x, train\)"),
    ("backward", lambda self, dy: dy, r"dy, need_dx=True\), got backward\(self, dy\)"),
])  # fmt: skip
def test_a_method_with_other_arguments_is_refused_where_the_class_is_made(name, method, arguments):
    with pytest.raises(TypeError, match=rf"Mine: expected {name}\(self, {arguments}"):
        type("Mine", (Layer,), {name: method})
    type("Mine", (Layer,), {name: lambda self, *args, **options: args[0]})


def test_a_forward_that_keeps_nothing_is_told_what_keeps():
    class Forgetful(Layer):
        def forward(self, x, training=False):
            return self.check_input(x)

        def backward(self, dy, need_dx=True):
            return self.check_output_gradient(dy)

    model = Sequential([Forgetful(), Dense(2)], input_shape=(5,))
    model.forward(np.ones((1, 5)), training=True)
    with pytest.raises(RuntimeError, match=r"right before it, which calls self.save_for_backward"):
        model.backward(np.ones((1, 2)), need_dx=True)


def test_a_state_name_that_is_no_tuple_is_refused_where_the_class_is_made():
    with pytest.raises(TypeError, match="Mine.state_names: expected a tuple of names, got 'mean'"):
        type("Mine", (Layer,), {"state_names": ("mean")})


@pytest.mark.parametrize(
    ("returned", "error"),
    [(None, TypeError), (3, TypeError), ([3], TypeError), ((2.5,), TypeError), ((0, 3), ValueError)],
)
def test_setup_has_to_return_a_shape(returned, error):
    layer = type("Mine", (Layer,), {"setup": lambda self, rng: returned})()
    with pytest.raises(error, match=r"Mine\(\): expected setup to return .*, got "):
        layer.build((3,))
    assert not layer.built


def test_what_a_layer_must_define_is_named():
    layer = Layer()
    layer.build((3,))
    with pytest.raises(NotImplementedError, match=r"Layer has to define forward\(x, training=False\)"):
        layer.forward(np.zeros((1, 3)))
    with pytest.raises(NotImplementedError, match=r"Layer has to define backward\(dy, need_dx=True\)"):
        layer.backward(np.zeros((1, 3)))


def test_the_text_of_a_layer_whose_configuration_has_other_keys_than_its_arguments():
    class More(Scale):
        def get_config(self):
            return {**super().get_config(), "added": 5}

    class Fewer(Scale):
        def get_config(self):
            return {"start": self.start}

    assert repr(More(2.0)) == "More(factor=2.0, added=5)"
    assert repr(Fewer(2.0)) == "Fewer()" and repr(Fewer(2.0, "zeros")) == "Fewer(start='zeros')"


# -- starting values from a file -------------------------------------------------------------------------


def test_stored_arrays_take_the_place_of_random_values():
    layer, weight = Dense(2), np.arange(6.0).reshape(3, 2)
    stored = {"weight": weight, "bias": np.array([7.0, 8]), "more": np.zeros(1)}
    layer.build((3,), dtype="float64", stored=stored)
    assert layer.parameters[0].value.tolist() == weight.tolist()
    assert layer.parameters[1].value.tolist() == [7, 8]
    assert list(stored) == ["more"]  # the parameters took their own
    layer.parameters[0].value[0] = 9
    assert weight[0, 0] == 0
    layer.build((3,), np.random.default_rng(0))
    assert not layer.parameters[1].value.any()  # a later build starts anew


def test_stored_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="the file has no bias"):
        Dense(2).build((3,), stored={"weight": np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"expected starting values of shape \(3, 2\) for weight, got \(2, 3\)"):
        Dense(2).build((3,), stored={"weight": np.zeros((2, 3)), "bias": np.zeros(2)})
    layer = Dense(2)
    with pytest.raises(ValueError, match="the file has no weight"):
        layer.build((3,), stored={})
    layer.build((3,))  # what was given is forgotten after an error, too
    assert layer.built


# -- in a model ------------------------------------------------------------------------------------------


def small_model():
    layers = [Conv2D(2, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.5), Dense(3)]
    model = Sequential(layers, input_shape=(6, 6, 1), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


X, LABELS = np.random.default_rng(0).standard_normal((8, 6, 6, 1)).astype("float32"), np.arange(8) % 3


def everything_in(model):
    """Return copies of all numbers that a model trains or remembers."""
    arrays = [p.value.copy() for p in model.parameters]
    return arrays + [str(layer.get_state()) for layer in model.layers]


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


def test_a_layer_knows_whether_a_model_holds_it():
    layer = Dense(3)
    assert not layer.in_model
    layer.build((4,))
    assert not layer.in_model
    model = Sequential([layer], seed=0)
    assert not layer.in_model  # not yet: it is not built
    model.build((4,))
    assert layer.in_model
    with pytest.raises(RuntimeError, match="is in a built model.*build a copy"):
        layer.build(layer.input_shape)
    with pytest.raises(ValueError, match="is in a model already"):
        Sequential([layer])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_a_copied_layer_is_in_no_model_and_learns_alone(copied):
    model = small_model()
    model.forward(X, training=True)
    before = everything_in(model)
    layers = [copied(layer) for layer in model.layers]
    assert not any(layer.in_model for layer in layers) and all(layer.in_model for layer in model.layers)
    assert all(layer.saved is None for layer in layers)
    assert_same([p.value for layer in layers for p in layer.parameters], before[: len(model.parameters)])
    for layer in layers:
        for p in layer.parameters:
            p.value[...] += 1  # before it is put anywhere
    assert_same(everything_in(model), before)

    other = Sequential(layers, input_shape=(6, 6, 1), seed=1)
    other.compile("sgd", "sparse_categorical_crossentropy")
    untouched = everything_in(other)
    other.fit(X, LABELS, epochs=2, batch_size=4, verbose=0)
    assert not np.array_equal(untouched[0], everything_in(other)[0])
    assert_same(everything_in(model), before)

    trained = everything_in(other)
    model.fit(X, LABELS, epochs=2, batch_size=4, verbose=0)
    assert_same(everything_in(other), trained)
    assert not np.array_equal(everything_in(model)[0], before[0])


def test_what_a_copied_layer_returns_is_the_callers():
    layer = copy.deepcopy(small_model().layers[0])
    first = layer.forward(X)
    kept = first.copy()
    layer.forward(X + 1)
    assert np.array_equal(first, kept)
