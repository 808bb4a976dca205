"""Sequential.profile: what it counts, that it measures what it says, and that it leaves no trace."""

import copy
import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import (
    make_images,
    make_vectors,
    reference_cnn,
    small_cnn,
    small_mlp,
    small_stateful_cnn,
    weights_equal,
)  # fmt: skip

from numpycnn import (
    SGD,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    get_num_threads,
    set_num_threads,
)
from numpycnn import profile as profile_module
from numpycnn.fusion import winograd
from numpycnn.kernels import ops, using, winograd_gradient, winograd_map, winograd_tiles
from numpycnn.kernels import winograd as winograd_pool
from numpycnn.kernels.simd import VECTOR_BYTES
from numpycnn.profile import WARM_UP_STEPS, count_flops, measure_peak


@pytest.fixture(scope="module", autouse=True)
def short_peak():
    """Measure the peak for a moment only: no test looks at its value."""
    patch = pytest.MonkeyPatch()
    patch.setattr(profile_module, "PEAK_SECONDS", 0.01)
    measure_peak.cache_clear()
    yield
    patch.undo()
    measure_peak.cache_clear()


def quiet(model, x, y, repeats=1):
    return model.profile(x, y, repeats=repeats, print_fn=lambda text: None)


def compiled(layers, input_shape, loss="sparse_categorical_crossentropy", optimizer="sgd", **options):
    model = Sequential(layers, input_shape=input_shape, seed=0, **options)
    model.compile(optimizer, loss)
    return model


# -- counting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_flops_of_the_reference_cnn_by_hand(fused, batch):
    # Multiply-adds an image: 26 * 26 * 32 * 9 = 194,688; 11 * 11 * 64 * 288 = 2,230,272; 1,600 * 128 = 204,800;
    # 128 * 10 = 1,280; together 2,631,040.
    model = reference_cnn(seed=0, fused=fused)
    model.compile("adam", SoftmaxCrossEntropy())
    x, y = make_images(batch, (28, 28, 1), classes=10)
    found = quiet(model, x, y)
    counted = [row for row in found.rows if row.flops is not None]
    products = [194_688, 2_230_272, 204_800, 1_280]
    assert [row.forward_flops for row in counted] == [2 * batch * n for n in products]
    # As many for the weights' gradient and as many for the input's, which the first layer does not need.
    assert [row.backward_flops for row in counted] == [2 * batch * n for n in (194_688, *(2 * p for p in products[1:]))]
    assert found.total.forward_flops == 2 * batch * 2_631_040
    assert found.total.flops == 2 * batch * (3 * 2_631_040 - 194_688)


@settings(deadline=None, max_examples=25)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_a_convolution_of_ones_counts_its_own_multiplications(kernel, strides, dilation, groups, multiple, batch):
    layer = Conv2D(
        groups * multiple, kernel, strides, kernel_initializer="ones", dilation_rate=dilation, groups=groups
    )
    layer.build((7, 8, 2 * groups), np.random.default_rng(0), "float64")
    check_counts_of_ones(layer, batch)


@pytest.mark.parametrize("batch, inputs, units", [(1, 1, 1), (3, 7, 5), (8, 1, 33)])
def test_a_dense_layer_of_ones_counts_its_own_multiplications(batch, inputs, units):
    layer = Dense(units, kernel_initializer="ones")
    layer.build((inputs,), np.random.default_rng(0), "float64")
    check_counts_of_ones(layer, batch)


def check_counts_of_ones(layer, batch):
    """Every product is 1 times 1, so each result's sum is the number of multiply-adds that made it."""
    y = layer.forward(np.ones((batch, *layer.input_shape)), training=True)
    dx = layer.backward(np.ones(y.shape))
    forward, backward = count_flops([layer], batch, need_dx=True)
    assert forward == 2 * y.sum()
    assert backward == 2 * layer.parameters[0].grad.sum() + 2 * dx.sum()
    assert count_flops([layer], batch, need_dx=False) == (forward, 2 * layer.parameters[0].grad.sum())


def test_flops_of_layers_that_run_as_one():
    model = small_cnn()
    conv, relu, pool, conv2 = model.layers[:4]
    first, second = count_flops([conv], 2, need_dx=True)[0], count_flops([conv2], 2, need_dx=True)[0]
    assert count_flops([conv, relu, pool], 2, need_dx=False) == (first, first)
    assert count_flops([conv, relu, pool], 2, need_dx=True) == (first, 2 * first)
    assert count_flops([conv, relu, pool, conv2], 2, need_dx=False) == (first + second, first + 2 * second)
    assert count_flops([relu, conv2], 2, need_dx=False) == (second, second)
    assert count_flops([relu, pool], 2, need_dx=True) == (None, None)


