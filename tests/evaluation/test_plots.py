"""The pictures of images and predictions, and of any figure: what was drawn is what was given, and it can be read."""

import os
import subprocess
import sys

import numpy as np
import pytest
from figures import FASHION, HISTORY, boxes_overlap, drawn_images, luminance, probabilities_for, random_images, titles
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

pytest.importorskip("matplotlib")

import matplotlib  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from numpycnn.plots import plot_confusion_matrix, plot_curves, plot_predictions, plot_samples, save_figure  # noqa: E402
from numpycnn.plots.style import percent  # noqa: E402


# ---------------------------------------------------------------- samples


def test_samples_draw_the_images_under_their_labels():
    images = random_images(20)
    figure = plot_samples(images, np.arange(20) % 10, rows=2, cols=3)
    assert isinstance(figure, Figure)
    assert titles(figure) == ["0", "1", "2", "3", "4", "5"]
    np.testing.assert_array_equal(drawn_images(figure), images[:6])


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (32, 32, 3), (5, 9)])
def test_samples_take_every_form_of_image(dtype, shape):
    images = random_images(3, dtype, shape)
    figure = plot_samples(images, [0, 1, 2])
    expected = images[..., 0] if shape[-1] == 1 else images
    np.testing.assert_array_equal(drawn_images(figure), expected)


@pytest.mark.parametrize(
    ("images", "white"),
    [
        (np.full((2, 4, 4), 7, np.uint8), 255),
        (np.full((2, 4, 4), 0.5), 1),
        (np.full((2, 4, 4), 90, np.int64), 255),
        (np.full((2, 4, 4), True), 1),
    ],
)
def test_grey_means_the_same_in_every_image(images, white):
    for ax in plot_samples(images, [0, 1]).axes:
        (image,) = ax.get_images()
        assert image.get_clim() == (0, white)
        assert image.get_interpolation() == "nearest"
        assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


def test_a_grid_larger_than_the_images_shrinks():
    figure = plot_samples(random_images(5), np.arange(5), rows=4, cols=3)
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 3)
    assert len(titles(figure)) == 5
    assert [ax.axison for ax in figure.axes] == [True] * 5 + [False]


def test_one_hot_labels_and_names():
    figure = plot_samples(random_images(2), np.eye(10)[[9, 0]], class_names=FASHION)
    assert titles(figure) == ["Ankle boot", "T-shirt/top"]


@pytest.mark.parametrize(
    ("images", "labels", "kwargs", "error", "message"),
    [
        (np.zeros((28, 28)), [0], {}, ValueError, r"got \(28, 28\); .*image\[None\]"),
        (np.zeros((2, 784)), [0, 1], {}, ValueError, "reshape"),
        (np.zeros((2, 8, 8, 2)), [0, 1], {}, ValueError, r"got \(2, 8, 8, 2\)"),
        (np.zeros((0, 8, 8)), [], {}, ValueError, "at least one image"),
        (np.zeros((2, 8, 8)), [0], {}, ValueError, "labels: expected one for each of 2 images"),
        (np.zeros((2, 8, 8)), [0, 0.5], {}, ValueError, "labels: expected classes"),
        (np.full((2, 8, 8), 200.0), [0, 1], {}, ValueError, "floats from 0 to 1, got 200"),
        (np.full((2, 8, 8), np.nan), [0, 1], {}, ValueError, "floats from 0 to 1, got nan"),
        (np.full((2, 8, 8), -1), [0, 1], {}, ValueError, "integers from 0 to 255, got -1"),
        (np.full((2, 8, 8), 1j), [0, 1], {}, TypeError, "complex128"),
        (np.zeros((2, 8, 8)), [0, 2], {"class_names": ["a", "b"]}, ValueError, "got 2"),
        (np.zeros((2, 8, 8)), [0, 1], {"class_names": "ab"}, TypeError, "sequence of strings"),
    ],
)
def test_bad_samples_get_a_clear_error(images, labels, kwargs, error, message):
    with pytest.raises(error, match=message):
        plot_samples(images, labels, **kwargs)


# ---------------------------------------------------------------- predictions


def test_predictions_mark_the_wrong_ones_in_four_ways():
    labels, predicted = np.array([7, 2, 5]), np.array([7, 2, 6])
    figure = plot_predictions(random_images(3), labels, probabilities_for(predicted))
    assert titles(figure) == [
        "7 (82%)\ntrue: 7",
        "2 (82%)\ntrue: 2",
        "\N{BALLOT X} 6 (82%)\ntrue: 5",
    ]
    for ax, wrong in zip(figure.axes, [False, False, True]):
        framed = [spine.get_visible() for spine in ax.spines.values()]
        assert framed == [wrong] * 4
        assert (ax.title.get_fontweight() == "bold") == wrong
        red, green, blue = to_rgb(ax.title.get_color())
        assert (red > green + 0.3) == wrong
        if wrong:
            assert ax.spines["left"].get_linewidth() >= 3
    assert figure.get_suptitle().startswith("2 of 3 images right (66.67%)\n")
    assert group_titles(figure) == ["All 3 images: 2 of 3 right"]


