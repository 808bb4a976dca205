"""The example as a user runs it: what it prints, what it writes, what it says when something is wrong."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pooch
import pytest
from processes import empty_leftovers, leftovers

import numpycnn
from numpycnn.command import recipes, train
from numpycnn.command.main import make_parser
from numpycnn.data import mnist

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "train_mnist.py"
needs_mnist = pytest.mark.skipif(
    not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set, so there is no real MNIST to train on"
)


def run(*options):
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), *map(str, options)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=900,
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
        "backup.npz", "confusion_matrix.png", "curves.png", "feature_maps.png", "filters.png", "history.json",
        "metrics.json", "mistakes.png", "model.npz", "predictions.png", "reliability.png", "report.txt", "samples.png",
    ]
    for picture in folder.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG\r\n") and picture.stat().st_size > 10_000, picture


@needs_mnist
def test_metrics_and_history_agree_with_the_model(finished):
    folder, _ = finished
    metrics = json.loads((folder / "metrics.json").read_text())
    history = json.loads((folder / "history.json").read_text())
    assert sorted(metrics) == [
        "augmented", "batch_size", "dataset", "epochs", "expected_calibration_error", "images", "learning_rate",
        "parameters", "recipe", "schedule", "seed", "test_accuracy", "test_dataset", "test_loss", "top_2_accuracy",
        "train_accuracy", "train_seconds", "validation_split",
    ]
    assert (metrics["recipe"], metrics["dataset"], metrics["test_dataset"]) == ("cnn", "MNIST", "MNIST")
    assert (metrics["parameters"], metrics["epochs"]) == (225_034, 2)
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


@pytest.mark.parametrize("options, fragment", [(["--epochs", 0], "--epochs"), (["--lr", "nan"], "learning_rate")])
def test_an_error_is_one_line_and_no_traceback(tmp_path, options, fragment):
    process = run("--output-dir", tmp_path / "out", *options)
    assert process.returncode != 0 and process.stderr.splitlines()[-1].startswith("train_mnist")
    assert fragment in process.stderr and "Traceback" not in process.stderr


# -- killed and resumed


def start(folder, *options):
    """Train the MLP for four epochs of ten steps."""
    command = [sys.executable, "-W", "error", str(EXAMPLE), "--recipe", "mlp", "--model-file", "model.npz",
               "--epochs", "4", "--limit", "711", "--output-dir", str(folder), *options]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    output, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    return output


@needs_mnist
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
def test_killed_and_resumed_it_ends_with_the_same_model(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start(whole))
    process = start(killed)
    for line in process.stdout:
        if line.startswith("Epoch 3/4"):
            break
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert sorted(os.listdir(killed)) == sorted(["backup.npz", *leftovers(killed)[:1]])  # no more than one save
    epochs = [line for line in finish(start(killed, "--resume")).splitlines() if line.startswith("Epoch ")]
    assert epochs and not any(line.startswith("Epoch 1/4") for line in epochs)
    assert (killed / "model.npz").read_bytes() == (whole / "model.npz").read_bytes()
    assert sorted(os.listdir(killed)) == sorted([*os.listdir(whole), *empty_leftovers(killed)])


# -- recipes and data sets, in this process and on little data


@pytest.fixture
def example(monkeypatch):
    """The subcommand that the example calls; its pictures are left out, `finished` has them."""
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    return train


def main(*options):
    """Run the example in this process; errors are raised, not told."""
    parser = make_parser(train, "train_mnist")
    train.run(parser.parse_args(list(map(str, options))), parser)


def parse(*options):
    """Return the options as the example has them, and the recipe."""
    parser = make_parser(train, "train_mnist")
    found = parser.parse_args(options)
    return found, train.complete(found, parser)


@pytest.fixture
def call(example, tmp_path):
    """Run the example with these options; return its metrics."""

    def run_main(*options):
        main("--output-dir", tmp_path, *options)
        return json.loads((tmp_path / "metrics.json").read_text())

    return run_main


@pytest.mark.parametrize("options, fragment", [
    (["--data-dir", "no/such/folder"], "no/such/folder"),
    (["--epochs", 0], "--epochs"),
    (["--batch-size", -1], "--batch-size"),
    (["--lr", "nan"], "learning_rate"),
    (["--schedule", "linear"], "--schedule"),
    (["--limit", 1], "--limit"),
    (["--recipe", "resnet"], "--recipe"),
    (["--dataset", "imagenet"], "--dataset"),
    (["--dataset", "synthetic", "--data-dir", "."], "synthetic digits are drawn, not read"),
    (["--seed", -1], "--seed"),
    (["--validation-split", 1.5], "validation_split"),
    (["--validation-split", "half"], "--validation-split: could not convert"),
    (["--model-file", "m.pt"], "--model-file: expected a name that ends in .npz or .keras or .h5 or .hdf5, got m.pt"),
    (["--model-file", "backup.npz"], "--model-file: expected another name"),
    (["--test-on", "fashion_mnist"], "--test-on: expected a set with the classes of MNIST, got Fashion-MNIST"),
])
def test_bad_options_are_named(call, capsys, options, fragment):
    if "--data-dir" not in options and not os.environ.get("NUMPYCNN_DATA") and fragment[0] != "-":
        pytest.skip("NUMPYCNN_DATA is not set, so the data would be the error")
    with pytest.raises((SystemExit, OSError, ValueError, TypeError, ImportError)) as caught:
        call(*options)
    said = f"{caught.value}\n{capsys.readouterr().err}"
    assert fragment in said and "SYNTHETIC" not in said


def generated(shape, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (64, *shape), dtype=np.uint8), np.arange(64, dtype=np.uint8) % 10


@pytest.fixture
def little_data(example, monkeypatch):
    """64 generated images to train on and 64 to test on, in place of each data set's."""
    for name, data_set in example.DATA_SETS.items():
        shape = (32, 32, 3) if name == "cifar10" else (28, 28)
        splits = generated(shape, 0), generated(shape, 1)
        little = dataclasses.replace(data_set, load=lambda data_dir=None, splits=splits: splits)
        monkeypatch.setitem(example.DATA_SETS, name, little)


