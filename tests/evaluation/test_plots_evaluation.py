"""The pictures of mistakes and of calibration: what was drawn is what was given, and it can be read."""

import numpy as np
import pytest
from figures import boxes_overlap, random_images

pytest.importorskip("matplotlib")

from matplotlib.colors import to_rgb  # noqa: E402

from numpycnn.metrics import calibration  # noqa: E402
from numpycnn.plots import (  # noqa: E402
    plot_mistakes,
    plot_reliability,
    save_figure,  # noqa: E402
)

NAMES = ["cat", "automobile", "dog"]


def mistaken():
    """Six predictions, of which 1, 3 and 4 are wrong, 4 with the highest confidence."""
    labels = np.array([0, 1, 2, 0, 2, 1])
    probs = np.array([
        [0.8, 0.1, 0.1], [0.6, 0.25, 0.15], [0.0, 0.1, 0.9], [0.2, 0.7, 0.1], [0.02, 0.95, 0.03], [0.1, 0.8, 0.1],
    ])  # fmt: skip
    return labels, probs


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3)])
def test_mistakes_are_drawn_the_most_confident_first(dtype, shape):
    images = random_images(6, dtype, shape)
    labels, probs = mistaken()
    figure = plot_mistakes(images, labels, probs)
    assert [ax.get_title() for ax in figure.axes] == [
        "1 (95.0%)\ntrue: 2 (3.0%)", "1 (70.0%)\ntrue: 0 (20.0%)", "0 (60.0%)\ntrue: 1 (25.0%)",
    ]  # fmt: skip
    assert [ax.get_xlabel() for ax in figure.axes] == ["image 4", "image 3", "image 1"]
    drawn = [np.asarray(ax.get_images()[0].get_array()) for ax in figure.axes]
    np.testing.assert_array_equal(drawn, (images[..., 0] if shape[-1] == 1 else images)[[4, 3, 1]])
    assert figure.get_suptitle().startswith("3 mistakes in 6 images\n")


def test_a_full_grid_says_how_many_there_are_in_all():
    labels, probs = mistaken()
    figure = plot_mistakes(random_images(), labels, probs, rows=1, cols=2, class_names=NAMES)
    assert [ax.get_title() for ax in figure.axes] == [
        "automobile (95.0%)\ntrue: dog (3.0%)", "automobile (70.0%)\ntrue: cat (20.0%)",
    ]  # fmt: skip
    assert figure.get_suptitle().startswith("The 2 most confident of 3 mistakes in 6 images")
    figure = plot_mistakes(random_images(3), labels[:3], probs[:3])
    assert figure.get_suptitle().startswith("1 mistake in 3 images")
    figure = plot_mistakes(random_images(1200), np.zeros(1200, int), np.tile([0.1, 0.9], (1200, 1)), rows=1, cols=1)
    assert figure.get_suptitle().startswith("The 1 most confident of 1,200 mistakes in 1,200 images")


def test_no_mistake_is_said_and_no_error(tmp_path):
    figure = plot_mistakes(random_images(3), [0, 1, 2], np.eye(3))
    assert figure.get_suptitle() == "No mistakes in 3 images"
    save_figure(figure, tmp_path / "none.png", dpi=40)


