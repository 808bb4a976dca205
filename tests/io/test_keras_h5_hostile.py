"""Keras files that are damaged, of another kind, or made to harm: one documented error, and little memory."""

import json
import os
import struct
import tracemalloc
import warnings

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_files import keras_file
from small_models import small_mlp, small_stateful_cnn

from numpycnn import Conv2D, Dense, Flatten, ModelFileError, ReLU, Sequential
from numpycnn.io.keras_file import attributes


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Bytes of a small model file."""
    path = tmp_path_factory.mktemp("content") / "model.h5"
    small_stateful_cnn().save(path)
    return path.read_bytes()


@pytest.fixture
def load(tmp_path):
    def load_bytes(data):
        (tmp_path / "damaged.h5").write_bytes(data)
        return Sequential.load(tmp_path / "damaged.h5")

    return load_bytes


# -- damage -----------------------------------------------------------------------------------


def test_every_truncation_is_refused(content, load):
    for length in [*range(0, len(content), 499), len(content) - 1]:
        with pytest.raises(ModelFileError, match="damaged.h5: "):
            load(content[:length])


def test_a_flipped_byte_is_refused_or_loads(content, load):
    """HDF5 has no checksum over the weights; what is refused must be refused by the documented error."""
    refused = 0
    rng = np.random.default_rng(0)
    for position, mask in zip(rng.integers(0, len(content), 200), rng.integers(1, 256, 200)):
        changed = bytearray(content)
        changed[position] ^= mask
        try:
            load(bytes(changed))
        except ModelFileError:
            refused += 1
    assert refused > 20


@settings(max_examples=60, deadline=None, database=None)
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"PK\3\4", b"\x89HDF\r\n\x1a\n"]))
def test_arbitrary_bytes_are_refused(data, start, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "model.h5"
    path.write_bytes(start + data)
    with pytest.raises(ModelFileError):
        Sequential.load(path)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "expected an HDF5 file, got one that begins with b''"),
        (b"<!DOCTYPE html><html>404</html>", "begins with b'<!DOCTYP'"),
        (b"PK\3\4 a .keras or .npz file", "begins with b'PK"),
        (b"\x89HDF\r\n\x1a\n" + bytes(2000), "addresses and sizes of 8 bytes"),
    ],
)
def test_files_of_another_kind(data, message, load):
    with pytest.raises(ModelFileError, match=f"damaged.h5: .*{message}"):
        load(data)


def test_native_and_keras_files_under_each_others_name(tmp_path):
    small_mlp().save(tmp_path / "model.npz")
    (tmp_path / "model.npz").rename(tmp_path / "native.h5")
    with pytest.raises(ModelFileError, match="expected an HDF5 file"):
        Sequential.load(tmp_path / "native.h5")
    small_mlp().save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "keras.npz")
    with pytest.raises(ModelFileError, match="got an HDF5 file; a Keras file's name ends in .h5"):
        Sequential.load(tmp_path / "keras.npz")


# -- texts that HDF5 itself does not survive --------------------------------------------------


def heap_object(content, number):
    """Return where an object of the first heap begins."""
    heap = content.index(b"GCOL")
    position = heap + 16
    while struct.unpack_from("<H", content, position)[0] != number:
        kind, size = struct.unpack_from("<H6xQ", content, position)
        position += 16 + -(-size // 8) * 8 if kind else size
    return heap, position


def test_an_endless_heap_is_refused(content, load):
    """Without the check HDF5 would never come back from this."""
    _, free = heap_object(content, 0)
    changed = bytearray(content)
    changed[free + 8 : free + 16] = bytes(8)
    with pytest.raises(ModelFileError, match="its texts are damaged"):
        load(bytes(changed))


def reference_to_model_config(content):
    """Return where the 16 bytes lie that refer to the model's configuration: length, heap and number."""
    heap, number = content.index(b"GCOL"), 1
    while not content.startswith(b'{"class_name"', heap_object(content, number)[1] + 16):
        number += 1
    return content.index(struct.pack("<QI", heap, number)) - 4


