"""The C of a model, compiled with every warning an error and with sanitizers, says what Python says.

On the plain kernels, but for the campaigns; nothing here runs where there is no C compiler.
"""

import os
import shutil
import subprocess

import numpy as np
import pytest
from layer_table import built, every_layer
from small_models import make_images, small_cnn

import numpycnn as nc
from numpycnn.command.main import main
from numpycnn.exchange import c
from numpycnn.exchange.c import literals
from numpycnn.exchange.verify import verify
from numpycnn.kernels import using

STRICT = "-Wall -Wextra -Wpedantic -Werror -O1 -fsanitize=address,undefined -fno-sanitize-recover=all".split()
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler (cc)")
needs_mnist = pytest.mark.skipif(not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set: no MNIST")

# Between them every layer, in the shapes where C has most to say: padding, strides, dilation, groups, no bias.
STACKS = {
    "convolutions": ((9, 8, 2), nc.SoftmaxCrossEntropy(), lambda: [
        nc.Conv2D(4, 3, strides=2, padding="same"), nc.ELU(0.5),
        nc.Conv2D(6, 3, padding=(4, 0), dilation_rate=(2, 1), groups=2), nc.BatchNorm(),
        nc.SeparableConv2D(5, 2, padding="same", depth_multiplier=2), nc.SiLU(), nc.AvgPool2D(3, 2, padding="same"),
        nc.GELU(), nc.GlobalAvgPool2D(), nc.Dense(3, use_bias=False),
    ]),
    "pools": ((7, 6, 3), nc.BinaryCrossEntropy(), lambda: [
        nc.Rescale(-0.5, 0.25), nc.ZeroPad2D(((0, 2), (1, 0))), nc.SpatialDropout2D(0.4),
        nc.DepthwiseConv2D((2, 3), strides=(2, 1), padding="same", depth_multiplier=3), nc.LeakyReLU(0.1),
        nc.LayerNorm(), nc.MaxPool2D((3, 2), strides=(2, 3), padding=(2, 1)), nc.DepthwiseConv2D(1, use_bias=False),
        nc.Tanh(), nc.Flatten(), nc.Reshape((2, -1, 9)), nc.GlobalMaxPool2D(), nc.Dense(2),
    ]),
    "vectors": ((20,), None, lambda: [
        nc.GELU(approximate=True), nc.Reshape((2, 10)), nc.Softmax(), nc.LayerNorm(center=False, scale=False),
        nc.GaussianNoise(0.5), nc.Flatten(), nc.BatchNorm(center=False, scale=False), nc.Dropout(0.5),
        nc.Sigmoid(), nc.ReLU(),
    ]),
}  # fmt: skip


def trained(model, seed=0):
    """Give a model weights and statistics that are not those of a new one."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters:
        parameter.value += rng.normal(0, 0.2, parameter.value.shape)
    for layer in model.layers:
        if isinstance(layer, nc.BatchNorm):
            layer.moving_mean = rng.normal(0, 1, layer.moving_mean.shape)
            layer.moving_variance = rng.uniform(0.5, 2, layer.moving_variance.shape)
    return model


def worst(model, x, options=STRICT):
    """Return the largest difference between C and Python."""
    expected, found = model.predict(x), c.predict_in_c(model, x, options)
    assert found.dtype == np.float32 and found.shape == expected.shape and np.ptp(expected) > 0
    return abs(found - expected).max()


@needs_compiler
@pytest.mark.parametrize("name", STACKS)
def test_every_layer_says_in_c_what_it_says_in_python(name):
    shape, loss, layers = STACKS[name]
    model = trained(nc.Sequential(layers(), input_shape=shape, seed=1))
    if loss is not None:
        model.compile("sgd", loss)
    x = np.random.default_rng(2).normal(0, 2, (20, *shape))
    with using("reference"):
        assert worst(model, x) < 1e-6


def test_between_them_the_stacks_have_every_layer():
    used = {type(layer) for _, _, layers in STACKS.values() for layer in layers()} | {nc.Conv2D}
    own = {layer for layer in vars(nc).values() if isinstance(layer, type) and issubclass(layer, nc.Layer)}
    assert used == own - {nc.Layer}


@needs_compiler
def test_numbers_at_the_ends_of_their_range(tmp_path):
    extremes = np.array([[np.finfo("f4").max, np.finfo("f4").tiny, 1e-45, -0.0, 1 / 3, 16777217, -1e-7, 1e7]], "f4")
    model = nc.Sequential([nc.Dense(8, use_bias=False), nc.ReLU(), nc.Sigmoid()], input_shape=(1,))
    model.set_weights([extremes])
    x = np.array([[1], [-1], [np.nan]])
    with using("reference"), np.errstate(over="ignore"):
        np.testing.assert_allclose(c.predict_in_c(model, x, STRICT), model.predict(x), rtol=1e-6)
    pools = nc.Sequential([nc.MaxPool2D(2), nc.GlobalMaxPool2D()], input_shape=(4, 2, 2))
    x = np.arange(16.0).reshape(1, 4, 2, 2) - 20
    x[0, 1, 0, 0] = np.nan
    with using("reference"):
        assert np.isnan(pools.predict(x)).tolist() == [[True, False]]
    np.testing.assert_array_equal(c.predict_in_c(pools, x, STRICT), [[np.nan, -5]])
    model = nc.Sequential([nc.Dense(8, use_bias=False)], input_shape=(1,), dtype="float64")
    model.set_weights([extremes])
    np.testing.assert_array_equal(c.predict_in_c(model, np.ones((1, 1)), STRICT), extremes)


@needs_compiler
def test_verify_compares_it_layer_by_layer():
    with using("reference"):
        report = verify(nc.Sequential([nc.Dense(3), nc.ReLU(), nc.Dropout(0.5)], input_shape=(4,), seed=0), "c")
    assert report.agrees and report.against.startswith("C99 (") and len(report.outputs) == 3
    assert max(report.outputs) < 1e-6


# -- the two files


@pytest.fixture
def model():
    """One that knows the names of its classes, not all of them good for C."""
    model = nc.Sequential([nc.Flatten(), nc.Dense(4)], input_shape=(2, 3, 1), seed=0)
    model.compile("sgd", nc.SoftmaxCrossEntropy())
    model.input_format = nc.InputFormat((2, 3), class_names=('a "b" \\', "what??/", "*/ %d", "7é数"))
    return model


@needs_compiler
def test_a_program_of_a_user_reads_names_and_numbers(model, tmp_path):
    c.export_c(model, tmp_path / "my-digits 2.c")
    main = r"""
#include "my-digits 2.h"
#include <stdio.h>

int main(void)
{
    float input[MY_DIGITS_2_INPUTS] = {0}, output[MY_DIGITS_2_OUTPUTS];
    my_digits_2_predict(input, output);
    for (int k = 0; k < MY_DIGITS_2_OUTPUTS; k++)
        printf("%s|%.2f\n", my_digits_2_class_names[k], output[k]);
    return 0;
}
"""
    (tmp_path / "main.c").write_text(main)
    command = ["cc", "-std=c99", *STRICT, "main.c", "my-digits 2.c", "-o", "program", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "program"], capture_output=True, check=True).stdout.decode()
    assert printed.splitlines() == [f"{name}|0.25" for name in model.input_format.class_names]


def test_the_command_writes_both_files(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model.save("digits.npz")
    assert main(["export", "--to", "c", "digits.npz"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["digits.h", "digits.c"]
    assert "digits_predict" in (tmp_path / "digits.c").read_text()
    assert main(["export", "--to", "c", "digits.npz", "--output", "new/net.c"]) == 0
    assert "net_class_names" in (tmp_path / "new" / "net.h").read_text()


def test_what_the_files_say(model, tmp_path):
    c.export_c(model, str(tmp_path / "new" / "3d.c"))
    header, source = ((tmp_path / "new" / f"3d.{end}").read_text() for end in "hc")
    assert "28 parameters" in header and "takes 112 bytes of constants and 40 bytes of static arrays" in header
    assert "#define MODEL_3D_INPUTS 6 /* (2, 3, 1), row by row; pixels from 0 to 255, times 0.003921569 */" in header
    assert "layer_2_dense(room_a.as_6, room_b.as_4); /* layer 2, Dense */" in source
    assert (header + source).isascii() and max(map(len, (header + source).splitlines())) <= 120
    first = source
    c.export_c(model, tmp_path / "new" / "3d.c")
    assert (tmp_path / "new" / "3d.c").read_text() == first


@pytest.mark.parametrize("name, identifier", [
    ("digits", "digits"), ("my-model v2", "my_model_v2"), ("3d", "model_3d"), ("é", "model"), ("__", "model"),
])
def test_names_in_c(name, identifier):
    assert literals.identifier(name) == identifier


class Twice(nc.ReLU):
    """A layer of one's own."""


class Half(nc.MeanSquaredError):
    def predict(self, outputs):
        return outputs / 2


def test_what_c_does_not_have_is_refused_by_name(tmp_path):
    def export(layers, loss=None, name="model.c", **weights):
        model = nc.Sequential(layers, input_shape=(2,))
        if loss is not None:
            model.compile("sgd", loss)
        for word, value in weights.items():
            setattr(model.layers[0], word, value)
        c.export_c(model, tmp_path / name)

    with pytest.raises(ValueError, match=r"layer 2, Twice\(\), does not exist in C here; expected layers of AvgPool2D"):
        export([nc.Dense(2), Twice()])
    with pytest.raises(ValueError, match="predictions of Half"):
        export([nc.Dense(2)], Half())
    with pytest.raises(ValueError, match="finite float32 weights, got mean of layer 1, BatchNorm"):
        export([nc.BatchNorm()], moving_mean=np.array([1.0, np.nan]))
    for name in ("model.h", "model", "mod\nel.c", 'a".c', "a\\.c", "a*.c"):
        with pytest.raises(ValueError, match="export_c: expected a name"):
            export([nc.Dense(2)], name=name)
    with pytest.raises(RuntimeError, match="not built"):
        c.export_c(nc.Sequential([nc.Dense(2)]), tmp_path / "model.c")
    for name, model in ((None, nc.Sequential([nc.Dense(2)], input_shape=(2,))), (tmp_path / "model.c", "model.npz")):
        with pytest.raises(TypeError, match="path: expected a path|model: expected a Sequential"):
            c.export_c(model, name)
    assert list(tmp_path.iterdir()) == []
    export([nc.Dense(2)], nc.SoftmaxCrossEntropy(predict_logits=True))
    assert "expf" not in (tmp_path / "model.c").read_text()


def test_without_a_compiler_it_says_so(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(FileNotFoundError, match="no C compiler"):
        c.predict_in_c(small_cnn(), make_images()[0])


@needs_compiler
def test_what_the_compiler_says_is_told(model):
    with pytest.raises(RuntimeError, match="no-such-option"):
        c.predict_in_c(model, np.zeros((1, 2, 3, 1)), ["--no-such-option"])


# -- campaigns

TIMES = r"""
#include "model.h"
#include <stdio.h>
#include <time.h>

static float images[1000][MODEL_INPUTS], output[MODEL_OUTPUTS];

int main(void)
{
    FILE *file = fopen("images", "rb");
    if (file == NULL || fread(images, sizeof images, 1, file) != 1)
        return 1;
    clock_t start = clock();
    for (int n = 0; n < 1000; n++)
        model_predict(images[n], output);
    printf("%.2f", 1e3 * (clock() - start) / CLOCKS_PER_SEC / 1000);
    return 0;
}
"""


@pytest.mark.campaign
@needs_compiler
@every_layer
def test_every_row_of_the_table_of_layers(make, shape):
    model = nc.Sequential([make()], input_shape=shape, seed=0)
    for parameter, source in zip(model.parameters, built(make, shape).parameters):
        parameter.value = source.value
    x = np.random.default_rng(1).normal(0, 2, (10, *shape))
    assert worst(model, x) < 1e-5


@pytest.mark.campaign
@needs_compiler
@needs_mnist
@pytest.mark.parametrize("recipe", ["cnn", "deep_cnn", "augmented", "mlp", "lenet5", "fast", "best", "vgg"])
def test_every_recipe_on_a_thousand_images(recipe, tmp_path):
    """Prints the size of the source and of the program's parts, and the time that an image takes."""
    from numpycnn.command.recipes import RECIPES

    (x, y), (images, _) = nc.load_mnist()
    x, images = x[:3000, ..., None] / np.float32(255), images[:1000, ..., None] / np.float32(255)
    model = RECIPES[recipe].network(seed=0)
    model.compile("adam", nc.SoftmaxCrossEntropy())
    model.fit(x, y[:3000], verbose=0, seed=0)
    difference = worst(model, images, [*STRICT, "-O2"])
    assert difference < 1e-5
    c.export_c(model, tmp_path / "model.c")
    subprocess.run(["cc", "-std=c99", "-O2", "-c", "model.c"], cwd=tmp_path, check=True)
    size = subprocess.run(["size", "model.o"], cwd=tmp_path, capture_output=True, text=True).stdout.splitlines()[1]
    text, _, bss = map(int, size.split()[:3])
    images.tofile(tmp_path / "images")
    (tmp_path / "main.c").write_text(TIMES)
    times = []
    for options in (["-O2"], ["-O3", "-march=native"]):
        subprocess.run(["cc", *options, "main.c", "model.c", "-o", "program", "-lm"], cwd=tmp_path, check=True)
        said = subprocess.run([tmp_path / "program"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        times.append(f"{said} ms with {' '.join(options)}")
    kib = f"source {(tmp_path / 'model.c').stat().st_size >> 10} KiB, text {text >> 10} KiB, arrays {bss >> 10} KiB"
    print(f"\n{recipe}: {difference:.1e}, {kib}, an image {', '.join(times)}")
