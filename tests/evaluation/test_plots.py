"""The pictures: what was drawn is what was given, and it can be read."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

import matplotlib  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from numpycnn.plots.style import percent  # noqa: E402
from numpycnn.plots import (  # noqa: E402
    plot_confusion_matrix,
    plot_curves,  # noqa: E402
    plot_predictions,
    plot_samples,
    save_figure,  # noqa: E402
)

FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
HISTORY = {
    "accuracy": [0.94, 0.98, 0.99],
    "loss": [0.20, 0.06, 0.03],
    "val_accuracy": [0.98, 0.985, 0.984],
    "val_loss": [0.07, 0.05, 0.055],
}
ROOT = Path(__file__).resolve().parents[2]


def random_images(n=6, dtype="uint8", shape=(28, 28)):
    pixels = np.random.default_rng(0).integers(0, 256, (n, *shape))
    return pixels.astype(dtype) if dtype == "uint8" else (pixels / 255).astype(dtype)


def probabilities_for(classes, num_classes=10, top=0.82):
    """Rows that give `top` to the class asked for and share the rest out."""
    probs = np.full((len(classes), num_classes), (1 - top) / (num_classes - 1))
    probs[np.arange(len(classes)), classes] = top
    return probs


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_images()]


def drawn_images(figure):
    return [np.asarray(ax.get_images()[0].get_array()) for ax in figure.axes if ax.get_images()]


# ---------------------------------------------------------------- samples


def test_samples_draw_the_images_under_their_labels():
    images = random_images(20)
    figure = plot_samples(images, np.arange(20) % 10, rows=2, cols=3)
    assert isinstance(figure, Figure)
    assert titles(figure) == ["0", "1", "2", "3", "4", "5"]
    np.testing.assert_array_equal(drawn_images(figure), images[:6])


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (32, 32, 3), (5, 9)])
def test_samples_take_every_form_of_image(dtype, shape):
    images = random_images(3, dtype, shape)
    figure = plot_samples(images, [0, 1, 2])
    expected = images[..., 0] if shape[-1] == 1 else images
    np.testing.assert_array_equal(drawn_images(figure), expected)


@pytest.mark.parametrize(
    ("images", "white"),
    [
        (np.full((2, 4, 4), 7, np.uint8), 255),
        (np.full((2, 4, 4), 0.5), 1),
        (np.full((2, 4, 4), 90, np.int64), 255),
        (np.full((2, 4, 4), True), 1),
    ],
)
def test_grey_means_the_same_in_every_image(images, white):
    for ax in plot_samples(images, [0, 1]).axes:
        (image,) = ax.get_images()
        assert image.get_clim() == (0, white)
        assert image.get_interpolation() == "nearest"
        assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


def test_a_grid_larger_than_the_images_shrinks():
    figure = plot_samples(random_images(5), np.arange(5), rows=4, cols=3)
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 3)
    assert len(titles(figure)) == 5
    assert [ax.axison for ax in figure.axes] == [True] * 5 + [False]


def test_one_hot_labels_and_names():
    figure = plot_samples(random_images(2), np.eye(10)[[9, 0]], class_names=FASHION)
    assert titles(figure) == ["Ankle boot", "T-shirt/top"]


@pytest.mark.parametrize(
    ("images", "labels", "kwargs", "error", "message"),
    [
        (np.zeros((28, 28)), [0], {}, ValueError, r"got \(28, 28\); .*image\[None\]"),
        (np.zeros((2, 784)), [0, 1], {}, ValueError, "reshape"),
        (np.zeros((2, 8, 8, 2)), [0, 1], {}, ValueError, r"got \(2, 8, 8, 2\)"),
        (np.zeros((0, 8, 8)), [], {}, ValueError, "at least one image"),
        (np.zeros((2, 8, 8)), [0], {}, ValueError, "labels: expected one for each of 2 images"),
        (np.zeros((2, 8, 8)), [0, 0.5], {}, ValueError, "labels: expected classes"),
        (np.full((2, 8, 8), 200.0), [0, 1], {}, ValueError, "floats from 0 to 1, got 200"),
        (np.full((2, 8, 8), np.nan), [0, 1], {}, ValueError, "floats from 0 to 1, got nan"),
        (np.full((2, 8, 8), -1), [0, 1], {}, ValueError, "integers from 0 to 255, got -1"),
        (np.full((2, 8, 8), 1j), [0, 1], {}, TypeError, "complex128"),
        (np.zeros((2, 8, 8)), [0, 2], {"class_names": ["a", "b"]}, ValueError, "got 2"),
        (np.zeros((2, 8, 8)), [0, 1], {"class_names": "ab"}, TypeError, "sequence of strings"),
    ],
)
def test_bad_samples_get_a_clear_error(images, labels, kwargs, error, message):
    with pytest.raises(error, match=message):
        plot_samples(images, labels, **kwargs)


# ---------------------------------------------------------------- predictions


def test_predictions_mark_the_wrong_ones_in_four_ways():
    labels, predicted = np.array([7, 2, 5]), np.array([7, 2, 6])
    figure = plot_predictions(random_images(3), labels, probabilities_for(predicted))
    assert titles(figure) == [
        "7 (82%)\ntrue: 7",
        "2 (82%)\ntrue: 2",
        "\N{BALLOT X} 6 (82%)\ntrue: 5",
    ]
    for ax, wrong in zip(figure.axes, [False, False, True]):
        framed = [spine.get_visible() for spine in ax.spines.values()]
        assert framed == [wrong] * 4
        assert (ax.title.get_fontweight() == "bold") == wrong
        red, green, blue = to_rgb(ax.title.get_color())
        assert (red > green + 0.3) == wrong
        if wrong:
            assert ax.spines["left"].get_linewidth() >= 3
    assert figure.get_suptitle().startswith("2 of 3 images right (66.67%)\n")
    assert group_titles(figure) == ["All 3 images: 2 of 3 right"]


def group_titles(figure):
    return [part.get_suptitle() for part in figure.subfigs]


def test_predictions_count_what_is_shown_and_all():
    labels = np.zeros(8, int)
    probs = probabilities_for([0, 0, 0, 0, 1, 1, 1, 0])
    figure = plot_predictions(random_images(8), labels, probs, rows=1, cols=5)
    assert group_titles(figure) == ["The first 5 of 8 images: 4 of 5 right"]
    assert figure.get_suptitle().startswith("5 of 8 images right (62.50%)")
    assert [title.startswith("\N{BALLOT X}") for title in titles(figure)] == [False] * 4 + [True]


def test_chosen_mistakes_are_a_group_of_their_own():
    """18 first images and 6 chosen mistakes under one title would read as an accuracy of 75 %."""
    labels = np.zeros(100, int)
    predicted = np.zeros(100, int)
    predicted[[1, 40, 60, 80, 90]] = 7
    images, probs = random_images(100), probabilities_for(predicted)
    figure = plot_predictions(images, labels, probs, rows=2, cols=3, mistake_rows=1)
    assert figure.get_suptitle().startswith("95 of 100 images right (95.00%)\n")
    assert group_titles(figure) == [
        "The first 6 of 100 images: 5 of 6 right", "The first 3 of 4 mistakes among the other 94",
    ]
    np.testing.assert_array_equal(drawn_images(figure), images[[0, 1, 2, 3, 4, 5, 40, 60, 80]])
    figure = plot_predictions(images, labels, probs, rows=2, cols=3, mistake_rows=2)
    assert group_titles(figure)[1] == "All 4 mistakes among the other 94"
    assert len(plot_predictions(images[2:30], labels[2:30], probs[2:30], mistake_rows=2).subfigs) == 1  # there are none
    with pytest.raises(ValueError, match="mistake_rows"):
        plot_predictions(images, labels, probs, mistake_rows=-1)


@given(st.floats(0, 1), st.integers(0, 2))
def test_a_probability_is_never_rounded_to_what_it_is_not(share, decimals):
    """"0 (100.0%), true: 8 (0.0%)" says that the impossible happened."""
    text = percent(share, decimals)
    number, smallest = float(text.strip("<>%")), 10.0**-decimals
    if text[0] == "<":
        assert number == smallest and share < smallest / 100
    elif text[0] == ">":
        assert number == pytest.approx(100 - smallest) and share > (100 - smallest) / 100
    else:
        assert abs(100 * share - number) <= 0.5001 * smallest and 0 < number < 100
    exactly = percent(share, decimals, exact=True)
    assert (exactly == f"{0:.{decimals}f}%") == (share == 0) and (exactly == f"{100:.{decimals}f}%") == (share == 1)


def test_accuracies_are_exact():
    assert percent(1, 2, exact=True) == "100.00%" and percent(0, 2, exact=True) == "0.00%"
    nearly = np.diag([99_999, 1])
    nearly[0, 1] = 1
    assert plot_confusion_matrix(nearly).axes[0].get_title() == "100,000 of 100,001 right (>99.99%)"
    probs = probabilities_for([3], top=1.0)
    assert titles(plot_predictions(random_images(1), [3], probs)) == ["3 (>99%)\ntrue: 3"]


def test_long_names_do_not_run_into_each_other():
    labels = np.arange(10)
    probs = probabilities_for(np.r_[9, 0, 2, 9, 9, 0, 2, 9, 9, 0])  # the longest names, bold
    figure = plot_predictions(random_images(10), labels, probs, cols=5, class_names=FASHION)
    figure.draw_without_rendering()
    boxes = [ax.title.get_window_extent() for ax in figure.axes] + [
        figure.texts[0].get_window_extent(), figure.subfigs[0].texts[0].get_window_extent(),
    ]
    for i, box in enumerate(boxes):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[i + 1:])


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[2.0, -1.0], [0.5, 0.5]], "logits become probabilities"),
        ([0, 1], [[0.9, 0.9], [0.5, 0.5]], "a sum of 1"),
        ([0, 1], [[np.nan, 1.0], [0.5, 0.5]], "a sum of 1"),
        ([0, 1], [0.5, 0.5], r"shape \(N, K\)"),
        ([0, 1], [[0.5, 0.5]], "probabilities: expected one for each of 2 images, got 1"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "labels: expected classes from 0 to 1, .* got 2"),
    ],
)
def test_bad_predictions_get_a_clear_error(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        plot_predictions(random_images(2), labels, probabilities)
    with pytest.raises(TypeError, match="real numbers"):
        plot_predictions(random_images(2), labels, [["a", "b"], ["c", "d"]])


def test_predictions_need_exactly_a_name_for_each_column():
    for names in (FASHION[:9], (*FASHION, "Hat")):
        with pytest.raises(ValueError, match="a name for each of 10 classes"):
            plot_predictions(random_images(1), [0], probabilities_for([0]), class_names=names)


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
        assert len(boxes) < 2 or not boxes[0].overlaps(boxes[1])


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
        ({"loss": [1, 2], "val_loss": [1]}, ValueError, r"val_loss.*as many as .* \(1,\)"),
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


def luminance(color):
    """WCAG 2.1: linear light, weighted as the eye does."""
    weights = (0.2126, 0.7152, 0.0722)
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip(weights, to_rgb(color))
    )


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


# ---------------------------------------------------------------- files and good manners


def test_save_figure_writes_a_png_of_the_size_asked_for(tmp_path):
    figure = plot_curves(HISTORY)
    path = tmp_path / "curves.png"
    path.write_bytes(b"an older picture")
    save_figure(figure, str(path), dpi=50)
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    # Width and height are the first fields of the first chunk, after its length and name.
    width, height = np.frombuffer(content, ">u4", count=2, offset=16)
    np.testing.assert_allclose([width, height], 50 * figure.get_size_inches(), atol=1)
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


def test_a_failed_save_leaves_the_older_picture(tmp_path, monkeypatch):
    figure = plot_curves(HISTORY)
    path = tmp_path / "curves.png"
    path.write_bytes(b"an older picture")

    def fail_half_way(file, **kwargs):
        file.write(b"half a pict")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, path)
    assert path.read_bytes() == b"an older picture"
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


def test_save_figure_refuses_other_names(tmp_path):
    for name in ("curves.pdf", "curves"):
        with pytest.raises(ValueError, match="ends in .png"):
            save_figure(plot_curves(HISTORY), tmp_path / name)


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    names = ["$\\bad$", "5 $ or $6"]  # the first is no formula: drawn as one, it raises
    save_figure(plot_samples(random_images(2), [0, 1], class_names=names), tmp_path / "a.png", 40)
    figure = plot_confusion_matrix(np.eye(2, dtype=int), names)
    save_figure(figure, tmp_path / "b.png", dpi=40)
    assert figure.axes[0].get_xticklabels()[1].get_text() == "5 $ or $6"


def test_the_users_settings_are_neither_used_nor_changed():
    settings = {"figure.facecolor": "black", "text.color": "white", "image.origin": "lower"}
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        figure = plot_predictions(random_images(1), [0], probabilities_for([0]))
        with pytest.raises(ValueError):
            plot_curves({})
        assert dict(matplotlib.rcParams) == before
    assert to_rgb(figure.get_facecolor()) == (1, 1, 1)
    assert luminance(figure.axes[0].title.get_color()) < 0.05
    assert figure.axes[0].get_images()[0].origin == "upper"


def test_importing_is_light_and_drawing_never_touches_pyplot(tmp_path):
    code = """
