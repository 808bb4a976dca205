"""Trainings in Keras's words that run under Keras and under the facade alike: same weights, data and order.

Each case returns the losses of its first steps and its predictions after them; after these come layers and metrics.
"""

import numpy as np

STEPS, ROWS, CLASSES = 100, 16, 4
IMAGE = (6, 6, 2)


def data(seed=0):
    """Return images, classes, numbers to predict, and weights of rows: the same everywhere."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((STEPS * ROWS // 10, *IMAGE)).astype("float32")
    y = (x.sum(axis=(1, 2, 3)) > 0).astype(int) + 2 * (x[:, :3].sum(axis=(1, 2, 3)) > 0)
    targets = np.stack([x.mean(axis=(1, 2, 3)), x.std(axis=(1, 2, 3))], axis=1).astype("float32")
    return x, y, targets, rng.uniform(0.2, 2, len(x)).astype("float32")


def give_weights(model, seed=1):
    """Set weights that do not depend on who makes them."""
    rng = np.random.RandomState(seed)
    arrays = []
    for old in model.get_weights():
        scale = 1 / np.sqrt(max(1, np.prod(old.shape[:-1]))) if old.ndim > 1 else 0.1
        noise = (rng.standard_normal(old.shape) * scale).astype("float32")
        arrays.append(noise if old.ndim > 1 else old + noise)
    model.set_weights(arrays)


def network(keras, outputs=CLASSES, last="softmax", regularizer=None):
    """Return a small model: a convolution and two dense layers."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input(IMAGE),
        layers.Conv2D(5, 3, padding="same", activation="relu", kernel_regularizer=regularizer),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(8, activation="tanh", kernel_regularizer=regularizer),
        layers.Dense(outputs, activation=last),
    ])


def train(model, optimizer, loss, x, y, weights=None, class_weight=None):
    """Return the losses of the first steps, batch after batch, and the predictions after them."""
    give_weights(model)
    model.compile(optimizer=optimizer, loss=loss)
    losses = []
    for step in range(STEPS):
        rows = np.arange(step * ROWS, (step + 1) * ROWS) % len(x)
        given = {} if weights is None else {"sample_weight": weights[rows]}
        if class_weight is not None:
            given["class_weight"] = class_weight
        model.reset_metrics()
        losses.append(float(np.ravel(model.train_on_batch(x[rows], y[rows], **given))[0]))
    return {"losses": losses, "predictions": np.asarray(model.predict(x[:4], verbose=0), float).tolist()}


def optimizers(keras):
    """Yield (name, optimizer): each as it is, and with the arguments that people give."""
    o, schedules = keras.optimizers, keras.optimizers.schedules
    yield "SGD", o.SGD(0.05)
    yield "SGD momentum", o.SGD(0.02, momentum=0.9)
    yield "SGD nesterov", o.SGD(0.02, momentum=0.9, nesterov=True)
    for name in ("Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam"):
        yield name, getattr(o, name)(learning_rate=0.01)
    yield "Adam betas", o.Adam(0.005, beta_1=0.8, beta_2=0.99, epsilon=1e-3)
    yield "RMSprop momentum", o.RMSprop(0.003, rho=0.8, momentum=0.5)
    yield "RMSprop centered", o.RMSprop(0.003, centered=True)
    yield "Adam clipped", o.Adam(0.01, global_clipnorm=0.1)
    yield "SGD exponential", o.SGD(schedules.ExponentialDecay(0.05, 20, 0.5))
    yield "SGD piecewise", o.SGD(schedules.PiecewiseConstantDecay([30, 60], [0.05, 0.02, 0.005]))
    yield "SGD cosine", o.SGD(schedules.CosineDecay(0.05, 80, alpha=0.1))
    yield "SGD inverse", o.SGD(schedules.InverseTimeDecay(0.05, 10, 0.5))
    yield "SGD polynomial", o.SGD(schedules.PolynomialDecay(0.05, 80, 0.001, power=2.0))


