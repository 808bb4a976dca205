"""Learn how a CNN works: exercises with a judge that names the mistake.

    from numpycnn import learn

    print(learn.check("conv2d_backward", my_function).message)

``python -m numpycnn.learn`` lists everything. Nothing here compiles a kernel.
"""

from .blanks import start
from .course import check_231n
from .exercises import EXERCISES
from .judge import CONTRACT, Verdict, check

__all__ = ["CONTRACT", "EXERCISES", "Verdict", "check", "check_231n", "start"]
