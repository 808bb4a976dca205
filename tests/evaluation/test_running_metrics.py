"""Metrics that add up over batches: by hand, over any cut into batches, and as ``compile`` takes them."""

import numpy as np
import pytest
from small_models import make_images, small_cnn

from numpycnn import (
    Callback,
    Conv2D,
    Dense,
    Flatten,
    Huber,
    MeanSquaredError,
    Sequential,
    SoftmaxCrossEntropy,
    metrics,
    to_categorical,
)
from numpycnn.losses.base import REDUCTIONS
from numpycnn.metrics.running import METRIC_CLASSES, METRICS, get_metric

P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.25, 0.35], [0.1, 0.3, 0.6]])
LABELS = np.array([0, 2, 0, 1])
WEIGHTS = np.array([1.0, 2.0, 0.5, 0.5])
BY_HAND = [  # of P and LABELS: as it is, and with WEIGHTS
    (metrics.Accuracy(), 2 / 4, 1.5 / 4),  # rows 0 and 2 are right
    (metrics.TopKAccuracy(k=2), 1.0, 1.0),  # the others come second
    (metrics.TopKAccuracy(k=1), 2 / 4, 1.5 / 4),
    (metrics.Precision(), 1 / 2, 1 / 1.5),  # above 1/2: 0.6 of row 0, right, and of row 3, wrong
    (metrics.Recall(), 1 / 4, 1 / 4),
    (metrics.Recall(threshold=0.29), 1.0, 1.0),
    (metrics.BinaryAccuracy(), (1 + 2 / 3 + 2 / 3 + 1 / 3) / 4, (1 + 4 / 3 + 1 / 3 + 1 / 6) / 4),
    # classes 0, 1, 2: right 2, 0, 0; given 2, 1, 1; wanted 2, 1, 1. Weighted: 1.5, 0, 0; 1.5, 2, 0.5; 1.5, 0.5, 2
    (metrics.F1Score(), 1 / 3, 1 / 3),
    (metrics.F1Score(average="weighted"), 1 / 2, 1.5 / 4),
    (metrics.F1Score(average="micro"), 1 / 2, 1.5 / 4),
    # squared errors 0.26, 0.78, 0.545, 0.86 a row of three
    (metrics.MeanLoss(MeanSquaredError(), "mse"), 2.445 / 12, (0.26 + 1.56 + 0.2725 + 0.43) / 12),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "plain", "weighted"), BY_HAND, ids=lambda value: repr(value)[:40])
def test_by_hand(metric, plain, weighted):
    for targets in (LABELS, to_categorical(LABELS, 3)):
        for weights, expected in ((None, plain), (WEIGHTS, weighted), (np.ones(4), plain)):
            whole, cut = get_metric(metric), get_metric(metric)
            whole.add(P, targets, weights)
            for part in (slice(0, 1), slice(1, 4)):
                cut.add(P[part], targets[part], None if weights is None else weights[part])
            assert whole.result() == pytest.approx(expected, rel=1e-12) and type(whole.result()) is float
            assert cut.result() == pytest.approx(expected, rel=1e-12)


def test_area_under_the_curve_by_hand():
    # yes: 0.9, 0.6, 0.3; no: 0.5, 0.1. Of six pairs five are in order.
    auc = metrics.AUC()
    auc.add(np.array([[0.9], [0.5], [0.6], [0.1], [0.3]]), np.array([[1.0], [0], [1], [0], [1]]))
    assert auc.result() == pytest.approx(5 / 6, rel=1e-12)
    certain = metrics.AUC()  # nothing between 0 and 1: of four pairs one is in order, one is not, two are even
    certain.add(np.array([[1.0], [0.0], [1.0], [0.0]]), np.array([[1.0], [0], [0], [1]]))
    assert certain.result() == pytest.approx(1 / 2, rel=1e-12)
    heavy, weights = metrics.AUC(), np.array([1, 1, 1, 1, 4.0])
    heavy.add(np.array([[0.9], [0.5], [0.6], [0.1], [0.3]]), np.array([[1.0], [0], [1], [0], [1]]), weights)
    assert heavy.result() == pytest.approx(1 - 4 / 12, rel=1e-12)  # the pair that is not weighs 4 of 12


