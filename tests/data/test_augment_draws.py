"""Augmentation: what is drawn has the distribution that was asked for, measured on images and on the elastic field."""

import numpy as np
import pytest

from numpycnn import Augment


def generator():
    return np.random.default_rng(0)


def moments(images):
    """Return the centre of mass (N, 2) and the covariance (N, 2, 2) of what is drawn on black, rows first."""
    places = np.moveaxis(np.indices(images.shape[1:3], float), 0, -1)  # (H, W, 2)
    mass = images[..., 0] / images.sum(axis=(1, 2, 3))[:, None, None]
    centers = np.einsum("nyx,yxi->ni", mass, places)
    apart = places - centers[:, None, None]
    return centers, np.einsum("nyx,nyxi,nyxj->nij", mass, apart, apart)


def blobs(n, tall=16.0, wide=4.0):
    """Return n times the same ellipse, (n, 41, 41, 1), in the middle: variances `tall` and `wide` along the axes."""
    y, x = np.indices((41, 41), float) - 20
    return np.repeat(np.exp(-(y**2) / (2 * tall) - x**2 / (2 * wide))[None, ..., None], n, axis=0)


def covers(values, low, high):
    """Whether numbers fill the range from low to high evenly, and nothing beyond."""
    width = high - low
    return (
        low - 0.02 * width < values.min() < low + 0.02 * width
        and high - 0.02 * width < values.max() < high + 0.02 * width
        and abs(values.mean() - (low + high) / 2) < 0.04 * width
        and abs(values.std() - width / np.sqrt(12)) < 0.03 * width
    )


def test_shifts_fill_their_range():
    images = np.pad(blobs(1000), [(0, 0), (0, 0), (10, 10), (0, 0)])  # 41 pixels high, 61 wide
    centers, _ = moments(Augment(shift=0.1)(images, generator()))
    assert covers(centers[:, 0] - 20, -4.1, 4.1) and covers(centers[:, 1] - 30, -6.1, 6.1)
    assert abs(np.corrcoef(centers.T)[0, 1]) < 0.15


def test_rotations_fill_their_range():
    _, covariances = moments(Augment(rotation=30)(blobs(1000), generator()))
    angles = np.degrees(np.arctan2(2 * covariances[:, 0, 1], covariances[:, 0, 0] - covariances[:, 1, 1]) / 2)
    assert covers(angles, -30, 30)


def test_zooms_fill_their_range_on_each_axis():
    _, covariances = moments(Augment(zoom=0.2)(blobs(1000, tall=25.0, wide=16.0), generator()))
    factors = np.sqrt(covariances[:, [0, 1], [0, 1]] / [25, 16])
    assert covers(factors[:, 0], 0.8, 1.2) and covers(factors[:, 1], 0.8, 1.2)
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.15


def test_shears_fill_their_range_and_keep_the_rows():
    _, covariances = moments(Augment(shear=20)(blobs(1000), generator()))
    slants = np.degrees(np.arctan(-covariances[:, 0, 1] / covariances[:, 0, 0]))
    assert covers(slants, -20, 20)
    np.testing.assert_allclose(covariances[:, 0, 0], 16, rtol=0.02)


@pytest.mark.parametrize("sigma", [1, 4, 8])
def test_displacements_are_those_of_simard(sigma):
    """Uniform noise from -1 to 1, smoothed by a Gaussian of sum 1, times alpha.

    Its variance is alpha^2 / 3 * (1 / (2 sqrt(pi) sigma))^2, as the squares of the Gaussian's weights sum up to that;
    its correlation at a distance d along an axis is the Gaussian smoothed by itself, exp(-d^2 / (4 sigma^2)).
    """
    field = Augment(elastic=34, sigma=sigma)._draw_field(4000, 28, 28, np.dtype("float64"), generator())
    expected = 34 / np.sqrt(3) / (2 * np.sqrt(np.pi) * sigma)
    np.testing.assert_allclose(field.std(axis=0), expected, rtol=0.06)  # sampling: 5 standard deviations are 0.056
    assert abs(field.mean(axis=0)).max() < 5 * expected / np.sqrt(4000)
    assert abs(np.corrcoef(field[:, 0].ravel(), field[:, 1].ravel())[0, 1]) < 0.02  # rows, columns: independent
    for distance in (1, 3, 6):
        along_rows = np.mean(field[:, :, distance:] * field[:, :, :-distance]) / expected**2
        along_columns = np.mean(field[..., distance:] * field[..., :-distance]) / expected**2
        assert along_rows == pytest.approx(np.exp(-(distance**2) / (4 * sigma**2)), abs=0.03)
        assert along_columns == pytest.approx(np.exp(-(distance**2) / (4 * sigma**2)), abs=0.03)
