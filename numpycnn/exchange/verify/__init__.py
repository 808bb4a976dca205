"""The same weights in another system: outputs, gradients and training steps compared, layer by layer."""

from .compare import AGAINST, Report, verify

__all__ = ["AGAINST", "Report", "verify"]