@pytest.mark.parametrize("name, parameters, epochs, split", [
    ("cnn", 225_034, 10, 0.1), ("deep_cnn", 93_322, 5, 0.2), ("mlp", 316_810, 10, 0.1), ("lenet5", 61_706, 20, 0.1),
    ("augmented", 225_482, 12, 0.1), ("fast", 108_618, 1, 0.0), ("best", 242_762, 40, 0.0),
    ("vgg", 279_306, 30, 0.0),
])
def test_recipes(example, name, parameters, epochs, split):
    recipe = example.RECIPES[name]
    batch_size = 128 if name == "fast" else 64
    assert (recipe.epochs, recipe.batch_size, recipe.validation_split) == (epochs, batch_size, split)
    assert recipe.network(seed=0).count_params() == parameters
    assert recipe.network(seed=0, input_shape=(32, 32, 3), num_classes=7).output_shape == (7,)
    assert recipe.augment == (name in ("augmented", "best", "vgg"))


@pytest.mark.parametrize("recipe", ["cnn", "deep_cnn", "mlp", "lenet5", "augmented", "fast", "best", "vgg"])
def test_every_recipe_learns_and_is_saved(example, call, little_data, tmp_path, capsys, recipe):
    metrics = call("--recipe", recipe, "--epochs", 2)
    assert (metrics["recipe"], metrics["dataset"], metrics["epochs"]) == (recipe, "MNIST", 2)
    saved = tmp_path / ("model.h5" if recipe == "mlp" else "model.npz")
    model = numpycnn.Sequential.load(saved)
    assert model.count_params() == metrics["parameters"]
    found = (model.optimizer.beta1, model.optimizer.beta2), model.loss.label_smoothing
    assert found == (example.RECIPES[recipe].betas, example.RECIPES[recipe].label_smoothing)
    printed = capsys.readouterr().out
    assert "First ten test images: predicted [" in printed and "Confusion matrix" in printed and "macro avg" in printed


