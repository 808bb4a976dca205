"""What each check takes and what it says; which argument goes through which check stands in ``bad_inputs_table.py``."""

import re

import numpy as np
import pytest

from numpycnn import checks

NAN, INF = float("nan"), float("inf")

# A call, the error, the whole message.
REFUSALS = [
    (lambda: checks.check_count(0, "n"), ValueError, "n: expected an integer of at least 1, got 0"),
    (lambda: checks.check_count(2.0, "n"), TypeError, "n: expected an integer of at least 1, got 2.0"),
    (lambda: checks.check_count(True, "n"), TypeError, "n: expected an integer of at least 1, got True"),
    (lambda: checks.check_count(9, "n", maximum=8), ValueError, "n: expected an integer of at most 8, got 9"),
    (lambda: checks.check_pair((1, 2, 3), "n"), ValueError,
     "n: expected an integer or a pair (vertical, horizontal), got (1, 2, 3)"),
    (lambda: checks.check_padding("full"), ValueError,
     "padding: expected one of \"valid\", \"same\", an integer or a pair, got 'full'"),
    (lambda: checks.check_fraction(1, "n"), ValueError, "n: expected a number in [0, 1), got 1"),
    (lambda: checks.check_fraction(NAN, "n", one_allowed=True), ValueError, "n: expected a number in [0, 1], got nan"),
    (lambda: checks.check_fraction("0.5", "n"), TypeError, "n: expected a number, got '0.5'"),
    (lambda: checks.check_positive(0, "n"), ValueError, "n: expected a finite number above 0, got 0"),
    (lambda: checks.check_positive(INF, "n", zero_allowed=True), ValueError,
     "n: expected a finite number of at least 0, got inf"),
    (lambda: checks.check_flag(1, "n"), TypeError, "n: expected True or False, got 1"),
    (lambda: checks.check_text(3, "n"), TypeError, "n: expected text, got 3"),
    (lambda: checks.check_list("ab", "n", "a list of names"), TypeError, "n: expected a list of names, got 'ab'"),
    (lambda: checks.check_choice("maxx", "mode", ("auto", "min", "max")), ValueError,
     "mode: expected one of \"auto\", \"min\", \"max\", got 'maxx'; did you mean 'max'?"),
    (lambda: checks.check_choice(None, "mode", ("auto", "min")), TypeError,
     'mode: expected one of "auto", "min", got None'),
    (lambda: checks.check_choice(3, "verbose", ("auto", 0, 1, 2)), ValueError,
     'verbose: expected one of "auto", 0, 1, 2, got 3'),
    (lambda: checks.check_instance(dict, dict, "state", "a dict"), TypeError,
     "state: expected a dict, got <class 'dict'>; write it with parentheses: dict()"),
    (lambda: checks.check_function(3, "f", "(x) -> y"), TypeError, "f: expected a function (x) -> y, got 3"),
    (lambda: checks.check_flag(np.zeros((9, 9)), "n"), TypeError,
     "n: expected True or False, got an array of shape (9, 9)"),
    (lambda: checks.check_dtype("float16"), TypeError, "dtype: expected \"float32\" or \"float64\", got 'float16'"),
    (lambda: checks.check_shape((28.0, 28, 1), "model"), TypeError,
     "'model': expected an input shape such as (28, 28, 1), got (28.0, 28, 1)"),
    (lambda: checks.check_rows(np.zeros((0, 2)), (2,), "x"), ValueError,
     "x: expected at least one row, got shape (0, 2)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSALS, ids=[message for _, _, message in REFUSALS])
def test_each_check_says_what_it_expected_and_what_it_got(call, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_an_error_shows_the_beginning_of_what_is_long():
    with pytest.raises(TypeError) as caught:
        checks.check_flag("a" * 10**6, "n")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "number", [np.int8(1), np.uint64(1), np.float16(1), np.float64(1), np.longdouble(1), np.bool_(True), np.str_("a")]
)
def test_numpy_scalars_are_taken_as_python_s_numbers_are(number):
    if isinstance(number, np.integer):
        assert type(checks.check_count(number, "n")) is int and checks.check_pair(number, "n") == (1, 1)
        assert checks.check_shape((number, 2), "n") == (1, 2) and checks.check_choice(number, "n", (1, 2)) == 1
    if isinstance(number, (np.integer, np.floating)):
        assert type(checks.check_positive(number, "n")) is float
        assert checks.check_fraction(number, "n", one_allowed=True) == 1
    if isinstance(number, np.bool_):
        assert checks.check_flag(number, "n") is True
    if isinstance(number, np.str_):
        assert checks.check_text(number, "n") == "a" == checks.check_choice(number, "n", ["a"])


# -- one reader of labels ---------------------------------------------------------------------------------


def readers(labels):
    """Every function of the package that takes class numbers, three classes."""
    import numpycnn as nc
    from numpycnn import metrics, plots

    images, rows = np.zeros((len(labels), 4, 4)), np.eye(3)[np.zeros(len(labels), int)]
    return [
        lambda: nc.SoftmaxCrossEntropy()(rows, labels), lambda: nc.to_categorical(labels, 3),
        lambda: nc.classification_report(labels, rows), lambda: metrics.calibration(labels, rows),
        lambda: nc.confusion_matrix(np.zeros(len(labels)), labels, 3),
        lambda: plots.plot_predictions(images, labels, rows),
    ]  # fmt: skip


@pytest.mark.parametrize("bad", [2.5, -1.0, NAN])
def test_a_wrong_label_gets_the_same_message_everywhere(bad):
    for read in readers([0, bad, 1]):
        with pytest.raises(ValueError, match=rf"^\w+: expected classes, whole numbers from 0 to \d+, got {bad} at"):
            read()


@pytest.mark.parametrize("dtype", ["bool", "i1", "u8", "f2", "f8", ">i4"])
def test_every_reader_takes_rows_and_columns_of_labels_of_every_type(dtype):
    for shape in ((2,), (2, 1)):
        for read in readers(np.array([0, 1], dtype).reshape(shape)):
            read()
