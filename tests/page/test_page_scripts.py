"""The page's JavaScript, run by Node.js, computes what Python does: each layer, prepared digits, resized pictures.

A change to ``numpycnn/data/own_digit`` that fails here has to be made in ``numpycnn/page/scripts``, too.
"""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from page_scripts import in_node, needs_node
from test_page import classifier

import numpycnn as nc
from numpycnn.command import predict
from numpycnn.data import inputs
from numpycnn.data.own_digit.turned import DEGREES, turned
from numpycnn.kernels import using
from numpycnn.metrics import Confidence, fit_class_distance, fit_confidence
from numpycnn.page.write import part


def agrees(model, x):
    """Compare each layer's output, in parts of its largest number, and the probabilities."""
    needs_node()
    found = in_node(model, inputs=x)["inputs"]
    with using("reference"):  # nothing to compile
        expected, probabilities = model.activations(x), model.predict(x)
    for n, one in enumerate(found):
        for layer, ours, theirs in zip(model.layers, one["activations"], expected, strict=True):
            off = abs(np.reshape(ours, theirs[n].shape) - theirs[n]).max()
            assert off <= 4e-5 * abs(theirs[n]).max(), layer
        assert abs(np.array(one["probabilities"]) - probabilities[n]).max() < 1e-5


def shaken(model):
    """Give every parameter and statistic a value that matters."""
    rng = np.random.default_rng(1)
    for p in model.parameters:
        p.value[...] += rng.normal(0, 0.2, p.value.shape)
    for layer in model.layers:
        if isinstance(layer, nc.BatchNorm):
            layer.moving_mean = rng.normal(0, 1, layer.moving_mean.shape)
            layer.moving_variance = rng.uniform(0.5, 2, layer.moving_mean.shape)
    return model


def test_every_layer_on_images():
    layers = [
        nc.Rescale(2.0, -0.5), nc.Conv2D(4, (3, 2), strides=(1, 2), padding="same"), nc.LeakyReLU(0.2), nc.BatchNorm(),
        nc.ZeroPad2D(((1, 0), (2, 1))), nc.Conv2D(6, 3, dilation_rate=(1, 2), groups=2, use_bias=False), nc.ELU(0.7),
        nc.MaxPool2D(2, strides=1, padding="same"), nc.DepthwiseConv2D(3, padding=1, depth_multiplier=2), nc.SiLU(),
        nc.AvgPool2D(3, strides=2, padding=1), nc.BatchNorm(center=False), nc.SpatialDropout2D(0.5), nc.ReLU(),
        nc.GaussianNoise(0.1), nc.SeparableConv2D(12, (1, 2), depth_multiplier=2), nc.GELU(),
        nc.LayerNorm(), nc.SeparableConv2D(12, 1, use_bias=False), nc.LayerNorm(1e-2, center=False), nc.GELU(True),
        nc.Reshape((-1, 12)), nc.Softmax(), nc.Flatten(), nc.Dense(8), nc.Tanh(),
        nc.BatchNorm(scale=False), nc.Dropout(0.5), nc.Dense(5, use_bias=False), nc.Sigmoid(), nc.Dense(3),
    ]
    x = np.random.default_rng(0).random((3, 7, 9, 3), np.float32)
    agrees(shaken(classifier(*layers, input_shape=(7, 9, 3))), x)


@pytest.mark.parametrize("pooling", [nc.GlobalAvgPool2D, nc.GlobalMaxPool2D])
def test_global_pooling(pooling):
    model = shaken(classifier(nc.Conv2D(3, 2, strides=2), pooling(), nc.Dense(4), input_shape=(6, 5, 1)))
    agrees(model, np.random.default_rng(0).random((2, 6, 5, 1), np.float32))


