"""One wrong layer for each check of ``numpycnn.testing``, made from a right one."""

import numpy as np

from numpycnn import Layer, kernels


def normal(shape, rng, dtype):
    return rng.standard_normal(shape).astype(dtype)


class Right(Layer):
    """y = factor * gain * x, with a gain for each feature: keeps the whole contract."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def setup(self, rng):
        self.add_parameter("gain", self.input_shape, normal, rng)
        return self.input_shape

    def forward(self, x, training=False):
        x = self.check_input(x)
        y = self.empty("y", x.shape)
        y[...] = self.factor * self.parameters[0].value * x
        self.save_for_backward(training, len(x), x)
        return y

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        (x,) = self.saved
        self.parameters[0].grad = self.factor * (dy * x).sum(axis=0)
        return self.factor * self.parameters[0].value * dy if need_dx else None


class PromisesAnotherShape(Right):
    def setup(self, rng):
        super().setup(rng)
        return (12,)


class KeepsAList(Right):
    def setup(self, rng):
        result = super().setup(rng)
        self.input_shape = list(self.input_shape)
        return result


# A class statement with a `build` is refused; it can still be put into the class afterwards.


class TakesAnyShape(Right):
    pass


class TakesAnyDtype(Right):
    pass


def build_for_any_shape(self, input_shape, rng=None, dtype="float32", stored=None):
    try:
        return Layer.build(self, input_shape, rng, dtype, stored)
    except (TypeError, ValueError):
        return Layer.build(self, (1,), rng, dtype, stored)


def build_for_any_dtype(self, input_shape, rng=None, dtype="float32", stored=None):
    return Layer.build(self, input_shape, rng, dtype if dtype in ("float32", "float64") else "float32", stored)


TakesAnyShape.build, TakesAnyDtype.build = build_for_any_shape, build_for_any_dtype


class RemembersItsBuilds(Right):
    builds = 0

    def setup(self, rng):
        result = super().setup(rng)
        self.builds += 1
        self.parameters[0].value *= self.builds
        return result


class ParametersInAList(Right):
    def setup(self, rng):
        result = super().setup(rng)
        self.parameters = list(self.parameters)
        return result


class ItsOwnGenerator(Right):
    def setup(self, rng):
        return super().setup(np.random.default_rng())


class TheSameSeedForAll(Right):
    def setup(self, rng):
        return super().setup(np.random.default_rng(0))


class GlobalRandomNumbers(Right):
    def forward(self, x, training=False):
        np.random.random()
        return super().forward(x, training)


class TrainsByDefault(Right):
    def forward(self, x, training=True):
        return super().forward(x, training)


class DoublesItsArgument(Right):
    def __init__(self, factor=2.0):
        self.factor = 2 * factor


class NamelessText(Right):
    def __repr__(self):
        return "layer"


class Centred(Right):
    """Right: subtracts a mean that follows the batches' means."""

    state_names = ("mean",)

    def setup(self, rng):
        self.mean = np.zeros(self.input_shape, self.dtype)
        return super().setup(rng)

    def forward(self, x, training=False):
        y = super().forward(x, training)
        centred = y - self.mean
        if training:
            self.follow(y)
        return centred

    def follow(self, y):
        self.mean = (self.mean + 0.1 * y.mean(axis=0)).astype(self.dtype)


class UnnamedState(Centred):
    state_names = ()


class StateOfTheLayerItself(Centred):
    def get_state(self):
        return {"mean": self.mean}

    def follow(self, y):
        self.mean += 0.1


class SharedByCopies(Right):
    def __deepcopy__(self, memo):
        twin = SharedByCopies(self.factor)
        vars(twin).update(vars(self))
        return twin


NamedLikeAnother = type("Dense", (Right,), {})  # a model file names classes: which Dense is to be loaded?


class KeepsTheFirstGradient(Right):
    """Writes where the gradient was when the layer was built, not where the model has put it since."""

    def setup(self, rng):
        result = super().setup(rng)
        self.grad = self.parameters[0].grad
        return result

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        self.grad[...] = self.factor * (dy * self.saved[0]).sum(axis=0)
        return self.factor * self.parameters[0].value * dy if need_dx else None


class AlwaysDouble(Right):
    def forward(self, x, training=False):
        return super().forward(x, training).astype("float64")


class FlatGradient(Right):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        return dx.reshape(len(dx), -1) if need_dx else None


