"""Old place of ``plot_model``."""

from .pictures import model_to_dot, plot_model

__all__ = ["model_to_dot", "plot_model"]
