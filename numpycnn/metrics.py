"""How good are the predictions: accuracy, confusion matrix, precision, recall, F1, top-k accuracy, calibration.

Most figures are read off one table, the confusion matrix: how often was class i (row) called class j (column)? The
diagonal counts what was right, a row's sum is how many there were of a class, a column's sum is how often the class
was predicted. Calibration asks something else: of the predictions made with 90 % confidence, are 90 % right?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .layers._arguments import check_flag
from .metric_inputs import SUMMARY_KEYS, check_class_names, check_probabilities, check_whole, read_pair

# Without num_classes the largest label sets the size of the matrix. One stray label (-1 stored
# as an unsigned integer, say) must not ask for a table of gigabytes.
LARGEST_INFERRED_CLASSES = 10_000
MOST_DIGITS = 17  # of a float64 that differ
MOST_BINS = 1_000_000


class ClassScores(NamedTuple):
    """Precision, recall, F1 and support of each class: four arrays of shape (K,)."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often the model was right, by how sure it was. Each array has one entry a bin, M of them.

    Attributes
    ----------
    edges : ndarray, shape (M + 1,)
        Bin m holds the confidences above ``edges[m]``, up to and with ``edges[m + 1]``.
    count : ndarray of int64, shape (M,)
        Predictions in the bin.
    confidence, accuracy : ndarray, shape (M,)
        Mean confidence of those predictions, and the share of them that is right; NaN in an empty bin.
    expected_error : float
        Expected calibration error: the mean of ``|accuracy - confidence|`` over the bins, weighted by `count`.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    expected_error: float


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the predictions that are right, a fraction between 0 and 1.

    Parameters
    ----------
    y_true : array_like, shape (N,) or (N, K)
        True classes, whole numbers from 0, or one-hot rows.
    y_pred : array_like, shape (N,) or (N, K)
        Predicted classes, or a score (probability, logit) for each class.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        See `true_classes` and `predicted_classes`; also if the lengths or the numbers of
        classes differ.
    """
    true, predicted, _ = read_pair(y_true, y_pred)
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
    true, _, _ = read_pair(y_true, y_pred)
    scores = np.asarray(y_pred)
    if scores.ndim != 2:
        raise ValueError(f"y_pred: expected a score for each class, shape (N, K), got shape {scores.shape}")
    num_classes = scores.shape[1]
    k = check_whole(k, "k", 1, num_classes, ", the number of classes")
    own = np.take_along_axis(scores, true[:, None], axis=1)  # (N, 1): the score of the true class
    before = np.arange(num_classes) < true[:, None]  # (N, K)
    rank = ((scores > own) | ((scores == own) & before)).sum(axis=1)  # (N,): how many classes come first
    return float(np.mean(rank < k))


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> NDArray[np.int64]:
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
    true, predicted, size = read_pair(y_true, y_pred, num_classes)
    if size is None:
        size = int(max(true.max(), predicted.max())) + 1
        if size > LARGEST_INFERRED_CLASSES:
            raise ValueError(
                f"expected classes below {LARGEST_INFERRED_CLASSES:,}, got {size - 1:,}; if there "
                "really are so many classes, pass num_classes"
            )
    # Cell (i, j) has the number i K + j in a flattened table, so counting numbers counts cells.
    counts = np.bincount(true * size + predicted, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64)  # (K, K)


def precision_recall_f1(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> ClassScores:
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
    digits = check_whole(digits, "digits", 0, MOST_DIGITS)
    return report if check_flag(output_dict, "output_dict") else _report_text(report, names, digits)


def calibration(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> Calibration:
    r"""Compare how sure the model was with how often it was right.

    The confidence of a prediction is the probability of the predicted class. Predictions are sorted by it into M bins
    of equal width from 0 to 1, and with n_m of all n in bin m the expected calibration error is

    .. math:: ECE = \sum_m \frac{n_m}{n} |accuracy_m - confidence_m|

    A model is sure of itself without reason where the confidence is above the accuracy.

    Parameters
    ----------
    y_true : array_like, shape (N,) or (N, K)
        As in `accuracy`.
    probabilities : array_like, shape (N, K)
        Probability of each class, as `model.predict` returns them.
    bins : int, default 15
        M, as in the paper.

    Returns
    -------
    Calibration

    Raises
    ------
    TypeError, ValueError
        As in `accuracy`; also if the probabilities are none (below 0, above 1, NaN, a row's sum not 1), or `bins` is
        not a whole number from 1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017, section 2;
    for the bins and the error M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI 2015.
    """
    right, confidence = _judge(y_true, probabilities)
    bins = check_whole(bins, "bins", 1, MOST_BINS)
    edges = np.linspace(0, 1, bins + 1)
    # The inner edges alone: 0 belongs to the first bin, and a sum that rounding carried above 1 to the last.
    which = np.searchsorted(edges[1:-1], confidence)  # (N,)
    count = np.bincount(which, minlength=bins)  # (M,)
    sums = (np.bincount(which, weights=values, minlength=bins) for values in (confidence, right))
    filled = np.where(count > 0, count, np.nan)  # (M,): 0 / NaN is NaN, without a warning
    mean_confidence, share_right = (total / filled for total in sums)  # (M,) each
    gaps = np.nan_to_num(np.abs(share_right - mean_confidence))
    expected_error = float((count * gaps).sum() / count.sum())
    return Calibration(edges, count.astype(np.int64), mean_confidence, share_right, expected_error)


def most_confident_mistakes(
    y_true: ArrayLike, probabilities: ArrayLike, most: int | None = None
) -> NDArray[np.int64]:
    """Find the wrong predictions, those that the model was surest of first.

    Mistakes made with confidence are the ones to look at: a label that is wrong, a digit that people cannot read
    either, or something that the model has not understood.

    Parameters
    ----------
    y_true, probabilities
        As in `calibration`.
    most : int, optional
        Return no more than this.

    Returns
    -------
    ndarray of int64, shape (mistakes,)
        Row numbers; of equally confident mistakes the first comes first.

    Raises
    ------
    TypeError, ValueError
        As in `calibration`; also if `most` is not a whole number from 1.
    """
    right, confidence = _judge(y_true, probabilities)
    most = None if most is None else check_whole(most, "most", hint=", or None for all")
    mistakes = np.flatnonzero(~right)
    order = np.argsort(-confidence[mistakes], kind="stable")
    return mistakes[order][:most].astype(np.int64)


def _judge(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each prediction is right (N,), and how sure the model was of it (N,)."""
    probs = check_probabilities(probabilities)
    true, predicted, _ = read_pair(y_true, probs)
    return true == predicted, probs.max(axis=1)


def _scores(matrix: NDArray[np.int64]) -> ClassScores:
    """Precision, recall, F1 and support of each class from a confusion matrix (K, K)."""
    right = matrix.diagonal()  # (K,)
    predicted, support = matrix.sum(axis=0), matrix.sum(axis=1)  # (K,) each

    def ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
        # Where the denominator is 0, so is the numerator: 0 / 1 gives the 0 that is promised.
        return numerator / np.maximum(denominator, 1)

    return ClassScores(
        precision=ratio(right, predicted),
        recall=ratio(right, support),
        f1=ratio(2 * right, predicted + support),
        support=support,
    )


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
    width = max(digits, *(len(name) for name in (*names, *SUMMARY_KEYS)))
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
