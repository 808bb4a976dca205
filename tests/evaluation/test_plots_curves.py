"""The pictures of a training and of a confusion matrix: what was drawn is what was given, and it can be read."""

from types import SimpleNamespace

import numpy as np
import pytest
from figures import HISTORY, boxes_overlap, luminance

pytest.importorskip("matplotlib")

from numpycnn.plots import plot_confusion_matrix, plot_curves, save_figure  # noqa: E402


# ---------------------------------------------------------------- curves


def curve(ax, label):
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return line


@pytest.mark.parametrize("wrap", [dict, lambda h: SimpleNamespace(history=h)])
def test_curves_draw_the_history(wrap):
    figure = plot_curves(wrap(HISTORY))
    assert [ax.get_title() for ax in figure.axes] == ["Accuracy", "Loss"]
    for ax, name in zip(figure.axes, ("accuracy", "loss")):
        assert ax.get_xlabel() == "epoch"
        for label, key in (("training", name), ("validation", f"val_{name}")):
            line = curve(ax, label)
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
            np.testing.assert_array_equal(line.get_ydata(), HISTORY[key])
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        assert legend == ["training", "validation"]
        training, validation = curve(ax, "training"), curve(ax, "validation")
        assert training.get_color() != validation.get_color()
        assert training.get_linestyle() != validation.get_linestyle()  # in greyscale, too


def test_curves_without_validation_or_accuracy():
    figure = plot_curves({"accuracy": [0.9], "loss": [0.3], "seconds": ["unused"]})
    assert [len(ax.get_lines()) for ax in figure.axes] == [1, 1]
    figure = plot_curves({"loss": [0.3, 0.2], "val_loss": [0.4, 0.3]})
    assert [ax.get_title() for ax in figure.axes] == ["Loss"]


@pytest.mark.parametrize("epochs", [1, 2, 5, 10, 30, 200])
def test_epoch_axis_has_whole_numbers_and_shows_every_point(epochs):
    values = list(np.linspace(0.9, 0.99, epochs))
    figure = plot_curves({"accuracy": values, "loss": values})
    for ax in figure.axes:
        low, high = ax.get_xlim()
        ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
        assert ticks and all(tick == int(tick) for tick in ticks)
        assert low < 1 and high > epochs
        if epochs <= 30:  # one epoch is a point and not a line: without a marker it is nothing
            assert curve(ax, "training").get_marker() == "o"


@pytest.mark.parametrize("history", [
    {"accuracy": [0.91], "loss": [0.3], "val_accuracy": [0.914], "val_loss": [0.29]}, {"loss": [12.5]},
    {"loss": [float("nan")], "val_loss": [0.1]}, {"loss": [0.0]},
])
def test_a_single_epoch_is_points_with_their_values(history):
    figure = plot_curves(history)
    figure.draw_without_rendering()
    for ax, name in zip(figure.axes, [name for name in ("accuracy", "loss") if name in history]):
        written = [text.get_text() for text in ax.texts]
        keys = {"training": name, "validation": f"val_{name}"}
        assert written == [f"{label} {history[key][0]:.4g}" for label, key in keys.items() if key in history]
        low, high = ax.get_ylim()
        values = [history[key][0] for key in keys.values() if key in history]
        assert low == 0 and high > max(value for value in values if np.isfinite(value))
        boxes = [text.get_window_extent() for text in ax.texts]
        assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in boxes)
        assert not boxes_overlap(boxes)


def test_the_accuracy_is_drawn_under_either_name():
    lists = {"acc": [0.5, 0.75], "loss": [2.0, 1.0], "val_acc": [0.25, 0.5], "val_loss": [3.0, 2.0]}
    accuracy, _ = plot_curves(lists).axes
    assert curve(accuracy, "training").get_ydata().tolist() == [0.5, 0.75]
    assert curve(accuracy, "validation").get_ydata().tolist() == [0.25, 0.5]


def test_a_loss_that_became_nan_and_a_flat_curve_are_drawn(tmp_path):
    figure = plot_curves({"accuracy": [1.0, 1.0, 1.0], "loss": [0.5, np.inf, np.nan]})
    save_figure(figure, tmp_path / "curves.png", dpi=40)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_axis_shows_values_and_no_offset_in_a_corner():
    figure = plot_curves({"loss": [100.00001, 100.00002]})
    figure.draw_without_rendering()
    assert figure.axes[0].yaxis.get_offset_text().get_text() == ""


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        ([0.1, 0.2], TypeError, "a dict of lists, .* got list"),
        (SimpleNamespace(history=3), TypeError, "a dict of lists"),
        ({}, ValueError, "expected the key 'loss'"),
        ({"accuracy": [1.0]}, ValueError, r"the keys \['accuracy'\]"),
        ({"loss": []}, ValueError, "history\\['loss'\\]: expected one number an epoch"),
        ({"loss": 0.5}, ValueError, r"got shape \(\)"),
        ({"loss": [[0.5]]}, ValueError, r"got shape \(1, 1\)"),
        ({"loss": [1, 2], "val_loss": [1]}, ValueError, r"val_loss.*as many as .* \(1,\); after .* validation_freq"),
        ({"loss": [0.5], "accuracy": ["high"]}, TypeError, "real numbers, got dtype <U4"),
    ],
)
def test_bad_history_gets_a_clear_error(history, error, message):
    with pytest.raises(error, match=message):
        plot_curves(history)


