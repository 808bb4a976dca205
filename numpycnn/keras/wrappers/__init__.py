"""Old place of the wrappers for scikit-learn."""

from . import scikit_learn

__all__ = ["scikit_learn"]
