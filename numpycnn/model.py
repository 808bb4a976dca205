"""``Sequential``: layers one after another, with Keras's words around them."""

from __future__ import annotations

import copy
from typing import Any, Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .checks import (
    Shape, check_count, check_dtype, check_flag, check_function, check_instance, check_list, check_shape,
)
from .configured import Strict
from .data.inputs import InputFormat
from .fusion.plan import make_plan
from .hints import explain_arguments
from .io.any_format import load_model, load_weights, save_model, save_weights
from .io.kept import Kept, OfKind
from .layers.base import Layer
from .losses import Loss, get_loss
from .memory.locking import Lock
from .memory.parameter import Arena, Parameter
from .memory.weights import KnownParts, get_weights, set_weights, trained_parts
from .memory.workspace import check_forward_bytes
from .metrics.confidence import Confidence
from .metrics.running import Metric
from .nonfinite import warn_nonfinite, watched
from .optimizers import Optimizer, get_optimizer
from .predictor import make_predictor
from .profile import profile_model
from .regularizers import add_penalty_gradients, penalty
from .summary import summary_text
from .terminal import show
from .training.data import check_data, check_images, row_weights
from .training.evaluation import evaluate_model, features_model, predict_model
from .training.figures import Figures, Scores, check_metrics
from .training.loop import fit, step as take_step


