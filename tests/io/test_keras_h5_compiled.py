"""How a Keras model was compiled: its loss, metrics, optimizer and memories come along where they exist here."""

import contextlib
import json

import h5py
import numpy as np
import pytest
from keras_files import compiled, keras_file

from numpycnn import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    BinaryCrossEntropy,
    CosineDecay,
    Dense,
    ExponentialDecay,
    Flatten,
    Huber,
    InverseTimeDecay,
    MeanAbsoluteError,
    MeanSquaredError,
    ModelFileError,
    Nadam,
    PiecewiseConstant,
    PolynomialDecay,
    RMSprop,
    Sequential,
    SoftmaxCrossEntropy,
    StepDecay,
)
from numpycnn.io.keras_file.file import joined


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def dense_file(folder, activation="softmax", training=None, **options):
    layers = [("Flatten", {}), ("Dense", {"units": 3, "activation": activation})]
    return keras_file(folder / "model.h5", layers, {"dense": [random(64, 3), random(3)]}, training=training, **options)


def loss_class(name, **config):
    return {"class_name": name, "config": {"name": "any", "reduction": "sum_over_batch_size", **config}}


LOGITS = SoftmaxCrossEntropy(predict_logits=True)


@pytest.mark.parametrize(
    "loss, activation, expected",
    [
        ("sparse_categorical_crossentropy", "softmax", SoftmaxCrossEntropy()),
        ("categorical_crossentropy", "softmax", SoftmaxCrossEntropy()),
        (["sparse_categorical_crossentropy"], "softmax", SoftmaxCrossEntropy()),
        ({"dense": "sparse_categorical_crossentropy"}, "softmax", SoftmaxCrossEntropy()),
        ({"dense": ["sparse_categorical_crossentropy"]}, "softmax", SoftmaxCrossEntropy()),
        ([loss_class("CategoricalCrossentropy")], "softmax", SoftmaxCrossEntropy()),
        ({"dense": loss_class("SparseCategoricalCrossentropy", from_logits=True)}, "linear", LOGITS),
        (loss_class("SparseCategoricalCrossentropy", from_logits=True), "linear", LOGITS),
        (loss_class("CategoricalCrossentropy", from_logits=True, label_smoothing=0.1), "linear",
         SoftmaxCrossEntropy(0.1, predict_logits=True)),
        (loss_class("SparseCategoricalCrossentropy", reduction="auto", ignore_class=None), "softmax",
         SoftmaxCrossEntropy()),
        (loss_class("CategoricalCrossentropy", label_smoothing=0.1), "softmax", SoftmaxCrossEntropy(0.1)),
        ({"class_name": "function", "config": "categorical_crossentropy"}, "softmax", SoftmaxCrossEntropy()),
        ("mse", "linear", MeanSquaredError()),
        ("mean_squared_error", "sigmoid", MeanSquaredError()),
        (loss_class("MeanSquaredError"), "relu", MeanSquaredError()),
        ("mse", "softmax", MeanSquaredError()),  # of the probabilities
        ("mae", "linear", MeanAbsoluteError()),
        (loss_class("Huber", delta=0.5), "linear", Huber(0.5)),
        (loss_class("Huber", delta=2.0, reduction="sum"), "linear", Huber(2.0, "sum")),
        ("binary_crossentropy", "sigmoid", BinaryCrossEntropy()),
        (loss_class("BinaryCrossentropy", from_logits=True), "linear", BinaryCrossEntropy(predict_logits=True)),
        (loss_class("BinaryCrossentropy", from_logits=True, label_smoothing=0.1), "linear",
         BinaryCrossEntropy(0.1, True)),
        (loss_class("SparseCategoricalCrossentropy", reduction="sum"), "softmax",
         SoftmaxCrossEntropy(reduction="sum")),
        (loss_class("MeanSquaredError", reduction="mean_with_sample_weight"), "linear",
         MeanSquaredError("weighted_mean")),
    ],
)
def test_losses(loss, activation, expected, tmp_path):
    metrics = ["accuracy"] if isinstance(expected, (SoftmaxCrossEntropy, BinaryCrossEntropy)) else []
    model = Sequential.load(dense_file(tmp_path, activation, compiled(loss, metrics=metrics)))
    assert repr(model.loss) == repr(expected)
    assert model.metrics == metrics
    model.train_on_batch(random(2, 8, 8, 1), np.eye(3)[:2])


