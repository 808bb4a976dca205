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
            "SimpleRNNCell StackedRNNCells CuDNNLSTM CuDNNGRU TimeDistributedDense", _RECURRENT),
    **_each("Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot maximum minimum "
            "multiply subtract Merge merge", _BRANCHES),
    **_each("Attention AdditiveAttention MultiHeadAttention GroupQueryAttention", _ATTENTION),
    **_each("Embedding TextVectorization StringLookup IntegerLookup Hashing HashedCrossing CategoryEncoding "
            "Discretization FeatureSpace ReversibleEmbedding", _TEXT),
    **_each("Conv1D Conv3D Convolution1D Convolution3D Conv2DTranspose Conv1DTranspose Conv3DTranspose "
            "DepthwiseConv1D SeparableConv1D LocallyConnected1D LocallyConnected2D Deconvolution2D "
            "AtrousConvolution2D Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose "
            "SeparableConvolution1D", _CONV),
    **_each("MaxPooling1D MaxPooling3D AveragePooling1D AveragePooling3D MaxPool1D MaxPool3D AvgPool1D AvgPool3D "
            "GlobalAveragePooling1D GlobalMaxPooling1D GlobalAveragePooling3D GlobalMaxPooling3D GlobalAvgPool1D "
            "GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool3D AdaptiveAveragePooling1D AdaptiveAveragePooling2D "
            "AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D", _POOL),
    **_each("Lambda", "no layers made of a function; subclass numpycnn.Layer (forward and backward) and use "
            "numpycnn.Sequential, or apply the function to the data"),
    **_each("UpSampling2D UpSampling1D UpSampling3D CenterCrop RandomCrop Cropping2D Cropping1D Cropping3D",
            "no layers that change an image's size in a model but pooling and ZeroPadding2D; resize the data "
            "before fit, as Resizing(height, width)(images) does"),
    **_each("ZeroPadding1D ZeroPadding3D", "ZeroPadding2D only"),
    **_each("PReLU ThresholdedReLU SReLU ParametricSoftplus", "ReLU, LeakyReLU, ELU, GELU and SiLU"),
    **_each("AlphaDropout GaussianDropout", "Dropout, SpatialDropout2D and GaussianNoise; instead of selu and "
            "AlphaDropout, BatchNormalization, relu and Dropout"),
    **_each("SpatialDropout1D SpatialDropout3D", "SpatialDropout2D"),
    **_each("GroupNormalization UnitNormalization RMSNormalization SpectralNormalization",
            "BatchNormalization and LayerNormalization"),
    **_each("Normalization", "BatchNormalization and Rescaling; or subtract the mean of the data before fit"),
    **_each("RandomContrast RandomBrightness RandomHeight RandomWidth RandomColorJitter RandomHue RandomSaturation "
            "RandomShear RandomErasing CutMix MixUp AutoContrast AugMix RandAugment RandomColorDegeneration "
            "RandomElasticTransform RandomGaussianBlur RandomGrayscale RandomInvert RandomPerspective "
            "RandomPosterization RandomSharpness Solarization Equalization",
            "RandomFlip, RandomRotation, RandomTranslation and RandomZoom"),
    **_each("Permute RepeatVector Masking ActivityRegularization Identity Wrapper EinsumDense TFSMLayer JaxLayer "
            "TorchModuleWrapper FlaxLayer Pipeline InputSpec serialize deserialize",
            "nothing like it; leave it out, or subclass numpycnn.Layer"),
    **_each("Highway", "no gates; write Dense(units, activation='relu') in its place"),
    **_each("MaxoutDense", "no maximum over several Dense; write Dense(units, activation='relu') in its place"),
}  # fmt: skip
OPTIMIZERS = _each("Ftrl Lion Adafactor Lamb Muon LossScaleOptimizer MultiOptimizer ScheduleFreeAdamW",
                   "SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax and Nadam")
