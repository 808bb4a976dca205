"""``.keras`` files that are damaged, of another kind, or made to harm: one documented error, and little memory."""

import io
import json
import pickle
import struct
import tracemalloc
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import small_stateful_cnn

from numpycnn import Adam, ModelFileError, Sequential

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """Return the members of a sound file: a small network that took two steps of Adam."""
    path = tmp_path_factory.mktemp("sound") / "model.keras"
    model = small_stateful_cnn(optimizer=Adam())
    x = np.random.default_rng(0).random((4, *model.input_shape))
    for _ in range(2):
        model.train_on_batch(x, [0, 1, 2, 3])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members, compression=zipfile.ZIP_STORED):
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice
        with zipfile.ZipFile(content, "w", compression) as archive:
            for name, data in members.items() if isinstance(members, dict) else members:
                archive.writestr(name, data)
    return content.getvalue()


def refused(content, message, folder):
    """Load the file; it must be refused with this message, before it takes memory."""
    (folder / "model.keras").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=f"model.keras: .*{message}"):
            Sequential.load(folder / "model.keras")
        assert tracemalloc.get_traced_memory()[1] < 3e7
    finally:
        tracemalloc.stop()


# -- the zip ----------------------------------------------------------------------------------


def overlapping(members):
    """Three entries of the directory that point to one member: a megabyte that would become three."""
    content = zipped({**members, WEIGHTS: bytes(2**20)})
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[start:end]
    first = entry[entry.rindex(b"PK\1\2") :]  # the weights are the last
    again = first.replace(WEIGHTS.encode(), b"model.weights.hx")
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 4, 4, len(entry) + len(again))
    return content[:end] + again + bytes(tail)


def promised(members):
    """A directory that promises more bytes than the file has."""
    content = bytearray(zipped(members))
    struct.pack_into("<II", content, content.index(b"PK\1\2") + 20, 2**31, 2**31)
    return bytes(content)


def encrypted(members):
    content = bytearray(zipped(members))
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def changed_crc(members):
    content = zipped(members)
    return content.replace(b'"keras_version"', b'"keras_versiox"', 1)


