"""Bad inputs to all that is public: each gives an error that explains; none crashes, hangs or gives a wrong number.

The table is ``bad_inputs_table.py``. What people type most, and that a model is unharmed by it, stands in
``test_errors.py``; files in ``test_idx.py``, ``test_model_files*.py`` and ``test_keras_h5_hostile.py``; downloads in
``test_download.py``.
"""

import inspect
import re
import types

import numpy as np
import pytest
from bad_inputs_table import GREY, MODEL, PARAMETERS, PROBABILITIES, X, Y

import numpycnn as nc
from numpycnn import architectures, data, gradcheck, metrics, plots, testing, training
from numpycnn.exchange import torch, verify

# An error names its argument. Where that is another word than the parameter's own:
NAMES = {
    "forward": "input", "backward": "gradient", "build": "shape", "input_shape": "shape|does not fit", "add": "layer",
    "layers": "layer", "y": "y:|label|target|num_classes", "labels": "label|target", "targets": "target",
    "state": "state|steps",
    "activations": "x:", "train_on_batch": "x:", "step": "vector|values|step", "move": "memory", "using": "compiled",
    "class_names": "class_names|classes", "validation_data": "validation_data|x:", "augment": "augment|input",
    "save": "path|save", "save_weights": "path|save_weights", "load_weights": "path|load_weights",
    "model": "Sequential", "get_initializer": "initializer", "num_classes": "classes|units",
    "check_package": "kind",
}  # fmt: skip
OURS = re.compile("expected|unknown|needs a forward|make a new layer|does not fit")


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what is accepted by mistake may write


@pytest.mark.parametrize("name", PARAMETERS)
def test_bad_values(name):
    """Each is refused by an error of the right class, by us, that names the argument and says what was expected."""
    call, kinds = PARAMETERS[name]
    last = name.split()[0].rpartition(".")[2]
    word, wrong = NAMES.get(last, last), []
    for label, (value, error) in kinds.items():
        try:
            call(value)
        except Exception as found:
            ours = type(found).__module__.split(".")[0] in ("builtins", "numpycnn") and OURS.search(str(found))
            if not isinstance(found, error) or not ours or not re.search(word, str(found)):
                wrong.append(f"{label}: {type(found).__name__}: {found}")
        else:
            wrong.append(f"{label}: accepted")
    assert wrong == []


# -- is it the whole surface? -----------------------------------------------------------------------------

WITHOUT_INPUT = {
    "Callback", "TerminateOnNaN", "get_num_threads", "Sequential.count_params", "Sequential.get_weights",
    "Sequential.first_trained", "Sequential.penalty", "Sequential.predictor", "Sequential.trained_parts",
}
BASES = {"Layer", "Loss", "Regularizer", "Schedule", "metrics.Metric"}  # each subclass has its rows
RESULTS = {
    "PreparedDigit", "Reading", "DownloadError", "IdxError", "ModelFileError", "metrics.Calibration",
    "metrics.ClassDistance", "metrics.ClassScores", "metrics.Confidence", "verify.Report", "gradcheck.GradientError",
    "gradcheck.Report", "gradcheck.Row", "testing.ContractError",
}


def public_names():
    """Return every name that a user may call: functions, classes, and the methods of a model."""
    names = set(nc.__all__) | set(data.__all__)
    for module in (plots, gradcheck, testing, architectures, torch, verify):
        short = module.__name__.rpartition(".")[2]
        names |= {f"{short}.{name}" for name in module.__all__ if callable(getattr(module, name))}
    names |= {f"metrics.{name}" for name in metrics.__all__ if name not in names}
    methods = inspect.getmembers(nc.Sequential, lambda m: isinstance(m, (types.FunctionType, types.MethodType)))
    return names | {f"Sequential.{name}" for name, _ in methods if not name.startswith("_")}