@pytest.mark.parametrize("name, title, label", [
    ("fashion_mnist", "Fashion-MNIST", "ankle boot"), ("cifar10", "CIFAR-10", "airplane"),
    ("synthetic", "synthetic digits", "9"),
])
def test_every_data_set(call, little_data, tmp_path, name, title, label):
    metrics = call("--dataset", name, "--recipe", "lenet5", "--epochs", 1, "--augment")
    assert (metrics["dataset"], metrics["test_dataset"]) == (title, title)
    assert label in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize("epochs, augmented", [(1, 1), (2, 1), (3, 2), (6, 3), (8, 5)])
def test_the_best_recipe_ends_on_images_as_they_are(example, call, little_data, monkeypatch, capsys, epochs, augmented):
    """Its last three epochs are plain, but never more than half of all: with three it would not augment at all."""
    distorted = []

    def augment(images, rng):
        distorted.append(len(images))
        return images

    recipe = example.RECIPES["best"]
    assert recipe.plain_epochs == 3
    monkeypatch.setitem(example.RECIPES, "best", dataclasses.replace(recipe, digit_amounts=augment))
    monkeypatch.setattr(recipes, "amounts", lambda augment: "as the test wants it")
    call("--recipe", "best", "--epochs", epochs)
    assert distorted == [2] + [64] * augmented  # two images to compile it, then a batch an epoch
    assert f"The last {epochs - augmented} of {epochs} epochs see the images as they are" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "synthetic"])
@pytest.mark.parametrize("recipe", ["best", "augmented", "cnn"])
def test_images_that_are_no_digits_are_augmented_as_they_should_be(example, name, recipe):
    """A horse is not bent and turned, and may be mirrored; a digit may not."""
    data_set = example.DATA_SETS[name]
    chosen = example.augmentation(example.RECIPES[recipe], data_set)
    if recipe == "cnn":
        assert chosen is None
        return
    digits = name in ("mnist", "synthetic")
    assert chosen.augment.horizontal_flip != digits
    assert (chosen.augment.rotation > 0) == (chosen.augment.elastic > 0) == digits
    assert chosen.augment.shift > 0 and f"Augmentation for {data_set.name}: shift" in chosen.text
    dropped = "the recipe's own amounts are for digits, and are not used" in chosen.text
    assert dropped == (recipe == "best" and not digits)


def test_what_is_done_to_the_images_is_printed(call, little_data, capsys):
    call("--recipe", "best", "--dataset", "cifar10", "--epochs", 1)
    printed = capsys.readouterr().out
    assert "Augmentation for CIFAR-10: shift 0.125, horizontal_flip True; the recipe's own amounts are for" in printed
    assert "The last 0 of 1 epochs see the images as they are (the recipe's 3 would be more than half)" in printed


