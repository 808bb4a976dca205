"""Augmentation: exact values where there are such, statistics of what is random, the same bits for the same seed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import make_images, small_cnn, weights_equal

import numpycnn
from numpycnn import Augment, kernels
from numpycnn.data.augment import affine_maps
from numpycnn.kernels import ops

EVERYTHING = Augment(
    shift=0.2, rotation=25, zoom=0.2, shear=20, elastic=20, sigma=3, horizontal_flip=True, fill=0.25
)
ONE_AMOUNT = {"shift": 0.2, "rotation": 25, "zoom": 0.2, "shear": 20, "elastic": 20, "horizontal_flip": True}
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
needs_jit = pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")


def random_images(n=5, height=9, width=8, channels=1, dtype="float32", seed=0):
    """Return noise from 0 to 1, or to 255 for integers: no two pixels are alike."""
    images = np.random.default_rng(seed).random((n, height, width, channels))
    return (images * 255).round().astype(dtype) if dtype == "uint8" else images.astype(dtype)


def generator(seed=0):
    return np.random.default_rng(seed)


def warped(images, maps, field=None, fill=0.0):
    """Return what the active kernel makes of images (N, H, W, C) and maps (1, 2, 3) or (N, 2, 3)."""
    n, height, width, _ = images.shape
    matrices = np.array(np.broadcast_to(maps, (n, 2, 3)), images.dtype, order="C")  # writable, as they are in use
    field = np.zeros((1, 2, height, width)) if field is None else field
    result = np.full_like(images, np.nan)
    ops.warp(images, matrices, field.astype(images.dtype), fill, result)
    return result


# -- exactly ------------------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("augment", [Augment(), Augment(sigma=2, fill=0.5)])
def test_nothing_asked_for_is_nothing_done(augment, dtype):
    images = random_images(dtype=dtype)
    result = augment(images, generator())
    assert result.dtype == dtype and result.tobytes() == images.tobytes()
    assert not np.shares_memory(result, images)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (9, 8), (28, 28), (3, 40)])
def test_the_identity_leaves_every_bit(dtype, shape):
    images = random_images(3, *shape, channels=2, dtype=dtype)
    assert np.array_equal(warped(images, affine_maps(shape)), images)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, -3), (-1, 4), (8, 1), (9, 0), (0, -100)])
def test_a_shift_by_whole_pixels_moves_and_fills(down, right):
    images = random_images(height=9, width=8, channels=2)
    expected = np.full_like(images, 0.5)
    for oy in range(9):
        for ox in range(8):
            if 0 <= oy - down < 9 and 0 <= ox - right < 8:
                expected[:, oy, ox] = images[:, oy - down, ox - right]
    assert np.array_equal(warped(images, affine_maps((9, 8), shift=(down, right)), fill=0.5), expected)


@pytest.mark.parametrize("size", [1, 2, 9, 28])
@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
def test_quarter_turns_are_those_of_rot90(size, quarters):
    images = random_images(height=size, width=size, channels=3)
    result = warped(images, affine_maps((size, size), turn=quarters * np.pi / 2))
    np.testing.assert_allclose(result, np.rot90(images, quarters, axes=(1, 2)), atol=1e-5)


def test_mirroring_is_left_to_right():
    images = random_images(2)
    assert np.array_equal(warped(images, affine_maps((9, 8), mirrored=[True, False])), [images[0, :, ::-1], images[1]])
    result = Augment(horizontal_flip=True)(random_images(1000, 4, 3), generator())
    mirrored = (result == random_images(1000, 4, 3)[:, :, ::-1]).all(axis=(1, 2, 3))
    as_before = (result == random_images(1000, 4, 3)).all(axis=(1, 2, 3))
    assert (mirrored ^ as_before).all() and 420 < mirrored.sum() < 580  # 500 +- 5 standard deviations


def test_half_a_pixel_is_the_mean_of_two():
    images = random_images(1)
    result = warped(images, affine_maps((9, 8), shift=(0.5, 0)), fill=0.25)
    np.testing.assert_allclose(result[:, 1:], (images[:, 1:] + images[:, :-1]) / 2, atol=1e-6)
    np.testing.assert_allclose(result[:, 0], (images[:, 0] + 0.25) / 2, atol=1e-6)  # the edge fades into the background


@given(
    turn=st.floats(-np.pi, np.pi), zoom=st.tuples(st.floats(0.4, 2), st.floats(0.4, 2)), slant=st.floats(-1, 1),
    shift=st.tuples(st.floats(-5, 5), st.floats(-5, 5)), mirrored=st.booleans(), bend=st.floats(0, 3),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_slope_shows_where_each_pixel_came_from(turn, zoom, slant, shift, mirrored, bend):
    """Linear interpolation is exact on a plane: pixels that hold their own place tell the place they were taken from.

    Forwards, as the docstring has it: mirror, zoom, slant, turn about the centre, shift.
    """
    height, width = 11, 14
    rows, columns = np.indices((height, width), float)
    images = np.stack([rows, columns, 0 * rows], axis=-1)[None]  # (1, H, W, 3): the last shows the background
    field = bend * generator().standard_normal((1, 2, height, width))
    maps = affine_maps((height, width), shift, turn, zoom, slant, mirrored)
    result = warped(images, maps, field, fill=-1e6)[0]
    inside = result[..., 2] == 0
    sources = result[..., :2] - np.moveaxis(field[0], 0, -1)  # where the affine map alone leads: (H, W, 2)
    y, x = sources[inside].T - [[(height - 1) / 2], [(width - 1) / 2]]
    x = np.where(mirrored, -x, x) * zoom[1]
    y = y * zoom[0]
    x = x - np.tan(slant) * y  # rows grow downwards: the top, where y < 0, goes to the right
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = x * cos + y * sin, y * cos - x * sin  # counter-clockwise as one sees it
    np.testing.assert_allclose(y + (height - 1) / 2 + shift[0], rows[inside], atol=1e-8)
    np.testing.assert_allclose(x + (width - 1) / 2 + shift[1], columns[inside], atol=1e-8)
    row, column = np.einsum("ij,jyx->iyx", maps[0], [rows, columns, np.ones_like(rows)]) + field[0]
    assert inside[(row > 1e-9) & (row < height - 1 - 1e-9) & (column > 1e-9) & (column < width - 1 - 1e-9)].all()


# -- the contract ----------------------------------------------------------------------------------------


def test_every_image_has_amounts_of_its_own():
    images = np.repeat(random_images(1, 12, 12), 300, axis=0)  # above one chunk
    for name, amount in ONE_AMOUNT.items():
        result = Augment(**{name: amount})(images, generator())
        assert len(np.unique(result.reshape(300, -1), axis=0)) == (2 if name == "horizontal_flip" else 300), name


def test_one_amount_more_does_not_change_the_others():
    few, more = Augment(rotation=20), Augment(rotation=20, zoom=1e-9, shift=1e-9, shear=1e-9, elastic=1e-9)
    images = random_images(20, dtype="float64")
    np.testing.assert_allclose(few(images, generator()), more(images, generator()), atol=1e-6)


def lay_out(images, layout):
    """Return the same numbers in another layout."""
    if layout == "read-only":
        images = images.copy()
        images.flags.writeable = False
    elif layout == "reversed":
        images = images[::-1].copy()[::-1]
    elif layout == "channels first":
        images = np.moveaxis(np.moveaxis(images, -1, 1).copy(), 1, -1)
    elif layout == "every second":
        images = np.repeat(images, 2, axis=2)[:, :, ::2]
    elif layout == "Fortran":
        images = np.asfortranarray(images)
    return images


@given(
    n=st.integers(0, 5), height=st.integers(1, 13), width=st.integers(1, 13), channels=st.integers(1, 4),
    dtype=st.sampled_from(["float32", "float64", "uint8"]), seed=st.integers(0, 99),
    layout=st.sampled_from(["C", "read-only", "reversed", "channels first", "every second", "Fortran"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_shape_dtype_and_layout(n, height, width, channels, dtype, seed, layout):
    images = random_images(n, height, width, channels, dtype, seed)
    given_images = lay_out(images, layout)
    result = EVERYTHING(given_images, generator(seed))
    assert np.array_equal(given_images, images)
    assert result.shape == images.shape and result.dtype == images.dtype and result.flags.c_contiguous
    assert not np.shares_memory(result, given_images)
    assert np.array_equal(result, EVERYTHING(images, generator(seed)))
    if n:
        background = np.rint(0.25) if dtype == "uint8" else 0.25
        low, high = min(images.min(), background), max(images.max(), background)
        assert result.min() >= low - 1e-6 and result.max() <= high + 1e-6


def test_integers_are_rounded_floats():
    images = random_images(dtype="uint8")
    expected = EVERYTHING(images.astype(np.float32), generator())
    assert np.array_equal(EVERYTHING(images, generator()), np.rint(expected).astype(np.uint8))


def test_channels_move_together():
    images = random_images(4, channels=1)
    result = EVERYTHING(np.concatenate([images, images], axis=3), generator())
    assert np.array_equal(result[..., 0], result[..., 1])
    assert np.array_equal(result[..., :1], EVERYTHING(images, generator()))


@needs_jit
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_kernels_and_their_twins_agree(dtype):
    images = random_images(300, channels=2, dtype=dtype)
    compiled = EVERYTHING(images, generator())
    with kernels.using("reference"):
        plain = EVERYTHING(images, generator())
    np.testing.assert_allclose(compiled, plain, atol=2e-5 if dtype == "float32" else 1e-12)


@every_dtype
def test_same_state_same_bits(dtype):
    images = random_images(300, dtype=dtype)
    rng = generator(1)
    first, second = EVERYTHING(images, rng), EVERYTHING(images, rng)
    assert first.tobytes() == EVERYTHING(images, generator(1)).tobytes()
    assert first.tobytes() != second.tobytes()


@needs_jit
def test_the_number_of_threads_does_not_change_a_bit():
    before = numpycnn.get_num_threads()
    if before == 1:
        pytest.skip("NUMBA_NUM_THREADS is 1: there is no other number of threads to compare with")
    images = random_images(300, 28, 28)
    results = []
    try:
        for threads in range(1, before + 1):
            numpycnn.set_num_threads(threads)
            results.append(EVERYTHING(images, generator()).tobytes())
    finally:
        numpycnn.set_num_threads(before)
    assert len(set(results)) == 1


def test_absurd_amounts_give_background():
    images = random_images(20)
    for augment in (Augment(elastic=1e38, fill=0.25), Augment(elastic=1e9, shear=89.99, zoom=0.999, fill=0.25)):
        result = augment(images, generator())
        assert np.isfinite(result).all() and (result == 0.25).mean() > 0.5


def test_nan_stays_near_its_pixel():
    images = random_images(2, 28, 28)
    images[0, 3, 3] = np.nan
    result = Augment(shift=0.1, rotation=10)(images, generator())
    assert 1 <= np.isnan(result[0]).sum() <= 16 and np.isfinite(result[1]).all()


# -- arguments -------------------------------------------------------------------------------------------


def test_it_is_a_value():
    augment = Augment(shift=0.1, rotation=10)
    assert repr(augment) == (
        "Augment(shift=0.1, rotation=10.0, zoom=0.0, shear=0.0, elastic=0.0, sigma=4.0, "
        "horizontal_flip=False, fill=0.0)"
    )
    assert eval(repr(augment)) == augment != Augment(shift=0.1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        augment.shift = 0.2
    assert repr(Augment(horizontal_flip=np.True_)) == repr(Augment(horizontal_flip=True))
    assert Augment.for_digits(elastic=0) == dataclasses.replace(Augment.for_digits(), elastic=0)
    assert Augment.for_digits().elastic > 0 and not Augment.for_digits().horizontal_flip


def test_photographs_are_shifted_and_mirrored_and_nothing_else():
    assert Augment.for_photographs() == Augment(shift=0.125, horizontal_flip=True)
    assert Augment.for_photographs(zoom=0.1, shift=0) == Augment(zoom=0.1, horizontal_flip=True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shift": 2}, ValueError, "shift: expected a fraction of the image's size from 0 to below 1, got 2"),
        ({"shift": -0.1}, ValueError, "shift: expected .* got -0.1"),
        ({"shift": (0.1, 0.1)}, TypeError, r"shift: expected .* got \(0.1, 0.1\)"),
        ({"shift": True}, TypeError, "shift: expected .* got True"),
        ({"rotation": 360}, ValueError, "rotation: expected degrees from 0 to below 360, got 360"),
        ({"rotation": "10"}, TypeError, "rotation: expected degrees .* got '10'"),
        ({"rotation": float("nan")}, ValueError, "rotation: .* got nan"),
        ({"zoom": 1.1}, ValueError, "zoom: expected a fraction from 0 to below 1, got 1.1"),
        ({"shear": 90}, ValueError, "shear: expected degrees from 0 to below 90, got 90"),
        ({"elastic": -1}, ValueError, "elastic: expected a finite number of at least 0, got -1"),
        ({"elastic": float("inf")}, ValueError, "elastic: expected a finite number"),
        ({"sigma": 0}, ValueError, "sigma: expected a finite number above 0, got 0"),
        ({"sigma": 1e-3}, ValueError, "sigma: expected at least 0.5 pixels, got 0.001"),
        ({"horizontal_flip": 0.5}, TypeError, "horizontal_flip: expected True or False, got 0.5"),
        ({"fill": float("nan")}, ValueError, "fill: expected a finite number, got nan"),
        ({"fill": None}, TypeError, "fill: expected a finite number, got None"),
    ],
)
def test_bad_amounts(arguments, error, message):
    with pytest.raises(error, match=message):
        Augment(**arguments)
    with pytest.raises(error, match=message):
        Augment.for_digits(**arguments)


@pytest.mark.parametrize(
    ("images", "rng", "error", "message"),
    [
        (random_images(), 0, TypeError, "rng: expected a numpy.random.Generator, .* got 0"),
        (random_images(), np.random.RandomState(0), TypeError, "rng: expected a numpy.random.Generator"),
        ([[[[0.0]]]], generator(), TypeError, "images: expected an array, got list"),
        (random_images()[..., 0], generator(), ValueError, r"got \(5, 9, 8\); .* channel axis"),
        (random_images()[0, ..., 0], generator(), ValueError, r"expected shape \(N, H, W, C\), got \(9, 8\)$"),
        (random_images().astype("float16"), generator(), TypeError, "got dtype float16; convert"),
        (random_images().astype("int64"), generator(), TypeError, "got dtype int64"),
        (random_images().astype(">f4"), generator(), TypeError, "got dtype >f4"),
        (np.broadcast_to(np.float32(0), (1, 2, 40_000, 1)), generator(), ValueError, "at most 30000 pixels a side"),
    ],
)
def test_bad_images_or_generators(images, rng, error, message):
    for augment in (Augment(), EVERYTHING):
        with pytest.raises(error, match=message):
            augment(images, rng)


def test_a_background_that_integers_cannot_hold():
    with pytest.raises(ValueError, match="fill: expected a number from 0 to 255 for uint8 images, got -1"):
        Augment(shift=0.1, fill=-1)(random_images(dtype="uint8"), generator())


# -- in training -----------------------------------------------------------------------------------------


def train(augment=Augment(shift=0.1, rotation=10, zoom=0.1, shear=10, elastic=10), seed=3, **options):
    x, y = make_images(64)
    model = small_cnn()
    history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, augment=augment, seed=seed, **options)
    return model, history.history


def test_training_with_augmentation_is_reproducible():
    (first, history), (second, same_history) = train(), train()
    assert weights_equal(first, second) and history == same_history
    assert not weights_equal(first, train(seed=4)[0])
    assert not weights_equal(first, train(augment=None)[0])


def test_training_learns_what_augmentation_shows():
    """Trained on shifted bars, a network knows them elsewhere; the images in the user's hands stay as they were."""
    images = np.zeros((64, 12, 12, 1), np.float32)
    images[::2, 5], images[1::2, :, 5] = 1, 1  # lying and standing
    labels = np.arange(64) % 2
    before = images.copy()
    moved = Augment(shift=0.4)(images, generator(9))
    accuracies = []
    for augment in (None, Augment(shift=0.4)):
        model = small_cnn()
        model.fit(images, labels, batch_size=8, epochs=20, verbose=0, augment=augment, seed=0)
        accuracies.append(model.evaluate(moved, labels)[1])
    assert np.array_equal(images, before)
    assert accuracies[1] > 0.95 > accuracies[0]


