"""The pictures of filters and feature maps: what was drawn is what is in the network, and it can be read."""

import numpy as np
import pytest
from figures import boxes_overlap
from small_models import small_cnn

pytest.importorskip("matplotlib")

from numpycnn import (  # noqa: E402
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
)
from numpycnn.kernels import using  # noqa: E402
from numpycnn.plots import plot_feature_maps, plot_filters, plot_samples  # noqa: E402
from numpycnn.plots.style import mosaic, percent, signed_colors  # noqa: E402

NAMES = ["cat", "automobile", "dog", "dromedary"]


@pytest.fixture(autouse=True)
def no_compiling():
    with using("reference"):
        yield


def built(filters, kernel_size, channels, **options):
    layer = Conv2D(filters, kernel_size, **options)
    layer.build((12, 12, channels), np.random.default_rng(0))
    return layer


def tiles_in(picture, rows, cols, height, width):
    """Undo `mosaic`: the middle of each pixel, (rows, cols, H, W, ...)."""
    fine = -(-40 // height)
    line = (len(picture) - rows * height * fine) // (rows + 1)
    tops = np.arange(rows)[:, None] * (height * fine + line) + line + np.arange(height) * fine + fine // 2
    lefts = np.arange(cols)[:, None] * (width * fine + line) + line + np.arange(width) * fine + fine // 2
    return np.asarray(picture)[tops[:, None, :, None], lefts[None, :, None, :]]


def drawn(ax):
    (image,) = ax.get_images()
    return np.ma.filled(image.get_array().astype(float), np.nan)


def row_of(figure, name, position=0):
    """The axes of a layer, by the first line of their label."""
    return [ax for ax in figure.axes if ax.get_ylabel().split("\n")[0] == name][position]


# ---------------------------------------------------------------- mosaic and colours


@pytest.mark.parametrize("gap", [0.05, 0.1])
@pytest.mark.parametrize("shape", [(1, 1, 3, 3), (2, 3, 5, 4), (3, 2, 28, 28), (1, 4, 1, 1), (2, 2, 64, 50)])
def test_mosaic_holds_every_pixel_between_gaps(shape, gap):
    tiles = np.random.default_rng(0).normal(size=shape)
    picture = mosaic(tiles, gap)
    np.testing.assert_array_equal(tiles_in(picture, *shape), tiles)
    assert np.isnan(picture[[0, -1]]).all() and np.isnan(picture[:, [0, -1]]).all()
    assert 0.7 < np.isfinite(picture).mean() < 0.99


def test_zero_is_white_and_the_signs_differ_in_colour_and_not_in_strength():
    colors = signed_colors()
    np.testing.assert_allclose(colors(0.5)[:3], 1, atol=0.01)
    negative, positive = np.array(colors(0.0)[:3]), np.array(colors(1.0)[:3])
    assert negative[2] > negative[0] + 0.3 and positive[0] > positive[2] + 0.3
    for strength in (0.1, 0.25, 0.4):
        below, above = np.mean(colors(0.5 - strength)[:3]), np.mean(colors(0.5 + strength)[:3])
        assert abs(below - above) < 0.1


# ---------------------------------------------------------------- filters


def test_filters_over_a_grey_image():
    layer = built(10, 3, 1)
    figure = plot_filters(layer)
    ax, bar = figure.axes
    weights = layer.parameters[0].value[:, :, 0]  # (3, 3, 10)
    found = tiles_in(drawn(ax), 2, 8, 3, 3)
    for k in range(10):
        np.testing.assert_array_equal(found[k // 8, k % 8], weights[:, :, k])
    assert np.isnan(found[1, 2:]).all(), "the rest of the last row is empty"
    limit = np.abs(weights).max()
    assert ax.get_images()[0].get_clim() == pytest.approx((-limit, limit))
    assert ax.get_title() == "10 filters of 3 x 3 x 1"
    assert bar.get_ylabel() == "weight"


def test_filters_over_an_rgb_image_are_colours_around_grey():
    layer = built(3, (5, 4), 3)
    figure = plot_filters(layer)
    (ax,) = figure.axes
    weights = layer.parameters[0].value  # (5, 4, 3, 3)
    found = tiles_in(drawn(ax), 1, 3, 5, 4)[0]  # (filters, 5, 4, RGB)
    np.testing.assert_allclose(found, 0.5 + weights.transpose(3, 0, 1, 2) / (2 * np.abs(weights).max()), rtol=1e-6)
    assert drawn(ax).min() >= 0 and drawn(ax).max() == 1  # between them white


def test_deeper_filters_are_a_table_of_filters_and_channels():
    layer = built(6, 3, 5)
    ax = plot_filters(layer, most=4).axes[0]
    expected = layer.parameters[0].value.transpose(3, 2, 0, 1)[:4]
    np.testing.assert_array_equal(tiles_in(drawn(ax), 4, 5, 3, 3), expected)
    assert ax.get_title() == "4 of 6 filters of 3 x 3 x 5"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("5 of 5 input channels", "filter")
    assert plot_filters(built(2, 1, 40)).axes[0].get_xlabel() == "32 of 40 input channels"
    assert plot_filters(built(4, 3, 4, groups=2)).axes[0].get_xlabel() == "2 of 2 input channels"


def test_filters_that_are_all_zero_are_drawn():
    figure = plot_filters(built(2, 3, 1, kernel_initializer="zeros"))
    assert figure.axes[0].get_images()[0].get_clim() == (-1, 1)


def test_bad_layers_get_a_clear_error():
    with pytest.raises(TypeError, match=r"a Conv2D, such as model.layers\[0\], got Sequential"):
        plot_filters(small_cnn())
    with pytest.raises(TypeError, match="got Dense"):
        plot_filters(Dense(3))
    with pytest.raises(RuntimeError, match="not built"):
        plot_filters(Conv2D(3, 3))
    layer = built(2, 3, 1)
    layer.parameters[0].value[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity; has the model diverged"):
        plot_filters(layer)


# ---------------------------------------------------------------- feature maps


def test_feature_maps_are_the_activations():
    model = small_cnn()
    image = np.random.default_rng(0).random((12, 12, 1), np.float32)
    figure = plot_feature_maps(model, image, maps=5, class_names=NAMES)
    labels = [ax.get_ylabel().split("\n") for ax in figure.axes]
    assert labels == [
        ["input", "12 x 12 x 1"],
        ["Conv2D", "10 x 10 x 6", "the first 5 maps"], ["ReLU", "10 x 10 x 6", "the first 5 maps"],
        ["MaxPool2D", "5 x 5 x 6", "the first 5 maps"],
        ["Conv2D", "3 x 3 x 8", "the first 5 maps"], ["ReLU", "3 x 3 x 8", "the first 5 maps"],
        ["Dense", "16"], ["ReLU", "16"], ["Dense", "4"], ["softmax", "4"],
    ]  # fmt: skip
    outputs = model.activations(image[None])
    for position, index in ((0, 0), (1, 3)):  # the two convolutions
        maps = outputs[index][0, :, :, :5].transpose(2, 0, 1)
        ax = row_of(figure, "Conv2D", position)
        np.testing.assert_allclose(tiles_in(drawn(ax), 1, 5, *maps.shape[1:])[0], maps, rtol=1e-6)
        assert ax.get_images()[0].get_clim() == pytest.approx((-np.abs(maps).max(), np.abs(maps).max()), rel=0.5)
    np.testing.assert_allclose(drawn(row_of(figure, "Dense", 1)), outputs[-1], rtol=1e-6)
    probs = model.predict(image[None])[0]
    softmax = row_of(figure, "softmax")
    assert [text.get_text() for text in softmax.texts] == [percent(p, 1) for p in probs]
    assert [label.get_text() for label in softmax.get_xticklabels()] == NAMES
    assert figure.axes[0].get_title(loc="left") == f"predicted: {NAMES[probs.argmax()]} ({probs.max():.1%})"


def test_feature_maps_of_an_rgb_image_through_layers_that_remember():
    layers = [Conv2D(4, 3), BatchNorm(), ReLU(), Dropout(0.5), GlobalAvgPool2D(), Dense(130)]
    model = Sequential(layers, input_shape=(10, 10, 3), seed=0)  # no loss: nothing is predicted
    image = np.random.default_rng(0).random((10, 10, 3))
    figure = plot_feature_maps(model, image)
    assert [ax.get_ylabel().split("\n")[0] for ax in figure.axes] == [
        "input", "Conv2D", "BatchNorm", "ReLU", "GlobalAvgPool2D", "Dense",
    ]  # fmt: skip
    np.testing.assert_allclose(drawn(figure.axes[0]), image, rtol=1e-6)
    folded = drawn(row_of(figure, "Dense"))
    assert folded.shape == (2, 128) and np.isnan(folded[1, 2:]).all() and np.isfinite(folded[1, :2]).all()
    assert figure.axes[0].get_title(loc="left") == ""


@pytest.mark.parametrize("shape", [(12, 12), (12, 12, 1), (1, 12, 12, 1)])
def test_an_image_may_have_a_batch_axis_or_no_channel_axis(shape):
    figure = plot_feature_maps(small_cnn(), np.zeros(shape))
    assert np.all(tiles_in(drawn(figure.axes[0]), 1, 1, 12, 12) == 0)


def test_models_without_images_or_channels():
    flat = Sequential([Flatten(), Dense(30), Dense(3)], input_shape=(6, 6), seed=0)
    flat.compile("sgd", SoftmaxCrossEntropy())
    figure = plot_feature_maps(flat, np.zeros((6, 6)))
    assert [ax.get_ylabel() for ax in figure.axes] == ["input\n6 x 6", "Dense\n30", "Dense\n3", "softmax\n3"]
    one_map = Sequential([ReLU()], input_shape=(6, 6), seed=0)
    figure = plot_feature_maps(one_map, np.eye(6))
    np.testing.assert_array_equal(tiles_in(drawn(row_of(figure, "ReLU")), 1, 1, 6, 6)[0, 0], np.eye(6))
    vectors = Sequential([Dense(4)], input_shape=(5,), seed=0)
    assert drawn(plot_feature_maps(vectors, np.ones(5)).axes[0]).shape == (1, 5)
    two_channels = Sequential([Conv2D(2, 1)], input_shape=(6, 6, 2), seed=0)
    figure = plot_feature_maps(two_channels, np.stack([np.full((6, 6), -1.0), np.full((6, 6), 3.0)], axis=-1))
    beside = tiles_in(drawn(figure.axes[0]), 1, 2, 6, 6)  # another range than 0 to 1: from the lowest to the highest
    np.testing.assert_array_equal(beside[0, 0], 0)
    np.testing.assert_array_equal(beside[0, 1], 1)


def test_labels_and_rows_keep_apart():
    figure = plot_feature_maps(small_cnn(), np.random.default_rng(0).random((12, 12)), maps=4, class_names=NAMES)
    figure.draw_without_rendering()
    for boxes in (
        [ax.yaxis.label.get_window_extent() for ax in figure.axes],
        [ax.get_window_extent() for ax in figure.axes],
        [text.get_window_extent() for text in row_of(figure, "softmax").texts],
        [label.get_window_extent() for label in row_of(figure, "softmax").get_xticklabels()],
    ):
        assert not boxes_overlap(boxes)
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_rows_of_maps_end_in_one_line_and_their_pixels_are_square():
    """Also where a mosaic's gaps, of whole pixels, are of different widths."""
    layers = [Conv2D(40, 3), ReLU(), MaxPool2D(2), Conv2D(40, 3), MaxPool2D(2), Conv2D(20, 1), Flatten(), Dense(10)]
    figure = plot_feature_maps(Sequential(layers, input_shape=(28, 28, 1), seed=0), np.zeros((28, 28)), maps=20)
    figure.draw_without_rendering()
    rows = [ax for ax in figure.axes if ax.get_xlim() == (0, 20)]
    assert len(rows) == 6
    ends = [ax.transData.transform((ax.get_images()[0].get_extent()[1], 0))[0] for ax in rows]
    ends += [ax.get_window_extent().x1 for ax in figure.axes[1:]]
    assert np.ptp(ends) < 1
    for ax in rows:
        box = ax.get_window_extent()
        assert box.width / (20 * box.height) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("filters, size, channels", [(32, 3, 1), (3, 3, 1), (12, (5, 4), 3), (10, 3, 32), (40, 1, 40)])
def test_filters_leave_no_empty_strip(filters, size, channels):
    figure = plot_filters(built(filters, size, channels))
    figure.draw_without_rendering()
    bounds, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert max(bounds.x0, bounds.y0, width - bounds.x1, height - bounds.y1) < 0.15  # inches


def test_the_picture_is_as_wide_as_there_are_maps():
    model = small_cnn()
    widths = [plot_feature_maps(model, np.zeros((12, 12)), maps=maps).get_figwidth() for maps in (1, 8, 1000)]
    assert widths[0] == pytest.approx(widths[1], rel=0.06) and widths[1] == widths[2] < 12  # the labels differ
    wide = Sequential([Conv2D(40, 1)], input_shape=(6, 6, 1), seed=0)
    assert plot_feature_maps(wide, np.zeros((6, 6)), maps=40).get_figwidth() > 20


def test_the_model_is_left_alone():
    model = small_cnn()
    before = model.arena.values.copy()
    x = np.random.default_rng(0).random((3, 12, 12, 1), np.float32)
    expected = model.predict(x)
    plot_feature_maps(model, x[0])
    np.testing.assert_array_equal(model.arena.values, before)
    np.testing.assert_array_equal(model.predict(x), expected)


def test_bad_input_gets_a_clear_error():
    model, image = small_cnn(), np.zeros((12, 12))
    with pytest.raises(TypeError, match="model: expected a Sequential, got Conv2D"):
        plot_feature_maps(built(2, 3, 1), image)
    with pytest.raises(RuntimeError, match="model: expected a built one"):
        plot_feature_maps(Sequential([Dense(3)]), image)
    with pytest.raises(ValueError, match=r"image: expected one of shape \(12, 12, 1\), got shape \(28, 28\)"):
        plot_feature_maps(model, np.zeros((28, 28)))
    with pytest.raises(ValueError, match=r"got shape \(2, 12, 12, 1\)"):
        plot_feature_maps(model, np.zeros((2, 12, 12, 1)))
    with pytest.raises(TypeError, match="real numbers"):
        plot_feature_maps(model, np.full((12, 12), "ink"))
    with pytest.raises(ValueError, match="a name for each of 4 classes, got 2"):
        plot_feature_maps(model, image, class_names=NAMES[:2])
    with pytest.raises(ValueError, match="Conv2D: expected finite numbers, got NaN"):
        plot_feature_maps(model, np.full((12, 12), np.nan))


def test_a_notebook_shows_the_figure_without_pyplot():
    png = plot_samples(np.zeros((2, 8, 8)), [0, 1])._repr_png_()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
