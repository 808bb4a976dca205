"""How a Keras model was compiled, in our words: loss, metrics, optimizer and its memories."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ...layers import Layer, Sigmoid
from ...losses import BinaryCrossEntropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SoftmaxCrossEntropy
from ...optimizers import OPTIMIZERS, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, Optimizer, RMSprop
from ...schedules import (
    CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, PolynomialDecay, Schedule, StepDecay,
)
from .read_layers import shortest
from .write import KERAS_WORDS, Config, snake_case

CROSS_ENTROPIES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")
# Arguments of Keras's losses that there is nothing like here, with the values that make no difference.
NEUTRAL_IN_LOSSES = {"reduction": ("sum_over_batch_size", "mean", "mean_with_sample_weight", "auto", "sum"),
                     "ignore_class": (None,), "axis": (-1, 1)}  # fmt: skip
OPTIMIZER_CLASSES = {c.__name__: c for c in OPTIMIZERS.values()}
# Our memories under Keras's names; SGD's are of another kind.
MEMORIES: dict[type, dict[str, str]] = {
    Adam: {"m": "momentum", "v": "velocity"},
    AdamW: {"m": "momentum", "v": "velocity"},
    Nadam: {"m": "momentum", "v": "velocity"},
    Adamax: {"m": "momentum", "u": "norm"},
    RMSprop: {"v": "velocity", "velocity": "momentum", "m": "average_gradient"},
    Adagrad: {"accumulator": "accumulator"},
    Adadelta: {"v": "accumulated_grad", "u": "accumulated_delta_var"},
}
MEMORY_NAMES = sorted({name for names in MEMORIES.values() for name in names.values()})
# Arguments of Keras's optimizers that there is nothing like here, with the value that makes no difference.
WITHOUT_COUNTERPART = {"clipnorm": None, "clipvalue": None, "use_ema": False, "amsgrad": False, "decay": 0.0,
                       "loss_scale_factor": None, "gradient_accumulation_steps": None}  # fmt: skip


def read_loss(config: Config, softmax: bool, notes: list[str], sigmoid: bool = False) -> Loss | None:
    """Return the loss of Keras's ``training_config``, or None, with a note, if there is no such loss here.

    Parameters
    ----------
    config : dict
        Keras's ``training_config``.
    softmax : bool
        Whether the model ended in a softmax: then it takes a loss that has one.
    notes : list of str
        Gets a line for everything that training will do otherwise.
    sigmoid : bool
        The same of a sigmoid.
    """
    described = _only_entry(config["loss"])
    name = _name(described)
    is_class = isinstance(described, dict) and described.get("class_name", "function") != "function"
    arguments = described["config"] if is_class else {}
    weight = _only_entry(config.get("loss_weights"))
    if weight not in (None, 1):
        notes.append(f"the loss has the weight {weight!r}, which does not exist here")
    for key, neutral in NEUTRAL_IN_LOSSES.items():
        if arguments.get(key, neutral[0]) not in neutral:
            notes.append(f"the loss has {key}={arguments[key]!r}, which does not exist here")
    logits = bool(arguments.get("from_logits"))
    reduction = "sum" if arguments.get("reduction") == "sum" else "mean"
    if name in CROSS_ENTROPIES and (softmax or logits):
        if softmax and logits:
            notes.append("the loss has from_logits=True after a softmax; here it takes what comes before the softmax")
        return SoftmaxCrossEntropy(arguments.get("label_smoothing", 0.0), not softmax, reduction)
    if name == "binary_crossentropy" and (sigmoid or logits):
        return BinaryCrossEntropy(arguments.get("label_smoothing", 0.0), not sigmoid, reduction)
    if softmax:
        notes.append(f"the loss {name} of a softmax does not exist here: SoftmaxCrossEntropy() takes its place")
        return SoftmaxCrossEntropy()
    if name in ("mse", "mean_squared_error"):
        return MeanSquaredError(reduction)
    if name in ("mae", "mean_absolute_error"):
        return MeanAbsoluteError(reduction)
    if name == "huber":
        return Huber(arguments.get("delta", 1.0), reduction)
    notes.append(f"the loss {name} of outputs without a softmax does not exist here: the model is not compiled")
    return None


def takes_sigmoid(config: Config, layers: list[Layer]) -> bool:
    """Whether a sigmoid at the end belongs to the loss, as here it does."""
    described = _only_entry(config["loss"])
    arguments = described.get("config") if isinstance(described, dict) else None
    logits = isinstance(arguments, dict) and arguments.get("from_logits")
    wanted = _name(described) == "binary_crossentropy" and not logits
    return wanted and len(layers) > 1 and isinstance(layers[-1], Sigmoid)


def _only_entry(described: Any) -> Any:
    """Return what Keras keeps for the one output: as it is, or in a list of one, or under the output's name."""
    while len(described) == 1 if isinstance(described, (list, dict)) else False:
        (described,) = described.values() if isinstance(described, dict) else described
    return described


