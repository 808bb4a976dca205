"""Training, evaluating and predicting on batches that something hands out; parts of epochs, and of validations."""

import numpy as np
import pytest
from small_models import make_images, small_cnn

from numpycnn import (
    BackupAndRestore,
    CSVLogger,
    Dense,
    EarlyStopping,
    Flatten,
    LambdaCallback,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Sequential,
)

X, Y = make_images(40)
WEIGHTS = np.linspace(0, 2, 40)
PARTS = [slice(0, 16), slice(16, 32), slice(32, 40)]


def pairs():
    return [(X[part], Y[part]) for part in PARTS]


def triples():
    return [(X[part], Y[part], WEIGHTS[part]) for part in PARTS]


class Sequence:
    """As Keras's: batches by number."""

    def __init__(self, batches):
        self.batches, self.asked, self.ends = batches, [], 0

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise AssertionError("asked for a batch that is not there")
        self.asked.append(i)
        return self.batches[i]

    def on_epoch_end(self):
        self.ends += 1


class Loader:
    """As PyTorch's: to iterate over, again and again, with a length."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


class Endless(Loader):
    """No length."""

    __len__ = None

    def __iter__(self):
        while True:
            yield from self.batches


SOURCES = {
    "list": list, "tuple of lists": lambda batches: tuple(map(list, batches)), "Sequence": Sequence, "Loader": Loader,
    "generator": lambda batches: (batch for _ in range(2) for batch in batches),
    "lists of numbers": lambda batches: [(x, y.tolist(), *rest) for x, y, *rest in batches],
}


@pytest.mark.parametrize("batches", [pairs, triples])
@pytest.mark.parametrize("kind", SOURCES)
def test_batches_train_as_arrays_do(kind, batches):
    weights = WEIGHTS if batches is triples else None
    source, expected, model = SOURCES[kind](batches()), small_cnn(), small_cnn()
    steps = 3 if kind == "generator" else None
    history = model.fit(source, epochs=2, verbose=0, shuffle=False, steps_per_epoch=steps).history
    assert history == expected.fit(X, Y, 16, 2, 0, shuffle=False, sample_weight=weights).history
    assert np.array_equal(model.arena.values, expected.arena.values)
    assert model.evaluate(SOURCES[kind](batches()), steps=3) == expected.evaluate(X, Y, 16, sample_weight=weights)
    assert np.array_equal(model.predict(map(tuple, batches())), model.predict(X, 16))
    assert np.array_equal(model.predict(x for x, *_ in batches()), model.predict(X, 16))
    assert np.array_equal(model.predict(Sequence([(x,) for x, *_ in batches()]), steps=2), model.predict(X[:32], 16))


def test_a_sequence_is_visited_in_a_new_order_each_epoch():
    source = Sequence([(X[i : i + 4], Y[i : i + 4]) for i in range(0, 40, 4)])
    small_cnn().fit(source, epochs=3, verbose=0)
    epochs = np.array(source.asked[-30:]).reshape(3, 10)
    assert (np.sort(epochs, axis=1) == np.arange(10)).all() and len({tuple(epoch) for epoch in epochs}) == 3
    assert source.ends == 3
    source = Sequence(source.batches)
    small_cnn().fit(source, epochs=2, verbose=0, steps_per_epoch=4, shuffle=False)
    assert source.asked[-8:] == 2 * [0, 1, 2, 3]


def test_steps_of_an_epoch_go_on_where_the_last_one_ended():
    expected = small_cnn().fit(Loader(pairs() + pairs()), verbose=0).history["loss"][0]
    batches = small_cnn().fit(Loader(pairs()), epochs=3, steps_per_epoch=2, verbose=0).history["loss"]
    sizes = np.array([32, 24, 24])  # 16 + 16, 8 + 16, 16 + 8
    assert sizes @ batches / 80 == pytest.approx(expected, rel=1e-6)
    assert small_cnn().fit(Endless(pairs()), epochs=3, steps_per_epoch=2, verbose=0).history["loss"] == batches


def test_steps_of_arrays_are_the_first_of_the_order():
    model, expected = small_cnn(), small_cnn()
    history = model.fit(X, Y, 16, 2, 0, shuffle=False, steps_per_epoch=2).history
    assert history == expected.fit(X[:32], Y[:32], 16, 2, 0, shuffle=False).history


def test_a_generator_that_ends_ends_the_training():
    with pytest.warns(UserWarning, match="epoch 2: the data ran out after 0 batches; training ends") as caught:
        history = small_cnn().fit(iter(pairs()), epochs=5, verbose=0)
    assert history.epoch == [0] and caught[0].filename == __file__
    with pytest.warns(UserWarning, match="epoch 2: the data ran out after 1 batches; training ends"):
        history = small_cnn().fit(iter(pairs()), epochs=5, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0, 1]
    assert small_cnn().fit(iter(pairs()), verbose=0).epoch == [0]  # as long as it was asked for: no warning
    with pytest.raises(ValueError, match="expected at least one batch"):
        small_cnn().evaluate(iter([]))
    with pytest.raises(ValueError, match="expected at least one batch"):
        small_cnn().predict(iter([]))


class NoBatches:
    def __len__(self):
        return 0

    def __getitem__(self, number):
        raise IndexError(number)


def test_no_batches_with_numbers_are_none_as_well():
    nothing = NoBatches()
    for call in (lambda m: m.fit(nothing), lambda m: m.evaluate(nothing, steps=1), lambda m: m.predict(nothing)):
        with pytest.raises(ValueError, match="expected at least one batch"):
            call(small_cnn())


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("steps", [None, 2])
def test_none_is_no_batch_and_no_end(place, steps):
    batches = [*pairs()[:place], None, *pairs()]
    with pytest.raises(TypeError, match=r"expected batches \(x, y\) or \(x, y, weights\), got None"):
        small_cnn().fit(iter(batches), epochs=3, steps_per_epoch=steps, verbose=0)


def test_validation_data_that_has_run_out_is_told_of():
    with pytest.warns(UserWarning, match="epoch 2: validation_data has run out, and nothing was validated") as caught:
        history = small_cnn().fit(X, Y, epochs=2, verbose=0, validation_data=iter(pairs()))
    assert history.epoch == [0, 1] and len(history.history["val_loss"]) == 1 and caught[0].filename == __file__
    for name, call in (
        ("validation_steps", lambda model: model.fit(X, Y, verbose=0, validation_data=pairs(), validation_steps=9)),
        ("steps_per_epoch", lambda model: model.fit(pairs(), verbose=0, steps_per_epoch=9)),
        ("steps", lambda model: model.evaluate(pairs(), steps=9)),
        ("steps", lambda model: model.predict(pairs(), steps=9)),
    ):
        with pytest.raises(ValueError, match=f"^{name}: expected at most the {len(pairs())} batches there are, got 9"):
            call(small_cnn())


def test_rows_in_lists_are_no_batches():
    model = Sequential([Dense(2)], (3,), seed=0)
    model.compile("sgd", "mse", [])
    x = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    y = x[:, :2]
    for rows in (list(x), [list(row) for row in x], [tuple(row) for row in x], x.tolist()):
        assert np.array_equal(model.predict(rows), model.predict(x))
        expected = model.evaluate(x, y)
        history = model.fit(x, y, verbose=0, validation_data=(rows, y)).history
        assert history["loss"] == [expected] and history["val_loss"] == [model.evaluate(x, y)]
    for nothing in ([[]], [()], [[], []]):
        for call in (model.predict, model.fit, model.evaluate):
            with pytest.raises(ValueError, match=r"x: expected shape \(N, 3\), got"):
                call(nothing)


def test_what_does_nothing_beside_batches_is_refused():
    for call in (
        lambda model: model.fit(pairs(), batch_size=16, verbose=0),
        lambda model: model.evaluate(pairs(), batch_size=16),
        lambda model: model.predict(pairs(), batch_size=16),
    ):
        with pytest.raises(ValueError, match="^batch_size: expected none beside batches"):
            call(small_cnn())
    with pytest.raises(ValueError, match="^validation_freq: expected none without validation_data"):
        small_cnn().fit(X, Y, verbose=0, validation_freq=2)


def test_augment_may_write_into_what_it_gets():
    def darken(images, rng):
        images *= 0.5
        return images

    batches = pairs()
    before = [x.copy() for x, _ in batches]
    small_cnn().fit(batches, epochs=2, verbose=0, augment=darken)
    assert all(np.array_equal(x, kept) for (x, _), kept in zip(batches, before))


def test_a_model_is_built_from_the_first_batch():
    model = Sequential([Flatten(), Dense(4)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(iter(pairs()), verbose=0)
    assert model.input_shape == X.shape[1:] and model.optimizer.steps == 3


def test_a_bad_batch_in_the_middle_is_named():
    for bad, error in ((X[:4], TypeError), ((X[:4], Y[:3]), ValueError), ((X[:4], Y[:4] + 9), ValueError)):
        with pytest.raises(error, match="expected"):
            small_cnn().fit(iter([*pairs(), bad]), verbose=0)


def test_validation_on_batches():
    expected = small_cnn().fit(X, Y, 16, 2, 0, validation_data=(X[:32], Y[:32], WEIGHTS[:32])).history
    for source in (triples(), Sequence(triples()), Loader(triples())):
        history = small_cnn().fit(X, Y, 16, 2, 0, validation_data=source, validation_steps=2).history
        assert history.keys() == expected.keys()
        np.testing.assert_allclose(history["val_loss"], expected["val_loss"], rtol=1e-6)
    generator = (batch for _ in range(2) for batch in triples()[:2])  # goes on in the second epoch
    history = small_cnn().fit(X, Y, 16, 2, 0, validation_data=generator, validation_steps=2).history
    np.testing.assert_allclose(history["val_loss"], expected["val_loss"], rtol=1e-6)


@pytest.mark.parametrize(("often", "epochs"), [(2, [2, 4]), (3, [3]), ([1, 4], [1, 4]), (1, [1, 2, 3, 4, 5])])
def test_validation_now_and_then(often, epochs, tmp_path):
    seen = []
    callbacks = [
        LambdaCallback(lambda epoch, logs: seen.append((epoch + 1, "val_loss" in logs))), EarlyStopping(patience=9),
        ReduceLROnPlateau(), CSVLogger(tmp_path / "log.csv"), ModelCheckpoint(tmp_path / "best.npz", "val_loss", True),
        ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.2f}.npz"),
    ]
    model = small_cnn()
    history = model.fit(X, Y, 16, 5, 0, callbacks, 0.25, validation_freq=often)
    assert seen == [(epoch, epoch in epochs) for epoch in range(1, 6)]
    assert len(history.history["val_loss"]) == len(epochs) and len(history.history["loss"]) == 5
    header, *rows = (tmp_path / "log.csv").read_text().split()
    assert header == "epoch,accuracy,loss,val_accuracy,val_loss" and len(rows) == 5
    assert [epoch for epoch, row in enumerate(rows, 1) if not row.endswith(",")] == epochs
    assert len(list(tmp_path.glob("?-nan.npz"))) == 5 - len(epochs) and (tmp_path / "best.npz").exists()


def test_a_backup_needs_arrays(tmp_path):
    with pytest.raises(ValueError, match="BackupAndRestore: expected a training on arrays"):
        small_cnn().fit(pairs(), verbose=0, callbacks=[BackupAndRestore(tmp_path / "backup.npz")])


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_without_a_known_number_of_steps(capsys, verbose):
    small_cnn().fit((batch for batch in pairs()), verbose=verbose)
    assert "Epoch 1/1: 3 " in capsys.readouterr().out


def test_augmentation_of_batches():
    model, expected = small_cnn(), small_cnn()
    model.fit(pairs(), verbose=0, shuffle=False, augment=lambda x, rng: x + rng.random(x.shape).astype("f"))
    expected.fit(X, Y, 16, 1, 0, shuffle=False, augment=lambda x, rng: x + rng.random(x.shape).astype("f"))
    assert np.array_equal(model.arena.values, expected.arena.values)