@pytest.mark.parametrize(
    "loss, activation, expected, note",
    [
        ("kl_divergence", "softmax", SoftmaxCrossEntropy(), "loss kl_divergence of a softmax does not exist"),
        ("binary_crossentropy", "linear", None, "loss binary_crossentropy .* the model is not compiled"),
        ("binary_crossentropy", "tanh", None, "loss binary_crossentropy .* the model is not compiled"),
        ("poisson", "sigmoid", None, "loss poisson .* the model is not compiled"),
        ("sparse_categorical_crossentropy", "linear", None, "without a softmax.* the model is not compiled"),
        ({"dense": "mse", "other": "mse"}, "linear", None, "the model is not compiled"),
        (["mse", "mse"], "linear", None, "the model is not compiled"),
        (loss_class("SparseCategoricalCrossentropy", from_logits=True), "softmax", SoftmaxCrossEntropy(),
         "from_logits=True after a softmax"),
        (loss_class("SparseCategoricalCrossentropy", reduction="none"), "softmax", SoftmaxCrossEntropy(),
         "the loss has reduction='none'"),
        (loss_class("SparseCategoricalCrossentropy", ignore_class=0), "softmax", SoftmaxCrossEntropy(),
         "the loss has ignore_class=0"),
    ],
)
def test_losses_that_do_not_exist_here(loss, activation, expected, note, tmp_path):
    with pytest.warns(UserWarning, match=f"model.h5: layers and weights are Keras's, but not .*{note}"):
        model = Sequential.load(dense_file(tmp_path, activation, compiled(loss)))
    assert repr(model.loss) == repr(expected)


def test_a_softmax_that_was_never_compiled_gives_probabilities_and_can_be_evaluated(tmp_path):
    model = Sequential.load(dense_file(tmp_path))
    x = random(4, 8, 8, 1)
    assert np.allclose(model.predict(x).sum(axis=1), 1) and len(model.evaluate(x, [0, 1, 2, 0])) == 2
    model.save(tmp_path / "model.npz")  # and so it stays
    assert np.array_equal(Sequential.load(tmp_path / "model.npz").predict(x), model.predict(x))


