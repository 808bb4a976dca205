"""The judge names every mistake of the library, passes what is right however it is written, and misleads nobody."""

import re

import learn_held_out as held_out
import learn_styles as styles
import numpy as np
import pytest

from numpycnn import learn
from numpycnn.learn import chance, conditions, course, exercises, observations
from numpycnn.learn.exercises import EXERCISES
from numpycnn.mistakes import MISTAKES, edited, solutions, systematic
from numpycnn.mistakes import styles as other_styles
from numpycnn.mistakes.systematic import METHODS

ENTRIES = [(name, entry) for name in EXERCISES for entry in MISTAKES[name]]
STYLES = [name for name in vars(styles) if name.rsplit("_", 1)[0] in EXERCISES]


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=lambda value: getattr(value, "name", value))
def test_every_mistake_of_the_library_is_named(name, entry):
    verdict = learn.check(name, edited(getattr(solutions, name), entry))
    assert not verdict.passed and verdict.mistake == entry.name
    assert entry.says in verdict.message and len(verdict.hints) == 3


def test_the_library_is_large_and_its_names_are_its_own():
    assert len(ENTRIES) >= 120
    for name in EXERCISES:
        says = {}
        for entry in MISTAKES[name]:
            says.setdefault(entry.name, entry.says)
            assert says[entry.name] == entry.says, entry.name  # one name, one mistake


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_solutions_pass(name, seed):
    assert learn.check(name, getattr(solutions, name), seed=seed).passed


@pytest.mark.parametrize("name", STYLES)
def test_right_solutions_of_other_styles_pass(name):
    for seed in (0, 3):
        verdict = learn.check(name.rsplit("_", 1)[0], getattr(styles, name), seed=seed)
        assert verdict.passed, verdict.message


HELD_OUT = [*held_out.ROWS, *held_out.ROWS_B]


def test_mistakes_met_elsewhere_are_rejected_and_nearly_all_are_named():
    named = 0
    for row in HELD_OUT:
        verdict = learn.check(held_out.exercise_of(row), held_out.wrong(row))
        assert not verdict.passed, row
        if verdict.mistake in (None, "raises"):
            place = r"\[\d+.*\] is .*; it should be|has shape|it should be about|raises"
            assert re.search(place, verdict.message), row
        else:
            assert re.search(row[-2], verdict.message), row
            named += 1
    assert len(HELD_OUT) >= 100 and named >= 0.9 * len(HELD_OUT)


def test_a_cause_of_two_wrong_shapes_is_told_once():
    def per_pixel(dy, x, gamma, epsilon):
        normalised = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon)
        return dy * gamma, (dy * normalised).sum(axis=0), dy.sum(axis=0)

    message = learn.check("batch_norm_backward", per_pixel).message
    assert message.startswith("dgamma has shape") and message.count("summed over the images only") == 1


def test_exceptions_have_a_cause():
    """What is right wherever it gives something is compared with entries that raise in the same cases."""
    entries = {entry.name: entry for entry in MISTAKES["im2col"]}
    verdict = learn.check("im2col", edited(solutions.im2col, entries["kernel-height-for-width"]))
    assert verdict.mistake == "kernel-height-for-width" and "just where the filter is not square" in verdict.message


@pytest.mark.parametrize("name", [name for name in vars(other_styles) if "_by_" in name])
def test_the_solutions_in_whose_lines_mistakes_are_tried_are_right(name):
    verdict = learn.check(name.split("_by_")[0], getattr(other_styles, name))
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(("name", "function", "mistake", "says"), [
    ("dense_backward", lambda dy, x, w: (dy @ w.T, x.T @ dy, 4 * dy.mean(axis=0)), "db-scaled",
     "right but for the factor 4 over dy.shape[0]"),
    ("im2col", lambda x, *more: solutions.im2col(x[::-1], *more), "cols-reordered",
     "run over (n reversed, oy, ox, ky, kx, c)"),
    ("dense_backward", lambda dy, x, w: (np.roll(dy @ w.T, 1, 1), x.T @ dy, dy.sum(axis=0)), "dx-moved",
     "one place later along axis 1"),
    ("dense_backward", lambda dy, x, w: (dy @ w.T, x.T @ dy * (1.5 + np.arange(w.shape[1])), dy.sum(axis=0)), None,
     "right but for a factor, one for each index of axis 1; here 1.5, 2.5"),
    ("dense_backward", lambda dy, x, w: (dy @ w.T, x.T @ dy, dy.sum(axis=0) + 0.3), None,
     "right but for a number that is added, one in each case; here 0.3"),
    ("dense_backward", lambda dy, x, w: (dy @ w.T * 1.01 ** (np.arange(len(x)) > 0)[:, None] + 0.02 * (
        np.arange(len(x)) > 0)[:, None] * dy[:, :1] ** 2, x.T @ dy, dy.sum(axis=0)), None,
     "What is wrong is just what is not at the first index of axis 0"),
])  # fmt: skip
def test_what_can_be_seen_is_said(name, function, mistake, says):
    verdict = learn.check(name, function)
    assert verdict.mistake == mistake and says in verdict.message


