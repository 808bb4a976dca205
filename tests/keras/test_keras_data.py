"""Images and arrays on their way to a model: generators, datasets, tf's functions, scikit-learn's wrappers."""

import numpy as np
import pytest

from numpycnn import keras
from numpycnn.keras import layers, tf
from numpycnn.keras.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array
from numpycnn.keras.wrappers.scikit_learn import KerasClassifier

pytestmark = pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
RNG = np.random.default_rng(0)
X = RNG.random((12, 8, 8, 2)).astype(np.float32)
Y = np.arange(12) % 3


def one_dot(row, column, size=9):
    image = np.zeros((1, size, size, 1), np.float32)
    image[0, row, column] = 1
    return image


def where(image):
    return np.unravel_index(image[0, ..., 0].argmax(), image.shape[1:3])


def test_without_options_images_stay_as_they_are():
    x, y = next(ImageDataGenerator().flow(X, Y, batch_size=5, shuffle=False))
    assert np.array_equal(x, X[:5]) and np.array_equal(y, Y[:5])


def test_an_epoch_shows_every_image_once():
    flow = ImageDataGenerator(horizontal_flip=True).flow(X, Y, batch_size=5, seed=1)
    assert len(flow) == 3
    for _ in range(2):
        labels = np.concatenate([next(flow)[1] for _ in range(3)])
        assert sorted(labels) == sorted(Y)


def test_shifts_flips_and_the_edge():
    seen = {tuple(where(ImageDataGenerator(width_shift_range=[2])._moved(one_dot(4, 4), np.random.default_rng(i))))
            for i in range(20)}  # fmt: skip
    assert seen == {(4, 2), (4, 6)}
    seen = {tuple(where(ImageDataGenerator(vertical_flip=True)._moved(one_dot(1, 4), np.random.default_rng(i))))
            for i in range(20)}  # fmt: skip
    assert seen == {(1, 4), (7, 4)}
    for mode, value in (("nearest", 1.0), ("constant", 0.5)):
        generator = ImageDataGenerator(height_shift_range=[3], fill_mode=mode, cval=0.5)
        ones = np.ones((4, 9, 9, 1), np.float32)
        moved = generator._moved(ones, np.random.default_rng(0))
        assert np.isclose(moved.min(), value) and np.isclose(moved.max(), 1)
    turned = ImageDataGenerator(rotation_range=90)._moved(np.ones((5, 9, 9, 1), np.float32), np.random.default_rng(1))
    assert np.allclose(turned, 1)  # beyond the edge lies what is at the edge


def test_channels_are_shifted_within_an_image_s_own_range():
    moved = ImageDataGenerator(channel_shift_range=0.3)._moved(X, np.random.default_rng(0))
    low, high = X.min(axis=(1, 2, 3)), X.max(axis=(1, 2, 3))
    for image, before, bottom, top in zip(moved, X, low, high):
        within = (image > bottom) & (image < top)
        assert np.ptp((image - before)[within]) < 1e-6 and abs((image - before)[within]).max() <= 0.3
        assert image.min() >= bottom and image.max() <= top
    assert not np.array_equal(moved, X)


def test_zoom_and_shift_are_drawn_from_their_ranges():
    assert ImageDataGenerator(zoom_range=0.25).zoom_range == (0.75, 1.25)
    for kind in (list, tuple, np.array):
        assert ImageDataGenerator(zoom_range=kind((0.5, 2))).zoom_range == (0.5, 2)
    rng, shift = np.random.default_rng(0), ImageDataGenerator._shift
    assert set(shift(2, 200, 9, rng)) == {-1, 0, 1} and set(shift(1, 20, 9, rng)) == {0}
    assert abs(shift(0.5, 200, 9, rng)).max() <= 4.5 < 2 * abs(shift(0.5, 200, 9, rng)).max()
    assert set(shift([0.2], 50, 10, rng)) == {-2, 2} and set(shift([2, 3], 90, 10, rng)) == {-3, -2, 2, 3}