def test_bytes_by_hand():
    # In and out, weights, biases: 5 * (6 + 8) + 6 * 8 + 8 = 126; 5 * (8 + 8) = 80; 5 * (8 + 3) + 8 * 3 + 3 = 82.
    for dtype, size in [("float32", 4), ("float64", 8)]:
        found = quiet(small_mlp(dtype=dtype, fused=False), *make_vectors(5))
        assert [row.bytes for row in found.rows] == [size * 126, size * 80, size * 82, None, None]
        assert found.total.bytes == size * 288


def test_a_layer_of_ones_own_has_dashes_until_it_has_a_formula(monkeypatch):
    class Twice(Layer):
        def forward(self, x, training=False):
            x = self.check_input(x)
            self.save_for_backward(training, len(x))
            return 2 * x

        def backward(self, dy, need_dx=True):
            return 2 * self.check_output_gradient(dy)

    class MyDense(Dense):
        pass

    model = compiled([Twice(), MyDense(3)], (6,))
    found = quiet(model, *make_vectors(4))
    assert [row.name for row in found.rows] == ["Twice", "MyDense", "SoftmaxCrossEntropy", "SGD"]
    assert [row.flops for row in found.rows] == [None] * 4 and found.total.rate is None
    assert "MyDense" in str(found)
    monkeypatch.setitem(profile_module.FLOPS, Twice, lambda layer, batch: batch * layer.input_shape[0])
    found = quiet(model, *make_vectors(4))
    assert (found.rows[0].forward_flops, found.rows[0].backward_flops) == (24, 24)


# -- the rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_one_row_an_item_of_the_plan_then_loss_and_optimizer(make, fused):
    model = make(fused=fused)
    found = quiet(model, *make_images(7))
    *items, loss, optimizer = found.rows
    assert len(items) == len(model.plan)
    assert [row.output_shape for row in items] == [item.output_shape for item in model.plan]
    assert ", ".join(row.name for row in items).split(", ") == [type(layer).__name__ for layer in model.layers]
    assert (loss.name, optimizer.name, found.total.name) == ("SoftmaxCrossEntropy", "Adam", "total")
    for row in items:
        assert row.forward_seconds > 0 and row.backward_seconds > 0
        assert row.seconds == row.forward_seconds + row.backward_seconds
        assert row.rate is None or row.rate == (row.forward_flops + row.backward_flops) / row.seconds
    for row in (loss, optimizer):
        assert row.seconds > 0
        assert (row.forward_seconds, row.backward_seconds, row.flops, row.bytes, row.output_shape) == (None,) * 5
    assert math.isclose(found.total.seconds, sum(row.seconds for row in found.rows))
    assert math.isclose(found.total.backward_seconds, sum(row.backward_seconds for row in items))
    assert (found.batch, found.repeats, found.dtype, found.threads) == (7, 1, "float32", get_num_threads())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_set", ["active", "reference"])
def test_any_loss_optimizer_dtype_and_kernel_set_with_one_image(dtype, kernel_set):
    x, y = np.arange(12).reshape(1, 12), [[0.5, 1.0]]  # integers, and a list
    model = compiled([Dense(2)], (12,), MeanSquaredError(), SGD(0.1, momentum=0.9), dtype=dtype)
    with using(ops.active if kernel_set == "active" else "reference"):
        found = quiet(model, x, y)
    assert [row.name for row in found.rows] == ["Dense", "MeanSquaredError", "SGD"]
    assert (found.dtype, found.batch, found.total.flops) == (dtype, 1, 2 * 2 * 24)
    assert math.isfinite(found.peak) and found.peak > 0


# -- timing -----------------------------------------------------------------------------------


class Sleepy(Layer):
    """Passes everything on, after a nap that is longer in backward, and much longer while warming up."""

    calls: list = []
    naps = {"forward": 0.004, "backward": 0.03, "warming up": 0.1}

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.calls.append("forward")
        warm = self.calls.count("forward") > WARM_UP_STEPS
        time.sleep(self.naps["forward" if warm else "warming up"])
        self.save_for_backward(training, len(x))
        return x

    def backward(self, dy, need_dx=True):
        self.calls.append("backward")
        time.sleep(self.naps["backward"])
        return self.check_output_gradient(dy)