def read_metrics(config: Config, loss: Loss) -> list[str]:
    """Return ``["accuracy"]`` if it is among Keras's metrics, else no metric."""
    pending, names = [config.get("metrics"), config.get("weighted_metrics")], []
    while pending:  # Keras nests them, by output
        entry = pending.pop()
        if isinstance(entry, list):
            pending += entry
        elif isinstance(entry, dict) and "class_name" not in entry:
            pending += entry.values()
        elif entry is not None:
            arguments = entry["config"] if isinstance(entry, dict) else None
            names += [_name(entry), arguments.get("name") if isinstance(arguments, dict) else None]
    return ["accuracy"] if isinstance(loss, SoftmaxCrossEntropy) and any(n in ACCURACIES for n in names) else []


def optimizer_class(config: Config) -> str:
    """Return the name of Keras's optimizer; Keras 2 puts a prefix before it, such as ``Custom>``."""
    return str(config["optimizer_config"]["class_name"]).rpartition(">")[2]


def read_optimizer(config: Config, notes: list[str]) -> Optimizer:
    """Return Keras's optimizer, or one with its defaults, with a note, if there is no such optimizer here."""
    class_name, arguments = optimizer_class(config), config["optimizer_config"]["config"]
    if class_name not in OPTIMIZER_CLASSES:
        notes.append(f"the optimizer {class_name} does not exist here: Adam() takes its place")
        return Adam()
    for key, neutral in WITHOUT_COUNTERPART.items():
        if arguments.get(key, neutral) != neutral:
            notes.append(f"the optimizer has {key}={arguments[key]!r}, which does not exist here")
    decay = arguments.get("weight_decay") or 0.0
    if decay and class_name == "Adam":
        class_name = "AdamW"
    if decay and class_name != "AdamW":
        notes.append(f"{class_name} has weight_decay={decay!r}, which does not exist here")
    kind = OPTIMIZER_CLASSES[class_name]
    names = {name: KERAS_WORDS.get(name, name) for name in kind().get_config()}  # type: ignore[call-arg]  # defaults
    options = {name: shortest(arguments[key]) for name, key in names.items() if key in arguments}
    options |= {"learning_rate": _rate(arguments, notes)}
    if "epsilon" in names:
        options.setdefault("epsilon", 1e-7)
    if class_name == "AdamW":
        options["weight_decay"] = decay
    return kind(**options)


def _rate(arguments: Config, notes: list[str]) -> float | Schedule:
    """Return the learning rate: a number, or one of the schedules that exist here as well."""
    rate = arguments.get("learning_rate", arguments.get("lr"))
    if not isinstance(rate, dict):
        return shortest(rate)
    name, config = rate["class_name"], rate["config"]
    start = config.get("initial_learning_rate", 1e-3)
    if name == "CosineDecay" and not config.get("warmup_steps"):
        return CosineDecay(start, config["decay_steps"], start * config.get("alpha", 0.0))
    if name == "ExponentialDecay" and config.get("staircase"):
        return StepDecay(start, config["decay_steps"], config["decay_rate"])
    if name in ("ExponentialDecay", "InverseTimeDecay"):
        kind = ExponentialDecay if name == "ExponentialDecay" else InverseTimeDecay
        return kind(start, config["decay_steps"], config["decay_rate"], bool(config.get("staircase")))
    if name == "PolynomialDecay" and not config.get("cycle"):
        end, power = config.get("end_learning_rate", 1e-4), config.get("power", 1.0)
        return PolynomialDecay(start, config["decay_steps"], end, power)
    if name == "PiecewiseConstantDecay":
        return PiecewiseConstant(config["boundaries"], config["values"])
    notes.append(f"the learning-rate schedule {name} does not exist here: the rate stays {start}")
    return start


def _name(described: Any) -> str:
    """Return the name of a loss or metric, which Keras writes as a name, a function or a class."""
    if isinstance(described, dict) and "class_name" in described:
        described = described["config"] if described["class_name"] == "function" else described["class_name"]
    return snake_case(str(described))


def memories_from_keras(optimizer: Optimizer, steps: int, slots: dict[str, NDArray]) -> dict[str, Any] | None:
    """Return the state for an optimizer of ours from that of Keras's optimizer.

    Parameters
    ----------
    optimizer : Optimizer
    steps : int
        Number of steps taken.
    slots : dict of ndarray of shape (P,)
        Keras's ``momentum``, ``velocity`` and others, whichever it has.

    Returns
    -------
    dict or None
        For ``Optimizer.set_state``; None if there is not all that the optimizer needs.
    """
    if not isinstance(optimizer, SGD):
        found = {ours: slots[theirs] for ours, theirs in MEMORIES[type(optimizer)].items() if theirs in slots}
        needed = set(optimizer.slot_names) - ({"velocity", "m"} if isinstance(optimizer, RMSprop) else set())
        return {"steps": steps, **found} if needed <= found.keys() else None
    if optimizer.momentum == 0:
        return {"steps": steps}
    rate = optimizer.learning_rate
    rate = rate(steps) if isinstance(rate, Schedule) else rate
    # Keras remembers the last step itself, which here is the velocity times the rate.
    return {"steps": steps, "velocity": -slots["momentum"] / rate} if "momentum" in slots and rate > 0 else None
