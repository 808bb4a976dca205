"""What errors and warnings add for people who come from Keras: the right word, the right shape, the right scale."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

ADD_LAYER = "activations are layers here: put ReLU(), GELU() or Tanh() after it; the softmax is in the loss"
GIVE_SHAPE = "give the shape to the model: Sequential([...], input_shape=(28, 28, 1))"

FEWEST_PIXELS = 64  # the least numbers in a row that may be a picture
LARGE_RATE = 0.1
LONGEST_SHOWN = 200  # characters

FACADE = "; numpycnn.keras takes Keras's words"

# Arguments that Keras has, and what to write here.
KERAS_ARGUMENTS = {
    "lr": "write learning_rate", "beta_1": "write beta1", "beta_2": "write beta2",
    "decay": "give learning_rate a schedule, such as StepDecay", "clipnorm": "write global_clipnorm",
    "clipvalue": "write global_clipnorm", "amsgrad": "there is none",
    "activation": ADD_LAYER, "input_shape": GIVE_SHAPE, "batch_input_shape": GIVE_SHAPE, "input_dim": GIVE_SHAPE,
    "data_format": "images are channels-last here: x.transpose(0, 2, 3, 1) of channels-first ones",
    "axis": "the channels are the last axis here", "alpha": "write negative_slope",
    "kernel_constraint": "there is none; use Dropout", "depthwise_initializer": "write kernel_initializer",
    "kernel_regularizer": "convolutions and Dense take it", "bias_regularizer": "convolutions and Dense take it",
    "activity_regularizer": "there are penalties on weights alone: kernel_regularizer=L2(1e-4)",
    "name": "layers and models have no names here", "from_logits": "SoftmaxCrossEntropy always takes logits",
    "save_weights_only": "the whole model is saved", "period": "it saves after each epoch",
    "verbose": "it prints nothing", "return_dict": "it returns (loss, accuracy, ...), in the order of metrics",
    "loss_weights": "a model has one loss", "run_eagerly": "all of it is eager", "jit_compile": "kernels are compiled",
    "workers": "leave it out", "use_multiprocessing": "leave it out", "max_queue_size": "leave it out",
}  # fmt: skip
# Names that Keras has, and ours.
KERAS_NAMES = {
    "MaxPooling2D": "MaxPool2D", "AveragePooling2D": "AvgPool2D", "GlobalAveragePooling2D": "GlobalAvgPool2D",
    "GlobalMaxPooling2D": "GlobalMaxPool2D", "BatchNormalization": "BatchNorm", "LayerNormalization": "LayerNorm",
    "Convolution2D": "Conv2D", "SeparableConvolution2D": "SeparableConv2D", "ZeroPadding2D": "ZeroPad2D",
    "Rescaling": "Rescale", "Activation": "ReLU",
    "Input": "Sequential", "InputLayer": "Sequential", "Model": "Sequential", "load_model": "Sequential",
    "CategoricalCrossentropy": "SoftmaxCrossEntropy", "SparseCategoricalCrossentropy": "SoftmaxCrossEntropy",
    "BinaryCrossentropy": "BinaryCrossEntropy", "ImageDataGenerator": "Augment", "RandomFlip": "Augment",
    "RandomRotation": "Augment", "RandomZoom": "Augment", "RandomTranslation": "Augment",
    "LearningRateScheduler": "Schedule", "ExponentialDecay": "StepDecay", "TensorBoard": "CSVLogger",
    "np_utils": "to_categorical", "utils": "to_categorical", "mnist": "load_mnist", "cifar10": "load_cifar10",
    "fashion_mnist": "load_fashion_mnist", "datasets": "load_mnist", "models": "Sequential",
}  # fmt: skip
# What Keras's models and layers have, and what to write here.
KERAS_ATTRIBUTES = {
    "fit_generator": "fit takes generators", "evaluate_generator": "evaluate takes generators",
    "predict_generator": "predict takes generators", "predict_proba": "write predict",
    "predict_classes": "write predict(x).argmax(axis=1)", "predict_on_batch": "write predict",
    "test_on_batch": "write evaluate", "get_layer": "write layers[i]", "pop": "make a new model, and set_weights",
    "save_weights": "save keeps the whole model",
    "load_weights": "write set_weights(Sequential.load(path).get_weights())",
    "to_json": "save keeps the whole model", "history": "fit returns it", "metrics_names": "the loss, then metrics",
    "input": "write activations(x)", "output": "write activations(x)", "weights": "write parameters",
    "trainable_weights": "write parameters", "trainable_variables": "write parameters", "kernel": "write parameters[0]",
    "lr": "write learning_rate", "iterations": "write steps", "apply_gradients": "write step(values, grads)",
}  # fmt: skip


def explain_name(name: str) -> Any:
    """Serve as ``__getattr__`` of the package: for a name that Keras has, say ours.

    An ImportError, since ``from numpycnn import MaxPooling2D`` would drop the text of an AttributeError.
    """
    if name in KERAS_NAMES:
        raise ImportError(f"numpycnn has no {name}; it has {KERAS_NAMES[name]}{FACADE}", name="numpycnn")
    raise AttributeError(f"module 'numpycnn' has no attribute {name!r}")


def explain_arguments(function: Callable) -> Callable:
    """Make a method, or ``__init__``, answer to an argument that only Keras has with what to write here.

    A function of another file is named ``predict_model`` where it becomes the model's ``predict``.
    """
    method = function.__name__.removesuffix("_model")

    @functools.wraps(function)
    def explained(self: Any, *args: Any, **kwargs: Any) -> Any:
        owner = type(self).__name__ if method == "__init__" else method
        for word in kwargs.keys() & KERAS_ARGUMENTS.keys():
            if not _takes(function, word):
                raise TypeError(f"{owner}: unexpected argument {word!r}; {KERAS_ARGUMENTS[word]}{FACADE}")
        try:
            return function(self, *args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from within; else the arguments do not fit, and the function has another name here
            raise TypeError(str(error).replace(f"{function.__qualname__}()", f"{owner}()")) from None

    explained.__name__ = method  # by which a bound method is pickled
    return explained


def _takes(function: Callable, word: str) -> bool:
    parameters = inspect.signature(function).parameters
    return word in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


class ExplainsArguments:
    """Base of what has arguments as Keras has them: every subclass explains those that only Keras knows."""

    @explain_arguments
    def __init__(self) -> None:
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = explain_arguments(cls.__init__)  # type: ignore[method-assign]

    if not TYPE_CHECKING:  # for which every attribute would exist

        def __getattr__(self, name: str) -> Any:
            """Serve an attribute that is not there: one that Keras has is answered with ours."""
            served = getattr(type(self), name, None)
            if isinstance(served, property):  # which asks for another one that is not there
                return served.fget(self)
            hint = f"; {KERAS_ATTRIBUTES[name]}{FACADE}" if name in KERAS_ATTRIBUTES else ""
            hint = hint or _hint_at_init(type(self), name)
            text = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            raise AttributeError(text, name=name, obj=self)


def _hint_at_init(cls: type, name: str) -> str:
    """Say that a class of the user's own does not call our ``__init__``, if that makes such an attribute."""
    inits = [each for each in cls.__mro__ if "__init__" in vars(each)]
    if is_ours(inits[0]) or not any(name in _attributes_of_init(each) for each in inits if is_ours(each)):
        return ""
    return f"; {inits[0].__name__}.__init__ has to call super().__init__(...) first, which makes it"


