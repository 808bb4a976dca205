"""Pictures of data, training, predictions and networks, as matplotlib figures.

To see one: `save_figure(figure, "file.png")`; in a notebook the figure as a cell's last line, or `display(figure)`; in
a script ``import matplotlib.pyplot as plt`` at the top, and ``plt.show()`` in the end.
"""

from .curves import plot_curves
from .evaluation import plot_confusion_matrix, plot_reliability
from .files import save_figure
from .images import plot_augmentation, plot_mistakes, plot_predictions, plot_samples
from .inside import (
    plot_components, plot_favourites, plot_loss_slice, plot_occlusion, plot_ratios, plot_saliency,
)  # fmt: skip
from .network import plot_feature_maps, plot_filters
from .roofline import plot_roofline

__all__ = [
    "plot_augmentation", "plot_components", "plot_confusion_matrix", "plot_curves", "plot_favourites",
    "plot_feature_maps", "plot_filters", "plot_loss_slice", "plot_mistakes", "plot_occlusion", "plot_predictions",
    "plot_ratios", "plot_reliability", "plot_roofline", "plot_saliency", "plot_samples", "save_figure",
]
