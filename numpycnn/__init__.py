"""numpycnn: convolutional networks from scratch, in NumPy and Numba.

Reading order: ``layers`` (base, activations, dense, conv, pooling), ``losses``, ``optimizers``, ``training``,
``model``; then ``kernels`` for the loops and ``fusion`` for what runs as one.
"""

from .callbacks.backup import BackupAndRestore
from .callbacks.base import Callback, LambdaCallback
from .callbacks.logging import CSVLogger
from .callbacks.monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from .callbacks.ratios import LayerRatios
from .callbacks.terminate import TerminateOnNaN
from .data import (
    Augment,
    DownloadError,
    IdxError,
    ImageFolder,
    InputFormat,
    PreparedDigit,
    Reading,
    load_cifar10,
    load_emnist,
    load_fashion_mnist,
    load_image_folder,
    load_kmnist,
    load_mnist,
    load_synthetic_digits,
    prepare_digit,
    read_digits,
    read_idx,
    to_categorical,
    write_idx,
)
from .hints import explain_name as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .io.native import ModelFileError
from .kernels import get_num_threads, set_num_threads
from .layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sigmoid,
    SiLU,
    Softmax,
    SpatialDropout2D,
    Tanh,
    ZeroPad2D,
)
from .losses import BinaryCrossEntropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SoftmaxCrossEntropy
from .memory.parameter import Parameter
from .metrics.classification import classification_report, confusion_matrix
from .model import Sequential
from .optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, Optimizer, RMSprop
from .regularizers import L1, L2, L1L2, Regularizer
from .schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    Schedule,
    StepDecay,
)
from .training.run import History

__version__ = "0.1.0"

__all__ = [
    "Adadelta", "Adagrad", "Adam", "Adamax", "AdamW", "Augment", "AvgPool2D", "BackupAndRestore", "BatchNorm",
    "BinaryCrossEntropy", "Callback", "Constant", "Conv2D", "CosineDecay", "CSVLogger", "Dense", "DepthwiseConv2D",
    "DownloadError", "Dropout", "EarlyStopping", "ELU", "ExponentialDecay", "Flatten", "GaussianNoise", "GELU",
    "GlobalAvgPool2D", "GlobalMaxPool2D", "History", "Huber", "IdxError", "ImageFolder", "InputFormat",
    "InverseTimeDecay", "L1", "L1L2", "L2", "LambdaCallback", "Layer", "LayerNorm", "LayerRatios", "LeakyReLU",
    "Loss", "MaxPool2D", "MeanAbsoluteError", "MeanSquaredError", "ModelCheckpoint", "ModelFileError", "Nadam",
    "OneCycle", "Optimizer", "Parameter", "PiecewiseConstant", "PolynomialDecay", "PreparedDigit", "Reading",
    "ReduceLROnPlateau", "Regularizer", "ReLU", "Rescale", "Reshape", "RMSprop", "Schedule", "SeparableConv2D",
    "Sequential", "SGD", "Sigmoid", "SiLU", "Softmax", "SoftmaxCrossEntropy", "SpatialDropout2D", "StepDecay",
    "Tanh", "TerminateOnNaN", "ZeroPad2D", "classification_report", "confusion_matrix", "get_num_threads",
    "load_cifar10", "load_emnist", "load_fashion_mnist", "load_image_folder", "load_kmnist", "load_mnist",
    "load_synthetic_digits", "prepare_digit", "read_digits", "read_idx", "set_num_threads", "to_categorical",
    "write_idx",
]
