"""Learn how a CNN works: a training step, number by number; exercises with a judge that names the mistake.

``python -m numpycnn.learn`` lists everything.
"""

from .tracing import Reached, Step, Trace, trace

__all__ = ["Reached", "Step", "Trace", "trace"]
