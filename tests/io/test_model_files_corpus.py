"""A corpus of hostile model files: the documented error or the identical model, and nothing else happens."""

import io
import json
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from model_files import forge, identical
from places import python_path
from small_models import make_vectors, small_mlp

from numpycnn import BackupAndRestore, Dense, ModelFileError, Sequential, SoftmaxCrossEntropy
from numpycnn.io import native


def small_model():
    """A model whose file is small, with two parameters of one shape, and an optimizer's memories."""
    model = Sequential([Dense(2), Dense(2)], input_shape=(2,), seed=0)
    model.compile("sgd", SoftmaxCrossEntropy())
    model.train_on_batch(np.eye(2), [0, 1])
    return model


def content_of(model, folder):
    model.save(folder / "model.npz")
    return (folder / "model.npz").read_bytes()


# -- damage -----------------------------------------------------------------------------------


def outcome(data, path, original):
    """Load these bytes: True for the identical model, False for the documented error; anything else is raised."""
    path.write_bytes(data)
    try:
        loaded = Sequential.load(path)
    except ModelFileError as error:
        assert str(error).startswith(f"{path}: ")
        return False
    assert identical(loaded, original)
    return True


@pytest.mark.parametrize("masks, stride", [
    ([0x01], 37), pytest.param([*(1 << bit for bit in range(8)), 0xFF], 1, marks=pytest.mark.campaign),
])  # fmt: skip
def test_single_byte_flips(masks, stride, tmp_path):
    original = small_model()
    content = content_of(original, tmp_path)
    harmless = flips = 0
    for position in range(0, len(content), stride):
        for mask in masks:
            changed = bytearray(content)
            changed[position] ^= mask
            harmless += outcome(bytes(changed), tmp_path / "changed.npz", original)
            flips += 1
    print(f"{flips} flips of {len(content)} bytes: {flips - harmless} refused, {harmless} loaded the identical model")
    assert harmless < flips / 4  # dates and the like, which the zip format carries, mean nothing here


@pytest.mark.parametrize("stride", [31, pytest.param(1, marks=pytest.mark.campaign)])
def test_truncations_and_additions(stride, tmp_path):
    original = small_model()
    content = content_of(original, tmp_path)
    for length in range(0, len(content), stride):
        assert not outcome(content[:length], tmp_path / "cut.npz", original), length
    for extra in (b"\0", b"PK\3\4", content):
        outcome(content + extra, tmp_path / "longer.npz", original)
        outcome(extra + content, tmp_path / "longer.npz", original)
    print(f"{len(range(0, len(content), stride))} truncations")


@pytest.mark.parametrize("stride", [211, pytest.param(5, marks=pytest.mark.campaign)])
def test_flips_of_a_backup(stride, tmp_path):
    path, (x, y) = tmp_path / "backup.npz", make_vectors()
    keep = BackupAndRestore(path, delete_checkpoint=False)
    whole = small_mlp()
    history = whole.fit(x, y, epochs=2, verbose=0, callbacks=[keep])
    content, refused = path.read_bytes(), 0
    for position in range(0, len(content), stride):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        model = small_mlp(seed=1)
        try:
            assert model.fit(x, y, epochs=2, verbose=0, callbacks=[keep]).history == history.history
            assert identical_but_seed(model, whole)
        except ModelFileError:
            refused += 1
            assert model.optimizer.steps == 0
    assert refused > 0.7 * len(range(0, len(content), stride))


def identical_but_seed(model, original):
    vars(model).update(seed=original.seed)
    return identical(model, original)


# -- forgeries: the checksum is right, the content is not -------------------------------------------


def swap(first, second):
    def change(config, arrays):
        arrays[first], arrays[second] = arrays[second], arrays[first]

    return change


def add(name):
    return lambda config, arrays: arrays.update({name: np.ones(2)})


def put(name, value):
    return lambda config, arrays: arrays.update({name: value})


def configure(layer=None, **changes):
    def change(config, arrays):
        (config if layer is None else config["layers"][layer]["config"]).update(changes)

    return change


