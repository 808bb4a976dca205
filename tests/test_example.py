"""The example as a user runs it: what it prints, what it writes, what it says when something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import numpycnn

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "train_mnist.py"
needs_mnist = pytest.mark.skipif(
    not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set, so there is no real MNIST to train on"
)


def run(*options):
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), *map(str, options)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One short run; all tests look at what it left."""
    folder = tmp_path_factory.mktemp("run") / "results"
    return folder, run("--limit", 1500, "--epochs", 2, "--batch-size", 50, "--seed", 3, "--output-dir", folder)


@needs_mnist
def test_prints_summary_progress_and_result(finished):
    _, process = finished
    assert process.returncode == 0, process.stderr
    expected = "225,034", "879.04 KB", "Epoch 1/2: 27/27", "Epoch 2/2", "val_accuracy", "macro avg", "Test accuracy: 0."
    for text in expected:
        assert text in process.stdout, text


@needs_mnist
def test_writes_every_file(finished):
    folder, _ = finished
    assert sorted(path.name for path in folder.iterdir()) == [
        "confusion_matrix.png", "curves.png", "history.json", "metrics.json", "model.npz", "predictions.png",
        "report.txt", "samples.png",
    ]
    for picture in folder.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG\r\n") and picture.stat().st_size > 10_000, picture


@needs_mnist
def test_metrics_and_history_agree_with_the_model(finished):
    folder, _ = finished
    metrics = json.loads((folder / "metrics.json").read_text())
    history = json.loads((folder / "history.json").read_text())
    assert sorted(metrics) == [
        "batch_size", "dataset", "epochs", "parameters", "seed", "test_accuracy", "test_loss", "train_accuracy",
        "train_seconds",
    ]
    assert (metrics["dataset"], metrics["parameters"], metrics["epochs"]) == ("MNIST", 225_034, 2)
    assert (metrics["batch_size"], metrics["seed"]) == (50, 3)
    assert metrics["train_accuracy"] == history["accuracy"][-1]
    assert metrics["train_seconds"] == pytest.approx(sum(history["seconds"]))
    assert [len(history[name]) for name in ("accuracy", "loss", "val_accuracy", "val_loss")] == [2] * 4
    assert 0.7 < metrics["test_accuracy"] < 1  # 1,500 images, two epochs: about 0.87

    _, (images, labels) = numpycnn.load_mnist()
    model = numpycnn.Sequential.load(folder / "model.npz")
    loss, accuracy = model.evaluate(images[..., None].astype(np.float32) / 255, labels)
    assert accuracy == metrics["test_accuracy"]
    assert loss == pytest.approx(metrics["test_loss"], rel=1e-6)


@pytest.mark.parametrize("options, fragment", [
    (["--data-dir", "no/such/folder"], "no/such/folder"),
    (["--epochs", 0], "--epochs"),
    (["--batch-size", -1], "--batch-size"),
    (["--lr", "nan"], "learning_rate"),
    (["--schedule", "linear"], "--schedule"),
    (["--limit", 1], "--limit"),
    (["--seed", -1], "--seed"),
    (["--validation-split", 1.5], "validation_split"),
])
def test_bad_options_get_one_clear_line(tmp_path, options, fragment):
    if "--data-dir" not in options and not os.environ.get("NUMPYCNN_DATA") and fragment[0] != "-":
        pytest.skip("NUMPYCNN_DATA is not set, so the data would be the error")
    process = run("--output-dir", tmp_path / "out", *options)
    assert process.returncode != 0
    assert fragment in process.stderr
    assert "Traceback" not in process.stderr