ZIPS = {
    "empty": (lambda m: b"", "which is a zip, got something else"),
    "a page": (lambda m: b"<!DOCTYPE html><html>404</html>", "which is a zip, got something else"),
    "the weights under this name": (lambda m: m[WEIGHTS], "which is a zip, got something else"),
    "a pickle": (lambda m: pickle.dumps({"a": np.ones(3)}), "which is a zip, got something else"),
    "no member": (lambda m: zipped({}), "expected the members config.json"),
    "no configuration": (lambda m: zipped({k: v for k, v in m.items() if k != CONFIG}), "expected the members"),
    "no weights": (lambda m: zipped({k: v for k, v in m.items() if k != WEIGHTS}), "expected the members"),
    "no metadata": (lambda m: zipped({k: v for k, v in m.items() if k != METADATA}), "expected the members"),
    "a member more": (lambda m: zipped({**m, "assets/run.py": b"import os"}), "expected the members"),
    "a pickle more": (lambda m: zipped({**m, "data.pkl": pickle.dumps(print)}), "expected the members"),
    "out of the folder": (lambda m: zipped({**m, "../../etc/passwd": b"x"}), "expected the members"),
    "weights as .npz": (lambda m: zipped({CONFIG: m[CONFIG], METADATA: m[METADATA], "model.weights.npz": b""}),
                        "expected the members"),
    "a member twice": (lambda m: zipped([*m.items(), (CONFIG, m[CONFIG])]), "expected each member once"),
    "many members": (lambda m: zipped([(f"{i}", b"") for i in range(20_000)]), "expected the members"),
    "compressed": (lambda m: zipped(m, zipfile.ZIP_DEFLATED), "expected uncompressed members"),
    "a bomb": (lambda m: zipped({**m, WEIGHTS: bytes(2**26)}, zipfile.ZIP_DEFLATED), "expected uncompressed members"),
    "a bomb of lzma": (lambda m: zipped({**m, CONFIG: b" " * 2**24}, zipfile.ZIP_LZMA), "expected uncompressed"),
    "encrypted": (encrypted, "expected uncompressed members"),
    "overlapping": (overlapping, "expected members within the file"),
    "more promised": (promised, "expected members within the file"),
    "another checksum": (changed_crc, "BadZipFile"),
    "cut in the middle": (lambda m: zipped(m)[:-1000], "which is a zip, got something else"),
    "a long configuration": (lambda m: zipped({**m, CONFIG: b" " * (2**22 + 1)}), "config.json: expected at most"),
    "long metadata": (lambda m: zipped({**m, METADATA: b" " * (2**22 + 1)}), "metadata.json: expected at most"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ZIPS)
def test_zips_that_are_refused(kind, members, tmp_path):
    make, message = ZIPS[kind]
    refused(make(members), message, tmp_path)


# -- the configuration ------------------------------------------------------------------------


def layers(config):
    return config["config"]["layers"]


def replaced(position, class_name, **arguments):
    def change(config):
        layers(config)[position] = {"module": "keras.layers", "class_name": class_name, "registered_name": None,
                                    "config": {"name": "evil", **arguments}}  # fmt: skip
    return change


def argument(position, **arguments):
    return lambda config: layers(config)[position]["config"].update(arguments)


def own_class(find):
    """What Keras writes of a subclass that bears the name of Keras's class."""
    return lambda config: find(config).update(module=None, registered_name=find(config)["class_name"])


LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA="], "defaults": None, "closure": None}}
CONFIGS = {
    "a Lambda": (replaced(3, "Lambda", function=LAMBDA), "'evil' .Lambda.: numpycnn has no such layer"),
    "a lambda for an activation": (argument(1, activation=LAMBDA), "no activation '__lambda__'"),
    "a function of another module": (
        argument(1, activation={"module": "os", "class_name": "function", "config": "system"}),
        "no activation 'system'",
    ),
    "a registered class": (lambda c: layers(c)[1].update(registered_name="evil>Conv2D"), "no such layer"),
    "a class of Keras's name": (own_class(lambda c: layers(c)[1]), r"'conv2d' .custom Conv2D.: numpycnn has no such"),
    "a class of Keras's name for an activation": (
        lambda c: (argument(1, activation={"class_name": "ReLU", "config": {}})(c),
                   own_class(lambda c: layers(c)[1]["config"]["activation"])(c)), "no activation 'custom ReLU'"),
    "a class of another module": (replaced(3, "os.system", command="rm"), "numpycnn has no such layer"),
    "TorchModuleWrapper": (replaced(3, "TorchModuleWrapper", module="x"), "numpycnn has no such layer"),
    "a model in the model": (replaced(3, "Sequential", layers=[]), "numpycnn has no such layer"),
    "a functional model": (lambda c: c.update(class_name="Functional"), "a Keras Sequential, got 'Functional'"),
    "too many layers": (lambda c: c["config"].update(layers=layers(c) * 1000), "expected at most 1000 layers"),
    "no layers": (lambda c: c["config"].pop("layers"), "KeyError: 'layers'"),
    "a huge filter": (argument(1, filters=10**9), "layer 'conv2d'.*(starting values of shape|at most 8 GiB)"),
    "a huge image": (lambda c: (argument(0, batch_shape=[None, 10**6, 10**6, 1])(c),
                                c["config"].update(build_input_shape=None)), "layer 'conv2d'"),
    "huge zeros": (
        replaced(3, "ZeroPadding2D", padding=[[10**9, 10**9]] * 2), "layer 'evil'.*(8 GiB|fit into a memory)"),
    "a huge number": (argument(1, filters=10**400), "filters: expected an integer of at most"),
    "another shape": (argument(1, kernel_size=[4, 3]), r"expected starting values of shape \(4, 3"),
    "text for a number": (argument(1, filters="3"), "filters: expected an integer"),
    "an optimizer's text": (lambda c: c["compile_config"].update(optimizer="adam"), "TypeError"),
    "an optimizer's rate": (lambda c: c["compile_config"]["optimizer"]["config"].update(learning_rate="x"), "rate"),
    "no loss": (lambda c: c["compile_config"].pop("loss"), "KeyError: 'loss'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CONFIGS)
def test_configurations_that_are_refused(kind, members, tmp_path):
    change, message = CONFIGS[kind]
    config = json.loads(members[CONFIG])
    change(config)
    refused(zipped({**members, CONFIG: json.dumps(config).encode()}), message, tmp_path)


TEXTS = {
    "no JSON": (CONFIG, b"{", "JSONDecodeError"),
    "a list": (CONFIG, b"[]", "damaged or of another kind"),
    "no text": (CONFIG, b"\xff\xfe\xff", "damaged or of another kind"),
    "deep": (CONFIG, b"[" * 200_000, "RecursionError"),
    "a number of many digits": (CONFIG, b"1" * 10_000, "damaged or of another kind"),
    "other metadata": (METADATA, b'{"version": 3}', "KeyError: 'keras_version'"),
    "another version": (METADATA, b'{"keras_version": "2.12"}', "a file of Keras 3, got one of version '2.12'"),
    "an escape code": (METADATA, b'{"keras_version": "\\u001b[2J"}', r"got one of version '\\+x1b\[2J'"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_that_are_refused(kind, members, tmp_path):
    name, content, message = TEXTS[kind]
    refused(zipped({**members, name: content}), message, tmp_path)


@pytest.mark.parametrize("where, class_name", [("optimizer", "Adam"), ("loss", "MeanSquaredError"),
                                               ("learning_rate", "ExponentialDecay")])  # fmt: skip
def test_a_class_of_kerass_name_that_training_takes_is_noted(where, class_name, members, tmp_path):
    config = json.loads(members[CONFIG])
    compiled = config["compile_config"]
    own = {"class_name": class_name, "config": {}, "module": None, "registered_name": class_name}
    (compiled["optimizer"]["config"] if where == "learning_rate" else compiled)[where] = own
    weights = io.BytesIO(members[WEIGHTS])
    with h5py.File(weights, "r+") as file:
        del file["optimizer"]  # Keras would have kept other variables for a schedule
    changed = {**members, CONFIG: json.dumps(config), WEIGHTS: weights.getvalue()}
    (tmp_path / "model.keras").write_bytes(zipped(changed))
    with pytest.warns(UserWarning, match=f"custom {class_name}|custom _mean_squared_error"):
        Sequential.load(tmp_path / "model.keras")


# -- the weights ------------------------------------------------------------------------------

KERNEL = "layers/conv2d/vars/0"


def put(name, make):
    def change(file):
        del file[name]
        make(file, name)
    return change


def huge(file, name):
    file.create_dataset(name, (3, 3, 1, 10**9), np.float32)


H5 = {
    "no weights": (lambda f: f.pop("layers"), "there is no 'layers/conv2d/vars'"),
    "no array": (lambda f: f.pop(KERNEL), "expected 2 arrays, got 1"),
    "an array more": (lambda f: f.create_dataset("layers/conv2d/vars/2", data=np.ones(3)), "expected 2 arrays, got 3"),
    "a group for an array": (put(KERNEL, lambda f, n: f.create_group(n)), "expected a dataset"),
    "another shape": (put(KERNEL, lambda f, n: f.create_dataset(n, data=np.ones((2, 2), "f4"))), r"got \(2, 2\)"),
    "integers": (put(KERNEL, lambda f, n: f.create_dataset(n, data=np.ones((3, 3, 1, 5), "i4"))), "got int32"),
    "objects": (put(KERNEL, lambda f, n: f.create_dataset(n, data=[b"x"] * 9)), "expected float32 or float64"),
    "an external link": (put(KERNEL, lambda f, n: f.__setitem__(n, h5py.ExternalLink("/a", "/"))), "is a link"),
    "a soft link": (put(KERNEL, lambda f, n: f.__setitem__(n, h5py.SoftLink("/layers/conv2d_1/vars/0"))), "is a link"),
    "external storage": (
        put(KERNEL, lambda f, n: f.create_dataset(n, (3, 3, 1, 5), "f4", external=[("/etc/passwd", 0, 180)])),
        "one piece in this file",
    ),
    "compressed": (
        put(KERNEL, lambda f, n: f.create_dataset(n, (3, 3, 1, 10**6), "f4", compression="gzip")), "one piece",
    ),
    "never written": (put(KERNEL, huge), "the file does not hold the 36,000,000,000 bytes"),
    "steps as text": (put("optimizer/vars/0", lambda f, n: f.__setitem__(n, "7")), "expected int32 or int64"),
    "negative steps": (put("optimizer/vars/0", lambda f, n: f.__setitem__(n, np.int64(-1))), "steps: expected an int"),
    "memories of another shape": (
        put("optimizer/vars/2", lambda f, n: f.create_dataset(n, data=np.ones(3, "f4"))), "the optimizer's memories",
    ),
    "a memory that is a link": (
        put("optimizer/vars/2", lambda f, n: f.__setitem__(n, h5py.SoftLink("/optimizer/vars/3"))), "is a link",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", H5)
def test_weights_that_are_refused(kind, members, tmp_path):
    change, message = H5[kind]
    content = io.BytesIO(members[WEIGHTS])
    with h5py.File(content, "a") as file:
        change(file)
    refused(zipped({**members, WEIGHTS: content.getvalue()}), message, tmp_path)


def test_there_are_many_kinds():
    assert len(ZIPS) + len(CONFIGS) + len(TEXTS) + len(H5) > 60


# -- damage anywhere --------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_a_changed_byte_is_refused(data, members, tmp_path_factory):
    """Every member has a checksum; what none covers is the directory, and the times in it."""
    content = bytearray(zipped(members))
    position = data.draw(st.integers(0, content.index(b"PK\1\2") - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("changed") / "model.keras"
    path.write_bytes(content)
    try:
        loaded = Sequential.load(path)
    except ModelFileError:
        return
    assert loaded.optimizer.steps == 2  # a byte of a local header that the directory has, too
