"""Does a layer keep the contract? Some forty checks that anyone who writes one can run on it.

    from numpycnn import testing

    testing.check_layer(MyLayer(8), input_shape=(28, 28, 1))

The contract is that of ``numpycnn.layers.base.Layer``: what ``Sequential`` relies on. The gradients are among the
checks; ``numpycnn.gradcheck.check_layer`` is that one alone, with a report of its numbers.
"""

from .check import CHECKS, ContractError, check_layer

__all__ = ["CHECKS", "ContractError", "check_layer"]