def test_a_model_of_logits_predicts_logits_and_stays_one(tmp_path):
    """Keras without a softmax, with from_logits=True: predict gives what the last layer gives."""
    loss = loss_class("SparseCategoricalCrossentropy", from_logits=True)
    model = Sequential.load(dense_file(tmp_path, "linear", compiled(loss)))
    x = random(4, 8, 8, 1)
    expected = x.reshape(4, -1) @ random(64, 3) + random(3)
    assert np.allclose(model.predict(x), expected, atol=1e-4)
    assert np.array_equal(model.predict(x), model.forward(x))
    probabilities = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    loss, accuracy = model.evaluate(x, [0, 1, 2, 0])
    assert np.isclose(loss, -np.log(probabilities[range(4), [0, 1, 2, 0]]).mean(), rtol=1e-4)
    assert accuracy == np.mean(expected.argmax(axis=1) == [0, 1, 2, 0])
    for name in ("again.h5", "again.npz"):
        model.save(tmp_path / name)
        again = Sequential.load(tmp_path / name)
        assert repr(again.loss) == repr(model.loss) == repr(LOGITS)
        assert np.array_equal(again.predict(x), model.predict(x))
    with h5py.File(tmp_path / "again.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        assert [layer["class_name"] for layer in layers] == ["InputLayer", "Flatten", "Dense"]
        training = json.loads(file.attrs["training_config"])
        assert training["loss"]["config"] == {"from_logits": True}


@pytest.mark.parametrize("weights, noted", [(None, False), ([1.0], False), ({"dense": 1}, False), ([0.5], True),
                                            ({"dense": 0.5}, True), (2, True)])  # fmt: skip
def test_loss_weights(weights, noted, tmp_path):
    training = {**compiled(), "loss_weights": weights}
    with pytest.warns(UserWarning, match="the loss has the weight") if noted else contextlib.nullcontext():
        Sequential.load(dense_file(tmp_path, training=training))


def test_weighted_metrics(tmp_path):
    """No sample has a weight here, so they are the same as plain metrics."""
    training = {**compiled(metrics=()), "weighted_metrics": ["accuracy"]}
    assert Sequential.load(dense_file(tmp_path, training=training)).metrics == ["accuracy"]


def schedule(name, **config):
    config = {"initial_learning_rate": 0.1, "decay_steps": 50, **config}
    return {"learning_rate": {"class_name": name, "config": config}}


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("SGD", {"learning_rate": 0.009999999776482582, "momentum": 0.9, "nesterov": True},
         SGD(0.01, 0.9, True, velocity_of_steps=True)),
        ("Adam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5}, Adam(0.001, 0.8, 0.9, 1e-5, epsilon_hat=True)),
        ("Custom>Adam", {"clipnorm": None, "amsgrad": False, "use_ema": False},
         Adam(0.001, epsilon=1e-7, epsilon_hat=True)),
        ("Adam", {"weight_decay": 0.1}, AdamW(0.001, 0.1, epsilon=1e-7, epsilon_hat=True)),
        ("AdamW", {"weight_decay": 0.04, "global_clipnorm": 2.0}, AdamW(0.001, 0.04, 0.9, 0.999, 1e-7, 2.0, True)),
        ("Adam", {"name": "adam_of_the_paper", "epsilon": 1e-8}, Adam()),
        ("SGD", schedule("ExponentialDecay", decay_rate=0.5), SGD(ExponentialDecay(0.1, 50, 0.5))),
        ("SGD", schedule("InverseTimeDecay", decay_rate=0.5), SGD(InverseTimeDecay(0.1, 50, 0.5))),
        ("SGD", schedule("PolynomialDecay", end_learning_rate=0.01, power=2), SGD(PolynomialDecay(0.1, 50, 0.01, 2))),
        ("SGD", schedule("PiecewiseConstantDecay", boundaries=[3], values=[0.1, 0.2]),
         SGD(PiecewiseConstant([3], [0.1, 0.2]))),
        ("Adam", {"beta_1": 0.8999999761581421, "epsilon": 1.0000000116860974e-07},  # as Keras 2 writes them
         Adam(0.001, 0.9, 0.999, 1e-7, epsilon_hat=True)),
        ("RMSprop", {"rho": 0.8, "momentum": 0.5, "centered": True}, RMSprop(0.001, 0.8, 0.5, centered=True)),
        ("Adagrad", {"initial_accumulator_value": 0.5}, Adagrad(0.001, 0.5)),
        ("Adadelta", {}, Adadelta()), ("Adadelta", {"rho": 0.5, "epsilon": 1e-3}, Adadelta(0.001, 0.5, 1e-3)),
        ("Adamax", {"beta_1": 0.8}, Adamax(beta1=0.8)),
        ("Nadam", {}, Nadam()),
        ("Nadam", {"beta_2": 0.5, "global_clipnorm": 2.0}, Nadam(beta2=0.5, global_clipnorm=2.0)),
        ("SGD", schedule("CosineDecay", alpha=0.5, warmup_steps=0), SGD(CosineDecay(0.1, 50, 0.05))),
        ("SGD", schedule("ExponentialDecay", decay_rate=0.5, staircase=True), SGD(StepDecay(0.1, 50, 0.5))),
    ],
)  # fmt: skip
def test_optimizers(name, arguments, expected, tmp_path):
    model = Sequential.load(dense_file(tmp_path, training=compiled(optimizer=name, **arguments)))
    assert repr(model.optimizer) == repr(expected)


@pytest.mark.parametrize(
    "name, arguments, expected, note",
    [
        ("Ftrl", {"rho": 0.9}, Adam(), "the optimizer Ftrl does not exist here"),
        ("SGD", {"clipvalue": 1.0}, SGD(0.001), "the optimizer has clipvalue=1.0"),
        ("SGD", {"weight_decay": 0.1}, SGD(0.001), "SGD has weight_decay=0.1"),
        ("SGD", schedule("CosineDecay", warmup_steps=5), SGD(0.1), "schedule CosineDecay does not exist .* stays 0.1"),
        ("SGD", schedule("PolynomialDecay", cycle=True), SGD(0.1), "schedule PolynomialDecay"),
        ("RMSprop", {"weight_decay": 0.1}, RMSprop(), "RMSprop has weight_decay=0.1"),
    ],
)
def test_optimizers_that_do_not_exist_here(name, arguments, expected, note, tmp_path):
    with pytest.warns(UserWarning, match=note):
        model = Sequential.load(dense_file(tmp_path, training=compiled(optimizer=name, **arguments)))
    assert repr(model.optimizer) == repr(expected)


