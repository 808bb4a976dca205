"""How good are the predictions: accuracy, confusion matrix, precision, recall, F1.

Every figure here is read off one table, the confusion matrix: how often was class i (row)
called class j (column)? The diagonal counts what was right, a row's sum is how many there
were of a class, a column's sum is how often the class was predicted.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Without num_classes the largest label sets the size of the matrix. One stray label (-1 stored
# as an unsigned integer, say) must not ask for a table of gigabytes.
LARGEST_INFERRED_CLASSES = 10_000

# No class number comes near it. A NumPy integer, since a plain 2**31 overflows beside float16.
CLASS_LIMIT = np.int64(2**31)

# The report's dict has these keys beside the names of the classes.
SUMMARY_KEYS = ("accuracy", "macro avg", "weighted avg")


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
    true, predicted, _ = _read_pair(y_true, y_pred)
    return float(np.mean(true == predicted))


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
    true, predicted, size = _read_pair(y_true, y_pred, num_classes)
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
    if output_dict:
        return report
    if not isinstance(digits, (int, np.integer)) or digits < 0:
        raise ValueError(f"digits: expected a whole number from 0, got {digits!r}")
    return _report_text(report, names, int(digits))


def true_classes(y_true: ArrayLike, name: str = "y_true") -> NDArray[np.int64]:
    """Labels as class numbers, whether they came as numbers or as one-hot rows.

    Parameters
    ----------
    y_true : array_like, shape (N,) or (N, K)
        Whole numbers from 0 (a float 3.0 is accepted), or rows with a single 1 among zeros.
    name : str
        What to call the array in an error.

    Returns
    -------
    ndarray, shape (N,), int64

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If there are none, if one is negative, fractional or not finite, if a row is not one-hot,
        or if the shape is another.
    """
    labels = _numbers(y_true, name)
    if labels.ndim == 1:
        return _whole_numbers(labels, name)
    if labels.ndim != 2 or labels.shape[1] < 2:
        raise ValueError(
            f"{name}: expected class numbers of shape (N,) or one-hot rows of shape (N, K), got "
            f"shape {labels.shape}; if these are class numbers, flatten them with .ravel()"
        )
    one_hot = ((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)  # (N,)
    if not one_hot.all():
        row = int(np.argmin(one_hot))
        raise ValueError(
            f"{name}: expected one-hot rows (a single 1 among zeros), got {labels[row]} in row "
            f"{row}; if these are predicted scores, y_true and y_pred are swapped"
        )
    return np.asarray(labels.argmax(axis=1), dtype=np.int64)


def predicted_classes(y_pred: ArrayLike, name: str = "y_pred") -> NDArray[np.int64]:
    """Predictions as class numbers; of scores, the class with the highest (the first, if tied).

    Parameters
    ----------
    y_pred : array_like, shape (N,) or (N, K)
        Whole numbers from 0, or a score (probability, logit) for each of the K > 1 classes.
    name : str
        What to call the array in an error.

    Returns
    -------
    ndarray, shape (N,), int64

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If there are none, if a class is negative, fractional or not finite, if a score is NaN,
        or if the shape is another.
    """
    scores = _numbers(y_pred, name)
    if scores.ndim == 1:
        return _whole_numbers(scores, name, "; for scores, pass one column a class, shape (N, K)")
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"{name}: expected classes of shape (N,) or scores of shape (N, K) with K > 1, got "
            f"shape {scores.shape}"
        )
    nan_rows = np.isnan(scores).any(axis=1)  # (N,)
    if nan_rows.any():
        raise ValueError(
            f"{name}: expected numbers, got NaN in {nan_rows.sum()} of {len(scores)} rows, first "
            f"in row {int(np.argmax(nan_rows))}; the model has probably diverged in training"
        )
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def check_class_names(class_names: Sequence[str]) -> list[str]:
    """The names as a list, after a check that they are distinct strings.

    Raises
    ------
    TypeError
        If it is not a sequence of strings.
    ValueError
        If there are none, or if a name appears twice or is one of `SUMMARY_KEYS`.
    """
    names = [] if isinstance(class_names, str) else list(class_names)
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"class_names: expected a sequence of strings, got {class_names!r}")
    if not names:
        raise ValueError("class_names: expected a name for each class, got none")
    taken = set(SUMMARY_KEYS)
    for name in names:
        if name in taken:
            raise ValueError(
                f"class_names: expected distinct names other than {', '.join(SUMMARY_KEYS)}, got "
                f"{name!r}; a report could not tell two of that name apart"
            )
        taken.add(name)
    return names


def _read_pair(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int | None]:
    """Both as class numbers (N,), and K where an argument tells it (None where none does)."""
    true, predicted = true_classes(y_true), predicted_classes(y_pred)
    if len(true) != len(predicted):
        raise ValueError(
            f"expected as many predictions as labels, got {len(true)} labels in y_true and "
            f"{len(predicted)} predictions in y_pred"
        )
    sizes: dict[str, int] = {}
    for name, values in (("columns of y_true", y_true), ("columns of y_pred", y_pred)):
        if np.ndim(values) == 2:
            sizes[name] = np.shape(values)[1]
    if num_classes is not None:
        if not isinstance(num_classes, (int, np.integer)) or num_classes < 1:
            raise ValueError(f"num_classes: expected a whole number from 1, got {num_classes!r}")
        sizes["num_classes (or class names)"] = int(num_classes)
    if len(set(sizes.values())) > 1:
        raise ValueError(f"expected the same number of classes everywhere, got {sizes}")
    size = next(iter(sizes.values()), None)
    for name, classes in (("y_true", true), ("y_pred", predicted)):
        if size is not None and classes.max() >= size:
            raise ValueError(
                f"{name}: expected classes from 0 to {size - 1}, got {classes.max()} in position "
                f"{int(classes.argmax())}; is the number of classes right?"
            )
    return true, predicted, size


def _numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """The values as an array of real numbers, at least one."""
    array = np.asarray(values)
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one value, got shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    return array


def _whole_numbers(values: NDArray[Any], name: str, advice: str = "") -> NDArray[np.int64]:
    """The values (N,) as int64, after a check that each is a class number."""
    # Checked before the conversion, which would make something else of NaN, 2.5 and 1e300.
    good = (values >= 0) & (values < CLASS_LIMIT) & (np.floor(values) == values)
    if not good.all():
        worst = int(np.argmin(good))
        raise ValueError(
            f"{name}: expected classes, whole numbers from 0 to {CLASS_LIMIT - 1}, got "
            f"{values[worst]} in position {worst}{advice}"
        )
    return values.astype(np.int64)


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
