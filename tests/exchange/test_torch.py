"""PyTorch: state dicts written and read, without PyTorch; what holds more than tensors is refused, not executed."""

import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from exchanged_models import MODELS, channels_first, channels_last, made
from places import TESTS
from safetensors.numpy import load_file, save_file
from small_models import small_cnn, small_stateful_cnn, weights_equal

import numpycnn as nc
from numpycnn import Conv2D, Dense, Flatten, MaxPool2D, ModelFileError, Sequential
from numpycnn.command.recipes import RECIPES
from numpycnn.exchange.torch import load_state_dict, read_state_dict, save_state_dict, sequential_code
from numpycnn.exchange.torch import state_dict as state_dict_module
from numpycnn.exchange.torch.archive import rebuild_tensor
from numpycnn.exchange.torch.modules import WRITERS

RECORDED = TESTS / "exchange" / "recorded"


def network():
    """The network that wrote the recorded files, see ``record_peers.py``."""
    layers = [Conv2D(4, 3), nc.BatchNorm(epsilon=1e-5), nc.ReLU(), MaxPool2D(2), Flatten(), Dense(3)]
    return Sequential(layers, input_shape=(12, 12, 1), seed=0)


def test_every_layer_has_a_module():
    assert {layer.__name__ for layer in WRITERS} == set(nc.layers.__all__) - {"Layer"}


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_back(name, tmp_path):
    model, _ = made(name)
    save_state_dict(model, tmp_path / "w.safetensors")
    again = MODELS[name]()
    load_state_dict(again, tmp_path / "w.safetensors")
    assert weights_equal(again, model)
    assert sequential_code(model).startswith("from torch import nn\n")
    compile(sequential_code(model), "code", "exec")


def test_whoever_loads_them_as_a_model_is_told_where_they_go(tmp_path):
    save_state_dict(network(), tmp_path / "w.safetensors")
    for path in (tmp_path / "w.safetensors", *sorted(RECORDED.glob("state*.pt"))):
        with pytest.raises(ModelFileError, match=r"exchange.torch.load_state_dict\(model, path\)$"):
            nc.Sequential.load(path)


def test_names_layouts_and_code_are_pytorch_s(tmp_path):
    model = Sequential([Conv2D(3, 2), nc.BatchNorm(), Flatten(), Dense(4)], input_shape=(3, 4, 2), seed=0)
    save_state_dict(model, tmp_path / "w.safetensors")
    found = load_file(tmp_path / "w.safetensors")
    assert {name: array.shape for name, array in found.items()} == {
        "0.weight": (3, 2, 2, 2), "0.bias": (3,), "1.weight": (3,), "1.bias": (3,), "1.running_mean": (3,),
        "1.running_var": (3,), "1.num_batches_tracked": (), "3.weight": (4, 18), "3.bias": (4,),
    }  # fmt: skip
    weight, dense = model.layers[0].parameters[0].value, model.layers[3].parameters[0].value  # 2 x 3 pixels of 3
    np.testing.assert_array_equal(found["0.weight"][1, 0], weight[:, :, 0, 1])
    np.testing.assert_array_equal(found["3.weight"][:, 2 * 6 + 4], dense[4 * 3 + 2])  # channel 2 of pixel 4
    assert sequential_code(model) == (
        "from torch import nn\n\nmodel = nn.Sequential(\n    nn.Conv2d(2, 3, 2),  # 0\n"
        "    nn.BatchNorm2d(3, eps=0.001, momentum=0.01),  # 1\n    nn.Flatten(),  # 2\n    nn.Linear(18, 4),  # 3\n)\n"
    )


@pytest.mark.parametrize("path", sorted(RECORDED.glob("state*.pt")), ids=lambda path: path.stem)
def test_what_pytorch_saved_is_read(path):
    """Protocols 2 and 4, a checkpoint, parameters; half precision and bfloat16, which are less exact."""
    model = network()
    load_state_dict(model, path)
    with np.load(RECORDED / "state.npz") as recorded:
        x, y = channels_last(recorded["x"]), recorded["y"]
    limit = 0.02 if path.stem.endswith(("half", "bfloat16")) else 1e-6
    np.testing.assert_allclose(model.predict(x), y, atol=limit)


def stored(dtype, arrays):
    """Return a file of safetensors whose numbers have a dtype that NumPy may not have."""
    header, end = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values())