def group_titles(figure):
    return [part.get_suptitle() for part in figure.subfigs]


def test_predictions_count_what_is_shown_and_all():
    labels = np.zeros(8, int)
    probs = probabilities_for([0, 0, 0, 0, 1, 1, 1, 0])
    figure = plot_predictions(random_images(8), labels, probs, rows=1, cols=5)
    assert group_titles(figure) == ["The first 5 of 8 images: 4 of 5 right"]
    assert figure.get_suptitle().startswith("5 of 8 images right (62.50%)")
    assert [title.startswith("\N{BALLOT X}") for title in titles(figure)] == [False] * 4 + [True]


def test_chosen_mistakes_are_a_group_of_their_own():
    """18 first images and 6 chosen mistakes under one title would read as an accuracy of 75 %."""
    labels = np.zeros(100, int)
    predicted = np.zeros(100, int)
    predicted[[1, 40, 60, 80, 90]] = 7
    images, probs = random_images(100), probabilities_for(predicted)
    figure = plot_predictions(images, labels, probs, rows=2, cols=3, mistake_rows=1)
    assert figure.get_suptitle().startswith("95 of 100 images right (95.00%)\n")
    assert group_titles(figure) == [
        "The first 6 of 100 images: 5 of 6 right", "The first 3 of 4 mistakes among the other 94",
    ]
    np.testing.assert_array_equal(drawn_images(figure), images[[0, 1, 2, 3, 4, 5, 40, 60, 80]])
    figure = plot_predictions(images, labels, probs, rows=2, cols=3, mistake_rows=2)
    assert group_titles(figure)[1] == "All 4 mistakes among the other 94"
    figure = plot_predictions(images[2:30], labels[2:30], probs[2:30], mistake_rows=2)
    assert group_titles(figure) == ["The first 24 of 28 images: 24 of 24 right"]  # four rows of six; no mistakes
    with pytest.raises(ValueError, match="mistake_rows"):
        plot_predictions(images, labels, probs, mistake_rows=-1)


@given(st.floats(0, 1), st.integers(0, 2))
def test_a_probability_is_never_rounded_to_what_it_is_not(share, decimals):
    """"0 (100.0%), true: 8 (0.0%)" says that the impossible happened."""
    text = percent(share, decimals)
    number, smallest = float(text.strip("<>%")), 10.0**-decimals
    if text[0] == "<":
        assert number == smallest and share < smallest / 100
    elif text[0] == ">":
        assert number == pytest.approx(100 - smallest) and share > (100 - smallest) / 100
    else:
        assert abs(100 * share - number) <= 0.5001 * smallest and 0 < number < 100
    exactly = percent(share, decimals, exact=True)
    assert (exactly == f"{0:.{decimals}f}%") == (share == 0) and (exactly == f"{100:.{decimals}f}%") == (share == 1)


def test_accuracies_are_exact():
    assert percent(1, 2, exact=True) == "100.00%" and percent(0, 2, exact=True) == "0.00%"
    nearly = np.diag([99_999, 1])
    nearly[0, 1] = 1
    assert plot_confusion_matrix(nearly).axes[0].get_title() == "100,000 of 100,001 right (>99.99%)"
    probs = probabilities_for([3], top=1.0)
    assert titles(plot_predictions(random_images(1), [3], probs)) == ["3 (>99%)\ntrue: 3"]


def test_long_names_do_not_run_into_each_other():
    labels = np.arange(10)
    probs = probabilities_for(np.r_[9, 0, 2, 9, 9, 0, 2, 9, 9, 0])  # the longest names, bold
    figure = plot_predictions(random_images(10), labels, probs, cols=5, class_names=FASHION)
    figure.draw_without_rendering()
    boxes = [ax.title.get_window_extent() for ax in figure.axes] + [
        figure.texts[0].get_window_extent(), figure.subfigs[0].texts[0].get_window_extent(),
    ]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert not boxes_overlap(boxes)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[2.0, -1.0], [0.5, 0.5]], "logits become probabilities"),
        ([0, 1], [[0.9, 0.9], [0.5, 0.5]], "a sum of 1"),
        ([0, 1], [[np.nan, 1.0], [0.5, 0.5]], "a sum of 1"),
        ([0, 1], [0.5, 0.5], r"shape \(N, K\)"),
        ([0, 1], [[0.5, 0.5]], "probabilities: expected one for each of 2 images, got 1"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "labels: expected classes from 0 to 1, .* got 2"),
    ],
)
def test_bad_predictions_get_a_clear_error(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        plot_predictions(random_images(2), labels, probabilities)
    with pytest.raises(TypeError, match="real numbers"):
        plot_predictions(random_images(2), labels, [["a", "b"], ["c", "d"]])


def test_predictions_need_exactly_a_name_for_each_column():
    for names in (FASHION[:9], (*FASHION, "Hat")):
        with pytest.raises(ValueError, match="a name for each of 10 classes"):
            plot_predictions(random_images(1), [0], probabilities_for([0]), class_names=names)


# ---------------------------------------------------------------- files and good manners


def test_save_figure_writes_a_png_of_the_size_asked_for(tmp_path):
    figure = plot_curves(HISTORY)
    path = tmp_path / "curves.png"
    path.write_bytes(b"an older picture")
    save_figure(figure, str(path), dpi=50)
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    # Width and height are the first fields of the first chunk, after its length and name.
    width, height = np.frombuffer(content, ">u4", count=2, offset=16)
    np.testing.assert_allclose([width, height], 50 * figure.get_size_inches(), atol=1)
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


def test_a_failed_save_leaves_the_older_picture(tmp_path, monkeypatch):
    figure = plot_curves(HISTORY)
    path = tmp_path / "curves.png"
    path.write_bytes(b"an older picture")

    def fail_half_way(file, **kwargs):
        file.write(b"half a pict")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, path)
    assert path.read_bytes() == b"an older picture"
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


