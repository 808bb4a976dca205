"""The training loop, and what stands beside it: the data, the state of a run, progress, Ctrl-C."""

from .loop import evaluate, fit, step, train_step
from .run import FitOptions, History, Run

__all__ = ["FitOptions", "History", "Run", "evaluate", "fit", "step", "train_step"]
