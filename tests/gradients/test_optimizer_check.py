"""What is wrong with a user's own optimizer or loss is named, from the library of mistakes; what is right passes."""

import numpy as np
import pytest

from numpycnn import SGD, Adam, Loss, MeanSquaredError, Optimizer, RMSprop
from numpycnn.gradcheck import GradientError, assert_gradients, check_loss, check_optimizer
from numpycnn.mistakes import MISTAKES, edited, solutions


class OwnAdam(Optimizer):
    """Adam as its user wrote it: `step_of` is a solution of the library, or an edit of it."""

    slot_names = ("m", "v")
    step_of = staticmethod(solutions.adam_step)

    def __init__(self, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def _update(self, values, grads, slots, rate):
        state = values, grads, slots["m"], slots["v"], self.steps + 1
        numbers = rate, self.beta1, self.beta2, self.epsilon
        values[:], slots["m"][:], slots["v"][:] = self.step_of(*state, *numbers)


class OwnRMSProp(Optimizer):
    slot_names = ("v",)

    def __init__(self, learning_rate=0.01, decay_rate=0.9, epsilon=1e-6, weight=0.1, inside=False):
        super().__init__(learning_rate)
        self.decay_rate, self.epsilon, self.weight, self.inside = decay_rate, epsilon, weight, inside

    def _update(self, values, grads, slots, rate):
        slots["v"][:] = self.decay_rate * slots["v"] + self.weight * grads**2
        inside, outside = (self.epsilon, 0) if self.inside else (0, self.epsilon)
        values -= rate * grads / (np.sqrt(slots["v"] + inside) + outside)


class OwnMomentum(SGD):
    def _update(self, values, grads, slots, rate):
        slots["velocity"][:] = self.momentum * slots["velocity"] + grads
        values -= rate * (grads + self.momentum * slots["velocity"] if self.nesterov else slots["velocity"])


def adam_with(name):
    entry = next(entry for entry in MISTAKES["adam_step"] if entry.name == name)
    return type("Own", (OwnAdam,), {"step_of": staticmethod(edited(solutions.adam_step, entry))}), entry.says


@pytest.mark.parametrize("right", [
    Adam, SGD(0.1, momentum=0.9), RMSprop(), OwnAdam, OwnAdam(epsilon=0.1), OwnRMSProp, OwnRMSProp(inside=True),
    OwnMomentum(momentum=0.8), OwnMomentum(momentum=0.8, nesterov=True),
], ids=repr)  # fmt: skip
def test_right_optimizers_pass(right):
    report = check_optimizer(right)
    assert_gradients(report)
    claims = type(right) is not RMSprop  # it cannot be its own measure
    assert ("step" in [row.name for row in report.rows]) == claims


@pytest.mark.parametrize("name", [
    "epsilon-inside-root", "epsilon-before-correction", "epsilon-forgotten", "t-from-zero", "not-corrected",
    "betas-swapped", "g-not-squared",
])
def test_the_mistake_in_the_steps_is_named(name):
    cls, says = adam_with(name)
    report = check_optimizer(cls)
    assert not report["step"].passed and report["step"].hint == says
    assert report["order"].passed and report["restored"].passed and report["grads"].passed
    with pytest.raises(GradientError, match=r"step\[\d, \d+\] is wrong: got \S+, expected \S+; error"):
        assert_gradients(report)


class Climbs(OwnRMSProp):
    def _update(self, values, grads, slots, rate):
        super()._update(values, grads, slots, -rate)


class NewArray(OwnMomentum):
    def _update(self, values, grads, slots, rate):
        values = values - rate * grads  # noqa: F841


class KeepsItToItself(OwnAdam):
    velocity = 0

    def _update(self, values, grads, slots, rate):
        self.velocity = 0.9 * self.velocity + grads
        values -= rate * self.velocity


class ScalesTheGradient(OwnMomentum):
    def _update(self, values, grads, slots, rate):
        grads *= 2
        super()._update(values, grads, slots, rate)


class FirstOnly(OwnMomentum):
    def _update(self, values, grads, slots, rate):
        values[:6] -= rate * grads[:6]


@pytest.mark.parametrize(("wrong", "row", "says"), [
    (OwnRMSProp(weight=1.0), "step", "g**2 enters in full; it is weighed with 1 - decay_rate"),
    (Climbs, "step", "the step is subtracted from them"), (Climbs, "descent", "the first step goes up"),
    (NewArray, "step", "no parameter moves: change them in place"), (NewArray, "descent", "no parameter moves"),
    (KeepsItToItself, "restored", "not all in slot_names"), (ScalesTheGradient, "grads", "changes the gradients"),
    (FirstOnly, "order", "depends on where in the vector"), (OwnRMSProp(epsilon=0.0), "dead input", "epsilon missing"),
    (OwnMomentum(3.0), "descent", "is the learning rate too large"),
], ids=repr)  # fmt: skip
def test_what_breaks_an_optimizer_s_contract_is_told(wrong, row, says):
    report = check_optimizer(wrong)
    assert not report[row].passed and says in report[row].hint


class OwnCrossEntropy(Loss):
    def __init__(self, name=""):
        super().__init__()
        entries = [entry for entry in MISTAKES["softmax_cross_entropy"] if entry.name == name]
        self._function = edited(solutions.softmax_cross_entropy, *entries[:1])

    def __call__(self, outputs, targets):
        return self._function(outputs, np.asarray(targets))


LOGITS, LABELS = np.random.default_rng(0).standard_normal((5, 4)), np.array([1, 0, 3, 2, 2])


@pytest.mark.parametrize(("name", "row", "says"), [
    ("gradient-not-averaged", "doutputs", "5 times too large"), ("gradient-sign", "doutputs", "the sign is flipped"),
    ("gradient-times-p", "doutputs", "p is multiplied in"), ("loss-log2", "doutputs", "the number is what is wrong"),
    ("maximum-not-subtracted", "doutputs at outputs + 1000", "subtract each row's maximum"),
    ("labels-from-one", "loss", "1 is subtracted from the labels"), ("softmax-over-batch", "loss", "over the batch"),
])
def test_what_is_wrong_with_a_loss_is_named(name, row, says):
    report = check_loss(OwnCrossEntropy(name), LOGITS, LABELS)
    assert not report[row].passed and says in report[row].hint


def test_right_losses_pass():
    assert check_loss(OwnCrossEntropy(), LOGITS, LABELS).passed
    assert check_loss(MeanSquaredError(), LOGITS, np.eye(4)[LABELS]).passed
