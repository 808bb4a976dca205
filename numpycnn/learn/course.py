"""CS231n's functions, judged by its own conventions: NCHW, ``cache``, ``conv_param``, ``config``.

Each is called as the course calls it and held against the same solutions and the same mistakes, laid out as NCHW.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from typing import Any, Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ..checks import check_choice, check_count, check_positive
from ..mistakes import solutions
from . import exercises as ex
from .chance import dropout_chance
from .exercises import Case, Course, Exercise
from .judge import TIME_LIMIT, Verdict, judge

Values = tuple[NDArray, ...]
Call = Callable[[Callable, Callable | None, Case], Any]  # (function, forward, case): calls a function of the course
HINTS = ("Work one small case on paper, and compare each number on the way.",)


def images(x: NDArray) -> NDArray:
    """(N, H, W, C) as (N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def filters(w: NDArray) -> NDArray:
    """(kh, kw, C, F) as (F, C, kh, kw)."""
    return np.ascontiguousarray(w.transpose(3, 2, 0, 1))


def rows(x: NDArray) -> NDArray:
    """(N, 1, 1, D) as (N, D)."""
    return x.reshape(len(x), -1)


def spread(x: NDArray) -> NDArray:
    """(N, D) as (N, d1, d2): the course's affine layer takes inputs of any shape."""
    return x.reshape(len(x), -1, 2 if x.shape[1] % 2 == 0 else 1)


def as_it_is(x: NDArray) -> NDArray:
    return x


@dataclasses.dataclass(frozen=True)
class Task:
    """One judgement of a function of the course.

    Attributes
    ----------
    exercise : Exercise
    call : Call
        Calls the student's function for a case of ours.
    layout : dict
        How an argument or an output of ours is laid out in the course.
    """

    exercise: Exercise
    call: Call
    layout: Mapping[str, Callable[[NDArray], NDArray]] = dataclasses.field(default_factory=dict)

    def named(self, name: str) -> Exercise:
        """The exercise as the course sees it."""
        outputs = self.exercise.outputs

        def arrange(values: Values, case: Case) -> Values:
            return tuple(self.layout.get(output, as_it_is)(value) for output, value in zip(outputs, values))

        def shown(case: Case) -> Case:
            return {key: self.layout.get(key, as_it_is)(value) for key, value in case.items()}

        return dataclasses.replace(self.exercise, course=Course(name, arrange, shown))


@functools.cache
def seen_by_course(name: str, i: int) -> Exercise:
    """The exercise of one judgement of a function of the course; one object, so that what it gives is kept."""
    return NAMES[name][i].named(name)


def first(result: Any) -> Any:
    """What a forward returns beside its cache."""
    return result[0] if isinstance(result, tuple) and len(result) == 2 else result


# -- the calls --------------------------------------------------------------------------------------------------------


def _conv(case: Case) -> tuple[Any, ...]:
    bias = case.get("b", np.zeros(case["w"].shape[3]))
    return images(case["x"]), filters(case["w"]), bias, {"stride": case["stride"], "pad": case["padding"]}


def _pool(case: Case) -> tuple[Any, ...]:
    return images(case["x"]), {"pool_height": case["size"], "pool_width": case["size"], "stride": case["stride"]}


def _affine(case: Case) -> tuple[Any, ...]:
    return spread(case["x"]), case["w"], case.get("b", np.zeros(case["w"].shape[1]))


def _forward(inputs: Callable[[Case], tuple[Any, ...]]) -> Call:
    """A forward of these inputs."""
    return lambda function, _, case: first(function(*inputs(case)))


def _backward(inputs: Callable[[Case], tuple[Any, ...]], layout: Callable[[NDArray], NDArray] = as_it_is) -> Call:
    """A backward: its cache is what the student's forward keeps of these inputs, else the inputs themselves."""

    def call(function: Callable, forward: Callable | None, case: Case) -> Any:
        return function(layout(case["dy"]), forward(*inputs(case))[1] if forward else inputs(case))

    return call


def _relu_backward(function: Callable, forward: Callable | None, case: Case) -> Any:
    return function(case["dy"], forward(case["x"])[1] if forward else case["x"])


def _normalise(layout: Callable[[NDArray], NDArray]) -> Call:
    def call(function: Callable, forward: Callable | None, case: Case) -> Any:
        param = {"mode": "train", "eps": case["epsilon"]}
        return first(function(layout(case["x"]), case["gamma"], case["beta"], param))

    return call


def _normalise_backward(layout: Callable[[NDArray], NDArray]) -> Call:
    def call(function: Callable, forward: Callable | None, case: Case) -> Any:
        param, gamma = {"mode": "train", "eps": case["epsilon"]}, case["gamma"]
        _, cache = forward(layout(case["x"]), gamma, np.zeros(gamma.shape), param)  # type: ignore[misc]
        return function(layout(case["dy"]), cache)

    return call


def _running(function: Callable, forward: Callable | None, case: Case) -> Any:
    kept = {"running_mean": case["running_mean"], "running_var": case["running_variance"]}
    param = {"mode": "train", "eps": case["epsilon"], "momentum": case["momentum"], **kept}
    function(case["x"], case["gamma"], case["beta"], param)
    y_test = first(function(case["x"], case["gamma"], case["beta"], {**param, "mode": "test"}))
    return param["running_mean"], param["running_var"], y_test


def _dropout(function: Callable, forward: Callable | None, case: Case) -> Any:
    param = {"p": 1 - case["rate"], "mode": "train", "seed": int(case["rng"].integers(2**31))}
    return first(function(case["x"], param))


def _dropout_test(function: Callable, forward: Callable | None, case: Case) -> Any:
    return first(function(case["x"], {"p": 0.3, "mode": "test", "seed": 1}))


def _dropout_backward(function: Callable, forward: Callable | None, case: Case) -> Any:
    return function(case["dy"], ({"mode": "train", "p": 0.5}, case["mask"]))


def _stepping(*same: str, **renamed: str) -> Call:
    """A step of an optimizer: the course keeps what it remembers, and all but w and g, in ``config``."""
    names = {**dict(zip(same, same)), **renamed}  # theirs, and ours

    def call(function: Callable, forward: Callable | None, case: Case) -> Any:
        config = {theirs: case[ours] for theirs, ours in names.items()}
        if "t" in config:
            config["t"] -= 1  # the course counts a step at its beginning
        w, config = function(case["w"], case["g"], config)
        return w, *(config[theirs] for theirs, ours in names.items() if ours in ("m", "v", "velocity"))

    return call


# -- what is no exercise of ours --------------------------------------------------------------------------------------


def _dense_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in ex.dense_backward_cases(rng):
        yield dict(x=case["x"], w=case["w"], b=ex.numbers(rng, case["w"].shape[1]))


def _relu_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((3, 4), (2, 3, 2, 2)):
        x = 2 * ex.numbers(rng, *shape)
        x.flat[:2] = 0, -1
        yield dict(x=x)


def _row_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Batch normalisation of vectors: images of one pixel."""
    for n, channels, epsilon in ((4, 1, 0.1), (5, 3, 1e-5), (6, 4, 0.5)):
        x = np.round(2 * ex.numbers(rng, n, 1, 1, channels) + rng.uniform(-3, 3, channels), 2)
        yield dict(x=x, gamma=1.2 + ex.numbers(rng, channels), beta=ex.numbers(rng, channels), epsilon=epsilon)


def _running_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in _row_cases(rng):
        channels = len(case["gamma"])
        kept = dict(momentum=0.8, running_mean=ex.numbers(rng, channels), running_variance=rng.uniform(1, 2, channels))
        yield {**case, "x": rows(case["x"]), **kept}


def _layer_norm_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, d, epsilon in ((3, 4, 0.1), (4, 5, 1e-5), (5, 5, 0.5)):
        x = np.round(2 * ex.numbers(rng, n, d) + rng.uniform(-3, 3, (n, 1)), 2)
        yield dict(x=x, gamma=1.2 + ex.numbers(rng, d), beta=ex.numbers(rng, d), epsilon=epsilon)


def _dropout_backward_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((4, 5), (6, 7)):
        yield dict(dy=ex.numbers(rng, *shape), mask=(rng.random(shape) < 0.5) / 0.5)


def _momentum_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((3,), (2, 3)):
        w, g, velocity = (ex.numbers(rng, *shape) for _ in range(3))
        yield dict(w=w, g=g, velocity=velocity, learning_rate=0.1, momentum=0.8)


def _rmsprop_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, epsilon in (((3,), 1e-8), ((2, 3), 0.1)):
        w, g, v = ex.numbers(rng, *shape), ex.numbers(rng, *shape), rng.uniform(0.1, 1, shape)
        yield dict(w=w, g=g, v=v, learning_rate=0.1, decay_rate=0.9, epsilon=epsilon)


def _of(solution: Callable, outputs: str, cases: ex.Cases) -> Exercise:
    return Exercise(solution, tuple(outputs.split()), cases, HINTS)


_E, _S = ex.EXERCISES, solutions
_BN, _BN_BACK = _E["batch_norm_forward"], _E["batch_norm_backward"]
_ROWS, _IMAGES = {"x": rows, "y": rows, "dy": rows, "dx": rows}, {"x": images, "y": images, "dy": images, "dx": images}
_CONV_LAYOUT = {**_IMAGES, "w": filters, "dw": filters}
_ROW_BACKWARD = Task(
    dataclasses.replace(_BN_BACK, cases=ex.with_dy(_row_cases, "beta")), _normalise_backward(rows), _ROWS
)
_LAYER_BACKWARD = _of(_S.layer_norm_backward, "dx dgamma dbeta", ex.with_dy(_layer_norm_cases, "beta"))

NAMES: dict[str, list[Task]] = {
    "affine_forward": [Task(_of(_S.dense_forward, "y", _dense_cases), _forward(_affine), {"x": spread})],
    "affine_backward": [Task(_E["dense_backward"], _backward(_affine), {"x": spread, "dx": spread})],
    "relu_forward": [Task(_of(_S.relu_forward, "y", _relu_cases), _forward(lambda case: (case["x"],)))],
    "relu_backward": [Task(_of(_S.relu_backward, "dx", ex.with_dy(_relu_cases)), _relu_backward)],
    "conv_forward_naive": [Task(_E["conv2d_forward"], _forward(_conv), _CONV_LAYOUT)],
    "conv_backward_naive": [Task(_E["conv2d_backward"], _backward(_conv, images), _CONV_LAYOUT)],
    "max_pool_forward_naive": [Task(_E["max_pool_forward"], _forward(_pool), _IMAGES)],
    "max_pool_backward_naive": [Task(_E["max_pool_backward"], _backward(_pool, images), _IMAGES)],
    "batchnorm_forward": [
        Task(dataclasses.replace(_BN, cases=_row_cases), _normalise(rows), _ROWS),
        Task(_of(_S.batch_norm_running, "running_mean running_var y_test", _running_cases), _running),
    ],
    "batchnorm_backward": [_ROW_BACKWARD],
    "batchnorm_backward_alt": [_ROW_BACKWARD],
    "spatial_batchnorm_forward": [Task(_BN, _normalise(images), _IMAGES)],
    "spatial_batchnorm_backward": [Task(_BN_BACK, _normalise_backward(images), _IMAGES)],
    "layernorm_forward": [Task(_of(_S.layer_norm_forward, "y", _layer_norm_cases), _normalise(as_it_is))],
    "layernorm_backward": [Task(_LAYER_BACKWARD, _normalise_backward(as_it_is))],
    "dropout_forward": [
        Task(dataclasses.replace(_E["dropout_forward"], chance=dropout_chance), _dropout),
        Task(_of(_S.dropout_test, "y_test", lambda rng: iter([dict(x=1 + rng.random((3, 4)))])), _dropout_test),
    ],
    "dropout_backward": [Task(_of(_S.dropout_backward, "dx", _dropout_backward_cases), _dropout_backward)],
    "softmax_loss": [Task(_E["softmax_cross_entropy"], lambda f, _, c: f(c["logits"], c["labels"]))],
    "sgd_momentum": [Task(_of(_S.sgd_momentum_step, "w velocity", _momentum_cases),
                          _stepping("learning_rate", "momentum", "velocity"))],
    "rmsprop": [Task(_of(_S.rmsprop_step, "w v", _rmsprop_cases),
                     _stepping("learning_rate", "decay_rate", "epsilon", cache="v"))],
    "adam": [Task(_E["adam_step"], _stepping("learning_rate", "beta1", "beta2", "epsilon", "t", "m", "v"))],
}  # fmt: skip
# What backward needs to know of forward is the student's own cache.
NEEDS_FORWARD = {
    "batchnorm_backward": "batchnorm_forward", "batchnorm_backward_alt": "batchnorm_forward",
    "spatial_batchnorm_backward": "spatial_batchnorm_forward", "layernorm_backward": "layernorm_forward",
}  # fmt: skip
_WORDS = ((r"\bdy\b", "dout"), (r"\bdlogits\b", "dx"), (r"\blogits\b", "x"), (r"\blabels\b", "y"))
_FORWARD_WORDS = ((r"\by(?=[:\[ ]| has)", "out"),)


def check_231n(
    name: str, function: Callable, forward: Callable | None = None, *, seed: int = 0, time_limit: float = TIME_LIMIT
) -> Verdict:
    """Judge a function written for CS231n, by the course's names, arguments and layouts.

    Parameters
    ----------
    name : str
        ``"conv_backward_naive"``; ``python -m numpycnn.learn`` lists them.
    function : callable
        Called as the course's notebooks do. Arrays changed in place are not complained about.
    forward : callable, optional
        The student's forward, which makes the `cache` for a backward. By default the cache is the one that the course
        names (``(x, w, b, conv_param)``, ``(x, pool_param)``, ``(x, w, b)``, ``x``). The backwards of batch and layer
        normalisation need it, since their cache is the student's own.
    seed, time_limit
        As in ``check``.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError, TypeError
        There is no such function, it cannot be called, or a forward is missing.
    """
    tasks = NAMES[check_choice(name, "name", NAMES)]
    check_count(seed, "seed", minimum=0)
    check_positive(time_limit, "time_limit")
    if not callable(function):
        raise TypeError(f"function: expected a function to call, got {function!r}")
    if forward is None and name in NEEDS_FORWARD:
        raise ValueError(f"{name}: give forward, your {NEEDS_FORWARD[name]}: what is in cache is yours to choose")
    for i, task in enumerate(tasks):
        keys = inspect.signature(task.exercise.solution).parameters

        def called(*arguments: Any, task: Task = task, keys: Any = keys) -> Any:
            return task.call(function, forward, dict(zip(keys, arguments)))

        verdict = judge(seen_by_course(name, i), called, seed, time_limit)
        if not verdict.passed:
            break
    return _in_their_words(name, verdict)


def _in_their_words(name: str, verdict: Verdict) -> Verdict:
    """Say dout for dy, and so on; the lines of our solution are laid out otherwise, so they are left out."""
    words = [_WORDS[0], *(_WORDS[1:] if name == "softmax_loss" else ()), *(_FORWARD_WORDS if "forward" in name else ())]

    def told(text: str) -> str:
        for pattern, word in words:
            text = re.sub(pattern, word, text)
        return text

    hints = tuple(told(hint) for hint in verdict.hints if "there stood" not in hint and "there stands" not in hint)
    return dataclasses.replace(verdict, message=told(verdict.message), hints=hints)
