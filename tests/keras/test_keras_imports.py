"""Every form of import works; a name that Keras has and this has not says what to use; nothing else is loaded."""

import importlib
import operator
import os
import re
import subprocess
import sys
import warnings

import places
import pytest

from numpycnn import keras
from numpycnn.keras import missing, notes

FORMS = """
from numpycnn import keras
import numpycnn.keras as k
import numpycnn.keras.backend as K
import numpycnn.keras.layers as L
from numpycnn.keras import Input, Model, Sequential, backend, datasets, layers, models, optimizers, tf, utils
from numpycnn.keras.models import Sequential, load_model, model_from_json
from numpycnn.keras.layers import Dense, Dropout, Flatten
from numpycnn.keras.layers import *
from numpycnn.keras.layers.core import Dense
from numpycnn.keras.layers.convolutional import Conv2D, MaxPooling2D
from numpycnn.keras.layers.normalization import BatchNormalization
from numpycnn.keras.layers.advanced_activations import LeakyReLU
from numpycnn.keras.layers.experimental.preprocessing import Rescaling
from numpycnn.keras.utils import np_utils, to_categorical, plot_model
from numpycnn.keras.utils.np_utils import to_categorical
from numpycnn.keras.utils.vis_utils import plot_model
from numpycnn.keras.datasets import mnist, fashion_mnist, cifar10
from numpycnn.keras.datasets.mnist import load_data
from numpycnn.keras.preprocessing.image import ImageDataGenerator, img_to_array
from numpycnn.keras.wrappers.scikit_learn import KerasClassifier
from numpycnn.keras.optimizers import SGD, Adam, RMSprop
from numpycnn.keras.optimizers.legacy import Adam
from numpycnn.keras.optimizers.schedules import ExponentialDecay
from numpycnn.keras.callbacks import Callback, EarlyStopping
from numpycnn.keras.regularizers import l2
from numpycnn.keras.initializers import HeNormal
from numpycnn.keras.losses import categorical_crossentropy
from numpycnn.keras.metrics import SparseCategoricalAccuracy
from numpycnn.keras.engine.topology import Layer
from numpycnn.keras.initializations import glorot_uniform
from numpycnn.keras.layers.local import Dense
from numpycnn.keras.objectives import mean_squared_error
from numpycnn.keras.saving import load_model, register_keras_serializable
from numpycnn.keras.utils.generic_utils import get_custom_objects
from numpycnn.keras.utils.visualize_util import plot
import numpycnn.keras.tf.data.experimental
from numpycnn.keras.tf.keras.layers import Conv2D as A
from numpycnn.keras.tf.python.keras.layers import Conv2D as B
assert A is B is Conv2D and plot is plot_model and Layer is L.Layer and tf.data.experimental.AUTOTUNE == -1
assert keras.config.floatx() == tf.keras.config.floatx() == "float32" and tf.compat.v1.logging is tf.logging
tf.enable_eager_execution(), tf.logging.set_verbosity(tf.compat.v1.logging.ERROR)
assert Dense is keras.layers.Dense is k.layers.Dense is L.Dense is tf.keras.layers.Dense
assert K.image_data_format() == backend.image_data_format() == "channels_last"
"""


def test_every_form_of_import_in_a_new_process():
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORMS], env={**os.environ, "PYTHONPATH": places.python_path()},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_package_does_not_load_the_facade():
    code = "import sys, numpycnn; assert not [m for m in sys.modules if m.startswith('numpycnn.keras')]"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": places.python_path()}, check=True)


TABLES = {"layers": missing.LAYERS, "optimizers": missing.OPTIMIZERS, "losses": missing.LOSSES,
          "metrics": missing.METRICS, "callbacks": missing.CALLBACKS, "datasets": missing.DATASETS,
          "utils": missing.UTILS, "initializers": missing.INITIALIZERS, "regularizers": missing.REGULARIZERS,
          "activations": missing.ACTIVATIONS, "backend": missing.BACKEND, "constraints": missing.CONSTRAINTS,
          "applications": missing.APPLICATIONS, "preprocessing": missing.PREPROCESSING, "models": missing.MODELS,
          "preprocessing.image": missing.IMAGE, "engine": missing.ENGINE, "wrappers": missing.WRAPPERS,
          "random": missing.RANDOM}  # fmt: skip