def test_every_public_name_has_a_row():
    exempt = WITHOUT_INPUT | BASES | RESULTS
    names = public_names()
    missing = {name for name in names if not any(re.match(rf"{re.escape(name)}\b", row) for row in PARAMETERS)}
    assert missing == exempt and len(names) > 90


# -- arrays of other kinds, which mean the same --------------------------------------------------------------


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


SAME_NUMBERS = {
    "read-only": read_only,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "Fortran order": np.asfortranarray,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "every second element": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "unaligned": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "a subclass": lambda a: a.view(np.recarray) if a.ndim != 2 else np.asmatrix(a),
    "a list": lambda a: a.tolist(),
    "another width": lambda a: a.astype({"f": "g", "i": "u8", "u": "u8"}[a.dtype.kind]),
    "a narrower width": lambda a: a.astype({"f": "f2", "i": "i1", "u": "u1"}[a.dtype.kind]),
}
WHOLE = np.round(4 * X) / 4  # which float16 holds, too
LOGITS = np.arange(12, dtype=np.float32).reshape(3, 4) / 4
SHARES = np.round(16 * PROBABILITIES) / 16
SHARES[:, 0] += 1 - SHARES.sum(axis=1)
TARGETS = np.eye(4)[Y]


def idx_bytes(array):
    nc.write_idx("a.idx", array)
    return nc.read_idx("a.idx")


def trained(x, y):
    model = nc.Sequential([nc.Flatten(), nc.Dense(4)], input_shape=X.shape[1:], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return np.array(model.fit(x, y, seed=0, verbose=0).history["loss"])


ACCEPTED = {
    "predict": (MODEL.predict, WHOLE), "evaluate": (lambda y: np.array(MODEL.evaluate(X, y)), Y),
    "forward": (MODEL.forward, WHOLE), "activations": (lambda x: MODEL.activations(x)[-1], WHOLE),
    "fit: images": (lambda x: trained(x, Y), WHOLE), "fit: labels": (lambda y: trained(X, y), Y),
    "fit: one-hot labels": (lambda y: trained(X, y), TARGETS),
    "train_step": (lambda x: np.array(training.train_step(nc.Sequential([nc.Dense(4)], (4,), seed=0),
                                                          nc.SoftmaxCrossEntropy(), nc.SGD(), x, [0, 1, 2])), LOGITS),
    "SoftmaxCrossEntropy": (lambda z: np.array(nc.SoftmaxCrossEntropy()(z, [0, 1, 2])[0]), LOGITS),
    "SoftmaxCrossEntropy.predict": (nc.SoftmaxCrossEntropy().predict, LOGITS),
    "MeanSquaredError": (lambda z: np.array(nc.MeanSquaredError()(LOGITS, z)[0]), LOGITS),
    "to_categorical": (nc.to_categorical, Y), "confusion_matrix": (lambda y: nc.confusion_matrix(Y, y), Y),
    "calibration": (lambda p: np.array(metrics.calibration(Y, p).expected_error), SHARES),
    "prepare_digit": (lambda image: nc.prepare_digit(image).image, np.pad(np.full((9, 3), 255, np.uint8), 8)),
    "write_idx": (idx_bytes, np.arange(6, dtype=np.int32).reshape(2, 3)),
    "set_weights": (lambda w: (MODEL.set_weights([w, *MODEL.get_weights()[1:]]), MODEL.get_weights()[0])[1],
                    np.ones((3, 3, 1, 6), np.float32)),
    "plot_samples": (lambda images: np.asarray(plots.plot_samples(images, Y, 1, 1).axes[0].images[0].get_array()),
                     np.round(GREY)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", ACCEPTED)
def test_arrays_of_other_kinds_give_the_same(name):
    call, array = ACCEPTED[name]
    expected = call(array)
    for kind, change in SAME_NUMBERS.items():
        if name == "write_idx" and kind in ("another width", "a narrower width", "a list"):
            continue  # the file keeps the type
        found = call(change(array))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6, err_msg=kind)