def test_each_row_has_its_own_time_and_the_warm_up_has_none(monkeypatch):
    monkeypatch.setattr(Sleepy, "calls", [])
    model = compiled([Dense(6), Sleepy(), Dense(3)], (6,))
    found = quiet(model, *make_vectors(4), repeats=3)
    assert Sleepy.calls == ["forward", "backward"] * (WARM_UP_STEPS + 3)
    first, sleepy, *others = found.rows
    others.append(first)
    assert 0.004 <= sleepy.forward_seconds < 0.1
    assert sleepy.backward_seconds >= 0.03
    assert max(row.seconds for row in others) < sleepy.seconds


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_the_step_that_is_timed_is_a_training_step(make):
    x, y = make_images(8)
    model, twin = make(), make()
    for _ in range(2):
        model.train_on_batch(x, y)
        seconds = profile_module._timed_step(twin, x, y)
    assert weights_equal(model, twin)
    assert seconds.shape == (2 * len(model.plan) + 2,) and (seconds >= 0).all()


def test_every_step_starts_from_the_weights_of_the_model():
    losses = []

    class Recorded(SoftmaxCrossEntropy):
        def __call__(self, logits, labels):
            loss, dlogits = super().__call__(logits, labels)
            losses.append(loss)
            return loss, dlogits

    x, y = make_vectors(8)
    model = compiled([Dense(8), ReLU(), Dense(3)], (6,), Recorded(), SGD(0.5))
    quiet(model, x, y, repeats=2)
    assert len(losses) == WARM_UP_STEPS + 2 and set(losses) == {model.evaluate(x, y)[0]}


def test_the_peak_is_measured_once_for_a_dtype_and_a_number_of_threads(monkeypatch):
    large = []  # dtypes of the products that are too large to be the model's
    real = ops.affine

    def affine(x, *others):
        if len(x) >= 256:
            large.append(x.dtype)
        real(x, *others)

    monkeypatch.setitem(ops.__dict__, "affine", affine)
    measure_peak.cache_clear()
    model, threads = small_mlp(), get_num_threads()
    first = quiet(model, *make_vectors(4))
    measured = len(large)
    assert measured > 1 and set(large) == {np.dtype("float32")}
    assert quiet(model, *make_vectors(4)).peak == first.peak
    assert len(large) == measured
    quiet(small_mlp(dtype="float64"), *make_vectors(4))
    assert len(large) > measured and large[-1] == np.float64
    if threads > 1:
        measured = len(large)
        try:
            set_num_threads(threads - 1)
            assert quiet(model, *make_vectors(4)).threads == threads - 1
        finally:
            set_num_threads(threads)
        assert len(large) > measured


# -- no trace ---------------------------------------------------------------------------------


def snapshot(model):
    generators = model.fit_rng.bit_generator.state, model._build_seed.state
    state = [layer.get_state() for layer in model.layers], model.optimizer.get_state(), generators
    arrays = *model.get_weights(), model.arena.grads.copy()
    return copy.deepcopy(state), [a.tobytes() for a in arrays]


@pytest.mark.parametrize("trained", [False, True])
def test_the_model_and_the_data_are_as_before(trained):
    x, y = make_images(16)
    model, other = small_stateful_cnn(), small_stateful_cnn()
    if trained:
        for m in (model, other):
            m.fit(x, y, verbose=0)
    before, plan = snapshot(model), list(model.plan)
    x.flags.writeable = y.flags.writeable = False
    quiet(model, x, y)
    np.testing.assert_equal(snapshot(model), before)
    assert all(a is b for a, b in zip(model.plan, plan, strict=True))
    assert model.optimizer.steps == (1 if trained else 0)
    history, expected = (m.fit(x, y, batch_size=8, epochs=2, verbose=0).history for m in (model, other))
    assert history == expected and weights_equal(model, other)


def test_data_survive_a_layer_that_writes_into_its_input():
    class InPlace(Layer):
        def forward(self, x, training=False):
            x = self.check_input(x)
            x += 1
            self.save_for_backward(training, len(x))
            return x

        def backward(self, dy, need_dx=True):
            return self.check_output_gradient(dy)

    x, y = make_vectors(4)
    before = x.copy()
    quiet(compiled([InPlace(), Dense(3)], (6,)), x, y)
    assert np.array_equal(x, before)