class Sequential(Strict):
    """A stack of layers that learns.

    Parameters
    ----------
    layers : iterable of Layer
        In order; each belongs to this model alone, and gets new parameters in it, built before or not (`set_weights`).
    input_shape : tuple of int, optional
        Shape of one input, such as ``(28, 28, 1)``: the model is built at once, else by ``build`` or ``fit``.
    seed : int, optional
        Fixes the starting values, Dropout and the order of ``fit``: same seed, same bits, on any number of threads.
    dtype : {"float32", "float64"}
    fused : bool
        Run known sequences of layers as one faster block; the results are the same, to rounding of the largest sums.

    Attributes
    ----------
    plan : list of Layer
        What runs: ``layers``, some replaced by blocks (see ``numpycnn.fusion``).
    regularised : list of Layer
        Those of `layers` whose parameters have regularizers.
    arena : Arena
        ``arena.values`` and ``arena.grads``: all parameters and gradients, as vectors.
    stop_training : bool
        A callback sets it to end ``fit`` after the batch.
    lock : Lock
        Held by a training step, and by each method that reads or writes weights for as long as it does: threads that
        share a model find it between two steps. Take it (``with model.lock:``) around a forward and backward of yours.
    input_format : InputFormat or None
        What the inputs were made of, and the names of the classes: ``numpycnn predict`` treats pictures so. None: not
        known. Copies, backups and ``.npz`` files keep it.
    confidence : metrics.Confidence or None
        When to trust an answer. Copies and ``.npz`` files keep it; a training step, and other weights, end it.
    nonfinite : str or None
        Where the first NaN or infinity since ``compile`` or the start of ``fit`` came from.

    Examples
    --------
    >>> from numpycnn import Dense, Flatten, ReLU, Sequential
    >>> Sequential([Flatten(), Dense(32), ReLU(), Dense(10)], input_shape=(28, 28)).count_params()
    25450
    """

    input_shape: Shape
    output_shape: Shape
    arena: Arena
    regularised: list[Layer]
    loss: Loss = OfKind(Loss, "a loss, such as SoftmaxCrossEntropy()")  # type: ignore[assignment]
    optimizer: Optimizer = OfKind(Optimizer, "an optimizer, such as Adam()")  # type: ignore[assignment]
    _once = ("seed", "dtype", "fused")
    _warm = False  # whether the kernels for this loss and optimizer are compiled

    def __init__(
        self, layers: Iterable[Layer] = (), input_shape: Sequence[int] | None = None, seed: int | None = None,
        dtype: DTypeLike = "float32", fused: bool = True,
    ) -> None:
        self._layers: list[Layer] = []
        self.plan: list[Layer] = []
        self.seed = None if seed is None else check_count(seed, "seed", minimum=0)
        self.dtype = check_dtype(dtype)
        self.fused = check_flag(fused, "fused")
        self.built = False
        self.stop_training = False
        self.nonfinite: str | None = None
        self.metrics: list[str | Metric] = []
        self.weighted_metrics: list[str | Metric] = []
        self.lock = Lock()
        self._build_seed, fit_seed = np.random.SeedSequence(self.seed).spawn(2)
        self.fit_rng = np.random.default_rng(fit_seed)
        for layer in check_list(layers, "layers", "a list such as [Flatten(), Dense(10)]"):
            self.add(layer)
        if input_shape is not None:
            self.build(input_shape)

    # Building

    def add(self, layer: Layer) -> None:
        """Append a layer; only before ``build``."""
        check_instance(layer, Layer, "layers", "a layer")
        if self.built:
            raise RuntimeError("the model is built: add layers before build or fit")
        if layer.in_model or any(layer is other for other in self.layers):
            raise ValueError(f"{layer!r} is in a model already; make a new layer for each place")
        self._layers.append(layer)

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
        largest = max(self.layers, key=lambda layer: layer.forward_bytes())
        check_forward_bytes(sum(layer.forward_bytes() for layer in self.layers), largest, "all layers, mostly this one")
        self.output_shape = shape
        self._assemble()
        self.built = True

    def _assemble(self) -> None:
        """Move the parameters into an arena, make the plan, and give every step of it private memory."""
        self.arena = Arena(self.parameters, self.dtype)
        self.plan = make_plan(self.layers, self.fused)
        for step in (*self.layers, *self.plan):
            step.join_model()
        self._known_parts = KnownParts(self.layers)
        self.regularised = [layer for layer in self.layers if any(p.regularizer for p in layer.parameters)]

    @property
    def layers(self) -> list[Layer]:
        """All layers, in a new list: changing it changes no model."""
        return self._layers.copy()

    @property
    def parameters(self) -> list[Parameter]:
        """All parameters, in layer order."""
        return [p for layer in self.layers for p in layer.parameters]

    input_format = Kept(InputFormat, lambda model, it: it.check_fits(model.input_shape, model.output_shape))
    confidence = Kept(Confidence, lambda model, it: it.check_fits(model.layers))

    def count_params(self) -> int:
        """Return the number of numbers in all parameters, frozen or not."""
        self._require_built("count_params")
        return sum(p.value.size for p in self.parameters)

    @property
    def trainable(self) -> bool:
        """Whether no layer is frozen; setting it sets ``layer.trainable`` of all layers that there are."""
        return all(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        trainable = check_flag(trainable, "Sequential.trainable")
        for layer in self.layers:
            layer.trainable = trainable

    def trained_parts(self) -> list[slice]:
        """Return the parts of ``arena.values`` that training changes: those of layers that are not frozen."""
        return trained_parts(self.layers)

    # Computing

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        """Run the layers and return the last one's output, (N, *output_shape): for a classifier the logits.

        Parameters
        ----------
        x : ndarray of shape (N, *input_shape)
        training : bool
            Keep what ``backward`` needs.
        """
        self._require_built("forward")
        y = x
        with self.lock:
            for step in self.plan:
                y = step.forward(y, training)
            return y.copy()  # the last step writes over its own at the next call

    def backward(self, dlogits: NDArray, need_dx: bool = False) -> NDArray | None:
        """Run the layers' derivative rules in reverse; every parameter's ``grad`` is overwritten, but frozen ones'.

        To the gradients of parameters with a regularizer that of the penalty is added.

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
        gradient = self._backward_layers(dlogits, need_dx)
        if self.regularised:
            add_penalty_gradients(self.regularised)
        return gradient

    def _backward_layers(self, dlogits: NDArray, need_dx: bool = False) -> NDArray | None:
        """Do the same without the penalties."""
        gradient: Any = dlogits
        last = 0 if need_dx else self.first_trained()
        for position in reversed(range(last, len(self.plan))):
            gradient = self.plan[position].backward(gradient, need_dx or position > last)
        return gradient.copy() if need_dx else None

    def penalty(self) -> float:
        """Return what the regularizers add to the loss, at the present weights; frozen layers count nothing."""
        self._require_built("penalty")
        return penalty(self.regularised)

    def first_trained(self) -> int:
        """Return the position of the plan's first step that learns; those before it need no gradient."""
        for position, step in enumerate(self.plan):
            if step.learns:
                return position
        return len(self.plan)

    predict = explain_arguments(predict_model)
    evaluate = explain_arguments(evaluate_model)  # all three: training/evaluation.py
    features = explain_arguments(features_model)
    predictor = make_predictor

    def activations(self, x: ArrayLike) -> list[NDArray]:
        """Return what each layer makes of the inputs, as in ``predict``: Dropout off, BatchNorm with its statistics.

        For `x` of shape (N, *input_shape), an array (N, *layer.output_shape) for each of ``model.layers``. They run one
        by one, as copies: the model, and a ``backward`` that is due, see nothing of it.
        """
        self._require_built("activations")
        y = check_images(self, x)
        with self.lock:
            layers = copy.deepcopy(self.layers)
        outputs = []
        for layer in layers:
            y = layer.forward(y)
            outputs.append(y.copy())  # Flatten's is a view of what it was given
        return outputs

    # Learning

    @explain_arguments
    def compile(
        self,
        optimizer: str | Optimizer = "adam",
        loss: str | Loss = "",
        metrics: Sequence[str | Metric] | None = None,
        weighted_metrics: Sequence[str | Metric] | None = None,
    ) -> None:
        """Choose how to learn.

        Parameters
        ----------
        optimizer : Optimizer or str
            Or a name: ``"sgd"``, ``"adam"``, ``"rmsprop"``, ...
        loss : Loss or str
            ``SoftmaxCrossEntropy()``, ``MeanSquaredError()``, ..., or Keras's name:
            ``"sparse_categorical_crossentropy"``, ``"binary_crossentropy"``, ``"mse"``, ...
        metrics : list of str or Metric, optional
            What to list beside the loss: ``"accuracy"``, ``"top_k_accuracy"``, ``"precision"``, ``"recall"``,
            ``"f1_score"``, ... or metrics of ``numpycnn.metrics``; ``[]`` for the loss alone. Default: the accuracy,
            if the loss is the softmax's.
        weighted_metrics : list of str or Metric, optional
            The same, with `sample_weight` or `class_weight`; listed as ``weighted_...`` if `metrics` has the name, too.
        """
        if isinstance(loss, str) and not loss:
            raise ValueError("compile: expected a loss, such as SoftmaxCrossEntropy(), got none")
        chosen_optimizer, chosen_loss = get_optimizer(optimizer), get_loss(loss)
        plain, weighted = check_metrics(metrics, chosen_loss, weighted_metrics)
        if self.built:
            chosen_optimizer.bind(self.arena.values)
        self.optimizer, self.loss, self.metrics, self.weighted_metrics = chosen_optimizer, chosen_loss, plain, weighted
        self._warm, self.nonfinite = False, None

    fit = fit  # the training loop itself: training/loop.py

    @explain_arguments
    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: dict[int, float] | None = None,
    ) -> Scores:
        """Take one step on one batch; return what ``evaluate`` does, from before the step; weights as in ``fit``."""
        self._require_compiled("train_on_batch")
        self._require_built("train_on_batch")
        x, y = check_data(self, x, y)
        weights = row_weights(self, y, sample_weight, class_weight)
        was_finite, figures = self.nonfinite is None, Figures(self)
        loss, outputs = take_step(self, watched(self, self.loss, x, weights=weights), self.optimizer, x, y)
        if was_finite and self.nonfinite is not None:
            warn_nonfinite(self, "train_on_batch")
        figures.add(loss, outputs, y, weights)
        return figures.scores()

    # Weights and files

    def get_weights(self) -> list[NDArray]:
        """Return copies, layer by layer: weight, bias; for BatchNorm gamma, beta, moving mean, moving variance."""
        self._require_built("get_weights")
        with self.lock:
            return get_weights(self.layers)

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Take over what ``get_weights`` of such a model returned; if the arrays do not fit, the model is unchanged."""
        self._require_built("set_weights")
        with self.lock:
            set_weights(self.layers, weights, self.dtype)
            self.confidence = None

    save = save_model
    load = classmethod(load_model)
    save_weights = save_weights
    load_weights = load_weights

    def summary(self, print_fn: Callable[[str], None] = show) -> None:
        """Print a table: each layer, its output shape and its number of parameters."""
        self._require_built("summary")
        check_function(print_fn, "print_fn", "(text)")
        print_fn(summary_text(self))

    profile = profile_model

    # What the methods share

    def _require_built(self, method: str) -> None:
        if not self.built:
            raise RuntimeError(f"{method}: the model is not built; give input_shape, or call build(input_shape) or fit")

    def _require_compiled(self, method: str) -> None:
        if self.loss is None or self.optimizer is None:
            raise RuntimeError(f"{method}: the model is not compiled; call compile(optimizer, loss) first")

    def _state(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("arena", "plan", "regularised", "_known_parts")}

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:  # a pickle, written later, is of one state of the weights
            return copy.deepcopy(self._state())

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.plan = []
        if self.built:  # a copied view is an array of its own: join them again
            self._assemble()

    def __deepcopy__(self, memo: dict[int, Any]) -> Sequential:
        twin = memo[id(self)] = type(self).__new__(type(self))
        with self.lock:
            twin.__setstate__(copy.deepcopy(self._state(), memo))
        return twin

    def __copy__(self) -> Sequential:
        return copy.deepcopy(self)  # two models cannot share parameters: each lies in one arena

    def __repr__(self) -> str:
        return f"Sequential([{', '.join(map(repr, self.layers))}])"
