"""Every plot shows what it showed when it was looked at: data, texts, colours and sizes, kept in ``plots.json``.

    PYTHONPATH=tests/helpers python tests/evaluation/test_plots_recorded.py   # keeps what they show now
"""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from drawn import described, differences
from figures import FASHION, HISTORY, probabilities_for, random_images

pytest.importorskip("matplotlib")

from numpycnn import SGD, Augment, Conv2D, Dense, Flatten, LayerRatios, MaxPool2D, MeanSquaredError  # noqa: E402
from numpycnn import ReLU, Sequential, confusion_matrix, plots  # noqa: E402
from numpycnn.kernels import using  # noqa: E402
from numpycnn.learn.by_hand import draw_by_hand, trace_by_hand  # noqa: E402
from numpycnn.metrics import calibration  # noqa: E402
from numpycnn.plots.answers import Answer, plot_answers  # noqa: E402
from numpycnn.profile import Profile, ProfileRow  # noqa: E402

KEPT = Path(__file__).with_name("plots.json")


def model_of(shape=(6, 5, 1), filters=3):
    """A small model whose weights are a simple sequence: the same on every machine."""
    layers = [Conv2D(filters, 3, padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(4)]
    model = Sequential(layers, input_shape=shape, seed=0, dtype="float64")
    model.set_weights([np.sin(1.0 + np.arange(w.size)).reshape(w.shape) for w in model.get_weights()])
    model.compile(SGD(0.1), MeanSquaredError())
    return model


def evaluated():
    """Labels and probabilities of 24 images, five of which are mistaken."""
    labels = np.arange(24) % 10
    answers = np.where(np.arange(24) % 5 == 1, (labels + 3) % 10, labels)
    return labels, probabilities_for(answers, top=0.6) * 0.8 + probabilities_for(labels, top=0.9) * 0.2


def ratios(*steps):
    found = LayerRatios()
    found.steps = list(steps)
    at = np.array(steps, float)
    found.gradients = {"0 Conv2D": list(0.01 * (1 + at)), "4 Dense": list(0.1 / (1 + at))}
    found.updates = {"0 Conv2D": [1e-3] * len(steps), "4 Dense": [2e-4] * len(steps)}
    return found


def answers():
    names = [str(i) for i in range(12)]
    picture, image = np.full((30, 40), 255, np.uint8), random_images(1, "float32")[0][..., None]
    picture[5:25, 15:20] = 0
    likely = np.arange(12.0) / 66
    yield Answer("a.png", picture, image, names, ["faint"], [(5, 15, 25, 20)], probabilities=likely)
    yield Answer("b.png", picture, image, names, boxes=[(5, 15, 25, 20)] * 2, text="12\n3", probabilities=likely)
    yield Answer("c.png", picture, image, names, ["nothing there"], [(0, 0, 30, 40)], True, probabilities=likely)
    few = np.array([0.1, 0.7, 0.2])
    yield Answer("d.png", picture, image, ["cat", "dog", "a " * 60], ["a long note " * 12], [(1, 2, 3, 4)],
                 probabilities=few)


def figures():
    """Yield the name and the function that draws it."""
    images, (labels, shares) = random_images(24), evaluated()
    model, x = model_of(), random_images(7, "float64", (6, 5))[..., None]
    dense = ProfileRow("Dense", 3e-3, forward_seconds=1e-3, forward_flops=10**9, backward_flops=2 * 10**9, bytes=10**7)
    block = ProfileRow("Conv2D, ReLU", 3e-3, forward_flops=10**9, backward_flops=2 * 10**9, bytes=3 * 10**7,
                       executed_flops=10**9)
    yield "samples", lambda: plots.plot_samples(images, labels, rows=2, class_names=FASHION)
    yield "predictions", lambda: plots.plot_predictions(images, labels, shares, rows=1, mistake_rows=1)
    yield "mistakes", lambda: plots.plot_mistakes(images, labels, shares, rows=1, class_names=FASHION)
    yield "augmentation", lambda: plots.plot_augmentation(images[:3], Augment(shift=0.2), rows=2, versions=3)
    yield "curves", lambda: plots.plot_curves(HISTORY)
    yield "one epoch", lambda: plots.plot_curves({name: values[:1] for name, values in HISTORY.items()})
    yield "matrix", lambda: plots.plot_confusion_matrix(confusion_matrix(labels, shares), FASHION)
    yield "reliability", lambda: plots.plot_reliability(calibration(labels, shares, bins=8))
    yield "filters", lambda: plots.plot_filters(model.layers[0])
    yield "colour filters", lambda: plots.plot_filters(model_of((6, 5, 3), 7).layers[0], most=5)
    yield "feature maps", lambda: plots.plot_feature_maps(model, x[:1], class_names=FASHION[:4])
    yield "saliency", lambda: plots.plot_saliency(model, x[0])
    yield "occlusion", lambda: plots.plot_occlusion(model, x[0], size=2)
    yield "favourites", lambda: plots.plot_favourites(model, x, filters=2, most=3)
    yield "components", lambda: plots.plot_components(model, x, np.arange(7) % 4)
    yield "loss slice", lambda: plots.plot_loss_slice(model, x, np.eye(4)[np.arange(7) % 4], points=5)
    yield "ratios", lambda: plots.plot_ratios(ratios(0, 2, 4))
    yield "ratios of a step", lambda: plots.plot_ratios(ratios(0))
    yield "roofline", lambda: plots.plot_roofline(
        Profile([dense, block], dense, 64, 20, "float32", 2, peak=5e11, bandwidth=1e10))  # fmt: skip
    yield "answers", lambda: plot_answers(list(answers()))
    yield "by hand", lambda: draw_by_hand(trace_by_hand())


def description(name):
    with using("reference"):
        return described(dict(figures())[name]())


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", [name for name, _ in figures()])
def test_shows_what_it_showed(name):
    known = json.loads(KEPT.read_text())
    assert list(differences(description(name), known[name])) == []
    assert set(known) == {name for name, _ in figures()}


def test_sixty_pictures_are_drawn_in_seconds_and_none_over_another(tmp_path):
    many = [answer for _ in range(15) for answer in answers()]
    begin = time.perf_counter()
    figure = plot_answers(many)
    plots.save_figure(figure, tmp_path / "answers.png", dpi=30)
    assert time.perf_counter() - begin < 60  # about 3; a layout that matplotlib seeks takes minutes
    boxes = [axes.get_position().extents for axes in figure.axes]  # each left, bottom, right, top
    assert len(boxes) == 15 * (3 + 1 + 3 + 3) and np.min(boxes) >= 0 and np.max(boxes) <= 1
    for k, (left, bottom, right, top) in enumerate(boxes):
        for other in boxes[:k]:
            assert left >= other[2] or right <= other[0] or bottom >= other[3] or top <= other[1]


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(description(name))}" for name, _ in figures())
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
