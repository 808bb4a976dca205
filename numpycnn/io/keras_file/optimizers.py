"""Optimizers in Keras's words and ours: one table, read in both directions.

Keras adds Adam's epsilon where the paper's second form does (``epsilon_hat``). An Adam of ours that does otherwise
gets a name by which it is known when it comes back; Keras takes any name. So does an SGD whose velocity is of
gradients: Keras's is of steps (``velocity_of_steps``), and the two are the same as long as the rate is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, Optimizer, RMSprop
from ...schedules import (
    CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, PolynomialDecay, Schedule, StepDecay,
)
from .write import Config, described_object, shortest, snake_case

# Arguments of Keras's optimizers that there is nothing like here, with the value that makes no difference.
WITHOUT_COUNTERPART = {"clipnorm": None, "clipvalue": None, "use_ema": False, "amsgrad": False, "decay": 0.0,
                       "loss_scale_factor": None, "gradient_accumulation_steps": None}  # fmt: skip
OF_THE_PAPER = "_of_the_paper"  # end of the name of an Adam that adds epsilon after the correction
OF_GRADIENTS = "_of_gradients"  # end of the name of an SGD whose velocity is


class Words(NamedTuple):
    """An optimizer of Keras's.

    Attributes
    ----------
    ours : class
    arguments : dict
        Keras's name of an argument: ours.
    slots : dict
        Keras's name of a memory: ours, in the order in which Keras makes them.
    by_parameter : bool
        Whether a ``.keras`` file has all memories of the first parameter, then those of the next; else all parameters'
        first memory, then the next.
    """

    ours: type[Optimizer]
    arguments: dict[str, str]
    slots: dict[str, str]
    by_parameter: bool = True


_BETAS = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "epsilon"}
_MEANS = {"momentum": "m", "velocity": "v"}
OPTIMIZERS = {
    "SGD": Words(SGD, {"momentum": "momentum", "nesterov": "nesterov"}, {"momentum": "velocity"}),
    "Adam": Words(Adam, _BETAS, _MEANS),
    "AdamW": Words(AdamW, {**_BETAS, "weight_decay": "weight_decay"}, _MEANS),
    "RMSprop": Words(
        RMSprop, {"rho": "rho", "momentum": "momentum", "epsilon": "epsilon", "centered": "centered"},
        {"velocity": "v", "momentum": "velocity", "average_gradient": "m"}, by_parameter=False,
    ),
    "Adagrad": Words(
        Adagrad, {"initial_accumulator_value": "initial_accumulator_value", "epsilon": "epsilon"},
        {"accumulator": "accumulator"},
    ),
    "Adadelta": Words(
        Adadelta, {"rho": "rho", "epsilon": "epsilon"}, {"accumulated_grad": "v", "accumulated_delta_var": "u"}
    ),
    "Adamax": Words(Adamax, _BETAS, {"momentum": "m", "norm": "u"}),
    "Nadam": Words(Nadam, _BETAS, _MEANS),
}  # fmt: skip
_DECAY = {"initial_learning_rate": "learning_rate", "decay_steps": "decay_steps", "decay_rate": "decay_rate"}
# Schedules of Keras's: ours, and the arguments; a cosine's last rate and a decay in steps are said in other numbers.
SCHEDULES: dict[str, tuple[type[Schedule], dict[str, str]]] = {
    "ExponentialDecay": (ExponentialDecay, {**_DECAY, "staircase": "staircase"}),
    "InverseTimeDecay": (InverseTimeDecay, {**_DECAY, "staircase": "staircase"}),
    "PolynomialDecay": (PolynomialDecay, {"initial_learning_rate": "learning_rate", "decay_steps": "steps",
                                          "end_learning_rate": "final_rate", "power": "power"}),
    "PiecewiseConstantDecay": (PiecewiseConstant, {"boundaries": "boundaries", "values": "rates"}),
    "CosineDecay": (CosineDecay, {"initial_learning_rate": "learning_rate", "decay_steps": "steps"}),
}  # fmt: skip


def words_of(optimizer: Optimizer) -> Words:
    """Return the row of the table for an optimizer of ours.

    Raises
    ------
    TypeError
        Keras has no such optimizer.
    """
    words = OPTIMIZERS.get(type(optimizer).__name__)
    if words is None or words.ours is not type(optimizer):
        raise TypeError(f"{optimizer!r}: Keras has no such optimizer; compile with one of numpycnn's to save")
    return words


# From ours to Keras's


def optimizer_to_keras(optimizer: Optimizer) -> Config:
    """Return what Keras keeps of an optimizer, without its memories.

    A schedule that Keras does not have is written as the rate of the next step.
    """
    words, class_name = words_of(optimizer), type(optimizer).__name__
    config = {
        "name": snake_case(class_name) + _mark(optimizer),
        "learning_rate": _rate_to_keras(optimizer),
        "global_clipnorm": optimizer.global_clipnorm,
    }
    config |= {theirs: getattr(optimizer, ours) for theirs, ours in words.arguments.items()}
    return described_object("keras.optimizers", class_name, config)


def _mark(optimizer: Optimizer) -> str:
    """Return what is added to the name of one that does otherwise than Keras's."""
    if isinstance(optimizer, Adam) and not optimizer.epsilon_hat:
        return OF_THE_PAPER
    return OF_GRADIENTS if isinstance(optimizer, SGD) and optimizer.momentum and not optimizer.velocity_of_steps else ""


