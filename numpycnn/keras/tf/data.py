"""``tf.data``: its Dataset."""

from ..dataset import Dataset  # noqa: F401
from ..missing import _each
from ..notes import missing_names

AUTOTUNE = -1
__getattr__ = missing_names("keras.tf.data", _each(
    "Options TFRecordDataset TextLineDataset FixedLengthRecordDataset Iterator",
    "datasets of arrays: Dataset.from_tensor_slices, from_generator, range and zip"))  # fmt: skip