def test_an_output_that_is_no_number_is_never_right():
    """Neither class 0, which argmax takes it for, nor a no, nor a yes."""
    spoilt, labels = P.copy(), np.zeros(4, int)
    spoilt[[0, 2]] = np.nan
    for name in ("accuracy", "top_k_accuracy", "precision", "recall", "f1_score"):
        metric = get_metric(name)
        metric.add(spoilt[[0, 2]], labels[:2])
        assert metric.result() == 0, name
    binary, area = metrics.BinaryAccuracy(), metrics.AUC()
    for metric in (binary, area):
        metric.add(spoilt[:, :1], np.array([0.0, 0.0, 1.0, 0.0])[:, None])
    assert binary.result() == 2 / 4 and np.isnan(area.result())
    model = small_cnn()
    model.layers[-1].parameters[1].value[:] = np.nan
    x, _ = make_images(4)
    assert model.evaluate(x, labels)[1] == 0


def test_nothing_that_counts_is_zero():
    for name in METRICS:
        metric = get_metric(name)
        metric.add(P, LABELS, np.zeros(4))
        assert metric.result() == 0


def test_the_largest_of_one_answer_is_no_f1_score():
    """It would be given for every row, whatever the network says."""
    x, y = np.ones((4, 3)), np.array([0, 1, 1, 0])
    model = Sequential([Dense(1)], (3,), seed=0)
    for metric in "f1_score", metrics.F1Score("micro"):
        model.compile("sgd", "binary_crossentropy", [metric])
        for use in model.fit, model.evaluate, model.train_on_batch:
            with pytest.raises(ValueError, match=r"f1_score: expected at least two answers.*F1Score\(threshold=0.5\)"):
                use(x, y)
    model.compile("sgd", "binary_crossentropy", [metrics.F1Score(threshold=0.5)])
    model.layers[0].parameters[0].value = [[-1], [0], [0]]  # a no for every row
    assert model.evaluate(x, y)[1] == 0


@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
def test_nothing_counted_yet_is_zero_too(average):
    zeros = metrics.F1Score(average)
    zeros.add(np.zeros((4, 3)), LABELS)  # no answer at all, for Keras too
    assert zeros.result() == 0.0
    f1 = metrics.F1Score(average, threshold=0.5)
    for metric in (metrics.Precision(), metrics.Recall(), metrics.AUC(), metrics.BinaryAccuracy(), f1):
        assert metric.result() == 0.0
        metric.add(np.array([[0.9], [0.2]]), np.array([[1.0], [0.0]]))
        assert metric.result() == 1.0
        metric.reset()
        assert metric.result() == 0.0


def test_every_class_has_a_name_or_an_example():
    assert {type(get_metric(name)) for name in METRICS} == set(METRIC_CLASSES.values())
    assert {type(metric) for metric, *_ in BY_HAND} | {metrics.AUC} == set(METRIC_CLASSES.values())


