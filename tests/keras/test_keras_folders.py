"""Folders of pictures in Keras's words: image_dataset_from_directory and flow_from_directory."""

import numpy as np
import pytest
from PIL import Image

from numpycnn import keras
from numpycnn.keras import layers, tf
from numpycnn.keras.pictures import resized
from numpycnn.keras.preprocessing.image import ImageDataGenerator

COUNTS = {"ant": 5, "bee": 8, "cow": 7}
load = keras.utils.image_dataset_from_directory


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A folder of grey levels: a picture's level says which it is."""
    root = tmp_path_factory.mktemp("pets")
    level = 0
    for name, count in COUNTS.items():
        (root / name / "more").mkdir(parents=True)
        for i in range(count):
            picture = Image.fromarray(np.full((6 + i, 9, 3), level, np.uint8))
            picture.save(root / name / ("more" if i % 3 == 2 else "") / f"p{i}.png")
            level += 1
    (root / "ant" / "notes.txt").write_text("no picture")
    (root / "ant" / ".hidden.png").write_text("no picture")
    (root / ".git").mkdir()
    return root


def seen(dataset):
    """Return the levels and the labels of all pictures."""
    batches = [(np.asarray(x)[:, 0, 0, 0], np.asarray(y)) for x, y in dataset]
    return tuple(np.concatenate(each) for each in zip(*batches))


def test_all_pictures_in_order_with_the_numbers_of_their_folders(pets, capsys):
    dataset = load(pets, shuffle=False, image_size=(4, 5), batch_size=6)
    assert capsys.readouterr().out == "Found 20 files belonging to 3 classes.\n"
    assert dataset.class_names == list(COUNTS) and len(dataset.file_paths) == 20 and len(dataset) == 4
    levels, labels = seen(dataset)
    assert labels.dtype == np.int32 and np.array_equal(labels, np.repeat([0, 1, 2], list(COUNTS.values())))
    by_file = [np.asarray(Image.open(path))[0, 0, 0] for path in dataset.file_paths]
    assert np.array_equal(levels, by_file) and sorted(levels) == list(range(20))
    first, _ = next(iter(dataset))
    assert first.shape == (6, 4, 5, 3) and first.dtype == np.float32


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_gives_keras_order_and_parts_that_share_nothing(pets, seed):
    ordered = load(pets, shuffle=False, verbose=False).file_paths
    np.random.RandomState(seed).shuffle(ordered)  # as Keras does it
    given = {"validation_split": 0.25, "seed": seed, "image_size": 3, "verbose": False}
    training, validation = load(pets, subset="both", **given)
    assert training.file_paths + validation.file_paths == ordered and len(validation.file_paths) == 5
    assert load(pets, subset="training", **given).file_paths == training.file_paths
    assert load(pets, subset="validation", **given).file_paths == validation.file_paths
    levels, labels = seen(training)
    again, labels_again = seen(training)
    assert sorted(levels) == sorted(again) and list(levels) != list(again)  # another order in each epoch
    assert dict(zip(levels, labels)) == dict(zip(again, labels_again))


@pytest.mark.parametrize("mode, names, expected", [
    ("int", None, np.repeat(np.int32([0, 1, 2]), [5, 8, 7])),
    ("categorical", None, np.eye(3, dtype=np.float32)[np.repeat([0, 1, 2], [5, 8, 7])]),
    ("binary", ["cow", "ant"], np.repeat(np.float32([[0], [1]]), [7, 5], axis=0)),
])  # fmt: skip
def test_labels_as_they_are_asked_for(pets, mode, names, expected):
    dataset = load(pets, label_mode=mode, class_names=names, shuffle=False, image_size=3, verbose=False)
    labels = np.concatenate([np.asarray(y) for _, y in dataset])
    assert labels.dtype == expected.dtype and np.array_equal(labels, expected)


def test_without_labels_with_own_ones_and_one_by_one(pets, capsys):
    assert [x.shape for x in load(pets, labels=None, image_size=3, batch_size=16)] == [(16, 3, 3, 3), (4, 3, 3, 3)]
    assert capsys.readouterr().out == "Found 20 files.\n"
    own = load(pets, labels=list(range(20)), shuffle=False, image_size=3, verbose=False)
    assert own.class_names == sorted(map(str, range(20)), key=int)
    assert np.array_equal(seen(own)[1], range(20))
    x, y = next(iter(load(pets, batch_size=None, color_mode="grayscale", image_size=(3, 4), verbose=False)))
    assert x.shape == (3, 4, 1) and y.shape == ()