@pytest.mark.parametrize(
    "metrics, expected",
    [
        ([], []),
        (["accuracy"], ["accuracy"]),
        (["mae", "acc"], ["mae", "acc"]),
        (["sparse_top_k_categorical_accuracy"], ["sparse_top_k_categorical_accuracy"]),
        ([loss_class("MeanSquaredError"), "mean_squared_error"], ["mean_squared_error"]),
        ([[loss_class("SparseCategoricalAccuracy")]], ["sparse_categorical_accuracy"]),
        ([[{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy"}}]], ["accuracy"]),
        ([{"dense": ["accuracy"]}], ["accuracy"]),
        ({"dense": "acc"}, ["acc"]),
        ([["mae"], ["accuracy"]], ["mae", "accuracy"]),
        ([{"class_name": "function", "config": "categorical_accuracy"}], ["categorical_accuracy"]),
        (None, []),
    ],
)
def test_metrics(metrics, expected, tmp_path):
    assert Sequential.load(dense_file(tmp_path, training=compiled(metrics=metrics))).metrics == expected


@pytest.mark.parametrize("metric, named", [
    ("cosine_similarity", "cosine_similarity"), ("binary_accuracy", "binary_accuracy"),
    (loss_class("Precision"), "precision"), (loss_class("SparseTopKCategoricalAccuracy", k=3), "sparse_top_k"),
])  # fmt: skip
def test_metrics_that_do_not_exist_here(metric, named, tmp_path):
    with pytest.warns(UserWarning, match=f"not .*the metric {named}.*, which does not exist here for this loss"):
        model = Sequential.load(dense_file(tmp_path, training=compiled(metrics=["accuracy", metric])))
    assert model.metrics == ["accuracy"]


@pytest.mark.parametrize("metrics", [["mae"], ["accuracy", "top_k_accuracy"]])
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_metrics_come_back(metrics, ending, tmp_path):
    model = Sequential([Flatten(), Dense(3)], input_shape=(8, 8, 1))
    model.compile("sgd", "mse" if metrics == ["mae"] else "sparse_categorical_crossentropy", metrics=metrics)
    model.save(tmp_path / f"model.{ending}")
    again = Sequential.load(tmp_path / f"model.{ending}")
    x, y = random(4, 8, 8, 1), random(4, 3) if metrics == ["mae"] else np.array([0, 1, 2, 0])
    assert np.allclose(model.evaluate(x, y), again.evaluate(x, y)) and len(again.metrics) == len(metrics)


def test_memories_of_sgd(tmp_path):
    """Keras's momentum is the step that was taken, -0.1 times what is kept here."""
    momenta = {"kernel": random(64, 3), "bias": random(3)}

    def add(file):
        group = file.create_group("optimizer_weights/any")
        group["iteration"] = np.int64(7)
        for i, momentum in enumerate(momenta.values()):
            group[f"sequential_dense_array{i}_momentum"] = momentum.astype(np.float32)

    training = compiled(optimizer="SGD", momentum=0.9, learning_rate=0.1)
    model = Sequential.load(dense_file(tmp_path, training=training, change=add))
    assert model.optimizer.steps == 7
    expected = np.concatenate([-m.astype(np.float32).ravel() for m in momenta.values()])
    assert model.optimizer.velocity_of_steps and np.array_equal(model.optimizer.get_state()["velocity"], expected)


@pytest.mark.parametrize("frozen", [("dense",), ("dense", "dense_1"), ()])
def test_memories_of_a_model_with_frozen_layers(frozen, tmp_path):
    """Keras's optimizer remembers nothing of them."""
    layers, arrays = [], {}
    for name, inputs in (("dense", 4), ("dense_1", 3)):
        layers.append(("Dense", {"units": 3, "trainable": name not in frozen}))
        arrays[name] = [random(inputs, 3), random(3)]

    layers.append(("Activation", {"activation": "softmax"}))

    def add(file):
        group = file.create_group("optimizer_weights/adam")
        group["iteration"] = np.int64(7)
        for name in {"dense", "dense_1"} - set(frozen):
            for i, array in enumerate(arrays[name]):
                group[f"sequential_{name}_array{i}_momentum"] = np.full(np.shape(array), 2.0)
                group[f"sequential_{name}_array{i}_velocity"] = np.full(np.shape(array), 3.0)

    training = compiled(optimizer="Adam", name="adam")
    path = keras_file(tmp_path / "model.h5", layers, arrays, shape=(4,), training=training, change=add)
    optimizer = Sequential.load(path).optimizer
    for name, value in (("m", 2.0), ("v", 3.0)):
        sizes = {"dense": 15, "dense_1": 12}
        expected = np.concatenate([np.full(sizes[each], 0.0 if each in frozen else value) for each in sizes])
        np.testing.assert_array_equal(optimizer.get_state()[name], expected)
    assert optimizer.steps == (0 if len(frozen) == 2 else 7)


def test_memories_in_another_form_are_left_out(tmp_path):
    """Keras 2 has other names; a part may be missing."""
    for names in (["iteration:0"], ["any/iter:0"], ["any/iteration", "any/sequential_dense_array0_momentum"]):

        def add(file):
            for name in names:
                file[f"optimizer_weights/{name}"] = np.int64(7)

        model = Sequential.load(dense_file(tmp_path, training=compiled(), change=add))
        assert model.optimizer.steps == 0 and not model.optimizer.get_state()["m"].any()


@pytest.mark.parametrize("optimizer, steps", [("SGD", 7), ("Adam", 7), ("RMSprop", 7), ("Adagrad", 0), ("Ftrl", 0)])
@pytest.mark.filterwarnings("ignore:.*the optimizer Ftrl")
def test_steps_and_memories_belong_together(optimizer, steps, tmp_path):
    """Ftrl may have memories of the same names as Adam, but others; RMSprop's velocity is what is v here. Adagrad's
    memory would have another name: without it, it starts anew."""

    def add(file):
        group = file.create_group("optimizer_weights/any")
        group["iteration"] = np.int64(7)
        for kind in ("momentum", "velocity") if optimizer != "SGD" else ():
            for i, shape in enumerate([(64, 3), (3,)]):
                group[f"sequential_dense_array{i}_{kind}"] = np.ones(shape)

    model = Sequential.load(dense_file(tmp_path, training=compiled(optimizer=optimizer), change=add))
    assert model.optimizer.steps == steps
    assert model.optimizer.get_state().get("m", np.zeros(1)).all() == (optimizer == "Adam")
    assert model.optimizer.get_state().get("v", np.zeros(1)).all() == (optimizer in ("Adam", "RMSprop"))


def test_memories_of_another_shape_are_refused(tmp_path):
    def add(file):
        file["optimizer_weights/any/iteration"] = np.int64(7)
        for i in range(2):
            file[f"optimizer_weights/any/sequential_dense_array{i}_momentum"] = np.ones(3)

    with pytest.raises(ModelFileError, match="expected arrays of the shapes of the parameters"):
        Sequential.load(dense_file(tmp_path, training=compiled(optimizer="SGD", momentum=0.9), change=add))


@pytest.mark.parametrize("center, scale", [(True, True), (True, False), (False, True), (False, False)])
def test_adam_after_a_batch_norm_without_gamma_or_beta(center, scale, tmp_path):
    count = center + scale
    layers = [("Flatten", {}), ("BatchNormalization", {"center": center, "scale": scale}), ("Dense", {"units": 3})]
    arrays = {"batch_normalization": [np.full(64, 0.5)] * (count + 2), "dense": [random(64, 3), random(3)]}
    names = [f"batch_normalization_array{i}" for i in range(count)] + ["dense_array0", "dense_array1"]

    def add(file):
        group = file.create_group("optimizer_weights/any")
        group["iteration"] = np.int64(7)
        for name, array in zip(names, [*arrays["batch_normalization"][:count], *arrays["dense"]], strict=True):
            for kind in ("momentum", "velocity"):
                group[f"sequential_{name}_{kind}"] = np.ones_like(array)

    training = compiled("mse", metrics=())
    model = Sequential.load(keras_file(tmp_path / "model.h5", layers, arrays, training=training, change=add))
    assert model.optimizer.steps == 7 and (model.optimizer.get_state()["m"] == 1).all()
    model.train_on_batch(random(4, 8, 8, 1), random(4, 3))
    assert model.optimizer.steps == 8 and np.isfinite(model.arena.values).all()


@pytest.mark.parametrize("shapes", [[(2, 3), (2,)], [(3, 2), (3,)], [(1, 3), (3,)], [(3, 3), (3,)], [(2, 3), (4,)]])
def test_memories_have_the_shapes_of_the_parameters(shapes):
    model = Sequential([Dense(3)], input_shape=(2,))
    with pytest.raises(ModelFileError, match="memories: expected arrays of the shapes of the parameters"):
        joined([np.zeros(shape) for shape in shapes], model)
    assert np.array_equal(joined([np.ones((2, 3)), np.full(3, 2)], model), [1] * 6 + [2] * 3)