SCHEDULES = _each("CosineDecayRestarts", "CosineDecay and PiecewiseConstantDecay, or a LearningRateScheduler in fit")
LOSSES = {**_each(
    "KLDivergence kl_divergence kullback_leibler_divergence kld",
    "the cross-entropies, whose gradient is the same: of labels that are fixed they differ by a constant",
), **_each(
    "Poisson CosineSimilarity Hinge SquaredHinge CategoricalHinge LogCosh MeanSquaredLogarithmicError "
    "MeanAbsolutePercentageError BinaryFocalCrossentropy CategoricalFocalCrossentropy Dice Tversky Circle CTC "
    "poisson cosine_similarity hinge squared_hinge categorical_hinge "
    "mean_squared_logarithmic_error mean_absolute_percentage_error log_cosh binary_focal_crossentropy "
    "categorical_focal_crossentropy CategoricalGeneralizedCrossEntropy categorical_generalized_cross_entropy circle "
    "ctc dice tversky msle mape logcosh",
    "the cross-entropies, MeanSquaredError, MeanAbsoluteError and Huber",
)}  # fmt: skip
METRICS = {**_each(
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy mean_squared_error "
    "mean_absolute_error huber", "this function in keras.losses"), **_each(
    "IoU MeanIoU BinaryIoU OneHotIoU OneHotMeanIoU FalseNegatives FalsePositives TrueNegatives TruePositives "
    "SensitivityAtSpecificity SpecificityAtSensitivity PrecisionAtRecall RecallAtPrecision Hinge KLDivergence Poisson "
    "CosineSimilarity R2Score FBetaScore Sum CategoricalHinge SquaredHinge ConcordanceCorrelation "
    "LogCoshError MeanAbsolutePercentageError MeanSquaredLogarithmicError PearsonCorrelation hinge squared_hinge "
    "categorical_hinge kl_divergence log_cosh poisson mean_absolute_percentage_error mean_squared_logarithmic_error "
    "msle mape kld logcosh",
    "accuracy, top-k accuracy, precision, recall and F1; see numpycnn.classification_report and confusion_matrix",
)}  # fmt: skip
CALLBACKS = _each("RemoteMonitor SwapEMAWeights OrbaxCheckpoint ProgbarLogger BaseLogger",
                  "EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, LearningRateScheduler, CSVLogger, TensorBoard")
DATASETS = _each("cifar100 imdb reuters boston_housing california_housing",
                 "the data sets mnist, fashion_mnist and cifar10")
_FOLDERS = {**_each("HDF5Matrix", "no arrays in files; read them with h5py"),
            **_each("text_dataset_from_directory timeseries_dataset_from_array audio_dataset_from_directory",
                    "folders of pictures only: image_dataset_from_directory")}
_SEQUENCES = _each("pad_sequences", "no sequences; it classifies images")
UTILS = {
    **_FOLDERS, **_SEQUENCES,
    **_each("multi_gpu_model", "no graphics cards, and fit uses all cores of the processor; leave it out"),
    **_each("split_dataset", "fit's validation_split, and take and skip of tf.data.Dataset"),
    **_each("FeatureSpace", "no tables of features; build one array with NumPy"),
    **_each("Progbar", "no bar of one's own; fit shows one"),
    **_each("convert_all_kernels_in_model serialize_keras_object deserialize_keras_object get_registered_object "
            "get_registered_name get_source_inputs", "nothing like it; see model.get_config and model.to_json"),
}  # fmt: skip
PREPROCESSING = {
    **_FOLDERS, **_SEQUENCES, **_each("text sequence", "no texts and no sequences; it classifies images"),
}  # fmt: skip
IMAGE = _each("random_rotation random_shift random_shear random_zoom random_brightness random_channel_shift "
              "apply_affine_transform apply_brightness_shift apply_channel_shift smart_resize flip_axis "
              "NumpyArrayIterator DirectoryIterator DataFrameIterator",
              "ImageDataGenerator(...).flow(x, y), flow_from_directory and random_transform")
CONFIG = _each("dtype_policy set_dtype_policy enable_flash_attention disable_flash_attention "
               "is_flash_attention_enabled enable_unsafe_deserialization set_backend is_nnx_enabled max_epochs "
               "set_max_epochs max_steps_per_epoch set_max_steps_per_epoch is_interactive_logging_enabled "
               "is_traceback_filtering_enabled set_epsilon", "nothing to set there; leave it out")
MODELS = {
    **_each("model_from_yaml", "model_from_json, and model.to_json()"),
    **_each("Graph", _BRANCHES),
}  # fmt: skip
ENGINE = _each("InputSpec Container Network get_source_inputs merge Merge Node DataAdapter",
               "Layer, Input, InputLayer, Model and Sequential; see keras.layers and keras.models")
