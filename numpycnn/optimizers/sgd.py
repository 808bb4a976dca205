"""Plain steps along the gradient, or along what is left of earlier ones."""

from __future__ import annotations

from numpy.typing import NDArray

from ..checks import check_flag, check_fraction
from ..kernels import ops
from ..schedules import Schedule
from .base import Optimizer


class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum if asked for.

    .. math:: v \leftarrow \mu v + g, \qquad w \leftarrow w - \eta v

    With `nesterov` the step is along :math:`g + \mu v` (Sutskever et al. 2013, in the form of Bengio et al. 2013).

    Parameters
    ----------
    learning_rate : float or Schedule
    momentum : float
        :math:`\mu`, in [0, 1).
    nesterov : bool
        Look ahead along the velocity; without momentum there is none, and the step stays the same.
    global_clipnorm : float, optional
        See ``Optimizer``.
    """

    slot_names = ("velocity",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm)
        self.momentum = check_fraction(momentum, "momentum")
        self.nesterov = check_flag(nesterov, "nesterov")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        ops.sgd(grads, rate, self.momentum, self.nesterov, values, slots["velocity"])
