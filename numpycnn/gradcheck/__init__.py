"""Gradient checking: is what ``backward`` returns the derivative of what ``forward`` computes?

Move one number up and down by h, see how far the result moves, divide by 2h: that is its derivative, and no rule of
calculus was needed to find it. ``backward`` has to agree, for every element of the input and of every parameter.

    from numpycnn import gradcheck

    gradcheck.assert_gradients(gradcheck.check_layer(MyLayer(), input_shape=(8, 8, 2)))

``python -m numpycnn.gradcheck`` checks every layer, loss and a few models of the package and prints a table.
``check_optimizer`` asks the like of an optimizer's steps. Whether a layer keeps the rest of the contract (shapes,
dtypes, errors, saving) is for ``numpycnn.testing.check_layer``, which runs this check, too.
"""

from .check import check_layer, check_loss, check_model, check_package
from .methods import EXACT_CLASSES, METHODS, STEP, TOLERANCE
from .report import GradientError, Report, assert_gradients
from .slopes import Row
from .steps import check_optimizer

__all__ = [
    "EXACT_CLASSES", "METHODS", "STEP", "TOLERANCE", "GradientError", "Report", "Row", "assert_gradients",
    "check_layer", "check_loss", "check_model", "check_optimizer", "check_package",
]