def test_names_and_order_in_fit_and_evaluate(tmp_path):
    x, y = make_images(40)
    asked = ["acc", metrics.TopKAccuracy(2), "precision", metrics.F1Score(name="f"), "auc", "mae",
             metrics.MeanLoss(Huber(0.5), "robust")]
    names = ["acc", "top_k_accuracy", "precision", "f", "auc", "mae", "robust"]
    model = small_cnn()
    model.compile("adam", SoftmaxCrossEntropy(), asked, ["acc", "recall"])
    names += ["weighted_acc", "recall"]
    history = model.fit(x, y, 16, verbose=0, validation_data=(x, y, np.arange(40.0)), sample_weight=np.ones(40)).history
    assert list(history) == sorted(f"{prefix}{name}" for prefix in ("", "val_") for name in (*names, "loss"))
    scores = model.evaluate(x, y, sample_weight=np.arange(40.0))
    assert [history[f"val_{name}"][0] for name in ("loss", *names)] == list(scores)
    assert scores[1] == np.mean(model.predict(x).argmax(axis=1) == y)
    assert not any(np.any(metric.sums) for metric in asked if not isinstance(metric, str))  # they are examples
    model.save(tmp_path / "model.npz")
    loaded = Sequential.load(tmp_path / "model.npz")
    assert repr(loaded.metrics) == repr(model.metrics) and loaded.weighted_metrics == ["acc", "recall"]
    assert loaded.evaluate(x, y, sample_weight=np.arange(40.0)) == scores
    assert len(model.train_on_batch(x, y)) == len(scores)


def test_the_accuracy_of_yes_or_no():
    x, y = make_images(40)
    model = Sequential([Flatten(), Dense(1)], x.shape[1:], seed=0)
    model.compile("sgd", "binary_crossentropy", ["accuracy", "binary_accuracy"])
    _, accuracy, same = model.evaluate(x, y > 1)
    assert accuracy == same == np.mean((model.predict(x)[:, 0] > 0.5) == (y > 1)) and 0 < accuracy < 1


def test_the_accuracy_of_maps():
    x, _ = make_images(20)
    y = x > 0.5
    model = Sequential([Conv2D(1, 3, padding="same")], x.shape[1:], seed=0)
    model.compile("sgd", "binary_crossentropy", ["accuracy"])  # as Keras has it: of each pixel
    assert model.evaluate(x, y)[1] == pytest.approx(np.mean((model.predict(x) > 0.5) == y), rel=1e-12)
    for metric in (metrics.Accuracy(), "top_k_accuracy"):
        model.compile("sgd", "binary_crossentropy", [metric])
        start = model.get_weights()
        for call in (model.fit, model.evaluate, model.train_on_batch):
            with pytest.raises(ValueError, match=r"accuracy: expected outputs of shape \(N, K\), got \(N, .*binary"):
                call(x, y)
        assert all(map(np.array_equal, start, model.get_weights()))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_mean_of_a_loss_that_is_a_sum_is_a_mean(reduction):
    metric = metrics.MeanLoss(MeanSquaredError(reduction), "mse")
    for part in (slice(0, 1), slice(1, 4)):
        metric.add(P[part], LABELS[part])
    assert metric.result() == pytest.approx(2.445 / 12, rel=1e-12)
    metric.reset()
    for part in (slice(0, 1), slice(1, 4)):
        metric.add(P[part], LABELS[part], 2 * WEIGHTS[part])
    assert metric.result() == pytest.approx((0.26 + 1.56 + 0.2725 + 0.43) / 12, rel=1e-12)


def test_a_metric_does_not_take_another_figures_name():
    model = small_cnn()
    for asked, weighted in (["loss"], []), (["epoch"], []), (["val_loss"], []), (["a", "val_a"], []), ([], ["loss"]), (
            ["a", "weighted_a"], ["a"]):
        with pytest.raises(ValueError, match="metrics: expected names other than epoch, loss and a validation's"):
            model.compile("sgd", model.loss, *([metrics.Precision(name=name) for name in each]
                                               for each in (asked, weighted)))


@pytest.mark.parametrize("rows", [lambda p: abs(p).mean(), lambda p: abs(p), lambda p: None, lambda p: p[:1, 0]])
def test_rows_that_are_no_figure_of_each_row_are_refused(rows):
    class Own(metrics.Metric):
        def rows(self, predictions, targets):
            return rows(predictions)

    with pytest.raises(ValueError, match=r"own: expected rows to return the figure of each row, shape \(4,\), got"):
        Own("own").add(P, LABELS)


