"""Several processes that train together do what one does; most tests' processes are threads, two are MPI's."""

import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from communicators import on_threads, worst_difference
from places import TESTS, python_path
from PIL import Image
from small_models import make_images, make_vectors, small_mlp

from numpycnn import (
    SGD,
    Augment,
    BackupAndRestore,
    BatchNorm,
    Callback,
    Conv2D,
    CSVLogger,
    Dense,
    Dropout,
    EarlyStopping,
    GaussianNoise,
    GlobalAvgPool2D,
    ModelCheckpoint,
    ReLU,
    Sequential,
    SpatialDropout2D,
    TerminateOnNaN,
)
from numpycnn.exchange import distributed
from numpycnn.layers.share import Share

X, Y = make_vectors(21)
WHOLE = dict(batch_size=8, epochs=3, verbose=0, validation_split=0.2, seed=1)


def mlp(seed=0, **options):
    layers = [
        Dense(8, kernel_regularizer="l2"), BatchNorm(), ReLU(), Dropout(0.3), GaussianNoise(0.1), Dense(6), BatchNorm(),
        Dense(3),
    ]  # fmt: skip
    model = Sequential(layers, input_shape=(6,), seed=seed, dtype="float64", **options)
    model.compile(SGD(0.1, momentum=0.9, global_clipnorm=1.0), "sparse_categorical_crossentropy", ["f1_score"])
    return model


def trained(communicator=None, make=mlp, x=X, y=Y, callbacks=(), **options):
    """Return weights and history; the processes' models start from different seeds."""
    model = make(0 if communicator is None else communicator.rank)
    history = model.fit(x, y, communicator=communicator, callbacks=[*callbacks], **{**WHOLE, **options})
    return model.get_weights(), history.history


def check_same(size, **options):
    weights, history = trained(**options)
    results, _ = on_threads(size, lambda c: trained(c, **options))
    for result in results:
        if isinstance(result, BaseException):
            raise result
        assert worst_difference(result[0], weights) < 1e-12
        assert all(np.allclose(result[1][name], history[name], rtol=0, atol=1e-12) for name in history)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(result[0], results[0][0]))  # for everybody the same bits


@pytest.mark.parametrize("size", [2, 3, 9])  # of the last ones some have no rows, of a batch of 8 or of 1
def test_several_take_the_steps_of_one(size):
    check_same(size, class_weight={1: 3.0})


@pytest.mark.parametrize("reduction", ["mean", "sum", "weighted_mean"])
def test_weights_of_rows_count_in_the_whole_batch(reduction):
    from numpycnn import SoftmaxCrossEntropy

    def make(seed):
        model = small_mlp(seed, SGD(0.01), dtype="float64")
        model.compile(model.optimizer, SoftmaxCrossEntropy(reduction=reduction), weighted_metrics=["accuracy"])
        return model

    weights = np.random.default_rng(0).random(len(X)) * (np.arange(len(X)) % 4 > 0)
    check_same(3, make=make, sample_weight=weights)


def test_images_are_augmented_and_dropped_by_their_place_in_the_batch():
    def make(seed):
        layers = [Conv2D(5, 3), BatchNorm(), ReLU(), SpatialDropout2D(0.3), Dropout(0.3), GlobalAvgPool2D(), Dense(4)]
        model = Sequential(layers, input_shape=(12, 12, 1), seed=seed, dtype="float64")
        model.compile(SGD(0.1), "sparse_categorical_crossentropy")
        return model

    x, y = make_images(21)
    check_same(3, make=make, x=x, y=y, epochs=2, augment=Augment(shift=0.1, rotation=10, elastic=8))
    check_same(2, make=make, x=x, y=y, epochs=1, augment=lambda images, rng: images + rng.normal(size=images.shape))


@pytest.mark.parametrize("elastic", [0, 10])
def test_parts_of_a_batch_are_augmented_as_the_whole(elastic):
    """To the bit, where chunks end within a part, too."""
    images = np.random.default_rng(0).random((260, 5, 6, 1), np.float32)
    augment, whole = Augment(rotation=20, zoom=0.1, elastic=elastic, horizontal_flip=True), np.random.default_rng(1)
    expected = augment(images, whole)
    for first, last in ((0, 100), (100, 258), (258, 260), (255, 256)):
        rng = np.random.default_rng(1)
        assert np.array_equal(augment.of_part(images[first:last], rng, first, 260), expected[first:last])
        assert rng.bit_generator.state == whole.bit_generator.state  # all have drawn the same