def test_statistics_are_found_and_used():
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    with pytest.warns(keras.KerasNote, match="need datagen.fit"):
        keras.notes._said.clear()
        generator.standardize(X)
    generator.fit(X)
    x = generator.standardize(X)
    assert np.allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-5) and np.allclose(x.std(axis=(0, 1, 2)), 1, atol=1e-4)
    each = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True).standardize(X)
    assert np.allclose(each.mean(axis=(1, 2, 3)), 0, atol=1e-5) and np.allclose(each.std(axis=(1, 2, 3)), 1, atol=1e-4)
    white = ImageDataGenerator(zca_whitening=True, zca_epsilon=1e-9)
    many = RNG.standard_normal((400, 2, 2, 1)).astype(np.float32) @ np.array([[2.0]], np.float32)
    white.fit(many)
    flat = white.standardize(many).reshape(400, -1)
    assert np.allclose(flat.T @ flat / 400, np.eye(4), atol=1e-3)
    assert np.allclose(ImageDataGenerator(rescale=0.5).standardize(X[0]), X[0] / 2)


@pytest.mark.parametrize("kind", ["featurewise", "samplewise"])
def test_images_that_are_scaled_are_centred_too(kind):
    generator, words = ImageDataGenerator(**{f"{kind}_std_normalization": True}), (f"{kind}_center", True)
    both = ImageDataGenerator(**{f"{kind}_std_normalization": True}, **dict([words]))
    generator.fit(X)
    both.fit(X)
    assert vars(generator)[words[0]] and np.array_equal(generator.standardize(X), both.standardize(X))


def test_whitening_is_keras_own():
    white = ImageDataGenerator(zca_whitening=True, featurewise_std_normalization=True, zca_epsilon=0.5)
    white.fit(X)
    centred = (X - X.mean(axis=(0, 1, 2))).reshape(len(X), -1)
    u, s, _ = np.linalg.svd(centred.T, full_matrices=False)
    expected = centred @ (u * (np.sqrt(len(X)) / (s + 0.5))) @ u.T
    assert not white.featurewise_std_normalization
    assert np.allclose(white.standardize(X).reshape(len(X), -1), expected, atol=1e-4)


def test_split_and_refusals():
    generator = ImageDataGenerator(validation_split=0.25)
    assert (generator.flow(X, Y, subset="training").n, generator.flow(X, Y, subset="validation").n) == (9, 3)
    for words in ({"interpolation_order": 3}, {"fill_mode": "far"}, {"data_format": "channels_first"},
                  {"validation_split": 1.5}):  # fmt: skip
        with pytest.raises(ValueError):
            ImageDataGenerator(**words)
    for words in ({"rotation_range": -30}, {"shear_range": "x"}, {"zoom_range": "x"}, {"zoom_range": (1, 2, 3)},
                  {"brightness_range": 3}, {"brightness_range": (np.nan, 1)}, {"width_shift_range": -0.1},
                  {"channel_shift_range": None}):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=f"{[*words][0]}: expected"):
            ImageDataGenerator(**words)
    assert ImageDataGenerator(zoom_range=False, brightness_range=(2, 1)).brightness_range == (1, 2)
    with pytest.raises(ValueError, match="batch_size: expected an integer of at least 1, got 0"):
        generator.flow(X, Y, batch_size=0)
    with pytest.raises(TypeError, match="did you mean 'zoom_range'"):
        ImageDataGenerator(zoom_rang=0.1)