def test_a_forward_before_still_serves_backward():
    x, y = make_images(8)
    model, other = small_cnn(), small_cnn()
    for m in (model, other):
        dy = np.ones_like(m.forward(x, training=True))
        if m is model:
            quiet(m, *make_images(5, seed=1))
        m.backward(dy)
    assert np.array_equal(model.arena.grads, other.arena.grads)


# -- the table --------------------------------------------------------------------------------


def test_the_table_says_what_was_returned(monkeypatch):
    monkeypatch.setattr(profile_module, "width", lambda elsewhere: 200)  # else long times push a column out
    lines = []
    model = small_cnn()
    found = model.profile(*make_images(6), repeats=2, print_fn=lines.append)
    (text,) = lines
    assert text == str(found)
    threads = f"{found.threads} thread{'s' if found.threads > 1 else ''}"
    assert text.splitlines()[0] == f"One training step: batch 6, float32, {threads}, median of 2"
    body = [line for line in text.split("\n\n", 1)[1].splitlines() if " %" in line][: len(found.rows) + 1]
    for row, line in zip((*found.rows, found.total), body, strict=True):
        assert line.startswith(f" {row.name} ")
        if row.output_shape is not None:
            assert f" (N, {', '.join(map(str, row.output_shape))}) " in line
        assert f" {1e3 * row.seconds:,.3f} " in line
        assert f" {100 * row.seconds / found.total.seconds:.1f} % " in line
        if row.rate is None:
            assert line.endswith(" -")
        else:
            assert f" {row.forward_flops / 1e6:,.2f} " in line and f" {row.backward_flops / 1e6:,.2f} " in line
            assert f" {row.rate / 1e9:,.1f} " in line and line.endswith(f" {100 * row.rate / found.peak:.0f} %")
    assert "counted as dense arithmetic" in text and f"Peak: {found.peak / 1e9:,.0f} GFLOP/s" in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_repr_is_short_and_the_default_prints(capsys):
    found = small_mlp().profile(*make_vectors(4), repeats=1)
    assert capsys.readouterr().out == f"{found}\n"
    assert "rows" not in repr(found) and repr(found).startswith("Profile(total=")


def test_the_table_is_plain_text_in_any_environment(monkeypatch):
    loud = type("[bold]Loud[/bold]", (ReLU,), {})
    monkeypatch.setenv("FORCE_COLOR", "1")  # as continuous integration often sets it
    text = str(quiet(compiled([loud(), Dense(3)], (6,)), *make_vectors(4)))
    assert "\x1b" not in text and "[bold]Loud[/bold]" in text


# -- errors -----------------------------------------------------------------------------------


def test_errors_say_what_to_do():
    x, y = make_vectors(4)
    unbuilt = Sequential([Dense(3)])
    with pytest.raises(RuntimeError, match="profile: the model is not compiled; call compile"):
        unbuilt.profile(x, y)
    unbuilt.compile("sgd", SoftmaxCrossEntropy())
    with pytest.raises(RuntimeError, match="profile: the model is not built; give input_shape"):
        unbuilt.profile(x, y)
    model = small_mlp()
    with pytest.raises(ValueError, match=r"x: expected shape \(N, 6\), got \(6,\); add the batch axis"):
        model.profile(x[0], y)
    with pytest.raises(ValueError, match="as many labels as images, got 4 images and 3 labels"):
        model.profile(x, y[:3])
    with pytest.raises(ValueError, match="at least one row"):
        model.profile(x[:0], y[:0])
    with pytest.raises(ValueError, match="whole numbers from 0 to 2, got 3"):
        model.profile(x, np.full(4, 3))
    with pytest.raises(ValueError, match="repeats: expected an integer of at least 1, got 0"):
        model.profile(x, y, repeats=0)
    with pytest.raises(TypeError, match="repeats: expected an integer"):
        model.profile(x, y, repeats=2.5)


# -- what was executed, and whether the machine was busy -------------------------------------------------------