def test_batches_that_are_handed_out_are_shared_too():
    batches = [(X[i : i + 7], Y[i : i + 7]) for i in range(0, 21, 7)]
    check_same(2, x=batches, y=None, validation_split=0.0, batch_size=32)


def test_the_first_process_alone_writes_and_prints(tmp_path, capsys):
    def work(communicator):
        folder = tmp_path / str(communicator.rank)
        folder.mkdir()
        callbacks = [CSVLogger(folder / "log.csv"), ModelCheckpoint(folder / "model.npz"), TerminateOnNaN(),
                     BackupAndRestore(folder / "backup.npz", delete_checkpoint=False)]  # fmt: skip
        return trained(communicator, callbacks=callbacks, verbose=2)

    results, _ = on_threads(2, work)
    assert not any(isinstance(result, BaseException) for result in results), results
    assert sorted(os.listdir(tmp_path / "0")) == ["backup.npz", "log.csv", "model.npz"]
    assert os.listdir(tmp_path / "1") == []
    assert capsys.readouterr().out.count("Epoch 3/3") == 1


class Ends(Callback):
    """Ends the training at a step: on all processes, or on one of them."""

    def __init__(self, step, how):
        self.left, self.how = step, how

    def on_batch_end(self, batch, logs):
        self.left -= 1
        if self.left == 0:
            self.how(self)


def raises(error):
    def how(callback):
        raise error

    return how


@pytest.mark.parametrize("then", [2, 3, 1])
def test_a_backup_goes_on_on_any_number_of_processes(tmp_path, then, capfd):
    """The first one alone has the file: the others' folders are those of other machines."""
    def work(communicator, *callbacks):
        folder = tmp_path / str(communicator.rank)
        backup = BackupAndRestore(folder / "backup.npz", save_freq=1)
        return trained(communicator, callbacks=[*callbacks, backup])

    whole, _ = on_threads(2, trained)
    results, aborted = on_threads(2, lambda c: work(c, Ends(4, raises(KeyboardInterrupt()))))
    assert aborted and {type(result).__name__ for result in results} <= {"Ended"}
    assert "goes on from the last backup" in capfd.readouterr().err
    results, aborted = on_threads(then, lambda c: work(c, Ends(0, None)))
    assert not aborted
    for weights, history in results:
        assert worst_difference(weights, whole[0][0]) <= (0 if then == 2 else 1e-12)
        assert list(history) == list(whole[0][1])


def test_ctrl_c_of_one_process_ends_all_after_the_same_step(tmp_path, capsys):
    def noted(callback):
        callback.run.interruption.noted = True

    def work(communicator):
        backup = BackupAndRestore(tmp_path / f"{communicator.rank}.npz")
        ends = Ends(1, noted if communicator.rank == 1 else lambda callback: None)
        model = mlp()
        history = model.fit(X, Y, communicator=communicator, callbacks=[ends, backup], **WHOLE)
        return history.interrupted, model.optimizer.steps

    results, aborted = on_threads(3, work)
    assert results == [(True, 2)] * 3 and not aborted
    assert os.listdir(tmp_path) == ["0.npz"]
    assert capsys.readouterr().out.count("interrupted") == 1


def test_all_stop_where_one_does():
    def work(communicator):
        stops = Ends(2, lambda callback: setattr(callback.model, "stop_training", communicator.rank == 1))
        model = mlp()
        model.fit(X, Y, communicator=communicator, callbacks=[stops, EarlyStopping("loss")], **WHOLE)
        return model.optimizer.steps

    assert on_threads(2, work) == ([2, 2], [])


def test_an_error_in_a_callback_of_one_is_an_error_of_all():
    def work(communicator):
        how = raises(OSError("the disk is full")) if communicator.rank == 1 else lambda callback: None
        return trained(communicator, callbacks=[Ends(2, how)])

    (first, second), aborted = on_threads(2, work)
    assert isinstance(second, OSError) and not aborted
    assert isinstance(first, RuntimeError) and str(first) == "process 1 of 2 failed: OSError: the disk is full"


def test_an_error_that_one_meets_alone_ends_all(capfd):
    def work(communicator):
        def augment(images, rng):
            if communicator.rank == 1:
                raise MemoryError("no more")
            return images

        return trained(communicator, augment=augment)

    results, aborted = on_threads(2, work)
    assert aborted[0] == (1, 1) and {type(result).__name__ for result in results} == {"Ended"}
    assert "fit: process 1 of 2 failed (MemoryError), so all of them end" in capfd.readouterr().err


