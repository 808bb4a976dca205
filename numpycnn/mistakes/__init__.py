"""Right solutions of what a network is made of, and a library of the mistakes that people make in them."""

from . import solutions
from .library import Mistake, edited, source_of
from .systematic import in_other_styles, systematic
from .tables import MISTAKES

__all__ = ["MISTAKES", "Mistake", "edited", "in_other_styles", "solutions", "source_of", "systematic"]