def cases(keras):
    """Yield (name, function that trains): every optimizer, loss, weighting and regulariser."""
    x, y, targets, weights = data()
    one_hot, yes = np.eye(CLASSES, dtype="float32")[y], (y % 2).astype("float32")[:, None]
    sparse, losses, r = "sparse_categorical_crossentropy", keras.losses, keras.regularizers
    for name, optimizer in optimizers(keras):
        yield f"optimizer {name}", lambda o=optimizer: train(network(keras), o, sparse, x, y)
    for name, outputs, last, loss, y_ in (
        ("categorical", CLASSES, "softmax", "categorical_crossentropy", one_hot),
        ("smoothed", CLASSES, "softmax", losses.CategoricalCrossentropy(label_smoothing=0.1), one_hot),
        ("logits", CLASSES, None, losses.SparseCategoricalCrossentropy(from_logits=True), y),
        ("binary", 1, "sigmoid", "binary_crossentropy", yes),
        ("binary logits", 1, None, losses.BinaryCrossentropy(from_logits=True), yes),
        ("mse", 2, None, "mse", targets),
        ("mae", 2, None, "mean_absolute_error", targets),
        ("huber", 2, None, losses.Huber(delta=0.3), targets),
        ("mse of softmax", CLASSES, "softmax", "mse", one_hot),
        ("categorical of sigmoid", CLASSES, "sigmoid", sparse, y),
        ("binary of softmax", CLASSES, "softmax", "binary_crossentropy", one_hot),
    ):
        yield f"loss {name}", lambda a=(outputs, last), b=(loss, x, y_): train(
            network(keras, *a), keras.optimizers.SGD(0.05), *b)
    sgd = lambda: keras.optimizers.SGD(0.05)  # noqa: E731
    yield "weights of rows", lambda: train(network(keras), sgd(), sparse, x, y, weights)
    of_classes = {0: 1.0, 1: 0.5, 2: 2.0, 3: 1.5}
    yield "weights of classes", lambda: train(network(keras), sgd(), sparse, x, y, None, of_classes)
    for name, regularizer in (("l1", r.L1(1e-3)), ("l2", r.L2(1e-2)), ("l1_l2", r.L1L2(1e-3, 1e-2))):
        yield f"regularizer {name}", lambda p=regularizer: train(network(keras, regularizer=p), sgd(), sparse, x, y)
    yield "regularizer depthwise", lambda: train(depthwise_network(keras), sgd(), sparse, x, y)


def depthwise_network(keras):
    """Return a small model of depthwise layers with penalties."""
    layers, r = keras.layers, keras.regularizers
    return keras.Sequential([
        keras.Input(IMAGE),
        layers.DepthwiseConv2D(3, activation="relu", depthwise_regularizer=r.L2(1e-2), bias_regularizer=r.L1(1e-3)),
        layers.SeparableConv2D(4, 2, depthwise_regularizer=r.L1(1e-3), pointwise_regularizer=r.L2(1e-2),
                               bias_regularizer=r.L2(1e-2)),
        layers.Flatten(),
        layers.Dense(CLASSES, activation="softmax"),
    ])


def layer_stacks(keras):
    """Yield (name, layers): one model for each layer of the facade that computes something."""
    L = keras.layers
    yield "strides", [L.Conv2D(4, 3, strides=2, padding="same"), L.ReLU(), L.Flatten(), L.Dense(3)]
    yield "dilation", [L.Conv2D(4, 3, dilation_rate=2), L.LeakyReLU(negative_slope=0.1), L.GlobalMaxPooling2D()]
    yield "groups", [L.Conv2D(4, 3, groups=2, use_bias=False), L.GlobalAveragePooling2D(), L.Dense(3)]
    yield "depthwise", [L.DepthwiseConv2D(3, depth_multiplier=2, activation="elu"), L.Flatten(), L.Dense(3)]
    yield "separable", [L.SeparableConv2D(4, 3, padding="same", activation="gelu"), L.Flatten(), L.Dense(3)]
    yield "batch norm", [L.Conv2D(3, 3), L.BatchNormalization(scale=False), L.Activation("silu"), L.Flatten()]
    yield "layer norm", [L.LayerNormalization(), L.Flatten(), L.LayerNormalization(center=False), L.Dense(3)]
    yield "padding", [L.ZeroPadding2D(((1, 0), (2, 1))), L.AveragePooling2D(2, padding="same"), L.Flatten()]
    yield "reshape", [L.Reshape((3, 12, 2)), L.MaxPooling2D((1, 2), strides=1), L.Flatten(), L.Dense(3)]
    yield "rescaling", [L.Rescaling(0.5, offset=1.0), L.Flatten(), L.Dense(3, activation="sigmoid")]
    yield "quiet", [L.Dropout(0.5), L.SpatialDropout2D(0.2), L.GaussianNoise(0.1), L.Flatten(), L.Dense(3)]
    yield "softmax", [L.Flatten(), L.Dense(5), L.Softmax(), L.Dense(3, activation="tanh"), L.ELU(alpha=0.7)]