@pytest.mark.parametrize(
    "change, name",
    [
        (dict(x=X + 1), "x"), (dict(y=(Y + 1) % 3), "y"), (dict(batch_size=4), "batch_size"),
        (dict(make=small_mlp), "layers"),
    ],
)
def test_different_data_layers_or_options_are_refused(change, name):
    results, aborted = on_threads(2, lambda c: trained(c, **(change if c.rank == 1 else {})))
    assert not aborted
    assert isinstance(results[1], ValueError) and str(results[1]).startswith(f"{name}: expected the same on all")
    assert isinstance(results[0], RuntimeError) and "process 1 of 2 failed: ValueError" in str(results[0])


def test_wrong_arguments_are_an_ordinary_error_everywhere():
    results, aborted = on_threads(2, lambda c: trained(c, y=Y[:5]))
    assert not aborted and all(isinstance(result, ValueError) for result in results)


def test_nan_is_found_by_all_of_them():
    x = X.copy()
    x[17, 0] = np.nan

    def work(communicator):
        stopper, model = TerminateOnNaN(), mlp()
        with np.errstate(all="ignore"):
            model.fit(x, Y, communicator=communicator, callbacks=[stopper], **{**WHOLE, "validation_split": 0.0})
        return model.nonfinite, stopper.stopped

    results, _ = on_threads(3, work)
    assert results[0] == results[1] == results[2] and results[0][0].startswith("NaN or infinity in x, row 17 ")


def test_a_lone_process_is_as_without_a_communicator():
    (alone,), _ = on_threads(1, trained)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(alone[0], trained()[0]))


@pytest.mark.parametrize("total", [0, 1, 5, 6, 64])
def test_rows_are_cut_without_a_gap(total):
    def work(communicator):
        share = Share(communicator)
        share.cut(total)
        return share.part

    parts = on_threads(3, work)[0]
    assert [row for part in parts for row in range(total)[part]] == list(range(total))
    assert max(part.stop - part.start for part in parts) - min(part.stop - part.start for part in parts) <= 1


def test_who_kills_the_program_is_told_how_to_go_on():
    """SIGKILL, which the program cannot answer; of one that comes to its end nothing is said, as `finished` checks."""
    from numpycnn.exchange.distributed import DIED

    program = "import os; from numpycnn.exchange.distributed import watch; watch(); os.kill(os.getpid(), 9)"
    env = {**os.environ, "PYTHONPATH": python_path(TESTS.parent)}
    found = subprocess.run([sys.executable, "-c", program], env=env, stderr=subprocess.PIPE, text=True)
    assert (abs(found.returncode), found.stderr) == (9, DIED)


PROGRAM = """
import os, sys
import numpy as np
from pathlib import Path
sys.path[:0] = [{helpers!r}, {here!r}]
from numpycnn.exchange.distributed import start
import test_parallel

communicator = start()
folder = Path(sys.argv[2])
(folder / f"pid{{communicator.rank}}").write_text(str(os.getpid()))
weights = getattr(test_parallel, sys.argv[1])(communicator, *sys.argv[2:])
np.savez(folder / f"{{communicator.rank}}.npz", *weights)
"""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the test extra installs an MPI on Linux alone")


def mpirun(count, function, folder, *arguments):
    """Start MPI processes that call a function of this file.

    mpiexec is that of the ``mpich`` in the ``test`` extra, or the command in NUMPYCNN_MPIRUN, such as
    ``mpirun --allow-run-as-root``: another MPI, which mpi4py has to find.
    """
    import importlib.metadata

    code = PROGRAM.format(helpers=str(TESTS / "helpers"), here=str(TESTS / "training"))
    env = {**os.environ, "PYTHONPATH": python_path(TESTS.parent), "NUMBA_NUM_THREADS": "1"}
    command = os.environ.get("NUMPYCNN_MPIRUN", "").split()
    if not command:
        places = {file.name: file.locate().resolve() for file in importlib.metadata.files("mpich")}
        command = [places["mpiexec.hydra"]]
        env["LD_LIBRARY_PATH"] = str(places["libmpi.so.12"].parent)  # mpi4py looks in its own environment alone
    command += ["-n", count, sys.executable, "-c", code, function, folder, *arguments]
    command = list(map(str, command))
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(process, folder, count):
    """Wait for processes, which have to succeed, and return the weights of each."""
    output, _ = process.communicate(timeout=600)
    said = [line for line in output.splitlines() if "numpycnn:" in line and "compiling kernels" not in line]
    assert process.returncode == 0 and not said, output
    results = []
    for rank in range(count):
        with np.load(folder / f"{rank}.npz") as file:
            results.append(list(file.values()))
    return results


