"""The five usual MNIST notebooks, as programs, and the quickstart: each to its end on a few generated digits."""

import runpy
import sys

import places
import pytest

import numpycnn as nc

PROGRAMS = sorted((places.TESTS / "keras/workflows").glob("*.py")) + [places.ROOT / "examples/keras_quickstart.py"]
WRITTEN = {"a_cnn": {"samples.png", "accuracy.png"}, "b_validation": {"curves.png"}, "d_augmentation": {"loss.png"},
           "e_mlp": {"model.h5"}}  # fmt: skip


@pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_it_runs_to_its_end(program, tmp_path, monkeypatch):
    import matplotlib

    pytest.importorskip("sklearn")
    pytest.importorskip("h5py")
    matplotlib.use("Agg")
    few = nc.load_synthetic_digits(300), nc.load_synthetic_digits(100, seed=1)
    monkeypatch.setattr(nc.data, "load_mnist", lambda: few)
    monkeypatch.setattr(sys, "argv", [str(program), *["300", "1"] * (program.parent.name == "workflows")])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(program), run_name="__main__")
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN.get(program.stem, set())
