"""Compiling, training, evaluating and predicting with Keras's arguments and returns."""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np

from ...losses import BinaryCrossEntropy, SoftmaxCrossEntropy
from ...metrics import Accuracy, BinaryAccuracy
from ...metrics.running import get_metric
from ...training.figures import listed_names
from ...training.progress import show_line, time_text
from .. import losses, optimizers
from ..hooks import Counter, History, core_callbacks, look_at_batches, predicted
from ..notes import no_effect, note, refuse, settle
from .base import Chain
from .inputs import BATCH, Data, as_array, is_batches, one_by_one, validation_words

IDLE = ("workers", "use_multiprocessing", "max_queue_size", "pickle_safe", "nb_worker", "max_q_size")


def _old_name(old: str, name: str) -> Callable[..., Any]:
    """Return a method under its old name."""

    def method(self: Any, *args: Any, **given: Any) -> Any:
        note(f"{old} is an old name of {name}")
        if "generator" in given:
            args = given.pop("generator"), *args
        if old.endswith("generator") and len(args) > 1:  # the second argument was the number of steps
            given["steps"], args = args[1], (args[0], *args[2:])
        if old == "evaluate_generator":
            given.setdefault("verbose", 0)
        return getattr(self, name)(*args, **given)

    method.__doc__ = f"Old name of ``{name}``."
    return method


