"""How good are the predictions: accuracy, confusion matrix, precision, recall, F1, top-k accuracy, calibration.

Most figures are read off one table, the confusion matrix: how often was class i (row) called class j (column)? The
diagonal counts what was right, a row's sum is how many there were of a class, a column's sum is how often the class
was predicted. Calibration asks something else: of the predictions made with 90 % confidence, are 90 % right?
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import REPORT_KEYS, check_class_names, check_count, check_flag, check_label_pair, infer_num_classes

MOST_DIGITS = 17  # of a float64 that differ


class ClassScores(NamedTuple):
    """Precision, recall, F1 and support of each class: four arrays of shape (K,)."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the predictions that are right, a fraction between 0 and 1.

    Parameters
    ----------
    y_true : array_like, shape (N,), (N, 1) or (N, K)
        True classes, whole numbers from 0, or one-hot rows.
    y_pred : array_like, shape (N,), (N, 1) or (N, K)
        Predicted classes, or a score (probability, logit) for each class.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If they hold something else than real numbers; if a class is fractional, negative or not finite, a row is not
        one-hot, or a score is NaN; if the lengths or the numbers of classes differ.
    """
    true, predicted, _ = check_label_pair(y_true, y_pred)
    return float(np.mean(true == predicted))


def top_k_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> float:
    """Share of the examples whose true class is among the `k` classes with the highest scores.

    Of equal scores the first counts as the higher, so that ``k=1`` is the accuracy.

    Parameters
    ----------
    y_true : array_like, shape (N,) or (N, K)
        As in `accuracy`.
    y_pred : array_like, shape (N, K)
        A score (probability, logit) for each class.
    k : int, default 5
        From 1 to K.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `accuracy`; also for predictions without scores, and for another `k`.
    """
    true, _, _ = check_label_pair(y_true, y_pred)
    scores = np.asarray(y_pred)
    if scores.ndim != 2:
        raise ValueError(f"y_pred: expected a score for each class, shape (N, K), got shape {scores.shape}")
    num_classes = scores.shape[1]
    k = check_count(k, "k", maximum=num_classes)
    own = np.take_along_axis(scores, true[:, None], axis=1)  # (N, 1): the score of the true class
    before = np.arange(num_classes) < true[:, None]  # (N, K)
    rank = ((scores > own) | ((scores == own) & before)).sum(axis=1)  # (N,): how many classes come first
    return float(np.mean(rank < k))


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None) -> NDArray[np.int64]:
    """Count how often class i was predicted as class j.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (N,) or (N, K)
        As in `accuracy`.
    num_classes : int, optional
        K. By default the columns of a one-hot `y_true` or of the scores in `y_pred`, else the
        largest class that occurs, plus one.

    Returns
    -------
    ndarray, shape (K, K), int64
        Rows are true classes, columns predicted classes.

    Raises
    ------
    TypeError, ValueError
        As in `accuracy`; also if a class does not fit into `num_classes`.
    """
    true, predicted, size = check_label_pair(y_true, y_pred, num_classes)
    if size is None:
        size = infer_num_classes(int(max(true.max(), predicted.max())))
    # Cell (i, j) has the number i K + j in a flattened table, so counting numbers counts cells.
    counts = np.bincount(true * size + predicted, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64)  # (K, K)


def precision_recall_f1(y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None) -> ClassScores:
    """Precision, recall, F1 and support of each class.

    With TP the diagonal of the confusion matrix: precision = TP / times predicted (can one trust
    this answer?), recall = TP / times true (how many were found?), and F1 is their harmonic
    mean, 2 TP / (times predicted + times true). Where the denominator is 0, the score is 0.

    Parameters
    ----------
    y_true, y_pred, num_classes
        As in `confusion_matrix`.

    Returns
    -------
    ClassScores
        `precision, recall, f1` as fractions and `support` (times true), each of shape (K,).

    Raises
    ------
    TypeError, ValueError
        As in `confusion_matrix`.

    References
    ----------
    C. J. van Rijsbergen, Information Retrieval, 2nd ed., 1979, chapter 7.
    """
    return _scores(confusion_matrix(y_true, y_pred, num_classes))


def classification_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    class_names: Sequence[str] | None = None,
    digits: int = 4,
    output_dict: bool = False,
) -> str | dict[str, Any]:
    """Precision, recall, F1 and support of each class and their averages, to be printed.

    The layout is scikit-learn's, with four digits instead of two because good digit classifiers
    differ in the third. "macro avg" is the plain mean over all K classes (a class that never
    occurs counts as 0), "weighted avg" weights each class by its support.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (N,) or (N, K)
        As in `accuracy`.
    class_names : sequence of str, optional
        A name for each of the K classes, in order; by default "0", "1", ...
    digits : int, default 4
        Decimals of the scores in the text.
    output_dict : bool, default False
        Return the numbers instead of the text.

    Returns
    -------
    str or dict
        The text, ending in a newline; or a dict of plain numbers, ready for JSON: for each class
        and for "macro avg" and "weighted avg" a dict with the keys "precision", "recall",
        "f1-score" and "support", and under "accuracy" a float.

    Raises
    ------
    TypeError, ValueError
        As in `confusion_matrix`; also for names that are not distinct strings or not as many as
        there are classes, and for negative `digits`.
    """
    num_classes = None if class_names is None else len(check_class_names(class_names))
    matrix = confusion_matrix(y_true, y_pred, num_classes)
    names = [str(k) for k in range(len(matrix))] if class_names is None else list(class_names)
    report = _report_dict(matrix, names)
    digits = check_count(digits, "digits", 0, MOST_DIGITS)
    return report if check_flag(output_dict, "output_dict") else _report_text(report, names, digits)


def _scores(matrix: NDArray[np.int64]) -> ClassScores:
    """Precision, recall, F1 and support of each class from a confusion matrix (K, K)."""
    right = matrix.diagonal()  # (K,)
    predicted, support = matrix.sum(axis=0), matrix.sum(axis=1)  # (K,) each

    def ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
        # Where the denominator is 0, so is the numerator: 0 / 1 gives the 0 that is promised.
        return numerator / np.maximum(denominator, 1)

    return ClassScores(ratio(right, predicted), ratio(right, support), ratio(2 * right, predicted + support), support)


def _report_dict(matrix: NDArray[np.int64], names: list[str]) -> dict[str, Any]:
    """The numbers of the report as plain Python numbers, in the order of the lines."""
    scores = _scores(matrix)
    table = np.stack(scores[:3])  # (3, K): precision, recall, F1
    total = int(matrix.sum())

    def entry(values: NDArray[np.float64], support: int) -> dict[str, Any]:
        precision, recall, f1 = values.tolist()
        return {"precision": precision, "recall": recall, "f1-score": f1, "support": support}

    report: dict[str, Any] = {}
    for k, name in enumerate(names):
        report[name] = entry(table[:, k], int(scores.support[k]))
    report["accuracy"] = int(matrix.trace()) / total
    report["macro avg"] = entry(table.mean(axis=1), total)
    report["weighted avg"] = entry(np.average(table, axis=1, weights=scores.support), total)
    return report


def _report_text(report: dict[str, Any], names: list[str], digits: int) -> str:
    """Lay the report out as scikit-learn does: names to the right, then columns of nine."""
    width = max(digits, *(len(name) for name in (*names, *REPORT_KEYS)))
    column = max(9, digits + 2)  # "0." and the digits must fit

    def line(name: str, *cells: str) -> str:
        return f"{name:>{width}} " + "".join(f" {cell:>{column}}" for cell in cells)

    def scores_line(name: str) -> str:
        *scores, support = report[name].values()
        return line(name, *(f"{score:.{digits}f}" for score in scores), str(support))

    total = str(report["macro avg"]["support"])
    lines = [
        line("", "precision", "recall", "f1-score", "support"),
        "",
        *(scores_line(name) for name in names),
        "",
        line("accuracy", "", "", f"{report['accuracy']:.{digits}f}", total),
        scores_line("macro avg"),
        scores_line("weighted avg"),
    ]
    return "\n".join(lines) + "\n"