def test_long_names_do_not_run_into_each_other():
    labels, probs = mistaken()
    names = ["Ankle boot of leather", "T-shirt/top with sleeves", "Bag"]
    figure = plot_mistakes(random_images(), labels, probs, class_names=names)
    figure.draw_without_rendering()
    boxes = [ax.title.get_window_extent() for ax in figure.axes]
    boxes += [ax.get_window_extent() for ax in figure.axes] + [figure.texts[0].get_window_extent()]
    assert all(0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert not boxes_overlap(boxes)


def test_only_the_images_that_are_drawn_need_to_be_drawable():
    images = random_images(6, "float64")
    images[0] = 7  # right, so it is not drawn
    labels, probs = mistaken()
    plot_mistakes(images, labels, probs)
    images[4] = 7
    with pytest.raises(ValueError, match="floats from 0 to 1"):
        plot_mistakes(images, labels, probs)


@pytest.mark.parametrize(
    ("images", "labels", "probs", "options", "message"),
    [
        (np.zeros((28, 28)), [0], [[1, 0]], {}, r"image\[None\]"),
        (np.zeros((2, 8, 8)), [0], np.eye(2), {}, "labels: expected one for each of 2 images, got 1"),
        (np.zeros((3, 8, 8)), [0, 1, 1], np.eye(2), {}, "probabilities: expected one for each of 3 images, got 2"),
        (np.zeros((2, 8, 8)), [0, 2], np.eye(2), {}, "labels: expected classes from 0 to 1"),
        (np.zeros((2, 8, 8)), [0, 1], [[3.0, -2.0], [0, 1]], {}, "logits become probabilities"),
        (np.zeros((2, 8, 8)), [0, 1], np.eye(2), {"class_names": ["a"]}, "each of 2 classes, got 1"),
    ],
)
def test_bad_input_gets_a_clear_error(images, labels, probs, options, message):
    with pytest.raises(ValueError, match=message):
        plot_mistakes(images, labels, probs, **options)


# ---------------------------------------------------------------- reliability


def two_bins():
    """Of four bins two are filled: four predictions at 0.6, one right, and two at 1, both right."""
    confidence = np.array([0.6, 0.6, 0.6, 0.6, 1.0, 1.0])
    return calibration([0, 1, 1, 1, 0, 0], np.stack([confidence, 1 - confidence], axis=1), bins=4)


def test_reliability_draws_the_bins():
    figure = plot_reliability(two_bins())
    top, bottom = figure.axes
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in top.patches]
    np.testing.assert_allclose(bars, [(0.5, 0.25, 0.25), (0.75, 0.25, 1)], rtol=1e-12)
    marks = [line for line in top.get_lines() if line.get_label() == "mean confidence"][0]
    np.testing.assert_allclose(marks.get_xydata(), [[0.6, 0.6], [1, 1]], rtol=1e-12)
    assert [bar.get_height() for bar in bottom.patches] == [4, 2]
    assert [text.get_text() for text in bottom.texts] == ["4", "2"]
    assert bottom.get_yscale() == "log" and bottom.get_ylim()[0] < 1, "a single prediction is seen"
    # |0.25 - 0.6| of four and 0 of two; three of six are right; (4 * 0.6 + 2) / 6 = 0.7333
    assert top.get_title() == (
        "Expected calibration error 23.33%\naccuracy 50.00%, mean confidence 73.33%, 6 predictions"
    )


@pytest.mark.parametrize("bins", [1, 15, 30, 100])
def test_reliability_can_be_read(bins):
    rng = np.random.default_rng(0)
    confidence = np.linspace(0.501, 1, 200_000) if bins < 30 else rng.random(9000) / 2 + 0.5
    probs = np.stack([confidence, 1 - confidence], axis=1)
    figure = plot_reliability(calibration(rng.integers(0, 2, len(probs)), probs, bins))
    figure.draw_without_rendering()
    top, bottom = figure.axes
    numbers = [text.get_window_extent() for text in bottom.texts]
    assert len(numbers) == (0 if bins == 100 else (bins + 1) // 2) and not boxes_overlap(numbers)
    assert all(bottom.get_window_extent().y1 >= box.y1 for box in numbers)
    title = top.title.get_window_extent()
    assert title.x0 >= 0 and title.x1 <= figure.bbox.x1
    assert top.get_xlim() == bottom.get_xlim() == (0, 1)
    # Colours that a colour-blind reader tells apart, and marks of another shape besides.
    bar, (marks,) = top.patches[0], [li for li in top.get_lines() if li.get_marker() == "D"]
    assert np.ptp([to_rgb(bar.get_facecolor())[2], to_rgb(marks.get_color())[2]]) > 0.5


def test_bars_of_few_predictions_are_pale_and_everything_has_a_legend():
    """A bar of one prediction must not weigh as much as one of ten thousand."""
    confidence = np.r_[np.full(29, 0.6), np.full(30, 0.8), np.full(1000, 0.99)]
    result = calibration(np.zeros(len(confidence), int), np.stack([confidence, 1 - confidence], axis=1), bins=4)
    figure = plot_reliability(result)
    for ax in figure.axes:
        assert [bar.get_alpha() for bar in ax.patches] == [0.3, None]  # 29 of them, and 1,030
    top = figure.axes[0]
    (lines,) = (each for each in top.collections if len(each.get_linewidths()) == 2)
    assert lines.get_linewidths()[0] < lines.get_linewidths()[1]
    legend = top.get_legend()
    assert sorted(text.get_text() for text in legend.get_texts()) == [
        "accuracy", "difference of the two", "fewer than 30 predictions", "mean confidence", "perfectly calibrated",
    ]
    (gap,) = (handle for handle in legend.legend_handles if handle.get_label() == "difference of the two")
    assert to_rgb(gap.get_color()) == pytest.approx(tuple(lines.get_colors()[0][:3]))


def test_reliability_hides_no_bar_behind_the_legend():
    figure = plot_reliability(two_bins())
    figure.draw_without_rendering()
    top = figure.axes[0]
    legend = top.get_legend().get_window_extent()
    assert not legend.overlaps(top.get_window_extent()) and not legend.overlaps(top.title.get_window_extent())
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1


@pytest.mark.parametrize("bad", [0.02, ([0, 1], np.eye(2)), None])
def test_reliability_wants_a_calibration(bad):
    with pytest.raises(TypeError, match=r"expected what metrics.calibration\(labels, probabilities\) returned, got"):
        plot_reliability(bad)