def test_what_to_think_of_an_answer_is_as_in_python():
    needs_node()
    maps = nc.Conv2D(2, 1), nc.Flatten(), nc.Dense(6)
    model = classifier(*maps, nc.ReLU(), nc.Dense(3), input_shape=(4, 3, 1))
    rng = np.random.default_rng(0)
    labels, x = rng.integers(3, size=300), rng.random((300, 4, 3, 1), np.float32)
    x += 2 * (np.arange(4) == labels[:, None])[:, :, None, None]  # a bright row for each class
    model.set_weights([2 * weight for weight in model.get_weights()])
    with using("reference"):
        distance = fit_class_distance(labels, model.features(x), model.features(x), refused=0.3)
        shares = model.predict(x)
        model.confidence = fit_confidence(shares.argmax(axis=1), shares, error=0.0, distance=distance)
        model.confidence = replace(model.confidence, temperature=1.3, threshold=0.7)
        found = in_node(model, inputs=x[:60])["inputs"]
        expected = model.confidence.judge(shares[:60], model.features(x[:60]))
        distances = distance(model.features(x[:60]))
    np.testing.assert_allclose([one["distance"] for one in found], distances, rtol=1e-3)
    assert [one["verdict"] for one in found] == expected and len(set(expected)) == 3


def a_four(height, width, ink, paper, rng=None, noise=0.0, shadow=0.0):
    """Draw a 4 into a picture, uint8 (H, W)."""
    y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]
    strokes = [((0.2, 0.45), (0.6, 0.3)), ((0.6, 0.3), (0.6, 0.7)), ((0.35, 0.6), (0.8, 0.58))]
    away = np.full((height, width), 9.0)
    for (ay, ax), (by, bx) in strokes:
        along = np.clip(((y - ay) * (by - ay) + (x - ax) * (bx - ax)) / ((by - ay) ** 2 + (bx - ax) ** 2), 0, 1)
        away = np.minimum(away, np.hypot(y - ay - along * (by - ay), x - ax - along * (bx - ax)))
    shade = paper + (ink - paper) * np.clip((0.045 - away) / 0.02, 0, 1)
    shade = shade * (1 - shadow / (1 + np.exp(-30 * (x - 0.5)))) * (1 - shadow * 0.5 * y)
    if noise:
        shade = shade + rng.normal(0, noise, shade.shape)
    return np.rint(255 * np.clip(shade, 0, 1)).astype(np.uint8)


