"""Where numbers live: parameters in one arena, work space that is kept from step to step, the model's lock."""

from ..kernels.aligned import empty_aligned
from .locking import Lock
from .parameter import Arena, Parameter, all_finite
from .workspace import Workspace

__all__ = ["Arena", "Lock", "Parameter", "Workspace", "all_finite", "empty_aligned"]
