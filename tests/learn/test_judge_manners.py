"""What the judge says where it is no matter of numbers: types, arguments changed, state, exceptions, time."""

import re

import numpy as np
import pytest

from numpycnn import learn
from numpycnn.learn.exercises import EXERCISES
from numpycnn.mistakes import solutions


def conv2d_forward_in_place(x, w, b, stride, padding):
    y = solutions.conv2d_forward(x, w, b, stride, padding)
    x += 1
    return y


def endless(x):
    while True:
        pass


CONTRACT = [
    ("dense_backward", lambda dy, x, w: None, "blank", "returns None; expected dx, dw and db"),
    ("dense_backward", lambda dy, x, w: (None, None, None), "blank", "returns None"),
    ("dense_backward", lambda dy, x, w: (dy @ w.T, x.T @ dy), "outputs", "returns 2 values; expected dx, dw and db"),
    ("dense_backward", lambda dy, x, w: dy, "outputs", "returns a single ndarray"),
    ("dense_backward", lambda dy, x, w: (dy @ w.T, x.T @ dy, "db"), "no-array", "db is an array of <U2"),
    ("dense_backward", lambda dy, x, w: (dy @ w.T, x.T @ dy, None), "no-array", "db is None"),
    ("dense_backward", lambda dy: dy, "raises", "raises TypeError"),
    ("dense_backward", lambda dy, x, w: 1 / 0, "raises", "raises ZeroDivisionError in line"),
    ("dense_backward", lambda dy, x, w: exit(), "raises", "raises SystemExit"),
    ("conv2d_forward", conv2d_forward_in_place, "changes-input", "the numbers are right, but it changes x in place"),
]


@pytest.mark.parametrize(("name", "function", "mistake", "says"), CONTRACT)
def test_what_breaks_the_contract_is_told(name, function, mistake, says):
    verdict = learn.check(name, function)
    assert (verdict.passed, verdict.mistake) == (False, mistake) and says in verdict.message
    assert verdict.hints == EXERCISES[name].hints and mistake in learn.CONTRACT


def test_a_blank_fails_by_its_exception_too():
    def blank(dy, x, w):
        raise NotImplementedError

    assert learn.check("dense_backward", blank).mistake == "blank"


def test_single_precision_is_told():
    def float32(*arguments):
        return solutions.max_pool_forward(*arguments).astype("float32")

    verdict = learn.check("max_pool_forward", float32)
    assert verdict.mistake == "dtype" and "float32; expected float64" in verdict.message


@pytest.mark.parametrize(("name", "result"), [("dropout_forward", "y"), ("he_normal", "w")])
def test_single_precision_is_told_where_numbers_are_drawn(name, result):
    def float32(*arguments):
        return getattr(solutions, name)(*arguments).astype("float32")

    assert f"{result} is float32; expected float64" in learn.check(name, float32).message


@pytest.mark.parametrize(("name", "function"), [
    ("dropout_forward", lambda x, rate, rng: np.float32(x * (rng.random(x.shape, "float32") >= rate) / (1 - rate))),
    ("he_normal", lambda shape, rng: rng.standard_normal(shape, "f") * np.sqrt(2 / np.prod(shape[:-1]), dtype="f")),
])  # fmt: skip
def test_single_precision_is_told_where_it_draws_other_numbers(name, function):
    assert learn.check(name, function).mistake == "dtype"


def test_single_precision_on_the_way_is_told():
    def rounded(dy, x, w):
        return np.float32(dy @ w.T).astype(float), x.T @ dy, dy.sum(axis=0)

    verdict = learn.check("dense_backward", rounded)
    assert verdict.mistake == "dx-rounded" and "few right digits" in verdict.message


@pytest.mark.parametrize("dtype", [int, bool, complex])
def test_another_type_is_told_where_the_numbers_are_wrong(dtype):
    def mirrored(x, *more):
        return solutions.max_pool_forward(x[..., ::-1], *more).astype(dtype)

    verdict = learn.check("max_pool_forward", mirrored)
    assert not verdict.passed and f"in an array of {np.dtype(dtype)}" in " ".join((verdict.message, *verdict.hints))


KEPT = {"dw": 0, "m": 0}


def adds_up(dy, x, w):
    KEPT["dw"] = (KEPT["dw"] if np.shape(KEPT["dw"]) == w.shape else 0) + x.T @ dy
    return dy @ w.T, KEPT["dw"], dy.sum(axis=0)


def keeps_m(w, g, m, *more):
    KEPT["m"] = solutions.adam_step(w, g, KEPT["m"] if np.shape(KEPT["m"]) == w.shape else 0 * m, *more)[1]
    return solutions.adam_step(w, g, KEPT["m"], *more)


def only_new(x, gamma, beta, epsilon, seen=[]):
    seen.append(x.shape)
    return solutions.batch_norm_forward(x, gamma, beta, epsilon) * (seen.count(x.shape) == 1)


@pytest.mark.parametrize(("name", "function"), [
    ("dense_backward", adds_up), ("adam_step", keeps_m), ("batch_norm_forward", only_new),
])  # fmt: skip
def test_what_is_kept_between_calls_is_told(name, function):
    verdict = learn.check(name, function)
    assert verdict.mistake == "not-repeated" and "called once more" in verdict.message


def test_an_exception_within_numpy_is_placed_where_numpy_was_called():
    def unpacked(shape, rng):
        return rng.standard_normal(*shape)

    assert re.search(r"raises TypeError in line \d+ of unpacked \(return", learn.check("he_normal", unpacked).message)


def test_what_never_ends_is_stopped():
    verdict = learn.check("he_normal", lambda shape, rng: endless(shape), time_limit=0.2)
    assert verdict.mistake == "too-slow" and "does not end within 0.2 seconds" in verdict.message


@pytest.mark.parametrize(("name", "shape", "function"), [
    ("he_normal", r"w has shape \(5400,\); expected \(90, 60\)", lambda shape, rng: rng.random(np.prod(shape))),
    ("he_normal", r"w has shape \(\); expected", lambda shape, rng: rng.standard_normal()),
    ("dropout_forward", r"y has shape \(4800,\); expected \(80, 60\)", lambda x, rate, rng: x.ravel()),
])  # fmt: skip
def test_what_is_drawn_in_another_shape_is_told(name, shape, function):
    assert re.match(shape, learn.check(name, function).message)
