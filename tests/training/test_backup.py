"""BackupAndRestore: a training that was killed and started again ends with the same bits; Ctrl-C; what is refused."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from places import TESTS, python_path
from processes import empty_leftovers
from small_models import make_images, small_cnn, weights_equal
from training_script import BATCHES, EPOCHS, RUNS, bits

from numpycnn import SGD, Adam, BackupAndRestore, Callback, LayerRatios, ModelFileError, Sequential, SoftmaxCrossEntropy


class Killed(BaseException):
    """What no code catches, as nobody catches a kill -9."""


class Killer(Callback):
    """Kills the training when it has called its callbacks a number of times."""

    def __init__(self, moment):
        self.left = moment

    def count(self, *arguments):
        self.left -= 1
        if self.left < 0:
            raise Killed

    on_train_begin = on_train_end = on_epoch_begin = on_epoch_end = on_batch_end = count


class LateKiller(Killer):
    """Kills after the backup of the same moment was saved."""

    comes_last = True

    def on_train_end(self):
        """The backup is gone: nothing is left to go on with."""


@pytest.fixture(scope="module", params=RUNS)
def whole(request, tmp_path_factory):
    """A training, and what comes out of it when nobody kills it."""
    run, folder = RUNS[request.param], tmp_path_factory.mktemp("whole")
    return run, bits(folder, *run(folder, []))


def test_a_backup_changes_nothing_and_is_deleted_at_the_end(whole, tmp_path):
    run, expected = whole
    path = tmp_path / "folder" / "backup.npz"
    assert bits(tmp_path, *run(tmp_path, [BackupAndRestore(path, save_freq=2)])) == expected
    assert os.listdir(tmp_path / "folder") == []


@pytest.mark.parametrize(
    "killer, save_freq, stride",
    [
        (LateKiller, 3, 9),
        *(pytest.param(killer, freq, 1, marks=pytest.mark.campaign)
          for killer in (Killer, LateKiller) for freq in ("epoch", 1, 3)),
    ],
)  # fmt: skip
def test_killed_at_every_moment_and_resumed_it_ends_with_the_same_bits(whole, killer, save_freq, stride, tmp_path):
    run, expected = whole
    calls = EPOCHS * (BATCHES + 2) + 2
    kills = 0
    for moment in range(0, calls, stride):
        folder = tmp_path / str(moment)
        folder.mkdir()
        callbacks = [BackupAndRestore(folder / "backup.npz", save_freq)]
        try:
            run(folder, callbacks, callbacks=[killer(moment)])
        except Killed:
            kills += 1
            backup = folder / "backup.npz"
            if backup.exists():  # it is a model file, too
                Sequential.load(backup)
        callbacks = [BackupAndRestore(folder / "backup.npz", save_freq)]  # as a new process makes it
        assert bits(folder, *run(folder, callbacks, callbacks=[killer(10**9)])) == expected, moment
        assert not (folder / "backup.npz").exists()
    print(f"{kills} kills")
    assert kills > 0.4 * calls / stride  # the others came after the early stop


def test_a_training_killed_again_and_again_comes_to_its_end(whole, tmp_path):
    run, expected = whole
    for attempt in range(EPOCHS * (BATCHES + 2)):
        try:
            result = run(tmp_path, [BackupAndRestore(tmp_path / "backup.npz", 1)], callbacks=[LateKiller(9)])
            break
        except Killed:
            pass
    else:
        pytest.fail("no progress")
    assert attempt >= 2 and bits(tmp_path, *result) == expected


def test_layer_ratios_go_on_where_they_were(tmp_path):
    x, y = make_images(40)

    def steps(*callbacks):
        ratios = LayerRatios(every=2)
        small_cnn().fit(x, y, 8, 2, verbose=0, callbacks=[ratios, *callbacks])
        return ratios.steps, ratios.gradients, ratios.updates

    path = tmp_path / "backup.npz"
    with pytest.raises(Killed):
        steps(BackupAndRestore(path, 1), LateKiller(11))
    assert path.exists()
    assert steps(BackupAndRestore(path, 1), LateKiller(10**9)) == steps()


# -- kill -9 ----------------------------------------------------------------------------------


def start(folder, run, save_freq):
    environment = {**os.environ, "PYTHONPATH": python_path()}
    script = TESTS / "helpers/training_script.py"
    command = [sys.executable, "-W", "error", str(script), str(folder), run, str(save_freq)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process):
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 0, errors


def kill_and_resume(folder, run, rounds, rng):
    """Kill a training `rounds` times, each a random moment after its start; return the number of kills that hit it."""
    hits = 0
    for _ in range(rounds):
        backup, process = folder / "backup.npz", start(folder, run, 1)
        before = backup.stat().st_mtime_ns if backup.exists() else 0
        while process.poll() is None and (not backup.exists() or backup.stat().st_mtime_ns == before):
            time.sleep(0.001)  # it imports, restores and compiles before its first step
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        hits += process.wait() == -signal.SIGKILL
        process.stderr.close()
        if (folder / "result").exists():
            break
    finish(start(folder, run, 1))
    return hits


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.campaign)])
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
def test_kill_9_and_start_again(rounds, tmp_path):
    total = 0
    for run in list(RUNS)[: 1 if rounds == 1 else None]:
        (whole, killed) = folders = [tmp_path / run / name for name in ("whole", "killed")]
        for folder in folders:
            folder.mkdir(parents=True)
        finish(start(whole, run, "epoch"))
        hits = kill_and_resume(killed, run, rounds, np.random.default_rng(rounds))
        assert (killed / "result").read_bytes() == (whole / "result").read_bytes()
        assert sorted(os.listdir(killed)) == sorted([*os.listdir(whole), *empty_leftovers(killed)])
        total += hits
    print(f"{total} kills hit a training")
    assert total >= rounds / 2  # the others came after its end


# -- Ctrl-C -----------------------------------------------------------------------------------


class PressCtrlC(Callback):
    def __init__(self, step, times=1):
        self.step, self.times = step, times

    def on_batch_end(self, batch, logs):
        if self.model.optimizer.steps == self.step:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("step", [1, 3, 4, 5, 14])
def test_ctrl_c_ends_after_a_step_and_the_next_fit_goes_on(step, tmp_path, capsys):
    x, y = make_images(40)  # five steps an epoch
    whole = small_cnn()
    expected = whole.fit(x, y, 8, 3, 0)
    model, backup = small_cnn(), BackupAndRestore(tmp_path / "backup.npz")
    history = model.fit(x, y, 8, 3, 0, [PressCtrlC(step), backup])
    assert model.optimizer.steps == (step if step == 5 else step + 1)  # the wish is heard when a step is done
    assert history.interrupted and history.epoch == list(range(step // 5))
    assert history.history["loss"] == expected.history["loss"][: step // 5] if step >= 5 else not history.history
    assert "interrupted" in capsys.readouterr().out and os.listdir(tmp_path) == ["backup.npz"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.evaluate(x, y)
    again = small_cnn(seed=9)
    history = again.fit(x, y, 8, 3, 2, [PressCtrlC(-1), backup])
    assert capsys.readouterr().out.count(": 5/5 ") == 3 - step // 5  # even if no step of an epoch was left
    assert not history.interrupted and history.history == expected.history
    assert weights_equal(again, whole) and not os.listdir(tmp_path)


@pytest.mark.parametrize("hook", ["on_batch_end", "on_test_begin", "on_test_batch_end", "on_test_end", "on_epoch_end"])
def test_ctrl_c_in_the_last_moments_is_heard(hook, tmp_path, capsys):
    def press(*arguments):
        if callback.model.optimizer.steps == 5:  # the last
            signal.raise_signal(signal.SIGINT)

    callback = Callback()
    setattr(callback, hook, press)
    x, y = make_images(40)
    backup = BackupAndRestore(tmp_path / "backup.npz")
    history = small_cnn().fit(x, y, 8, 1, 0, [callback, backup], validation_data=(x, y))
    assert history.interrupted and history.epoch == [0] and "interrupted" in capsys.readouterr().out
    again = small_cnn().fit(x, y, 8, 1, 0, [Callback(), backup], validation_data=(x, y))  # nothing is left to do
    assert again.history == history.history and not again.interrupted and not os.listdir(tmp_path)


def test_a_second_ctrl_c_ends_at_once():
    x, y = make_images(40)
    model = small_cnn()
    history = model.fit(x, y, 8, 3, 0, [PressCtrlC(2, times=2)])
    assert model.optimizer.steps == 2 and history.interrupted and history.epoch == []


def test_a_program_that_handles_ctrl_c_itself_goes_on_doing_so():
    x, y = make_images(40)
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        history = small_cnn().fit(x, y, 8, 1, 0, [PressCtrlC(2)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT] and not history.interrupted and history.epoch == [0]


# -- what is refused --------------------------------------------------------------------------


@pytest.fixture
def interrupted(tmp_path):
    """A backup in the middle of a run, the bytes of it, and how to go on."""
    path = tmp_path / "backup.npz"
    x, y = make_images(40)

    def fit(model, callbacks=(), rows=40, **options):
        options = {"batch_size": 8, "epochs": 3, "verbose": 0, **options}
        return model.fit(x[:rows], y[:rows], callbacks=[*callbacks, BackupAndRestore(path)], **options)

    fit(small_cnn(), [PressCtrlC(3)])
    return path, fit


@pytest.mark.parametrize(
    "make, options, message",
    [
        (small_cnn, {"batch_size": 4}, "batch_size was 8, and is 4"),
        (small_cnn, {"shuffle": False}, "shuffle was True, and is False"),
        (small_cnn, {"seed": 1}, "seed was None, and is 1"),
        (small_cnn, {"steps_per_epoch": 2}, "steps_per_epoch was None, and is 2"),
        (small_cnn, {"class_weight": {1: 2, 0: 1}}, "class_weight was None, and is {'0': 1.0, '1': 2.0}"),
        (small_cnn, {"rows": 39}, "number of rows was 40, and is 39"),
        (small_cnn, {"validation_split": 0.1}, "number of rows was 40, and is 36"),
        (small_cnn, {"callbacks": []}, r"callbacks was \['PressCtrlC', 'BackupAndRestore'\], and is \['Backup"),
        (lambda: small_cnn(dtype="float64"), {}, "dtype was float32, and is float64"),
        (lambda: small_cnn(optimizer="sgd"), {}, "optimizer was .'Adam', .*and is .'SGD'"),
        (lambda: small_cnn(optimizer=SGD(0.1)), {}, "optimizer was .'Adam', .*and is .'SGD'"),
    ],
)
def test_a_backup_of_another_run_is_refused(make, options, message, interrupted):
    path, fit = interrupted
    model = make()
    before, content = model.get_weights(), path.read_bytes()
    with pytest.raises(ModelFileError, match=f"backup.npz: this is the backup of another run: {message}.*delete the"):
        fit(model, **{"callbacks": [PressCtrlC(-1)], **options})
    assert weights_equal(model, before) and model.optimizer.steps == 0 and path.read_bytes() == content


def test_more_epochs_and_another_constant_rate_are_the_same_run(interrupted):
    _, fit = interrupted
    model, whole = small_cnn(optimizer=Adam(0.7)), small_cnn()
    history = fit(model, [PressCtrlC(-1)], epochs=4)
    whole.fit(*make_images(40), batch_size=8, epochs=4, verbose=0)
    assert history.epoch == [0, 1, 2, 3] and weights_equal(model, whole)  # at the rate in the backup


def test_a_damaged_file_and_a_model_are_refused(interrupted):
    path, fit = interrupted
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(ModelFileError, match="backup.npz: "):
        fit(small_cnn(), [PressCtrlC(-1)])
    small_cnn().save(path)
    with pytest.raises(ModelFileError, match="expected a backup of a training run, got a model"):
        fit(small_cnn(), [PressCtrlC(-1)])


def test_what_cannot_be_saved_shows_before_the_first_step(tmp_path):
    class MyLoss(SoftmaxCrossEntropy):
        pass

    model = small_cnn()
    model.compile("adam", MyLoss())
    with pytest.raises(TypeError, match="cannot hold MyLoss"):
        model.fit(*make_images(), verbose=0, callbacks=[BackupAndRestore(tmp_path / "backup.npz")])
    assert model.optimizer.steps == 0 and os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (("backup.h5",), ValueError, "ends in .npz, got 'backup.h5'"),
        (("backup.npz", "batch"), ValueError, "\"epoch\" or a number of steps, got 'batch'"),
        (("backup.npz", 0), ValueError, "save_freq: expected an integer of at least 1, got 0"),
        (("backup.npz", 2.5), TypeError, "save_freq: expected an integer"),
    ],
)
def test_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        BackupAndRestore(*arguments)


def test_a_backup_that_is_kept_ends_the_same_fit_at_once(tmp_path):
    x, y = make_images(40)
    keep = BackupAndRestore(tmp_path / "backup.npz", delete_checkpoint=False)
    first, second = small_cnn(), small_cnn(seed=1)
    history = first.fit(x, y, epochs=2, verbose=0, callbacks=[keep])
    assert second.fit(x, y, epochs=2, verbose=0, callbacks=[keep]).history == history.history
    assert weights_equal(first, second) and second.optimizer.steps == 4
    assert weights_equal(Sequential.load(tmp_path / "backup.npz"), first)
