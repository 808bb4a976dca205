"""The metrics against numbers worked by hand, properties, brute force and scikit-learn."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpycnn.metrics import accuracy, classification_report, confusion_matrix, precision_recall_f1
from numpycnn.checks import check_predicted_classes, check_true_classes

# Eight examples of three classes. By hand, true -> predicted:
#   0 -> 0, 0 -> 0, 0 -> 1 | 1 -> 1, 1 -> 1, 1 -> 1, 1 -> 0 | 2 -> 1
#            predicted 0  1  2   support
#   true 0             2  1  0      3
#   true 1             1  3  0      4
#   true 2             0  1  0      1
#   times predicted    3  5  0      8, of which right 2 + 3 + 0 = 5
Y_TRUE = [0, 0, 0, 1, 1, 1, 1, 2]
Y_PRED = [0, 0, 1, 1, 1, 1, 0, 1]
MATRIX = [[2, 1, 0], [1, 3, 0], [0, 1, 0]]
PRECISION = [2 / 3, 3 / 5, 0]  # the last is 0 / 0
RECALL = [2 / 3, 3 / 4, 0 / 1]
F1 = [4 / 6, 6 / 9, 0 / 1]  # 2 TP / (times predicted + support)

# Macro averages: precision (2/3 + 3/5) / 3 = 0.4222, recall (2/3 + 3/4) / 3 = 0.4722,
# F1 (2/3 + 2/3) / 3 = 0.4444. Weighted: precision (3 * 2/3 + 4 * 3/5) / 8 = 4.4 / 8 = 0.55,
# recall (2 + 3) / 8 = 0.625 (the accuracy, always), F1 7 * 2/3 / 8 = 0.5833.
REPORT = """\
              precision    recall  f1-score   support

           0     0.6667    0.6667    0.6667         3
           1     0.6000    0.7500    0.6667         4
           2     0.0000    0.0000    0.0000         1

    accuracy                         0.6250         8
   macro avg     0.4222    0.4722    0.4444         8
