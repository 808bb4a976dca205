"""Pictures of data, training, predictions and networks, as matplotlib figures."""

from .curves import plot_curves
from .evaluation import plot_confusion_matrix, plot_reliability
from .files import save_figure
from .images import plot_augmentation, plot_mistakes, plot_predictions, plot_samples
from .network import plot_feature_maps, plot_filters

__all__ = [
    "plot_augmentation", "plot_confusion_matrix", "plot_curves", "plot_feature_maps", "plot_filters", "plot_mistakes",
    "plot_predictions", "plot_reliability", "plot_samples", "save_figure",
]
