"""``Sequential``: layers one after another, with Keras's words around them."""

from __future__ import annotations

import copy
import os
from typing import Any, Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .training import loop
from .checks import (
    Shape,
    check_choice,
    check_count,
    check_dtype,
    check_flag,
    check_function,
    check_instance,
    check_list,
    check_numeric,
    check_shape,
)
from .files import KERAS_SUFFIXES, path_text
from .fusion.plan import make_plan
from .hints import ExplainsArguments
from .layers.base import Layer
from .losses import Loss, SoftmaxCrossEntropy, get_loss
from .memory.locking import Lock
from .memory.parameter import Arena, Parameter
from .optimizers import Optimizer, get_optimizer
from .profile import Profile, profile_model
from .summary import summary_text
from .terminal import show
from .training.run import FitOptions, History


class Sequential(ExplainsArguments):
    """A stack of layers that learns.

    Parameters
    ----------
    layers : iterable of Layer
        In order; each belongs to this model alone.
    input_shape : tuple of int, optional
        Shape of one input, such as ``(28, 28, 1)``; given here the model is built at once, else by ``build`` or
        ``fit``.
    seed : int, optional
        Fixes the starting values, Dropout and the order of ``fit``: same seed, same bits, on any number of threads.
    dtype : {"float32", "float64"} or dtype
        To train in, or to check gradients in.
    fused : bool
        Run known sequences of layers as one faster block; the results are the same.

    Attributes
    ----------
    layers : list of Layer
    plan : list of Layer
        What runs: the layers, some replaced by blocks (``fusion.py``).
    arena : Arena
        ``arena.values`` and ``arena.grads``: all parameters and gradients, as vectors.
    loss, optimizer, metrics
        As given to ``compile``.
    stop_training : bool
        A callback sets it to end ``fit`` after the batch.
    lock : Lock
        Held during a training step, a forward and a save, so that threads may share a model: each finds it between two
        steps. Take it (``with model.lock:``) around a forward and backward of your own.
    nonfinite : str or None
        Where the first NaN or infinity since ``compile`` or the start of ``fit`` came from, once a loss was not finite.

    Raises
    ------
    ValueError, TypeError
        No layer, something that is no layer, one layer twice or in another model, a shape that does not fit.

    Examples
    --------
    >>> from numpycnn import Dense, Flatten, ReLU, Sequential
    >>> model = Sequential([Flatten(), Dense(32), ReLU(), Dense(10)], input_shape=(28, 28), seed=0)
    >>> model.count_params()
    25450
    """

    input_shape: Shape
    output_shape: Shape
    arena: Arena
    _warm = False  # whether the kernels for this loss and optimizer are compiled

    def __init__(
        self,
        layers: Iterable[Layer] = (),
        input_shape: Sequence[int] | None = None,
        seed: int | None = None,
        dtype: DTypeLike = "float32",
        fused: bool = True,
    ) -> None:
        self.layers: list[Layer] = []
        self.plan: list[Layer] = []
        self.seed = None if seed is None else check_count(seed, "seed", minimum=0)
        self.dtype = check_dtype(dtype)
        self.fused = check_flag(fused, "fused")
        self.built = False
        self.stop_training = False
        self.nonfinite: str | None = None
        self.loss: Loss = None  # type: ignore[assignment]  # until compile
        self.optimizer: Optimizer = None  # type: ignore[assignment]
        self.metrics: list[str] = []
        self.lock = Lock()
        self._build_seed, fit_seed = np.random.SeedSequence(self.seed).spawn(2)
        self.fit_rng = np.random.default_rng(fit_seed)
        for layer in check_list(layers, "layers", "a list such as [Flatten(), Dense(10)]"):
            self.add(layer)
        if input_shape is not None:
            self.build(input_shape)

    # Building

    def add(self, layer: Layer) -> None:
        """Append a layer; only before ``build``.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            It is no layer, it stands in a model already, or the model is built.
        """
        check_instance(layer, Layer, "layers", "a layer")
        if self.built:
            raise RuntimeError("the model is built: add layers before build or fit")
        if layer.in_model or any(layer is other for other in self.layers):
            raise ValueError(f"{layer!r} is in a model already; make a new layer for each place")
        self.layers.append(layer)

    def build(self, input_shape: Sequence[int], stored: Sequence[dict[str, NDArray]] | None = None) -> None:
        """Make all parameters.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one input, without the batch axis.
        stored : list of dict, optional
            For each layer the starting values from a file, as ``Layer.build`` takes them.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            A layer does not fit what comes before it, there is no layer, or the model is built already.
        """
        if self.built:
            raise RuntimeError(f"the model is built already, for inputs of shape {self.input_shape}")
        if not self.layers:
            raise ValueError("expected at least one layer, got none")
        for layer in self.layers:
            if layer.in_model:
                raise ValueError(f"{layer!r} is in a built model already; make a new layer for each model")
        shape = self.input_shape = check_shape(input_shape, self)
        # Of a copy: after an error here the next attempt starts from the same numbers.
        rng = np.random.default_rng(copy.deepcopy(self._build_seed))
        for i, layer in enumerate(self.layers):
            shape = layer.build(shape, rng, self.dtype, None if stored is None else stored[i])
        self.output_shape = shape
        self._assemble()
        self.built = True

    def _assemble(self) -> None:
        """Move the parameters into an arena, make the plan, and give every step of it private memory."""
        self.arena = Arena(self.parameters, self.dtype)
        self.plan = make_plan(self.layers, self.fused)
        for step in (*self.layers, *self.plan):
            step.join_model()

    @property
    def parameters(self) -> list[Parameter]:
        """All parameters, in layer order."""
        return [p for layer in self.layers for p in layer.parameters]

    def count_params(self) -> int:
        """Return the number of trainable numbers."""
        self._require_built("count_params")
        return sum(p.value.size for p in self.parameters)

    # Computing

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        """Run the layers and return the last one's output: for a classifier the logits.

        Parameters
        ----------
        x : ndarray of shape (N, *input_shape)
        training : bool
            Keep what ``backward`` needs.

        Returns
        -------
        ndarray of shape (N, *output_shape)
            The caller's own.

        Raises
        ------
        RuntimeError, ValueError, TypeError
            The model is not built, or `x` does not suit it.
        """
        self._require_built("forward")
        y = x
        with self.lock:
            for step in self.plan:
                y = step.forward(y, training)
            return y.copy()  # the last step writes over its own at the next call

    def backward(self, dlogits: NDArray, need_dx: bool = False) -> NDArray | None:
        """Run the layers' derivative rules in reverse; every parameter's ``grad`` is overwritten.

        Parameters
        ----------
        dlogits : ndarray of shape (N, *output_shape)
            Gradient of the loss with respect to the latest ``forward(x, training=True)``.
        need_dx : bool
            Whether to go on to the input.

        Returns
        -------
        ndarray of shape (N, *input_shape), or None without `need_dx`
        """
        self._require_built("backward")
        gradient: Any = dlogits
        last = 0 if need_dx else self.first_trained()
        for position in reversed(range(last, len(self.plan))):
            gradient = self.plan[position].backward(gradient, need_dx or position > last)
        return gradient.copy() if need_dx else None

    def first_trained(self) -> int:
        """Return the position of the first step of the plan with parameters; those before it need no gradient."""
        return next((position for position, step in enumerate(self.plan) if step.parameters), len(self.plan))

    def predict(self, x: ArrayLike, batch_size: int | None = None, check_finite: bool = False) -> NDArray:
        """Return the class probabilities (softmax cross-entropy), or the outputs (any other loss, or none).

        Parameters
        ----------
        x : array of shape (N, *input_shape)
        batch_size : int, optional
            Images at a time; it does not change the result.
        check_finite : bool
            Raise if `x` holds NaN or infinity.

        Returns
        -------
        ndarray of shape (N, *output_shape)
        """
        self._require_built("predict")
        return loop.predict(self, x, batch_size, check_finite)

    def activations(self, x: ArrayLike) -> list[NDArray]:
        """Return what each layer makes of the inputs, as in ``predict``: Dropout off, BatchNorm with its statistics.

        The layers run one by one, without blocks, as copies: the model, and a ``backward`` that is due, see nothing
        of it. The last array is that of ``forward``, to rounding.

        Parameters
        ----------
        x : array of shape (N, *input_shape)
            A few rows: the arrays of all layers are in memory together.

        Returns
        -------
        list of ndarray
            One of shape (N, *layer.output_shape) for each of ``model.layers``.

        Raises
        ------
        RuntimeError, ValueError, TypeError
            The model is not built, or `x` does not suit it.

        Examples
        --------
        >>> from numpycnn import Conv2D, ReLU, Sequential
        >>> model = Sequential([Conv2D(4, 3), ReLU()], input_shape=(8, 8, 1), seed=0)
        >>> [y.shape for y in model.activations(np.zeros((2, 8, 8, 1)))]
        [(2, 6, 6, 4), (2, 6, 6, 4)]
        """
        self._require_built("activations")
        return loop.activations(self, x)

    # Learning

    def compile(
        self, optimizer: str | Optimizer = "adam", loss: str | Loss = "", metrics: Sequence[str] | None = None
    ) -> None:
        """Choose how to learn.

        Parameters
        ----------
        optimizer : Optimizer or {"sgd", "adam", "adamw"}
        loss : Loss or str
            ``SoftmaxCrossEntropy()``, ``MeanSquaredError()``, or Keras's name: ``"sparse_categorical_crossentropy"``,
            ``"categorical_crossentropy"``, ``"mse"``.
        metrics : list of {"accuracy"}, optional
            Default: the accuracy, if the loss is the cross-entropy.

        Raises
        ------
        ValueError, TypeError
            An unknown name, or something that is neither.
        """
        if isinstance(loss, str) and not loss:
            raise ValueError("compile: expected a loss, such as SoftmaxCrossEntropy(), got none")
        chosen_optimizer, chosen_loss = get_optimizer(optimizer), get_loss(loss)
        classifies = isinstance(chosen_loss, SoftmaxCrossEntropy)
        default = ["accuracy"] if classifies else []
        chosen_metrics = default if metrics is None else check_list(metrics, "metrics", "a list such as ['accuracy']")
        for metric in chosen_metrics:
            check_choice(metric, "metrics", ["accuracy", "acc"])
            if not classifies:
                raise ValueError(f"the accuracy needs SoftmaxCrossEntropy, got {chosen_loss!r}")
        if self.built:
            chosen_optimizer.bind(self.arena.values)
        self.optimizer, self.loss = chosen_optimizer, chosen_loss
        self.metrics = ["accuracy"] if chosen_metrics else []
        self._warm, self.nonfinite = False, None

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike = None,  # type: ignore[assignment]  # refused, in words about generators
        batch_size: int = 32,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        augment: Callable[[NDArray, np.random.Generator], NDArray] | None = None,
        seed: int | None = None,
        check_finite: bool = False,
    ) -> History:
        """Train on arrays.

        Parameters
        ----------
        x : array of shape (N, *input_shape)
        y : array of shape (N,), (N, 1) or (N, K)
            Classes or one-hot rows. Always needed; a generator of batches in `x` is not taken, and the error says so.
        batch_size : int
            Images a step; the last batch may be smaller. Above N: one batch.
        epochs : int
            Number of the last epoch.
        verbose : {"auto", 0, 1, 2}
            0 silent, 2 one line an epoch, 1 a progress bar in a terminal or a notebook; where the output is neither,
            one line an epoch and another every ten seconds in it.
        callbacks : list of Callback, optional
        validation_split : float
            Hold out this fraction: the *last* rows, as they were given, before any shuffling.
        validation_data : (x, y), optional
            Data to validate on, instead of a split.
        shuffle : bool
            Visit the rows in a new order each epoch.
        initial_epoch : int
            Number of epochs already done.
        augment : callable, optional
            ``augment(images, rng)`` returns the images (batch, \\*input_shape) to train on in their place.
        seed : int, optional
            For the order and `augment`; default: go on from the model's seed.
        check_finite : bool
            Raise before training if `x` holds NaN or infinity.

        Returns
        -------
        History
            ``history.history["loss"][epoch]``, and ``accuracy``, ``val_loss``, ``val_accuracy`` where they apply. The
            training figures are means over the epoch, while the weights change. Ctrl-C ends the training after the
            step at hand, a second one at once; the epochs done are listed, ``history.interrupted`` is True, and the
            model is usable. To go on later, see ``BackupAndRestore``.

        Raises
        ------
        RuntimeError
            The model is not compiled.
        ValueError, TypeError
            Data or options that do not fit; nothing was trained then.

        Warns
        -----
        RuntimeWarning
            The loss is NaN or infinity; it names the rows of the data, the parameter or the layer that it came from.
        UserWarning
            `x` looks like pixels that are not scaled, or scaled twice; or the loss explodes in the first epoch.
        """
        options = FitOptions(
            batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, initial_epoch, augment,
            seed, check_finite,
        )
        return loop.fit(self, x, y, options)

    def evaluate(
        self,
        x: ArrayLike,
        y: ArrayLike = None,  # type: ignore[assignment]  # as in fit
        batch_size: int | None = None,
        check_finite: bool = False,
    ) -> tuple[float, float] | float:
        """Return ``(loss, accuracy)``, or the loss alone where the accuracy is not among the metrics.

        Parameters
        ----------
        x : array of shape (N, *input_shape)
        y : array of shape (N,) or (N, K)
        batch_size : int, optional
            Images at a time; the figures hardly depend on it (rounding).
        check_finite : bool
            Raise if `x` holds NaN or infinity.
        """
        self._require_compiled("evaluate")
        self._require_built("evaluate")
        return self._figures(loop.evaluate(self, self.loss, x, y, batch_size, check_finite))

    def train_on_batch(self, x: ArrayLike, y: ArrayLike) -> tuple[float, float] | float:
        """Take one step on one batch; return ``(loss, accuracy)`` from before the step, like ``evaluate``."""
        self._require_compiled("train_on_batch")
        self._require_built("train_on_batch")
        x, y = loop.check_data(self, x, y)
        was_finite = self.nonfinite is None
        loss, outputs = loop.step(self, self.loss, self.optimizer, x, y)
        if was_finite and self.nonfinite is not None:
            loop.warn_nonfinite(self, "train_on_batch", stacklevel=3)
        return self._figures((loss, loop.accuracy(outputs, y) if self.metrics else None))

    def _figures(self, pair: tuple[float, float | None]) -> tuple[float, float] | float:
        loss, accuracy = pair
        return loss if accuracy is None or not self.metrics else (loss, accuracy)

    # Weights and files

    def _weight_slots(self) -> Iterator[tuple[Layer, str | Parameter]]:
        """Yield what ``get_weights`` lists: each layer's parameters, then its other arrays by name."""
        for layer in self.layers:
            for parameter in layer.parameters:
                yield layer, parameter
            for name in layer.state_names:
                if isinstance(getattr(layer, name), np.ndarray):
                    yield layer, name

    def get_weights(self) -> list[NDArray]:
        """Return copies, layer by layer: weight, bias; for BatchNorm gamma, beta, moving mean, moving variance."""
        self._require_built("get_weights")
        with self.lock:
            return [
                slot.value.copy() if isinstance(slot, Parameter) else getattr(layer, slot).copy()
                for layer, slot in self._weight_slots()
            ]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Take over what ``get_weights`` of such a model returned.

        Raises
        ------
        ValueError
            Another number of arrays, or other shapes; the model is unchanged then.
        TypeError
            Something that is no real number.
        """
        self._require_built("set_weights")
        slots = list(self._weight_slots())
        arrays = [check_numeric(w, "set_weights") for w in check_list(weights, "set_weights", "a list of arrays")]
        shapes = [s.value.shape if isinstance(s, Parameter) else getattr(layer, s).shape for layer, s in slots]
        if [a.shape for a in arrays] != shapes:
            raise ValueError(f"set_weights: expected arrays of shapes {shapes}, got {[a.shape for a in arrays]}")
        with self.lock:
            for (layer, slot), array in zip(slots, arrays):
                if isinstance(slot, Parameter):
                    slot.value = array
                else:
                    setattr(layer, slot, np.array(array, self.dtype))

    def save(self, path: str | os.PathLike) -> None:
        """Write the model to one file, whole or not at all.

        Parameters
        ----------
        path : str or path
            ``.npz``: configuration, weights and the optimizer's state. ``.h5``: a file for
            ``keras.models.load_model`` (needs h5py), without the optimizer's memories; the softmax of the loss
            becomes Keras's last layer.

        Raises
        ------
        RuntimeError, ValueError, TypeError, OSError
            The model is not built, the name ends in neither, a configuration that the file cannot hold (the message
            names the layer), or a failure to write; an earlier file of that name is untouched then.
        ImportError
            For a ``.h5`` file without h5py.
        """
        self._require_built("save")
        from .io import keras_file, native

        path = path_text(path)
        with self.lock:
            if path.endswith(KERAS_SUFFIXES):
                keras_file.save(self, path)
            else:
                native.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike, custom_layers: Iterable[type[Layer]] = ()) -> Sequential:
        """Read what ``save`` wrote, or a Sequential that Keras saved as ``.h5``; nothing in the file is executed.

        Parameters
        ----------
        path : str or path
            A Keras model that ends in a softmax comes with ``SoftmaxCrossEntropy`` (compiled with the defaults if it
            was not), and ``predict`` gives its probabilities.
        custom_layers : iterable of Layer classes
            Classes of your own that the model in a ``.npz`` file holds.

        Raises
        ------
        TypeError
            `path` is no path, or `custom_layers` no list of Layer classes.
        FileNotFoundError, ValueError
            There is no such file, it is truncated, altered or of another kind, or it holds a Keras layer that does
            not exist here (the message names it).
        ImportError
            For a ``.h5`` file without h5py.

        Warns
        -----
        UserWarning
            A Keras model was compiled in a way that does not exist here; its predictions are the same.
        """
        from .io import keras_file, native

        path = path_text(path)
        if path.endswith(KERAS_SUFFIXES):
            return keras_file.load(path, cls)
        classes = check_list(custom_layers, "custom_layers", "a list of Layer classes")
        for custom in classes:
            if not (isinstance(custom, type) and issubclass(custom, Layer)):
                raise TypeError(f"custom_layers: expected Layer classes, got {custom!r}")
        return native.load(path, cls, classes)

    def summary(self, print_fn: Callable[[str], None] = show) -> None:
        """Print a table: each layer, its output shape and its number of parameters."""
        self._require_built("summary")
        check_function(print_fn, "print_fn", "(text)")
        print_fn(summary_text(self))

    def profile(
        self, x: ArrayLike, y: ArrayLike, repeats: int = 20, print_fn: Callable[[str], None] = show
    ) -> Profile:
        """Print a table of what a training step costs: each item of the plan, the loss and the optimizer.

        Nothing is learned: the steps are taken by a copy of the model.

        Parameters
        ----------
        x : array of shape (N, *input_shape)
            One batch.
        y : array of shape (N,) or (N, K)
        repeats : int
            Steps to time, after some untimed ones; each figure is the median.
        print_fn : callable
            Gets the table as one text.

        Returns
        -------
        Profile
            The figures: ``profile.rows``, ``profile.total``, ``profile.peak``.

        Raises
        ------
        RuntimeError, ValueError, TypeError
            The model is not built or not compiled, or `x` and `y` do not suit it.
        """
        self._require_compiled("profile")
        self._require_built("profile")
        check_function(print_fn, "print_fn", "(text)")
        result = profile_model(self, x, y, repeats)
        print_fn(str(result))
        return result

    # What the methods share

    def _require_built(self, method: str) -> None:
        if not self.built:
            raise RuntimeError(f"{method}: the model is not built; give input_shape, or call build(input_shape) or fit")

    def _require_compiled(self, method: str) -> None:
        if self.loss is None or self.optimizer is None:
            raise RuntimeError(f"{method}: the model is not compiled; call compile(optimizer, loss) first")

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("arena", "plan")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.plan = []
        if self.built:  # a copied view is an array of its own: join them again
            self._assemble()

    def __repr__(self) -> str:
        return f"Sequential([{', '.join(map(repr, self.layers))}])"
