"""Losses and metrics in Keras's words and ours.

Keras ends a classifier in a softmax, or a logistic function, and the loss takes its probabilities, unless it has
``from_logits=True``; here both are part of the loss. Reading, the last activation goes into the loss; writing, it comes
out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, NamedTuple

from ...losses import BinaryCrossEntropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SoftmaxCrossEntropy
from .write import Config, described_object, snake_case

if TYPE_CHECKING:
    from ...model import Sequential

SOFTMAX_LOSSES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
BINARY_LOSS = "binary_crossentropy"
# Losses of plain outputs: Keras's names, ours, Keras's class.
PLAIN_LOSSES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError, "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError, "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber, "huber_loss": Huber,
}  # fmt: skip
REDUCTIONS = {"sum_over_batch_size": "mean", "mean": "mean", "auto": "mean", "sum": "sum",
              "mean_with_sample_weight": "weighted_mean"}  # fmt: skip
TO_KERAS = {"mean": "sum_over_batch_size", "sum": "sum", "weighted_mean": "mean_with_sample_weight"}
ACCURACIES = {
    SoftmaxCrossEntropy: ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy"),
    BinaryCrossEntropy: ("accuracy", "acc", "binary_accuracy"),
}
PLAIN_METRICS = ("mae", "mean_absolute_error", "mse", "mean_squared_error", "top_k_categorical_accuracy",
                 "sparse_top_k_categorical_accuracy")  # fmt: skip
# Arguments of Keras's losses that there is nothing like here, with the values that make no difference.
NEUTRAL = {"ignore_class": (None,), "axis": (-1, 1)}


class ReadLoss(NamedTuple):
    """A loss of Keras's in ours; None if there is no such loss here. And which last activation it has in it."""

    loss: Loss | None
    takes: str = ""  # "softmax", "sigmoid" or nothing


def read_loss(config: Config, last: str, notes: list[str]) -> ReadLoss:
    """Return the loss of Keras's ``training_config``.

    Parameters
    ----------
    config : dict
        Keras's ``training_config``.
    last : {"softmax", "sigmoid", ""}
        What the model ends in.
    notes : list of str
        Gets a line for everything that training will do otherwise.
    """
    described = _only_entry(config["loss"])
    name = _name(described)
    is_class = isinstance(described, dict) and described.get("class_name", "function") != "function"
    arguments = described["config"] if is_class else {}
    weight = _only_entry(config.get("loss_weights"))
    if weight not in (None, 1):
        notes.append(f"the loss has the weight {weight!r}, which does not exist here")
    options: Config = {}
    reduction = arguments.get("reduction", "sum_over_batch_size")
    if REDUCTIONS.get(reduction, "mean") != "mean":
        options["reduction"] = REDUCTIONS[reduction]
    neutral = {**NEUTRAL, "reduction": tuple(REDUCTIONS)}
    for key in neutral.keys() & arguments.keys():
        if arguments[key] not in neutral[key]:
            notes.append(f"the loss has {key}={arguments[key]!r}, which does not exist here")
    logits = bool(arguments.get("from_logits"))
    smoothing = arguments.get("label_smoothing", 0.0)
    for names, takes, ours in ((SOFTMAX_LOSSES, "softmax", SoftmaxCrossEntropy),
                               ((BINARY_LOSS,), "sigmoid", BinaryCrossEntropy)):  # fmt: skip
        if name in names and (last == takes or logits):
            if last == takes and logits:
                notes.append(f"the loss has from_logits=True after a {takes}; here it takes what comes before it")
            loss = ours(smoothing, predict_logits=last != takes, **options)
            if isinstance(loss, SoftmaxCrossEntropy):
                loss.one_hot = name == "categorical_crossentropy"
            return ReadLoss(loss, takes if last == takes else "")
    if name in PLAIN_LOSSES:
        if "delta" in arguments:
            options["delta"] = arguments["delta"]
        return ReadLoss(PLAIN_LOSSES[name](**options))
    if last == "softmax":
        notes.append(f"the loss {name} of a softmax does not exist here: SoftmaxCrossEntropy() takes its place")
        return ReadLoss(SoftmaxCrossEntropy(), "softmax")
    notes.append(f"the loss {name} of such outputs, without a softmax, does not exist here: the model is not compiled")
    return ReadLoss(None)