import sys
import numpy as np
import numpycnn
from numpycnn import metrics, plots
from numpycnn.kernels import using
assert "matplotlib" not in sys.modules, "importing numpycnn.plots imported matplotlib"
images = np.zeros((2, 8, 8))
figures = [
    plots.plot_samples(images, [0, 1]),
    plots.plot_predictions(images, [0, 1], np.eye(2)),
    plots.plot_curves({"loss": [1.0]}),
    plots.plot_confusion_matrix(np.eye(2, dtype=int)),
    plots.plot_mistakes(images, [1, 0], np.eye(2)),
    plots.plot_reliability(metrics.calibration([0, 1], np.eye(2))),
    plots.plot_augmentation(images, lambda x, rng: x),
]
with using("reference"):  # nothing to compile
    model = numpycnn.Sequential([numpycnn.Conv2D(2, 3)], input_shape=(8, 8, 1), seed=0)
    figures += [plots.plot_filters(model.layers[0]), plots.plot_feature_maps(model, images[0])]
for number, figure in enumerate(figures):
    plots.save_figure(figure, f"{sys.argv[1]}/{number}.png", dpi=30)
import matplotlib
assert "matplotlib.pyplot" not in sys.modules, "a picture imported pyplot"
backend = dict.__getitem__(matplotlib.rcParams, "backend")
assert not isinstance(backend, str), f"a picture chose the backend {backend}"
"""
    environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("*.png"))) == 9


PYPLOT = """
import sys
import warnings
import numpy as np
import matplotlib
matplotlib.use(sys.argv[1])
import matplotlib.pyplot as plt
import threading
from numpycnn import plots
warnings.simplefilter("error")
figures = [plots.plot_curves({"loss": [number]}) for number in range(30)]
own = plt.figure()
known = [plt.figure(number) for number in plt.get_fignums()]
print(len(known), figures[-1] in known, own in known)
plots.save_figure(figures[0], sys.argv[2], dpi=30)
assert figures[0]._repr_png_()[:4] == b"\\x89PNG"
worker = threading.Thread(target=lambda: plots.plot_curves({"loss": [1.0]}))
worker.start()
worker.join()
print(len(plt.get_fignums()))
"""


@pytest.mark.parametrize("backend, counts", [("agg", ["11 True True", "11"]), ("inline", ["1 False True", "1"])])
def test_pyplot_shows_the_figures_where_it_is_used(tmp_path, backend, counts):
    """The last ten, so that it neither warns nor keeps all; in a notebook, which shows them by themselves, none."""
    (tmp_path / "inline.py").write_text("from matplotlib.backends.backend_agg import *\n")
    module = "module://inline" if backend == "inline" else backend
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    result = subprocess.run(
        [sys.executable, "-c", PYPLOT, module, str(tmp_path / "a.png")],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:-1] == counts and (tmp_path / "a.png").exists()
