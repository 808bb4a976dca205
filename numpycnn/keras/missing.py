"""Names that Keras has and this has not, by module, with what to use instead."""

from __future__ import annotations

from .notes import missing_names


def _each(names: str, instead: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), instead)


_RECURRENT = "no recurrent layers; read an image's rows as one vector (Flatten, Dense), or use Conv2D"
_BRANCHES = "no models with branches: every layer has one input; write a chain of layers"
_ATTENTION = "no attention; use Conv2D and pooling"
_TEXT = "no text layers; it classifies images"
_CONV = "Conv2D, DepthwiseConv2D and SeparableConv2D only"
_POOL = "pooling over images only: MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D, GlobalAveragePooling2D"

LAYERS = {
    **_each("LSTM GRU SimpleRNN RNN Bidirectional TimeDistributed ConvLSTM2D ConvLSTM1D ConvLSTM3D LSTMCell GRUCell "
            "SimpleRNNCell StackedRNNCells CuDNNLSTM CuDNNGRU", _RECURRENT),
    **_each("Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot maximum minimum "
            "multiply subtract", _BRANCHES),
    **_each("Attention AdditiveAttention MultiHeadAttention GroupQueryAttention", _ATTENTION),
    **_each("Embedding TextVectorization StringLookup IntegerLookup Hashing HashedCrossing CategoryEncoding "
            "Discretization FeatureSpace", _TEXT),
    **_each("Conv1D Conv3D Convolution1D Convolution3D Conv2DTranspose Conv1DTranspose Conv3DTranspose "
            "DepthwiseConv1D SeparableConv1D LocallyConnected1D LocallyConnected2D Deconvolution2D", _CONV),
    **_each("MaxPooling1D MaxPooling3D AveragePooling1D AveragePooling3D MaxPool1D MaxPool3D AvgPool1D AvgPool3D "
            "GlobalAveragePooling1D GlobalMaxPooling1D GlobalAveragePooling3D GlobalMaxPooling3D", _POOL),
    **_each("Lambda", "no layers made of a function; subclass numpycnn.Layer (forward and backward) and use "
            "numpycnn.Sequential, or apply the function to the data"),
    **_each("UpSampling2D UpSampling1D UpSampling3D Resizing CenterCrop RandomCrop Cropping2D Cropping1D Cropping3D",
            "no layers that change an image's size but pooling and ZeroPadding2D; resize the data before fit"),
    **_each("ZeroPadding1D ZeroPadding3D", "ZeroPadding2D only"),
    **_each("PReLU ThresholdedReLU", "ReLU, LeakyReLU, ELU, GELU and SiLU"),
    **_each("AlphaDropout GaussianDropout", "Dropout, SpatialDropout2D and GaussianNoise"),
    **_each("SpatialDropout1D SpatialDropout3D", "SpatialDropout2D"),
    **_each("GroupNormalization UnitNormalization RMSNormalization SpectralNormalization",
            "BatchNormalization and LayerNormalization"),
    **_each("Normalization", "BatchNormalization and Rescaling; or subtract the mean of the data before fit"),
    **_each("RandomContrast RandomBrightness RandomHeight RandomWidth RandomColorJitter RandomHue RandomSaturation "
            "RandomShear RandomErasing CutMix MixUp AutoContrast AugMix RandAugment",
            "RandomFlip, RandomRotation, RandomTranslation and RandomZoom"),
    **_each("Permute RepeatVector Masking ActivityRegularization Identity Wrapper EinsumDense TFSMLayer JaxLayer "
            "TorchModuleWrapper", "nothing like it; leave it out, or subclass numpycnn.Layer"),
}  # fmt: skip
OPTIMIZERS = _each("Ftrl Lion Adafactor Lamb Muon LossScaleOptimizer",
                   "SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax and Nadam")
