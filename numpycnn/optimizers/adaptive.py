"""RMSprop, Adagrad, Adadelta: each parameter's step is divided by the size of its own gradients so far.

All in the form that Keras has, where epsilon stands inside the root.
"""

from __future__ import annotations

from numpy.typing import NDArray

from ..checks import check_flag, check_fraction, check_positive
from ..kernels import ops
from ..schedules import Schedule
from .base import Optimizer


class RMSprop(Optimizer):
    r"""Steps divided by the root of a running mean of squared gradients.

    .. math:: v \leftarrow \rho v + (1 - \rho) g^2, \quad s = \eta \frac{g}{\sqrt{v + \epsilon}}, \quad
              u \leftarrow \mu u + s, \quad w \leftarrow w - u

    Parameters
    ----------
    learning_rate : float or Schedule
        :math:`\eta`.
    rho : float
        In [0, 1).
    momentum : float
        :math:`\mu`, in [0, 1).
    epsilon : float
        Above 0; inside the root.
    centered : bool
        Divide by the deviation instead: v less the square of the gradients' running mean m.
    global_clipnorm : float, optional
        See ``Optimizer``.

    References
    ----------
    Hinton, "Neural networks for machine learning" (2012), lecture 6e; centered: Graves, "Generating sequences with
    recurrent neural networks" (2013), eq. 38 to 41.
    """

    slot_names = ("v", "m", "velocity")

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm)
        self.rho = check_fraction(rho, "rho")
        self.momentum = check_fraction(momentum, "momentum")
        self.epsilon = check_positive(epsilon, "epsilon")
        self.centered = check_flag(centered, "centered")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        numbers = rate, self.rho, self.momentum, self.epsilon, self.centered
        ops.rmsprop(grads, *numbers, values, slots["v"], slots["m"], slots["velocity"])


class Adagrad(Optimizer):
    r"""Steps divided by the root of the sum of all squared gradients: they only get shorter.

    .. math:: a \leftarrow a + g^2, \qquad w \leftarrow w - \eta \frac{g}{\sqrt{a + \epsilon}}

    Parameters
    ----------
    learning_rate : float or Schedule
        :math:`\eta`.
    initial_accumulator_value : float
        The first :math:`a`, at least 0.
    epsilon : float
        Above 0; inside the root.
    global_clipnorm : float, optional
        See ``Optimizer``.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods" (2011), section 1.2.
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm)
        start = check_positive(initial_accumulator_value, "initial_accumulator_value", zero_allowed=True)
        self.initial_accumulator_value = self._first_memory = start
        self.epsilon = check_positive(epsilon, "epsilon")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        ops.adagrad(grads, rate, self.epsilon, values, slots["accumulator"])


class Adadelta(Optimizer):
    r"""Steps divided by the size of gradients of late, and multiplied by the size of steps of late.

    .. math:: v \leftarrow \rho v + (1 - \rho) g^2, \quad s = \frac{\sqrt{u + \epsilon}}{\sqrt{v + \epsilon}} g, \quad
              u \leftarrow \rho u + (1 - \rho) s^2, \quad w \leftarrow w - \eta s

    Parameters
    ----------
    learning_rate : float or Schedule
        :math:`\eta`; 1 in the paper, and Keras's default here, with which it learns slowly.
    rho : float
        In [0, 1).
    epsilon : float
        Above 0; inside the roots.
    global_clipnorm : float, optional
        See ``Optimizer``.

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method" (2012), Algorithm 1.
    """

    slot_names = ("v", "u")

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm)
        self.rho = check_fraction(rho, "rho")
        self.epsilon = check_positive(epsilon, "epsilon")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        ops.adadelta(grads, rate, self.rho, self.epsilon, values, slots["v"], slots["u"])