def small_training(communicator, folder):
    return trained(communicator)[0]


@on_linux
def test_two_processes_of_mpi_take_the_steps_of_one(tmp_path):
    for weights in finished(mpirun(2, "small_training", tmp_path), tmp_path, 2):
        assert worst_difference(weights, trained()[0]) < 1e-12


def recipe_training(communicator, folder, name):
    """Take the first 50 steps of a recipe on MNIST, in float64; each 25th batch has only 9 images."""
    from numpycnn import Adam, load_mnist
    from numpycnn.command.recipes import DATA_SETS, RECIPES, augmentation
    from numpycnn.command.train import learning_rate

    recipe = RECIPES[name]
    size, rows = recipe.batch_size, recipe.batch_size * 24 + 9
    model = recipe.network(seed=0 if communicator is None else communicator.rank, dtype="float64")
    model.compile(Adam(learning_rate(recipe, 60_000)), "sparse_categorical_crossentropy")
    chosen = augmentation(recipe, DATA_SETS["mnist"])
    (x, y), _ = load_mnist()
    model.fit(x[:rows, ..., None] / 255, y[:rows], size, 2, 0, augment=chosen and chosen.augment, seed=0,
              communicator=communicator)
    assert model.optimizer.steps == 50
    return model.get_weights()


@on_linux
@pytest.mark.campaign
@pytest.mark.parametrize("name", ["cnn", "deep_cnn", "augmented", "mlp", "lenet5", "fast", "best"])
def test_every_recipe_learns_the_same_on_two_and_three_processes(name, tmp_path):
    """Prints the worst differences: ``pytest -m campaign -s -k recipe``."""
    alone, worst = recipe_training(None, None, name), []
    for count in (2, 3):
        results = finished(mpirun(count, "recipe_training", tmp_path, name), tmp_path, count)
        worst.append(max(worst_difference(weights, alone) for weights in results))
    print(f"\n{name:10} {worst[0]:.1e} {worst[1]:.1e}")
    assert max(worst) < 1e-12


@on_linux
@pytest.mark.campaign
def test_the_command_trains_on_two_processes_as_on_one(tmp_path):
    """And writes what it writes alone; then --resume finds nothing left to do."""
    from numpycnn.command.main import main

    options = ["--recipe", "augmented", "--dataset", "synthetic", "--limit", "1500", "--epochs", "2", "--output-dir"]
    assert main(["train", *options, str(tmp_path / "1")]) == 0
    for more in ([], ["--resume"]):
        process = mpirun(2, "command", tmp_path, *options, tmp_path / "2", "--distributed", *more)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0 and output.count("Nothing was done" if more else "Wrote the model") == 1, output
    assert sorted(os.listdir(tmp_path / "1")) == sorted(os.listdir(tmp_path / "2"))
    models = [Sequential.load(tmp_path / name / "model.npz").get_weights() for name in "12"]
    assert worst_difference(*models) < 1e-2  # float32, and Adam's first steps are as large for a gradient of 1e-9


def command(communicator, folder, *arguments):
    from numpycnn.command.main import main

    assert main(["train", *arguments]) == 0
    return []


class Slow(Callback):
    def on_batch_end(self, batch, logs):
        time.sleep(0.02)


def long_training(communicator, folder):
    backup = BackupAndRestore(os.path.join(folder, "backup.npz"), save_freq=1)
    model = mlp(communicator.rank)
    history = model.fit(X, Y, 4, 20, 0, [Slow(), backup], seed=1, communicator=communicator)
    if history.interrupted:
        sys.exit(3)
    return model.get_weights()