@pytest.mark.parametrize("recipe", ["cnn", "best"])
def test_resuming(example, call, little_data, monkeypatch, tmp_path, recipe):
    """Ctrl-C keeps a backup; --resume goes on from it, and without it the run begins anew."""
    backup = tmp_path / "backup.npz"
    begun, interrupt_in = [], 2

    def on_epoch_begin(self, epoch):
        begun.append(epoch)
        if len(begun) == interrupt_in:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(example.GoOn, "on_epoch_begin", on_epoch_begin)

    def weights(*options):
        call("--recipe", recipe, "--epochs", 4, *options)
        return [array.tobytes() for array in numpycnn.Sequential.load(tmp_path / "model.npz").get_weights()]

    for options, expected in [((), [0, 1]), (("--resume",), [1, 2, 3])]:
        if options:
            resumed = weights(*options)
        else:
            with pytest.raises(KeyboardInterrupt, match="--resume goes on"):
                weights(*options)
            assert backup.exists()
        assert begun == expected
        begun.clear()
        interrupt_in = 0
    backup.write_bytes(b"of an older run")
    assert weights() == resumed
    (tmp_path / "metrics.json").unlink()  # otherwise it is finished
    backup.write_bytes(b"damaged")
    with pytest.raises(numpycnn.ModelFileError, match="backup.npz"):
        weights("--resume")


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_finished_run_is_not_trained_again(example, call, little_data, monkeypatch, tmp_path, capsys):
    """It used to begin anew and to overwrite the finished run, without a word."""
    metrics = call("--recipe", "lenet5", "--epochs", 3)
    before = files_of(tmp_path)
    monkeypatch.setattr(example, "train", lambda *arguments: pytest.fail("it trained"))
    for epochs in (3, 2):
        assert call("--recipe", "lenet5", "--epochs", epochs, "--resume") == metrics
        said = f"is finished: 3 epochs, test accuracy {metrics['test_accuracy']:.4f}. Nothing was done"
        assert said in capsys.readouterr().out
    for options, fragment in [
        (["--seed", 1], "seed was 0, and is 1"), (["--lr", 0.5], "learning_rate was 0.002, and is 0.5"),
        (["--limit", 50], "images was 64, and is 50"), (["--dataset", "synthetic"], "dataset was MNIST, and is syn"),
    ]:
        with pytest.raises(ValueError, match=f"is finished and another one: {fragment}.*leave out --resume"):
            call("--recipe", "lenet5", "--epochs", 3, "--resume", *options)
    (tmp_path / "backup.npz").unlink()
    with pytest.raises(FileNotFoundError, match="backup.npz, from which it could go on to 4, is gone"):
        call("--recipe", "lenet5", "--epochs", 4, "--resume")
    assert files_of(tmp_path) == {name: content for name, content in before.items() if name != "backup.npz"}
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(ValueError, match="metrics.json: expected the results of a run"):
        call("--recipe", "lenet5", "--epochs", 4, "--resume")


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_more_epochs_go_on_from_where_a_run_stopped(example, call, little_data, tmp_path, capsys, schedule):
    options = "--recipe", "lenet5", "--schedule", schedule
    call(*options, "--epochs", 4)
    whole = numpycnn.Sequential.load(tmp_path / "model.npz").get_weights()
    call(*options, "--epochs", 2)
    first = json.loads((tmp_path / "history.json").read_text())
    capsys.readouterr()
    metrics = call(*options, "--epochs", 4, "--resume")
    printed = capsys.readouterr().out
    assert "Epoch 3/4" in printed and "Epoch 2/4" not in printed and metrics["epochs"] == 4
    history = json.loads((tmp_path / "history.json").read_text())
    assert history["loss"][:2] == first["loss"] and len(history["loss"]) == 4
    resumed = numpycnn.Sequential.load(tmp_path / "model.npz")
    wanted = example.learning_rate(dataclasses.replace(example.RECIPES["lenet5"], schedule=schedule, epochs=4), 64)
    assert resumed.optimizer.learning_rate.get_config() == wanted.get_config() and resumed.optimizer.steps == 4
    same = all(np.array_equal(a, b) for a, b in zip(whole, resumed.get_weights()))
    assert same == (schedule == "constant"), "only a constant rate does not depend on the length"
    assert ("the learning rate would be 0 now, and is 0.001;" in printed) == (schedule == "cosine")
    assert ("Going on with a schedule of another length" in printed) == (schedule != "constant")


def test_other_changes_on_the_way_are_refused(call, little_data, tmp_path):
    call("--recipe", "lenet5", "--epochs", 1)
    (tmp_path / "metrics.json").unlink()  # as if it had been killed
    with pytest.raises(ValueError, match="backup of another run: optimizer"):
        call("--recipe", "lenet5", "--epochs", 2, "--resume", "--lr", 0.5)


def test_resuming_nothing_is_said(call, little_data, tmp_path, capsys):
    call("--recipe", "lenet5", "--epochs", 1, "--resume")
    assert f"--resume: there is no run in {tmp_path} to go on with; it begins now" in capsys.readouterr().out


@pytest.mark.parametrize("output, model_file, fragment", [
    ("file", "model.npz", "--output-dir: expected a folder that can be written to, got .*file .*; name another"),
    ("file/sub", "model.npz", "--output-dir: expected a folder that can be written to"),
    ("out", "../file/model.npz", "--model-file: expected a folder that can be written to"),
    ("out", "", "--model-file"),
    ("out", "folder.npz", "--model-file: expected the name of a file, got the folder"),
])
def test_what_cannot_be_written_is_told_before_the_training(
    example, little_data, monkeypatch, tmp_path, capsys, output, model_file, fragment
):
    (tmp_path / "file").touch()
    (tmp_path / "out" / "folder.npz").mkdir(parents=True)
    monkeypatch.setattr(example, "train", lambda *arguments: pytest.fail("it trained"))
    with pytest.raises((OSError, SystemExit)) as caught:
        main("--output-dir", tmp_path / output, "--model-file", model_file)
    assert re.search(fragment, str(caught.value) + capsys.readouterr().err)