def test_bfloat16_of_safetensors_is_read(tmp_path):
    path, model = tmp_path / "w.safetensors", network()
    save_state_dict(model, path)
    kept = {name: a for name, a in load_file(path).items() if a.dtype == np.float32}
    halves = {name: (a.view(np.uint32) >> 16).astype(np.uint16) for name, a in kept.items()}
    path.write_bytes(stored("BF16", halves))
    found = read_state_dict(path)
    for name, array in kept.items():
        assert found[name].dtype == np.float32 and found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=2**-7)
    load_state_dict(network(), path)
    path.write_bytes(stored("F8_E4M3", {name: a.astype(np.uint8) for name, a in halves.items()}))
    with pytest.raises(ModelFileError, match=r"\d\.\w+: expected one of F64, F32, .*got F8_E4M3; save it as float32"):
        load_state_dict(model, path)


def test_an_order_says_which_module_is_which(tmp_path):
    model = network()
    arrays = read_state_dict(RECORDED / "state.pt")
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="order: expected the modules' names in order, .*'bn', 'conv1', 'fc'"):
        load_state_dict(model, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="order: expected each of .* once"):
        load_state_dict(model, tmp_path / "w.safetensors", ["conv1", "fc"])
    with pytest.raises(ModelFileError, match="'bn', for Conv2D.*expected .'bias', 'weight'., got"):
        load_state_dict(model, tmp_path / "w.safetensors", ["bn", "conv1", "fc"])
    load_state_dict(model, tmp_path / "w.safetensors", ["conv1", "bn", "fc"])
    expected = network()
    load_state_dict(expected, RECORDED / "state.pt")
    assert weights_equal(model, expected)