@on_linux
@pytest.mark.campaign
def test_killed_at_20_random_moments_it_ends_with_the_same_bits(tmp_path):
    """Prints how often the line came that says how to go on: Open MPI 4 may end before it hands that on."""
    rng, told = np.random.default_rng(), 0
    expected, killed = finished(mpirun(2, "long_training", tmp_path), tmp_path, 2), 0
    while killed < 20:
        folder = tmp_path / str(killed)
        folder.mkdir(exist_ok=True)
        process, victim = mpirun(2, "long_training", folder), folder / f"pid{rng.integers(2)}"
        while not (victim.exists() and victim.read_text()):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 4))
        if process.poll() is not None:
            continue
        os.kill(int(victim.read_text()), signal.SIGKILL)
        output, _ = process.communicate(timeout=60)  # no process waits for ever
        assert process.returncode != 0 and re.search(r"Killed \(signal 9\)|signal 9 \(Killed\)", output), output
        told += "numpycnn: start the same command again" in output
        if (folder / "backup.npz").exists():
            Sequential.load(folder / "backup.npz")
        again = finished(mpirun(2, "long_training", folder), folder, 2)
        assert all(a.tobytes() == b.tobytes() for one, other in zip(again, expected) for a, b in zip(one, other))
        killed += 1
    print(f"\nthe way on was told {told} of {killed} times")
    assert told == killed or "NUMPYCNN_MPIRUN" in os.environ


@on_linux
@pytest.mark.campaign
def test_ctrl_c_at_mpirun_ends_all_after_a_step_with_a_backup(tmp_path):
    expected = finished(mpirun(2, "long_training", tmp_path), tmp_path, 2)
    folder = tmp_path / "interrupted"
    folder.mkdir()
    process = mpirun(2, "long_training", folder)
    while not (folder / "backup.npz").exists():
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3 and output.count("fit: interrupted") == 1, output
    again = finished(mpirun(2, "long_training", folder), folder, 2)
    assert all(a.tobytes() == b.tobytes() for one, other in zip(again, expected) for a, b in zip(one, other))


@pytest.mark.parametrize("error, others_end, aborts", [
    (distributed.Interrupted("all stopped"), False, False), (KeyboardInterrupt(), False, True),
    (ValueError("here alone"), False, True), (ValueError("everywhere"), True, False),
])
def test_the_others_are_ended_but_where_all_know(error, others_end, aborts, monkeypatch, capsys):
    aborted = []
    alone = SimpleNamespace(rank=0, size=2, Abort=aborted.append)
    alone.Dup = lambda: SimpleNamespace(Ibarrier=lambda: SimpleNamespace(Test=lambda: others_end))
    monkeypatch.setattr(distributed, "start", lambda: alone)
    monkeypatch.setattr(distributed, "PATIENCE", 0.02)
    with pytest.raises(type(error)), distributed.together() as share:
        assert share.size == 2
        raise error
    assert aborted == [1] * aborts and bool(capsys.readouterr().err) == aborts


def failing_command(communicator, folder, *arguments):
    from numpycnn.command.main import main

    sys.exit(main(["train", *arguments, "--distributed"]))


@on_linux
@pytest.mark.parametrize("case", ["no folder", "diverged", "the first writes in vain"])
def test_an_error_of_all_or_after_the_training_is_one_line(case, tmp_path):
    """Without a traceback, and without the words of an MPI that ends processes."""
    for number in range(16):
        (tmp_path / "images" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), number).save(tmp_path / "images" / "ab"[number % 2] / f"{number}.png")
    (tmp_path / "out" / "report.txt").mkdir(parents=True)
    more, said = {
        "no folder": (["--images", tmp_path / "no"], "got nothing of that name"),
        "diverged": (["--lr", "1e30"], "the training diverged"),
        "the first writes in vain": ([], "report.txt: expected the name of a file"),
    }[case]
    options = ["--images", tmp_path / "images", "--recipe", "fast", "--size", "16", "--batch-size", "4", *more]
    options += ["--output-dir", tmp_path / "out"]
    process = mpirun(2, "failing_command", tmp_path, *options)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 1 and output.count("numpycnn train:") == output.count(said) == 1, output
    assert "Traceback" not in output and "Abort" not in output, output


@pytest.mark.parametrize("others, expected", [(set(), 4), ({-1}, 6)], ids=["all may use all", "cores of its own"])
def test_processes_of_one_machine_share_its_cores(monkeypatch, others, expected):
    monkeypatch.setattr(distributed.threads, "cores", lambda: 8)
    monkeypatch.setattr(distributed.threads, "get_num_threads", lambda: 6)
    machine = SimpleNamespace(size=2, allgather=lambda allowed: [allowed, allowed | others])
    assert distributed._own_cores(machine) == expected
