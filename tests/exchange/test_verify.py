"""Verification: agreement where there is none to doubt, and a difference is found and placed."""

import shutil
import sys

import numpy as np
import onnx
import pytest
from exchanged_models import MODELS, changed, made
from small_models import make_images, small_cnn

import numpycnn as nc
from numpycnn import Sequential, architectures
from numpycnn.command import main
from numpycnn.exchange import verify as room
from numpycnn.exchange.onnx import to_onnx
from numpycnn.exchange.verify import compare, onnx_peer, verify


@pytest.mark.parametrize("name", ["Conv2D", "idle", "Flatten twice", "activations"])
def test_onnx_runtime_agrees_layer_by_layer(name):
    model, x = made(name)
    before = model.get_weights()
    report = verify(model, "onnx", x)
    assert report.agrees and len(report.outputs) == len(model.layers) and np.isnan(report.gradients).all()
    assert "they agree" in str(report) and report.against.startswith("ONNX Runtime")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_a_wrong_layer_is_found(monkeypatch):
    def wrong(model):
        proto = to_onnx(model)
        (bias,) = [t for t in proto.graph.initializer if t.name == "3_Conv2D.bias"]
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(0.01), bias.name))
        return proto

    monkeypatch.setattr(onnx_peer, "to_onnx", wrong)
    report = verify(small_cnn(), "onnx")
    assert not report.agrees and "they DIFFER" in str(report)
    assert max(report.outputs[:3]) < 1e-6 < 1e-3 < min(report.outputs[3:4])


class Numpycnn:
    """A peer that is this package itself, with an error of its own."""

    EPSILON_HAT = False
    error = 0.0

    def version(self):
        return "itself"

    def outputs(self, model, x):
        return model.activations(x)

    def train(self, model, x, y, steps):
        twin = Sequential([type(layer)(**layer.get_config()) for layer in model.layers], model.input_shape,
                          dtype="float64")  # fmt: skip
        twin.set_weights(model.get_weights())
        twin.compile(nc.Adam(**compare.ADAM), nc.SoftmaxCrossEntropy())
        gradients = []
        for _ in range(steps):
            twin.train_on_batch(x, y)
            gradients = gradients or [[p.grad + self.error for p in layer.parameters] for layer in twin.layers]
        return gradients, [[p.value for p in layer.parameters] for layer in twin.layers]


@pytest.mark.parametrize("error", [0.0, 1e-7])
def test_training_is_compared(error, monkeypatch):
    peer = Numpycnn()
    peer.error = error
    monkeypatch.setitem(sys.modules, "numpycnn.exchange.verify.torch_peer", peer)
    model = changed(Sequential([nc.Dense(4, kernel_regularizer="l2"), nc.Dropout(0.5), nc.ReLU(), nc.Dense(3)], (5,)))
    report = verify(model, "torch")
    assert report.agrees == (error == 0)
    assert [np.isnan(g) for g in report.gradients] == [False, True, True, False]
    assert max(np.nanmax(report.gradients), np.nanmax(report.weights)) == pytest.approx(error, abs=1e-12)


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ((None, "onnx"), TypeError, "model: expected a Sequential"),
    ((Sequential([nc.Dense(2)]), "onnx"), RuntimeError, "not built"),
    ((small_cnn(), "tensorflow"), ValueError, "against: expected one of"),
    ((small_cnn(), "onnx", np.zeros((2, 3))), ValueError, r"images: expected shape \(N, 12, 12, 1\)"),
])  # fmt: skip
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        verify(*arguments)


def test_the_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model, (x, _) = small_cnn(), make_images()
    model.save("model.npz")
    assert main(["export", "--to", "onnx", "model.npz"]) == 0
    np.testing.assert_allclose(Sequential.load("model.onnx").predict(x), model.predict(x), atol=1e-6)
    assert main(["export", "--to", "torch", "model.npz", "--output", "new/net.safetensors"]) == 0
    assert "nn.Conv2d(1, 6, 3)" in (tmp_path / "new/net.py").read_text() and (tmp_path / "new/net.safetensors").exists()
    assert main(["verify", "--against", "onnx", "model.npz"]) == 0
    table, verdict = capsys.readouterr().out.split("Largest")
    assert "they agree" in verdict and max(map(len, table.splitlines())) <= 80
    with pytest.raises(SystemExit, match="2"):
        main(["export", "--to", "onnx", "nowhere.npz"])
    monkeypatch.setattr(compare, "OUTPUTS", 0.0)
    assert main(["verify", "--against", "onnx", "model.npz"]) == 1
    assert "they DIFFER" in capsys.readouterr().out and set(room.AGAINST) == {"c", "keras", "onnx", "torch"}


@pytest.mark.campaign
@pytest.mark.parametrize("against", ["c", "keras", "onnx", "torch"])
@pytest.mark.parametrize("name", [*architectures.__all__, *MODELS])
def test_every_network_in_every_system(name, against):
    """Where the system is installed: outputs, gradients and ten Adam steps."""
    if against != "c":
        pytest.importorskip("onnxruntime" if against == "onnx" else against, reason="too large for every test run")
    elif shutil.which("cc") is None:
        pytest.skip("there is no C compiler (cc)")
    model = made(name)[0] if name in MODELS else getattr(architectures, name)(seed=0)
    try:
        report = verify(model, against)
    except ValueError as error:
        pytest.skip(str(error))  # what Keras or PyTorch does not have
    assert report.agrees, str(report)
