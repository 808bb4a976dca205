"""Model files: compared, told apart, and forged."""

import io
import json
import zipfile

import numpy as np
from small_models import weights_equal

from numpycnn import Dense, Sequential
from numpycnn.io import native


def identical(model, original):
    state, expected = model.optimizer.get_state(), original.optimizer.get_state()
    same_state = state.keys() == expected.keys() and all(np.array_equal(state[k], expected[k]) for k in state)
    return same_state and weights_equal(model, original) and native.describe(model) == native.describe(original)


def forge(content, change=lambda config, arrays: None, **zip_options):
    """Return the bytes of the model file after `change`, with the checksum put right again."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:  # no pickle in it
        arrays = {name: archive[name] for name in archive.files}
    config = json.loads(str(arrays.pop("config")))
    change(config, arrays)
    plain = {name: array for name, array in arrays.items() if array.dtype != object}
    config["sha256"] = native._digest(config, plain)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **zip_options) as archive:
        for name, array in {"config": np.array(json.dumps(config)), **arrays}.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", member.getvalue())
    return stream.getvalue()


def versions(count):
    """Models of several sizes, each with other weights."""
    models = [Sequential([Dense(3 + i), Dense(2)], input_shape=(40 * i + 1,), seed=i) for i in range(count)]
    for model in models:
        model.compile("adam", "sparse_categorical_crossentropy")
    return models


def which(path, models):
    """Return which of the models the file holds."""
    loaded = Sequential.load(path)
    (i,) = (i for i, model in enumerate(models) if weights_equal(model, loaded))
    return i