def test_metrics_compiled_in_an_epoch():
    class Recompile(Callback):
        def on_batch_end(self, batch, logs):
            if batch == 0:
                self.model.compile(self.model.optimizer, self.model.loss, ["precision"])

    x, y = make_images(40)
    model = small_cnn()
    history = model.fit(x, y, 16, verbose=0, callbacks=[Recompile()]).history
    assert list(history) == ["loss", "precision"]
    model.compile("sgd", model.loss, ["accuracy"])

    class Again(Callback):
        def on_batch_end(self, batch, logs):
            self.model.compile(self.model.optimizer, self.model.loss, ["accuracy"])

    twin = small_cnn()
    twin.set_weights(model.get_weights())
    twin.compile("sgd", twin.loss, ["accuracy"])
    first = model.fit(x, y, 16, verbose=0, seed=1, callbacks=[Again()]).history
    assert first == twin.fit(x, y, 16, verbose=0, seed=1).history  # what was counted stays


def test_rows_of_another_number_of_answers_are_refused():
    metric = metrics.Precision()
    metric.add(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="precision: expected 1 answers a row, as before, got 4"):
        metric.add(np.ones((2, 4)), np.ones((2, 4)))


@pytest.mark.parametrize("metric", [metrics.Accuracy(), "top_k_accuracy"])
def test_one_output_is_no_choice_between_classes(metric):
    model = Sequential([Dense(1)], input_shape=(3,))
    model.compile("sgd", "binary_crossentropy", [metric])
    with pytest.raises(ValueError, match="at least two classes to choose from, got one output; use binary_accuracy"):
        model.evaluate(np.ones((2, 3)), np.ones(2))


@pytest.mark.parametrize("name", ["precision", "recall", "auc", "binary_accuracy", "mse"])
def test_answers_of_one_output_may_be_a_column_and_the_truth_a_row(name):
    figures = []
    for targets in (np.array([1, 0, 1, 1]), np.array([[1], [0], [1], [1]])):
        metric = get_metric(name)
        metric.add(np.array([[0.9], [0.8], [0.3], [0.7]]), targets)
        figures.append(metric.result())
    assert figures[0] == figures[1]


@pytest.mark.parametrize(("metric", "plain"), [case[:2] for case in BY_HAND], ids=lambda value: repr(value)[:40])
def test_lists_columns_and_floats_count_as_arrays_do(metric, plain):
    for targets in (LABELS.tolist(), LABELS[:, None], LABELS.astype(float), to_categorical(LABELS, 3).tolist()):
        fresh = get_metric(metric)
        fresh.add(P.tolist(), targets, [1, 1, 1, 1])
        assert fresh.result() == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("metric", [*(case[0] for case in BY_HAND), metrics.AUC()], ids=lambda value: repr(value)[:40])
def test_a_batch_that_does_not_fit_together_is_refused(metric):
    """Each was a wrong figure, or an error of NumPy's, where a metric is used by itself."""
    bad = [(P, LABELS[:1]), (P[:1], LABELS), (P, LABELS, [1.0]), (P, LABELS, [1, 1, 1, -1]), (0.5, LABELS)]
    if not isinstance(metric, metrics.Accuracy):  # such a label is never right
        bad += [(P, LABELS - 1), (P, LABELS + 1)]
    for batch in bad:
        with pytest.raises(ValueError, match="expected"):
            metric.add(*batch)
    for batch in ((None, LABELS), (P, None), (P, list("abcd"))):
        with pytest.raises(TypeError, match="expected an array of real numbers"):
            metric.add(*batch)


@pytest.mark.parametrize("metric", [metrics.Accuracy(), metrics.TopKAccuracy()])
def test_classes_need_a_column_each(metric):
    for predictions in (P[:, 0], P[:, :1], P[..., None]):
        with pytest.raises(ValueError, match=r"predictions: expected shape \(N, K\), a column a class"):
            metric.add(predictions, LABELS)