def pictures():
    rng = np.random.default_rng(3)
    four = a_four(60, 50, 0.0, 1.0)
    colours = np.stack([four, 255 - four // 2, np.full_like(four, 90)], axis=-1)
    spots = a_four(90, 90, 0.1, 0.9)
    spots[5:7, 5:8] = 20
    clear = np.zeros((40, 40, 4), np.uint8)
    clear[..., 3] = 255 - a_four(40, 40, 0.0, 1.0)  # black ink on nothing
    far = np.full((620, 560), 230, np.uint8)
    far[40:90, 300:350] = a_four(50, 50, 0.1, 0.9)
    ruled, framed = a_four(150, 130, 0.1, 0.9), a_four(140, 160, 0.1, 0.9)
    ruled[12::22] = np.minimum(ruled[12::22], 150)
    framed[[10, 11, 128, 129], 12:150] = framed[10:130, [12, 13, 148, 149]] = 40
    red = np.full((60, 50, 3), 150, np.uint8)
    red[four < 128] = 200, 130, 120  # as bright as the paper, of another colour
    dirty = np.pad(a_four(80, 80, 0.1, 0.9), 20, mode="edge")
    dirty[40:80, :4] = 20
    return [
        ruled, framed, framed.T.copy(), red, dirty, four, 255 - four, colours, spots, clear, far, spots[:70],
        np.zeros((5, 8), np.uint8), four[:1], a_four(64, 64, 0.5, 0.58), a_four(70, 90, 0.2, 0.8, rng, 0.1),
        a_four(100, 80, 0.1, 0.9, rng, 0.02, 0.6),
        a_four(9, 7, 0.0, 1.0), np.full((1, 1), 7, np.uint8), rng.integers(0, 256, (30, 30), np.uint8),
        nc.load_synthetic_digits(1, seed=0)[0][0],
    ]


def prepared_alike(given):
    """Compare what the page makes of pictures with `prepare_digit`; return all notes."""
    needs_node()
    notes = set()
    for picture, ours in zip(given, in_node(pictures=given)["pictures"], strict=True):
        theirs = nc.prepare_digit(picture)
        assert (ours["empty"], ours["notes"]) == (theirs.empty, theirs.notes)
        assert theirs.empty or (tuple(ours["box"]), ours["inverted"]) == (theirs.box, theirs.inverted)
        np.testing.assert_allclose(np.reshape(ours["image"], (28, 28)), theirs.image, rtol=0, atol=1e-5)
        notes.update(theirs.notes)
    return notes


def test_pictures_are_prepared_as_in_python():
    assert len(prepared_alike(pictures())) >= 8


def test_hard_pictures_are_prepared_as_in_python(monkeypatch):
    """Each kind of the benchmark's once: whoever betters `prepare_digit` on one sees here that the page lags."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    hard = importlib.import_module("hard_pictures")
    images, _ = nc.load_synthetic_digits(20, seed=0)
    rng = np.random.default_rng(1)
    drawn = [draw(hard.enlarged(images[5], 90), rng) for draw in (*hard.KINDS.values(), *hard.EMPTY.values())]
    given = [np.rint(255 * picture).astype(np.uint8) for picture in drawn]
    assert {"the paper's lines left out", "a box's frame left out"} <= prepared_alike(given)


def test_digits_are_turned_as_in_python():
    """By odd angles, too, at which no pixel falls on another."""
    needs_node()
    four, degrees = a_four(90, 70, 0.1, 0.9), [*DEGREES, 7, 100.5]
    found = in_node(pictures=[four], degrees=degrees)["pictures"][0]["turned"]
    for ours, each in zip(found, degrees, strict=True):
        theirs = turned(nc.prepare_digit(four).image, each)
        np.testing.assert_allclose(np.reshape(ours, (28, 28)), theirs, rtol=0, atol=1e-5)


def test_all_notes_are_those_of_the_command(capsys):
    """What `numpycnn predict` prints below its answers, line by line, and what it thinks of them."""
    needs_node()
    model = classifier(nc.Flatten(), nc.Dense(10))
    upright = a_four(90, 70, 0.1, 0.9)
    given = [upright, np.rot90(upright).copy(), *pictures()[:9]]
    seen, lying = (nc.prepare_digit(picture).image.ravel() for picture in given[:2])
    towards = seen - lying  # a network that knows the upright 4 alone
    model.set_weights([np.outer(towards, np.eye(10)[4]), -np.eye(10)[4] * (towards @ (seen + lying)) / 2])
    model.confidence = Confidence(1.0, 0.9, 0.01, 1.0)
    with using("reference"):
        form, printed = predict.input_format(model, None, "model"), lambda name, error: pytest.fail(str(error))
        answers = predict.ask(model, form, iter([("", picture) for picture in given]), printed, "one")
        expected = [answer.notes for answer in answers]
    assert [ours["notes"] for ours in in_node(model, pictures=given)["pictures"]] == expected
    assert ["may lie on its side" in " ".join(notes) for notes in expected[:2]] == [False, True]


@pytest.mark.parametrize("name", ["ink", "lines", "prepare"])
def test_the_page_knows_python_s_numbers(name):
    """A check that needs no Node.js: each constant of the module stands in the script of that name."""
    module = importlib.import_module(f"numpycnn.data.own_digit.{name}")
    source = Path(module.__file__).read_text("utf-8")
    names = [each for line in re.findall(r"^([A-Z][A-Z_, ]+) = ", source, re.M) for each in line.split(", ")]
    expected = {each: float(getattr(module, each)) for each in names}
    found = {}
    for given, values in re.findall(r"^const (.+) = (.+?);", part(f"scripts/{name}.js"), re.M):
        if re.fullmatch(r"\[?[A-Z][A-Z_, ]+\]?", given):
            numbers = values.removeprefix("rounded").strip("[]()").split(", ")
            found.update(zip(given.strip("[]").split(", "), numbers, strict=True))
    quotients = {each: [float(x) for x in text.split(" / ")] for each, text in found.items()}
    assert len(expected) > 5
    assert {each: x[0] / (x[1] if x[1:] else 1) for each, x in quotients.items()} == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("shape", [(20, 30, 3), (12, 12, 1)])
def test_pictures_are_resized_as_in_python(shape):
    needs_node()
    model = classifier(nc.Flatten(), nc.Dense(3), input_shape=shape)
    for picture, ours in zip(pictures(), in_node(model, pictures=pictures())["pictures"], strict=True):
        theirs = inputs.resized(picture, shape[:2], shape[2] == 1).reshape(-1)
        steps = 255 * np.array(ours["image"]) - theirs
        assert abs(steps).max() < 1.01 and (abs(steps) > 0.01).mean() < 0.01  # halves may round either way
