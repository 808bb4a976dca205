"""Where the package may lie: in folders that nobody can write to, and in folders with any name."""

import os
import shutil
from pathlib import Path

import pytest
from own_mounts import READ_ONLY, run_with_mounts
from processes import finish, start

import numpycnn
from numpycnn.kernels import jit_disabled

TRAIN = """
import sys
from pathlib import Path
import numpycnn
from numpycnn import BatchNorm, Flatten, MaxPool2D, ReLU, Sequential
from small_models import make_images, weights_equal

folder = Path(sys.argv[-1])
assert Path(numpycnn.__file__).parents[1] == folder / "package", numpycnn.__file__
# Without Dense and Conv2D, whose kernels take longest to compile.
model = Sequential([MaxPool2D(3), ReLU(), BatchNorm(), Flatten()], input_shape=(12, 12, 1), seed=1)
model.compile("adam", "sparse_categorical_crossentropy")
"""
SOON = {"NUMBA_OPT": "0"}  # slow code is soon compiled


@pytest.fixture
def make_folder(tmp_path):
    """Return a function that makes a folder of a given name with a copy of the package in it."""

    def make(name):
        folder = tmp_path / name
        original = Path(numpycnn.__file__).parent
        shutil.copytree(original, folder / "package" / "numpycnn", ignore=shutil.ignore_patterns("__pycache__"))
        return folder

    return make


def files_in(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def kernels_in(folder):
    return [path for path in folder.rglob("numpycnn-kernels/*") if path.suffix == ".bin"]


def test_read_only_install(make_folder, tmp_path):
    """Kernels are kept in the user's cache folder."""
    folder = make_folder("install")
    before = files_in(folder)
    code = TRAIN + """
try:
    (folder / "package" / "numpycnn" / "file").write_text("")
except OSError:
    model.fit(*make_images(), verbose=0)
else:
    raise SystemExit("not read-only")
"""
    environment = {
        "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "user"), "PYTHONDONTWRITEBYTECODE": "", **SOON,
    }
    _, first = run_with_mounts(READ_ONLY, code, folder, package=folder / "package", **environment)
    assert files_in(folder) == before
    if not jit_disabled():
        assert len(kernels_in(tmp_path / "user")) >= 5
        assert first.count("\n") == 1 and "compiling kernels" in first
    _, second = run_with_mounts(READ_ONLY, code, folder, package=folder / "package", **environment)
    assert second == ""  # nothing left to compile


def test_folder_of_any_name(make_folder):
    """The package, compiled kernels, data and everything that is written may lie in such a folder."""
    folder = make_folder("Zürich, the 数字 of ñ, 100 %20 #1 & 'it' \"s\" $HOME")
    code = f"import sys\nsys.argv.append({str(folder)!r})" + TRAIN + """
import os
import numpy as np
from generated_data import assert_loaded, make_set
from PIL import Image
from numpycnn import BackupAndRestore, CSVLogger, ModelCheckpoint, prepare_digit
from numpycnn.data.mnist import load
from numpycnn.plots import plot_samples, save_figure

(folder / "set-1").mkdir()
data_set, arrays = make_set(folder / "set-1", 1)
os.environ["NUMPYCNN_DATA"] = str(folder)
assert_loaded(load(data_set), arrays)
assert_loaded(load(data_set, folder / "set-1"), arrays)

backup = BackupAndRestore(folder / "new" / "backup.npz", delete_checkpoint=False)
x, y = make_images()
model.fit(x, y, verbose=0, callbacks=[CSVLogger(folder / "log.csv"), ModelCheckpoint(folder / "best.npz"), backup])
names = ["model.npz", "new/backup.npz"]
try:
    import h5py
except ImportError:
    pass
else:
    names.append("model.h5")
for name in names:
    if not name.startswith("new"):
        model.save(folder / name)
    assert weights_equal(Sequential.load(str(folder / name)), model)
save_figure(plot_samples(x, y), folder / "samples.png")
Image.fromarray(255 - arrays[0][0]).save(folder / "digit.png")
assert prepare_digit(folder / "digit.png").image.shape == (28, 28)
"""
    finish(start(folder / "package" / "numpycnn", code, folder / "cache", **SOON))
    kernels = kernels_in(folder / "cache")
    assert jit_disabled() or len(kernels) >= 5
    assert sorted(os.listdir(folder)) == sorted({
        "package", "set-1", "new", "best.npz", "log.csv", "model.npz", "samples.png", "digit.png",
        *(["cache"] if kernels else []), *(["model.h5"] if (folder / "model.h5").exists() else []),
    })  # fmt: skip
