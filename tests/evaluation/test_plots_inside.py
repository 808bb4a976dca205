"""Looking inside a model whose inside was planted: the pictures show what is known to be there."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from numpycnn import (  # noqa: E402
    SGD,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerRatios,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sequential,
)
from numpycnn.kernels import using  # noqa: E402
from numpycnn.plots import (  # noqa: E402
    looking,
    plot_components,
    plot_favourites,
    plot_loss_slice,
    plot_occlusion,
    plot_ratios,
    plot_roofline,
    plot_saliency,
)
from numpycnn.plots.roofline import roofline_points  # noqa: E402
from numpycnn.profile import Profile, ProfileRow  # noqa: E402

RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((12, 2))  # of the linear model: 4 x 3 pixels, two answers


@pytest.fixture(autouse=True)
def no_compiling():
    with using("reference"):
        yield


def linear(*before):
    """Dropout, which is off, and x @ WEIGHTS."""
    model = Sequential([*before, Dropout(0.5), Flatten(), Dense(2)], (4, 3, 1), seed=0, dtype="float64")
    model.set_weights([*model.get_weights()[:-2], WEIGHTS, np.zeros(2)])
    model.compile(SGD(0.5), MeanSquaredError())
    return model


def shown(figure, place=1):
    return np.asarray(figure.axes[place].images[0].get_array())


IMAGE = RNG.random((4, 3, 1))


@pytest.mark.parametrize("unit", [0, 1])
def test_saliency_of_a_linear_model_is_its_weights(unit):
    found = shown(plot_saliency(linear(), IMAGE, unit))
    np.testing.assert_allclose(found, abs(WEIGHTS[:, unit]).reshape(4, 3), rtol=1e-9)
    answer = linear().predict(IMAGE[None])[0].argmax()
    asked = plot_saliency(linear(), IMAGE).axes[1].get_title()
    assert asked == f"saliency for class {answer}"


def test_saliency_of_many_pixels_and_channels_is_the_largest_of_the_channels():
    w = RNG.standard_normal((15 * 14 * 2, 1))  # more pixels than go through the model at once
    model = Sequential([Flatten(), Dense(1)], (15, 14, 2), dtype="float64")
    model.set_weights([w, np.zeros(1)])
    found = looking.saliency(model, RNG.random((15, 14, 2)), 0)
    np.testing.assert_allclose(found, abs(w).reshape(15, 14, 2).max(axis=2), rtol=1e-8)


def test_covering_a_pixel_takes_away_what_it_added():
    one = shown(plot_occlusion(linear(), IMAGE, 1, size=1))
    np.testing.assert_allclose(one, (IMAGE.reshape(12) * WEIGHTS[:, 1]).reshape(4, 3), atol=1e-12)
    other = shown(plot_occlusion(linear(), IMAGE, 1, size=1, fill=2.0))
    np.testing.assert_allclose(other, ((IMAGE.reshape(12) - 2) * WEIGHTS[:, 1]).reshape(4, 3), atol=1e-12)
    parts = np.pad((IMAGE.reshape(12) * WEIGHTS[:, 1]).reshape(4, 3), 1)  # a square of 3 around each pixel
    sums = [[parts[i : i + 3, j : j + 3].sum() for j in range(3)] for i in range(4)]
    np.testing.assert_allclose(shown(plot_occlusion(linear(), IMAGE, 1, size=3)), sums, atol=1e-12)


def planted_convolution(padding="valid"):
    """Filter 0 is a bright pixel's, filter 1 that of an edge from left to right."""
    model = Sequential([Conv2D(2, 2, padding=padding), ReLU(), MaxPool2D(2), Conv2D(1, 1), Flatten(), Dense(2)],
                       (6, 6, 1), seed=0, dtype="float64")
    w = np.zeros((2, 2, 1, 2))
    w[0, 0, 0, 0], w[:, 0, 0, 1], w[:, 1, 0, 1] = 1, -1, 1
    only_the_first = np.array([1.0, 0]).reshape(1, 1, 2, 1)
    model.set_weights([w, np.zeros(2), only_the_first, np.zeros(1), *model.get_weights()[4:]])
    return model


def test_filters_answer_to_what_they_were_made_for():
    images = np.zeros((4, 6, 6, 1))
    images[2, 3, 4] = 0.9  # bright
    images[1, 1, 1] = 0.5
    images[3, :, 3:] = 0.7  # an edge between columns 2 and 3
    bright, edge = looking.favourites(planted_convolution(), images, 0, 2, 2)
    assert [(f.answer, f.image) for f in bright] == [(0.9, 2), (0.7, 3)] and bright[0].patch[0, 0, 0] == 0.9
    assert (edge[0].answer, edge[0].image) == (1.4, 3)
    np.testing.assert_array_equal(edge[0].patch[..., 0], [[0, 0.7], [0, 0.7]])
    figure = plot_favourites(planted_convolution(), images, filters=2, most=2)
    assert [ax.get_title() for ax in figure.axes] == ["0.9", "0.7", "1.4", "0.9"]
    np.testing.assert_array_equal(shown(figure, 2), edge[0].patch[..., 0])
    figure.draw_without_rendering()
    name, patch = figure.axes[2].yaxis.label, figure.axes[2]
    assert name.get_text() == "filter 1" and name.get_rotation() == 0
    assert name.get_window_extent().x1 <= patch.get_window_extent().x0, "beside it"


