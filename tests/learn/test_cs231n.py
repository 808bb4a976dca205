"""CS231n's functions: right ones pass, the three mistakes that the course's own checks accept are named."""

import learn_231n as right
import numpy as np
import pytest

from numpycnn import learn
from numpycnn.learn.course import NAMES, NEEDS_FORWARD
from numpycnn.mistakes import MISTAKES, edited, solutions


@pytest.mark.parametrize("name", NAMES)
def test_right_functions_pass(name):
    forward = getattr(right, NEEDS_FORWARD[name]) if name in NEEDS_FORWARD else None
    for seed in (0, 1):
        verdict = learn.check_231n(name, getattr(right, name), forward, seed=seed)
        assert verdict.passed, verdict.message


@pytest.mark.parametrize(("name", "old", "new", "mistake", "says"), right.WRONG, ids=[row[3] for row in right.WRONG])
def test_mistakes_are_named_in_the_course_s_words(name, old, new, mistake, says):
    forward = getattr(right, NEEDS_FORWARD[name]) if name in NEEDS_FORWARD else None
    verdict = learn.check_231n(name, right.edited(name, old, new), forward)
    assert (verdict.passed, verdict.mistake) == (False, mistake) and says in verdict.message


def test_a_backward_may_bring_its_own_forward():
    verdict = learn.check_231n("conv_backward_naive", right.conv_backward_naive, right.conv_forward_naive)
    assert verdict.passed


def test_a_blank_fails():
    verdict = learn.check_231n("conv_backward_naive", lambda dout, cache: (None, None, None))
    assert verdict.mistake == "blank" and "dout of shape (1, 1, 2, 2)" in verdict.message  # laid out as NCHW


def test_shapes_are_the_course_s():
    verdict = learn.check_231n("conv_forward_naive", lambda x, w, b, p: (x.transpose(0, 2, 3, 1), None))
    assert "out has shape (1, 3, 3, 1); expected (1, 1, 2, 2)" in verdict.message


@pytest.mark.parametrize(("arguments", "error", "says"), [
    (("conv", print), ValueError, "name: expected one of"),
    (("relu_forward", 3), TypeError, "function: expected a function"),
    (("layernorm_backward", print), ValueError, "give forward, your layernorm_forward"),
])
def test_wrong_arguments(arguments, error, says):
    with pytest.raises(error, match=says):
        learn.check_231n(*arguments)


EXTRA = [
    (name, entry, task)
    for tasks in NAMES.values() for task in tasks
    for name in [task.exercise.solution.__name__] if name not in learn.EXERCISES for entry in MISTAKES[name]
]


@pytest.mark.parametrize(("name", "entry", "task"), EXTRA, ids=lambda value: getattr(value, "name", None))
def test_every_mistake_in_what_is_no_exercise_is_named(name, entry, task):
    from numpycnn.learn.judge import judge

    verdict = judge(task.exercise, edited(getattr(solutions, name), entry), 0, 10)
    assert verdict.mistake == entry.name and entry.says in verdict.message


def test_numbers_of_the_caller_are_left_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    learn.check_231n("dropout_forward", right.dropout_forward)
    assert np.array_equal(np.random.get_state()[1], before)
