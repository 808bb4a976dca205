"""Can the probabilities be trusted? Calibration, and the mistakes that the network was surest of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_fraction, check_instance, check_label_pair, check_positive, check_probabilities
from .distance import ClassDistance, count_features

if TYPE_CHECKING:
    from ..layers.base import Layer

MOST_BINS = 1_000_000
TINY = 1e-45  # the smallest probability of float32, about


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
        As in `accuracy`; also if a probability is below 0, above 1 or NaN, or a row's sum is not 1, or if `bins` is
        not a whole number from 1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017, section 2;
    for the bins and the error M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI 2015.
    """
    right, confidence = _judge(y_true, probabilities)
    bins = check_count(bins, "bins", 1, MOST_BINS)
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


def most_confident_mistakes(y_true: ArrayLike, probabilities: ArrayLike, most: int | None = None) -> NDArray[np.int64]:
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
    most = None if most is None else check_count(most, "most")
    mistakes = np.flatnonzero(~right)
    order = np.argsort(-confidence[mistakes], kind="stable")
    return mistakes[order][:most].astype(np.int64)


SURE, NOT_SURE, NONE_OF_THEM = "sure", "not sure", "none of them?"
NO_DIGIT = "not a digit?"  # what is said instead of the last where digits are cut out of pictures


@dataclass(frozen=True)
class Confidence:
    """When to trust an answer, as `fit_confidence` found on examples that the model was not trained on.

    As ``model.confidence`` it is kept in ``.npz`` files; ``numpycnn predict`` and the page say what it says.

    Attributes
    ----------
    temperature : float
        The logits are divided by it: above 1, the model was surer of itself than it should be.
    threshold : float
        Answers of at least this confidence, at that temperature, are taken for sure; infinite if none may be.
    error : float
        Share of wrong ones among the sure answers, at most, that was asked for.
    answered : float
        Share of the examples that got a sure answer.
    distance : ClassDistance or None
        What is like none of the classes.
    """

    temperature: float
    threshold: float
    error: float
    answered: float
    distance: ClassDistance | None = None

    def __post_init__(self) -> None:
        check_positive(self.temperature, "temperature")
        if self.threshold != float("inf"):
            check_positive(self.threshold, "threshold", zero_allowed=True)
        for name in ("error", "answered"):
            check_fraction(getattr(self, name), name, one_allowed=True)
        if self.distance is not None:
            check_instance(self.distance, ClassDistance, "distance", "a ClassDistance or None")

    def __str__(self) -> str:
        """Say in words what it found."""
        sure = f"sure from {self.threshold:.3%} on" if self.threshold <= 1 else "never sure"
        text = (f"{sure} (temperature {self.temperature:.3g}): {self.answered:.1%} of what was held out, with at most "
                f"{self.error:.2%} errors")
        return text if self.distance is None else f"{text}; none of them beyond the distance {self.distance.limit:.3g}"

    def check_fits(self, layers: Sequence[Layer]) -> None:
        """Raise ValueError if a model of these layers has another number of features."""
        size = count_features(layers)
        if self.distance is not None and self.distance.means.shape[1] != size:
            raise ValueError(f"confidence: expected a distance of {size} features, got one of "
                             f"{self.distance.means.shape[1]}; fit it to this model")

    def judge(self, probabilities: ArrayLike, features: ArrayLike | None = None) -> list[str]:
        """Return "sure", "not sure" or "none of them?" for each row of probabilities (N, K).

        The last where an answer is less likely right than wrong, and, with features (N, D) and a `distance`, where the
        features lie beyond its limit.
        """
        sure = _softened(check_probabilities(probabilities), self.temperature).max(axis=1)
        strange = sure < 0.5
        if self.distance is not None and features is not None:
            distances = self.distance(features)
            if len(distances) != len(sure):
                raise ValueError(f"features: expected a row for each of {len(sure)} answers, got {len(distances)}")
            strange |= ~(distances <= self.distance.limit)  # NaN is like nothing
        return [NONE_OF_THEM if s else SURE if c >= self.threshold else NOT_SURE for c, s in zip(sure, strange)]


def fit_confidence(
    y_true: ArrayLike, probabilities: ArrayLike, error: float = 0.01, distance: ClassDistance | None = None
) -> Confidence:
    r"""Find when a model's answers can be trusted.

    The probabilities are softened to :math:`p_k^{1/T} / \sum_j p_j^{1/T}`, with the temperature T that makes the true
    classes likeliest. Then the answers are sorted by confidence, and as many are called sure as can be with at most
    the stated share of errors.

    Parameters
    ----------
    y_true, probabilities
        As in `calibration`, of examples that the model was not trained on.
    error : float, default 0.01
        Share of wrong ones among the answers that are called sure, at most.
    distance : ClassDistance, optional
        Of `fit_class_distance`: to say "none of them?", too.

    Returns
    -------
    Confidence

    Raises
    ------
    TypeError, ValueError
        As in `calibration`; also if `error` is not a number from 0 to below 1.

    References
    ----------
    C. Guo et al. (see `calibration`), section 4.2; for the threshold Y. Geifman and R. El-Yaniv, "Selective
    classification for deep neural networks", NeurIPS 2017.
    """
    error = check_fraction(error, "error")
    right, _ = _judge(y_true, probabilities)
    probs = check_probabilities(probabilities)
    true, _, _ = check_label_pair(y_true, probs)
    rows = np.arange(len(probs))
    temperatures = np.geomspace(0.2, 20, 200)
    likely = [np.log(np.maximum(_softened(probs, t)[rows, true], TINY)).mean() for t in temperatures]
    temperature = float(temperatures[int(np.argmax(likely))])
    sure = _softened(probs, temperature).max(axis=1)
    order = np.argsort(-sure, kind="stable")
    allowed = np.flatnonzero((~right[order]).cumsum() <= error * (rows + 1))
    # Equal confidences are taken together or not at all.
    allowed = np.array([k for k in allowed if k + 1 == len(order) or sure[order[k + 1]] < sure[order[k]]], int)
    if not allowed.size:
        return Confidence(temperature, float("inf"), error, 0.0, distance)
    last = allowed[-1]
    return Confidence(temperature, float(sure[order[last]]), error, float((last + 1) / len(order)), distance)


def _softened(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Divide the logits by the temperature."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), TINY)) / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _judge(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each prediction is right (N,), and how sure the model was of it (N,)."""
    probs = check_probabilities(probabilities)
    true, predicted, _ = check_label_pair(y_true, probs)
    return true == predicted, probs.max(axis=1)
