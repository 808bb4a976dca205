"""Layers, losses and ten steps of every optimizer against PyTorch, in float64; ``pytest -s`` prints the errors.

An error is the largest difference of an array, relative to the array's largest value. PyTorch keeps images as NCHW and
filters as OIHW; the conversions are here.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[bench]'")
F = torch.nn.functional

import numpycnn  # noqa: E402
from layer_references import REFERENCES, gradients_by_torch, result  # noqa: E402
from numpycnn import (  # noqa: E402
    ELU,
    GELU,
    SGD,
    Adam,
    AdamW,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool2D,
    LeakyReLU,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    SoftmaxCrossEntropy,
    SpatialDropout2D,
    Tanh,
)

LIMIT = 1e-10
ERRORS = {}  # what was compared: its worst error


@pytest.fixture(scope="module", autouse=True)
def table():
    """Print every error when all tests are done."""
    yield
    print(f"\n\nPyTorch {torch.__version__}, float64: worst error relative to the array's largest value")
    for what, error in sorted(ERRORS.items(), key=lambda item: -item[1]):
        print(f"  {error:8.1e}  {what}")


def compare(what, found, expected):
    """Record the errors of pairs of arrays, and check them."""
    for name, a in found.items():
        b = expected[name].detach().numpy() if isinstance(expected[name], torch.Tensor) else np.asarray(expected[name])
        assert np.shape(a) == b.shape, f"{what} {name}"
        error = np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)
        ERRORS[what] = max(ERRORS.get(what, 0), error)
        assert error <= LIMIT, f"{what} {name}: {error}"


def nchw(x):
    """Images for PyTorch: (N, H, W, C) to (N, C, H, W); other arrays as they are."""
    return torch.tensor(np.moveaxis(x, -1, 1).copy() if x.ndim == 4 else x)


def nhwc(t):
    return np.moveaxis(t.detach().numpy(), 1, -1) if t.ndim == 4 else t.detach().numpy()


def oihw(w):
    """Filters for PyTorch: (kh, kw, in, out) to (out, in, kh, kw); dense weights (in, out) to (out, in)."""
    return torch.tensor(w.transpose(3, 2, 0, 1).copy() if w.ndim == 4 else w.T.copy() if w.ndim == 2 else w)


def hwio(t):
    a = t.detach().numpy()
    return a.transpose(2, 3, 1, 0) if a.ndim == 4 else a.T


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def check_layer(what, layer, shape, torch_forward, batch=3):
    """Compare output, input gradient and parameter gradients with ``torch_forward(x, *parameters)``."""
    layer.build(shape, np.random.default_rng(0), "float64")
    for i, parameter in enumerate(layer.parameters):
        parameter.value = normal(*parameter.value.shape, seed=i + 1)
    x = normal(batch, *shape)
    y = layer.forward(x, training=True)
    dy = normal(*y.shape, seed=9)
    dx = layer.backward(dy)
    tensors = [nchw(x), *(oihw(p.value) for p in layer.parameters)]
    for tensor in tensors:
        tensor.requires_grad_()
    torch_y = torch_forward(*tensors)
    torch_y.backward(nchw(dy))
    found = {"y": y, "dx": dx, **{p.name: p.grad for p in layer.parameters}}
    grads = {p.name: hwio(t.grad) for p, t in zip(layer.parameters, tensors[1:])}
    compare(what, found, {"y": nhwc(torch_y), "dx": nhwc(tensors[0].grad), **grads})


# -- convolution and pooling --------------------------------------------------------------------------


def zeros_around(padding, image, window, strides):
    """Return PyTorch's F.pad order (left, right, top, bottom); TensorFlow's rule for "same"."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding != "same":
        return padding[1], padding[1], padding[0], padding[0]
    totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(image, window, strides)]
    (top, bottom), (left, right) = ((total // 2, total - total // 2) for total in totals)
    return left, right, top, bottom


CONVOLUTIONS = [  # image, channels, filters, kernel, strides, padding, dilation, groups
    ((28, 28), 1, 8, (3, 3), (1, 1), "valid", (1, 1), 1),
    ((13, 13), 32, 64, (3, 3), (1, 1), "valid", (1, 1), 1),
    ((14, 11), 16, 20, (5, 5), (1, 1), "same", (1, 1), 1),
    ((14, 11), 5, 7, (2, 4), (1, 1), "same", (1, 1), 1),
    ((15, 12), 3, 6, (3, 3), (2, 2), "same", (1, 1), 1),
    ((16, 13), 4, 6, (4, 3), (3, 2), "same", (1, 1), 1),
    ((9, 8), 3, 4, (3, 2), (2, 3), "valid", (1, 1), 1),
    ((7, 6), 3, 4, (1, 1), (1, 1), "valid", (1, 1), 1),
    ((7, 6), 3, 4, (1, 1), (3, 2), "valid", (1, 1), 1),
    ((7, 6), 2, 3, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((7, 6), 2, 3, (3, 2), (2, 1), (4, 3), (1, 1), 1),  # padding wider than the kernel
    ((12, 11), 3, 4, (3, 3), (1, 1), "valid", (2, 3), 1),
    ((12, 11), 3, 4, (3, 3), (2, 2), "same", (2, 2), 1),
    ((8, 8), 6, 9, (3, 3), (1, 1), "same", (1, 1), 3),
    ((8, 8), 8, 8, (3, 3), (2, 2), (1, 1), (1, 1), 8),  # one channel a group
    ((8, 7), 4, 6, (2, 3), (1, 2), (2, 1), (2, 1), 2),
    ((5, 6), 2, 3, (5, 6), (1, 1), "valid", (1, 1), 1),  # one output pixel
    ((1, 1), 7, 1, (1, 1), (1, 1), "valid", (1, 1), 1),
]


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("geometry", CONVOLUTIONS, ids=str)
def test_conv2d(geometry, use_bias):
    image, channels, filters, kernel, strides, padding, dilation, groups = geometry
    layer = Conv2D(filters, kernel, strides, padding, use_bias, dilation_rate=dilation, groups=groups)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    zeros = zeros_around(padding, image, reach, strides)

    def forward(x, w, b=None):
        return F.conv2d(F.pad(x, zeros), w, b, strides, 0, dilation, groups)

    check_layer("Conv2D", layer, (*image, channels), forward)


POOLS = [  # image, window, strides, padding
    ((8, 8), (2, 2), None, "valid"),
    ((9, 7), (2, 2), None, "valid"),
    ((9, 7), (3, 2), (2, 1), "valid"),
    ((9, 7), (3, 3), (1, 1), "same"),
    ((9, 8), (2, 2), (2, 2), "same"),
    ((8, 7), (3, 3), (2, 2), (1, 1)),
    ((8, 7), (4, 3), (3, 2), (2, 1)),
    ((5, 4), (5, 4), None, "valid"),
]


@pytest.mark.parametrize(("image", "window", "strides", "padding"), POOLS)
@pytest.mark.parametrize("channels", [1, 17])
def test_max_pool(image, window, strides, padding, channels):
    zeros = zeros_around(padding, image, window, strides or window)

    def forward(x):
        return F.max_pool2d(F.pad(x, zeros, value=float("-inf")), window, strides)

    check_layer("MaxPool2D", MaxPool2D(window, strides, padding), (*image, channels), forward)


@pytest.mark.parametrize(("image", "window", "strides", "padding"), POOLS)
@pytest.mark.parametrize("channels", [1, 17])
def test_avg_pool(image, window, strides, padding, channels):
    zeros = zeros_around(padding, image, window, strides or window)

    def forward(x):  # the mean of the pixels alone: the sum over the windows, by the number of pixels in each
        sums = F.avg_pool2d(F.pad(x, zeros), window, strides, divisor_override=1)
        return sums / F.avg_pool2d(F.pad(torch.ones_like(x), zeros), window, strides, divisor_override=1)

    check_layer("AvgPool2D", AvgPool2D(window, strides, padding), (*image, channels), forward)


def test_global_avg_pool():
    check_layer("GlobalAvgPool2D", GlobalAvgPool2D(), (5, 4, 7), lambda x: x.mean((2, 3)))


# -- the other layers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("inputs", "units"), [(1, 1), (7, 5), (1600, 128), (128, 10), (65, 33)])
def test_dense(inputs, units):
    check_layer("Dense", Dense(units), (inputs,), F.linear)
    check_layer("Dense", Dense(units, use_bias=False), (inputs,), F.linear)


@pytest.mark.parametrize("shape", [(7,), (5, 4, 3)])
def test_activations(shape):
    check_layer("ReLU", ReLU(), shape, torch.relu)
    check_layer("LeakyReLU", LeakyReLU(0.2), shape, lambda x: F.leaky_relu(x, 0.2))
    check_layer("ELU", ELU(0.4), shape, lambda x: F.elu(x, 0.4))
    check_layer("GELU", GELU(), shape, F.gelu)
    check_layer("GELU, by tanh", GELU(approximate=True), shape, lambda x: F.gelu(x, approximate="tanh"))
    check_layer("SiLU", SiLU(), shape, F.silu)
    check_layer("Sigmoid", Sigmoid(), shape, torch.sigmoid)
    check_layer("Tanh", Tanh(), shape, torch.tanh)


def test_flatten():
    check_layer("Flatten", Flatten(), (4, 3, 5), lambda x: x.permute(0, 2, 3, 1).flatten(1))


@pytest.mark.parametrize("shape", [(7,), (5, 4, 3)])
def test_batchnorm(shape):
    def forward(x, gamma, beta):
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)

    check_layer("BatchNorm", BatchNorm(), shape, forward, batch=6)
    # The moving statistics: PyTorch's momentum is the weight of the new, and its moving variance is the unbiased one.
    layer, x = BatchNorm(momentum=0.9), normal(6, *shape)
    layer.build(shape, dtype="float64")
    mean, variance = torch.zeros(shape[-1]).double(), torch.ones(shape[-1]).double()
    rows = x.size // shape[-1]
    layer.forward(x, training=True)
    F.batch_norm(nchw(x), mean, variance, training=True, momentum=0.1)
    biased = 0.9 + (variance - 0.9) * (rows - 1) / rows
    found = {"mean": layer.moving_mean, "variance": layer.moving_variance}
    compare("BatchNorm, moving statistics", found, {"mean": mean, "variance": biased})
    predicted = F.batch_norm(nchw(x), mean, biased, training=False, eps=1e-3)
    compare("BatchNorm, prediction", {"y": layer.forward(x)}, {"y": nhwc(predicted)})


def test_dropout():
    layer = Dropout(0.4)
    layer.build((50,), np.random.default_rng(0), "float64")
    x, dy = normal(8, 50), normal(8, 50, seed=9)
    y = layer.forward(x, training=True)
    dx = layer.backward(dy)
    tensor = torch.tensor(x, requires_grad=True)
    torch_y = tensor * torch.tensor(y != 0) / (1 - 0.4)  # the same holes
    torch_y.backward(torch.tensor(dy))
    compare("Dropout", {"y": y, "dx": dx}, {"y": torch_y, "dx": tensor.grad})


@pytest.mark.parametrize("name", REFERENCES)
def test_layers_of_the_references(name):
    layer, shape, *_ = REFERENCES[name]
    found, numbers = result(layer, shape)
    compare(name, found, gradients_by_torch(name, numbers))


def test_spatial_dropout_and_noise():
    layer = SpatialDropout2D(0.4)
    layer.build((3, 2, 9), np.random.default_rng(0), "float64")
    x = normal(8, 3, 2, 9)
    y = layer.forward(x, training=True)
    holes = torch.tensor((y != 0).any(axis=(1, 2))[:, :, None, None])  # (N, C, 1, 1): the same as torch's dropout2d
    compare("SpatialDropout2D", {"y": y}, {"y": nhwc(nchw(x) * holes / (1 - 0.4))})
    noise = GaussianNoise(0.5)
    noise.build((3,), np.random.default_rng(0), "float64")
    drawn = noise.forward(np.zeros((20_000, 3)), training=True)
    assert abs(drawn.std() - 0.5) < 0.01 and abs(drawn.mean()) < 0.01


def test_no_layer_was_forgotten():
    tested = {type(layer).__name__ for layer, *_ in REFERENCES.values()} | {"SpatialDropout2D", "GaussianNoise"}
    tested |= {cls.__name__ for cls in (AvgPool2D, BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAvgPool2D)}
    tested |= {cls.__name__ for cls in (ELU, GELU, LeakyReLU, MaxPool2D, ReLU, SiLU, Sigmoid, Tanh)}
    assert tested == set(numpycnn.layers.__all__) - {"Layer"}


# -- losses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_softmax_cross_entropy(scale, smoothing, soft):
    logits = scale * normal(7, 10)
    labels = np.random.default_rng(1).dirichlet(np.ones(10), 7) if soft else np.arange(7) % 10
    loss, dlogits = SoftmaxCrossEntropy(smoothing)(logits, labels)
    tensor = torch.tensor(logits, requires_grad=True)
    torch_loss = F.cross_entropy(tensor, torch.tensor(labels), label_smoothing=smoothing)
    torch_loss.backward()
    what = f"SoftmaxCrossEntropy{', soft targets' if soft else ''}{', smoothed' if smoothing else ''}"
    compare(what, {"loss": loss, "dlogits": dlogits}, {"loss": torch_loss, "dlogits": tensor.grad})
    probabilities = SoftmaxCrossEntropy().predict(logits)
    compare("SoftmaxCrossEntropy.predict", {"p": probabilities}, {"p": torch.softmax(tensor, 1)})


def test_mean_squared_error():
    outputs, targets = normal(7, 3), normal(7, 3, seed=1)
    loss, doutputs = MeanSquaredError()(outputs, targets)
    tensor = torch.tensor(outputs, requires_grad=True)
    torch_loss = F.mse_loss(tensor, torch.tensor(targets))
    torch_loss.backward()
    compare("MeanSquaredError", {"loss": loss, "doutputs": doutputs}, {"loss": torch_loss, "doutputs": tensor.grad})


# -- ten steps of a small network -------------------------------------------------------------------------------

OPTIMIZERS = [
    (SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    (SGD(0.05, momentum=0.9), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
    (SGD(0.05, momentum=0.9, nesterov=True), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    (Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    (Adam(0.01, 0.8, 0.9, 1e-3), lambda p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.9), eps=1e-3)),
    (AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
]


def small_model(fused):
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(6, 3, padding="same"), BatchNorm(), ReLU(), AvgPool2D(2)]
    layers += [Flatten(), Dense(16), ReLU(), Dense(10)]
    return Sequential(layers, input_shape=(10, 10, 2), seed=0, dtype="float64", fused=fused)


def torch_forward(x, w1, b1, w2, b2, gamma, beta, w3, b3, w4, b4):
    h = F.max_pool2d(F.relu(F.conv2d(x, w1, b1)), 2)
    h = F.conv2d(h, w2, b2, padding="same")
    h = F.avg_pool2d(F.relu(F.batch_norm(h, None, None, gamma, beta, training=True, eps=1e-3)), 2)
    h = F.relu(F.linear(h.permute(0, 2, 3, 1).flatten(1), w3, b3))
    return F.linear(h, w4, b4)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("optimizer", "torch_optimizer"), OPTIMIZERS, ids=[repr(o) for o, _ in OPTIMIZERS])
def test_ten_steps(optimizer, torch_optimizer, fused):
    model = small_model(fused)
    model.compile(type(optimizer)(**optimizer.get_config()), SoftmaxCrossEntropy(label_smoothing=0.1))
    tensors = [oihw(p.value).requires_grad_() for p in model.parameters]
    twin = torch_optimizer(tensors)
    for step in range(10):
        x, y = normal(8, 10, 10, 2, seed=step), np.random.default_rng(step).integers(0, 10, 8)
        loss, _ = model.train_on_batch(x, y)
        twin.zero_grad()
        torch_loss = F.cross_entropy(torch_forward(nchw(x), *tensors), torch.tensor(y), label_smoothing=0.1)
        torch_loss.backward()
        gradients = {i: hwio(t.grad) for i, t in enumerate(tensors)}
        # The bias before a BatchNorm changes nothing: its gradient is 0 but for rounding, which has no leading digits.
        assert max(abs(model.parameters[3].grad).max(), abs(gradients.pop(3)).max()) < 1e-12
        twin.step()
        compare(f"ten steps of {optimizer!r}", {"loss": loss}, {"loss": torch_loss})
        compare("gradients of a network", {i: model.parameters[i].grad for i in gradients}, gradients)
    values = {i: hwio(t) for i, t in enumerate(tensors) if i != 3}
    compare(f"ten steps of {optimizer!r}", {i: model.parameters[i].value for i in values}, values)