@pytest.mark.parametrize("at, format_, value, message", [
    (0, "<I", 3_500_000_000, "promises a text of 3,500,000,000 bytes"),  # HDF5 would allocate them
    (0, "<I", 3, "promises a text of 3 bytes"),  # HDF5 would write beyond the three
    (4, "<Q", 2**63, "promises a text of .* bytes and has 0"),
    (4, "<Q", 1, "promises a text of .* bytes and has 0"),
    (12, "<I", 0, "promises a text of .* bytes and has 0"),  # the free rest
    (12, "<I", 2**31, "promises a text of .* bytes and has 0"),
])  # fmt: skip
def test_a_text_of_another_length_or_elsewhere_is_refused(at, format_, value, message, content, tmp_path):
    changed = bytearray(content)
    struct.pack_into(format_, changed, reference_to_model_config(content) + at, value)
    (tmp_path / "model.h5").write_bytes(changed)
    assert_refused_without_memory(tmp_path / "model.h5", message)


def test_the_check_itself_ends_soon():
    """Many heaps, or many tiny objects, must not keep the check busy."""
    start = bytes(8) + b"\x02\x08\x08" + bytes(5)
    with pytest.raises(ModelFileError, match="its texts are damaged"):
        attributes.find_texts(start + (b"GCOL\1\0\0\0" + struct.pack("<QQQ", 40, 1, 8)) * 10_000)
    tiny = struct.pack("<Q", 2**40) + struct.pack("<H6xQ", 0, 16) * 100_000
    with pytest.raises(ModelFileError, match="its texts are damaged"):
        attributes.find_texts(start + b"GCOL\1\0\0\0" + tiny)


def test_a_header_that_goes_round_is_refused():
    """The older header: 16 bytes, then one message, to go on at the very same place."""
    header = struct.pack("<BxHII4x", 1, 1, 1, 24) + struct.pack("<HHB3xQQ", 0x10, 16, 0, 16, 24)
    with pytest.raises(ModelFileError, match="its attributes are damaged"):
        attributes.attribute_data(header, 0, b"model_config")


def test_an_attribute_is_found_among_other_messages_and_shared_ones():
    def attribute(data, kind=attributes.ATTRIBUTE, flags=0):
        message = struct.pack("<BxHHH16s16x", 1, 13, 8, 8, b"model_config") + data
        return struct.pack("<HHB3x", kind, len(message), flags) + message

    messages = struct.pack("<HHB3x", 0, 0, 0) + attribute(b"no attribute", kind=5)  # nothing, and another kind
    messages += attribute(b"elsewhere", flags=attributes.SHARED) + attribute(b"{}")
    header = struct.pack("<8xI4x", len(messages)) + messages
    assert attributes.attribute_data(header, 0, b"model_config") == b"{}"


# -- files made to harm -----------------------------------------------------------------------

FLATTEN_DENSE = [("Flatten", {}), ("Dense", {"units": 2})]
KERNEL = "sequential/dense/array0"


def dense_file(folder, change=None, layers=FLATTEN_DENSE, arrays=((64, 2), (2,)), **options):
    arrays = {"dense": [np.ones(shape) for shape in arrays]}
    return keras_file(folder / "model.h5", layers, arrays, change=change, **options)


def assert_refused_without_memory(path, message):
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=message):
            Sequential.load(path)
        assert tracemalloc.get_traced_memory()[1] < 2e7
    finally:
        tracemalloc.stop()


def replaced(make):
    """Return a change that puts another kernel in place of Dense's; `make` gets its group and name."""

    def change(file):
        group = file["model_weights/dense"]
        del group[KERNEL]
        make(group, KERNEL)

    return change


def with_secret(folder):
    """Make another HDF5 file, whose content must not get into a model."""
    with h5py.File(folder / "secret.h5", "w") as file:
        file["secret"] = np.ones((64, 2), np.float32)
    (folder / "secret.raw").write_bytes(np.ones((64, 2), np.float32).tobytes())
    return folder / "secret.h5", folder / "secret.raw"