def _rate_to_keras(optimizer: Optimizer) -> Any:
    rate: Any = optimizer.learning_rate
    if type(rate) is StepDecay:
        rate = ExponentialDecay(rate.learning_rate, rate.step_size, rate.factor, staircase=True)
    name = next((name for name, (ours, _) in SCHEDULES.items() if ours is type(rate)), None)
    if name is None:
        return optimizer.current_rate
    arguments = {theirs: getattr(rate, ours) for theirs, ours in SCHEDULES[name][1].items()}
    if type(rate) is CosineDecay:
        arguments["alpha"] = rate.final_rate / rate.learning_rate if rate.learning_rate else 0.0
    return described_object("keras.optimizers.schedules", name, arguments)


def variables_to_keras(optimizer: Optimizer, parts: list[tuple[slice, tuple[int, ...]]]) -> list[NDArray]:
    """Return an optimizer's variables as Keras numbers them: steps, rate, memories.

    Parameters
    ----------
    optimizer : Optimizer
    parts : list of (slice, shape)
        Where the parameters that are not frozen lie in the vector of all: Keras has no memories of the others.
    """
    described = optimizer_to_keras(optimizer)["config"]
    variables = [np.array(optimizer.steps, np.int64)]
    if not isinstance(described["learning_rate"], dict):
        variables.append(np.array(described["learning_rate"], np.float32))
    state = optimizer.get_state()
    if isinstance(optimizer, SGD) and "velocity" in state:
        state["velocity"] *= -1 if optimizer.velocity_of_steps else -optimizer.current_rate
    slots = [state[ours] for theirs, ours in slots_of(optimizer).items() if ours in state]
    order = [(s, p) for p in parts for s in slots] if words_of(optimizer).by_parameter else [
        (s, p) for s in slots for p in parts
    ]  # fmt: skip
    variables += [slot[part].reshape(shape) for slot, (part, shape) in order]
    if isinstance(optimizer, Nadam):
        variables.append(np.array(optimizer._momentum_product(optimizer.steps) if optimizer.steps else 1, np.float32))
    return variables


def slots_of(optimizer: Optimizer) -> dict[str, str]:
    """Return the memories that Keras has with these arguments, in its order: its name, and ours."""
    unused = set()
    if isinstance(optimizer, (SGD, RMSprop)) and optimizer.momentum == 0:
        unused.add("velocity")
    if isinstance(optimizer, RMSprop) and not optimizer.centered:
        unused.add("m")
    return {theirs: ours for theirs, ours in words_of(optimizer).slots.items() if ours not in unused}


# From Keras's to ours


