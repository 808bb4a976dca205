"""ONNX: every layer as a graph, and back; graphs of other exporters; ONNX's own tests of operators; hostile files."""

import functools
import tracemalloc
import warnings

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
from exchanged_models import MODELS, channels_first, channels_last, made
from onnx import TensorProto, helper, numpy_helper
from places import TESTS
from small_models import make_images, small_cnn, small_stateful_cnn, weights_equal

import numpycnn as nc
from numpycnn import InputFormat, ModelFileError, Sequential, architectures
from numpycnn.exchange.onnx import file, to_onnx
from numpycnn.exchange.onnx.operators import READERS
from numpycnn.exchange.onnx.write import WRITERS

RECORDED = TESTS / "exchange" / "recorded"


def run(proto, x):
    """Return what ONNX Runtime makes of x, (N, H, W, C) or vectors."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return channels_last(session.run(None, {session.get_inputs()[0].name: channels_first(x)})[0])


def loaded(proto, folder):
    path = folder / "model.onnx"
    path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    return Sequential.load(path)


# -- to ONNX, and back ------------------------------------------------------------------------------------------


def test_every_layer_is_in_a_model():
    models = [model() for model in MODELS.values()]
    assert {type(layer) for model in models for layer in model.layers} == set(WRITERS)
    assert {layer.__name__ for layer in WRITERS} == set(nc.layers.__all__) - {"Layer"}


@pytest.mark.parametrize("name", MODELS)
def test_a_layer_computes_the_same_in_onnx_and_after_it(name, tmp_path):
    model, x = made(name)
    expected = model.predict(x)
    proto = to_onnx(model)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_allclose(run(proto, x), expected, rtol=1e-5, atol=1e-5)
    reference = onnx.reference.ReferenceEvaluator(proto).run(None, {"input": channels_first(x)})[0]
    np.testing.assert_allclose(channels_last(reference), expected, rtol=1e-5, atol=1e-5)
    again = loaded(proto, tmp_path)
    assert again.input_shape == model.input_shape and again.output_shape == model.output_shape
    np.testing.assert_allclose(again.predict(x), expected, rtol=1e-5, atol=1e-5)


def test_a_layer_of_each_channel_alone_is_one_again(tmp_path):
    model = nc.Sequential([nc.DepthwiseConv2D(3, depth_multiplier=2)], (5, 5, 2), seed=0)
    assert repr(loaded(to_onnx(model), tmp_path)) == repr(model)


@pytest.mark.parametrize("shape", [(20, 1, 5), (4, 3, 2), (5, 5, 2)])
@pytest.mark.parametrize("layers", [(nc.Sigmoid,), (nc.Flatten,), (nc.Tanh, nc.Flatten, lambda: nc.Dense(3))])
def test_layers_that_say_nothing_of_channels_are_read_with_the_same_axes(layers, shape, tmp_path):
    """Among such nodes (5, 20, 1) looks like 5 x 20 pixels of one channel."""
    model = Sequential([layer() for layer in layers], shape, seed=0)
    again = loaded(to_onnx(model), tmp_path)
    assert again.input_shape == shape
    x = np.random.default_rng(0).normal(size=(2, *shape))
    np.testing.assert_allclose(again.predict(x), model.predict(x), atol=1e-6)


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_a_classifier_keeps_all_that_prediction_needs(make, tmp_path):
    model, (x, y) = make(), make_images()
    model.train_on_batch(x, y)
    model.input_format = InputFormat((12, 12), scale=0.5, class_names=("a", "b", "c", "d"))
    model.save(tmp_path / "model.onnx")
    found = onnx.load(tmp_path / "model.onnx")
    assert (found.ir_version, found.opset_import[0].version, found.graph.output[0].name) == (8, 17, "probabilities")
    assert [d.dim_param or d.dim_value for d in found.graph.input[0].type.tensor_type.shape.dim] == ["N", 1, 12, 12]
    assert {p.key: p.value for p in found.metadata_props}["class_names"] == '["a", "b", "c", "d"]'
    np.testing.assert_allclose(run(found, x), model.predict(x), atol=1e-6)
    again = Sequential.load(tmp_path / "model.onnx")
    assert weights_equal(again, model) and again.input_format == model.input_format
    assert [repr(a) for a in again.layers] == [repr(a) for a in model.layers]
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert isinstance(again.loss, nc.SoftmaxCrossEntropy)
    again.evaluate(x, y)


def test_a_yes_or_no_question_ends_in_a_sigmoid():
    model = Sequential([nc.Dense(2)], input_shape=(3,), seed=0)
    model.compile("adam", nc.BinaryCrossEntropy())
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(run(to_onnx(model), x), model.predict(x), atol=1e-6)
    model.compile("adam", nc.BinaryCrossEntropy(predict_logits=True))
    np.testing.assert_allclose(run(to_onnx(model), x), model.predict(x), atol=1e-6)


def test_a_layer_of_one_s_own_is_refused(tmp_path):
    class Twice(nc.ReLU):
        pass

    with pytest.raises(TypeError, match="Twice.*expected a layer of numpycnn's own"):
        Sequential([Twice()], input_shape=(3,)).save(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.campaign
@pytest.mark.parametrize("name", architectures.__all__)
def test_every_network_on_ten_thousand_images(name, tmp_path):
    model = getattr(architectures, name)(seed=0)
    model.compile("adam", nc.SoftmaxCrossEntropy())
    (x, y), (x_test, _) = nc.load_mnist()
    model.fit(x[:6400, ..., None] / 255, y[:6400], 64, 1, verbose=0)
    x_test = (x_test[..., None] / 255).astype(np.float32)
    expected = model.predict(x_test)
    model.save(tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    reference = onnx.reference.ReferenceEvaluator(proto)
    referred = reference.run(None, {"input": channels_first(x_test[:200])})[0]
    for found in (run(proto, x_test), Sequential.load(tmp_path / "model.onnx").predict(x_test)):
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    np.testing.assert_allclose(referred, expected[:200], atol=1e-5)


# -- from other exporters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.onnx")), ids=lambda path: path.stem)
def test_a_model_of_another_exporter_predicts_the_same(path):
    with np.load(path.with_suffix(".npz")) as recorded:
        x, y = recorded["x"], recorded["y"]
    x = channels_last(x) if path.stem.startswith("torch") else x
    model = Sequential.load(path)
    assert model.input_shape == x.shape[1:]
    np.testing.assert_allclose(model.predict(x), y, rtol=1e-5, atol=1e-5)
    assert not {nc.Reshape, nc.Rescale} & {type(layer) for layer in model.layers[1:]}  # what shapes need is no layer


# ONNX's own tests of one operator each, for the operators that are read here. The second number counts those whose
# model is computed as ONNX says; all others are refused: 116 casts from and to other types, 30 other types, inputs
# without a batch, what mixes the batch's rows, one or three axes of pixels, training, windows that no layer here has.
OWN_TESTS = 344, 96


@functools.cache
def own_tests():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the numbers that are in the cases
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    return [case for case in cases if case.model is not None and len(case.model.graph.node) == 1
            and case.model.graph.node[0].op_type in READERS and not case.model.graph.node[0].domain]  # fmt: skip


@pytest.mark.campaign
def test_onnx_s_own_tests(tmp_path):
    """The first input is the model's, the others are its weights; the first output is compared."""
    passed = 0
    for case in own_tests():
        (x, *others), (expected, *_) = case.data_sets[0]
        if not all(hasattr(array, "dtype") for array in (x, *others)):  # sequences
            continue
        proto = onnx.ModelProto()
        proto.CopyFrom(case.model)
        del proto.graph.output[1:]
        for value, array in zip(proto.graph.input[1:], others):
            proto.graph.initializer.append(numpy_helper.from_array(array, value.name))
        try:
            model = loaded(proto, tmp_path)
        except ModelFileError:
            continue
        images = x.ndim == 4 and proto.graph.node[0].op_type in ("Conv", "BatchNormalization") or (
            x.ndim == 4 and model.input_shape != x.shape[1:]) or "Pool" in proto.graph.node[0].op_type  # fmt: skip
        y = model.predict(channels_last(x) if images else x)
        y = (channels_first(y) if images else y).reshape(expected.shape)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5, err_msg=case.name)
        passed += 1
    if onnx.__version__.startswith("1.23"):
        assert (len(own_tests()), passed) == OWN_TESTS
    assert passed >= 60