@pytest.mark.parametrize("module", TABLES)
def test_what_is_missing_says_what_there_is(module):
    found = importlib.import_module(f"numpycnn.keras.{module}")
    for name, instead in TABLES[module].items():
        assert name not in vars(found), name
        with pytest.raises(ImportError, match=re.escape(f"keras.{module}.{name}: numpycnn has {instead}")):
            getattr(found, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        found.Nonsense


def test_what_is_missing_at_the_top_and_in_tf():
    from numpycnn.keras import tf

    with pytest.raises(ImportError, match="keras.applications.VGG16: numpycnn has no pretrained networks"):
        from numpycnn.keras.applications import VGG16  # noqa: F401
    with pytest.raises(ImportError, match="keras.tree: numpycnn has nothing like it"):
        from numpycnn.keras import tree  # noqa: F401
    for call in (lambda: tf.GradientTape, lambda: tf.nn.conv2d, lambda: tf.image.central_crop, lambda: tf.placeholder):
        with pytest.raises(ImportError, match="numpycnn has"):
            call()
    assert not hasattr(tf, "anything_else") and tf.__version__
    assert [tf.python.__name__, tf.python.client.__name__] == [f"{tf.__name__}.python", f"{tf.__name__}.python.client"]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("from keras.applications.vgg16 import VGG16", "numpycnn has no pretrained networks"),
        ("import keras.applications.xception", "numpycnn has no pretrained networks"),
        ("from keras.applications.resnet50 import preprocess_input", "numpycnn has no pretrained networks"),
        ("from keras.layers.recurrent import LSTM", "numpycnn has no recurrent layers"),
        ("from keras.layers.embeddings import Embedding", "numpycnn has no text layers"),
        ("from keras.layers.merge import concatenate", "numpycnn has no models with branches"),
        ("from keras.layers import Highway", "numpycnn has no gates; write Dense"),
        ("from keras.layers import MaxoutDense", "numpycnn has no maximum over several Dense"),
        ("from keras.engine.topology import InputSpec", "numpycnn has Layer, Input"),
        ("from keras.models import model_from_yaml", "numpycnn has model_from_json"),
        ("from keras.utils.training_utils import multi_gpu_model", "fit uses all cores of the processor"),
        ("from keras.datasets.cifar100 import load_data", "numpycnn has the data sets mnist"),
        ("from keras.preprocessing.text import Tokenizer", "no texts and no sequences"),
        ("from keras.preprocessing.sequence import pad_sequences", "no texts and no sequences"),
        ("from keras.mixed_precision import set_global_policy", "numpycnn has float32 alone"),
        ("from keras.backend.tensorflow_backend import set_session", "no graph of tensors"),
        ("import keras.tf.contrib.slim", "nothing of TensorFlow 1"),
        ("from keras.tf.python.tools import freeze_graph", "no inner parts of TensorFlow"),
        ("from keras.tf.keras.applications.vgg16 import VGG16", "numpycnn has no pretrained networks"),
        ("from keras.foo.bar import baz", r"no module 'numpycnn.keras.foo' in numpycnn.*see keras.layers"),
        ("import keras.callbacks.foo", "no module 'numpycnn.keras.callbacks.foo' in numpycnn"),
        ("import keras.layer", r"did you mean 'layers'\?"),
    ],
)  # fmt: skip
def test_an_import_from_where_nothing_is_says_so(statement, says):
    import numpycnn.keras.tf  # noqa: F401

    with pytest.raises(ImportError, match=says):
        exec(statement.replace("keras.", "numpycnn.keras.", 1))


def test_names_of_tf_that_are_not_there():
    from numpycnn.keras import tf

    for name, says in (("random.categorical", "numpycnn has normal, uniform"), ("image.rot90", "numpycnn has no func"),
                       ("python.ops.math_ops", "no inner parts"), ("data.Options", "numpycnn has datasets of arrays"),
                       ("math.acosh", "use NumPy's"), ("acosh", "use NumPy's"),
                       ("compat.v1.placeholder", "TensorFlow 1")):
        with pytest.raises((ImportError, AttributeError), match=says):
            operator.attrgetter(name)(tf)


def test_a_note_is_said_once_and_points_at_the_program():
    notes._said.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            keras.optimizers.Adam(lr=0.1)
    assert [str(each.message) for each in caught] == ["Adam: lr= is the old word for learning_rate="]
    assert caught[0].filename == __file__ and caught[0].category is keras.KerasNote


def test_old_names_of_optimizers_are_classes_and_modules():
    for name in ("adam", "sgd", "rmsprop", "adagrad", "adadelta", "adamax", "nadam"):
        assert type(getattr(keras.optimizers, name)(learning_rate=0.5)) is keras.optimizers.NAMES[name]
    from numpycnn.keras.optimizers import adam_v2, rmsprop
    from numpycnn.keras.optimizers.rmsprop import RMSprop

    assert rmsprop is RMSprop and adam_v2.Adam is keras.optimizers.Adam
