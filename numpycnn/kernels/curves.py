"""The curves of the activations, number by number: exp, tanh and the tails of two bells, made of polynomials.

There is no branch and no call, so that the compiler makes vectors of a loop over them, on every CPU; the C library's
functions take one number at a time. The activations made of them are off by at most 2 units in the last place (SiLU
2.1; in float64 GELU 4), as ``tests/kernels/test_curves.py`` counts them; NaN stays NaN. The polynomials are Chebyshev
interpolants, computed to 60 digits.
"""

from __future__ import annotations

import numpy as np

from .jit import device
from .simd import multiply_add, polynomial, power_of_two, with_sign_of

# ln 2 in two parts, of which n times the first is exact for every exponent n.
_log2_e = polynomial([1.4426950408889634], [1.4426950408889634])
_minus_ln2 = polynomial([-0.693145751953125], [-6.93147180369123816490e-01])
_minus_ln2_rest = polynomial([-1.42860682030941723212e-06], [-1.90821492927058770002e-10])
_to_integer = polynomial([1.5 * 2**23], [1.5 * 2**52])  # added, it leaves no digits behind the point
_lowest, _highest = polynomial([-112.0], [-754.0]), polynomial([89.0], [710.0])  # exp is 0, even times 1000; infinite
# (exp(r) - 1 - r) / r**2 for r between -ln(2) / 2 and ln(2) / 2.
_exp_rest = polynomial(
    [0.5000000014, 0.1666666668, 0.0416664642, 0.008333310845, 0.001393373072, 0.0001989108046],
    [0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326084, 0.0013888888888883711, 0.0001984126987500228,
     2.480158732567746e-05, 2.755725517000089e-06, 2.755727347871858e-07, 2.5105312729622103e-08,
     2.09147553258932e-09],
)
# (1 + t) * exp(t**2 / 2) * P(normal > t) as a function of (t - 5) / (t + 5), which is between -1 and 1
# (Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", 1981).
_normal_tail_rest = polynomial(
    [],  # needed in float64 alone
    [0.46151582985003775, -0.09155228183400893, 0.031030368425963278, 0.010002352385218209, -0.026401042966293736,
     0.024536963244022193, -0.015170415402641402, 0.006522000662944827, -0.00167607234514747, 7.791634836196445e-06,
     0.00018233416164045794, -5.36077545074153e-05, -9.896216310883174e-06, 9.06032311426407e-06,
     -6.989850792867112e-08, -1.3083296242531128e-06, 1.2687978435110762e-07, 1.9716412822314452e-07,
     -2.4964749749793523e-08, -3.132082028087379e-08, 2.6641470506077205e-09, 4.305928346122364e-09,
     1.6294822123482363e-11, -2.7701481656827913e-10],
)
_SPLITTER = 2.0**27 + 1  # Veltkamp's: halves the digits of what is multiplied by it
_FAR = 39.0  # from where the normal tail is 0
_DENSITY_AT_0 = 0.3989422804014327  # 1 / sqrt(2 pi)
_GELU_SLOPE, _GELU_CUBE = 1.5957691216057308, 0.044715  # 2 * sqrt(2 / pi)


@device
def _reduced(x, more):
    """Return n + 1.5 * 2**23, n and exp(r) - 1, where x + more = n * ln 2 + r with an integer n."""
    shifted = multiply_add(x, _log2_e(x), _to_integer(x))
    n = shifted - _to_integer(x)
    high, low = multiply_add(n, _minus_ln2(x), x), multiply_add(n, _minus_ln2_rest(x), more)
    r = high + low
    lost = low - (r - high)
    return shifted, n, r + multiply_add(_exp_rest(r) * r, r, lost)


@device
def _exp_times(x, more, factor):
    """Return exp(x + more) * factor, where `more` is small: what x has lost by rounding."""
    x = _lowest(x) if x < _lowest(x) else x
    x = _highest(x) if x > _highest(x) else x
    _, n, p = _reduced(x, more)
    # 2**n in two factors: the least numbers have exponents for which there is no 2**n of all digits.
    half = multiply_add(n, type(x)(0.5), _to_integer(x))
    other = n - (half - _to_integer(x)) + _to_integer(x)
    return multiply_add(factor, p, factor) * power_of_two(half) * power_of_two(other)


@device
def exp(x):
    """Return e**x."""
    return _exp_times(x, type(x)(0), type(x)(1))


@device
def expm1(x):
    """Return e**x - 1 for x up to 44, where all digits count for x near 0."""
    x = type(x)(-44) if x < type(x)(-44) else x
    shifted, _, p = _reduced(x, type(x)(0))
    power = power_of_two(shifted)
    return multiply_add(p, power, power - type(x)(1))


@device
def _share(e, other):
    """Return e / (e + other) for positive numbers, as if the sum were not rounded."""
    total = e + other
    lost = e - (total - other) if e < other else other - (total - e)
    share = e / total
    return multiply_add(-share * (lost / other), type(e)(1) - share, share)  # other / total is 1 - share


@device
def tanh(x):
    """Return (e**2x - 1) / (e**2x + 1)."""
    size = abs(x)
    size = type(x)(22) if size > type(x)(22) else size  # 1, to the last digit
    return with_sign_of(_share(expm1(size + size), type(x)(2)), x)


@device
def sigmoid(x):
    """Return 1 / (1 + e**-x)."""
    tail = _share(exp(-abs(x)), type(x)(1))
    return type(x)(1) - tail if x > type(x)(0) else tail


# -- tails: how much is left beyond t, from 0 on, of a bell around 0 whose sum is 1 ------------------------------------


@device
def logistic_tail(t):
    """Return t * tail, tail = 1 / (1 + e**t), and t times the bell's height, the slope of the sigmoid."""
    t = type(t)(1000) if t > type(t)(1000) else t
    one = type(t)(1)
    e = exp(-t)
    total = e + one
    lost = e - (total - one)
    times_t = _exp_times(-t, type(t)(0), t) / total
    tail = _share(e, one)
    exact = multiply_add(times_t * lost, type(t)(0.5) * e - one, times_t)  # 1 / total is nearly 1 - e / 2
    return exact, tail, t * tail * (one - tail)


@device
def normal_tail(t):
    """Return the same of the normal bell; in float64, since so many sums and products would lose digits of float32."""
    t = np.float64(t)
    t = _FAR if t > _FAR else t
    scaled = t * _SPLITTER
    upper = scaled - (scaled - t)  # the upper digits of t, whose square is exact
    square, more = -0.5 * upper * upper, -0.5 * (t - upper) * (t + upper)
    rest = _normal_tail_rest((t - 5.0) / (t + 5.0))
    times_t = _exp_times(square, more, rest * _share(t, 1.0))
    return times_t, _exp_times(square, more, rest / (t + 1.0)), _exp_times(square, more, t * _DENSITY_AT_0)


@device
def approximate_normal_tail(t):
    """Return the same as GELU's authors approximate it, by a sigmoid (so by a tanh) of a cubic polynomial."""
    t = np.float64(t)
    t = _FAR if t > _FAR else t
    squares = _GELU_CUBE * t * t
    _, tail, _ = logistic_tail(_GELU_SLOPE * (squares * t + t))
    return t * tail, tail, t * tail * (1.0 - tail) * _GELU_SLOPE * (3.0 * squares + 1.0)