WRAPPERS = _each("SKLearnClassifier SKLearnRegressor SKLearnTransformer",
                 "wrappers.scikit_learn.KerasClassifier, and numpycnn.sklearn")
OPS = _each("conv conv_transpose depthwise_conv separable_conv max_pool average_pool batch_normalization "
            "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy ctc_loss custom_gradient "
            "stop_gradient scan map while_loop cond fori_loop vectorized_map associative_scan switch image linalg nn",
            "no graph of tensors; what layers and losses do is in keras.layers and keras.losses")
RANDOM = _each("normal uniform randint shuffle categorical dropout beta binomial gamma truncated_normal SeedGenerator",
               "no random tensors; use NumPy's generators, and utils.set_random_seed for what is random here")
INITIALIZERS = _each("STFTInitializer", "the usual random ones, Constant, Orthogonal and Identity")
REGULARIZERS = _each("OrthogonalRegularizer orthogonal_regularizer WeightRegularizer activity_l1 activity_l2 "
                     "activity_l1l2 ActivityRegularizer", "L1, L2 and L1L2, of weights")
ACTIVATIONS = _each("softplus softsign exponential hard_sigmoid hard_silu hard_swish mish log_softmax relu6 glu "
                    "celu sparsemax squareplus tanh_shrink hard_tanh hard_shrink soft_shrink threshold log_sigmoid",
                    "relu, leaky_relu, elu, gelu, selu, silu, sigmoid, tanh and softmax")
BACKEND = _each("gradients placeholder variable constant conv2d in_train_phase "
                "batch_dot set_learning_phase tensorflow_backend",
                "no graph of tensors; compute with NumPy, and see model.activations of numpycnn.Sequential")
APPLICATIONS = _each(
    "VGG16 VGG19 ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2 InceptionV3 InceptionResNetV2 "
    "Xception MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large DenseNet121 DenseNet169 DenseNet201 NASNetMobile "
    "NASNetLarge EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 "
    "EfficientNetB6 EfficientNetB7 EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S "
    "EfficientNetV2M EfficientNetV2L ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge vgg16 vgg19 "
    "resnet resnet50 resnet_v2 inception_v3 inception_resnet_v2 xception mobilenet mobilenet_v2 mobilenet_v3 densenet "
    "nasnet efficientnet efficientnet_v2 convnext imagenet_utils music_tagger_crnn",
    "no pretrained networks; train one, or load your own with models.load_model",
)  # fmt: skip
CONSTRAINTS = _each("MaxNorm MinMaxNorm NonNeg UnitNorm Constraint max_norm maxnorm min_max_norm non_neg unit_norm",
                    "no constraints on weights; use kernel_regularizer=l2(...), or Dropout")
ROOT = {
    **_each("GradientTape", "no tapes: model.train_on_batch takes a step; or see numpycnn's forward and backward"),
    **_each("mixed_precision dtype_policies DTypePolicy FloatDTypePolicy quantizers Quantizer",
            "float32 alone, which is fast on a processor; leave it out"),
    **_each("estimator distribution", "no clusters; fit uses all cores, and numpycnn.exchange.distributed several "
            "processes"),
    **_each("legacy experimental export tree distillation visualization KerasTensor StatelessScope Variable "
            "InputSpec Operation Function name_scope device",
            "nothing like it; compute with NumPy on what predict returns"),
}  # fmt: skip

of_layers = missing_names("keras.layers", LAYERS)
of_optimizers = missing_names("keras.optimizers", OPTIMIZERS)
of_schedules = missing_names("keras.optimizers.schedules", SCHEDULES)
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
of_preprocessing = missing_names("keras.preprocessing", PREPROCESSING)
of_image = missing_names("keras.preprocessing.image", IMAGE)
of_config = missing_names("keras.config", CONFIG)
of_models = missing_names("keras.models", MODELS)
of_engine = missing_names("keras.engine", ENGINE)
of_wrappers = missing_names("keras.wrappers", WRAPPERS)
of_ops = missing_names("keras.ops", OPS, "NumPy's functions there, and the activations")
of_random = missing_names("keras.random", RANDOM)
of_keras = missing_names("keras", ROOT)