def test_arguments_in_another_order_are_named_and_their_names_do_not_matter():
    verdict = learn.check("dense_backward", lambda x, w, dy: (dy @ w.T, x.T @ dy, dy.sum(axis=0)))
    assert verdict.mistake == "arguments-order" and "x, w, dy; it is called with dy, x, w" in verdict.message
    assert learn.check("dense_backward", lambda x, dy, w: solutions.dense_backward(x, dy, w)).passed


@pytest.mark.parametrize("mask", [
    lambda x, rng: rng.random(x.shape[:2] + (1,) * (x.ndim - 2)),  # whole rows of pixels
    lambda x, rng: rng.random(x.shape[:-2] + (1,) + x.shape[-1:] if x.ndim > 2 else x.shape),
    lambda x, rng: np.tile(rng.random((len(x) // 2, *x.shape[1:])), (2, *[1] * (x.ndim - 1))),  # for two images each
])  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1])
def test_masks_that_elements_share_are_found(mask, seed):
    verdict = learn.check("dropout_forward", lambda x, rate, rng: x * (mask(x, rng) >= rate) / (1 - rate), seed=seed)
    assert not verdict.passed and re.search("the mask varies|masks of their own", verdict.message)


def test_a_maximum_that_begins_too_high_is_found():
    def from_minus_1000(x, size, stride):
        return np.maximum(solutions.max_pool_forward(x, size, stride), -1000.0)

    assert "is -1000; it should be -1" in learn.check("max_pool_forward", from_minus_1000).message


def test_a_line_whose_outcome_is_right_is_not_blamed():
    def ahead(w, g, m, v, t, rate, beta1, beta2, epsilon):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        step = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
        return w - rate * step / (np.sqrt(v / (1 - beta2**t)) + epsilon), m, v

    assert "`m = " not in learn.check("adam_step", ahead).message


def test_of_two_entries_that_explain_a_loss_that_is_named_which_blames_no_more():
    def unsafe(logits, labels):
        shifted = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(p)), labels]).mean(), p

    assert learn.check("softmax_cross_entropy", unsafe).mistake == "loss-log-of-zero"


def test_two_mistakes_in_two_outputs_are_both_told():
    def both(dy, x, w):
        return dy @ w.T / len(x), x.T @ dy, dy.sum(axis=0) + x[0, 0]

    verdict = learn.check("dense_backward", both)
    assert verdict.mistake == "dx-averaged" and "There is more: db[0] is" in verdict.message


def test_what_can_be_seen_of_a_second_output_is_said_too():
    message = learn.check("dense_backward", lambda dy, x, w: (-dy @ w.T, 2 * x.T @ dy, dy.sum(axis=0))).message
    assert message == "dx: the sign is flipped. There is more: dw: it is right but for the factor 2"


def test_two_mistakes_in_one_output_are_both_told():
    entries = {entry.name: entry for entry in MISTAKES["conv2d_forward"]}
    function = edited(solutions.conv2d_forward, entries["filters-flipped"], entries["stride-forgotten"])
    message = learn.check("conv2d_forward", function).message
    assert "two mistakes at once" in message and "flipped" in message and "stride is forgotten" in message


def test_one_cause_of_two_wrong_outputs_is_told_once():
    entries = {entry.name: entry for entry in MISTAKES["conv2d_backward"]}
    verdict = learn.check("conv2d_backward", edited(solutions.conv2d_backward, entries["stride-forgotten"]))
    assert verdict.message.startswith("dx and dw: the stride") and "more" not in verdict.message


def test_what_is_unknown_is_placed_and_nothing_else_is_said():
    def strange(x, size, stride):
        y = solutions.max_pool_forward(x, size, stride)
        y[-1, -1, -1, -1] += 0.25 * (stride > 1)
        return y

    verdict = learn.check("max_pool_forward", strange)
    assert verdict.mistake is None
    assert re.match(r"y\[0, 1, 1, 0\] is \S+; it should be \S+ \(1 of 4 are wrong\), for x", verdict.message)
    assert verdict.message.endswith("It is wrong just where the stride is above 1")


def test_what_is_wrong_where_logits_are_large_is_placed_there():
    def strange(logits, labels):
        loss, dlogits = solutions.softmax_cross_entropy(logits, labels)
        return loss + (np.abs(logits).max() > 700), dlogits

    assert learn.check("softmax_cross_entropy", strange).message.endswith("It is wrong just where logits are large")