weighted avg     0.5500    0.6250    0.5833         8
"""

pairs = st.integers(1, 6).flatmap(
    lambda k: st.lists(
        st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=40
    ).map(lambda rows: (k, [row[0] for row in rows], [row[1] for row in rows]))
)


def brute_force_scores(k, y_true, y_pred):
    """Precision, recall, F1, support of class k by counting, one example after another."""
    both = sum(t == k and p == k for t, p in zip(y_true, y_pred))
    said = sum(p == k for p in y_pred)
    there = sum(t == k for t in y_true)
    precision = both / said if said else 0.0
    recall = both / there if there else 0.0
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return precision, recall, f1, there


def test_hand_worked_example():
    assert accuracy(Y_TRUE, Y_PRED) == 5 / 8
    matrix = confusion_matrix(Y_TRUE, Y_PRED)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, MATRIX)
    scores = precision_recall_f1(Y_TRUE, Y_PRED)
    np.testing.assert_allclose(scores.precision, PRECISION, rtol=1e-15)
    np.testing.assert_allclose(scores.recall, RECALL, rtol=1e-15)
    np.testing.assert_allclose(scores.f1, F1, rtol=1e-15)
    np.testing.assert_array_equal(scores.support, [3, 4, 1])


def test_report_text_of_the_hand_worked_example():
    assert classification_report(Y_TRUE, Y_PRED) == REPORT


def test_report_dict_is_plain_numbers_in_the_order_of_the_lines():
    report = classification_report(Y_TRUE, Y_PRED, output_dict=True)
    assert list(report) == ["0", "1", "2", "accuracy", "macro avg", "weighted avg"]
    assert json.loads(json.dumps(report)) == report
    assert report["accuracy"] == 5 / 8
    assert report["1"] == {"precision": 3 / 5, "recall": 3 / 4, "f1-score": 6 / 9, "support": 4}
    assert report["weighted avg"]["precision"] == pytest.approx(4.4 / 8, rel=1e-15)
    assert report["macro avg"]["support"] == 8


def test_report_names_and_digits():
    names = ["T-shirt/top", "an ankle boot of leather", "bag"]
    lines = classification_report(Y_TRUE, Y_PRED, class_names=names, digits=2).splitlines()
    assert lines[2] == "             T-shirt/top       0.67      0.67      0.67         3"
    assert lines[3] == "an ankle boot of leather       0.60      0.75      0.67         4"
    assert len({len(line) for line in lines if line}) == 1, "columns end at the same place"
    many = classification_report(Y_TRUE, Y_PRED, digits=12).splitlines()
    assert "0.666666666667" in many[2]
    assert len({len(line) for line in many if line}) == 1


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_matrix_properties(pair):
    k, y_true, y_pred = pair
    matrix = confusion_matrix(y_true, y_pred, k)
    assert matrix.shape == (k, k)
    assert matrix.sum() == len(y_true)
    assert matrix.trace() / len(y_true) == accuracy(y_true, y_pred)
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(y_true, minlength=k))
    np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(y_pred, minlength=k))
    np.testing.assert_array_equal(matrix.T, confusion_matrix(y_pred, y_true, k))


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_report_equals_brute_force(pair):
    k, y_true, y_pred = pair
    names = [f"class {i}" for i in range(k)]
    report = classification_report(y_true, y_pred, class_names=names, output_dict=True)
    rows = [brute_force_scores(i, y_true, y_pred) for i in range(k)]
    for name, row in zip(names, rows):
        np.testing.assert_allclose(list(report[name].values()), row, rtol=1e-12)
    n = len(y_true)
    macro = [sum(row[i] for row in rows) / k for i in range(3)]
    weighted = [sum(row[i] * row[3] for row in rows) / n for i in range(3)]
    np.testing.assert_allclose(list(report["macro avg"].values()), [*macro, n], rtol=1e-12)
    np.testing.assert_allclose(list(report["weighted avg"].values()), [*weighted, n], rtol=1e-12)
    scores = precision_recall_f1(y_true, y_pred, k)
    np.testing.assert_allclose(np.transpose(scores), rows, rtol=1e-12)


def test_agrees_with_scikit_learn():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(7)
    for k, n in ((2, 50), (10, 1000), (13, 300)):
        # Every class occurs: scikit-learn leaves out one that does not, we keep it.
        y_true = np.concatenate([np.arange(k), rng.integers(0, k, n)])
        y_pred = np.where(rng.random(n + k) < 0.8, y_true, rng.integers(0, k, n + k))
        names = [f"number {i}" for i in range(k)]
        for digits in (2, 4):
            assert classification_report(
                y_true, y_pred, class_names=names, digits=digits
            ) == sklearn_metrics.classification_report(
                y_true, y_pred, target_names=names, digits=digits, zero_division=0
            )
        ours = classification_report(y_true, y_pred, class_names=names, output_dict=True)
        theirs = sklearn_metrics.classification_report(
            y_true, y_pred, target_names=names, output_dict=True, zero_division=0
        )
        assert list(ours) == list(theirs)
        for name, entry in theirs.items():
            assert ours[name] == pytest.approx(entry, rel=1e-12)
        np.testing.assert_array_equal(
            confusion_matrix(y_true, y_pred), sklearn_metrics.confusion_matrix(y_true, y_pred)
        )
        assert accuracy(y_true, y_pred) == sklearn_metrics.accuracy_score(y_true, y_pred)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int32", "uint64", "float16", "float32", "float64"]
)
def test_every_form_of_the_same_labels(dtype):
    labels = np.array([1, 0, 1, 1])
    guesses = np.array([1, 1, 1, 0])  # 2 of 4 right
    for y_true in (labels.astype(dtype), np.eye(2)[labels].astype(dtype)):
        for y_pred in (guesses.astype(dtype), np.eye(2)[guesses].astype(dtype)):
            assert accuracy(y_true, y_pred) == 0.5
            np.testing.assert_array_equal(confusion_matrix(y_true, y_pred), [[0, 1], [1, 2]])


def test_scores_are_read_by_their_maximum_and_the_first_wins_a_tie():
    scores = [[-3.0, -1.0, -2.0], [0.5, 0.5, 0.0], [-np.inf, 0.0, np.inf]]
    np.testing.assert_array_equal(check_predicted_classes(scores), [1, 0, 2])
    np.testing.assert_array_equal(check_true_classes([[0, 0, 1], [1, 0, 0]]), [2, 0])


def test_a_column_of_class_numbers_is_class_numbers():
    column = np.array([[0], [2], [1]])  # as fit takes them, and as OpenML's tables give them
    assert classification_report(column, [0, 2, 2]) == classification_report([0, 2, 1], [0, 2, 2])
    assert accuracy(column, column) == 1 and confusion_matrix(column, np.eye(3)[[0, 2, 2]])[1, 2] == 1


def test_number_of_classes_comes_from_columns_argument_or_labels():
    assert confusion_matrix([0, 1], [0, 1]).shape == (2, 2)
    assert confusion_matrix([0, 1], [0, 1], num_classes=5).shape == (5, 5)
    assert confusion_matrix([0, 1], np.eye(4)[[0, 1]]).shape == (4, 4)
    assert confusion_matrix(np.eye(4)[[0, 1]], [0, 1]).shape == (4, 4)
    assert "\n           3 " in classification_report([0, 1], np.eye(4)[[0, 1]])


@pytest.mark.parametrize(
    ("y_true", "y_pred", "error", "message"),
    [
        ([0, 1], [0], ValueError, "got 2 labels in y_true and 1 predictions"),
        ([], [], ValueError, "y_true: expected at least one value"),
        (np.zeros((0, 3)), np.zeros((0, 3)), ValueError, "at least one value"),
        ([0.5], [0], ValueError, r"y_true: expected classes, whole numbers .* got 0\.5"),
        ([0, 1], [0, 1.25], ValueError, r"y_pred: .* got 1\.25 at row 1"),
        ([0, -1], [0, 0], ValueError, "y_true: .* got -1 at row 1"),
        ([np.nan], [0], ValueError, "got nan"),
        ([np.inf], [0], ValueError, "got inf"),
        ([1e300], [0], ValueError, r"got 1e\+300"),
        (np.array([2**64 - 1], "uint64"), [0], ValueError, "got 18446744073709551615"),
        ([0, 5], np.eye(2), ValueError, "y_true: .*whole numbers from 0 to 1, got 5"),
        (np.eye(2), [0, 5], ValueError, "y_pred: .*whole numbers from 0 to 1, got 5"),
        (np.eye(2), np.eye(3)[:2], ValueError, "same number of classes everywhere"),
        ([0, 1], [[0.5, 0.5], [0.1, np.nan]], ValueError, "NaN in 1 of 2 rows, first at row 1"),
        ([[0.2, 0.8]], [1], ValueError, "one-hot .* swapped"),
        ([[1, 1]], [1], ValueError, "one-hot"),
        ([[0, 0]], [1], ValueError, "one-hot"),
        ([[0, 2]], [1], ValueError, "one-hot"),
        ([0, 1], [[0.2], [0.8]], ValueError, r"y_pred: .* got 0.2 at row 0; scores need a column a class"),
        (np.zeros((1, 0)), [0], ValueError, "y_true: expected at least one value"),
        (3, 3, ValueError, r"one-hot rows \(N, K\), got \(\)"),
        (np.zeros((2, 2, 2)), [0, 1], ValueError, r"one-hot rows \(N, K\), got \(2, 2, 2\)"),
        (["a"], ["a"], TypeError, "real numbers, got dtype <U1"),
        ([1 + 2j], [1], TypeError, "complex128"),
        (np.array([0, None]), [0, 1], TypeError, "object"),
    ],
)
def test_bad_input_gets_a_clear_error(y_true, y_pred, error, message):
    for metric in (accuracy, confusion_matrix, precision_recall_f1, classification_report):
        with pytest.raises(error, match=message):
            metric(y_true, y_pred)


def test_bad_number_of_classes():
    with pytest.raises(ValueError, match="y_true: .*whole numbers from 0 to 2, got 3"):
        confusion_matrix([3], [0], num_classes=3)
    with pytest.raises(ValueError, match="same number of classes"):
        confusion_matrix([0], np.eye(3)[:1], num_classes=10)


def test_one_stray_label_does_not_ask_for_gigabytes():
    with pytest.raises(ValueError, match="got 2,000,000.* pass num_classes"):
        confusion_matrix([0, 2_000_000], [0, 1])
    assert accuracy([0, 2_000_000], [0, 1]) == 0.5


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ("ab", TypeError, "a sequence of strings, got 'ab'"),
        ([0, 1], TypeError, "class_names: expected text, got 0"),
        ([], ValueError, "got none"),
        (["a", "a"], ValueError, "distinct names .* got 'a'"),
        (["a", "macro avg"], ValueError, "got 'macro avg'"),
        (["a"], ValueError, "whole numbers from 0 to 0, got 1"),
    ],
)
def test_bad_class_names(names, error, message):
    with pytest.raises(error, match=message):
        classification_report([0, 1], [0, 1], class_names=names)


def test_inputs_are_left_alone():
    y_true, y_pred = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    y_true.flags.writeable = y_pred.flags.writeable = False
    assert accuracy(y_true, y_pred) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(confusion_matrix(y_true, y_pred), [[1, 0], [1, 1]])