# -- the picture -----------------------------------------------------------------------------------------


def drawn_images(figure):
    return [np.asarray(ax.get_images()[0].get_array()) for ax in figure.axes if ax.get_images()]


@pytest.mark.parametrize("shape", [(12, 12), (12, 12, 1), (12, 12, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_picture_shows_originals_and_versions(shape, dtype):
    pytest.importorskip("matplotlib")
    from numpycnn.plots import plot_augmentation

    images = random_images(5, 12, 12, 3 if shape[-1] == 3 else 1, dtype).reshape(5, *shape)
    figure = plot_augmentation(images, EVERYTHING, rows=3, versions=4, seed=1)
    drawn = drawn_images(figure)
    assert len(drawn) == 3 * 5
    floats = images.reshape(5, 12, 12, -1).astype(np.float32) / (255 if dtype == "uint8" else 1)
    np.testing.assert_allclose(drawn[::5], floats[:3].squeeze(), atol=1e-6)
    expected = EVERYTHING(np.repeat(floats[:3], 4, axis=0), generator(1))
    np.testing.assert_allclose(drawn[1:5] + drawn[6:10] + drawn[11:], expected.squeeze(), atol=1e-6)
    assert [ax.get_title() for ax in figure.axes[:6]] == ["original", "epoch 1", "epoch 2", "epoch 3", "epoch 4", ""]


def test_the_picture_shows_six_images_unless_told():
    pytest.importorskip("matplotlib")
    from numpycnn.plots import plot_augmentation

    assert len(drawn_images(plot_augmentation(np.zeros((9, 4, 4)), lambda x, rng: x, versions=1))) == 6 * 2


def test_the_picture_says_what_is_wrong():
    pytest.importorskip("matplotlib")
    from numpycnn.plots import plot_augmentation

    images = random_images()
    with pytest.raises(ValueError, match=r"augment: expected images of shape \(40, 9, 8, 1\), as given, got \(39, "):
        plot_augmentation(images, lambda x, rng: x[1:])
    with pytest.raises(ValueError, match="expected floats from 0 to 1, got .* to 2"):
        plot_augmentation(images, lambda x, rng: x + 1 / x.max())
    with pytest.raises(ValueError, match="versions|cols"):
        plot_augmentation(images, EVERYTHING, versions=0)
