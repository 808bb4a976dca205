"""Images and figures for the tests of the plots: what is drawn, and what to read in a picture."""

import numpy as np

FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
HISTORY = {
    "accuracy": [0.94, 0.98, 0.99],
    "loss": [0.20, 0.06, 0.03],
    "val_accuracy": [0.98, 0.985, 0.984],
    "val_loss": [0.07, 0.05, 0.055],
}


def random_images(n=6, dtype="uint8", shape=(28, 28)):
    pixels = np.random.default_rng(0).integers(0, 256, (n, *shape))
    return pixels.astype(dtype) if dtype == "uint8" else (pixels / 255).astype(dtype)


def probabilities_for(classes, num_classes=10, top=0.82):
    """Rows that give `top` to the class asked for and share the rest out."""
    probs = np.full((len(classes), num_classes), (1 - top) / (num_classes - 1))
    probs[np.arange(len(classes)), classes] = top
    return probs


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_images()]


def drawn_images(figure):
    return [np.asarray(ax.get_images()[0].get_array()) for ax in figure.axes if ax.get_images()]


def boxes_overlap(boxes):
    return any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[i + 1 :])


def luminance(color):
    """WCAG 2.1: linear light, weighted as the eye does."""
    from matplotlib.colors import to_rgb  # where matplotlib is missing, the tests of plots skip

    weights = (0.2126, 0.7152, 0.0722)
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip(weights, to_rgb(color))
    )