def test_own_labels_stay_fractions(pets):
    ages = np.linspace(0.5, 10, 20)
    for labels in (list(ages), ages):
        own = load(pets, labels=labels, shuffle=False, image_size=3, verbose=False)
        assert np.array_equal(np.concatenate([np.asarray(y) for _, y in own]), ages.astype(np.float32))


def test_the_middle_of_pictures_keeps_their_proportions(tmp_path):
    (tmp_path / "a").mkdir()
    tall = np.arange(60, dtype=np.uint8).reshape(10, 6)
    Image.fromarray(tall).save(tmp_path / "a" / "tall.png")
    for size, middle in (((3, 3), tall[2:8]), ((5, 2), tall[:, 1:5]), ((1, 6), tall[4:5]), ((10, 6), tall)):
        given = {"color_mode": "grayscale", "verbose": False, "shuffle": False, "crop_to_aspect_ratio": True}
        ((x, _),) = load(tmp_path, image_size=size, **given)
        assert np.allclose(x[0], resized(middle[..., None], size, "bilinear"))
        flow = ImageDataGenerator().flow_from_directory(tmp_path, size, "grayscale", keep_aspect_ratio=True)
        expected = Image.fromarray(middle).resize(size[::-1], Image.Resampling.NEAREST)
        assert np.array_equal(flow[0][0][0, ..., 0], np.asarray(expected))


def test_links_within_a_class_are_followed_if_asked_for(tmp_path):
    for name in ("a", "else/where"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("L", (3, 3)).save(tmp_path / name / "p.png")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "else" / "where")
    for follow, count in ((False, 1), (True, 2)):
        given = {"class_names": ["a"], "image_size": 3, "verbose": False}
        assert len(load(tmp_path, follow_links=follow, **given).file_paths) == count
        assert ImageDataGenerator().flow_from_directory(tmp_path, classes=["a"], follow_links=follow).n == count


@pytest.mark.parametrize("whole", [".", ""])
def test_a_flow_of_pictures_without_classes(pets, whole):
    flow = ImageDataGenerator().flow_from_directory(pets / "bee", (4, 4), classes=[whole], class_mode=None)
    assert flow.samples == 8 and flow.class_indices == {whole: 0} and flow[0].shape == (8, 4, 4, 3)


def test_a_flow_saves_what_it_gives(pets, tmp_path):
    generator = ImageDataGenerator(rescale=1 / 255, samplewise_center=True)
    saving = {"save_to_dir": tmp_path, "save_prefix": "new", "save_format": "bmp", "batch_size": 5}
    x = np.random.default_rng(0).random((7, 3, 4, 3))
    batch = next(generator.flow(x, shuffle=False, **saving))
    for i in range(5):
        (path,) = tmp_path.glob(f"new_{i}_*.bmp")
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(keras.utils.array_to_img(batch[i])))
    next(generator.flow_from_directory(pets, (4, 4), **saving))
    assert len(list(tmp_path.iterdir())) == 10


def test_a_broken_picture_is_named(pets, tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)).save(tmp_path / "a" / "cut.png")
    (tmp_path / "a" / "cut.png").write_bytes((tmp_path / "a" / "cut.png").read_bytes()[:900])
    for read in (lambda: next(iter(load(tmp_path))), ImageDataGenerator().flow_from_directory(tmp_path).next):
        with pytest.raises(OSError, match=r"cut\.png: .*truncated"):
            read()


def test_pictures_are_resized_at_the_new_pixels_centres():
    row = np.uint8([[[0], [10]]])
    assert resized(row, (1, 4), "bilinear").ravel().tolist() == [0, 2.5, 7.5, 10]
    assert resized(row, (1, 4), "nearest").ravel().tolist() == [0, 0, 10, 10]
    assert resized(row, (1, 4), "nearest").dtype == np.uint8
    ramp = np.arange(9, dtype=np.uint8).reshape(9, 1, 1)
    assert resized(ramp, (3, 2), "bilinear")[:, 0, 0].tolist() == [1, 4, 7]
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert np.array_equal(resized(image, (5, 7), "bilinear"), image)
    assert np.array_equal(tf.image.resize(np.stack([ramp, ramp]), (3, 2))[1].numpy(), resized(ramp, (3, 2), "bilinear"))
    assert tf.image.resize(row, [1, 4], method="nearest").numpy().ravel().tolist() == [0, 0, 10, 10]
    for words in ({"method": "area"}, {"antialias": True}):
        with pytest.raises(ValueError):
            tf.image.resize(row, (1, 4), **words)