def virtual(secret, unlimited=False):
    layout = h5py.VirtualLayout((64, 2), np.float32, maxshape=(None, 2) if unlimited else None)
    layout[...] = h5py.VirtualSource(secret, "secret", (64, 2), np.float32)
    return layout


@pytest.mark.parametrize("kind", ["external link", "soft link", "external group", "virtual", "external storage"])
def test_nothing_outside_the_file_is_read(kind, tmp_path):
    secret, raw = with_secret(tmp_path)

    def make(group, name):
        if kind == "external link":
            group[name] = h5py.ExternalLink(str(secret), "/secret")
        elif kind == "soft link":
            group[name] = h5py.SoftLink("/elsewhere")
            group.file["elsewhere"] = np.ones((64, 2), np.float32)
        elif kind == "virtual":
            group.create_virtual_dataset(name, virtual(secret))
        elif kind == "external storage":
            group.create_dataset(name, (64, 2), np.float32, external=[(str(raw), 0, 512)])
        else:
            del group.file["model_weights"]
            group.file["model_weights"] = h5py.ExternalLink(str(secret), "/")

    path = dense_file(tmp_path, replaced(make))
    with pytest.raises(ModelFileError, match="is a link; expected it in its place|in one piece in this file"):
        Sequential.load(path)


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"chunks": (8, 2)}, {"shuffle": True}])
def test_compressed_or_chunked_arrays_are_refused(options, tmp_path):
    kernel = np.ones((64, 2), np.float32)
    path = dense_file(tmp_path, replaced(lambda group, name: group.create_dataset(name, data=kernel, **options)))
    with pytest.raises(ModelFileError, match="expected an array in one piece"):
        Sequential.load(path)


def huge_compressed(group, name):
    group.create_dataset(name, (64, 10**9), np.float32, compression="gzip")


def huge_unwritten(group, name):
    group.create_dataset(name, (64, 10**9), np.float32)


@pytest.mark.parametrize("make, message", [(huge_compressed, "one piece"), (huge_unwritten, "does not hold the 256,0")])
def test_an_array_that_claims_to_be_huge_is_refused_without_allocating(make, message, tmp_path):
    layers = [("Flatten", {}), ("Dense", {"units": 10**9, "use_bias": False})]
    path = dense_file(tmp_path, replaced(make), layers, arrays=((64, 2),))
    assert os.path.getsize(path) < 1e5
    assert_refused_without_memory(path, message)


@pytest.mark.parametrize(
    "layers, shape",
    [
        ([("Flatten", {}), ("Dense", {"units": 10**12})], (8, 8, 1)),
        ([("Flatten", {}), ("Dense", {"units": 2})], (10**6, 10**6, 1)),
        ([("Flatten", {}), ("Dense", {"units": 2})], (7, 8, 1)),
    ],
)
def test_a_model_that_claims_to_be_huge_is_refused_without_allocating(layers, shape, tmp_path):
    path = dense_file(tmp_path, layers=layers, shape=shape)
    message = "layer .(dense|flatten).*(expected starting values of shape|at most 8 GiB|2147483647)"
    assert_refused_without_memory(path, message)