def _attributes_of_init(cls: Any) -> tuple[str, ...]:
    return inspect.unwrap(cls.__init__).__code__.co_names


def shown(value: Any) -> str:
    """Return how an error shows a value: an array by its shape, anything long cut short."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    text = " ".join(repr(value).split())  # one line
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 4] + " ..."


def did_you_mean(word: Any, known: Iterable[Any]) -> str:
    """Return a hint at the known word that is most like this one, at all that contain it, or an empty text."""
    import difflib  # only after a mistake

    names = [name for name in known if isinstance(name, str)]
    part = str(word).lower().replace("_", "")  # such as cross_entropy
    close = [name for name in names if len(part) > 3 and part in name.replace("_", "")]
    close = close or difflib.get_close_matches(str(word), names, 1, 0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def is_ours(cls: type) -> bool:
    """Whether a class is the package's own, not one that somebody derived from it or wrote for it."""
    return cls.__module__.startswith(f"{__package__}.")


def hint_at_kind(value: Any, kind: type | tuple[type, ...]) -> str:
    """Say how to make an object of this class of what was given in its place: a class, or a function."""
    if isinstance(value, type):
        return f"; write it with parentheses: {value.__name__}()"
    if inspect.isfunction(value) and isinstance(kind, type) and is_ours(kind):
        return f"; one of your own is not a function, but a subclass of {kind.__name__}"
    return ""