def predictions(keras):
    """Yield (name, what the model of a stack of layers predicts)."""
    x = data(2)[0][:3]
    for name, stack in layer_stacks(keras):
        model = keras.Sequential([keras.Input(IMAGE), *stack])
        give_weights(model, 3)
        yield name, np.asarray(model.predict(x, verbose=0), float).reshape(3, -1).tolist()


def metric_objects(keras):
    """Yield (name, metric, targets, outputs): all metrics of the facade, on what they are for."""
    keras.backend.clear_session()  # the names count from the beginning: precision, precision_1
    m, rng = keras.metrics, np.random.RandomState(5)
    outputs = np.exp(rng.standard_normal((60, CLASSES)).astype("float32"))
    outputs /= outputs.sum(axis=1, keepdims=True)
    y = np.where(rng.rand(60) < 0.5, outputs.argmax(axis=1), rng.randint(CLASSES, size=60))
    one_hot = np.eye(CLASSES, dtype="float32")[y]
    yes, answers = (y % 2).astype("float32")[:, None], rng.rand(60, 1).astype("float32")
    for metric in m.CategoricalAccuracy(), m.TopKCategoricalAccuracy(k=2), m.CategoricalCrossentropy():
        yield metric.name, metric, one_hot, outputs
    sparse = m.SparseCategoricalAccuracy(), m.SparseTopKCategoricalAccuracy(k=3), m.SparseCategoricalCrossentropy()
    for metric in sparse:
        yield metric.name, metric, y, outputs
    for metric in m.BinaryAccuracy(), m.BinaryAccuracy(threshold=0.3), m.BinaryCrossentropy():
        yield metric.name, metric, yes, answers
    for metric in (m.Precision(), m.Precision(thresholds=0.7), m.Recall(), m.Recall(thresholds=0.2), m.AUC(),
                   m.AUC(num_thresholds=20)):
        yield f"{metric.name} of answers", metric, yes, answers
        yield f"{metric.name} of classes", metric, one_hot, outputs
    for average in "macro", "micro", "weighted":
        yield f"f1 {average}", m.F1Score(average=average), one_hot, outputs
    yield "f1 threshold", m.F1Score(average="macro", threshold=0.4), one_hot, outputs
    for metric in m.MeanSquaredError(), m.MeanAbsoluteError():
        yield metric.name, metric, one_hot, outputs


def metrics(keras):
    """Yield (name, figures): after 40 rows, after 60, and of all with weights."""
    weights = np.random.RandomState(6).uniform(0.2, 2, 60).astype("float32")
    for position, (name, metric, targets, outputs) in enumerate(metric_objects(keras)):
        figures = []
        metric.reset_state()
        for rows in slice(0, 40), slice(40, 60):
            metric.update_state(targets[rows], outputs[rows])
            figures.append(np.ravel(np.asarray(metric.result(), float)).tolist())
        metric.reset_state()
        metric.update_state(targets, outputs, sample_weight=weights)
        yield f"{position} {name}", [*figures, np.ravel(np.asarray(metric.result(), float)).tolist()]


def evaluations(keras):
    """Yield (names of metrics, what ``evaluate`` returns): figures of a whole data set, batch by batch."""
    x, y, _, weights = data()
    one_hot = np.eye(CLASSES, dtype="float32")[y]
    for names, loss, targets, given in (
        (["accuracy"], "sparse_categorical_crossentropy", y, {}),
        (["acc", "sparse_top_k_categorical_accuracy"], "sparse_categorical_crossentropy", y, {}),
        (["accuracy", "Precision", "Recall", "AUC", "mse"], "categorical_crossentropy", one_hot, {}),
        (["categorical_accuracy", "mae"], "categorical_crossentropy", one_hot, {"sample_weight": weights}),
    ):
        model = network(keras)
        give_weights(model)
        model.compile(optimizer="sgd", loss=loss, metrics=list(names))
        scores = model.evaluate(x, targets, batch_size=32, verbose=0, **given)
        yield " ".join([*names, *given]), [float(score) for score in scores]