def test_many_names_for_one_array_do_not_multiply_it(tmp_path):
    """A kernel of 4 MB with a hundred names would be 400 MB of layers."""
    shapes = [(1000, 1000)]
    names = ["dense"] + [f"dense_{i}" for i in range(1, 100)]

    def change(file):
        weights = file["model_weights"]
        for name in names[1:]:
            del weights[name]
            weights[name] = weights["dense"]

    layers = [("Dense", {"units": 1000, "use_bias": False})] * len(names)
    path = dense_file(tmp_path, change, layers, shapes, shape=(1000,))
    assert_refused_without_memory(path, "its arrays are larger than the file")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda file: file.pop("model_weights"), "there is no 'model_weights'"),
        (lambda file: file["model_weights"].pop("dense"), "there is no 'dense'"),
        (lambda file: file["model_weights/dense"].pop(KERNEL), "there is no 'sequential/dense/array0'"),
        (lambda file: file["model_weights/dense"].attrs.pop("weight_names"), "there is no list 'weight_names'"),
        (lambda file: file["model_weights/dense"].attrs.create("weight_names", [b"x"]), r"shape \(2,\), got \(1,\)"),
        (lambda file: file["model_weights/dense"].attrs.create("weight_names", [b"", b"."]), "there is no ''"),
        (lambda file: file["model_weights/dense"].attrs.create("weight_names", [1, 2]), "expected text, got int64"),
        (lambda file: file["model_weights/dense"].attrs.create("weight_names", [b"x" * 2000] * 2), "at most 1,000"),
        (replaced(lambda group, name: group.create_group(name)), "expected a dataset"),
        (replaced(lambda group, name: group.create_dataset(name, data=np.ones((64, 3), "f4"))), r"got \(64, 3\)"),
        (replaced(lambda group, name: group.create_dataset(name, data=np.ones((64, 2), "i8"))), "got int64"),
        (replaced(lambda group, name: group.create_dataset(name, data=np.ones((64, 2), "f2"))), "got float16"),
        (replaced(lambda group, name: group.create_dataset(name, data=[b"x"] * 64)), "expected float32 or float64"),
        (replaced(lambda group, name: group.create_dataset(name, data=h5py.Empty("f4"))), "got float32 None"),
        (lambda file: file.attrs.create("model_config", 3), "expected text, got int64"),
        (lambda file: file.attrs.create("model_config", ["{}", "{}"]), r"expected strings of shape \(\)"),
        (lambda file: file.attrs.create("model_config", "{no json"), "JSONDecodeError"),
        (lambda file: file.attrs.create("model_config", "[" * 200_000), "RecursionError"),
        (lambda file: file.attrs.create("model_config", " " * (4 * 2**20 + 1)), "at most 4,194,304 characters"),
        (lambda file: file.attrs.create("model_config", "[1, 2]"), "damaged or of another kind"),
        (lambda file: file.attrs.create("training_config", '{"loss": "mse"}'), "KeyError: 'optimizer_config'"),
        (lambda file: file.attrs.create("training_config", '["mse"]'), "damaged or of another kind"),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_refused(change, message, tmp_path):
    path = dense_file(tmp_path, change)
    with pytest.raises(ModelFileError, match=message):
        Sequential.load(path)


def test_too_many_layers_are_refused(tmp_path):
    path = keras_file(tmp_path / "model.h5", [])
    described = [{"class_name": "ReLU", "config": {}}] * 50_000
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": described}})
    with pytest.raises(ModelFileError, match="expected at most 1000 layers, got 50000"):
        Sequential.load(path)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


def spots(value, path=()):
    """Yield the path of every value in a JSON document."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from spots(value[key], (*path, key))


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """Return a file, its configurations, and a list of (which one, a spot in it)."""
    path = tmp_path_factory.mktemp("json") / "model.h5"
    model = Sequential([Conv2D(2, 3, padding=1), ReLU(), Flatten(), Dense(3)], input_shape=(4, 4, 1), seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(path)
    with h5py.File(path) as file:
        configs = {name: json.loads(file.attrs[name]) for name in ("model_config", "training_config")}
    return path, configs, [(name, spot) for name, config in configs.items() for spot in spots(config) if spot]


@settings(max_examples=100, deadline=None, database=None)
@given(data=st.data())
def test_any_value_anywhere_in_a_configuration_is_refused_or_loads(data, model_file):
    path, configs, places = model_file
    name, spot = data.draw(st.sampled_from(places))
    config = json.loads(json.dumps(configs[name]))
    holder = config
    for key in spot[:-1]:
        holder = holder[key]
    holder[spot[-1]] = data.draw(anything)
    with h5py.File(path, "a") as file:
        file.attrs[name] = json.dumps(config)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # what was compiled may not exist here
            Sequential.load(path)
    except ModelFileError:
        pass
    finally:
        with h5py.File(path, "a") as file:
            file.attrs[name] = json.dumps(configs[name])
