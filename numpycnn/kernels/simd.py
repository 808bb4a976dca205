"""A tile of a matrix product held in vector registers.

The compiler will not keep a block of sums in registers by itself, so this file writes that one loop in LLVM's
language: load a row of B as vectors, broadcast one element of A, multiply and add. Everything else stays Python.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

INDEX = ir.IntType(64)
INT32 = ir.IntType(32)


def _vector_bytes() -> int:
    """Widest vector of the CPU that Numba compiles for, in bytes."""
    if config.CPU_NAME is not None and config.CPU_FEATURES is not None:
        if config.CPU_NAME == "host":
            features = llvmlite.binding.get_host_cpu_features()
        else:
            return _NAMED_CPUS.get(config.CPU_NAME, 16)
    else:
        features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") and features.get("fma") else 16


# CPUs whose narrower vectors the tests exercise on any x86 machine.
_NAMED_CPUS = {"haswell": 32, "skylake": 32, "znver3": 32, "skylake-avx512": 64, "cascadelake": 64, "znver4": 64}

VECTOR_BYTES = _vector_bytes()
TILE_VECTORS = 2  # vectors across a tile
TILE_ROWS = 8 if VECTOR_BYTES == 64 else 4  # 16 of 32 registers hold sums with AVX-512, 8 of 16 elsewhere


def make_multiply_add(rows: int, full: bool) -> Any:
    """Make ``c[ic : ic + rows] += a @ b`` for a tile of `rows` rows and ``TILE_VECTORS`` vectors of columns.

    The function made takes ``(a, ia, a_row, a_step, b, ib, b_row, c, ic, c_row, steps, columns)``: three C-contiguous
    arrays, each with the position of the tile's first element and the distance between rows, in elements; `a_step`
    is the distance between neighbours along the summed axis, so A may be read along rows or down columns. With `full`
    false only the first `columns` columns of B and C are touched. Each sum runs in order of the summed index.
    """

    @intrinsic
    def multiply_add(typing_context, a, ia, a_row, a_step, b, ib, b_row, c, ic, c_row, steps, columns):  # type: ignore
        signature = types.void(a, ia, a_row, a_step, b, ib, b_row, c, ic, c_row, steps, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia, a_row, a_step, b_, ib, b_row, c_, ic, c_row, steps, columns = arguments
            tile = _Tile(context, builder, a.dtype, None if full else columns)
            a_start, b_start, c_start = (
                builder.gep(context.make_array(kind)(context, builder, array).data, [offset])
                for kind, array, offset in ((a, a_, ia), (b, b_, ib), (c, c_, ic))
            )
            c_rows = [builder.gep(c_start, [builder.mul(c_row, INDEX(r))]) for r in range(rows)]
            a_rows = [builder.mul(a_row, INDEX(r)) for r in range(rows)]
            sums = [tile.load(c_rows[r], v) for r in range(rows) for v in range(TILE_VECTORS)]

            def step(t, sums):  # type: ignore
                b_at = builder.gep(b_start, [builder.mul(t, b_row)])
                a_at = builder.gep(a_start, [builder.mul(t, a_step)])
                b_vectors = [tile.load(b_at, v) for v in range(TILE_VECTORS)]
                a_values = [tile.broadcast(builder.load(builder.gep(a_at, [row]))) for row in a_rows]
                return [
                    tile.fused_multiply_add(a_values[i // TILE_VECTORS], b_vectors[i % TILE_VECTORS], total)
                    for i, total in enumerate(sums)
                ]

            sums = _loop(builder, steps, step, sums)
            for i, total in enumerate(sums):
                tile.store(total, c_rows[i // TILE_VECTORS], i % TILE_VECTORS)
            return context.get_dummy_value()

        return signature, codegen

    return multiply_add


class _Tile:
    """The vector instructions for one element type, with or without a mask on the columns."""

    def __init__(self, context: Any, builder: Any, dtype: Any, columns: Any) -> None:
        self.builder = builder
        self.scalar = context.get_value_type(dtype)
        self.scalar_bytes = dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.scalar_bytes
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.suffix = f"v{self.lanes}f{dtype.bitwidth}"
        self.masks = None if columns is None else [self._mask(v, columns) for v in range(TILE_VECTORS)]

    def _mask(self, v: int, columns: Any) -> Any:
        numbers = ir.VectorType(INDEX, self.lanes)
        lane_numbers = ir.Constant(numbers, [v * self.lanes + lane for lane in range(self.lanes)])
        return self.builder.icmp_signed("<", lane_numbers, self._splat(columns, numbers))

    def _splat(self, value: Any, vector: Any) -> Any:
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, INT32(0))
        zeros = ir.Constant(ir.VectorType(INT32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def _intrinsic(self, name: str, result: Any, arguments: list) -> Any:
        return self.builder.module.declare_intrinsic(name, (), ir.FunctionType(result, arguments))

    def broadcast(self, value: Any) -> Any:
        return self._splat(value, self.vector)

    def fused_multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        # fmuladd, not fma: without FMA hardware the latter calls the C library for every lane.
        function = self._intrinsic(f"llvm.fmuladd.{self.suffix}", self.vector, [self.vector] * 3)
        return self.builder.call(function, [x, y, total])

    def _at(self, row: Any, v: int) -> Any:
        pointer = self.builder.gep(row, [INDEX(v * self.lanes)])
        return self.builder.bitcast(pointer, ir.PointerType(self.vector))

    def load(self, row: Any, v: int) -> Any:
        pointer = self._at(row, v)
        if self.masks is None:
            value = self.builder.load(pointer)
            value.align = self.scalar_bytes
            return value
        zero = ir.Constant(self.vector, [0.0] * self.lanes)
        function = self._intrinsic(
            f"llvm.masked.load.{self.suffix}.p0", self.vector, [pointer.type, INT32, self.mask, self.vector]
        )
        return self.builder.call(function, [pointer, INT32(self.scalar_bytes), self.masks[v], zero])

    def store(self, value: Any, row: Any, v: int) -> None:
        pointer = self._at(row, v)
        if self.masks is None:
            stored = self.builder.store(value, pointer)
            stored.align = self.scalar_bytes
            return
        function = self._intrinsic(
            f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), [self.vector, pointer.type, INT32, self.mask]
        )
        self.builder.call(function, [value, pointer, INT32(self.scalar_bytes), self.masks[v]])


def _loop(builder: Any, count: Any, step: Any, values: list) -> list:
    """Emit ``for t in range(count): values = step(t, values)`` with the values kept in registers."""
    before = builder.block
    body = builder.append_basic_block("tile.step")
    after = builder.append_basic_block("tile.done")
    builder.cbranch(builder.icmp_signed(">", count, INDEX(0)), body, after)

    builder.position_at_end(body)
    t = builder.phi(INDEX)
    current = [builder.phi(value.type) for value in values]
    following = step(t, current)
    t_next = builder.add(t, INDEX(1))
    t.add_incoming(INDEX(0), before)
    t.add_incoming(t_next, body)
    for phi, value, new in zip(current, values, following):
        phi.add_incoming(value, before)
        phi.add_incoming(new, body)
    builder.cbranch(builder.icmp_signed("<", t_next, count), body, after)

    builder.position_at_end(after)
    results = []
    for value, new in zip(values, following):
        phi = builder.phi(value.type)
        phi.add_incoming(value, before)
        phi.add_incoming(new, body)
        results.append(phi)
    return results
