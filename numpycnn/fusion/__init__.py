"""Which runs of layers execute as one block, and the blocks. Delete the rules and everything still works, slower."""

from .activated import Activated
from .block import Block
from .convolution import ConvReLU, ConvReLUPool, DirectConv, DirectConvStride1
from .dense import DenseReLU
from .plan import RULES, make_plan
from .pooling import PoolReLU

__all__ = [
    "RULES", "Activated", "Block", "ConvReLU", "ConvReLUPool", "DenseReLU", "DirectConv", "DirectConvStride1",
    "PoolReLU", "make_plan",
]
