"""Which runs of layers execute as one block, and the blocks. Delete the rules and everything still works, slower."""

from .activated import Activated
from .block import Block
from .convolution import ConvReLU, ConvReLUPool, DirectConv, DirectConvStride1
from .dense import DenseReLU
from .normalised import ConvNormalised, Normalised
from .plan import RULES, make_plan
from .pooling import PoolReLU
from .winograd import WinogradConv, WinogradConvReLU, WinogradConvStride2

__all__ = [
    "RULES", "Activated", "Block", "ConvNormalised", "ConvReLU", "ConvReLUPool", "DenseReLU", "DirectConv",
    "DirectConvStride1", "Normalised", "PoolReLU", "WinogradConv", "WinogradConvReLU",
    "WinogradConvStride2", "make_plan",
]
