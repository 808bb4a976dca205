"""Every compiled kernel against its twin in plain NumPy, at every awkward size; threads; the twins themselves."""

import ast
import errno
import gc
import importlib.metadata
import inspect
import itertools
import math
import os
import platform
import tempfile
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from kernel_call import Call, rough
from kernel_table import TABLE, calls, sparse
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

import numpycnn
from numpycnn import kernels
from numpycnn.kernels import (
    KERNELS, jit, matmul, reference, rows as kernel_rows, simd, threads as kernel_threads, winograd, winograd_tiles,
)

needs_jit = pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")
every_kernel = pytest.mark.parametrize("name", KERNELS)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def compiled(name):
    with kernels.using("compiled"):
        return getattr(kernels.ops, name)


@numba.njit
def skips(a, columns):
    """Whether a product of A with so many columns skips A's zeros."""
    return matmul._skipping_pays(a, columns)


def same_bits(found, expected):
    """Whether all bits agree; NaN has many, and one is as good as another."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found, expected, strict=True))


@pytest.fixture
def threads():
    """Restore the number of threads."""
    before = numpycnn.get_num_threads()
    yield
    numpycnn.set_num_threads(before)


# -- one table ---------------------------------------------------------------------------------------


def test_every_kernel_is_in_the_table():
    assert set(TABLE) == set(KERNELS)


@every_kernel
def test_every_kernel_has_a_twin_with_the_same_parameters(name):
    twin = getattr(reference, name)
    assert list(inspect.signature(compiled(name)).parameters) == list(inspect.signature(twin).parameters)
    assert inspect.getdoc(compiled(name)) and inspect.getdoc(twin)


@needs_jit
@every_kernel
def test_every_kernel_is_compiled(name):
    assert isinstance(compiled(name), (jit.Kernel, jit.CallOf))


def test_every_twin_belongs_to_a_kernel():
    public = {name for name, _ in inspect.getmembers(reference, inspect.isfunction) if not name.startswith("_")}
    assert public == set(KERNELS)


def test_the_reference_imports_nothing_but_numpy():
    tree = ast.parse(Path(reference.__file__).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"numpy", "__future__"}


# -- the same answers ----------------------------------------------------------------------------------


def clear(x):
    for i in numba.prange(len(x)):
        x[i] = 0


@needs_jit
@pytest.mark.parametrize("collects", [True, False])
def test_compiling_leaves_python_and_numba_as_they_were(collects):
    kernel, before = jit._build(clear, parallel=False), gc.isenabled()
    codegen = cpu_target.target_context.codegen()
    x = np.ones(3)
    try:
        gc.enable() if collects else gc.disable()
        kernel(x)
        assert gc.isenabled() == collects and codegen._library_class is JITCodeLibrary
        with pytest.raises(numba.TypingError):
            kernel("no array")
        assert gc.isenabled() == collects and codegen._library_class is JITCodeLibrary
    finally:
        gc.enable() if before else gc.disable()
    assert (x == 0).all()


@needs_jit
def test_a_parallel_loop_becomes_machine_code_once(monkeypatch, tmp_path):
    optimised, assembled = [], []
    recorded = record(JITCodeLibrary._optimize_final_module, optimised)
    monkeypatch.setattr(JITCodeLibrary, "_optimize_final_module", recorded)
    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", record(JITCodeLibrary._finalize_specific, assembled))
    monkeypatch.setattr(jit, "cache_dir", lambda: tmp_path)
    mine, numbas = np.ones(3), np.ones(3)
    jit._build(clear, parallel=True)(mine)
    assert assembled[-1].startswith("clear") and assembled == optimised
    assert not any("gufunc" in name.lower() for name in assembled)
    numba.njit(parallel=True)(clear)(numbas)
    assert any("gufunc" in name.lower() for name in assembled)  # so it is, unless told otherwise
    assert (mine == 0).all() and (numbas == 0).all()


def record(method, names):
    def recorded(self):
        names.append(self.name)
        return method(self)
    return recorded


@needs_jit
@every_kernel
@both_dtypes
def test_agrees_with_its_twin(name, dtype):
    count = 0
    for call in calls(name, dtype):
        count += 1
        found, expected = call.run(compiled(name)), call.run(getattr(reference, name))
        for a, b, tolerance in zip(found, expected, call.tolerances(name), strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            if call.roundings == 0:
                assert np.array_equal(a, b, equal_nan=True), str(call)
            else:
                error = abs(np.subtract(a, b, dtype=float))
                assert (error <= tolerance).all(), f"{call}: {error.max(initial=0)}"
    assert count >= 8


@needs_jit
@every_kernel
@both_dtypes
def test_one_thread_and_two_give_the_same_bits(name, dtype, threads):
    try:
        numpycnn.set_num_threads(2)
    except ValueError:
        pytest.skip("this machine, or NUMBA_NUM_THREADS, allows one thread only")
    for call in calls(name, dtype):
        numpycnn.set_num_threads(1)
        expected = call.run(compiled(name))
        numpycnn.set_num_threads(2)
        assert same_bits(call.run(compiled(name)), expected), str(call)


@needs_jit
@every_kernel
@both_dtypes
@pytest.mark.campaign  # .ci/run: once; the suite has forked children and predictors, which run serial builds
def test_the_serial_build_gives_the_same_bits(name, dtype):
    kernel = compiled(name)
    for call in calls(name, dtype):
        assert same_bits(call.run(kernel._serial), call.run(kernel._parallel)), str(call)


@needs_jit
@pytest.mark.parametrize("build", ["_serial", "_parallel"])
@pytest.mark.parametrize("name, options", [
    ("relu_forward", []), ("leaky_relu_forward", [0.1]), ("elu_forward", [1.0]), ("sigmoid_forward", []),
    ("tanh_forward", []),
])  # fmt: skip
def test_a_curve_may_be_drawn_where_its_numbers_lie(name, options, build):
    x = np.random.default_rng(0).standard_normal(1003).astype(np.float32)
    y = np.empty_like(x)
    getattr(compiled(name), build)(x, *options, y)
    getattr(compiled(name), build)(x, *options, x)
    assert np.array_equal(x, y)


@needs_jit
@both_dtypes
def test_concurrent_callers_get_the_same_bits(dtype):
    jobs = [(name, call) for name in ("affine", "col2im", "sum_rows") for call in list(calls(name, dtype))[::5]]
    expected = [call.run(compiled(name)) for name, call in jobs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: job[1].run(compiled(job[0])), jobs))
    assert len(jobs) > 60 and all(map(same_bits, found, expected))


@needs_jit
@both_dtypes
@pytest.mark.parametrize(("rows", "depth", "columns"), [(9, 7, 5), (65, 257, 33)])
def test_nan_and_infinity_reach_their_row_or_column_and_no_other(dtype, rows, depth, columns):
    rng = np.random.default_rng(0)
    x, w, b = rough(rng, dtype, rows, depth), rough(rng, dtype, depth, columns), rough(rng, dtype, columns)
    x[rows - 1, depth - 1], w[0, columns - 1], b[0] = np.nan, np.inf, np.nan
    y, dx, dw = (np.zeros(shape, dtype) for shape in [(rows, columns), (rows, depth), (depth, columns)])
    compiled("affine")(x, w, b, False, y)
    expected = np.ones((rows, columns), bool)
    expected[rows - 1], expected[:, columns - 1], expected[:, 0] = False, False, False
    assert np.array_equal(np.isfinite(y), expected)
    assert np.isinf(y[: rows - 1, columns - 1]).all() and np.isnan(y[rows - 1]).all()
    rectified = np.zeros_like(y)
    compiled("affine")(x, w, b, True, rectified)
    assert np.array_equal(rectified, np.where(y <= 0, 0, y), equal_nan=True)
    dy = rough(rng, dtype, rows, columns)
    compiled("matmul_nt")(dy, w, dx)
    assert np.isinf(dx[:, 0]).all() and np.isfinite(dx[:, 1:]).all()
    compiled("matmul_tn")(x, dy, dw)
    assert np.isnan(dw[depth - 1]).all() and np.isfinite(dw[: depth - 1]).all()


@needs_jit
@both_dtypes
@pytest.mark.parametrize("columns", [20, 130])
def test_a_row_of_a_dense_product_has_the_same_bits_among_few_and_many(dtype, columns):
    """However long the sums: `predict` of a few images is what it is among others."""
    rng = np.random.default_rng(0)
    x, w, b = rough(rng, dtype, 600, 1100), rough(rng, dtype, 1100, columns), rough(rng, dtype, columns)
    expected = np.empty((600, columns), dtype)
    compiled("affine")(x, w, b, False, expected)
    for rows in (13, 256, 300):
        y = np.empty((rows, columns), dtype)
        compiled("affine")(x[:rows], w, b, False, y)
        assert y.tobytes() == expected[:rows].tobytes()


@needs_jit
@both_dtypes
@pytest.mark.parametrize("columns", [70, 300])
def test_a_product_that_skips_zeros_gives_the_bits_of_one_that_does_not(dtype, columns):
    rng = np.random.default_rng(0)
    few, many = sparse(rng, dtype, 300, 150), rough(rng, dtype, 2000, 150)
    w, b = rough(rng, dtype, 150, columns), rough(rng, dtype, columns)
    both = np.vstack([few, many])
    assert skips(few, columns) and not skips(both, columns)
    y, expected = np.empty((300, columns), dtype), np.empty((2300, columns), dtype)
    for relu in (False, True):
        compiled("affine")(few, w, b, relu, y)
        compiled("affine")(both, w, b, relu, expected)
        assert y.tobytes() == expected[:300].tobytes()
    dx, expected = np.empty((300, columns), dtype), np.empty((2300, columns), dtype)
    compiled("matmul_nt")(few, w.T.copy(), dx)
    compiled("matmul_nt")(both, w.T.copy(), expected)
    assert dx.tobytes() == expected[:300].tobytes()
    dw, expected = np.empty((300, columns), dtype), np.empty((2300, columns), dtype)
    compiled("matmul_tn")(few.T.copy(), w, dw)
    compiled("matmul_tn")(both.T.copy(), w, expected)
    assert dw.tobytes() == expected[:300].tobytes()


@needs_jit
@both_dtypes
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("row", "column"), [(200, 0), (200, 37), (200, 129), (290, 37)])
def test_zero_times_nan_or_infinity_is_not_skipped(dtype, value, row, column):
    rng = np.random.default_rng(0)
    x, w = sparse(rng, dtype, 70, 300), rough(rng, dtype, 400, 130)[:300]  # numbers lie behind it, too
    x[:, row], w[row, column] = 0, value
    y, dw, dx = np.empty((70, 130), dtype), np.empty((70, 130), dtype), np.empty((70, 130), dtype)
    assert skips(x, 130)
    compiled("affine")(x, w, np.zeros(130, dtype), False, y)
    compiled("matmul_tn")(x.T.copy(), w, dw)
    compiled("matmul_nt")(x, w.T.copy(), dx)
    others = np.delete(np.arange(130), column)
    for found in (y, dw, dx):
        assert np.isnan(found[:, column]).all()
        np.testing.assert_allclose(found[:, others], x @ w[:, others], rtol=1e-3, atol=1e-3 * abs(w[:, others]).max())


@needs_jit
@both_dtypes
def test_zeros_are_skipped_where_it_pays(dtype):
    rng = np.random.default_rng(0)
    wide = 1000
    assert skips(sparse(rng, dtype, 9, 9), wide) and not skips(rough(rng, dtype, 9, 9), wide)
    assert not skips(sparse(rng, dtype, 9, 9), 3), "four vectors for three columns"
    assert not skips(np.zeros((7, 9), dtype), wide), "too few elements to judge by"
    lanes = simd.VECTOR_BYTES // np.dtype(dtype).itemsize
    for ones in (1, 13, 23, 31, 37, 39, 50):
        a = np.zeros((40, 64), dtype)
        a[:, :ones] = 1  # as many in any 64 elements that follow each other
        for columns in range(1, 20 * lanes):
            row_vectors, tile_vectors = 4 * math.ceil(columns / (4 * lanes)), 2 * math.ceil(columns / (2 * lanes))
            pays = row_vectors > 4 and ones / 64 * row_vectors < 0.6 * tile_vectors
            assert skips(a, columns) == pays, f"{ones} of 64, {columns} columns"


@needs_jit
@both_dtypes
@pytest.mark.parametrize("name", ["conv_forward", "conv_relu_pool_forward"])
def test_nan_and_infinity_reach_the_windows_that_hold_them_and_no_other(name, dtype):
    for call in list(calls(name, dtype))[::2]:  # in between are those with NaN, in whole numbers
        x, w, b, *patches = call.inputs
        x[...], w[...], b[...] = 0, 1, 0
        x[-1, -1, -1, -1] = 1
        (touched, *_) = call.run(compiled(name))
        for value in (np.nan, np.inf):
            x[-1, -1, -1, -1] = value
            (y, *_) = call.run(compiled(name))
            assert np.array_equal(y, np.where(touched == 1, value, 0), equal_nan=True), str(call)


@needs_jit
@both_dtypes
def test_winograd_lets_nan_and_infinity_into_the_windows_that_hold_them_and_no_other(dtype):
    for call in calls("winograd_relu_pool_forward", dtype):
        if call.roundings == 0:
            continue  # those have NaN themselves
        x, w, b = call.inputs
        x[...], w[...], b[...] = 0, 1, 0
        x[-1, 2, 2, -1] = 1  # in all four patches of the first window
        (touched, *_) = call.run(reference.winograd_relu_pool_forward)
        for value in (np.nan, np.inf):
            x[-1, 2, 2, -1] = value
            (y, *_) = call.run(compiled("winograd_relu_pool_forward"))
            assert np.array_equal(y, np.where(touched == 1, value, 0), equal_nan=True), str(call)


@needs_jit
@both_dtypes
@pytest.mark.parametrize("first", ["blank", "noise", "grey", "framed"])
def test_winograd_gives_patches_of_zeros_their_bias_and_decides_as_the_plain_sums(dtype, first):
    rng, seen = np.random.default_rng(0), 0
    for call in calls("winograd_relu_pool_forward", dtype):
        x, w, b = call.inputs
        x[...], w[...], b[...] = rough(rng, dtype, *x.shape), rough(rng, dtype, *w.shape), rough(rng, dtype, b.size)
        w[:, ::3] *= 1e-3  # where the bias is most of the sum
        for n in range(len(x)):  # blank above, to the left, below or to the right, more or less far
            side = (x[n], x[n].swapaxes(0, 1), x[n, ::-1], x[n, :, ::-1].swapaxes(0, 1))[n % 4]
            side[: 3 + n // 4 % 4] = 0
        if first == "framed":  # patches along the border are equal, and are not the background
            x[...] = np.where(rng.random((*x.shape[:3], 1)) < 0.02, x, rng.random(x.shape[3]))
            x[:, 0] = x[:, -1] = x[:, :, 0] = x[:, :, -1] = 0
        elif first != "blank":  # where patches of zeros are not the background that is looked for in the first image
            x[0] = 0.5 if first == "grey" else rough(rng, dtype, *x[0].shape)
        y, codes = call.outputs[0], np.full(call.outputs[0].shape, 99, np.uint8)
        call = Call([x, w, b], call.numbers, [y, codes])
        y, codes = call.run(compiled("winograd_relu_pool_forward"))
        _, _, width, channels = x.shape
        size = math.isqrt(len(w) // channels)
        p, q = np.indices((y.shape[1], 4))
        rows, columns = 2 * (p // call.numbers[0]) + q // 2, 2 * (p % call.numbers[0]) + q % 2
        offsets = ((rows * width + columns) * channels).reshape(-1).astype(np.int32)
        runs = (np.arange(size) * width * channels).astype(np.int32)
        zeros = ~reference._patches(x, offsets, runs, size * channels).any(axis=2).reshape(len(x), -1, 4, 1)
        zeros_of_filters = np.broadcast_to(zeros, (*zeros.shape[:3], b.size))
        blank = np.take_along_axis(zeros_of_filters, codes[:, :, None] % 4, 2)[:, :, 0] & (codes < 4)  # such a one won
        assert np.array_equal(y[blank], np.broadcast_to(b, y.shape)[blank]), str(call)
        all_blank = zeros.all(axis=2)[:, :, 0]
        assert np.array_equal(codes[all_blank], np.broadcast_to(np.where(b > 0, 0, 4), codes.shape)[all_blank])
        expected = np.empty_like(y), np.empty_like(codes)
        compiled("conv_relu_pool_forward")(x, w, b, offsets, runs, size * channels, *expected)
        assert np.array_equal(codes, expected[1]), str(call)
        seen += blank.sum()
    assert seen > 1000 or first == "framed"


@needs_jit
@both_dtypes
@pytest.mark.parametrize("size", [3, 5])
def test_of_equal_patches_along_a_border_the_first_stays(dtype, size):
    """All others are out, known to be equal: sums of them would be within rounding of each other."""
    rng = np.random.default_rng(0)
    pixel = rng.random(20).astype(dtype)
    x = np.broadcast_to(pixel, (2, 15, 18, 20)).copy()
    x[:, 0] = x[:, -1] = x[:, :, 0] = x[:, :, -1] = 0
    x[1, 5:8, 4:9] = rng.random((3, 5, 20))
    high, wide = (15 + 1 - size) // 2, (18 + 1 - size) // 2
    kinds, patches = np.empty((2, 15 * 18), np.uint8)
    marks, scales = np.empty(2 * wide * high, np.uint16), np.empty(2, dtype)
    seen = 0
    for n in range(2):
        winograd._learn_image(x, size, n, pixel, wide, wide * high, kinds, patches, marks, scales)
        found = np.lib.stride_tricks.sliding_window_view(x[n], (size, size), (0, 1))
        for p in range(wide * high):
            mark = int(marks[n * wide * high + p])
            window = [found[2 * (p // wide) + q // 2, 2 * (p % wide) + q % 2].tobytes() for q in range(4)]
            background = [patch == np.repeat(pixel, size * size).tobytes() for patch in window]
            equal = [bool(mark >> winograd.EQUAL_BIT + q & 1) for q in range(4)]
            assert [bool(mark >> q & 1) for q in range(4)] == background
            assert all(window[q] in window[:q] for q in range(4) if equal[q])
            staying = [patch for patch, *out in zip(window, background, equal) if not any(out)]
            assert len(set(staying)) == len(staying)
            seen += sum(e and not b for e, b in zip(equal, background))
    assert seen > 10


@needs_jit
@both_dtypes
@pytest.mark.parametrize("background", [0, 0.7])
def test_a_map_by_winograd_has_the_plain_sums_of_flat_patches_and_cuts_what_they_cut(dtype, background):
    rng, seen = np.random.default_rng(0), 0
    for call in calls("winograd_forward", dtype):
        (x, w, b), (*before, relu, turned), (y,) = call.inputs, call.numbers, call.outputs
        x[:, : x.shape[1] // 2 + 2] = background * rng.random(x.shape[3])  # all of the smallest images
        b[::3] = 0
        (found,) = call.run(compiled("winograd_forward"))
        if turned:
            w = np.ascontiguousarray(w.reshape(9, y.shape[3], -1)[::-1].swapaxes(1, 2)).reshape(-1, y.shape[3])
        patches = reference._columns(x, 3, 3, 1, 1, 1, 1, *before, y.shape)
        plain = np.empty_like(y)  # a patch at a time: in the layers' order
        rows, geometry = patches.reshape(1, 1, -1, len(w)), [1] * 6 + [0] * 2
        compiled("conv_forward")(rows, w, b, *geometry, False, plain.reshape(1, 1, -1, b.size))
        inside = reference._columns(np.ones_like(x[..., :1]), 3, 3, 1, 1, 1, 1, *before, y.shape)
        flat = (patches == np.multiply.outer(inside, x[0, 0, 0]).reshape(patches.shape)).all(axis=3)
        if min(x.shape[1:3]) >= 3:
            assert np.array_equal(found[flat], np.maximum(plain, 0)[flat] if relu else plain[flat]), str(call)
            seen += flat.sum()
        if relu:
            assert np.array_equal(found > 0, plain > 0), str(call)
    assert seen > 500


@needs_jit
@both_dtypes
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_by_winograd_lets_nan_and_infinity_into_their_own_patches_alone(dtype, value):
    for call in calls("winograd_forward", dtype):
        x, w, b = call.inputs
        x[...], w[...], b[...] = 0, 1, 0
        x[-1, -1, 0, -1] = 1
        (touched,) = call.run(reference.winograd_forward)
        x[-1, -1, 0, -1] = value
        (y,) = call.run(compiled("winograd_forward"))
        assert np.array_equal(y, np.where(touched == 1, value, 0), equal_nan=True), str(call)
        x[...] = 0  # the next call is made of it


@needs_jit
@pytest.mark.parametrize("shares", [1, 3, 16, 36])
@pytest.mark.parametrize("tiles", [(1, 1, 1), (5, 2, 3), (64, 8, 8)], ids=str)
def test_what_is_asked_for_ahead_is_each_pixel_once(tiles, shares, monkeypatch):
    """Tile after tile; nothing behind the last image. Of asking itself nothing is to be seen, but in its time."""
    images, tile_rows, tile_columns = tiles
    count, height, width, asked = math.prod(tiles), 4 * tile_rows + 1, 4 * tile_columns + 1, []
    monkeypatch.setattr(kernel_rows, "prefetch", lambda x, at, columns: asked.append((at, columns)))
    monkeypatch.setattr(winograd_tiles, "_rows_end", winograd_tiles._rows_end.py_func)
    monkeypatch.setattr(winograd_tiles, "in_shares", kernel_rows.in_shares.py_func)
    x, starts = np.empty((images, height, width, 8), np.float32), []
    for now in range(12, count + 13, 13):  # the last tile of each group
        reach = now, now + 13, count, tile_rows, tile_columns, 4, 2, height, width
        ahead = winograd_tiles.rows_ahead.py_func(*reach, shares)
        starts.append(ahead[0])
        for k in range(shares):
            kernel_rows.ask_for.py_func(x, ahead, k, 2, 5)
    assert asked == [(8 * pixel + 2, 5) for pixel in range(starts[0], images * height * width)]


@needs_jit
@both_dtypes
def test_the_weight_gradient_by_winograd_tells_of_nan_and_infinity_in_any_filter_and_channel(dtype):
    kernel = compiled("winograd_weight_gradient")
    for call in calls("winograd_weight_gradient", dtype):
        x, dy = call.inputs
        x[...] = dy[...] = 1
        *_, is_finite = call.run(kernel)
        assert is_finite == [True]
        for array in x, dy:
            for channel in {0, array.shape[3] // 2, array.shape[3] - 1}:
                for value in np.nan, -np.inf:
                    array[-1, 0, -1, channel] = value
                    dw, _, is_finite = call.run(kernel)
                    assert not np.isfinite(dw).all() and is_finite == [False], (str(call), channel)
                array[...] = 1


@needs_jit
@both_dtypes
def test_winograd_finds_the_first_of_equal_sums(dtype):
    """Small whole numbers: plain sums are exact, often 0 or equal, and those of the transforms are off by rounding.

    By how much, the largest pixel of each image says: their images differ.
    """
    rng, cut = np.random.default_rng(0), 0
    for call in calls("winograd_relu_pool_forward", dtype):
        x, w, b = call.inputs
        x[...], w[...], b[...] = rng.integers(0, 3, x.shape), rng.integers(-1, 2, w.shape), 0
        x *= np.array([1, 256, 65536], dtype)[np.arange(len(x)) % 3, None, None, None]
        w[rng.random(w.shape) < 0.7] = 0
        y, codes = call.outputs[0], np.full(call.outputs[0].shape, 99, np.uint8)
        y, codes = Call([x, w, b], call.numbers, [y, codes]).run(compiled("winograd_relu_pool_forward"))
        expected_y, expected_codes = np.empty_like(y), np.empty_like(codes)
        reference.winograd_relu_pool_forward(x, w, b, *call.numbers, expected_y, expected_codes)
        assert np.array_equal(codes, expected_codes), str(call)
        cut += (expected_codes == 4).sum()
    assert cut > 1000


@needs_jit
@both_dtypes
def test_winograd_leaves_ties_in_a_constant_window(dtype):
    rng = np.random.default_rng(0)
    for call in calls("winograd_relu_pool_forward", dtype):
        x, w, b = call.inputs
        x[...], w[...] = rng.random(x.shape[3]), rough(rng, dtype, *w.shape)
        y, codes = call.outputs[0], np.full(call.outputs[0].shape, 99, np.uint8)
        _, codes = Call([x, w, b], call.numbers, [y, codes]).run(compiled("winograd_relu_pool_forward"))
        assert set(np.unique(codes)) <= {0, 4}, str(call)


@needs_jit
def test_a_long_sum_stays_accurate():
    # Adding 0.1 to a growing float32 total a million times is off by 1 %. In chunks, no partial sum grows so long.
    x, total = np.full((1_000_000, 3), 0.1, np.float32), np.empty(3, np.float32)
    compiled("sum_rows")(x, total)
    np.testing.assert_allclose(total, 1_000_000 * float(np.float32(0.1)), rtol=5e-4)
    db = np.empty(3, np.float32)
    compiled("affine_weight_gradient")(np.ones((1_000_000, 1), np.float32), x, np.empty((1, 3), np.float32), db)
    np.testing.assert_allclose(db, 1_000_000 * float(np.float32(0.1)), rtol=5e-4)


def test_the_reference_is_right_where_it_can_be_said_in_one_line():
    rng = np.random.default_rng(0)
    x, w, b = rough(rng, "f8", 4, 3), rough(rng, "f8", 3, 5), rough(rng, "f8", 5)
    y, dw, dx, total = np.empty((4, 5)), np.empty((3, 5)), np.empty((4, 3)), np.empty(5)
    reference.affine(x, w, b, False, y)
    reference.matmul_tn(x, y, dw)
    reference.matmul_nt(y, w, dx)
    reference.sum_rows(y, total)
    other_dw, other_total = np.empty((3, 5)), np.empty(5)
    reference.affine_weight_gradient(x, y, other_dw, other_total)
    np.testing.assert_allclose(y, [[sum(x[i] * w[:, j]) + b[j] for j in range(5)] for i in range(4)])
    np.testing.assert_allclose(dw, [[sum(x[:, k] * y[:, j]) for j in range(5)] for k in range(3)])
    np.testing.assert_allclose(dx, [[sum(y[i] * w[k]) for k in range(3)] for i in range(4)])
    np.testing.assert_allclose(total, [sum(y[:, j]) for j in range(5)])
    assert np.array_equal(other_dw, dw) and np.array_equal(other_total, total)


@pytest.mark.parametrize("kernel_set", [pytest.param("compiled", marks=needs_jit), "reference"])
@both_dtypes
def test_optimizers_flush_what_is_too_small_for_the_usual_format_and_nothing_else(kernel_set, dtype):
    tiny = np.finfo(dtype).tiny
    kept, small = np.array([0, tiny, -1.5 * tiny, 2 * tiny, 3 * tiny], dtype), np.array([tiny / 2, -tiny / 4], dtype)
    gradient, expected = np.concatenate([kept, small]), np.concatenate([kept, np.zeros_like(small)])
    with kernels.using(kernel_set):
        velocity = np.zeros_like(gradient)
        kernels.ops.sgd(gradient, 1.0, 0.0, 0.9, False, np.zeros_like(gradient), velocity)
        m, v = np.zeros_like(gradient), np.zeros_like(gradient)
        kernels.ops.adam(gradient, 0.0, 0.0, 0.0, 1e-8, 1.0, 1.0, 0.0, np.zeros_like(gradient), m, v)
        slots = {name: [np.zeros_like(gradient) for _ in range(2)] for name in ("adamax", "nadam")}
        kernels.ops.adamax(gradient, 0.0, 0.0, 0.0, 1e-8, np.zeros_like(gradient), *slots["adamax"])
        kernels.ops.nadam(gradient, 0.0, 0.0, 0.0, 1e-8, 1.0, 1.0, 1.0, np.zeros_like(gradient), *slots["nadam"])
        squares = [np.zeros_like(gradient) for _ in range(4)]
        mean, slow = np.zeros_like(gradient), np.zeros_like(gradient)
        kernels.ops.rmsprop(gradient, 0.0, 0.0, 0.0, 1e-8, True, np.zeros_like(gradient), squares[0], mean, slow)
        kernels.ops.adagrad(gradient, 0.0, 1e-8, np.zeros_like(gradient), squares[1])
        kernels.ops.adadelta(gradient, 0.0, 0.0, 1e-8, np.zeros_like(gradient), *squares[2:])
    assert velocity.tolist() == m.tolist() == expected.tolist()
    assert not v.any() and not slots["nadam"][1].any() and not np.any(squares)
    assert slots["adamax"][0].tolist() == slots["nadam"][0].tolist() == mean.tolist() == expected.tolist()


@pytest.mark.parametrize("kernel_set", [pytest.param("compiled", marks=needs_jit), "reference"])
@both_dtypes
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "binary_cross_entropy"])
def test_the_gradient_of_a_sure_network_has_no_numbers_so_small_that_processors_are_slow(kernel_set, dtype, loss):
    negligible = 2.0**26 * np.finfo(dtype).tiny
    gaps = np.arange(1, -np.log(np.finfo(dtype).tiny) + 20)
    logits, targets = np.zeros((gaps.size, 2), dtype), np.zeros((gaps.size, 2), dtype)
    logits[:, 0] = gaps if loss == "softmax_cross_entropy" else -gaps
    targets[:, 0] = loss == "softmax_cross_entropy"
    losses, gradient = np.empty(gaps.size, dtype), np.empty_like(logits)
    with kernels.using(kernel_set):
        getattr(kernels.ops, loss)(logits, targets, losses, gradient)
    found = gradient[:, 1] if loss == "softmax_cross_entropy" else gradient[:, 0] * 2  # of two outputs a row
    exact = np.exp(-gaps) / (1 + np.exp(-gaps)) / gaps.size
    left_out = found == 0
    assert np.any(left_out) and exact[left_out].max() < 2.01 * negligible and found[~left_out].min() >= negligible
    np.testing.assert_allclose(found[~left_out], exact[~left_out], rtol=1e-4)


@needs_jit
@pytest.mark.parametrize(
    ("features", "width"),
    [("avx512f avx2 fma", 64), ("avx2 fma", 32), ("avx2", 16), ("fma", 16), ("sse4.2", 16)],
)
@pytest.mark.parametrize("named", [None, "host"])
def test_vectors_are_as_wide_as_the_cpu_has_them(monkeypatch, features, width, named):
    import llvmlite.binding
    from numba.core import config

    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: dict.fromkeys(features.split(), True))
    monkeypatch.setattr(config, "CPU_NAME", named)
    monkeypatch.setattr(config, "CPU_FEATURES", named and "")
    assert simd._vector_bytes() == width


@needs_jit
def test_the_tiles_are_made_for_that_width():
    assert simd.VECTOR_BYTES == simd._vector_bytes()
    assert simd.MANY_REGISTERS == (simd.VECTOR_BYTES == 64)


@needs_jit
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="LLVM knows these CPUs by name on x86-64")
@pytest.mark.parametrize(
    ("cpu", "features", "width"),
    [("skylake-avx512", "", 64), ("sapphirerapids", "", 64), ("cascadelake", "", 64), ("haswell", "", 32),
     ("alderlake", "", 32), ("znver3", "", 32), ("nehalem", "", 16), ("sandybridge", "", 16), ("generic", "", 16),
     ("generic", "+avx2,+fma", 32), ("generic", "+avx2", 16), ("cascadelake", "-avx512f", 32)],
)
def test_vectors_of_a_cpu_that_numba_is_told(monkeypatch, cpu, features, width):
    from numba.core import config

    monkeypatch.setattr(config, "CPU_NAME", cpu)
    monkeypatch.setattr(config, "CPU_FEATURES", features)
    assert simd._vector_bytes() == width


@needs_jit
def test_features_that_numba_is_told_are_those_of_this_cpu(monkeypatch):
    import llvmlite.binding
    from numba.core import config

    host = simd._vector_bytes()
    monkeypatch.setattr(config, "CPU_NAME", None)
    monkeypatch.setattr(config, "CPU_FEATURES", llvmlite.binding.get_host_cpu_features().flatten())
    assert simd._vector_bytes() == host


@needs_jit
def test_a_package_within_a_zip_file_is_refused_in_words():
    with pytest.raises(ImportError, match="got no file .*rows.py; unpack the zip file, or install with pip"):
        jit._source_digest("numpycnn.zip/numpycnn/kernels/rows.py")


@needs_jit
def test_what_is_said_about_compiling_is_said_once(monkeypatch, capsys):
    monkeypatch.setattr(jit, "_announced", False)
    jit.warn_once.cache_clear()
    for _ in range(2):
        jit.announce()
        jit.warn_once("no room")
    said = capsys.readouterr().err
    assert said.count("compiling kernels") == said.count("numpycnn: no room") == 1


@needs_jit
def test_what_is_said_and_nobody_reads_stops_nothing(monkeypatch, capsys):
    def gone(text):
        raise BrokenPipeError

    for stderr in (types.SimpleNamespace(write=gone), None):  # None: closed when the program began
        monkeypatch.setattr("sys.stderr", stderr)
        jit.say("no room")
    assert capsys.readouterr().out == ""


@needs_jit
def test_a_folder_that_takes_or_gives_no_kernels_is_named_once(monkeypatch, capsys, tmp_path):
    """Not for each kernel, though each has a file of its own."""

    def refuse(dir):
        raise OSError(errno.ENOSPC, "No space left on device", f"{dir}/tmp{next(numbers)}")

    numbers, codegen = itertools.count(), types.SimpleNamespace(magic_tuple=tuple)
    monkeypatch.setattr(jit, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(jit, "cache_is_own", lambda: True)
    monkeypatch.setattr(jit, "_is_own", lambda found: False)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    jit.warn_once.cache_clear()
    for kernel in (compiled("relu_forward"), compiled("relu_backward")):
        cache = kernel._parallel._cache
        cache.save_overload("()", types.SimpleNamespace(_reduce=tuple, codegen=codegen))
        cache._path("()", codegen).write_bytes(b"forged")
        jit._read_own(cache._path("()", codegen))
    jit.warn_once.cache_clear()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and len(list(tmp_path.iterdir())) == 2
    assert f"cannot keep compiled kernels in {tmp_path} (No space left on device)" in said[0]
    assert f"kernels in {tmp_path} that others can have written are not read" in said[1]


# -- which kernels run, on how many threads ---------------------------------------------------------------


def test_using_chooses_the_kernels_and_restores_them():
    before = kernels.ops.active
    with kernels.using("reference"):
        assert kernels.ops.relu_forward is reference.relu_forward
        with kernels.using("compiled"):
            assert kernels.ops.relu_forward is not reference.relu_forward
        assert kernels.ops.relu_forward is reference.relu_forward
    assert kernels.ops.active == before == ("reference" if kernels.jit_disabled() else "compiled")
    with pytest.raises(ZeroDivisionError):
        with kernels.using("reference"):
            1 / 0
    assert kernels.ops.active == before


def test_unknown_names():
    with pytest.raises(AttributeError, match="no kernel named 'gelu'; there are affine, matmul_tn"):
        kernels.ops.gelu
    with pytest.raises(ValueError, match='expected "compiled" or "reference", got \'fast\''):
        with kernels.using("fast"):
            pass


def test_the_number_of_threads_is_checked(threads):
    numba = pytest.importorskip("numba")
    limit = numba.config.NUMBA_NUM_THREADS
    for wrong in (0, -1, limit + 1, True, 1.5, "2", None):
        error = ValueError if type(wrong) is int else TypeError
        with pytest.raises(error, match=f"expected an integer from 1 to {limit}, got .*NUMBA_NUM_THREADS"):
            numpycnn.set_num_threads(wrong)
    for n in range(1, limit + 1):
        numpycnn.set_num_threads(n)
        assert numpycnn.get_num_threads() == n
        if not kernels.jit_disabled():
            compiled("relu_forward")(np.zeros(3, np.float32), np.zeros(3, np.float32))
            assert numba.get_num_threads() == n


def test_of_the_package_tbb_one_library_is_loaded(monkeypatch):
    """Its others replace malloc, or trace."""
    name, files = Path(kernel_threads.TBB_LIBRARY).name, []
    for file in ("libtbbmalloc_proxy.so.2", name, "METADATA"):
        files.append(importlib.metadata.PackagePath("lib", file))
        files[-1].dist = types.SimpleNamespace(locate_file=Path)
    monkeypatch.setattr(importlib.metadata, "files", {"tbb": files}.get)
    assert list(kernel_threads._places_of_tbb())[1:] == [Path("lib", name)]


@needs_jit
def test_one_thread_may_keep_to_itself_while_others_do_not():
    """As the gradient checks do: two of them side by side leave the number of threads as it was."""
    relu, x, inside = compiled("relu_forward"), np.zeros(3, np.float32), threading.Barrier(2)

    def alone():
        with kernels.on_one_thread():
            inside.wait(60)
            relu(x, x.copy())
            inside.wait(60)
            found = numba.get_num_threads()
        relu(x, x.copy())
        return found, numba.get_num_threads()

    with ThreadPoolExecutor(2) as pool:
        found = [each.result() for each in [pool.submit(alone) for _ in range(2)]]
    assert found == [(1, numpycnn.get_num_threads())] * 2


@needs_jit
@pytest.mark.parametrize("chosen", [
    {}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}, {"OMP_THREAD_LIMIT": "5"},
])  # fmt: skip
def test_openmp_is_told_to_wait_briefly_unless_the_user_has_said_how(monkeypatch, chosen):
    ours = {"GOMP_SPINCOUNT": "10000", "OMP_THREAD_LIMIT": str(kernel_threads.cores())}
    for name in (*ours, "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    if "OMP_WAIT_POLICY" in chosen:
        del ours["GOMP_SPINCOUNT"]
    before = dict(os.environ)
    with kernel_threads._calm_openmp():
        assert dict(os.environ) == {**ours, **before}
    assert dict(os.environ) == before


@needs_jit
def test_whoever_loads_or_compiles_a_kernel_starts_the_threads_as_one_who_calls_it(monkeypatch):
    """Numba's compiler would start them itself, without a word to OpenMP, and leave TBB's first task to nobody."""
    order, relu = [], compiled("relu_forward")
    monkeypatch.setattr(kernel_threads, "use", lambda: order.append("threads"))
    monkeypatch.setattr(relu._parallel, "compile", order.append)
    relu.compile("types")
    assert order == ["threads", "types"]


@needs_jit
@pytest.mark.parametrize(("limit", "expected"), [
    ("max 100000", 6), ("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 6), ("", 6), (None, 6),
])  # fmt: skip
def test_a_container_has_as_many_cores_as_its_limit_says(monkeypatch, tmp_path, limit, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    monkeypatch.setattr(kernel_threads, "CGROUP_LIMIT", tmp_path / "cpu.max")
    if limit is not None:
        (tmp_path / "cpu.max").write_text(limit)
    assert kernel_threads.cores() == expected