class Learning(Chain):
    """The part of a model that learns."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.optimizer: Any = None
        self.loss: Any = None
        self.history: Any = None
        self._metrics: list[Any] = []
        self._weighted: list[Any] = []
        self._compiled_core: Any = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._core is not None and self._compiled_core is self._core and "optimizer" in vars(self._core):
            self.optimizer.core = self._core.optimizer

    # Compiling

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
                weighted_metrics: Any = None, run_eagerly: Any = None, steps_per_execution: Any = None,
                jit_compile: Any = None, auto_scale_loss: Any = None, **old: Any) -> None:  # fmt: skip
        """Choose how to learn; see ``keras.losses``, ``optimizers`` and ``metrics`` for what there is."""
        from .. import metrics as all_metrics

        no_effect("compile", run_eagerly=run_eagerly, steps_per_execution=steps_per_execution, jit_compile=jit_compile,
                  auto_scale_loss=auto_scale_loss)  # fmt: skip
        settle("compile", old, "sample_weight_mode")
        words = [loss_weights] if isinstance(loss_weights, str) else loss_weights
        if metrics is None and isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words):
            note("compile: the third argument is loss_weights since Keras 3: write metrics=")
            metrics, loss_weights = words, None
        loss, metrics = _only(loss), _only(metrics, nested=False)
        if loss_weights is not None and np.ravel(_only(loss_weights)).tolist() != [1.0]:
            refuse("compile", "the model has one output", loss_weights=loss_weights)
        if isinstance(loss, (list, tuple, dict)) and "class_name" not in loss:
            raise ValueError(f"compile: loss: the model has one output, got {len(loss)} losses")
        if loss is None:
            raise ValueError("compile: expected a loss, such as 'sparse_categorical_crossentropy'")
        self.optimizer, self.loss = optimizers.get(optimizer), losses.get(loss)
        if self.loss.unreduced:
            raise ValueError("compile: loss: reduction='none' trains on the sum over the batch and shows the mean, in "
                             "Keras; give reduction='sum', or leave it out for the mean")  # fmt: skip
        self._metrics = [all_metrics.get(metric) for metric in _listed(metrics)]
        self._weighted = [all_metrics.get(metric) for metric in _listed(weighted_metrics)]
        self._compiled_core = None
        if self._shape is not None:
            self._ready()

    def _ready(self) -> Any:
        """Return the core's model, compiled."""
        if self.optimizer is None:
            raise RuntimeError(f"{self.name} is not compiled: call compile(optimizer, loss, metrics) first")
        if self._compiled_core is None or self._compiled_core is not self._core:
            loss, without_last = self.loss.to_core(self._last_of_core())
            if isinstance(loss, SoftmaxCrossEntropy):
                loss.one_hot = isinstance(self.loss, losses.CategoricalCrossentropy)
            if without_last != self._without_last:
                self._without_last, self._core = without_last, None
            core = self.core_model()
            if self.optimizer.core._values is not None and self.optimizer.core._values is not core.arena.values:
                self.optimizer.renew()
            core.compile(self.optimizer.core, loss, *(self._suited(m, loss) for m in (self._metrics, self._weighted)))
            self._compiled_core = core
        return self.core_model()

    def _suited(self, chosen: list[Any], loss: Any) -> list[Any]:
        """Return the metrics; the accuracy of what no cross-entropy trains is not one that the core takes by name."""
        if isinstance(loss, (SoftmaxCrossEntropy, BinaryCrossEntropy)):
            return chosen
        kind = BinaryAccuracy if self.output_shape == (None, 1) else Accuracy
        return [kind(name=metric) if metric in ("accuracy", "acc") else metric for metric in chosen]

    @property
    def metrics_names(self) -> list[str]:
        """Names of what ``evaluate`` returns."""
        return ["loss", *listed_names(self._metrics, self._weighted)]

    @property
    def metrics(self) -> list[Any]:
        """The metrics, as the core counts them."""
        return [get_metric(metric) for metric in (*self._metrics, *self._weighted)]

    # Learning

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
            callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: Any = True,
            class_weight: Any = None, sample_weight: Any = None, initial_epoch: int = 0, steps_per_epoch: Any = None,
            validation_steps: Any = None, validation_batch_size: Any = None, validation_freq: Any = 1,
            **old: Any) -> History:  # fmt: skip
        """Train; see Keras's ``fit`` for the arguments, and ``numpycnn.Sequential.fit`` for what it does."""
        if "nb_epoch" in old:
            note("fit: nb_epoch= is the old word for epochs=")
            epochs = old.pop("nb_epoch")
        x = old.pop("generator", x)
        settle("fit", old, *IDLE)
        data = Data(x, y, batch_size, steps_per_epoch)
        data.note_idle("fit", batch_size, shuffle)
        if self._shape is None:
            self.ensure(data.one_shape())
        core, in_batches = self._ready(), self._looks_at_batches(callbacks)
        validated = validation_data is not None or validation_split
        if validation_data is None and validation_split:
            parts = data.hold_out(sample_weight, validation_split, in_batches or validation_steps is not None)
            sample_weight, validation_data, validation_split = parts
        data.settle_steps(validation_split)
        words: dict[str, Any] = {
            "sample_weight": sample_weight, "class_weight": _classes(class_weight),
            "validation_split": validation_split, "shuffle": bool(shuffle), "initial_epoch": initial_epoch,
            **data.core_words(self._ranked),
        }  # fmt: skip
        if validation_data is not None:
            size = validation_batch_size or data.batch_size or BATCH
            words |= validation_words(validation_data, size, validation_steps, self._ranked, in_batches)
        if validated:
            words["validation_freq"] = validation_freq
        else:
            idle = {"validation_freq": validation_freq} if validation_freq != 1 else {}
            no_effect("fit", validation_steps=validation_steps, **idle)
        if validation_steps is None and not in_batches:
            no_effect("fit", validation_batch_size=validation_batch_size)
        steps, self.stop_training = data.batches_an_epoch(validation_split), False
        self.history = history = History(self, epochs, steps, verbose)
        followed = core_callbacks(callbacks, self, history, validated)
        history.take(core.fit(epochs=int(epochs), verbose=_verbose(verbose), callbacks=followed, **words), core)
        return history

    def fit_generator(self, generator: Any, steps_per_epoch: Any = None, epochs: int = 1, *args: Any,
                      **given: Any) -> History:  # fmt: skip
        """Old name of ``fit`` for generators."""
        note("fit_generator is an old name: fit takes generators")
        names = ("verbose", "callbacks", "validation_data", "validation_steps", "validation_freq", "class_weight")
        return self.fit(generator, steps_per_epoch=steps_per_epoch, epochs=epochs, **dict(zip(names, args)), **given)

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto",
                 sample_weight: Any = None, steps: Any = None, callbacks: Any = None, return_dict: bool = False,
                 **old: Any) -> Any:  # fmt: skip
        """Return the loss, or a list of loss and metrics, or with `return_dict` these by name."""
        settle("evaluate", old, *IDLE)
        unsaid = batch_size is None and steps is None and not is_batches(x)
        if unsaid and self._looks_at_batches(callbacks):  # else as many rows at a time as is quickest
            batch_size = BATCH
        data = Data(x, y, batch_size, steps)
        data.settle_steps()
        data.note_idle("evaluate", batch_size)
        words = data.measure_words(self._ranked, sample_weight)
        counter = Counter()
        followed = [counter, *core_callbacks(callbacks, self, None, validated=False)]
        core, started = self._ready(), time.perf_counter()
        scores = core.evaluate(**words, callbacks=followed)
        if _verbose(verbose):
            steps = counter.steps if data.batches or data.batch_size else -(-len(data.x) // BATCH)  # as Keras counts
            head = f"{steps}/{steps} {time_text(time.perf_counter() - started, steps)}"
            show_line(head, self._scores(scores, return_dict=True))
        return self._scores(scores, return_dict)

    def _looks_at_batches(self, callbacks: Any) -> bool:
        """Whether it matters how rows are put into batches: to sums, functions of batches, and callbacks."""
        from ..metrics import OfFunction

        summed = getattr(self.loss, "reduction", None) == "sum"
        return summed or look_at_batches(callbacks) or any(isinstance(each, OfFunction) for each in self.metrics)

    def _scores(self, scores: Any, return_dict: bool) -> Any:
        values = [float(value) for value in (scores if isinstance(scores, tuple) else (scores,))]
        if return_dict:
            return dict(sorted(zip(self.metrics_names, values)))
        return values if len(values) > 1 else values[0]

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: Any = None,
                callbacks: Any = None, **old: Any) -> np.ndarray:  # fmt: skip
        """Return the outputs for rows: the probabilities of a model that ends in a softmax."""
        settle("predict", old, *IDLE)
        data = Data(x, None, batch_size, steps)
        data.settle_steps()
        data.note_idle("predict", batch_size)
        if self._shape is None:
            self.ensure(data.one_shape())
        if self.optimizer is not None:
            try:
                self._ready()
            except ValueError:  # the loss does not suit the model as it is now, whose last layer was taken away
                self._without_last = False
                self._changed()
        words = data.measure_words(self._ranked)
        words.pop("y", None)
        if callbacks:
            return predicted(self, callbacks, one_by_one(words, batch_size or BATCH), data.batches_an_epoch(0.0))
        return self.core_model().predict(**words)

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
        """Return the class of each row; an old method of Keras's."""
        note("predict_classes is an old name: write np.argmax(model.predict(x), axis=1)")
        p = self.predict(x, batch_size)
        return p.argmax(axis=-1) if p.shape[-1] > 1 else (p > 0.5).astype("int32")

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Return ``predict`` of one batch."""
        return self.predict(x, batch_size=max(1, len(x)))

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
                       return_dict: bool = False, **old: Any) -> Any:  # fmt: skip
        """Take one step on one batch; return the loss and the metrics from before it."""
        settle("train_on_batch", old, "reset_metrics")
        x, y = as_array(x), as_array(y)
        if self._shape is None:
            self.ensure(x.shape[1:])
        words = {"sample_weight": sample_weight, "class_weight": _classes(class_weight)}
        return self._scores(self._ready().train_on_batch(self._ranked(x), y, **words), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and the metrics of one batch."""
        return self.evaluate(x, y, batch_size=max(1, len(x)), sample_weight=sample_weight, return_dict=return_dict,
                             verbose=0)  # fmt: skip

    def reset_metrics(self) -> None:
        """Does nothing: figures are never carried from one call to the next."""

    reset_states = reset_metrics
    evaluate_generator = _old_name("evaluate_generator", "evaluate")
    predict_generator = _old_name("predict_generator", "predict")
    predict_proba = _old_name("predict_proba", "predict")


def _only(given: Any, nested: bool = True) -> Any:
    """Return what Keras lets one write for the one output: a list or a dict of one."""
    if isinstance(given, dict) and len(given) == 1 and "class_name" not in given:
        (given,) = given.values()
    if nested and isinstance(given, (list, tuple)) and len(given) == 1:
        (given,) = given
    return given


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    flat = list(given) if isinstance(given, (list, tuple)) else [given]
    return [each for entry in flat for each in (entry if isinstance(entry, (list, tuple)) else [entry])]


def _classes(class_weight: Any) -> dict[int, float] | None:
    """Return the weights by class number: a dict, or a list in the order of the classes."""
    if class_weight is None:
        return None
    pairs = class_weight.items() if isinstance(class_weight, dict) else enumerate(class_weight)
    try:
        return {int(number): float(weight) for number, weight in pairs}
    except (TypeError, ValueError):
        raise ValueError("class_weight: expected numbers by the numbers of classes, such as {0: 1.0, 1: 5.0}, got "
                         f"{class_weight!r}") from None  # fmt: skip


def _verbose(verbose: Any) -> Any:
    """Return the core's word for how much to print."""
    return verbose if verbose == "auto" else min(int(verbose), 2)
