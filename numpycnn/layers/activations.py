"""Activations: a curve applied to every element, without which a stack of layers would be one affine map."""

from __future__ import annotations

from typing import Callable

from numpy.typing import NDArray

from ..checks import check_flag, check_positive
from ..kernels import ops
from .base import Layer


class Activation(Layer):
    """Base of the activations: y = f(x), element by element. A subclass says what f is, and its slope.

    Attributes
    ----------
    from_output : bool
        Whether the slope is computed from y; else from x. What is not needed is not kept.
    """

    from_output = True

    def curve(self, x: NDArray, y: NDArray) -> None:
        """Write f(x) into y; both are of shape (n,), and may be the same array."""
        raise NotImplementedError

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """Write dy times the slope into dx, all of shape (n,); `kept` is y, or x unless ``from_output``."""
        raise NotImplementedError

    def kinks(self, kept: NDArray) -> list[NDArray]:
        """Return ``choices``, of the array that was kept."""
        return []

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", x.shape)
        self.curve(x.reshape(-1), y.reshape(-1))
        self.save_for_backward(training, len(x), y if self.from_output else x)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy * f'(x); see ``slope``, and ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        (kept,) = self.saved
        dx = self.empty("dx", dy.shape)
        self.slope(dy.reshape(-1), kept.reshape(-1), dx.reshape(-1))
        return dx

    def choices(self) -> list[NDArray]:
        """Return on which side of a kink each element was in the latest training forward; none where f is smooth."""
        return self.kinks(*self.saved)


class ReLU(Activation):
    r"""Rectified linear unit; its derivative at 0 is taken as 0.

    .. math:: y = \max(x, 0)

    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """

    def curve(self, x: NDArray, y: NDArray) -> None:
        ops.relu_forward(x, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy where y > 0, else 0."""
        ops.relu_backward(dy, kept, dx)

    def kinks(self, kept: NDArray) -> list[NDArray]:
        return [kept > 0]


class LeakyReLU(Activation):
    r"""Rectified linear unit that lets a little of negative numbers through.

    .. math:: y = \begin{cases} x & x > 0 \\ \alpha x & \text{else} \end{cases}

    Parameters
    ----------
    negative_slope : float
        :math:`\alpha`, at least 0.

    Raises
    ------
    ValueError, TypeError
        `negative_slope` is not a finite number of at least 0.

    References
    ----------
    Maas et al., "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """

    def __init__(self, negative_slope: float = 0.3) -> None:
        self.negative_slope = check_positive(negative_slope, "negative_slope", zero_allowed=True)

    def curve(self, x: NDArray, y: NDArray) -> None:
        ops.leaky_relu_forward(x, self.negative_slope, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy where y > 0, else ``negative_slope * dy``."""
        ops.leaky_relu_backward(dy, kept, self.negative_slope, dx)

    def kinks(self, kept: NDArray) -> list[NDArray]:
        return [kept > 0]


class ELU(Activation):
    r"""Exponential linear unit.

    .. math:: y = \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & \text{else} \end{cases}

    Parameters
    ----------
    alpha : float
        At least 0: y approaches ``-alpha`` for large negative x. The slope has no step at 0 if it is 1.

    Raises
    ------
    ValueError, TypeError
        `alpha` is not a finite number of at least 0.

    References
    ----------
    Clevert et al., "Fast and accurate deep network learning by exponential linear units" (2015).
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_positive(alpha, "alpha", zero_allowed=True)

    def curve(self, x: NDArray, y: NDArray) -> None:
        ops.elu_forward(x, self.alpha, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy where y > 0, else ``dy * alpha * exp(x)``, which is ``dy * (y + alpha)``."""
        ops.elu_backward(dy, kept, self.alpha, dx)

    def kinks(self, kept: NDArray) -> list[NDArray]:
        return [kept > 0]


class Sigmoid(Activation):
    r"""Logistic function.

    .. math:: y = \frac{1}{1 + e^{-x}}
    """

    def curve(self, x: NDArray, y: NDArray) -> None:
        ops.sigmoid_forward(x, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy * y * (1 - y)."""
        ops.sigmoid_backward(dy, kept, dx)


class Tanh(Activation):
    r"""Hyperbolic tangent.

    .. math:: y = \tanh x
    """

    def curve(self, x: NDArray, y: NDArray) -> None:
        ops.tanh_forward(x, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy * (1 - y**2)."""
        ops.tanh_backward(dy, kept, dx)


class SiLU(Activation):
    r"""Sigmoid linear unit, also "swish".

    .. math:: y = x \, \mathrm{sigmoid}(x)

    Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation" (2017); Ramachandran et
    al., "Searching for activation functions" (2017).
    """

    from_output = False  # y falls and rises again: it does not tell x

    def curve(self, x: NDArray, y: NDArray) -> None:
        ops.silu_forward(x, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy * (s + x * s * (1 - s)) with s = sigmoid(x)."""
        ops.silu_backward(dy, kept, dx)


class GELU(Activation):
    r"""Gaussian error linear unit, with a standard normal number Z.

    .. math:: y = x \, P(Z \le x) = x (1 + \mathrm{erf}(x / \sqrt 2)) / 2

    Parameters
    ----------
    approximate : bool
        Compute the authors' approximation, :math:`x (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3))) / 2`, which is off
        by up to 0.0005, as networks that were trained with it need it.

    Raises
    ------
    TypeError
        `approximate` is not a bool.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units" (2016).
    """

    from_output = False

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = check_flag(approximate, "approximate")

    def curve(self, x: NDArray, y: NDArray) -> None:
        forward: Callable = ops.gelu_tanh_forward if self.approximate else ops.gelu_forward
        forward(x, y)

    def slope(self, dy: NDArray, kept: NDArray, dx: NDArray) -> None:
        """dx = dy * (P(Z <= x) + x * p(x)) with the density p of Z; or the approximation's derivative."""
        backward: Callable = ops.gelu_tanh_backward if self.approximate else ops.gelu_backward
        backward(dy, kept, dx)