def test_an_exception_in_some_cases_is_told_with_what_these_have_in_common():
    def square_only(x, size, stride):
        assert x.shape[1] == x.shape[2], "square images only"
        return solutions.max_pool_forward(x, size, stride)

    message = learn.check("max_pool_forward", square_only).message
    assert "raises AssertionError" in message and "It does so just where the image is not square" in message


def test_the_caller_s_random_numbers_are_left_alone():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    learn.check("dropout_forward", styles.dropout_forward_loops)
    learn.check("he_normal", lambda shape, rng: np.random.standard_normal(shape))
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(("arguments", "error", "says"), [
    (("conv2d", print), ValueError, "name: expected one of .*conv2d_forward"),
    (("im2col", 3), TypeError, "function: expected a function to call, got 3"),
])
def test_wrong_arguments(arguments, error, says):
    with pytest.raises(error, match=says):
        learn.check(*arguments)


def test_an_edit_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="stands 0 times"):
        edited(solutions.dense_forward, MISTAKES["im2col"][0])


@pytest.mark.parametrize(("index", "word"), [(0, "first"), (-1, "last")])
def test_what_is_right_in_one_place_only_or_wrong_there_only(index, word):
    right = np.arange(1.0, 7).reshape(2, 3)
    pairs = [(None, right, {}), (None, right[0], {})]  # they have one axis in common
    turns = {name: turn for name, _, turn in observations._first_or_last(pairs)}
    one = np.zeros((2, 3))
    one[index] = right[index]
    assert np.array_equal(turns[f"{word}-only"](right, {}), one)
    assert np.array_equal(turns[f"{word}-missing"](right, {}), right - one)


def test_units_that_all_start_alike_are_told_from_such_that_do_not():
    number = chance.weights_chance.names.index("the share of rows in which the units differ")
    own = np.random.default_rng(0).standard_normal((5, 4))
    for w, share in ((own, 1), (np.repeat(own[:, :1], 4, axis=1), 0)):
        assert chance._observe_weights((w, w, own, own), {"shape": w.shape})[number] == share


def test_some_images_and_windows_fit_however_their_axes_are_swapped():
    """What swaps axes is then told by its numbers, and not by an error about shapes alone."""
    for seed in range(3):
        cases = list(exercises._image_cases(np.random.default_rng(seed)))
        assert any(h == w and kh == kw and n == c == f > 1 for n, h, w, c, kh, kw, f, _, _ in cases)
        assert any(c == f > 2 for _, _, _, c, _, _, f, _, _ in cases)


@pytest.mark.parametrize("result", [1, (1,), (1, 2, 3)])
def test_a_forward_of_the_course_returns_two_things_or_is_judged_as_it_is(result):
    assert course.first((result, "cache")) == result and course.first(result) == result


@pytest.mark.parametrize(("case", "said"), [
    ({"x": np.zeros((1, 3, 3, 1))}, ""), ({"x": np.zeros((2, 3, 3, 1))}, "there is more than one image"),
    ({"x": np.zeros((1, 3, 3, 2))}, "there is more than one channel"), ({"x": np.zeros((1, 3, 4, 1))}, "not square"),
    ({"x": np.zeros((2, 3))}, "there is more than one row"),

    ({"epsilon": 1e-3}, "epsilon is not tiny"), ({"epsilon": 1e-5}, ""),
    ({"rate": 0.0}, "the rate is 0"), ({"rate": 0.1}, ""),
    ({"padding": 1}, "there is padding"), ({"t": 2}, "t is above 1"), ({"w": np.zeros((1, 2))}, "w is not square"),
])  # fmt: skip
def test_what_a_case_has_that_the_simplest_has_not(case, said):
    found = [words for words, holds in conditions.CONDITIONS if holds(case)]
    assert len(found) == bool(said) and all(said in words for words in found)


def test_a_zero_has_no_sign_where_arguments_are_shown():
    case = {"m": np.array([-0.0, -1e-9, 2]), "labels": np.array([1])}
    assert conditions.described(case) == "m [0.0, 0.0, 2.0], labels [1]"


@pytest.mark.parametrize("count", [4, 5])
def test_what_stands_in_wrong_places_is_said_of_more_than_four(count):
    wanted = np.arange(1.0, 13).reshape(3, 4)
    mine = wanted.copy()
    mine.ravel()[[0, 3, 5, 6, 10][:count]] = 99
    assert conditions.pattern([(mine, wanted)]) == (". Wherever it is wrong there stands 99" if count > 4 else "")