# ---------------------------------------------------------------- confusion matrix

# Class 0: 90 of 100 right. Class 1: 199 of 200 right. Class 2: 8 of 10 right. 297 of 310 = 95.81%
COUNTS = np.array([[90, 10, 0], [1, 199, 0], [0, 2, 8]])


def cell_texts(figure):
    return {tuple(map(int, text.get_position()[::-1])): text for text in figure.axes[0].texts}


def test_matrix_writes_each_count_into_its_cell():
    figure = plot_confusion_matrix(COUNTS, ["cat", "dog", "owl"])
    texts = cell_texts(figure)
    assert {cell: int(text.get_text()) for cell, text in texts.items()} == {
        (i, j): COUNTS[i, j] for i in range(3) for j in range(3)
    }
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == ["cat", "dog", "owl"]
    assert ax.get_title() == "297 of 310 right (95.81%)"


def test_matrix_is_coloured_by_share_of_the_row_with_a_scale_for_mistakes():
    hits, misses = plot_confusion_matrix(COUNTS).axes[0].get_images()
    shares = COUNTS / [[100], [200], [10]]
    diagonal = np.eye(3, dtype=bool)
    np.testing.assert_array_equal(hits.get_array().mask, ~diagonal)
    np.testing.assert_array_equal(misses.get_array().mask, diagonal)
    np.testing.assert_allclose(hits.get_array().compressed(), shares[diagonal])
    np.testing.assert_allclose(misses.get_array().compressed(), shares[~diagonal])
    assert hits.get_clim() == (0, 1)
    assert misses.get_clim() == (0, 0.2)  # 2 of 10, the most frequent mistake


def test_the_names_of_many_classes_have_room():
    (label, *_) = plot_confusion_matrix(np.eye(100, dtype=int)).axes[0].get_yticklabels()
    assert 6 < label.get_size() < 8.5, "points; a cell has 8.7"


def test_a_single_slip_of_a_good_model_stays_pale():
    _, misses = plot_confusion_matrix([[1000, 1], [0, 1000]]).axes[0].get_images()
    assert misses.get_clim() == (0, 0.02)
    assert misses.norm(misses.get_array())[0, 1] < 0.06


@pytest.mark.parametrize(
    "matrix",
    [
        COUNTS,
        1000 * np.eye(10, dtype=int),
        np.random.default_rng(1).integers(80, 120, (10, 10)),
        np.outer(np.arange(1, 12), np.arange(11)),
    ],
    ids=["good", "perfect", "bad", "from empty to full"],
)
def test_every_count_stands_out_from_its_cell(matrix):
    figure = plot_confusion_matrix(matrix)
    hits, misses = figure.axes[0].get_images()
    for (row, col), text in cell_texts(figure).items():
        layer = hits if row == col else misses
        cell = luminance(layer.cmap(layer.norm(layer.get_array()[row, col]))[:3])
        ink = luminance(text.get_color())
        # WCAG's contrast ratio; 4.5 is what it asks of text.
        assert (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05) > 4.5


@pytest.mark.parametrize("largest", [9, 12_345_678])
@pytest.mark.parametrize("size", [2, 10, 20])
def test_counts_fit_into_their_cells(size, largest):
    matrix = np.full((size, size), largest)
    figure = plot_confusion_matrix(matrix)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    cell = ax.get_window_extent().width / size
    assert max(text.get_window_extent().width for text in ax.texts[:3]) <= cell


def test_names_of_classes_do_not_overlap():
    figure = plot_confusion_matrix(np.eye(10, dtype=int), [f"name {k}" * 2 for k in range(10)])
    assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {45}
    figure = plot_confusion_matrix(np.eye(10, dtype=int))
    assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {0}


def test_very_many_classes_and_a_single_one():
    assert not plot_confusion_matrix(np.eye(50, dtype=int)).axes[0].texts
    assert [text.get_text() for text in plot_confusion_matrix([[3]]).axes[0].texts] == ["3"]


@pytest.mark.parametrize(
    ("matrix", "names", "error", "message"),
    [
        ([1, 2], None, ValueError, r"a square matrix \(K, K\), got shape \(2,\)"),
        (np.ones((2, 3)), None, ValueError, r"got shape \(2, 3\)"),
        (np.ones((0, 0)), None, ValueError, r"got shape \(0, 0\)"),
        ([[1, -1], [0, 1]], None, ValueError, "whole numbers from 0"),
        ([[0.9, 0.1], [0.2, 0.8]], None, ValueError, "pass counts"),
        ([[np.nan, 1], [0, 1]], None, ValueError, "whole numbers from 0"),
        ([[np.inf, 1], [0, 1]], None, ValueError, "whole numbers from 0"),
        (np.zeros((2, 2)), None, ValueError, "not all 0"),
        ([["a", "b"], ["c", "d"]], None, TypeError, "real numbers, got dtype <U1"),
        (np.eye(3), ["a", "b"], ValueError, "each of 3 classes, got 2"),
        (np.eye(3), ["a", "b", "c", "d"], ValueError, "each of 3 classes, got 4"),
    ],
)
def test_bad_matrix_gets_a_clear_error(matrix, names, error, message):
    with pytest.raises(error, match=message):
        plot_confusion_matrix(matrix, names)
