"""Learn how a CNN works: a training step, number by number; exercises with a judge that names the mistake.

    from numpycnn import learn

    print(learn.check("conv2d_backward", my_function).message)

``python -m numpycnn.learn`` lists everything. The judge compiles no kernel.
"""

from .blanks import start
from .course import check_231n
from .exercises import EXERCISES
from .judge import check
from .tracing import Reached, Step, Trace, trace
from .verdict import CONTRACT, Verdict

__all__ = ["CONTRACT", "EXERCISES", "Reached", "Step", "Trace", "Verdict", "check", "check_231n", "start", "trace"]