@pytest.mark.parametrize("shape, remains", [((1, 4, 4, 1), False), ((1, 5, 4, 1), True), ((1, 4, 5, 1), True)])
def test_pixels_may_be_left_over_at_either_side(shape, remains):
    holds = dict(conditions.CONDITIONS)["pixels are left over at the end of a row or column"]
    assert holds({"x": np.zeros(shape), "w": np.zeros((2, 2, 1, 1)), "stride": 2}) == remains


def test_a_sum_may_have_been_any_other_method():
    sources = [each.source for each in systematic(solutions.dense_backward)]
    assert all(any(f"dy.{method}(axis=0)" in source for source in sources) for method in METHODS)


def test_the_sides_are_swapped_where_that_makes_a_difference():
    ends = {each.source.rstrip().rpartition("return ")[2] for each in systematic(solutions.dense_forward)}
    assert "w @ x + b" in ends and "b + x @ w" not in ends


@pytest.mark.parametrize("paddings, says", [
    ((1, 1, 1, 0), ". It is wrong in 2 of 4 cases; what these have in common: there is padding"),
    ((0, 1, 0, 1), ". It is wrong in 2 of 4 cases"), ((1, 1, 0, 0), ". It is wrong just where there is padding"),
    ((0, 0, 1, 1), ". It is wrong everywhere but where there is padding"),
])
def test_what_failing_cases_have_in_common(paddings, says):
    cases = [{"padding": padding} for padding in paddings]
    assert conditions.condition(cases, [False, False, True, True]) == says


def test_a_single_failing_case_has_nothing_in_common_with_others():
    cases = [{"padding": padding} for padding in (1, 1, 0)]
    assert conditions.condition(cases, [True, False, True]) == ". It is wrong in 1 of 3 cases"


def test_statistics_of_weights_are_what_their_names_say():
    w = np.zeros((50, 2))
    w[:2] = [[10, -10], [-10, 10]]  # 4 of 100: a deviation of 2, a mean of 0
    found = chance._observe_weights((w, w, -w, -w), {"shape": w.shape})
    np.testing.assert_allclose(found, [np.log(2 * 5), 0, 0.04 * 5**4 / 10, 3 * 0.04, 0.5, 2 / 50, 0, 1, 1])


def test_what_failing_cases_have_in_common_is_said_by_the_rarest_condition():
    """All that fail are of several channels, and so are most others; only they have a filter that is not square."""
    cases = [dict(x=np.zeros((2, 5, 5, c)), w=np.zeros((kh, 2, c, 1)), stride=1, padding=0)
             for c, kh in ((1, 2), (1, 3), (2, 2), (3, 2), (2, 2), (2, 3), (3, 3))]  # fmt: skip
    says = conditions.condition(cases, [True] * 5 + [False] * 2)
    assert says == ". It is wrong in 2 of 7 cases; what these have in common: the filter is not square"


def test_dropout_of_an_exact_number_is_refused_and_chance_is_not():
    def exact(x, rate, rng):
        y = x / (1 - rate)
        y.flat[rng.permutation(x.size)[: round(rate * x.size)]] = 0
        return y

    assert learn.check("dropout_forward", exact).mistake == "count-is-exact"
    for seed in range(20):
        assert learn.check("dropout_forward", lambda x, rate, rng: x * rng.binomial(1, 1 - rate, x.shape) / (1 - rate),
                           seed=seed).passed  # fmt: skip


def test_a_maximum_of_another_kind_is_told_where_the_logarithm_was_taken_apart():
    """The loss alone is infinite as if p had underflowed; together with dlogits it is what overflows."""

    def least(logits, labels):
        z = logits - logits.min(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -log_p[range(len(z)), labels].mean(), (np.exp(log_p) - np.eye(z.shape[1])[labels]) / len(z)

    assert learn.check("softmax_cross_entropy", least).mistake == "minimum-subtracted"


@pytest.mark.parametrize("seed", range(4))
def test_equal_units_are_told_however_their_weights_are_rounded(seed):
    def he_normal(shape, rng):
        one = rng.standard_normal((*shape[:-1], 1)) * 2**0.5 * np.prod(shape[:-1]) ** -0.5
        return np.repeat(one, shape[-1], axis=-1)

    assert learn.check("he_normal", he_normal, seed=seed + 2).mistake == "one-column"


@pytest.mark.parametrize("scaled", [lambda z: z - z.mean(), lambda z: z / z.std(), lambda z: z / np.linalg.norm(z)])
def test_weights_that_are_made_to_fit_are_refused(scaled):
    def he_normal(shape, rng):
        z = scaled(rng.standard_normal(shape))
        return z / np.sqrt((z**2).mean() * np.prod(shape[:-1]) / 2)

    verdict = learn.check("he_normal", he_normal)
    assert not verdict.passed and ("vary" in verdict.message or "varies" in verdict.message)