def _only_entry(described: Any) -> Any:
    """Return what Keras keeps for the one output: as it is, or in a list of one, or under the output's name."""
    while len(described) == 1 if isinstance(described, (list, dict)) else False:
        (described,) = described.values() if isinstance(described, dict) else described
    return described


def read_metrics(config: Config, loss: Loss, notes: list[str]) -> list[str]:
    """Return those of Keras's metrics that exist here; to `notes` what does not is added."""
    found: list[str] = []
    for entry in _entries([config.get("metrics"), config.get("weighted_metrics")]):
        arguments = entry["config"] if isinstance(entry, dict) and isinstance(entry["config"], dict) else {}
        names = _name(entry), arguments.get("name")
        ours = names[0] if names[0] in PLAIN_METRICS and arguments.get("k", 5) == 5 else None
        ours = next((name for name in reversed(names) if name in ACCURACIES.get(type(loss), ())), ours)
        if ours is None:
            notes.append(f"the metric {names[0]}, which does not exist here for this loss")
        elif ours not in found:
            found.append(ours)
    return found


def _entries(described: Any) -> Iterator[Any]:
    """Yield what Keras keeps of each metric; it nests them, by output."""
    if isinstance(described, dict) and "class_name" not in described:
        described = list(described.values())
    if isinstance(described, list):
        for part in described:
            yield from _entries(part)
    elif described is not None:
        yield described


def _name(described: Any) -> str:
    """Return the name of a loss or metric, which Keras writes as a name, a function or a class."""
    if isinstance(described, dict) and "class_name" in described:
        described = described["config"] if described["class_name"] == "function" else described["class_name"]
    return snake_case(str(described))


def metrics_to_keras(model: Sequential) -> list[str]:
    """Return Keras's names of the metrics for integer labels, which is what Keras will be given.

    Raises
    ------
    TypeError
        Keras has no such metric.
    """
    return [_metric_to_keras(metric) for metric in (*model.metrics, *model.weighted_metrics)]


def _metric_to_keras(metric: Any) -> str:
    name = "sparse_top_k_categorical_accuracy" if metric == "top_k_accuracy" else metric
    if not isinstance(name, str) or name in ("precision", "recall", "f1_score", "auc"):
        raise TypeError(f"metrics: Keras has no {metric!r} of integer labels; save to a .npz file")
    return name


def loss_to_keras(loss: Any) -> str | Config:
    """Return what Keras keeps of a loss: its name, or its class with arguments that are not Keras's defaults."""
    arguments: Config = {}
    if loss.reduction != "mean":
        arguments["reduction"] = TO_KERAS[loss.reduction]
    if isinstance(loss, Huber):
        return described_object("keras.losses", "Huber", {**arguments, "delta": loss.delta})
    plain = {MeanSquaredError: "MeanSquaredError", MeanAbsoluteError: "MeanAbsoluteError"}.get(type(loss))
    if plain is not None:
        return described_object("keras.losses", plain, arguments) if arguments else snake_case(plain)
    if loss.predict_logits:
        arguments["from_logits"] = True
    if loss.label_smoothing:
        arguments["label_smoothing"] = loss.label_smoothing
    if isinstance(loss, BinaryCrossEntropy):
        return described_object("keras.losses", "BinaryCrossentropy", arguments) if arguments else BINARY_LOSS
    # Keras has a loss of its own for integer labels, which are usual here; smoothing it has for one-hot rows alone.
    class_name = ("Categorical" if loss.label_smoothing or loss.one_hot else "SparseCategorical") + "Crossentropy"
    return described_object("keras.losses", class_name, arguments) if arguments else snake_case(class_name)