FORGERIES = {
    "traversal": add("../../../evil"),
    "absolute name": add("/tmp/evil"),
    "backslashes": add("..\\..\\evil"),
    "drive": add("C:/evil"),
    "traversal below a layer": add("layers/0/../../../evil"),
    "empty name": add(""),
    "shape": put("layers/0/weight", np.ones((3, 2), np.float32)),
    "transposed vector": put("layers/0/bias", np.ones((2, 1), np.float32)),
    "scalar": put("layers/0/bias", np.float32(1)),
    "empty": put("layers/0/bias", np.ones(0, np.float32)),
    "complex": put("layers/0/bias", np.ones(2, complex)),
    "dates": put("layers/0/bias", np.zeros(2, "M8[s]")),
    "records": put("layers/0/bias", np.zeros(2, [("a", "f4")])),
    "text": put("layers/0/bias", np.array(["1", "2"])),
    "memory of another size": put("optimizer/velocity", np.ones(5, np.float32)),
    "swapped weight and bias": swap("layers/0/weight", "layers/0/bias"),
    "no layers": configure(layers=[]),
    "nothing about layers": lambda config, arrays: config.pop("layers"),
    "a missing array": lambda config, arrays: arrays.pop("layers/0/bias"),
    "one array too many for a layer": add("layers/0/extra"),
    "one array too many for the optimizer": add("optimizer/extra"),
    "another optimizer's memory": add("optimizer/m"),
    "another optimizer": lambda config, arrays: config["optimizer"].update({"class": "eval"}),
    "a class that is no layer": lambda config, arrays: config["layers"][0].update({"class": "Sequential"}),
    "dtype": configure(dtype="object"),
    "negative units": configure(0, units=-1),
    "another kind of generator": lambda config, arrays: config["fit_rng"].update(bit_generator="MT19937"),
    "a string for layers": configure(layers="Dense"),
    "input shape": configure(input_shape=[3]),
    "negative input shape": configure(input_shape=[-1]),
    "infinite input shape": configure(input_shape=[1e400]),
    "seed": configure(seed="0"),
    "generator": configure(fit_rng={"bit_generator": "PCG64", "state": {"state": "x", "inc": 1}}),
    "metrics": configure(metrics=["os.system"]),
    "loss": configure(loss={"class": "__import__", "config": {"name": "os"}}),
    "units": configure(0, units="2"),
    "initializer": configure(0, kernel_initializer="__import__('os').abort()"),
    "unknown argument": configure(0, __class__="x"),
    "endless units": configure(0, units=10**30),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_are_refused(name, tmp_path):
    data = forge(content_of(small_model(), tmp_path), FORGERIES[name])
    (tmp_path / "forged.npz").write_bytes(data)
    with pytest.raises(ModelFileError, match="forged.npz: "):
        Sequential.load(tmp_path / "forged.npz")
    assert sorted(os.listdir(tmp_path)) == ["forged.npz", "model.npz"]


def rezip(content, change, **options):
    """Return the file with other members; zip's own checksums are right, ours is as it was."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, data in change(members):
            archive.writestr(name, data)
    return stream.getvalue()


def swapped(members):
    a, b = "layers/0/weight.npy", "layers/1/weight.npy"
    return {**members, a: members[b], b: members[a]}.items()


def overlapping(content):
    """A file whose directory lists one member a hundred times: what it promises is far more than it holds."""
    end = content.rindex(b"PK\5\6")
    size, start = struct.unpack("<II", content[end + 12 : end + 20])
    entries = b"".join(
        content[start : start + size].replace(b"layers/0/weight", f"layers/{i:02d}weight".encode()) for i in range(100)
    )
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 500, 500, len(entries), start, 0)
    return content[:start] + entries + tail


ARCHIVES = {
    "swapped members": lambda content: rezip(content, swapped),
    "deflated": lambda content: rezip(content, dict.items, compression=zipfile.ZIP_DEFLATED),
    "bzip2": lambda content: rezip(content, dict.items, compression=zipfile.ZIP_BZIP2),
    "without the config": lambda content: rezip(content, lambda m: [i for i in m.items() if i[0] != "config.npy"]),
    "a traversal member": lambda content: rezip(content, lambda m: [*m.items(), ("../evil.npy", m["config.npy"])]),
    "a folder": lambda content: rezip(content, lambda m: [*m.items(), ("folder/", b"")]),
    "a pickle": lambda content: rezip(content, lambda m: [*m.items(), ("evil.npy", b"cos\nsystem\n(S'false'\ntR.")]),
    "another .npy version": lambda content: rezip(
        content, lambda m: {**m, "layers/0/bias.npy": b"\x93NUMPY\2\0" + m["layers/0/bias.npy"][8:]}.items()
    ),
    "a header that is code": lambda content: rezip(
        content, lambda m: {**m, "layers/0/bias.npy": npy("__import__('os').abort()")}.items()
    ),
    "a header of 60 kB": lambda content: rezip(
        content, lambda m: {**m, "layers/0/bias.npy": npy("(" * 30_000 + ")" * 30_000)}.items()
    ),
    "deep JSON": lambda content: rezip(content, lambda m: {**m, "config.npy": text_npy("[" * 100_000)}.items()),
    "a long number": lambda content: rezip(content, lambda m: {**m, "config.npy": text_npy("9" * 100_000)}.items()),
    "overlapping members": overlapping,
    "encrypted": lambda content: content.replace(b"\x2d\0\0\0\0\0", b"\x2d\0\1\0\0\0"),
}


def npy(header):
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()


def text_npy(text):
    stream = io.BytesIO()
    np.save(stream, np.array(text))
    return stream.getvalue()


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_are_refused(name, tmp_path):
    content = content_of(small_model(), tmp_path)
    data = ARCHIVES[name](content)
    assert data != content
    (tmp_path / "forged.npz").write_bytes(data)
    with pytest.raises(ModelFileError, match="forged.npz: "):
        Sequential.load(tmp_path / "forged.npz")
    assert sorted(os.listdir(tmp_path)) == ["forged.npz", "model.npz"]


# -- nothing is executed, nothing is written ---------------------------------------------------------

WATCHED = """
import difflib, os, sys  # difflib: an error that suggests a word imports it
from pathlib import Path
from numpycnn import ModelFileError, Sequential
import model_files  # what it imports is imported before we watch

folder = Path(sys.argv[1])
Sequential.load(folder / "sound.npz")
FORBIDDEN = ("exec", "compile", "pickle.find_class", "subprocess", "os.system", "os.exec", "os.fork", "os.posix_spawn",
             "os.remove", "os.rename", "os.mkdir", "os.link", "os.symlink", "socket", "ctypes.dlopen", "shutil")
events = []

def watch(event, arguments):
    is_write = event == "open" and (arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    is_literal = event == "compile" and arguments[1] == "<unknown>"  # ast.literal_eval reads the header of an array
    if is_write or event.startswith(FORBIDDEN) and not is_literal:
        events.append((event, str(arguments)[:200]))

sys.addaudithook(watch)
loaded = 0
for path in sorted(folder.iterdir()):
    try:
        Sequential.load(path)
        loaded += 1
    except ModelFileError:
        pass
    assert not events, (path, events)
assert loaded == 1, loaded
open(os.devnull, "w").close()
assert len(events) == 1  # it does watch
"""


def test_loading_executes_nothing_and_writes_nothing(tmp_path):
    content = content_of(small_model(), tmp_path)
    (tmp_path / "model.npz").rename(tmp_path / "sound.npz")
    for i, make in enumerate([*ARCHIVES.values(), *(lambda c, f=f: forge(c, f) for f in FORGERIES.values())]):
        (tmp_path / f"{i}.npz").write_bytes(make(content))

    class Bomb:
        def __reduce__(self):
            return os.system, ("false",)

    plant = put("layers/0/bias", np.array([Bomb(), 1], dtype=object))
    (tmp_path / "pickle.npz").write_bytes(forge(content, plant))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCHED, str(tmp_path)], env={**os.environ, "PYTHONPATH": python_path()},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_with_the_marks_of_a_backup_is_a_model_all_the_same(tmp_path):
    """Whatever else a backup holds does not reach the model."""
    def change(config, arrays):
        config["run"] = {"position": {"epoch": "evil"}}
        arrays["run/callbacks/0/x"] = np.ones(3)

    original = small_model()
    data = forge(content_of(original, tmp_path), change)
    assert outcome(data, tmp_path / "backup.npz", original)
    with pytest.raises(ModelFileError):
        native.load_run(small_model(), tmp_path / "backup.npz", (tmp_path / "backup.npz").read_bytes(), {})
    assert "run" not in json.dumps(native.describe(Sequential.load(tmp_path / "backup.npz")))