def test_steps_cut_arrays_short_and_what_does_nothing_is_noted():
    model = keras.Sequential([layers.Input((8, 8, 2)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    weights = RNG.random(12).astype(np.float32)
    found = model.evaluate(X, Y, sample_weight=weights, batch_size=2, steps=3)
    np.testing.assert_allclose(found, model.evaluate(X[:6], Y[:6], sample_weight=weights[:6]), rtol=1e-6)
    whole = model.fit(X, Y, steps_per_epoch=2, verbose=0, shuffle=False)  # two batches of six
    assert whole.params["steps"] == 2 and model.fit(X, Y, 5, validation_split=0.25, verbose=0).params["steps"] == 2
    history = model.fit(X, Y, 4, validation_data=(X, Y, weights), validation_steps=2, verbose=0).history
    np.testing.assert_allclose(history["val_loss"], model.evaluate(X[:8], Y[:8], sample_weight=weights[:8]), rtol=1e-6)
    words = {"validation_data": (X, Y), "validation_steps": 2, "validation_batch_size": 3}
    history = model.fit(X, Y, 4, verbose=0, **words).history
    np.testing.assert_allclose(history["val_loss"], model.evaluate(X[:6], Y[:6]), rtol=1e-6)
    held_out = {"validation_split": 0.5, "validation_steps": 2, "shuffle": False, "verbose": 0}
    history = model.fit(X, Y, 2, **held_out).history
    np.testing.assert_allclose(history["val_loss"], model.evaluate(X[6:10], Y[6:10]), rtol=1e-6)
    assert model.fit(X, Y, steps_per_epoch=3, validation_split=0.5, verbose=0).params["steps"] == 3  # of two rows
    with pytest.warns(keras.KerasNote, match="4 steps were asked for, but there are 3 batches"):
        assert model.fit(X, Y, 2, steps_per_epoch=4, validation_split=0.5, verbose=0).params["steps"] == 3
    for steps in (-1, 0, 2.5, "3"):
        with pytest.raises((TypeError, ValueError), match="steps: expected an integer of at least 1"):
            model.predict(X, steps=steps)
    batches = [(X[:4], Y[:4])]
    for word, call in (
        ("fit: validation_steps", lambda: model.fit(X, Y, validation_steps=1, verbose=0)),
        ("fit: validation_freq", lambda: model.fit(X, Y, validation_freq=2, verbose=0)),
        ("fit: validation_batch_size", lambda: model.fit(X, Y, validation_batch_size=2, verbose=0)),
        ("fit: batch_size", lambda: model.fit(iter(batches), batch_size=2, steps_per_epoch=1, verbose=0)),
        ("evaluate: batch_size", lambda: model.evaluate(iter(batches), batch_size=2)),
        ("predict: batch_size", lambda: model.predict(iter(batches), batch_size=2)),
    ):
        with pytest.warns(keras.KerasNote, match=f"{word} does nothing here"):
            call()


def test_layers_that_augment_act_in_training_alone():
    stack = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomTranslation(0.1, 0.2),
             layers.RandomZoom(0.2)]  # fmt: skip
    model = keras.Sequential([keras.Input((8, 8, 2)), *stack, layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    assert np.array_equal(np.asarray(stack[1](X, training=False)), X)
    assert not np.array_equal(np.asarray(stack[1](X)), X)  # by itself, to look at
    assert not np.array_equal(np.asarray(keras.Sequential([layers.RandomRotation(0.1)])(X)), X)
    assert np.array_equal(np.asarray(layers.Dropout(0.5)(X)), X)
    flip = layers.RandomFlip("vertical")
    flipped = np.asarray(flip(X, training=True))
    same = [np.allclose(a, b) for a, b in zip(flipped, X)]
    assert all(s or np.allclose(a, b[::-1], atol=1e-6) for s, a, b in zip(same, flipped, X)) and 0 < sum(same) < 12


def test_datasets_of_rows():
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    assert len(rows.batch(5)) == 3 and len(rows.batch(5, drop_remainder=True)) == 2 and rows.cardinality() == 12
    shuffled = [int(y) for _, y in rows.shuffle(4, seed=0)]
    assert sorted(shuffled) == sorted(Y) and shuffled != list(Y)
    doubled = rows.map(lambda x, y: (tf.cast(x, tf.float32) * 2, y)).batch(12).take(1)
    ((x, y),) = doubled
    assert np.allclose(x, 2 * X) and x.numpy().shape == X.shape and np.array_equal(y, Y) and y[1].numpy() == 1
    assert len(list(rows.skip(10).repeat(2))) == 4 and len(list(rows.batch(5).unbatch())) == 12
    assert [int(i) for i in tf.data.Dataset.range(5).filter(lambda i: i % 2 == 0)] == [0, 2, 4]
    assert [i.numpy() for i, _ in rows.enumerate(3).take(2)] == [3, 4]
    ((number, answer),) = tf.data.Dataset.from_tensor_slices(([1], [0.5]))  # of Python's numbers
    assert (number.dtype, answer.dtype) == (np.int32, np.float32)
    made = tf.data.Dataset.from_generator(lambda: iter([([1, 2], 3)]), output_types=(tf.float32, tf.int64))
    ((x, y),) = made
    assert (x.numpy().dtype, y.numpy().dtype) == (np.float32, np.int64) and list(x) == [1, 2]
    with pytest.raises(ValueError, match="expected one array for the inputs and one for the targets"):
        tf.data.Dataset.from_tensor_slices((X, {"digit": Y}))


def test_what_generators_and_datasets_have_not_says_what_to_use():
    from numpycnn.keras import tf

    x, y = tf.data.Dataset.from_tensor_slices((X, np.arange(12))).batch(4).element_spec
    assert (x.shape, x.dtype.name, y.shape, y.dtype.name) == ((4, 8, 8, 2), "float32", (4,), "int64")
    rows = tf.data.Dataset.from_tensor_slices(X)
    assert rows.element_spec.shape == (8, 8, 2)
    generator = keras.preprocessing.image.ImageDataGenerator()
    for thing, name, says in ((rows, "window", "no 'window' here; it has .*shuffle, batch"),
                              (generator, "apply_transform", "random_transform"), (generator, "nonsense", "nonsense'$"),
                              (generator, "get_random_transform", "draws and changes at once")):  # fmt: skip
        with pytest.raises(AttributeError, match=says):
            getattr(thing, name)


def test_a_dataset_is_as_long_as_it_says():
    rows = tf.data.Dataset.range(5)
    for made in (rows.repeat(0), rows.repeat(3), rows.take(0), rows.take(9), rows.take(-1), rows.skip(2), rows.skip(9)):
        assert len(made) == len(list(made))


def test_two_columns_of_targets_are_two_classes():
    for y, numbers, classes in ((np.eye(2)[[1, 0, 1]], np.eye(2)[[1, 0, 1]], [0, 1]),
                                (np.array([["b"], ["a"]]), [1, 0], ["a", "b"])):
        estimator = KerasClassifier(build_fn=lambda: None)
        assert np.array_equal(estimator._numbered(y), numbers) and list(estimator.classes_) == classes


def test_functions_of_tf():
    a = np.array([[1.0, 3.0], [5.0, 2.0]])
    assert tf.argmax(a, axis=1).numpy().tolist() == [1, 0] and tf.reduce_mean(a) == 2.75
    assert tf.one_hot([2, 0, 9], 3).numpy().tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert tf.math.confusion_matrix([0, 1, 2], [0, 2, 2]).numpy().tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    falling = [[3, 1], [4, 2]]
    assert tf.argmin(falling).numpy().tolist() == [0, 0] and tf.argmin(falling, axis=1).numpy().tolist() == [1, 1]
    assert tf.argmax(falling).numpy().tolist() == [1, 1]  # along the first axis unless told
    assert tf.reshape(a, [4]).shape == (4,) and tf.expand_dims(a, 0).shape == (1, 2, 2)
    assert tf.pad(a, [[1, 0], [0, 0]]).shape == (3, 2)
    assert tf.constant([1.5]).dtype == np.float32 and [part.shape for part in tf.split(a, [1, 1])] == [(1, 2), (1, 2)]
    assert np.allclose(tf.nn.softmax(a).numpy().sum(axis=1), 1) and tf.config.list_physical_devices("GPU") == []
    tf.config.experimental.set_memory_growth("GPU", True)
    assert keras.backend.expand_dims(a).shape == (2, 2, 1)
    drawn = tf.random.uniform((200,)).numpy()
    assert 0 <= drawn.min() < 0.1 and 0.9 < drawn.max() <= 1
    tf.random.set_seed(3)
    one = layers.Dense(4)(X[:, 0, 0]).numpy()
    tf.random.set_seed(3)
    assert np.array_equal(one, layers.Dense(4)(X[:, 0, 0]).numpy())
    keras.random.set_seed(None)


def test_images_are_mirrored_at_random_one_by_one():
    from numpycnn.keras import tf

    x = RNG.random((64, 4, 5, 1))
    for name, axis in (("random_flip_left_right", 2), ("random_flip_up_down", 1)):
        y, mirrored = np.asarray(getattr(tf.image, name)(x, seed=3)), np.flip(x, axis)
        turned = [np.array_equal(a, b) for a, b in zip(y, mirrored)]
        assert 10 < sum(turned) < 54 and all(np.array_equal(a, b) or t for a, b, t in zip(y, x, turned))
        assert getattr(tf.image, name)(x[0]).shape == (4, 5, 1)


def test_images_have_their_channels_last():
    for function in (img_to_array, array_to_img):
        with pytest.raises(ValueError, match="channels-last"):
            function(X[0], data_format="channels_first")


def test_images_and_arrays():
    image = array_to_img(X[0, ..., :1])
    assert image.size == (8, 8) and img_to_array(image).shape == (8, 8, 1)
    scaled = tf.image.convert_image_dtype(np.array([[0, 51, 255]], np.uint8), tf.float32)
    assert scaled.dtype == np.float32 and np.allclose(scaled, [[0, 0.2, 1]], atol=1e-6)
    assert np.array_equal(tf.image.convert_image_dtype(X, tf.float32), X)
    assert keras.utils.to_categorical([[0], [2]]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert np.allclose(np.linalg.norm(keras.utils.normalize(X[:, 0, 0], axis=1), axis=1), 1)


def test_scikit_learn_searches_over_a_model():
    selection = pytest.importorskip("sklearn.model_selection")

    def build(units=4):
        model = keras.Sequential([layers.Dense(units, activation="relu", input_dim=2), layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    x, y = X[:, 0, 0], np.where(Y > 0, "yes", "no")
    estimator = KerasClassifier(build_fn=build, epochs=1, verbose=0)
    search = selection.GridSearchCV(estimator, {"units": [2, 3]}, cv=2).fit(x, y)
    assert search.best_params_["units"] in (2, 3) and set(search.predict(x)) <= {"yes", "no"}
    assert search.best_estimator_.predict_proba(x).shape == (12, 2)
    weights, right = np.arange(12), search.predict(x) == y
    assert search.best_estimator_.score(x, y, sample_weight=weights, batch_size=5) == (right @ weights) / weights.sum()
    for call in (search.best_estimator_.predict, search.best_estimator_.predict_proba):
        call(x, batch_size=5, verbose=0)
        with pytest.raises(TypeError, match="batchsize"):
            call(x, batchsize=5)
    search.best_estimator_.model.layers[-1].set_weights([np.full((search.best_params_["units"], 2), np.nan), [0, 0]])
    with pytest.raises(ValueError, match="got NaN in 12 of 12 rows"):
        search.predict(x)


def test_a_picture_of_a_model(tmp_path):
    model = keras.Sequential([layers.Dense(3, input_dim=2, name="first"), layers.Dense(2)])
    figure = keras.utils.plot_model(model, tmp_path / "model.png", show_shapes=True, show_layer_names=True)
    assert figure._repr_png_()[:4] == b"\x89PNG"  # a notebook shows it as the value of a cell
    assert (tmp_path / "model.png").stat().st_size > 1000
    assert b"<svg" in keras.utils.model_to_dot(model, show_shapes=True).create(prog="dot", format="svg")


def test_ops_are_numpys_functions():
    ops = keras.ops
    x = ops.ones((2, 3))
    assert x.dtype == np.float32 and ops.array([0.5]).dtype == np.float32 and ops.shape(x) == (2, 3)
    assert np.array_equal(ops.concatenate([x, 2 * x]).numpy(), np.repeat([[1.0] * 3, [2.0] * 3], 2, axis=0))
    assert ops.argmax([[1, 5], [2, 0]]) == 1 and list(ops.argmax([[1, 5], [2, 0]], axis=-1)) == [1, 0]
    assert list(ops.mean(x, axis=0)) == [1, 1, 1] and list(ops.logical_not([True, False])) == [False, True]
    np.testing.assert_allclose(ops.softmax([[0.0, np.log(3)]]), [[0.25, 0.75]], rtol=1e-6)
    assert type(ops.convert_to_numpy(x)) is np.ndarray
    assert np.allclose(ops.gelu([1.0, -2.0]), [0.841192, -0.045402], atol=1e-6)  # Keras's default there: by tanh
    assert np.allclose(ops.gelu([1.0, -2.0], approximate=False), [0.841345, -0.0455], atol=1e-6)
    symbol, x = keras.Input((2,)), np.array([[1.0, -2.0]], np.float32)
    for approximate in (True, False):
        model = keras.Model(symbol, ops.gelu(symbol, approximate))
        assert np.array_equal(model.predict(x, verbose=0), ops.gelu(x, approximate))
    for name, says in (("conv", "no graph of tensors"), ("float32", "no attribute 'float32'.*NumPy's functions")):
        with pytest.raises((ImportError, AttributeError), match=says):
            getattr(ops, name)
    with pytest.raises(TypeError, match="has no values"):
        ops.mean(keras.Input((3,)))


def test_several_losses_are_refused_by_their_number():
    model = keras.Sequential([layers.Dense(1, input_shape=(2,))])
    for several in (["mse", "mae"], {"a": "mse", "b": "mae"}):
        with pytest.raises(ValueError, match="one output, got 2 losses"):
            model.compile("sgd", several)
    model.compile("sgd", ["mse"])
    model.compile("sgd", {"class_name": "Huber", "config": {"delta": 2.0}})
    assert model.loss.config["delta"] == 2.0


def test_brightness_is_a_factor_of_whole_levels():
    levels = np.float32([0.0, 1.7, 100.0, 200.0]).reshape(1, 2, 2, 1)
    for factor, expected in ((1.5, [0, 1, 150, 255]), (0.5, [0, 0, 50, 100])):
        flow = ImageDataGenerator(brightness_range=(factor, factor)).flow(levels, batch_size=1)
        assert next(flow).ravel().tolist() == expected
    many = next(ImageDataGenerator(brightness_range=[0.2, 0.8]).flow(np.full((50, 2, 2, 1), 200.0), batch_size=50))
    assert 40 <= many.min() < 80 and 120 < many.max() <= 160 and np.ptp(many, axis=(1, 2)).max() == 0


@pytest.mark.parametrize("shuffle", [False, True])
def test_each_look_at_a_flow_begins_anew_and_ends_with_its_last_batch(shuffle):
    x = np.arange(12, dtype=np.float32).reshape(12, 1, 1, 1)
    flow = ImageDataGenerator().flow(x, np.zeros((12, 1)), batch_size=5, shuffle=shuffle)
    model = keras.Sequential([keras.layers.Input((1, 1, 1)), keras.layers.Flatten(),
                              keras.layers.Dense(1, kernel_initializer="ones")])  # fmt: skip
    model.compile("sgd", "mse")
    for steps in (None, 3, 9, 0):
        next(flow)
        seen = model.predict(flow, steps=steps, verbose=0)[:, 0]
        assert np.array_equal(seen if not shuffle else np.sort(seen), np.arange(12)) and flow.batch_index
        assert model.evaluate(flow, steps=steps, verbose=0) == pytest.approx((np.arange(12) ** 2).mean())
        flow.reset()
    assert model.predict(flow, steps=2, verbose=0).shape == (10, 1)
    batches: list = []
    keras.notes._said.clear()
    counter = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    with pytest.warns(keras.KerasNote, match="99 steps were asked for, but there are 3 batches"):
        history = model.fit(flow, steps_per_epoch=99, epochs=2, verbose=0, callbacks=[counter],
                            validation_data=flow, validation_steps=98)  # fmt: skip
    assert batches == [0, 1, 2, 0, 1, 2] and len(history.history["val_loss"]) == 2
    batches.clear()
    dataset = keras.tf.data.Dataset.from_tensor_slices((x, np.zeros((12, 1)))).batch(5)
    model.fit(dataset, steps_per_epoch=99, epochs=2, verbose=0, callbacks=[counter])
    assert batches == [0, 1, 2, 0, 1, 2] and len(model.predict(dataset, steps=98, verbose=0)) == 12


def test_a_flow_knows_its_next_batch():
    flow = ImageDataGenerator().flow(X, Y, batch_size=5)
    numbers = []
    for _ in range(4):
        numbers.append(flow.batch_index)
        next(flow)
    assert numbers == [0, 1, 2, 0] and flow.total_batches_seen == 4 and flow.batch_index == 1
    flow.reset()
    assert flow.batch_index == 0


def test_datasets_one_after_the_other():
    both = tf.data.Dataset.range(2).concatenate(tf.data.Dataset.range(5, 7))
    assert [int(i) for i in both] == [0, 1, 5, 6] and len(both) == 4


@pytest.mark.parametrize("shape", [X.shape[1:], None])
def test_a_dataset_of_single_rows_is_told_to_batch_them(shape):
    model = keras.Sequential(([] if shape is None else [keras.Input(shape)]) + [layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"got one row at a time: batch them, as dataset.batch\(32\) does"):
            call(rows, verbose=0)