def test_a_patch_is_all_that_an_output_pixel_depends_on():
    """Behind 2 x 2 pooling a pixel sees 3 x 3 of the image; beyond the border there are zeros."""
    model = planted_convolution()
    assert looking.seen_by(model, 3, 1, 0) == (slice(2, 5), slice(0, 3))
    image = np.arange(36.0).reshape(6, 6, 1)
    ((favourite,),) = looking.favourites(model, image[None], 3, 1, 1)
    np.testing.assert_array_equal(favourite.patch, image[2:5, 2:5])
    padded = planted_convolution(padding=(1, 1))
    corner = np.zeros((1, 6, 6, 1))
    corner[0, 0, 0] = 1
    ((favourite,), _) = looking.favourites(padded, corner, 0, 2, 1)
    np.testing.assert_array_equal(favourite.patch[..., 0], [[1, 0], [0, 0]])
    assert looking.seen_by(padded, 0, 0, 0) == (slice(-1, 1), slice(-1, 1))
    with pytest.raises(ValueError, match="expected one with convolutions and pooling before it"):
        looking.seen_by(model, 5, 0, 0)
    with pytest.raises(ValueError, match="expected the place of a Conv2D"):
        plot_favourites(model, image[None], layer=1)


def test_components_find_the_planted_axes():
    """Of 12 numbers two vary, one three times as much as the other, at places that are known."""
    images = np.zeros((40, 4, 3, 1))
    a, b = RNG.standard_normal((2, 40))
    a, b = a - a.mean(), b - b.mean()
    b -= a * (a @ b) / (a @ a)  # no correlation
    a, b = 3 * a / np.linalg.norm(a), b / np.linalg.norm(b)
    images[:, 2, 1, 0], images[:, 0, 2, 0] = a, b
    points, shares = looking.components(linear(), images)
    np.testing.assert_allclose(points, np.stack([a, b], axis=1), atol=1e-12)
    np.testing.assert_allclose(shares, [0.9, 0.1])
    ax = plot_components(linear(), images, np.arange(40) % 3).axes[0]
    assert [text.get_text() for text in ax.texts] == sorted(str(i % 3) for i in range(40))
    np.testing.assert_allclose(ax.texts[0].get_position(), (a[0], b[0]), atol=1e-12)


def test_ratios_are_those_of_the_step():
    """SGD without momentum: the update is the learning rate times the gradient; a step of two is looked at."""
    x, y = RNG.random((8, 4, 3, 1)), RNG.random((8, 2))
    model, ratios = linear(), LayerRatios(every=2)
    assert (ratios.steps, ratios.gradients, ratios.updates) == ([], {}, {})
    before = [WEIGHTS.copy()]
    model.fit(x, y, batch_size=2, epochs=1, shuffle=False, verbose=0, callbacks=[ratios])
    assert ratios.steps == [0, 2] and [*ratios.updates] == ["2 Dense"]
    np.testing.assert_allclose(ratios.updates["2 Dense"], 0.5 * np.array(ratios.gradients["2 Dense"]), rtol=1e-9)
    twin = linear()
    twin.train_on_batch(x[:2], y[:2])
    change = np.linalg.norm(twin.get_weights()[0] - before[0]) / np.linalg.norm(before[0])
    assert ratios.updates["2 Dense"][0] == pytest.approx(change, rel=1e-9)
    left, right = plot_ratios(ratios).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), ratios.gradients["2 Dense"])
    np.testing.assert_allclose(right.lines[0].get_ydata(), ratios.updates["2 Dense"])


def test_the_loss_of_a_linear_model_is_a_bowl_around_its_weights():
    x = RNG.random((30, 4, 3, 1))
    model = linear()
    y = x.reshape(30, 12) @ WEIGHTS  # loss 0 at the weights
    weights = model.get_weights()
    steps, losses = looking.loss_slice(model, x, y, 1.0, 5, seed=1)
    assert losses[2, 2] == pytest.approx(0, abs=1e-20) and losses.min() == losses[2, 2]
    np.testing.assert_allclose(losses, losses[::-1, ::-1], rtol=1e-9)  # the same on the other side
    np.testing.assert_allclose(losses[2, [0, 1]], losses[2, 0] * np.array([1, 0.25]), rtol=1e-9)  # a square
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights()))
    d = looking._direction(WEIGHTS, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(d, axis=0), np.linalg.norm(WEIGHTS, axis=0))
    assert "loss around the weights" in plot_loss_slice(model, x, y, points=3).axes[0].get_title()


# -- the roofline


def test_dots_are_where_the_figures_put_them():
    dense = ProfileRow("Dense", 3e-3, forward_seconds=1e-3, forward_flops=10**9, backward_flops=2 * 10**9, bytes=10**7)
    block = ProfileRow("Conv2D, ReLU", 3e-3, forward_flops=10**9, backward_flops=2 * 10**9, bytes=10**7,
                       executed_flops=10**9)
    assert roofline_points(dense) == ((100, pytest.approx(1e12)),) * 2
    assert roofline_points(block)[1] == pytest.approx((100 / 3, 1e12 / 3))
    assert roofline_points(ProfileRow("Adam", 1e-3)) is None
    rows = [dense, block, ProfileRow("Adam", 1e-3)]
    ax = plot_roofline(Profile(rows, dense, 64, 20, "float32", 2, peak=5e11, bandwidth=1e10)).axes[0]
    roof = ax.lines[0]
    np.testing.assert_allclose(roof.get_ydata(), np.minimum(500, 10 * roof.get_xdata()))
    dots = [tuple(np.ravel(line.get_data())) for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, [(100, 1000), (100, 1000), (100 / 3, 1000 / 3)])
    with pytest.raises(ValueError, match="known FLOPs"):
        plot_roofline(Profile(rows[2:], dense, 64, 20, "float32", 2, peak=5e11, bandwidth=1e10))
