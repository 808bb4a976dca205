"""Files that an older version of the package wrote: every one is read, and goes on as it would have then.

Those in ``written_before`` were made before the modules moved into folders, by
``python tests/helpers/written_before.py FOLDER``: a model, a Keras file, the backup of a run that was cut short, and in
``recorded.npz`` what they have to give. They are never made anew.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from written_before import BACKUP_OPTIONS, backed_up_model, images, keras_model, native_model

from numpycnn import BackupAndRestore, Callback, Sequential

FOLDER = Path(__file__).parent / "written_before"
CLOSE = {"rtol": 0, "atol": 1e-6}  # another CPU rounds otherwise


@pytest.fixture(scope="module")
def recorded():
    with np.load(FOLDER / "recorded.npz") as archive:
        return dict(archive)


def weights_of(recorded, name):
    return [recorded[f"{name}_{i}"] for i in range(sum(key.removeprefix(f"{name}_").isdigit() for key in recorded))]


@pytest.mark.parametrize(
    ("file", "name", "make"),
    [
        ("model.npz", "model", native_model),
        ("keras.h5", "keras", keras_model),
        ("backup.npz", "restored", backed_up_model),
    ],
)
def test_arrays_are_the_same_bits_and_predictions_the_same(file, name, make, recorded):
    loaded = Sequential.load(FOLDER / file)
    expected = weights_of(recorded, name)
    assert len(expected) == len(loaded.get_weights()) > 8
    for found, weight in zip(loaded.get_weights(), expected, strict=True):
        assert found.dtype == weight.dtype and np.array_equal(found, weight)
    np.testing.assert_allclose(loaded.predict(recorded["probe"]), recorded[name], **CLOSE)
    original = make()
    assert repr(loaded.layers) == repr(original.layers)
    assert repr([loaded.loss, loaded.optimizer, loaded.metrics]) == repr(
        [original.loss, original.optimizer, original.metrics]
    )


def test_a_model_goes_on_training():
    model = Sequential.load(FOLDER / "model.npz")
    assert model.optimizer.steps == 6 and model.optimizer.get_state()["m"].any()
    model.fit(*images(48, 0), batch_size=16, epochs=1, verbose=0)


class Kill(Callback):
    """Of the name of the one that cut the run short; this one counts the steps that are left."""

    steps = 0

    def on_batch_end(self, batch, logs):
        self.steps += 1


def test_a_backup_is_taken_up_and_ends_as_the_whole_run_did(recorded, tmp_path):
    shutil.copy(FOLDER / "backup.npz", tmp_path)
    model, kill = backed_up_model(), Kill()
    keep = BackupAndRestore(tmp_path / "backup.npz", save_freq=1)
    history = model.fit(*images(48, 0), **BACKUP_OPTIONS, callbacks=[keep, kill])
    assert kill.steps == 5  # of nine; four were done
    np.testing.assert_allclose(history.history["loss"], recorded["backup_loss"], **CLOSE)
    for i, (found, weight) in enumerate(zip(model.get_weights(), weights_of(recorded, "backup"), strict=True)):
        if i not in (1, 4):  # the bias before the BatchNorm, which takes it out again, and its mean: steps of rounding
            np.testing.assert_allclose(found, weight, rtol=0, atol=1e-5)
