"""Losses against numbers worked out by hand; labels of every kind; what is refused before anything is computed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from layer_table import both_kernel_sets

from numpycnn import (
    SGD,
    BinaryCrossEntropy,
    Dense,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Sequential,
    SoftmaxCrossEntropy,
    kernels,
    to_categorical,
)
from numpycnn.callbacks.base import CallbackList
from numpycnn.losses import LOSSES, check_takes_weights, get_loss
from numpycnn.metrics.running import get_metric
from numpycnn.optimizers import get_optimizer

quick = settings(max_examples=60, deadline=None, database=None)
INF, NAN = float("inf"), float("nan")
LOG2, LOG3 = math.log(2), math.log(3)


# -- softmax cross-entropy: values ------------------------------------------------------------------


def test_by_hand():
    # Row 0: exp(log 1), exp(log 2), exp(log 1) = 1, 2, 1: p = 1/4, 1/2, 1/4; label 1: -log(1/2).
    # Row 1: equal logits: p = 1/3 each; label 0: log 3.
    logits = np.array([[0, LOG2, 0], [5, 5, 5]])
    loss, dlogits = SoftmaxCrossEntropy()(logits, [1, 0])
    assert loss == pytest.approx((LOG2 + LOG3) / 2, rel=1e-15)
    # (p - one_hot) / 2
    expected = [[1 / 8, -1 / 4, 1 / 8], [-1 / 3, 1 / 6, 1 / 6]]
    np.testing.assert_allclose(dlogits, expected, rtol=1e-14)
    assert type(loss) is float and dlogits.dtype == np.float64


def test_label_smoothing_by_hand():
    # K = 4, s = 0.2: the target is 0.8 * one_hot + 0.05: 0.85 for the label, 0.05 for the others.
    # Logits log 1, log 1, log 2, log 4: p = 1/8, 1/8, 2/8, 4/8.
    # Loss = 0.05 * log 8 * 2 + 0.05 * log 4 + 0.85 * log 2 = (0.3 + 0.1 + 0.85) log 2
    loss, dlogits = SoftmaxCrossEntropy(label_smoothing=0.2)(np.log([[1.0, 1, 2, 4]]), [3])
    assert loss == pytest.approx(1.25 * LOG2, rel=1e-15)
    np.testing.assert_allclose(dlogits, [[0.125 - 0.05, 0.125 - 0.05, 0.25 - 0.05, 0.5 - 0.85]], rtol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_that_are_kept_are_those_that_are_made(dtype, smoothing, monkeypatch):
    rng, loss = np.random.default_rng(0), SoftmaxCrossEntropy(smoothing)
    logits, labels = rng.standard_normal((20, 7)).astype(dtype), rng.integers(0, 7, 20)
    kept = [loss(logits, labels) for _ in range(2)]  # of the second batch, nothing that the first wrote to
    monkeypatch.setattr("numpycnn.losses.cross_entropy.MOST_KEPT", 6)
    value, dlogits = loss(logits, labels)
    for other_value, other in (*kept, loss(logits, np.eye(7)[labels])):
        assert value == other_value and dlogits.dtype == dtype and np.array_equal(dlogits, other)


def test_soft_targets_by_hand():
    # p = 1/4, 3/4 and t = 1/2, 1/2: loss = (log 4 + log 4 - log 3) / 2
    loss, dlogits = SoftmaxCrossEntropy()(np.log([[1.0, 3.0]]), [[0.5, 0.5]])
    assert loss == pytest.approx((4 * LOG2 - LOG3) / 2, rel=1e-15)
    np.testing.assert_allclose(dlogits, [[-0.25, 0.25]], rtol=1e-14)


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_an_untrained_network_has_the_loss_log_k(classes, smoothing):
    loss, _ = SoftmaxCrossEntropy(smoothing)(np.zeros((7, classes), np.float32), np.arange(7) % classes)
    assert loss == pytest.approx(math.log(classes), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_of_the_logits_is_kept(dtype):
    logits = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
    for labels in ([0, 1, 2, 1, 0], to_categorical([0, 1, 2, 1, 0], 3), np.eye(3, dtype=int)[[0, 1, 2, 1, 0]]):
        for smoothing in (0.0, 0.1):
            assert SoftmaxCrossEntropy(smoothing)(logits, labels)[1].dtype == dtype


def test_nothing_is_written_to():
    logits, labels = np.random.default_rng(0).standard_normal((5, 3)), np.array([0, 1, 2, 1, 0])
    one_hot = to_categorical(labels, 3)
    copies = logits.copy(), labels.copy(), one_hot.copy()
    for a in (logits, labels, one_hot):
        a.flags.writeable = False
    SoftmaxCrossEntropy(0.1)(logits, labels)
    SoftmaxCrossEntropy(0.1)(logits, one_hot)
    assert all(np.array_equal(a, b) for a, b in zip((logits, labels, one_hot), copies))


# -- softmax cross-entropy: stability ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits_do_not_overflow(dtype):
    # The maximum must be taken row by row: with that of the whole array, row 1 would be exp(-2e4) = 0 all over.
    logits = np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4]], dtype)
    loss, dlogits = SoftmaxCrossEntropy()(logits, [0, 1])
    assert loss == pytest.approx(LOG3 / 2, rel=1e-6)
    np.testing.assert_allclose(dlogits, [[0, 0, 0], [1 / 6, -1 / 3, 1 / 6]], rtol=1e-6)
    loss, dlogits = SoftmaxCrossEntropy()(logits[:1], [2])
    assert loss == pytest.approx(2e4, rel=1e-6) and dlogits.tolist() == [[1, 0, -1]]
    assert SoftmaxCrossEntropy().predict(logits)[0].tolist() == [1, 0, 0]


def test_an_impossible_class_costs_nothing_unless_it_is_the_label():
    logits = np.array([[0, 0, -INF]])
    loss, dlogits = SoftmaxCrossEntropy()(logits, [0])
    assert loss == pytest.approx(LOG2) and dlogits.tolist() == [[-0.5, 0.5, 0]]
    loss, dlogits = SoftmaxCrossEntropy()(logits, [2])
    assert loss == INF and dlogits.tolist() == [[0.5, 0.5, -1]]


@pytest.mark.parametrize("bad", [[NAN, 0, 0], [0, 0, NAN], [INF, 0, 0], [INF, 0, INF], [-INF, -INF, -INF]])
def test_logits_that_mean_nothing_give_nan_quietly(bad):
    # A diverged network: TerminateOnNaN has to see it, and a warning (here an error) must not come first.
    for labels in ([1, 1], to_categorical([1, 1], 3)):
        loss, dlogits = SoftmaxCrossEntropy()(np.array([[0.0, 0, 0], bad]), labels)
        assert math.isnan(loss)
        assert np.isnan(dlogits[1]).any() and np.isfinite(dlogits[0]).all()
    assert np.isnan(SoftmaxCrossEntropy().predict(np.array([bad]))).any()


logit_arrays = hnp.arrays(float, st.tuples(st.integers(1, 9), st.integers(1, 6)), elements=st.floats(-50, 50))


@quick
@given(logits=logit_arrays, shift=st.floats(-1e3, 1e3), smoothing=st.sampled_from([0.0, 0.1, 0.9]), data=st.data())
def test_properties(logits, shift, smoothing, data):
    n, classes = logits.shape
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    criterion = SoftmaxCrossEntropy(smoothing)
    loss, dlogits = criterion(logits, labels)
    assert loss >= 0
    np.testing.assert_allclose(dlogits.sum(axis=1), 0, atol=1e-15)  # only differences between logits count
    assert criterion(logits + shift, labels)[0] == pytest.approx(loss, rel=1e-9, abs=1e-9)
    # The loss and its gradient belong together: a small step against the gradient lowers the loss by |gradient|^2.
    step = 1e-3 / n
    lower, _ = criterion(logits - step * dlogits, labels)
    assert loss - lower == pytest.approx(step * np.square(dlogits).sum(), rel=0.01, abs=1e-12)
    # Same bits for labels and one-hot rows of any dtype.
    for dtype in (int, bool, np.float32):
        same_loss, same_gradient = criterion(logits, np.eye(classes, dtype=dtype)[labels])
        assert same_loss == loss and np.array_equal(same_gradient, dlogits)
    # A mean over the batch: halves, weighted by their sizes, make the whole, however unequal they are.
    first = data.draw(st.integers(1, n))
    parts = [(k, *criterion(logits[a:b], labels[a:b])) for k, a, b in [(first, 0, first), (n - first, first, n)] if k]
    assert sum(k * part for k, part, _ in parts) / n == pytest.approx(loss, rel=1e-12, abs=1e-12)
    joined = np.concatenate([k / n * gradient for k, _, gradient in parts])
    np.testing.assert_allclose(joined, dlogits, rtol=1e-12, atol=1e-15)
    probabilities = criterion.predict(logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    likeliest = logits[np.arange(n), probabilities.argmax(axis=1)]
    np.testing.assert_allclose(likeliest, logits.max(axis=1), rtol=1e-12, atol=1e-12)


# -- softmax cross-entropy: labels ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        [1, 0],
        (1.0, 0.0),
        [[1], [0]],
        [True, False],
        np.array([1, 0], np.uint8),
        np.array([1, 0], ">i2"),
        np.array([1, 0], np.float32),
        [[0, 1, 0], [1, 0, 0]],
        np.array([[0, 1, 0], [1, 0, 0]], bool),
        np.array([[0, 1, 0], [1, 0, 0]], np.float16),
    ],
)
def test_ways_of_writing_labels(labels):
    logits = np.array([[1.0, 2, 3], [3, 2, 2]])
    loss, dlogits = SoftmaxCrossEntropy()(logits, labels)
    expected_loss, expected = SoftmaxCrossEntropy()(logits, np.array([1, 0]))
    assert loss == expected_loss and np.array_equal(dlogits, expected)
    if np.ndim(labels) == 1 or np.shape(labels)[1] == 1:
        loss, dlogits = SoftmaxCrossEntropy()(logits[:, :2], labels)
        expected_loss, expected = SoftmaxCrossEntropy()(logits[:, :2], np.array([1, 0]))
        assert loss == expected_loss and np.array_equal(dlogits, expected), "two classes"


BAD_LABELS = [
    ([0, 3], ValueError, "whole numbers from 0 to 2, got 3 at row 1; does the last layer have a unit for every"),
    ([-1, 0], ValueError, "whole numbers from 0 to 2, got -1 at row 0"),
    ([0, 2**40], ValueError, "whole numbers from 0 to 2, got 1099511627776 at row 1"),
    ([0.5, 0], ValueError, "whole numbers from 0 to 2, got 0.5 at row 0"),
    ([0, NAN], ValueError, "whole numbers from 0 to 2, got nan at row 1"),
    ([0, INF], ValueError, "whole numbers from 0 to 2, got inf at row 1"),
    ([0], ValueError, "expected one target for each of the 2 rows, got 1"),
    ([0, 1, 2], ValueError, "expected one target for each of the 2 rows, got 3"),
    ([], ValueError, "expected one target for each of the 2 rows, got 0"),
    (1, ValueError, r"expected shape \(N,\), \(N, 1\) or \(N, 3\), got \(\)"),
    ([[0, 1], [1, 0]], ValueError, r"expected shape \(N,\), \(N, 1\) or \(N, 3\), got \(2, 2\)"),
    ([[0, 1, 0, 0], [1, 0, 0, 0]], ValueError, r"expected shape \(N,\), \(N, 1\) or \(N, 3\), got \(2, 4\)"),
    (np.zeros((2, 3, 1)), ValueError, r"expected shape \(N,\), \(N, 1\) or \(N, 3\), got \(2, 3, 1\)"),
    ([[0, 0, 0], [1, 0, 0]], ValueError, "expected rows of probabilities that sum to 1"),
    ([[1, 1, 0], [1, 0, 0]], ValueError, "expected rows of probabilities that sum to 1"),
    ([[2, -1, 0], [1, 0, 0]], ValueError, "expected rows of probabilities that sum to 1"),
    ([[NAN, 1, 0], [1, 0, 0]], ValueError, "expected rows of probabilities that sum to 1"),
    (["0", "1"], TypeError, "labels: expected an array of real numbers, got dtype <U1"),
    ([0, None], TypeError, "labels: expected an array of real numbers, got dtype object"),
    ([0j, 1], TypeError, "labels: expected an array of real numbers, got dtype complex128"),
    ([[0], [1, 2]], TypeError, "labels: expected an array of real numbers, got list"),
]


@pytest.mark.parametrize(("labels", "error", "message"), BAD_LABELS)
def test_bad_labels_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        SoftmaxCrossEntropy()(np.zeros((2, 3)), labels)


def test_bad_labels_are_found_before_anything_is_computed():
    # Logits of a kind that would raise in any computation: the complaint is about the labels.
    with np.errstate(all="raise"), pytest.raises(ValueError, match="whole numbers from 0 to 1"):
        SoftmaxCrossEntropy()(np.array([[INF, INF], [INF, INF]]), [0, 2])
    with pytest.raises(ValueError, match="whole numbers from 0 to 9, got 10 at row 2"):
        SoftmaxCrossEntropy().check_targets([0, 9, 10], (10,))


def test_bad_logits_are_refused():
    criterion = SoftmaxCrossEntropy()
    with pytest.raises(ValueError, match=r"logits: expected shape \(N, K\), got \(3,\)"):
        criterion(np.zeros(3), [0])
    with pytest.raises(ValueError, match=r"logits: expected shape \(N, K\), got \(2, 2, 3\)"):
        criterion(np.zeros((2, 2, 3)), [0, 1])
    with pytest.raises(ValueError, match=r"expected at least one row, got shape \(0, 3\)"):
        criterion(np.zeros((0, 3)), [])
    with pytest.raises(TypeError, match="expected an array of real numbers, got dtype object"):
        criterion(np.array([[None, 1]]), [0])
    with pytest.raises(ValueError, match=r"expected outputs of shape \(N, K\), got \(N, 4, 4\)"):
        criterion.check_targets([0], (4, 4))


# -- mean squared error ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mean_squared_error_by_hand(dtype):
    # Differences 1, -2, 0, 3: squares 1 + 4 + 0 + 9 = 14, mean 3.5; gradient 2 * difference / 4.
    outputs = np.array([[2, 0], [5, 7]], dtype)
    loss, doutputs = MeanSquaredError()(outputs, [[1, 2], [5, 4]])
    assert loss == 3.5 and type(loss) is float
    assert doutputs.tolist() == [[0.5, -1], [0, 1.5]] and doutputs.dtype == dtype


def test_mean_squared_error_of_one_output_takes_flat_targets():
    outputs = np.array([[1.0], [3.0]])
    # Were (2, 1) and (2,) broadcast to (2, 2), the loss would be another: a classic.
    loss, doutputs = MeanSquaredError()(outputs, [0, 1])
    assert loss == (1 + 4) / 2 and doutputs.tolist() == [[1], [2]]
    assert MeanSquaredError()(outputs, [[0], [1]])[0] == loss


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([[1, 2, 3]], ValueError, r"targets: expected shape \(N, 2\), got \(1, 3\)"),
        ([1, 2], ValueError, r"targets: expected shape \(N, 2\), got \(2,\)"),
        ([[1, 2]], ValueError, "expected one target for each of the 2 rows, got 1"),
        (1, ValueError, r"targets: expected shape \(N, 2\), got \(\)"),
        ([["a", "b"]] * 2, TypeError, "targets: expected an array of real numbers"),
    ],
)
def test_bad_targets_are_refused(targets, error, message):
    with pytest.raises(error, match=message):
        MeanSquaredError()(np.zeros((2, 2)), targets)


def test_bad_outputs_are_refused():
    for outputs in (np.zeros((0, 2)), np.array(1.0)):
        with pytest.raises(ValueError, match="outputs: expected at least one row"):
            MeanSquaredError()(outputs, [1])


def test_nan_stays_visible_in_the_mean_squared_error():
    loss, doutputs = MeanSquaredError()(np.array([[NAN, 0.0]]), [[0, 0]])
    assert math.isnan(loss) and np.isnan(doutputs[0, 0]) and doutputs[0, 1] == 0


# -- binary cross-entropy, absolute errors, Huber ------------------------------------------------------------------


@both_kernel_sets
def test_binary_cross_entropy_by_hand(kernel_set):
    # p = 1 / (1 + exp(-z)): 1/2, 3/4 for z = 0, log 3; t = 1, 1/4; loss (log 2 + (log(4/3) + 3 log 4) / 4) / 2
    with kernels.using(kernel_set):
        loss, dlogits = BinaryCrossEntropy()(np.array([[0.0, LOG3]]), [[1, 0.25]])
        # s = 0.2: t becomes 0.9; p is 1/2
        smooth, dsmooth = BinaryCrossEntropy(0.2)(np.array([[0.0], [0.0]]), [1, 0])
    assert loss == pytest.approx((LOG2 + (2 * LOG2 - LOG3) / 4 + 1.5 * LOG2) / 2, rel=1e-14)
    np.testing.assert_allclose(dlogits, [[-1 / 4, 1 / 4]], rtol=1e-14)
    assert smooth == pytest.approx(LOG2, rel=1e-14)
    np.testing.assert_allclose(dsmooth, [[-0.2], [0.2]], rtol=1e-14)


@both_kernel_sets
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits_of_the_binary_cross_entropy(kernel_set, dtype):
    logits = np.array([[1e4], [-1e4], [1e4], [INF], [-INF]], dtype)
    with kernels.using(kernel_set):
        loss, dlogits = BinaryCrossEntropy()(logits, [1, 0, 0, 1, 0])
        wrong, _ = BinaryCrossEntropy()(logits[3:], [0, 0])
        nan, dnan = BinaryCrossEntropy()(np.array([[NAN, 0]], dtype), [[0, 1]])
    assert loss == pytest.approx(1e4 / 5) and dlogits.ravel().tolist() == [0, 0, pytest.approx(0.2), 0, 0]
    assert wrong == INF and math.isnan(nan) and np.isnan(dnan).tolist() == [[True, False]]
    assert BinaryCrossEntropy().predict(logits).ravel().tolist() == [1, 0, 1, 1, 0]
    assert np.isnan(BinaryCrossEntropy().predict(np.array([[NAN]], dtype))).all()
    assert BinaryCrossEntropy(predict_logits=True).predict(logits) is logits


@quick
@given(logits=hnp.arrays(float, (4, 1), elements=st.floats(-30, 30)))
def test_one_question_is_two_classes(logits):
    labels = [0, 1, 1, 0]
    loss, dlogits = BinaryCrossEntropy()(logits, labels)
    both, dboth = SoftmaxCrossEntropy()(np.hstack([0 * logits, logits]), labels)
    assert loss == pytest.approx(both, rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(dlogits[:, 0], dboth[:, 1], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_absolute_errors_and_huber_by_hand(dtype):
    # Differences 1, -2, 0, 3: absolute 6 / 4. Huber, delta 2: 1/2, 2, 0 and 2 * 3 - 2 = 4, together 6.5 / 4.
    outputs, targets = np.array([[2, 0], [5, 7]], dtype), [[1, 2], [5, 4]]
    loss, doutputs = MeanAbsoluteError()(outputs, targets)
    assert loss == 1.5 and doutputs.tolist() == [[0.25, -0.25], [0, 0.25]] and doutputs.dtype == dtype
    loss, doutputs = Huber(2.0)(outputs, targets)
    assert loss == 6.5 / 4 and doutputs.tolist() == [[0.25, -0.5], [0, 0.5]] and doutputs.dtype == dtype
    for criterion in (MeanAbsoluteError(), Huber()):
        loss, doutputs = criterion(np.array([[NAN, 0.0]], dtype), [[0, 0]])
        assert math.isnan(loss) and np.isnan(doutputs).tolist() == [[True, False]]


# -- weights of the rows, and reductions ---------------------------------------------------------------------------

EACH = [
    (SoftmaxCrossEntropy, np.array([0, 2, 1, 2, 0])), (BinaryCrossEntropy, np.eye(3)[[0, 2, 1, 2, 0]]),
    (MeanSquaredError, np.eye(3)[[0, 2, 1, 2, 0]]), (MeanAbsoluteError, np.eye(3)[[0, 2, 1, 2, 0]]),
    (Huber, np.eye(3)[[0, 2, 1, 2, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("loss_class", "targets"), EACH)
def test_weights_and_reductions_are_sums_over_the_rows(loss_class, targets):
    outputs = 2 * np.random.default_rng(0).standard_normal((5, 3))
    rows = [loss_class()(outputs[n : n + 1], targets[n : n + 1]) for n in range(5)]
    losses, gradients = np.array([loss for loss, _ in rows]), np.concatenate([gradient for _, gradient in rows])
    weights = np.array([0.5, 0, 2, 1, 3])
    expected = {
        ("mean", None): np.full(5, 1 / 5), ("sum", None): np.ones(5), ("weighted_mean", None): np.full(5, 1 / 5),
        ("mean", "w"): weights / 5, ("sum", "w"): weights, ("weighted_mean", "w"): weights / 6.5,
    }  # fmt: skip
    for (reduction, given_weights), factors in expected.items():
        given_weights = None if given_weights is None else weights[:, None]  # a column is taken, too
        loss, doutputs = loss_class(reduction=reduction)(outputs, targets, given_weights)
        assert loss == pytest.approx(factors @ losses, rel=1e-13)
        np.testing.assert_allclose(doutputs, factors[:, None] * gradients, rtol=1e-13, atol=1e-16)
    assert loss_class(reduction="weighted_mean")(outputs, targets, np.zeros(5))[0] == 0
    assert loss_class()(outputs, targets, np.ones(5))[0] == loss_class()(outputs, targets)[0]


def test_a_loss_of_ones_own_without_weights_says_so():
    class Plain(MeanSquaredError):
        def value_and_gradient(self, outputs, targets):
            return 0.0, outputs

    class Own(Loss):
        def __call__(self, outputs, targets):
            return 0.0, outputs

    with pytest.raises(TypeError, match=r"takes no weights: expected a method value_and_gradient\(outputs, targets, w"):
        check_takes_weights(Plain())
    with pytest.raises(TypeError, match=r"expected a method __call__\(outputs, targets, weights=None"):
        check_takes_weights(Own())
    for loss_class, _ in EACH:
        check_takes_weights(loss_class())


# -- names and configurations -----------------------------------------------------------------------------


def test_configuration_and_repr_make_an_equal_loss():
    later = [BinaryCrossEntropy(0.1, True), BinaryCrossEntropy(), MeanAbsoluteError("sum"), Huber(2.0, "weighted_mean")]
    for loss in (SoftmaxCrossEntropy(0.25), SoftmaxCrossEntropy(), MeanSquaredError(), *later):
        for twin in (type(loss)(**loss.get_config()), eval(repr(loss))):
            assert type(twin) is type(loss) and twin.get_config() == loss.get_config()
    assert repr(SoftmaxCrossEntropy(0.25)) == "SoftmaxCrossEntropy(label_smoothing=0.25)"


def test_losses_by_name():
    assert isinstance(get_loss("sparse_categorical_crossentropy"), SoftmaxCrossEntropy)
    assert isinstance(get_loss("mse"), MeanSquaredError)
    assert isinstance(get_loss("binary_crossentropy"), BinaryCrossEntropy)
    assert isinstance(get_loss("mae"), MeanAbsoluteError) and get_loss("huber").delta == 1
    assert all(get_loss(name) is not get_loss(name) for name in LOSSES)  # no object shared by two models
    loss = SoftmaxCrossEntropy(0.1)
    assert get_loss(loss) is loss
    with pytest.raises(ValueError, match="loss: expected one of .*; did you mean 'categorical_crossentropy'"):
        get_loss("categorical_crossentropie")
    with pytest.raises(TypeError, match=r"write it with parentheses: SoftmaxCrossEntropy\(\)"):
        get_loss(SoftmaxCrossEntropy)


@pytest.mark.parametrize("result", [None, 1.0, (np.ones(4), np.ones((4, 3))), (1.0, np.ones(4)), (1.0, 2.0, 3.0)])
@pytest.mark.parametrize("method", ["value_and_gradient", "__call__"])
def test_a_loss_of_ones_own_that_returns_something_else_is_told_in_training(method, result):
    targets = {"check_targets": lambda self, targets, output_shape: np.asarray(targets)}
    loss = type("Mine", (Loss,), {**targets, method: lambda self, outputs, targets: result})()
    model = Sequential([Dense(3)], input_shape=(2,))
    model.compile("sgd", loss)
    with pytest.raises(TypeError, match=r"Mine\(\): expected two results, .* a gradient of shape \(., 3\), got"):
        model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    with pytest.raises(TypeError, match="expected two results"):
        model.evaluate(np.ones((4, 2)), np.ones((4, 3)))
    loss = type("Mine", (Loss,), {"check_targets": lambda self, targets, output_shape: None})()
    model.compile("sgd", loss)
    with pytest.raises(TypeError, match="expected check_targets to return the targets, an array, got None"):
        model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)


@pytest.mark.parametrize("word, place, kind", [
    ("loss", lambda function: get_loss(function), "Loss"),
    ("optimizer", lambda function: get_optimizer(function), "Optimizer"),
    ("metrics", lambda function: get_metric(function), "Metric"),
    ("callbacks", lambda function: CallbackList([function]), "Callback"),
    ("learning_rate", lambda function: SGD(function), "Schedule"),
])  # fmt: skip
def test_a_function_in_a_class_place_is_told_what_to_write(word, place, kind):
    with pytest.raises(TypeError, match=f"{word}.*of your own is not a function, but a subclass of {kind}$"):
        place(lambda outputs, targets: 0)


def test_what_a_loss_of_ones_own_must_define_is_named():
    with pytest.raises(NotImplementedError, match="Loss has to define value_and_gradient"):
        Loss().value_and_gradient(np.zeros((1, 1)), np.zeros(1))
    with pytest.raises(NotImplementedError, match="Loss has to define check_targets"):
        Loss()(np.zeros((1, 1)), [0])
    with pytest.raises(NotImplementedError, match="Loss has to define check_targets"):
        Loss().check_targets([0], (1,))
    assert Loss().predict([1]) == [1]