LOSSES = _each(
    "KLDivergence Poisson CosineSimilarity Hinge SquaredHinge CategoricalHinge LogCosh MeanSquaredLogarithmicError "
    "MeanAbsolutePercentageError BinaryFocalCrossentropy CategoricalFocalCrossentropy Dice Tversky Circle CTC "
    "kl_divergence kullback_leibler_divergence poisson cosine_similarity hinge squared_hinge categorical_hinge "
    "mean_squared_logarithmic_error mean_absolute_percentage_error log_cosh binary_focal_crossentropy",
    "the cross-entropies, MeanSquaredError, MeanAbsoluteError and Huber",
)  # fmt: skip
METRICS = _each(
    "IoU MeanIoU BinaryIoU OneHotIoU OneHotMeanIoU FalseNegatives FalsePositives TrueNegatives TruePositives "
    "SensitivityAtSpecificity SpecificityAtSensitivity PrecisionAtRecall RecallAtPrecision Hinge KLDivergence Poisson "
    "CosineSimilarity RootMeanSquaredError R2Score FBetaScore Sum",
    "accuracy, top-k accuracy, precision, recall and F1; see numpycnn.classification_report and confusion_matrix",
)  # fmt: skip
CALLBACKS = _each("RemoteMonitor SwapEMAWeights OrbaxCheckpoint ProgbarLogger BaseLogger",
                  "EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, LearningRateScheduler, CSVLogger, TensorBoard")
DATASETS = _each("cifar100 imdb reuters boston_housing california_housing",
                 "the data sets mnist, fashion_mnist and cifar10")
UTILS = _each("get_file image_dataset_from_directory text_dataset_from_directory timeseries_dataset_from_array "
              "audio_dataset_from_directory pad_sequences FeatureSpace multi_gpu_model split_dataset",
              "no downloads and no folders of images; load the arrays yourself, see numpycnn.data")
INITIALIZERS = _each("STFTInitializer", "the usual random ones, Constant, Orthogonal and Identity")
REGULARIZERS = _each("OrthogonalRegularizer orthogonal_regularizer", "L1, L2 and L1L2")
ACTIVATIONS = _each("selu softplus softsign exponential hard_sigmoid hard_silu hard_swish mish log_softmax relu6 glu "
                    "celu sparsemax squareplus tanh_shrink hard_tanh hard_shrink soft_shrink threshold log_sigmoid",
                    "relu, leaky_relu, elu, gelu, silu, sigmoid, tanh and softmax")
BACKEND = _each("gradients placeholder variable constant dot sum conv2d in_train_phase "
                "batch_dot set_learning_phase tensorflow_backend get_session set_session",
                "no graph of tensors; compute with NumPy, and see model.activations of numpycnn.Sequential")
APPLICATIONS = _each("VGG16 VGG19 ResNet50 ResNet101 ResNet152 ResNet50V2 InceptionV3 InceptionResNetV2 Xception "
                     "MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large DenseNet121 DenseNet201 NASNetMobile "
                     "EfficientNetB0 EfficientNetV2B0 ConvNeXtTiny vgg16 vgg19 resnet50 inception_v3 mobilenet_v2",
                     "no pretrained networks; train one, or load your own with models.load_model")  # fmt: skip
CONSTRAINTS = _each("MaxNorm MinMaxNorm NonNeg UnitNorm Constraint max_norm maxnorm min_max_norm non_neg unit_norm",
                    "no constraints on weights; use kernel_regularizer=l2(...), or Dropout")
ROOT = {
    **_each("GradientTape", "no tapes: model.train_on_batch takes a step; or see numpycnn's forward and backward"),
    **_each("engine legacy estimator experimental mixed_precision distribution export quantizers ops random saving "
            "tree dtype_policies KerasTensor DTypePolicy Quantizer StatelessScope",
            "nothing like it; compute with NumPy on what predict returns"),
}  # fmt: skip

of_layers = missing_names("keras.layers", LAYERS)
of_optimizers = missing_names("keras.optimizers", OPTIMIZERS)
of_losses = missing_names("keras.losses", LOSSES)
of_metrics = missing_names("keras.metrics", METRICS)
of_callbacks = missing_names("keras.callbacks", CALLBACKS)
of_datasets = missing_names("keras.datasets", DATASETS)
of_utils = missing_names("keras.utils", UTILS)
of_initializers = missing_names("keras.initializers", INITIALIZERS)
of_regularizers = missing_names("keras.regularizers", REGULARIZERS)
of_activations = missing_names("keras.activations", ACTIVATIONS)
of_backend = missing_names("keras.backend", BACKEND)
of_applications = missing_names("keras.applications", APPLICATIONS)
of_constraints = missing_names("keras.constraints", CONSTRAINTS)
of_keras = missing_names("keras", ROOT)