def test_save_figure_refuses_other_names(tmp_path):
    for name in ("curves.pdf", "curves"):
        with pytest.raises(ValueError, match="ends in .png"):
            save_figure(plot_curves(HISTORY), tmp_path / name)


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    names = ["$\\bad$", "5 $ or $6"]  # the first is no formula: drawn as one, it raises
    save_figure(plot_samples(random_images(2), [0, 1], class_names=names), tmp_path / "a.png", 40)
    figure = plot_confusion_matrix(np.eye(2, dtype=int), names)
    save_figure(figure, tmp_path / "b.png", dpi=40)
    assert figure.axes[0].get_xticklabels()[1].get_text() == "5 $ or $6"


def test_the_users_settings_are_neither_used_nor_changed():
    settings = {"figure.facecolor": "black", "text.color": "white", "image.origin": "lower"}
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        figure = plot_predictions(random_images(1), [0], probabilities_for([0]))
        with pytest.raises(ValueError):
            plot_curves({})
        assert dict(matplotlib.rcParams) == before
    assert to_rgb(figure.get_facecolor()) == (1, 1, 1)
    assert luminance(figure.axes[0].title.get_color()) < 0.05
    assert figure.axes[0].get_images()[0].origin == "upper"


def test_importing_is_light_and_drawing_never_touches_pyplot(tmp_path):
    code = """
import sys
import numpy as np
import numpycnn
from numpycnn import metrics, plots
from numpycnn.kernels import using
assert "matplotlib" not in sys.modules, "importing numpycnn.plots imported matplotlib"
images = np.zeros((2, 8, 8))
figures = [
    plots.plot_samples(images, [0, 1]),
    plots.plot_predictions(images, [0, 1], np.eye(2)),
    plots.plot_curves({"loss": [1.0]}),
    plots.plot_confusion_matrix(np.eye(2, dtype=int)),
    plots.plot_mistakes(images, [1, 0], np.eye(2)),
    plots.plot_reliability(metrics.calibration([0, 1], np.eye(2))),
    plots.plot_augmentation(images, lambda x, rng: x),
]
with using("reference"):  # nothing to compile
    model = numpycnn.Sequential([numpycnn.Conv2D(2, 3)], input_shape=(8, 8, 1), seed=0)
    figures += [plots.plot_filters(model.layers[0]), plots.plot_feature_maps(model, images[0])]
for number, figure in enumerate(figures):
    plots.save_figure(figure, f"{sys.argv[1]}/{number}.png", dpi=30)
import matplotlib
assert "matplotlib.pyplot" not in sys.modules, "a picture imported pyplot"
backend = dict.__getitem__(matplotlib.rcParams, "backend")
assert not isinstance(backend, str), f"a picture chose the backend {backend}"
"""
    environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("*.png"))) == 9


PYPLOT = """
import sys
import warnings
import numpy as np
import matplotlib
matplotlib.use(sys.argv[1])
import matplotlib.pyplot as plt
import threading
from numpycnn import plots
warnings.simplefilter("error")
figures = [plots.plot_curves({"loss": [number]}) for number in range(30)]
own = plt.figure()
known = [plt.figure(number) for number in plt.get_fignums()]
print(len(known), figures[-1] in known, own in known)
plots.save_figure(figures[0], sys.argv[2], dpi=30)
assert figures[0]._repr_png_()[:4] == b"\\x89PNG"
worker = threading.Thread(target=lambda: plots.plot_curves({"loss": [1.0]}))
worker.start()
worker.join()
print(len(plt.get_fignums()))
"""


@pytest.mark.parametrize("backend, counts", [("agg", ["11 True True", "11"]), ("inline", ["1 False True", "1"])])
def test_pyplot_shows_the_figures_where_it_is_used(tmp_path, backend, counts):
    """It knows the last ten: with more it would warn. In a notebook, which shows figures by itself, it knows none."""
    (tmp_path / "inline.py").write_text("from matplotlib.backends.backend_agg import *\n")
    module = "module://inline" if backend == "inline" else backend
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    result = subprocess.run(
        [sys.executable, "-c", PYPLOT, module, str(tmp_path / "a.png")],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:-1] == counts and (tmp_path / "a.png").exists()
