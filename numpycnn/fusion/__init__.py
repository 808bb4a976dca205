"""Which runs of layers execute as one block, and the blocks. Delete the rules and everything still works, slower."""

from .activated import Activated
from .block import Block
from .convolution import ConvReLU, ConvReLUPool, DirectConv
from .dense import DenseReLU
from .normalised import ConvNormalised, Normalised
from .plan import RULES, make_plan
from .pooling import PoolReLU
from .strided import WinogradConvStride2
from .winograd import WinogradConv, WinogradConvReLU

__all__ = [
    "RULES", "Activated", "Block", "ConvNormalised", "ConvReLU", "ConvReLUPool", "DenseReLU", "DirectConv",
    "Normalised", "PoolReLU", "WinogradConv", "WinogradConvReLU", "WinogradConvStride2", "make_plan",
]
