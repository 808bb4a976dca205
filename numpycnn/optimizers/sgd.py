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
    PyTorch does it so. Keras's velocity is a sum of steps, each as long as the rate was when it was taken:

    .. math:: v \leftarrow \mu v + \eta g, \qquad w \leftarrow w - v

    The two are the same as long as the rate is; when it falls, steps of before go on in the second.

    Parameters
    ----------
    learning_rate : float or Schedule
    momentum : float
        :math:`\mu`, in [0, 1).
    nesterov : bool
        Look ahead along the velocity; without momentum there is none, and the step stays the same.
    global_clipnorm : float, optional
        See ``Optimizer``.
    velocity_of_steps : bool
        Whether the velocity is Keras's, of steps in place of gradients.
    """

    slot_names = ("velocity",)
    _later = {"velocity_of_steps": False}

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        global_clipnorm: float | None = None,
        velocity_of_steps: bool = False,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm)
        self.momentum = check_fraction(momentum, "momentum")
        self.nesterov = check_flag(nesterov, "nesterov")
        self.velocity_of_steps = check_flag(velocity_of_steps, "velocity_of_steps")

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        gain, rate = (rate, 1.0) if self.velocity_of_steps else (1.0, rate)
        ops.sgd(grads, gain, rate, self.momentum, self.nesterov, values, slots["velocity"])
