"""The ladder: every rung computes what the first one does, is short, and can be timed."""

import importlib
import re
import sys

import numpy as np
import pytest
from places import ROOT

from numpycnn import kernels

LEARN = ROOT / "examples" / "learn"
# Images (N, H, W, C), filters (kh, kw, C, F), stride, padding: odd sizes, remainders, more pixels than a tile of four.
SHAPES = [((2, 6, 5, 2), (3, 3, 2, 3), 1, 0), ((1, 7, 6, 3), (2, 3, 3, 5), 2, 1), ((1, 5, 5, 2), (3, 3, 2, 4), 1, 1)]


@pytest.fixture(scope="module")
def ladder():
    """The rungs, their compiled functions replaced by what they were compiled from: it is the same arithmetic."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(LEARN))
        rungs = importlib.import_module("ladder")
        for rung in rungs.RUNGS.values():
            for name, function in [*vars(rung).items()]:
                patch.setattr(rung, name, getattr(function, "py_func", function))
        yield rungs
        for name in [name for name in sys.modules if name.split(".")[0] == "ladder"]:
            del sys.modules[name]


def pooled(y):
    height, width = y.shape[1] // 2, y.shape[2] // 2
    windows = np.maximum(y, 0)[:, : 2 * height, : 2 * width].reshape(len(y), height, 2, width, 2, -1)
    return windows.max(axis=(2, 4)), windows


def gradient_of_pooling(dy, y):
    """Return dy of the convolution, given that of ReLU and pooling behind it."""
    most, windows = pooled(y)
    spread = (windows == most[:, :, None, :, None]) * (windows > 0) * dy[:, :, None, :, None]
    whole = np.zeros_like(y)
    whole[:, : 2 * most.shape[1], : 2 * most.shape[2]] = spread.reshape(len(y), 2 * most.shape[1], -1, y.shape[3])
    return whole


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert a.shape == b.shape and abs(a - b).max() <= 1e-12 * abs(b).max()


def assert_is_the_first(rung, ladder, image, filters, stride, padding):
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape) for shape in (image, filters, filters[-1:]))
    y = ladder.python_loops.forward(x, w, b, stride, padding)
    wanted = pooled(y)[0] if rung is ladder.fused else y
    assert_equal([rung.forward(x, w, b, stride, padding)], [wanted])
    dy = rng.standard_normal(wanted.shape)
    found = rung.backward(dy, x, w, stride, padding)
    dy = gradient_of_pooling(dy, y) if rung is ladder.fused else dy
    assert_equal(found, ladder.python_loops.backward(dy, x, w, stride, padding))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("place", range(8))
def test_every_rung_computes_what_the_first_does(place, shape, ladder):
    rung = [*ladder.RUNGS.values()][place]
    if rung is ladder.winograd and (shape[2] != 1 or shape[1][:2] != (3, 3)):
        with pytest.raises(ValueError, match="3 x 3 filters and stride 1"):
            assert_is_the_first(rung, ladder, *shape)
    else:
        assert_is_the_first(rung, ladder, *shape)


def test_a_wrong_rung_would_be_noticed(ladder, monkeypatch):
    right = ladder.im2col.col2im

    def assigned(dcols, w, stride, dx):
        right(dcols, w, stride, dx)
        dx[0, 1, 1, 0] *= 0.5

    monkeypatch.setattr(ladder.im2col, "col2im", assigned)
    with pytest.raises(AssertionError):
        assert_is_the_first(ladder.im2col, ladder, *SHAPES[0])


def test_every_rung_is_short_and_the_second_is_the_first(ladder):
    files = sorted((LEARN / "ladder").glob("*.py"))
    assert len(files) == len(ladder.RUNGS) + 1 and len(ladder.RUNGS) == 8
    for path in files:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path.name
    assert ladder.numba_loops.sum_windows is ladder.python_loops.sum_windows


@pytest.mark.campaign
@pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")
def test_compiled_rungs_compute_the_same():
    """As they are timed: compiled, in parallel, in single precision, at full size; `calls` compares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        bench = importlib.import_module("bench_ladder")
        for shape in bench.SHAPES.values():
            for rung in bench.RUNGS.values():
                if rung is not bench.winograd or shape.stride == 1:
                    bench.calls(rung, shape, 1 if rung is bench.python_loops else shape.image[0])


def test_the_table_and_the_picture(monkeypatch, ladder):
    """Of made-up times: rates, shares of the peak, and what is faster than the first rung."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    bench = importlib.import_module("bench_ladder")
    shape = bench.Shape("a title", (1, 3, 3, 1), (2, 2, 1, 5))  # 2 x 2 outputs: 2 * 4 * 5 * 4 = 160 FLOPs
    found = {"one": bench.Times(1.0, 4.0, None), "two": bench.Times(0.5, 1.0, 2.0)}
    table = bench.table(shape, found, 1e-6)
    assert table.rows[1][:5] == ["two", "500.00", "2.00", "0.000", "32 %"]
    assert table.rows[1][5:] == ["1,000", "4.00", "0.000", "32 %", "2.00"] and table.rows[0][-1] == "-"
    ax = bench.draw(found, shape, 1e-6).axes[0]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([1.6e-7, 0.8e-7, 3.2e-7, 3.2e-7])
    assert re.match(r"1\. one", ax.get_yticklabels()[0].get_text())