class ScalesItsInput(Right):
    def forward(self, x, training=False):
        x = self.check_input(x)
        x *= 1.5
        return super().forward(x, training)


class ScalesTheGradient(Right):
    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        dy *= 1.5
        return super().backward(dy / 1.5, need_dx)


class OneBufferForAll(Right):
    buffer = None

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if self.buffer is None or self.buffer.shape != y.shape:
            self.buffer = np.empty_like(y)
        self.buffer[...] = y
        return self.buffer


class ReadsTheBytes(Right):
    def forward(self, x, training=False):
        return super().forward(np.frombuffer(x, x.dtype).reshape(x.shape), training)


class FloatsOnly(Right):
    def forward(self, x, training=False):
        if np.asarray(x).dtype.kind != "f":
            raise TypeError("floats only")
        return super().forward(x, training)


class TakesAnything(Right):
    def forward(self, x, training=False):
        return super().forward(np.asarray(x).real.astype(self.dtype), training)


class ResizesItsInput(Right):
    def forward(self, x, training=False):
        return super().forward(np.resize(x, (2, *self.input_shape)), training)


class TakesEmptyBatches(Right):
    def forward(self, x, training=False):
        return np.empty((0, *self.input_shape)) if len(x) == 0 else super().forward(x, training)


class ResizesTheGradient(Right):
    def backward(self, dy, need_dx=True):
        shape = (1, *self.output_shape) if self.saved is None else self.saved[0].shape
        return super().backward(np.resize(dy, shape), need_dx)


class BuildsItself(Right):
    def forward(self, x, training=False):
        if not self.built:
            self.build(np.shape(x)[1:])
        return super().forward(x, training)


class KeepsThePrediction(Right):
    def forward(self, x, training=False):
        y = super().forward(x, True)
        return y


class Noisy(Right):
    """Adds noise in prediction as in training; says so."""

    state_names = ("generator",)

    def setup(self, rng):
        (self.generator,) = rng.spawn(1)
        return super().setup(rng)

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y + self.generator.standard_normal(y.shape).astype(self.dtype)


class FollowsPredictions(Centred):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        if not training:
            self.follow(y)
        return y


class UnnamedNoise(Noisy):
    state_names = ()

    def forward(self, x, training=False):
        return super().forward(x, training) if training else Right.forward(self, x, training)


class BatchMeanInPrediction(Right):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y if training else y - y.mean(axis=0)


class BatchMeanInTraining(Right):
    """Right but for saying nothing of it: the rows of a batch depend on each other."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y - y.mean(axis=0) if training else y

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        return super().backward(dy - dy.mean(axis=0), need_dx)


class Accumulates(Right):
    def backward(self, dy, need_dx=True):
        before = self.parameters[0].grad.copy()
        dx = super().backward(dy, need_dx)
        self.parameters[0].grad += before
        return dx


class NewGradientArrays(Right):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.parameters[0]._grad = self.parameters[0].grad.copy()
        return dx


class NothingWithoutDx(Right):
    def backward(self, dy, need_dx=True):
        return super().backward(dy) if need_dx else None


class PackedParameters(Right):
    packed = None

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if self.packed is None:
            self.packed = self.parameters[0].value.copy()
        y[...] = self.factor * self.packed * self.check_input(x)
        return y


class OneNameForTwoArrays(Right):
    """The output, which backward needs, lies where dx is written first."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if training:
            self.saved = (y,)
        return y

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        (y,), gain = self.saved, self.parameters[0]
        dx = self.empty("y", dy.shape)
        dx[...] = self.factor * gain.value * dy
        gain.grad = (dy * y).sum(axis=0) / gain.value
        return dx if need_dx else None


class DependsOnThreads(Right):
    def forward(self, x, training=False):
        return super().forward(x, training) * self.dtype.type(1 + 1e-3 * kernels.get_num_threads())


class SwallowsNaN(Right):
    def forward(self, x, training=False):
        return np.nan_to_num(super().forward(x, training))


class SlightlyWrong(Right):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.parameters[0].grad *= 1.001
        return dx


class NoGradientWhenFrozen(Right):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        return dx if self.trainable else np.zeros_like(dx)


class FirstRowsOnly(Right):
    """A block of 32 rows at a time, and the loop over blocks forgotten: small tests pass."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.parameters[0].grad = self.factor * (dy * self.saved[0])[:32].sum(axis=0)
        return dx