MISFITS = {
    "another shape": (lambda a: {**a, "0.weight": a["0.weight"][:2]}, r"expected weight of shape \(6, 1, 3, 3\)"),
    "one module less": (lambda a: {n: v for n, v in a.items() if not n.startswith("8")}, "expected 4 modules"),
    "no bias": (lambda a: {n: v for n, v in a.items() if n != "0.bias"}, "expected .'bias', 'weight'., got .'weight'"),
    "integers": (lambda a: {**a, "0.bias": a["0.bias"].astype(int)}, "expected floats, got int64"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_leaves_the_model_alone(name, tmp_path):
    model = small_cnn()
    save_state_dict(model, tmp_path / "w.safetensors")
    change, message = MISFITS[name]
    save_file({n: np.ascontiguousarray(a) for n, a in change(load_file(tmp_path / "w.safetensors")).items()},
              tmp_path / "w.safetensors")
    other = small_cnn(seed=1)
    before = other.get_weights()
    with pytest.raises(ModelFileError, match=message):
        load_state_dict(other, tmp_path / "w.safetensors")
    assert weights_equal(other.get_weights(), before)


def test_a_norm_without_gamma_takes_ones_alone(tmp_path):
    model = Sequential([nc.BatchNorm(scale=False)], input_shape=(3,))
    save_state_dict(model, tmp_path / "w.safetensors")
    arrays = load_file(tmp_path / "w.safetensors")
    assert (arrays["0.weight"] == 1).all()
    save_file({**arrays, "0.weight": arrays["0.weight"] * 2}, tmp_path / "w.safetensors")
    with pytest.raises(ModelFileError, match="0.weight: expected 1.0 throughout"):
        load_state_dict(model, tmp_path / "w.safetensors")


def test_pooling_that_pytorch_lacks_and_layers_of_one_s_own_are_refused():
    model = Sequential([nc.AvgPool2D((2, 4), strides=1, padding="same")], input_shape=(7, 6, 2))
    with pytest.raises(ValueError, match="expected as many zeros on opposite sides"):
        sequential_code(model)

    class Twice(nc.ReLU):
        pass

    with pytest.raises(TypeError, match="Twice.*expected a layer of numpycnn's own"):
        sequential_code(Sequential([Twice()], input_shape=(3,)))


# -- hostile files -------------------------------------------------------------------------------------------------

GOOD = (RECORDED / "state.pt").read_bytes()
EXECUTED = []


class Poison:
    def __reduce__(self):
        return EXECUTED.append, ("executed",)


class Shell:
    def __reduce__(self):
        return os.system, ("touch executed",)


def archive(program, **members):
    """Return a file of torch.save's with this pickle."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as written:
        for name, content in {"data.pkl": program, **members}.items():
            written.writestr(f"archive/{name.replace('__', '/')}", content)
    return stream.getvalue()


def tensor(count=4, offset=0, shape=(2, 2), strides=(2, 1), storage="torch FloatStorage"):
    """Return the pickle of {"w": a tensor} with these numbers."""
    out = [b"\x80\x02}X\x01\x00\x00\x00w", b"ctorch._utils\n_rebuild_tensor_v2\n("]
    out += [b"(X\x07\x00\x00\x00storagec", storage.replace(" ", "\n").encode(), b"\nX\x01\x00\x00\x000"]
    out += [b"X\x03\x00\x00\x00cpu", number(count), b"tQ", number(offset)]
    out += [b"(" + b"".join(map(number, values)) + b"t" for values in (shape, strides)]
    return b"".join([*out, b"\x89NtRs."])


def number(n):
    return b"\x8a\x09" + int(n).to_bytes(9, "little", signed=True)


def tensors(**options):
    return archive(tensor(**options), data__0=struct.pack("<4f", 1, 2, 3, 4))


def test_the_forged_tensor_is_a_good_one_otherwise(tmp_path):
    (tmp_path / "w.pt").write_bytes(tensors())
    assert read_state_dict(tmp_path / "w.pt")["w"].tolist() == [[1, 2], [3, 4]]


HOSTILE = {
    "empty": (b"", "expected a zip"), "text": (b"hello", "expected a zip"), "a pickle": (pickle.dumps({}), "a zip"),
    "truncated": (GOOD[:-200], "zip|damaged"), "a half": (GOOD[: len(GOOD) // 2], "expected a zip"),
    "no pickle": (archive(b"").replace(b"data.pkl", b"data.xyz"), "one member data.pkl"),
    "a module": ((RECORDED / "module.pt").read_bytes(), "tensors alone, got the name '.*Net'; nothing of it was exec"),
    "a poisoned pickle": (archive(pickle.dumps({"w": Poison()})), "nothing of it was executed"),
    "a poisoned pickle of old": (archive(pickle.dumps({"w": Poison()}, 0)), "nothing of it was executed"),
    "a shell": (archive(pickle.dumps(Shell(), 2)), "got the name 'posix.system'|'nt.system'"),
    "an instance": (archive(b"(ios\nsystem\n."), "the instruction INST"),
    "an extension": (archive(b"\x82\x01."), "the instruction EXT1"),
    "not tensors": (archive(pickle.dumps({"w": 1}, 2)), "expected a state dict"),
    "a deep key": (archive(b"}" + b")" + b"\x85" * 20_000 + b"K\x01s."), "texts or integers as the keys"),
    "a short stack": (archive(b"\x87."), "expected"), "no end": (archive(b"}"), "expected"),
    "a memory of 2**31": (archive(b"}r\xff\xff\xff\x7f."), "expected a state dict"),
    "too many numbers": (tensors(count=5), "expected 5 numbers"),
    "terabytes": (tensors(shape=(2**20, 2**20)), "at most the storage's 4"),
    "spread out": (tensors(shape=(2**40,), strides=(0,)), "at most the storage's 4"),
    "before it": (tensors(offset=-1), "of at least 0"), "beyond it": (tensors(offset=1), "within the storage's 4"),
    "wide strides": (tensors(strides=(2**62, 2**62)), "within the storage's 4"),
    "backwards": (tensors(strides=(-1, 1)), "of at least 0"), "ranks": (tensors(strides=(1,)), "at most the storage"),
    "another storage": (tensors(storage="os system"), "got the name 'os.system'"),
    "no storage": (archive(tensor()), "damaged"),
    "a call of a number": (archive(b"K\x01)R."), "expected a name to be called"),
    "a call with a number": (archive(b"ccollections\nOrderedDict\nK\x00R."), "expected a name to be called"),
    "a huge pickle": (archive(bytes(2**22 + 1)), "at most 4,194,304 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_the_documented_error_and_nothing_is_executed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, message = HOSTILE[name]
    (tmp_path / "w.pt").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=message):
            read_state_dict(tmp_path / "w.pt")
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    assert EXECUTED == [] and not (tmp_path / "executed").exists()


def test_a_compressed_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("archive/data.pkl", bytes(2**24))
    with pytest.raises(ModelFileError, match="expected uncompressed members"):
        read_state_dict(tmp_path / "w.pt")


def test_every_changed_byte_is_read_or_refused(tmp_path):
    rng, outcomes = np.random.default_rng(0), set()
    for position in rng.integers(len(GOOD), size=100):
        broken = bytearray(GOOD)
        broken[position] ^= int(rng.integers(1, 256))
        (tmp_path / "w.pt").write_bytes(broken)
        try:
            outcomes.add(type(read_state_dict(tmp_path / "w.pt")))
        except ModelFileError:
            outcomes.add(ModelFileError)
    assert outcomes == {dict, ModelFileError}


def test_nobody_writes_through_a_tensor_into_others_of_its_storage():
    tensor = rebuild_tensor(np.arange(6), 1, (2, 2), (2, 1))
    assert tensor.tolist() == [[1, 2], [3, 4]] and not tensor.flags.writeable


@pytest.mark.parametrize("content", [b"", b"hello, world", b"\xff" * 64, b"\x02" + bytes(7) + b"{}"])
def test_damaged_safetensors_are_refused(content, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="expected a state_dict of PyTorch|expected 3 modules"):
        load_state_dict(network(), tmp_path / "w.safetensors")


# -- with PyTorch itself -------------------------------------------------------------------------------------------


def in_pytorch(model, folder):
    """Return the module that the code and the file make, and a function from our inputs to its outputs as ours."""
    torch = pytest.importorskip("torch", reason="too large for every test run")
    load = pytest.importorskip("safetensors.torch").load_file
    names, dtype = {}, getattr(torch, model.dtype.name)
    exec(sequential_code(model), names)
    theirs = names["model"].to(dtype).eval()
    save_state_dict(model, folder / "w.safetensors")
    theirs.load_state_dict(load(folder / "w.safetensors"))

    def outputs(x):
        with torch.no_grad():
            return channels_last(theirs(torch.from_numpy(channels_first(x)).to(dtype)).numpy())

    return theirs, outputs


def check_the_way_back(theirs, model, again, folder):
    """What PyTorch saves comes back bit by bit."""
    import torch

    if any(module.state_dict() for module in theirs):
        torch.save(theirs.state_dict(), folder / "w.pt")
        load_state_dict(again, folder / "w.pt")
        assert weights_equal(again, model)


@pytest.mark.campaign
@pytest.mark.parametrize("name", MODELS)
def test_pytorch_itself(name, tmp_path):
    """The code and the weights give the same outputs in PyTorch."""
    model, x = made(name)
    theirs, outputs = in_pytorch(model, tmp_path)
    np.testing.assert_allclose(outputs(x), model.forward(x), rtol=1e-5, atol=1e-5)
    check_the_way_back(theirs, model, MODELS[name](), tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_in_pytorch_itself(name, tmp_path):
    """Of 1,000 real images: the logits as parts of the largest one, which is about 15, within 1e-6 in float32.

    Both round: probabilities differ by up to 2e-6, and by as much from those in float64, where all agree to 1e-12.
    Prints the differences, and the errors in float32: ``pytest -m campaign -s -k recipe``.
    """
    (x, y), (images, _) = nc.load_mnist()
    images, truth, line = (images[:1000, ..., None] / 255).astype(np.float32), [], f"\n{name:10}"
    trained = RECIPES[name].network(seed=0)
    trained.compile("adam", nc.SoftmaxCrossEntropy())
    trained.fit(x[:6400, ..., None] / 255, y[:6400], 64, 1, 0)
    for dtype, bar in (("float64", 1e-12), ("float32", 1e-6)):
        model, again = (RECIPES[name].network(seed=seed, dtype=dtype) for seed in (1, 2))
        model.set_weights(trained.get_weights())
        theirs, outputs = in_pytorch(model, tmp_path)
        logits = model.forward(images.astype(dtype)), outputs(images)
        worst = np.abs(logits[0] - logits[1]).max() / np.abs(logits[0]).max()
        assert worst < bar and np.array_equal(logits[0].argmax(axis=1), logits[1].argmax(axis=1))
        ours, other = map(softmax, logits)
        truth = truth or [ours]
        errors = [np.abs(p - truth[0]).max() for p in (ours, other)]
        line += f" {dtype}: logits {worst:.1e} probabilities {np.abs(ours - other).max():.1e}"
        check_the_way_back(theirs, model, again, tmp_path)
    print(f"{line} errors of probabilities: here {errors[0]:.1e}, PyTorch {errors[1]:.1e}")


def softmax(logits):
    powers = np.exp(logits.astype(float) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_the_names_that_a_small_model_has(tmp_path):
    model = small_stateful_cnn()
    with pytest.raises(ValueError, match="path: expected a name that ends in .safetensors, got 'a.pt'"):
        save_state_dict(model, "a.pt")
    with pytest.raises(RuntimeError, match="not built"):
        save_state_dict(Sequential([Dense(3)]), tmp_path / "w.safetensors")


def test_modules_of_one_parent_are_in_the_order_of_their_numbers_and_others_as_in_the_file():
    one, two = dict.fromkeys(["net.10", "net.2", "net.0"]), dict.fromkeys(["net.3", "head.1", "net.0"])
    assert state_dict_module._in_order(one, False, None) == ["net.0", "net.2", "net.10"]
    assert state_dict_module._in_order(two, True, None) == list(two)
    with pytest.raises(ValueError, match="safetensors keeps none"):
        state_dict_module._in_order(two, False, None)