def test_what_is_skipped_is_not_counted_as_executed():
    """Of 5 x 5 outputs pooling keeps 4 x 4; of 4 windows at most one pixel each gives its gradient back."""
    x, y = make_images(3, (7, 7, 8))[0], np.zeros(3, int)
    found, plain = (
        quiet(compiled([Conv2D(2, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(2)], (7, 7, 8), fused=fused), x, y)
        for fused in (True, False)
    )
    block, dense = found.rows[0], found.rows[2]
    assert dense.executed_flops == dense.flops
    assert plain.rows[0].executed_flops == plain.rows[0].flops == block.flops
    forward = block.forward_flops * 16 / 25
    assert forward <= block.executed_flops <= forward + block.backward_flops * 4 / 25


def test_winograd_counts_fewer_products():
    """With 16 channels, tiles of 2 x 2 outputs: 16 products where the definition has 36."""
    x, y = make_images(2, (6, 6, 16))[0], np.zeros(2, int)
    model = compiled([Conv2D(2, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(2)], (6, 6, 16))
    model.layers[0].parameters[1].value[:] = -1e6  # ReLU cuts all, and backward has nothing to do
    block = quiet(model, x, y).rows[0]
    assert block.executed_flops == round(block.forward_flops * 16 / 36)


def test_winograd_counts_the_tiles_that_the_kernels_cut():
    """Points of all tiles along an axis, as the kernels lay them; so many outputs have large ones on any machine."""
    cut = getattr(winograd_tiles.pieces, "py_func", winograd_tiles.pieces)
    for side, images in (winograd_tiles.SHORT, 1), (winograd_tiles.LONG, 832):
        for n in range(1, 29):
            conv = SimpleNamespace(
                input_shape=(n, 1, 16), filters=32, output_shape=(n, 1, 32), window=SimpleNamespace(kernel=(3, 3))
            )
            points = sum(cut(n, kind, side)[0] * kind for kind in (winograd_tiles.LONG, winograd_tiles.SHORT))
            assert winograd.winograd_share(conv, images, (n, 1)) == points * 4 / (9 * n)
    assert winograd.MANY_OUTPUTS >= max(winograd_map.MANY_OUTPUTS, 4 * winograd_pool.MANY_WINDOWS)
    assert winograd.MANY_FOR_WEIGHTS >= winograd_gradient.MANY_OUTPUTS and 4 * winograd.LANES >= VECTOR_BYTES


def shares(layers, images, need_dx=True, size=6):
    with using("reference"):
        model = Sequential(layers, (size, size, 16), seed=0)
        model.forward(np.zeros((images, size, size, 16), np.float32), training=True)
        (block,) = model.plan
        return block.executed_shares(need_dx)


@pytest.mark.parametrize(
    "size, images, y, dw, dx",
    [
        (6, 1, 16 / 36, 16 / 36, 1), (6, 52, 36 / 144, 16 / 36, 1), (6, 256, 36 / 144, 36 / 144, 1),
        (8, 52, 100 / 324, 144 / 324, 144 / 324),
    ],
)
@pytest.mark.parametrize("others", [(), (ReLU,), (Tanh,), (BatchNorm, ReLU)])
def test_winograd_by_hand(others, size, images, y, dw, dx):
    """4 x 4 outputs take 36 products in place of 144, or 4 times 16; dx, 6 x 6, would take 9 * 16 or (6 + 4) ** 2.

    6 x 6 outputs take (6 + 4) ** 2 in place of 36 * 9, or 9 * 16; dx, 8 x 8, takes 4 * 36.
    """
    for need_dx, back in (True, (dw + dx) / 2), (False, dw):
        layers = [Conv2D(32, 3), *(other() for other in others)]
        assert shares(layers, images, need_dx, size) == pytest.approx((y, back))


def test_a_frozen_convolution_does_its_gradient_alone():
    frozen = Conv2D(32, 3)
    frozen.trainable = False
    assert shares([frozen], 1) == pytest.approx((16 / 36, 1))


@pytest.mark.parametrize("load, said", [(0.0, False), (1e6, True), (None, False)])
def test_a_loaded_machine_is_mentioned(load, said, monkeypatch):
    monkeypatch.setattr(profile_module, "load_average", lambda: load)
    found = quiet(compiled([Dense(3)], (6,)), *make_vectors(4))
    assert found.load == load and ("The machine was busy: load average" in str(found)) == said
    assert found.bandwidth > 1e7


def test_the_bandwidth_is_that_of_copies_from_one_array_to_another(monkeypatch):
    copied = []
    monkeypatch.setattr(profile_module, "COPY_BYTES", 1000)
    monkeypatch.setattr(np, "copyto", lambda to, source: copied.append((to.nbytes, np.shares_memory(to, source))))
    assert profile_module.measure_bandwidth.__wrapped__(2) > 0
    assert copied == [(1000, False)] * 2 * profile_module.COPIES