# -- graphs that say it otherwise ------------------------------------------------------------------------------


def graph(*nodes, shape=(1, 4, 4), dtype=TensorProto.FLOAT, opset=17, output=None, **arrays):
    """Return a model of nodes (kind, names of inputs, name of the output, attributes)."""
    made = [helper.make_node(kind, inputs.split(), outputs.split(), **a) for kind, inputs, outputs, a in nodes]
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    inner = helper.make_graph(
        made, "g", [helper.make_tensor_value_info("x", dtype, ["N", *shape])],
        [helper.make_tensor_value_info(output or made[-1].output[0], dtype, None)], weights,
    )  # fmt: skip
    return helper.make_model(inner, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


F4 = np.float32
FILTERS = {"w": normal(2, 1, 3, 3)}
EQUAL = {
    "SAME_LOWER": graph(("Conv", "x w", "y", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}), **FILTERS),
    "SAME_UPPER": graph(("Conv", "x w", "y", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}), **FILTERS),
    "asymmetric pads": graph(("Conv", "x w", "y", {"pads": [2, 0, 1, 1]}), **FILTERS),
    "a bias of its own": graph(("Conv", "x w", "a", {}), ("Add", "a b", "y", {}), b=normal(1, 2, 1, 1), **FILTERS),
    "a norm that was computed": graph(
        ("Conv", "x w", "a", {}), ("Mul", "a s", "b", {}), ("Add", "b o", "y", {}), s=normal(2, 1, 1),
        o=normal(2, 1, 1), **FILTERS),
    "ceil_mode": graph(("MaxPool", "x", "y", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})),
    "counted zeros": graph(("AveragePool", "x", "y", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1],
                                                      "count_include_pad": 1})),
    "MatMul, Add": graph(("MatMul", "x w", "a", {}), ("Add", "b a", "y", {}), shape=(4,), w=normal(4, 3), b=normal(3)),
    "Gemm with factors": graph(("Gemm", "x w b", "y", {"alpha": 0.5, "beta": 2.0, "transB": 1}), shape=(4,),
                               w=normal(3, 4), b=normal(1, 3)),
    "pixels less their mean": graph(("Sub", "x m", "a", {}), ("Div", "a d", "y", {}), shape=(4,), m=F4(0.4),
                                    d=F4(0.25)),
    "one less": graph(("Sub", "m x", "y", {}), shape=(4,), m=F4(1)),
    "flattened images": graph(("Flatten", "x", "a", {}), ("Gemm", "a w", "y", {}), shape=(3, 4, 5), w=normal(60, 2)),
    "mean of the pixels": graph(("ReduceMean", "x", "a", {"axes": [2, 3], "keepdims": 0}), ("Gemm", "a w", "y", {}),
                                shape=(3, 4, 5), w=normal(3, 2)),
    "one pixel, squeezed": graph(("GlobalMaxPool", "x", "a", {}), ("Squeeze", "a s", "y", {}), shape=(3, 4, 5),
                                 s=np.array([2, 3])),
    "softmax of old": graph(("Softmax", "x", "y", {}), shape=(5,), opset=9),
    "double": graph(("Gemm", "x w", "y", {}), shape=(4,), dtype=TensorProto.DOUBLE, w=np.eye(4)),
    "one slope": graph(("PRelu", "x s", "y", {}), shape=(4,), s=np.full(1, 0.2, F4)),
    "GELU": graph(("Gelu", "x", "y", {"approximate": "tanh"}), shape=(4,), opset=20),
    "a norm of whole images": graph(
        ("Conv", "x w", "a", {}), ("LayerNormalization", "a g b", "y", {"axis": 1}), g=normal(2, 2, 2),
        b=normal(2, 2, 2), **FILTERS),
    "a norm of whole images first": graph(
        ("LayerNormalization", "x g", "a", {"axis": -3}), ("Conv", "a w", "y", {}), g=normal(1, 4, 4), **FILTERS),
    "a norm of tables": graph(("LayerNormalization", "x g", "y", {"axis": 1}), shape=(3, 4), g=normal(3, 4)),
    "zeros around": graph(("Pad", "x p", "a", {}), ("MaxPool", "a", "y", {"kernel_shape": [2, 2]}),
                          p=np.array([0, 0, 1, 0, 0, 0, 0, 2])),
    "zeros that are computed": graph(  # of PyTorch's (left, right, above, below): the axes in the opposite order
        ("Concat", "p zeros", "a", {"axis": 0}), ("Reshape", "a pairs", "b", {}),
        ("Slice", "b end begin first back", "c", {}), ("Transpose", "c", "d", {"perm": [1, 0]}),
        ("Reshape", "d flat", "e", {}), ("Cast", "e", "pads", {"to": 7}),
        ("Pad", "x pads", "f", {}), ("Conv", "f w", "y", {}), shape=(3, 9, 11), w=normal(4, 3, 3, 3),
        p=np.array([1, 2, 0, 3]), zeros=np.zeros(4, np.int64), pairs=np.array([-1, 2]), flat=np.array([-1]),
        end=np.array([-1]), begin=np.array([-(2**63) + 1]), first=np.array([0]), back=np.array([-1])),
    "zeros around two axes": graph(("Pad", "x p c a", "b", {}), ("MaxPool", "b", "y", {"kernel_shape": [2, 2]}),
                                   opset=18, p=np.array([1, 0, 0, 2]), c=F4(0), a=np.array([2, -1])),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_a_graph_is_read_as_onnx_runtime_runs_it(name, tmp_path):
    model = loaded(EQUAL[name], tmp_path)
    x = np.random.default_rng(2).standard_normal((3, *model.input_shape)).astype(model.dtype)
    y, expected = model.predict(x), run(EQUAL[name], x)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


