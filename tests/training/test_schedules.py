"""Learning-rate schedules: their ends, their peaks, and what happens after the last step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpycnn import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    Schedule,
    StepDecay,
)
from numpycnn.schedules import SCHEDULES

quick = settings(max_examples=60, deadline=None, database=None)
EXAMPLES = [Constant(0.1), StepDecay(0.1, 30), CosineDecay(0.1, 100, final_rate=0.01), OneCycle(0.1, 100, warmup=0.2),
            ExponentialDecay(0.1, 30, 0.9), InverseTimeDecay(0.1, 30, 0.5, True), PolynomialDecay(0.1, 50, power=2.0),
            PiecewiseConstant([10, 20], [0.1, 0.05, 0.01])]  # fmt: skip
every_schedule = pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
rates = st.floats(1e-6, 10)
lengths = st.integers(1, 500)


def test_every_schedule_is_among_the_examples():
    assert {type(s) for s in EXAMPLES} == set(SCHEDULES.values())


def test_constant():
    assert [Constant(0.5)(step) for step in (0, 1, 10**9)] == [0.5] * 3


def test_step_decay_by_hand():
    schedule = StepDecay(8.0, step_size=3, factor=0.5)
    assert [schedule(step) for step in range(10)] == [8, 8, 8, 4, 4, 4, 2, 2, 2, 1]


def test_exponential_decay_by_hand():
    assert [ExponentialDecay(8.0, 2, 0.25)(step) for step in range(5)] == [8, 4, 2, 1, 0.5]
    stairs = ExponentialDecay(8.0, 3, 0.5, staircase=True)
    assert [stairs(step) for step in range(10)] == [StepDecay(8.0, 3, 0.5)(step) for step in range(10)]


def test_inverse_time_decay_by_hand():
    assert [InverseTimeDecay(6.0, 2, 1.0)(step) for step in (0, 1, 2, 4, 10)] == [6, 4, 3, 2, 1]
    assert [InverseTimeDecay(6.0, 2, 1.0, True)(step) for step in (0, 1, 2, 3, 4)] == [6, 6, 3, 3, 2]


def test_polynomial_decay_by_hand():
    assert [PolynomialDecay(5.0, 4, 1.0)(step) for step in (0, 1, 2, 4, 9)] == [5, 4, 3, 1, 1]
    assert [PolynomialDecay(5.0, 4, 1.0, 2.0)(step) for step in (0, 2, 3, 4)] == [5, 2, 1.25, 1]


def test_pieces_by_hand():
    schedule = PiecewiseConstant((2, 4), (3.0, 2.0, 1.0))
    assert [schedule(step) for step in range(7)] == [3, 3, 3, 2, 2, 1, 1]
    assert schedule.get_config() == {"boundaries": [2, 4], "rates": [3.0, 2.0, 1.0]}
    assert PiecewiseConstant([], [0.5])(3) == 0.5


def test_cosine_decay_by_hand():
    # cos(0) = 1, cos(pi / 3) = 1/2, cos(pi / 2) = 0, cos(pi) = -1: all, three quarters, half, none of 1.0 above 0.5.
    schedule = CosineDecay(1.5, steps=6, final_rate=0.5)
    assert [schedule(step) for step in (0, 2, 3, 6)] == pytest.approx([1.5, 1.25, 1.0, 0.5])


@quick
@given(rate=rates, steps=lengths)
def test_cosine_decay_falls_and_stays(rate, steps):
    schedule = CosineDecay(rate, steps)
    path = [schedule(step) for step in range(steps + 1)]
    assert path[0] == rate and path[-1] == pytest.approx(0, abs=1e-15 * rate)
    assert (np.diff(path) < 0).all()
    assert schedule(steps + 1) == schedule(10 * steps) == path[-1]
    assert path[steps // 2] + path[steps - steps // 2] == pytest.approx(rate)  # symmetric about the middle


def test_one_cycle_by_hand():
    # Steps 0 to 10, the peak at 4: from 1 / 10 to 1, halfway (step 2) at their mean; then to 1 / 100, halfway at 7.
    schedule = OneCycle(1.0, steps=11, warmup=0.4, start_factor=10, end_factor=100)
    assert [schedule(step) for step in (0, 2, 4, 7, 10)] == pytest.approx([0.1, 0.55, 1, 0.505, 0.01])


@quick
@given(peak=rates, steps=st.integers(2, 500), warmup=st.floats(0, 0.99))
def test_one_cycle_rises_once_and_falls_once(peak, steps, warmup):
    schedule = OneCycle(peak, steps, warmup)
    path = np.array([schedule(step) for step in range(steps + 1)])
    top = int(path.argmax())
    assert path[top] <= peak * (1 + 1e-15) and abs(top - warmup * (steps - 1)) <= 1
    assert (np.diff(path[: top + 1]) > 0).all() and (np.diff(path[top:]) <= 0).all()
    assert path[0] == pytest.approx(peak / 25 if warmup else peak)
    assert path[-2] == path[-1] == pytest.approx(peak / 1e4) and schedule(10 * steps) == path[-1]


def test_the_last_step_of_a_cycle_takes_the_last_rate():
    assert OneCycle(0.1, steps=100)(99) == pytest.approx(0.1 / 1e4)
    assert OneCycle(0.1, steps=1)(0) == pytest.approx(0.1 / 25)  # the first and only one


def test_a_rate_beyond_all_numbers_is_refused():
    schedule = StepDecay(0.1, 1, 2.0)
    assert schedule(1000) == 0.1 * 2.0**1000
    for step in (1027, 5000):  # infinite as a product, and as a power
        with pytest.raises(ValueError, match=f"rate at step {step} is too large a number; use a factor"):
            schedule(step)
    assert StepDecay(0.0, 1, 2.0)(5000) == 0 and StepDecay(0.1, 1)(10**300) == 0
    with pytest.raises(ValueError, match="peak_rate / start_factor: expected a finite number"):
        OneCycle(1.0, 10, start_factor=1e-320)


@every_schedule
def test_more_steps_than_a_float_can_count(schedule):
    late = 10**300 if isinstance(schedule, InverseTimeDecay) else 10**6  # which goes on falling
    assert schedule(10**400) == schedule(late)


@every_schedule
def test_rates_are_finite_python_numbers(schedule):
    for step in (0, 1, 19, 20, 21, 99, 100, 101, 10_000):
        rate = schedule(step)
        assert type(rate) is float and 0 <= rate < math.inf


@every_schedule
def test_configuration_and_repr_make_an_equal_schedule(schedule):
    for twin in (SCHEDULES[type(schedule).__name__](**schedule.get_config()), eval(repr(schedule))):
        assert [twin(step) for step in range(120)] == [schedule(step) for step in range(120)]


def test_what_a_schedule_of_ones_own_must_define_is_named():
    with pytest.raises(NotImplementedError, match=r"Schedule has to define __call__\(step\)"):
        Schedule()(0)
