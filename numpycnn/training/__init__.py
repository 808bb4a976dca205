"""The training loop, and what stands beside it: the data, the state of a run, progress, Ctrl-C."""

from .loop import fit, step, train_step
from .run import FitOptions, History, Run

__all__ = ["FitOptions", "History", "Run", "fit", "step", "train_step"]