def test_a_folder_trains(pets):
    keras.utils.set_random_seed(0)
    given = {"validation_split": 0.25, "seed": 1, "image_size": (8, 8), "batch_size": 4, "verbose": False}
    training, validation = load(pets, subset="both", **given)
    read = []
    counted = training.map(lambda x, y: (read.append(len(x)) or x, y))
    model = keras.Sequential([layers.Rescaling(1 / 255, input_shape=(8, 8, 3)), layers.Flatten(), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(counted.cache().shuffle(10).prefetch(tf.data.AUTOTUNE), epochs=3, verbose=0,
                        validation_data=validation).history  # fmt: skip
    assert len(history["val_loss"]) == 3 and sum(read) == 15  # read once, kept by the cache
    assert model.predict(validation, verbose=0).shape == (5, 3)


def test_a_flow_reads_and_changes_them(pets, capsys):
    generator = ImageDataGenerator(rescale=1 / 255, validation_split=0.25)
    flow = generator.flow_from_directory(str(pets), target_size=(4, 6), batch_size=4, shuffle=False)
    assert capsys.readouterr().out == "Found 20 images belonging to 3 classes.\n"
    assert flow.class_indices == {"ant": 0, "bee": 1, "cow": 2} and flow.samples == flow.n == 20 and len(flow) == 5
    assert flow.image_shape == (4, 6, 3) and flow.num_classes == 3 and len(flow.filenames) == 20
    x, y = flow[1]
    assert x.shape == (4, 4, 6, 3) and np.array_equal(y, np.eye(3)[flow.classes[4:8]])
    levels = [np.asarray(Image.open(path))[0, 0, 0] for path in flow.filepaths[4:8]]
    np.testing.assert_allclose(x[:, 0, 0, 0] * 255, levels, rtol=1e-6)
    parts = [generator.flow_from_directory(pets, (4, 6), "grayscale", class_mode=mode, subset=subset)
             for mode, subset in (("sparse", "training"), ("input", "validation"))]  # fmt: skip
    assert [part.samples for part in parts] == [16, 4]  # a quarter of each class, rounded down
    assert not set(parts[0].filenames) & set(parts[1].filenames)
    assert next(parts[0])[1].dtype == np.float32
    x, same = next(parts[1])
    assert x.shape == (4, 4, 6, 1) and np.array_equal(x, same)
    assert next(generator.flow_from_directory(pets, class_mode=None, batch_size=2)).shape == (2, 256, 256, 3)


def test_a_flow_of_a_folder_trains(pets):
    flow = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True).flow_from_directory(pets, (8, 8), batch_size=4)
    model = keras.Sequential([layers.Flatten(input_shape=(8, 8, 3)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(flow, epochs=2, verbose=0, validation_data=flow, validation_steps=2).history
    assert len(history["val_accuracy"]) == 2


@pytest.mark.parametrize("given, says", [
    ({"label_mode": "one_hot"}, "label_mode: expected one of"), ({"color_mode": "gray"}, "color_mode: expected one of"),
    ({"interpolation": "bicubic"}, "interpolation: expected one of"), ({"subset": "test"}, "subset: expected one of"),
    ({"validation_split": 0.2, "subset": "training"}, "expected a seed or shuffle=False"),
    ({"validation_split": 0.2}, "validation_split and subset together"), ({"image_size": (0, 4)}, "image_size"),
    ({"validation_split": 2, "subset": "both", "seed": 1}, "a number between 0 and 1"),
    ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "got 20, none of them for validation"),
    ({"label_mode": "binary"}, "expected two classes, got 3"), ({"class_names": ["elk"]}, "ant, bee, cow, got elk"),
    ({"labels": [1, 2]}, "one for each of 20 files, got 2"), ({"labels": None, "class_names": ["ant"]}, "inferred"),
    ({"pad_to_aspect_ratio": True}, "pad the pictures before"), ({"data_format": "channels_first"}, "channels-last"),
])  # fmt: skip
def test_what_a_dataset_refuses(pets, given, says):
    with pytest.raises(ValueError, match=says):
        load(pets, verbose=False, **given)


@pytest.mark.parametrize("given, says", [
    ({"class_mode": "int"}, "class_mode: expected one of"), ({"subset": "both"}, "subset: expected one of"),
    ({"color_mode": "grey"}, "color_mode: expected one of"), ({"classes": ["elk"]}, "ant, bee, cow, got elk"),
    ({"target_size": (0, 1)}, "target_size"),
])  # fmt: skip
def test_what_a_flow_refuses(pets, given, says):
    with pytest.raises(ValueError, match=says):
        ImageDataGenerator().flow_from_directory(pets, **given)


def test_folders_that_are_none(pets, tmp_path):
    for read in (load, ImageDataGenerator().flow_from_directory):
        with pytest.raises(FileNotFoundError, match="expected a folder"):
            read(tmp_path / "nothing")
        with pytest.raises(ValueError, match="expected pictures"):
            read(tmp_path)
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "broken.png").write_text("nonsense")
    with pytest.raises(OSError, match="broken.png"):
        next(iter(load(tmp_path, verbose=False)))


def test_an_order_is_new_each_time_unless_it_is_not_to_be():
    rows = tf.data.Dataset.range(20)
    orders = [[int(i) for i in dataset] for dataset in [rows.shuffle(20, seed=1)] * 2]
    twin = rows.shuffle(20, seed=1)
    assert orders[0] != orders[1] and [[int(i) for i in twin] for _ in range(2)] == orders
    for seed in (1, None):
        still = rows.shuffle(20, seed, reshuffle_each_iteration=False)
        assert [int(i) for i in still] == [int(i) for i in still]


def test_sixteen_bits_are_eight_in_a_dataset_and_stay_in_a_flow(tmp_path):
    (tmp_path / "a").mkdir()
    levels = np.random.default_rng(0).integers(0, 2**16, (4, 5), np.uint16)
    Image.fromarray(levels).save(tmp_path / "a" / "x.png")
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a" / "y.gif")  # Keras's flows know no .gif
    for mode, channels in (("rgb", 3), ("grayscale", 1)):
        ((x, _),) = load(tmp_path, color_mode=mode, image_size=(4, 5), shuffle=False, batch_size=2, verbose=False)
        assert x.shape == (2, 4, 5, channels) and np.array_equal(x[0], np.repeat(levels[..., None] >> 8, channels, 2))
    flow = ImageDataGenerator().flow_from_directory(tmp_path, (4, 5), "grayscale")
    assert flow.samples == 1 and np.array_equal(flow[0][0][0, ..., 0], levels)


def table(pets):
    """The names of some pictures, their classes and figures, and a file that is not there."""
    names = [f"{name}/p{i}.png" for name in ("cow", "ant") for i in range(2)] + ["ant/none.png", "ant/notes.txt"]
    return {"id": names, "kind": ["cow", "cow", "ant", "ant", "ant", "ant"], "figure": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}


@pytest.mark.parametrize("given, expected", [
    ({}, np.eye(2)[[1, 1, 0, 0]]), ({"class_mode": "sparse"}, [1, 1, 0, 0]),
    ({"class_mode": "binary", "classes": ["cow", "ant"]}, [0, 0, 1, 1]),
    ({"class_mode": "raw", "y_col": "figure"}, [0, 1, 2, 3]),
    ({"class_mode": "sparse", "subset": "training"}, [1, 0, 0]),
    ({"class_mode": "sparse", "subset": "validation"}, [1]),
])  # fmt: skip
def test_a_flow_of_a_table(pets, given, expected, capsys):
    generator = ImageDataGenerator(validation_split=0.25 if "subset" in given else 0)
    with pytest.warns(UserWarning, match="2 names in 'id' are left out"):
        flow = generator.flow_from_dataframe(table(pets), pets, "id", **{"y_col": "kind", **given}, shuffle=False)
    x, y = flow[0]
    assert np.array_equal(y, expected) and x.shape == (len(expected), 256, 256, 3)
    last = [np.asarray(Image.open(path))[0, 0, 0] for path in flow.filepaths]
    assert np.array_equal(x[:, 0, 0, 0], last) and flow.samples == len(expected)
    kinds = "" if given.get("class_mode") == "raw" else " belonging to 2 classes"
    assert capsys.readouterr().out == f"Found {len(expected)} validated image filenames{kinds}.\n"


def test_a_table_may_hold_whole_paths_and_weights_and_has_to_hold_pictures(pets):
    rows = table(pets)
    paths = {"filename": [pets / name for name in rows["id"][:4]], "figure": rows["figure"][:4]}
    flow = ImageDataGenerator().flow_from_dataframe(paths, class_mode=None, weight_col="figure", shuffle=False)
    _, weights = flow[0]
    assert list(weights) == [0, 1, 2, 3] and flow.filenames == [str(path) for path in paths["filename"]]
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="expected files in the column 'filename'"):
        ImageDataGenerator().flow_from_dataframe(paths | {"filename": ["x.png"] * 4}, class_mode=None)
    with pytest.raises(ValueError, match="class_mode: expected one of"):
        ImageDataGenerator().flow_from_dataframe(paths, class_mode="other")


def test_pictures_are_resized_by_tf_too():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert np.array_equal(tf.image.resize(image, (3, 4)), resized(image, (3, 4), "bilinear"))
    both = tf.image.resize(np.stack([image, image]), [10, 14], method="nearest")
    assert both.shape == (2, 10, 14, 3) and both.dtype == np.uint8 and np.array_equal(both[0, ::2, ::2], image)
    for given in ({"antialias": True}, {"method": "area"}, {"preserve_aspect_ratio": True}):
        with pytest.raises(ValueError, match="tf.image.resize"):
            tf.image.resize(image, (3, 4), **given)
    with pytest.raises(ValueError, match="expected an image"):
        tf.image.resize(image[..., 0], (3, 4))


def test_elements_come_one_by_one_by_tensorflows_names(pets):
    dataset = load(pets, shuffle=False, image_size=3, batch_size=8, verbose=False)
    plain, own = dataset.as_numpy_iterator(), iter(dataset)
    for (x, y), (same, _) in ((plain.next(), own.get_next()), (next(plain), next(own))):
        assert type(x) is np.ndarray and x.shape == (8, 3, 3, 3) and np.array_equal(x, same.numpy()) and len(y) == 8
    assert len(list(plain)) == 1


def test_a_generator_function_is_given_its_arguments():
    numbers = tf.data.Dataset.from_generator(range, args=[2, 5], output_types=tf.int32)
    assert list(numbers) == [2, 3, 4] == list(numbers)


def test_parts_and_sums_of_a_dataset():
    numbers = tf.data.Dataset.range(7)
    parts = [numbers.shard(num_shards=3, index=i) for i in range(3)]
    assert [[int(i) for i in part] for part in parts] == [[0, 3, 6], [1, 4], [2, 5]]
    assert list(map(len, parts)) == [3, 2, 2]
    assert numbers.reduce(np.int64(1), lambda state, each: state + each).numpy() == 22
    pairs = tf.data.Dataset.zip(numbers, numbers)
    assert int(pairs.reduce(0, lambda count, _: count + 1)) == 7


def test_a_dataset_says_what_it_has_and_so_does_its_class():
    for place, name in ((tf.data.Dataset, "list_files"), (tf.data.Dataset.range(2), "interleave")):
        with pytest.raises(AttributeError, match=f"no '{name}' here; it has from_tensor_slices, .*shard.* NumPy"):
            getattr(place, name)


def test_resizing_is_for_arrays_and_changes_nothing_in_a_model():
    x = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), np.uint8)
    smaller = layers.Resizing(3, 4)
    assert np.array_equal(smaller(x)[1], np.rint(tf.image.resize(x[1], (3, 4)))) and smaller(x).dtype == np.uint8
    assert smaller(x[0] / 2).dtype == np.float32 and smaller(x[0]).shape == (3, 4, 3)
    assert np.array_equal(layers.Resizing(12, 8, interpolation="nearest")(x)[:, ::2], x)
    model = keras.Sequential([layers.Resizing(6, 8, input_shape=(6, 8, 3)), layers.Rescaling(0.5)])
    assert np.array_equal(model.predict(x, verbose=0), x / 2)
    with pytest.raises(ValueError, match=r"that have \(3, 4\) pixels already, got \(6, 8\); resize the data before"):
        keras.Sequential([layers.Resizing(3, 4, input_shape=(6, 8, 3))])
    for words in ({"height": 0}, {"interpolation": "area"}, {"crop_to_aspect_ratio": True}, {"antialias": True}):
        with pytest.raises(ValueError):
            layers.Resizing(**{"height": 3, "width": 4, **words})
    with pytest.raises(ValueError, match="expected an image"):
        smaller(x[0, 0])


@pytest.mark.parametrize("given, says", [
    ({"y_col": "sort"}, "expected a column 'sort', got the columns id, kind, figure, gap"),
    ({"y_col": "gap"}, "expected a class in each row of 'gap', got nan at row 1"),
    ({"y_col": "figure", "class_mode": "binary"}, "class_mode='binary': expected two classes, got 4"),
    ({"weight_col": "kind"}, "kind: expected an array of real numbers"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:flow_from_dataframe")
def test_what_a_table_may_not_hold(pets, given, says):
    rows = table(pets) | {"gap": ["cow", float("nan"), "ant", "ant", "ant", "ant"]}
    with pytest.raises((TypeError, ValueError), match=says):
        ImageDataGenerator().flow_from_dataframe(rows, pets, "id", **{"y_col": "kind", **given})