def hint_at_numbers(x: Any, array: NDArray, what: str) -> str:
    """Say how to make numbers of text, or an array of what hands out batches."""
    if array.ndim == 0 and (isinstance(x, Iterator) or hasattr(x, "__iter__") or hasattr(x, "__getitem__")):
        return (
            f" (a {type(x).__name__}); fit and evaluate take what hands out batches (x, y) alone, without y; or join "
            f"the batches, {what} = np.concatenate([...])"
        )
    if callable(x):
        return f" (a {type(x).__name__}); call it if it makes what is wanted: {getattr(x, '__name__', what)}()"
    sample = array.ravel()[:10].tolist()
    if not sample or not all(isinstance(value, (str, Real)) for value in sample):
        return ""
    try:
        kind = "int" if all(float(value).is_integer() for value in sample) else "float"
    except ValueError:
        return f"; to number the classes: {what} = np.unique({what}, return_inverse=True)[1]"
    form = "text" if isinstance(sample[0], str) else "objects"
    return f"; it holds numbers as {form}: use {what}.astype({kind})"


def hint_at_shape(found: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Say what makes rows of this shape of an array of another, where that is known."""
    if found == shape:
        return "; add the batch axis: x[None]"
    if found + (1,) == shape:
        return "; for one image add the batch and the channel axis: x[None, ..., None]"
    if found[1:] + (1,) == shape:
        return "; add the channel axis: x[..., None]"
    if len(found) == 4 and len(shape) == 3 and found[2:] + found[1:2] == shape:
        return "; channels come last here: x.transpose(0, 2, 3, 1)"
    if len(found) == 2 and len(shape) > 1 and found[1] == math.prod(shape):
        return f"; give the pixels their places: x.reshape{(-1, *shape)}"
    return ""


def hint_at_scale(x: NDArray) -> str:
    """Say that the rows look like pixels from 0 to 255, or divided by 255 twice; from the first thousand rows.

    Numbers of few features are left alone: ages and counts are whole, too.
    """
    sample = x[:1000]
    low, high = sample.min(), sample.max()
    if math.prod(x.shape[1:]) < FEWEST_PIXELS or low < 0:
        return ""
    if 128 <= high <= 255 and (x.dtype.kind in "iu" or (sample == sample.astype(int)).all()):
        return (
            f"x holds whole numbers up to {high:g}, as pixels do that are not scaled; networks learn from numbers of "
            "about 1: divide by 255, here and wherever the model is used"
        )
    if 0 < high < 0.01:
        return f"the largest number in x is {high:.2g}, as of pixels divided by 255 twice; divide them once"
    return ""


def hint_at_rate(rate: float) -> str:
    """Say that the learning rate may be to blame, if it is one of those that usually are."""
    return f"; the learning rate is {rate:g}: try a tenth of it, or less" if rate >= LARGE_RATE else ""
