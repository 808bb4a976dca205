"""The curves of ``kernels/curves.py`` against the C library and NumPy, at numbers of every exponent; random numbers.

Errors are counted in units in the last place of the right answer. Those of float64 curves are measured against long
doubles, where these have more digits.
"""

import math

import numba
import numpy as np
import pytest

from numpycnn import kernels
from numpycnn.kernels import dropout, reference

pytestmark = pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")
LONG = np.finfo(np.longdouble).nmant > 60
ERFC = np.vectorize(math.erfc, otypes=[np.float64])


def exponentials(x):
    """exp(-abs(x)) of exact numbers."""
    return np.exp(-abs(x))


def logistic(x):
    return np.where(x > 0, 1, exponentials(x)) / (1 + exponentials(x))


def normal_share(x):
    """P(normal <= x); in long doubles by Marsaglia's series, which needs all their digits for x below 0."""
    if x.dtype != np.longdouble:
        return ERFC(-x / math.sqrt(2)) / 2
    term = total = x
    for n in range(3, 80, 2):
        term = term * x * x / n
        total = total + term
    return np.longdouble(0.5) + total * np.exp(-x * x / 2) / np.sqrt(8 * np.arctan(np.longdouble(1)))


def of_gelu_tanh(x):
    x = np.maximum(x, -100)
    return x * logistic(2 * np.sqrt(2 / np.longdouble(math.pi)).astype(x.dtype) * (x + x.dtype.type(0.044715) * x**3))


# Kernel: (arguments between x and y, the right answer, largest error in float32 and in float64).
CURVES = {
    "tanh_forward": ((), np.tanh, 2, 2),
    "sigmoid_forward": ((), logistic, 2, 2),
    "elu_forward": ((1.0,), lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), 2, 2),
    "silu_forward": ((), lambda x: np.maximum(x, -2000) * logistic(x), 2.1, 2.1),
    "gelu_forward": ((), lambda x: np.maximum(x, -100) * normal_share(x), 1, 4),
    "gelu_tanh_forward": ((), of_gelu_tanh, 1, None),
}


def numbers_of_every_exponent(dtype):
    """Return numbers of both signs: four hundred of each exponent, and more where the curves bend."""
    rng = np.random.default_rng(0)
    kind = np.finfo(dtype)
    exponents = np.arange(kind.minexp - kind.nmant, kind.maxexp).repeat(400 if dtype == "float32" else 50)
    x = np.ldexp(1 + rng.random(exponents.size), exponents).astype(dtype)
    bends = [rng.uniform(0, limit, 100_000).astype(dtype) for limit in (1, 4, 20, 110 if dtype == "float32" else 760)]
    x = np.concatenate([x, *bends])
    return np.concatenate([x, -x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CURVES)
def test_curves_are_right_to_the_last_digits(name, dtype):
    arguments, right, *bounds = CURVES[name]
    bound = bounds[dtype == "float64"]
    x, wide = numbers_of_every_exponent(dtype), np.float64 if dtype == "float32" else np.longdouble
    if dtype == "float64" and name.startswith("gelu"):
        x = x[abs(x) < 2]  # beyond, a sum of long doubles has no more digits than is asked for
    y = np.empty_like(x)
    getattr(kernels.ops, name)(x, *arguments, y)
    with np.errstate(over="ignore", under="ignore"):
        expected = right(x.astype(wide))
        rounded = expected.astype(dtype)
    unit = np.spacing(abs(rounded)).astype(wide)
    errors = np.where(y == rounded, 0, abs(y - expected) / unit)
    assert np.isfinite(errors).all()
    if bound is not None and (LONG or dtype == "float32"):
        assert errors.max() <= bound, f"{errors.max()} at {x[errors.argmax()]!r}"
    else:
        np.testing.assert_allclose(y, rounded, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CURVES)
def test_nan_infinity_and_zeros(name, dtype):
    arguments, *_ = CURVES[name]
    x = np.array([np.nan, np.inf, -np.inf, 0.0], dtype).repeat(17)  # in vectors and beside them
    y = np.empty_like(x)
    getattr(kernels.ops, name)(x, *arguments, y)
    below, at_0 = {"tanh_forward": (-1, 0), "sigmoid_forward": (0, 0.5), "elu_forward": (-1, 0)}.get(name, (0, 0))
    above = 1 if name in ("tanh_forward", "sigmoid_forward") else np.inf
    np.testing.assert_array_equal(y, np.array([np.nan, above, below, at_0], dtype).repeat(17))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_keeps_the_sign_of_zero(dtype):
    x, y = np.array([-0.0, 0.0], dtype), np.empty(2, dtype)
    kernels.ops.tanh_forward(x, y)
    assert np.signbit(y).tolist() == [True, False]


# -- Philox: the known answers that its authors publish with it (Random123, kat_vectors, philox4x32, 10 rounds) ------

KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@numba.njit
def compiled_philox(c0, c1, c2, c3, k0, k1):
    return dropout.philox(c0, c1, c2, c3, k0, k1)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(counter, key, words):
    numbers = [np.uint64(n) for n in (*counter, *key)]
    assert tuple(map(int, compiled_philox(*numbers))) == words
    assert tuple(map(int, reference._philox(*numbers))) == words
