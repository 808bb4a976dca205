"""The trace: every number of a training step, and the same of a model of one's own."""

import argparse
import math
import re

import numpy as np
import pytest
from small_models import make_images

import numpycnn as nc
from numpycnn.learn import trace
from numpycnn.learn.by_hand import by_hand, draw_by_hand, trace_by_hand, written_by_hand
from numpycnn.learn.trace_command import add_arguments, run


def model_of(dtype="float64", penalty=None):
    layers = [
        nc.Conv2D(3, 3), nc.ReLU(), nc.MaxPool2D(2), nc.BatchNorm(), nc.Dropout(0.5), nc.Flatten(),
        nc.Dense(10, kernel_regularizer=penalty),
    ]
    model = nc.Sequential(layers, input_shape=(12, 12, 1), seed=0, dtype=dtype)
    model.compile(nc.SGD(0.01, momentum=0.9), nc.SoftmaxCrossEntropy())  # Adam makes steps of rounding errors, too
    return model


X, Y = make_images(8)
X = X.astype(np.float64)


@pytest.mark.parametrize("steps_before, penalty", [(0, None), (2, None), (1, "l2")])
def test_a_trace_is_the_step_that_training_takes(steps_before, penalty):
    """Outputs, loss, gradients and updated parameters; the model that was traced is as it was."""
    model, twin = model_of(penalty=penalty), model_of(penalty=penalty)
    for _ in range(steps_before):
        for one in (model, twin):
            one.train_on_batch(X, Y)
    before = [w.copy() for w in model.get_weights()]
    found = trace(model, X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert model.optimizer.steps == steps_before
    added = twin.penalty()  # at the weights from before the step
    loss, _ = twin.train_on_batch(X, Y)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    assert (added > 1e-3) == (penalty is not None)
    for step, layer in zip(found.steps, twin.layers):
        assert step.layer == repr(layer)
        for p in layer.parameters:
            np.testing.assert_allclose(step.gradients[p.name], p.grad, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(step.updated[p.name], p.value, rtol=1e-9, atol=1e-12)
    repeated, _ = model.train_on_batch(X, Y)  # the same holes of Dropout: the trace did not draw from its generator
    assert repeated == loss


def test_without_labels_it_is_a_prediction():
    model = model_of()
    found = trace(model, X)
    for step, output in zip(found.steps, model.activations(X), strict=True):
        np.testing.assert_array_equal(step.output, output)
        assert step.doutput is None and step.gradients == step.updated == {}
    assert found.loss is found.dx is found.labels is None
    np.testing.assert_allclose(found.predictions, model.predict(X), rtol=1e-12)
    assert found.steps[0].bytes == found.steps[0].output.nbytes + (9 * 3 + 3) * 8


def test_the_gradient_at_the_input_is_that_of_the_loss():
    model = model_of()
    model.layers[4].rate = 0.0  # no holes
    found = trace(model, X, Y)
    direction = np.random.default_rng(0).standard_normal(X.shape)
    h = 1e-6
    slope = (trace(model, X + h * direction, Y).loss - trace(model, X - h * direction, Y).loss) / (2 * h)
    assert slope == pytest.approx((found.dx * direction).sum(), rel=1e-6)


@pytest.mark.parametrize("frozen", [0, 6])
def test_what_is_frozen_stays(frozen):
    model = model_of()
    model.layers[frozen].trainable = False
    found = trace(model, X, Y)
    step = found.steps[frozen]
    assert step.gradients == {}
    assert all(np.array_equal(step.updated[name], value) for name, value in step.parameters.items())
    assert not np.array_equal(found.steps[3].updated["gamma"], found.steps[3].parameters["gamma"])
    str(found)


def test_the_way_of_a_pixel():
    """A pixel in the middle reaches 3 x 3 outputs of a 3 x 3 convolution, and what the pooling makes of those."""
    model = model_of()
    model.layers[0].parameters[0].value = np.ones((3, 3, 1, 3))
    image = np.full((1, 12, 12, 1), 1.0)
    conv, relu, pool, _, dropout, flat, dense = (step.path for step in trace(model, image, pixel=(5, 6)).steps)
    assert (conv.changed, conv.first, conv.last, conv.change) == (27, (3, 4, 0), (5, 6, 2), -1)
    assert relu == conv and pool.changed < 27 and pool.first >= (1, 2, 0) and dropout.changed == flat.changed
    assert dense.changed == 10 and dense.first == (0,) and dense.last == (9,)
    off = trace(model, np.zeros((1, 12, 12, 1)), pixel=(0, 0)).steps[0].path  # 0 is set to 1
    assert (off.changed, off.first, off.last, off.strongest, off.change) == (3, (0, 0, 0), (0, 0, 2), (0, 0, 0), 1)
    model.layers[0].parameters[0].value = np.zeros((3, 3, 1, 3))
    nothing = trace(model, image, pixel=(0, 0))
    assert all(step.path.changed == 0 and step.path.first == () for step in nothing.steps)
    assert "changes none of 300 outputs" in str(nothing)


def test_other_losses_and_inputs_can_be_traced():
    model = nc.Sequential([nc.Dense(3), nc.Tanh()], input_shape=(4,), seed=0)
    x, y = np.ones((2, 4), np.float32), np.ones((2, 3), np.float32)
    assert "prediction: 2 x 3" in str(trace(model, x))
    model.compile(nc.SGD(0.1), nc.MeanSquaredError())
    assert trace(model, x, y).loss == pytest.approx(model.train_on_batch(x, y), rel=1e-6)
    layers = nc.Sequential([nc.Flatten()], input_shape=(2, 2))
    layers.compile(nc.SGD(), nc.MeanSquaredError())
    assert trace(layers, np.ones((1, 2, 2)), np.zeros((1, 4))).steps[0].updated == {}


@pytest.mark.parametrize("call, error, message", [
    (lambda: trace(nc.Dense(1), X), TypeError, "expected a Sequential"),
    (lambda: trace(nc.Sequential([nc.Dense(1)]), X), RuntimeError, "not built"),
    (lambda: trace(nc.Sequential([nc.Dense(1)], input_shape=(2,)), [[1, 2]], [0]), RuntimeError, "must be compiled"),
    (lambda: trace(model_of(), X[:, :5]), ValueError, r"expected shape \(N, 12, 12, 1\)"),
    (lambda: trace(model_of(), X, Y[:3]), ValueError, "8"),
    (lambda: trace(model_of(), X, pixel=(12, 0)), ValueError, "a row below 12"),
    (lambda: trace(model_of(), X, pixel=(1,)), ValueError, r"pixel: expected a pair \(row, column\), got \(1,\)"),
    (lambda: trace(model_of(), X, pixel=5), ValueError, "pixel: expected a pair"),
    (lambda: trace(nc.Sequential([nc.Dense(1)], input_shape=(2,)), [[1, 2]], pixel=(0, 0)), ValueError, "of images"),
])
def test_what_cannot_be_traced_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- by hand


def test_every_sum_that_is_written_out_is_right():
    """Each line NAME = SUM = RESULT: the sum, computed from what stands there, gives the result to four digits."""
    text = written_by_hand(trace_by_hand())
    lines = re.findall(r"^ +[\w\[\], ]+ = ([^=]+) = (\S+)$", text, re.M)
    names = {"sqrt": math.sqrt, "exp": math.exp, "log": math.log}
    wrong = [(line, result) for line, result in lines if abs(eval(line, {}, names) - float(result)) > 2e-3]
    assert len(lines) == 28 and wrong == []


def test_the_tiny_network_has_what_it_promises():
    found = trace_by_hand()
    conv = found.steps[0].output[0, ..., 0]
    assert conv.max() == conv[0, 0] == conv[1, 1], "a tie in the pooling"
    assert conv.min() < 0 and (conv == 0).any(), "something that ReLU cuts, and a 0"
    assert found.steps[1].doutput[0, ..., 0].tolist() == [[found.steps[3].doutput[0, 0], 0], [0, 0]]
    compiled = trace(by_hand(), found.x, found.labels)
    for a, b in zip(found.steps, compiled.steps):
        np.testing.assert_allclose(a.output, b.output, rtol=1e-14)
        np.testing.assert_allclose(a.doutput, b.doutput, rtol=1e-14)


def test_the_picture_shows_the_numbers():
    figure = draw_by_hand(trace_by_hand())
    texts = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert {"3", "-2", "1.5", "-0.5", "0.881", "0.119", "-0.881"} <= texts
    assert any("1.00 → 0.90" in text for text in texts)


# -- the command


def command(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([*map(str, words)]))


def test_the_command_without_a_model(tmp_path, capsys):
    assert command("--draw", tmp_path / "trace.png") == 0
    assert "y[0, 0] = 0 + 2 * 1 + 0 * (-1) + 1 * (-1) + 2 * 1 = 3" in capsys.readouterr().out
    assert (tmp_path / "trace.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_with_a_model_of_ones_own(tmp_path, capsys):
    model_of("float32").save(tmp_path / "model.npz")
    np.save(tmp_path / "image.npy", X[0])
    assert command(tmp_path / "model.npz", tmp_path / "image.npy", "--label", 3, "--draw", tmp_path / "maps.png") == 0
    printed = capsys.readouterr().out
    assert "1. Conv2D(filters=3, kernel_size=(3, 3)), 1,320 bytes" in printed and "loss " in printed
    assert "pixel (" in printed and "after the step" in printed and (tmp_path / "maps.png").exists()
    command(tmp_path / "model.npz", tmp_path / "image.npy", "--pixel", 0, 0)
    printed = capsys.readouterr().out
    assert "pixel (0, 0): changes" in printed and "loss" not in printed


def test_the_command_reads_a_picture_of_a_digit(tmp_path, capsys):
    from PIL import Image

    model = nc.Sequential([nc.Flatten(), nc.Dense(10)], input_shape=(28, 28, 1), seed=0)
    model.save(tmp_path / "model.npz")
    Image.fromarray(nc.load_synthetic_digits(1)[0][0]).save(tmp_path / "digit.png")
    assert command(tmp_path / "model.npz", tmp_path / "digit.png") == 0
    assert "input: 1 x 28 x 28 x 1, from 0 to 1" in capsys.readouterr().out


def test_what_the_command_cannot_do_is_said(tmp_path):
    model_of().save(tmp_path / "model.npz")
    np.save(tmp_path / "image.npy", X[0, :5])
    for words, message in [
        (["--label", 3], "--label and --pixel are for a model of yours"),
        ([tmp_path / "model.npz"], "expected an image after the model"),
        ([tmp_path / "model.npz", tmp_path / "digit.png"], "only pictures of digits"),
        ([tmp_path / "model.npz", tmp_path / "image.npy"], r"expected an array of shape \(12, 12, 1\), got \(5, 12"),
    ]:
        with pytest.raises(ValueError, match=message):
            command(*words)
