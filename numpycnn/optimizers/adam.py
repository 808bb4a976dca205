"""Adam and what came of it: steps along a running mean of gradients, scaled by another of their sizes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..checks import check_flag, check_fraction, check_positive
from ..kernels import ops
from ..schedules import Schedule
from .base import Optimizer


class TwoMeans(Optimizer):
    """What Adam and its relatives share: how long each of two running means remembers, and epsilon."""

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-7,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm)
        self.beta1 = check_fraction(beta1, "beta1")
        self.beta2 = check_fraction(beta2, "beta2")
        self.epsilon = check_positive(epsilon, "epsilon")


class Adam(TwoMeans):
    r"""Adam: steps scaled by running means of the gradient and of its square.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
              w \leftarrow w - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    learning_rate : float or Schedule
        :math:`\eta`.
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Above 0; outside the square root.
    global_clipnorm : float, optional
        See ``Optimizer``.
    epsilon_hat : bool
        Add `epsilon` to the root of v before its correction: the paper's second form (end of section 2), and Keras's,
        whose default is 1e-7. ``Adam(epsilon=1e-7, epsilon_hat=True)`` is Keras's Adam.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), Algorithm 1.
    """

    slot_names = ("m", "v")
    _later = {"epsilon_hat": False}

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        global_clipnorm: float | None = None,
        epsilon_hat: bool = False,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, global_clipnorm)
        self.epsilon_hat = check_flag(epsilon_hat, "epsilon_hat")

    def _update(
        self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float, weight_decay: float = 0.0
    ) -> None:
        t = self.steps + 1
        corrections = 1 - self.beta1**t, 1 - self.beta2**t
        decay = rate * weight_decay
        epsilon = self.epsilon / math.sqrt(corrections[1]) if self.epsilon_hat else self.epsilon
        ops.adam(grads, rate, self.beta1, self.beta2, epsilon, *corrections, decay, values, slots["m"], slots["v"])


class AdamW(Adam):
    r"""Adam with decoupled weight decay: each step first shrinks every parameter.

    .. math:: w \leftarrow w - \eta \lambda w, \quad \text{then Adam's step}

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, global_clipnorm, epsilon_hat
        As for ``Adam``.
    weight_decay : float
        :math:`\lambda`, at least 0.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), Algorithm 2.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        weight_decay: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        global_clipnorm: float | None = None,
        epsilon_hat: bool = False,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, global_clipnorm, epsilon_hat)
        self.weight_decay = check_positive(weight_decay, "weight_decay", zero_allowed=True)

    def _update(
        self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float, weight_decay: float = 0.0
    ) -> None:
        super()._update(values, grads, slots, rate, self.weight_decay)


class Adamax(TwoMeans):
    r"""Adam with the largest gradient of late in the place of the root of the mean square.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad u \leftarrow \max(\beta_2 u, |g|), \quad
              w \leftarrow w - \frac{\eta}{1 - \beta_1^t} \frac{m}{u + \epsilon}

    Parameters
    ----------
    learning_rate : float or Schedule
        :math:`\eta`.
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Above 0; the paper has none, Keras's is here.
    global_clipnorm : float, optional
        See ``Optimizer``.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), Algorithm 2.
    """

    slot_names = ("m", "u")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        rate /= 1 - self.beta1 ** (self.steps + 1)
        ops.adamax(grads, rate, self.beta1, self.beta2, self.epsilon, values, slots["m"], slots["u"])


# The product of Nadam's 1 - 0.96**i / 2 for i = 1, 2, ...; later factors are 1 to the last digit of a float64.
_WARMING = np.cumprod(1 - 0.5 * 0.96 ** np.arange(1, 1001))


class Nadam(TwoMeans):
    r"""Adam with Nesterov's momentum, which grows in the first steps.

    .. math:: \mu_t = \beta_1 (1 - 0.96^t / 2), \quad M_t = \mu_1 \cdots \mu_t, \quad
              \hat m = \frac{\mu_{t+1} m}{1 - M_{t+1}} + \frac{(1 - \mu_t) g}{1 - M_t}, \quad
              w \leftarrow w - \eta \frac{\hat m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    with m and v as in ``Adam``.

    Parameters
    ----------
    learning_rate : float or Schedule
        :math:`\eta`.
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Above 0.
    global_clipnorm : float, optional
        See ``Optimizer``.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam" (2016), Algorithm 8, with the schedule of its section on
    experiments, as Keras has it.
    """

    slot_names = ("m", "v")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        t = self.steps + 1
        m_share = self._momentum(t + 1) / (1 - self._momentum_product(t + 1))
        gradient_share = (1 - self._momentum(t)) / (1 - self._momentum_product(t))
        correction2 = 1 - self.beta2**t
        shares = m_share, gradient_share
        ops.nadam(
            grads, rate, self.beta1, self.beta2, self.epsilon, *shares, correction2, values, slots["m"], slots["v"]
        )

    def _momentum(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96**t)

    def _momentum_product(self, t: int) -> float:
        return self.beta1**t * float(_WARMING[min(t, len(_WARMING)) - 1])