REFUSED = {
    "two branches": (graph(("Relu", "x", "a", {}), ("Tanh", "x", "b", {}), ("Add", "a b", "y", {})), "another kind"),
    "a skip": (graph(("Relu", "x", "a", {}), ("Add", "a x", "y", {})), "of another kind"),
    "no such layer": (graph(("Cos", "x", "y", {})), "node .*Cos.*: numpycnn has no such layer; expected one of Conv"),
    "the middle": (graph(("Relu", "x", "a", {}), ("Tanh", "a", "y", {}), output="a"), "of another kind|to end in"),
    "filters that are computed": (graph(("Conv", "x x", "y", {})), "expected numbers from the file"),
    "filters of a line": (graph(("Conv", "x w", "y", {}), w=normal(2, 1, 3)), r"expected filters \(F, C, kh, kw\)"),
    "lop-sided maxima": (graph(("MaxPool", "x", "y", {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]})), "equal zero"),
    "wide windows": (graph(("MaxPool", "x", "y", {"kernel_shape": [2, 2], "dilations": [2, 2]})), "dilations"),
    "channels around": (graph(("Pad", "x p", "a", {}), ("Conv", "a w", "y", {}), p=np.array([0, 1, 0, 0, 0, 0, 0, 0]),
                              **FILTERS), "expected zeros above"),
    "a matrix of others": (graph(("Gemm", "x w", "y", {}), shape=(4,), w=normal(3, 3)), "a matrix with 4 rows"),
    **{f"a bias of shape {shape}": (
        graph(("Gemm", "x w b", "y", {}), shape=(4,), w=normal(4, 6), b=normal(*shape)), "expected a bias of 6 numbers"
    ) for shape in [(6, 1), (2, 3), (2, 6), (5,)]},
    **{f"a batch of {size}": (
        graph(("Flatten", "x", "a", {}), ("Reshape", "a s", "y", {}), s=np.array([size, 16])), "that leaves the batch"
    ) for size in (1, 7)},
    "training": (graph(("BatchNormalization", "x c c c c", "y", {"training_mode": 1}), c=normal(1)), "training_mode 0"),
    "reordered output": (graph(("Conv", "x w", "a", {}), ("Flatten", "a", "y", {}), **FILTERS), "moves them"),
    "swapped axes": (graph(("Transpose", "x", "a", {"perm": [0, 1, 3, 2]}), ("Conv", "a w", "y", {}), **FILTERS),
                     r"expected images \(N, C, H, W\)"),
    "nothing": (graph(("Identity", "x", "y", {})), "at least one operator"),
    "an unknown future": (graph(("Relu", "x", "y", {}), opset=99), "expected operators of version 7 to"),
    "free size": (graph(("Relu", "x", "y", {}), shape=(1, "H", "W")), "expected a batch axis and fixed dimensions"),
    "integers": (graph(("Relu", "x", "y", {}), dtype=TensorProto.INT32), "expected float or double"),
    "another company's operator": (graph(("Relu", "x", "y", {"domain": "com.example"})), "ONNX's own operators"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chain_of_layers_is_refused(name, tmp_path):
    proto, message = REFUSED[name]
    with pytest.raises(ModelFileError, match=message):
        loaded(proto, tmp_path)


# -- hostile files ---------------------------------------------------------------------------------------------


def tensor(dims, **fields):
    return TensorProto(dims=dims, data_type=TensorProto.FLOAT, name="w", **fields)


def with_tensor(weights):
    proto = graph(("Conv", "x w", "y", {}))
    proto.graph.initializer.append(weights)
    return proto.SerializeToString()


EXTERNAL = tensor([2, 1, 3, 3], data_location=TensorProto.EXTERNAL)
EXTERNAL.external_data.add(key="location", value="/etc/passwd")
GOOD = with_tensor(numpy_helper.from_array(FILTERS["w"], "w"))
HOSTILE = {
    "empty": b"", "text": b"hello, world", "zeros": bytes(1000), "truncated": GOOD[:-9],
    "a half": GOOD[: len(GOOD) // 2],
    "a length of 2**60": b"\x3a" + b"\xff" * 8 + b"\x0f", "an endless number": b"\xff" * 100,
    "another file's numbers": with_tensor(EXTERNAL),
    "terabytes of filters": with_tensor(tensor([2**20, 2**10, 2**10, 2**10], raw_data=b"1234")),
    "overflowing filters": with_tensor(tensor([2**62, 4, 1, 1], raw_data=b"")),
    "negative": with_tensor(tensor([-1, 1, 3, 3], raw_data=bytes(72))),
    "too few numbers": with_tensor(tensor([2, 1, 3, 3], float_data=[1.0] * 17)),
    "huge images": graph(("Relu", "x", "y", {}), shape=(2**40, 2**20, 4)).SerializeToString(),
    "huge zeros": graph(("Pad", "x p", "y", {}), p=np.array([0, 0, 2**40, 0, 0, 0, 2**40, 0])).SerializeToString(),
    "a huge shape": graph(("ConstantOfShape", "s", "c", {}), ("Add", "x c", "y", {}),
                          s=np.array([2**40, 2**20])).SerializeToString(),
    "millions of nodes": b"\x3a\x80\x80\x80\x04" + b"\x0a\x00" * 2**22,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_the_documented_error_and_takes_no_memory(name, tmp_path, monkeypatch):
    monkeypatch.setattr(file, "MAX_STRUCTURE_BYTES", 2**20)  # tracemalloc is slow
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="model.onnx: .*expected"):
            loaded(HOSTILE[name], tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_every_changed_byte_is_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    outcomes = set()
    for position in rng.integers(len(GOOD), size=60):
        broken = bytearray(GOOD)
        broken[position] ^= int(rng.integers(1, 256))
        try:
            outcomes.add(type(loaded(bytes(broken), tmp_path)))
        except ModelFileError:
            outcomes.add(ModelFileError)
    assert outcomes == {Sequential, ModelFileError}


def test_the_structure_is_measured_before_it_is_parsed():
    proto = to_onnx(small_cnn())
    content = proto.SerializeToString()
    arrays = sum(len(tensor.raw_data) for tensor in proto.graph.initializer)
    fields = 8 * len(proto.graph.node) + 200
    assert 0 < file.structure_bytes(memoryview(content), "model") - (len(content) - arrays) < file.FIELD_BYTES * fields


def test_without_onnx_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    for act in (lambda: small_cnn().save(tmp_path / "m.onnx"), lambda: Sequential.load(tmp_path / "m.onnx")):
        with pytest.raises(ImportError, match=r"ONNX files need onnx.*\[onnx\]"):
            act()


def test_fields_of_every_kind_are_measured_and_broken_ones_refused():
    unknown = 15 << 3
    for wire, value in ((0, b"\x05"), (1, bytes(8)), (2, b"\x02ab"), (5, bytes(4))):
        content = bytes([unknown | wire]) + value
        assert file.structure_bytes(memoryview(content), "model") == len(content) + file.FIELD_BYTES
        with pytest.raises(ModelFileError, match="truncated or of another kind"):
            file.structure_bytes(memoryview(content[:-1]), "model")
    for wire in (3, 4, 6, 7):
        with pytest.raises(ModelFileError, match="truncated or of another kind"):
            file.structure_bytes(memoryview(bytes([unknown | wire]) + bytes(9)), "model")