def test_a_folder_that_is_missing_is_made_for_the_model(call, little_data, tmp_path):
    call("--recipe", "lenet5", "--epochs", 1, "--model-file", "models/first/m.npz")
    assert numpycnn.Sequential.load(tmp_path / "models" / "first" / "m.npz").count_params() == 61_706


def test_a_model_that_no_file_can_hold_is_told_before_the_training(example, call, little_data, monkeypatch):
    def refuse(self, path):
        raise ValueError("a layer that Keras does not have")

    monkeypatch.setattr(numpycnn.Sequential, "save", refuse)
    monkeypatch.setattr(numpycnn.Sequential, "fit", lambda *arguments, **options: pytest.fail("it trained"))
    with pytest.raises(ValueError, match="a layer that Keras does not have"):
        call("--recipe", "lenet5", "--epochs", 1)


def test_options_change_the_recipe(example):
    options = "--recipe lenet5 --lr 0.5 --epochs 3 --batch-size 7 --schedule constant --validation-split 0 --augment"
    arguments, recipe = parse(*options.split(), "--model-file", "x.h5")
    assert recipe == example.Recipe(recipe.network, 3, 0.5, "constant", 7, 0.0, True, model_file="x.h5")
    assert recipe.network is example.RECIPES["lenet5"].network
    assert arguments.output_dir == Path("runs/mnist-lenet5")
    arguments, recipe = parse()
    assert recipe == example.RECIPES["cnn"] and arguments.output_dir == Path("runs/mnist")


def test_schedules_end_with_the_training(example):
    recipe = dataclasses.replace(example.RECIPES["cnn"], epochs=2, batch_size=10, validation_split=0.5)
    for name, last in (("cosine", 0.0), ("one_cycle", 1e-7), ("constant", 1e-3)):
        schedule = example.learning_rate(dataclasses.replace(recipe, schedule=name), images=101)
        assert schedule(2 * 5) == pytest.approx(last)  # 5 batches of 50 images, 2 epochs


def test_tests_on_another_set(call, little_data):
    metrics = call("--dataset", "synthetic", "--test-on", "mnist", "--epochs", 1)
    assert (metrics["dataset"], metrics["test_dataset"]) == ("synthetic digits", "MNIST")


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Nothing in the cache, no NUMPYCNN_DATA, and every mirror refuses the connection."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("NUMPYCNN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = (f"http://127.0.0.1:{unused.getsockname()[1]}/",)
        for name in ("MNIST", "FASHION_MNIST"):
            monkeypatch.setattr(mnist, name, dataclasses.replace(getattr(mnist, name), mirrors=refused))
        yield


def test_without_mnist_and_network_it_says_what_it_trains_on(no_network, call, monkeypatch, tmp_path, capsys):
    few = numpycnn.load_synthetic_digits
    monkeypatch.setattr(recipes, "load_synthetic_digits", lambda n, seed: few(n // 500, seed))
    metrics = call("--epochs", 1)
    assert (metrics["dataset"], metrics["test_dataset"]) == ("synthetic digits", "synthetic digits")
    output = capsys.readouterr()
    assert "NO MNIST: TRAINING AND TESTING ON SYNTHETIC DIGITS" in output.err
    assert "MNIST is not on this machine and could not be downloaded" in output.err
    assert "Tested on synthetic digits" in output.out
    with pytest.raises(numpycnn.DownloadError):
        numpycnn.load_mnist()  # which does not replace anything


@pytest.mark.parametrize("options", [
    ["--dataset", "fashion_mnist"], ["--dataset", "synthetic", "--test-on", "mnist"], ["--data-dir", "no/such/folder"],
])
def test_nothing_else_is_replaced(no_network, call, options, capsys):
    with pytest.raises(OSError):
        call(*options)
    assert "SYNTHETIC" not in capsys.readouterr().err


def test_a_missing_h5py_is_told_before_the_training(example, call, little_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr(example, "train", lambda *arguments: pytest.fail("it trained"))
    with pytest.raises(ImportError, match=r"\[keras\]"):
        call("--recipe", "mlp")