def read_optimizer(config: Config, notes: list[str]) -> Optimizer:
    """Return Keras's optimizer, or one with its defaults, with a note, if there is no such optimizer here.

    Parameters
    ----------
    config : dict
        Keras's ``optimizer_config``.
    notes : list of str
        Gets a line for everything that training will do otherwise.
    """
    class_name, arguments = optimizer_class(config), config["config"]
    decay = arguments.get("weight_decay") or 0.0
    if class_name == "Adam" and decay:
        class_name = "AdamW"  # the same function
    if class_name not in OPTIMIZERS:
        notes.append(f"the optimizer {class_name} does not exist here: Adam() takes its place")
        return Adam()
    words = OPTIMIZERS[class_name]
    for key, neutral in WITHOUT_COUNTERPART.items():
        if arguments.get(key, neutral) != neutral:
            notes.append(f"the optimizer has {key}={arguments[key]!r}, which does not exist here")
    if decay and "weight_decay" not in words.arguments:
        notes.append(f"{class_name} has weight_decay={decay!r}, which does not exist here")
    ours = {"learning_rate": _rate(arguments, notes), "global_clipnorm": shortest(arguments.get("global_clipnorm"))}
    read = {"epsilon": 1e-7, **arguments, "weight_decay": decay}
    ours |= {ours_name: shortest(read[theirs]) for theirs, ours_name in words.arguments.items() if theirs in read}
    if issubclass(words.ours, Adam):
        ours["epsilon_hat"] = not str(arguments.get("name")).endswith(OF_THE_PAPER)
    if words.ours is SGD and ours.get("momentum"):
        ours["velocity_of_steps"] = not str(arguments.get("name")).endswith(OF_GRADIENTS)
    return words.ours(**ours)


def optimizer_class(config: Config) -> str:
    """Return the name of Keras's optimizer; Keras 2 puts a prefix before it, such as ``Custom>``."""
    return str(config["class_name"]).rpartition(">")[2]


def _rate(arguments: Config, notes: list[str]) -> float | Schedule:
    """Return the learning rate: a number, or one of the schedules that exist here as well."""
    rate = arguments.get("learning_rate", arguments.get("lr"))
    if not isinstance(rate, dict):
        return shortest(rate)
    name, config = rate["class_name"], rate["config"]
    start = config.get("initial_learning_rate", 1e-3)
    if name not in SCHEDULES or config.get("warmup_steps") or config.get("cycle"):
        notes.append(f"the learning-rate schedule {name} does not exist here: the rate stays {start}")
        return start
    if name == "CosineDecay":
        return CosineDecay(start, config["decay_steps"], start * config.get("alpha", 0.0))
    if name == "ExponentialDecay" and config.get("staircase") and isinstance(config["decay_steps"], int):
        return StepDecay(start, config["decay_steps"], config["decay_rate"])
    schedule, arguments = SCHEDULES[name]
    return schedule(**{ours: config[theirs] for theirs, ours in arguments.items() if theirs in config})


def numbers_of_slots(optimizer: Optimizer, kind: str, count: int, first: int) -> list[int]:
    """Return the numbers that the variables of this memory bear in a ``.keras`` file, for `count` parameters."""
    names = list(slots_of(optimizer))
    place = names.index(kind)
    if words_of(optimizer).by_parameter:
        return [first + parameter * len(names) + place for parameter in range(count)]
    return [first + place * count + parameter for parameter in range(count)]


def state_from_keras(optimizer: Optimizer, steps: int, slots: dict[str, NDArray]) -> Config | None:
    """Return the state for an optimizer of ours from that of Keras's optimizer.

    Parameters
    ----------
    optimizer : Optimizer
    steps : int
        Number of steps taken.
    slots : dict of ndarray of shape (P,)
        Keras's memories by its names, or whichever it has.

    Returns
    -------
    dict or None
        For ``Optimizer.set_state``; None if there is not all that the optimizer needs.
    """
    names = slots_of(optimizer)
    if not names.keys() <= slots.keys():
        return None
    state: Config = {"steps": steps, **{ours: slots[theirs] for theirs, ours in names.items()}}
    if isinstance(optimizer, SGD) and "velocity" in state:
        rate = optimizer.learning_rate
        rate = 1.0 if optimizer.velocity_of_steps else rate(steps) if isinstance(rate, Schedule) else rate
        if not rate > 0:
            return None
        state["velocity"] = -state["velocity"] / rate
    return state
