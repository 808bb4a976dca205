"""Vectors for Numba: the few loops that the compiler will not keep in registers by itself, written in LLVM's language.

``Vectors`` gives the instructions for one element type; ``loop`` a counted loop whose values stay in registers. The
tiles built from them stand in ``tiles.py``. Everything else stays Python.
"""

from __future__ import annotations

import functools
import inspect
import math
import platform
from typing import Any, Callable

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from .aligned import CACHE_LINE

INDEX = ir.IntType(64)
INT32 = ir.IntType(32)
BYTE = ir.IntType(8)


def _vector_bytes() -> int:
    """Widest vector of the CPU that Numba compiles for, in bytes."""
    if config.CPU_FEATURES is not None and config.CPU_NAME != "host":
        return _vector_bytes_by_llvm(config.CPU_NAME or llvmlite.binding.get_host_cpu_name(), config.CPU_FEATURES)
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") and features.get("fma") else 16


def _vector_bytes_by_llvm(cpu: str, features: str) -> int:
    """Return the same for a CPU that Numba is told: from the registers in which LLVM multiplies and adds for it."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    vector = "<16 x float>"
    module = llvmlite.binding.parse_assembly(f"""
        declare {vector} @llvm.fmuladd.v16f32({vector}, {vector}, {vector})
        define {vector} @f({vector} %x, {vector} %y, {vector} %z) {{
            %sum = call {vector} @llvm.fmuladd.v16f32({vector} %x, {vector} %y, {vector} %z)
            ret {vector} %sum
        }}""")
    target = llvmlite.binding.Target.from_default_triple().create_target_machine(cpu, features)
    code = target.emit_assembly(module)
    return 64 if "zmm" in code else 32 if "ymm" in code and "vfmadd" in code else 16


VECTOR_BYTES = _vector_bytes()
VECTOR_REGISTER = {"x86_64": "v", "AMD64": "v", "aarch64": "w", "arm64": "w"}.get(platform.machine())  # LLVM's letter
MANY_REGISTERS = VECTOR_BYTES == 64  # 32 vector registers with AVX-512, 16 elsewhere: tiles have to follow


def tile(body: Callable) -> Any:
    """Decorate a function that emits instructions: kernels can call it then, with the arguments after the first.

    The first is a ``Code``. An array comes as a ``Memory``, a number as the value that it will have. Nothing is
    returned, unless the decorator is ``returns(...)``.
    """
    return returns(types.void)(body)


def returns(result: Any) -> Callable[[Callable], Any]:
    """Like ``tile``, for a function that returns a number: of this type, or, if ``"element"``, as the first array's."""

    def decorate(body: Callable) -> Any:
        first, *names = inspect.signature(body).parameters.values()

        def typed(typing_context, *kinds):  # type: ignore
            def emit(context, builder, signature, values):  # type: ignore
                _align_stack(builder.function)
                arguments = [
                    Memory(context, builder, kind, value) if isinstance(kind, types.Array) else value
                    for kind, value in zip(kinds, values)
                ]
                number = body(Code(context, builder), *arguments)
                return context.get_dummy_value() if number is None else number

            return (kinds[0].dtype if result == "element" else result)(*kinds), emit

        typed.__name__, typed.__doc__ = body.__name__, body.__doc__
        typed.__signature__ = inspect.Signature([first, *names])  # type: ignore  # where Numba looks for names
        return intrinsic(typed)

    return decorate


def _align_stack(function: Any) -> None:
    """Let the function's frame begin on a cache line: what registers do not hold is then stored within one, not two."""
    function.attributes.alignstack = VECTOR_BYTES
    function.attributes.add("nounwind")  # true of all that Numba compiles; llvmlite writes no alignment by itself


def _allocation(zero: bool) -> Any:
    """Make ``np.empty`` or ``np.zeros`` for kernels; NumPy's are compiled for seconds, for each type anew.

    The shape is a number or a tuple. The array begins on a cache line, else every vector of it would touch two.
    """

    def typed(typing_context, shape, dtype):  # type: ignore
        lengths = shape if isinstance(shape, types.BaseTuple) else (shape,)
        kind = types.Array(dtype.dtype, len(lengths), "C")

        def emit(context, builder, signature, values):  # type: ignore
            given = cgutils.unpack_tuple(builder, values[0]) if isinstance(shape, types.BaseTuple) else [values[0]]
            counts = [context.cast(builder, count, length, types.intp) for count, length in zip(given, lengths)]
            element = context.get_data_type(kind.dtype)
            strides = [INDEX(context.get_abi_sizeof(element))]
            for count in reversed(counts):
                strides.insert(0, builder.mul(strides[0], count))
            memory = context.nrt.meminfo_alloc_aligned(builder, strides[0], CACHE_LINE)
            data = builder.bitcast(context.nrt.meminfo_data(builder, memory), element.as_pointer())
            if zero:
                cgutils.memset(builder, data, strides[0], 0)
            array = context.make_array(kind)(context, builder)
            populate_array(array, data, counts, strides[1:], strides[-1], memory)
            return array._getvalue()

        return kind(shape, dtype), emit

    return intrinsic(typed)


empty, zeroed = _allocation(False), _allocation(True)


class Memory:
    """An array that a tile gets: C-contiguous, of elements of type ``dtype``."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        self.builder, self.dtype = builder, kind.dtype
        self.array = context.make_array(kind)(context, builder, value)

    def at(self, position: Any) -> Any:
        """Return the address of the element at this position."""
        return self.builder.gep(self.array.data, [position])

    @property
    def size(self) -> Any:
        """Number of elements."""
        return self.array.nitems


class Code:
    """Where a tile writes its instructions: ``builder`` has LLVM's own, and what tiles often need is here."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def vectors(self, array: Memory, count: int, columns: Any = None, lanes: int | None = None) -> Vectors:
        """Return the vector instructions for this array's elements; arguments as in ``Vectors``."""
        return Vectors(self.context, self.builder, array.dtype, count, columns, lanes)

    def step(self, pointer: Any, count: Any, distance: Any = 1) -> Any:
        """Return the address `count` times `distance` elements further on; both may be Python's integers."""
        known = [n for n in (count, distance) if isinstance(n, int)]
        factors = [n for n in (count, distance) if not isinstance(n, int)]
        if math.prod(known) == 0:
            return pointer
        if math.prod(known) != 1 or not factors:  # nothing is written that says nothing: compiling takes its time
            factors.append(INDEX(math.prod(known)))
        return self.builder.gep(pointer, [functools.reduce(self.builder.mul, factors)])

    def load(self, pointer: Any) -> Any:
        """Load one element."""
        return self.builder.load(pointer)

    def prefetch(self, pointer: Any) -> None:
        """Ask for the line of memory at this address, without waiting until it is in the second cache."""
        function = ir.FunctionType(ir.VoidType(), [pointer.type, INT32, INT32, INT32])
        intrinsic = self.builder.module.declare_intrinsic("llvm.prefetch.p0", (), function)
        self.builder.call(intrinsic, [pointer, INT32(0), INT32(2), INT32(1)])  # to read it, not so near as 3, data

    def index(self, pointer: Any, position: Any = 0) -> Any:
        """Load an integer and widen it to an index."""
        value = self.builder.load(self.step(pointer, position))
        return value if value.type == INDEX else self.builder.sext(value, INDEX)

    def first_of(self, cases: list[tuple[Any, Callable[[], Any]]]) -> Any:
        """Emit ``if condition: case() elif condition: case() ... else: case()``; return what the case returns.

        The last condition is not looked at.
        """
        (condition, case), *others = cases
        if not others:
            return case()
        with self.builder.if_else(condition) as (then, otherwise):
            with then:
                number = case()
                end = self.builder.block
            with otherwise:
                other_number = self.first_of(others)
                other_end = self.builder.block
        if number is None:
            return None
        phi = self.builder.phi(number.type)
        phi.add_incoming(number, end)
        phi.add_incoming(other_number, other_end)
        return phi

    def whole_or_edge(
        self,
        array: Memory,
        count: int,
        columns: Any,
        case: Callable[[Vectors], Any],
        edge_count: int | None = None,
        halves: bool = False,
        narrow: bool = False,
    ) -> Any:
        """Emit ``case(vectors)`` for `count` whole vectors, and for the end of a row, where fewer columns are left.

        There, vectors stop at the last column; they are `edge_count` then, if that is given. With `halves`, columns
        that fit into half a vector get one: many CPUs with AVX-512 compute two such in the time of a whole one. With
        `narrow`, columns that fit into one vector get one.
        """
        whole = self.vectors(array, count)
        half = whole.lanes // 2
        cases = [(self.builder.icmp_signed(">=", columns, INDEX(count * whole.lanes)), lambda: case(whole))]
        if halves and MANY_REGISTERS:
            fits = self.builder.icmp_signed("<=", columns, INDEX(half))
            cases.append((fits, lambda: case(self.vectors(array, 1, columns, half))))
        if narrow:
            fits = self.builder.icmp_signed("<=", columns, INDEX(whole.lanes))
            cases.append((fits, lambda: case(self.vectors(array, 1, columns))))
        cases.append((None, lambda: case(self.vectors(array, edge_count or count, columns))))
        return self.first_of(cases)

    def each_vector(self, array: Memory, columns: Any, piece: Callable[[Vectors, Any], None]) -> None:
        """Emit ``piece(vectors, first)`` for each whole vector of a row, and once more for what is left at its end.

        `first` is the vector's first column. ``vector_by_vector`` emits one piece, whose every vector has a mask: half
        as much to compile.
        """
        lanes = INDEX(VECTOR_BYTES // (array.dtype.bitwidth // 8))
        whole, vectors = self.builder.sdiv(columns, lanes), self.vectors(array, 1)

        def step(n, nothing):  # type: ignore
            piece(vectors, self.builder.mul(n, lanes))
            return []

        loop(self.builder, whole, step, [])
        done = self.builder.mul(whole, lanes)
        left = self.builder.sub(columns, done)
        with self.builder.if_then(self.builder.icmp_signed(">", left, INDEX(0))):
            piece(self.vectors(array, 1, left), done)

    def vector_by_vector(self, array: Memory, columns: Any, piece: Callable, values: list | None = None) -> list:
        """Emit ``values = piece(vectors, first, values)`` for each vector of a row, the last of which may be in part.

        `first` is the vector's first column.
        """
        lanes = VECTOR_BYTES // (array.dtype.bitwidth // 8)
        count = self.builder.sdiv(self.builder.add(columns, INDEX(lanes - 1)), INDEX(lanes))

        def step(n, values):  # type: ignore
            first = self.builder.mul(n, INDEX(lanes))
            return piece(self.vectors(array, 1, self.builder.sub(columns, first)), first, values)

        return loop(self.builder, count, step, values or [])


class Vectors:
    """Vector instructions for one element type; with `columns`, memory beyond so many elements is left alone.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
    context : Numba's target context
    dtype : numba.types.Float
    count : int
        Vectors side by side that ``load`` and ``store`` can name.
    columns : llvmlite value, optional
        Number of elements of the row that exist.
    lanes : int, optional
        Elements of a vector, if not as many as the CPU's widest holds.
    """

    def __init__(
        self, context: Any, builder: Any, dtype: Any, count: int, columns: Any = None, lanes: int | None = None
    ) -> None:
        self.builder = builder
        self.scalar = context.get_value_type(dtype)
        self.scalar_bytes = dtype.bitwidth // 8
        self.count, self.lanes = count, lanes or VECTOR_BYTES // self.scalar_bytes
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.bytes = ir.VectorType(BYTE, self.lanes)
        self.words = ir.VectorType(INDEX, self.lanes)
        self.suffix = f"v{self.lanes}f{dtype.bitwidth}"
        self.zero = self.constant(0.0)
        self.masks = None if columns is None else [self._mask(v, columns) for v in range(count)]

    def _mask(self, v: int, columns: Any) -> Any:
        lane_numbers = ir.Constant(self.words, [v * self.lanes + lane for lane in range(self.lanes)])
        return self.builder.icmp_signed("<", lane_numbers, self.broadcast_word(columns))

    def _splat(self, value: Any, vector: Any) -> Any:
        undefined = _constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, INT32(0))
        return self.builder.shuffle_vector(first, undefined, _constant(ir.VectorType(INT32, self.lanes), 0))

    def _intrinsic(self, name: str, result: Any, arguments: list) -> Any:
        return self.builder.module.declare_intrinsic(name, (), ir.FunctionType(result, arguments))

    def broadcast(self, value: Any) -> Any:
        """All lanes equal to this number."""
        return self._splat(value, self.vector)

    def constant(self, value: float) -> Any:
        """All lanes equal to this number, known now."""
        return _constant(self.vector, value)

    def code(self, value: int) -> Any:
        """All bytes equal to this small number."""
        return _constant(self.bytes, value)

    def broadcast_code(self, value: Any) -> Any:
        """All bytes equal to this index's lowest byte."""
        return self._splat(self.builder.trunc(value, BYTE), self.bytes)

    def broadcast_word(self, value: Any) -> Any:
        """All words of 64 bits equal to this index."""
        return self._splat(value, self.words)

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        """Return x * y + total."""
        # fmuladd, not fma: without FMA hardware the latter calls the C library for every lane.
        function = self._intrinsic(f"llvm.fmuladd.{self.suffix}", self.vector, [self.vector] * 3)
        return self.builder.call(function, [x, y, total])

    def maximum(self, x: Any, y: Any) -> Any:
        """Return the larger of each lane's two; y where x is NaN."""
        return self.builder.select(self.builder.fcmp_ordered(">", x, y), x, y)

    def minimum(self, x: Any, y: Any) -> Any:
        """Return the smaller of each lane's two; y where x is NaN."""
        return self.builder.select(self.builder.fcmp_ordered("<", x, y), x, y)

    def absolute(self, x: Any) -> Any:
        """Return each lane without its sign."""
        return self.builder.call(self._intrinsic(f"llvm.fabs.{self.suffix}", self.vector, [self.vector]), [x])

    def larger_bits(self, x: Any, y: Any) -> Any:
        """Return the larger of each lane's two absolute values: their bits, as integers; NaN is above all numbers."""
        x, y = (self.bits_of(self.absolute(value)) for value in (x, y))
        return self.builder.bitcast(self.builder.select(self.builder.icmp_signed(">", x, y), x, y), self.vector)

    def nowhere(self, mask: Any) -> Any:
        """Whether no lane's bit is set; lanes beyond the columns do not count."""
        if self.masks is not None:
            mask = self.builder.and_(mask, self.masks[0])
        bits = self.builder.bitcast(mask, ir.IntType(self.lanes))
        return self.builder.icmp_unsigned("==", bits, bits.type(0))

    def bits_of(self, x: Any) -> Any:
        """Return each lane's bits as an integer."""
        return self.builder.bitcast(x, ir.VectorType(ir.IntType(8 * self.scalar_bytes), self.lanes))

    def reduced(self, x: Any, operation: Callable[[Any, Any], Any]) -> Any:
        """Return one number, made of all lanes by an operation on two vectors."""
        distance = self.lanes // 2
        while distance:
            places = [(lane + distance) % self.lanes for lane in range(self.lanes)]
            x = operation(x, self.builder.shuffle_vector(x, x, ir.Constant(ir.VectorType(INT32, self.lanes), places)))
            distance //= 2
        return self.builder.extract_element(x, INT32(0))

    def opaque(self, pointer: Any) -> Any:
        """Return the same pointer, computed now: addresses that are sums of registers cost each access a step more."""
        function = ir.FunctionType(pointer.type, [pointer.type])
        return self.builder.asm(function, "", "=r,0", [pointer], False)

    def after(self, index: Any, value: Any) -> Any:
        """Return the same index, known only once this vector is: what is loaded from there is not loaded before.

        LLVM likes to begin with all loads of a loop. Where there are many sums, no registers are left for them then.
        """
        if VECTOR_REGISTER is None:
            return index
        function = ir.FunctionType(index.type, [index.type, value.type])
        return self.builder.asm(function, "", f"=r,0,{VECTOR_REGISTER}", [index, value], False)

    def load(self, row: Any, v: int) -> Any:
        """Load the row's vector number `v`; 0 beyond the columns."""
        return self._load(row, v, self.vector, self.zero, self.suffix, self.scalar_bytes)

    def store(self, value: Any, row: Any, v: int) -> None:
        """Store into the row's vector number `v`, as far as there are columns."""
        self._store(value, row, v, self.vector, self.suffix, self.scalar_bytes)

    def load_codes(self, row: Any, v: int) -> Any:
        """Load a byte for each lane of vector number `v`."""
        return self._load(row, v, self.bytes, self.code(0), f"v{self.lanes}i8", 1)

    def store_codes(self, value: Any, row: Any, v: int) -> None:
        """Store a byte for each lane of vector number `v`."""
        self._store(value, row, v, self.bytes, f"v{self.lanes}i8", 1)

    def store_words(self, value: Any, row: Any) -> None:
        """Store a word for each lane of the row's first vector."""
        self._store(value, row, 0, self.words, f"v{self.lanes}i64", 8)

    def interleave(self, x: Any, y: Any, upper: bool) -> Any:
        """Return x[0], y[0], x[1], y[1], ... of the lower or the upper halves."""
        first = self.lanes // 2 if upper else 0
        places = [n + half * self.lanes for n in range(first, first + self.lanes // 2) for half in (0, 1)]
        return self.builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, self.lanes), places))

    def load_square(self, start: Any, row: Any, side: int) -> Any:
        """Load `side` rows of `side` elements, `row` elements apart, into one vector."""
        kind = ir.VectorType(self.scalar, side)
        parts = []
        for r in range(side):
            place = self.builder.gep(start, [self.builder.mul(row, INDEX(r))])
            parts.append(self.builder.load(self.builder.bitcast(place, ir.PointerType(kind)), align=self.scalar_bytes))
        while len(parts) > 1:
            numbers = list(range(2 * parts[0].type.count))
            order = ir.Constant(ir.VectorType(INT32, len(numbers)), numbers)
            parts = [self.builder.shuffle_vector(x, y, order) for x, y in zip(parts[::2], parts[1::2])]
        return parts[0]

    def places(self, codes: Any) -> Any:
        """Return the bytes as numbers of lanes, for ``pick``."""
        return self.builder.zext(codes, ir.VectorType(INT32, self.lanes))

    def pick(self, table: Any, places: Any, distance: int) -> Any:
        """Return ``table[places + distance]``, each lane its own: one instruction of AVX-512, for 16 lanes."""
        places = self.builder.add(places, ir.Constant(places.type, [distance] * self.lanes))
        function = self._intrinsic("llvm.x86.avx512.permvar.sf.512", self.vector, [self.vector, places.type])
        return self.builder.call(function, [table, places])

    def _at(self, row: Any, v: int, vector: Any) -> Any:
        pointer = self.builder.gep(row, [INDEX(v * self.lanes)]) if v else row
        return self.builder.bitcast(pointer, ir.PointerType(vector))

    def _load(self, row: Any, v: int, vector: Any, zero: Any, suffix: str, alignment: int) -> Any:
        pointer = self._at(row, v, vector)
        if self.masks is None:
            value = self.builder.load(pointer)
            value.align = alignment
            return value
        function = self._intrinsic(
            f"llvm.masked.load.{suffix}.p0", vector, [pointer.type, INT32, self.mask, vector]
        )
        return self.builder.call(function, [pointer, INT32(alignment), self.masks[v], zero])

    def _store(self, value: Any, row: Any, v: int, vector: Any, suffix: str, alignment: int) -> None:
        pointer = self._at(row, v, vector)
        if self.masks is None:
            stored = self.builder.store(value, pointer)
            stored.align = alignment
            return
        function = self._intrinsic(
            f"llvm.masked.store.{suffix}.p0", ir.VoidType(), [vector, pointer.type, INT32, self.mask]
        )
        self.builder.call(function, [value, pointer, INT32(alignment), self.masks[v]])


@functools.cache
def _constant(vector: Any, value: Any) -> Any:
    """All lanes equal to this number, or undefined; kept, because it takes long to write down."""
    return ir.Constant(vector, value if value is ir.Undefined else [value] * vector.count)


def unrolled_loop(builder: Any, count: Any, step: Callable[[Any, list], list], values: list) -> list:
    """Emit the same as ``loop``, four steps a turn: when a step is short, more loads are under way."""

    def turn(t, values):  # type: ignore
        for k in range(4):
            values = step(builder.add(builder.mul(t, INDEX(4)), INDEX(k)), values)
        return values

    turns = builder.sdiv(count, INDEX(4))
    done = builder.mul(turns, INDEX(4))
    values = loop(builder, turns, turn, values)
    return loop(builder, builder.sub(count, done), lambda t, values: step(builder.add(done, t), values), values)


def loop(builder: Any, count: Any, step: Callable[[Any, list], list], values: list) -> list:
    """Emit ``for t in range(count): values = step(t, values)`` with the values kept in registers; loops may nest."""

    def turn(t, values):  # type: ignore
        values = step(t, values)
        return builder.add(t, INDEX(1)), values

    return _while(builder, INDEX(0), lambda t: builder.icmp_signed("<", t, count), turn, values)


def loop_over_bits(builder: Any, bits: Any, step: Callable[[Any, list], list], values: list) -> list:
    """Emit ``for t in the positions of ones in bits: values = step(t, values)``, the lowest first."""

    def turn(left, values):  # type: ignore
        values = step(builder.cttz(left, ir.IntType(1)(1)), values)
        return builder.and_(left, builder.sub(left, INDEX(1))), values  # all but the lowest

    return _while(builder, bits, lambda left: builder.icmp_unsigned("!=", left, INDEX(0)), turn, values)


def _while(builder: Any, index: Any, goes_on: Callable[[Any], Any], turn: Callable, values: list) -> list:
    """Emit ``while goes_on(index): index, values = turn(index, values)``; return the values."""
    before = builder.block
    body = builder.append_basic_block("loop.body")
    after = builder.append_basic_block("loop.done")
    builder.cbranch(goes_on(index), body, after)

    builder.position_at_end(body)
    current = [builder.phi(value.type) for value in (index, *values)]
    next_index, following = turn(current[0], current[1:])
    again = goes_on(next_index)
    last = builder.block  # another than `body` if the turn holds a loop
    for phi, value, new in zip(current, (index, *values), (next_index, *following)):
        phi.add_incoming(value, before)
        phi.add_incoming(new, last)
    builder.cbranch(again, body, after)

    builder.position_at_end(after)
    results = []
    for value, new in zip(values, following):
        phi = builder.phi(value.type)
        phi.add_incoming(value, before)
        phi.add_incoming(new, last)
        results.append(phi)
    return results


# -- instructions on single numbers, for loops that the compiler itself turns into vectors -----------------------------


def polynomial(single: list[float], double: list[float]) -> Any:
    """Make a function of a number: c[0] + c[1] * x + c[2] * x**2 + ..., with coefficients for float32 and float64.

    With one coefficient it is a constant of x's type: a plain 1.0 would make a float64 of a float32.
    """

    @intrinsic
    def polynomial_of(typing_context, x):  # type: ignore
        coefficients = single if x == types.float32 else double

        def emit(context, builder, signature, values):  # type: ignore
            *others, total = [ir.Constant(values[0].type, c) for c in coefficients]
            for c in reversed(others):
                total = _fmuladd(builder, total, values[0], c)
            return total

        return x(x), emit

    return polynomial_of


@intrinsic
def multiply_add(typing_context, x, y, total):  # type: ignore
    """Return x * y + total, rounded once where the CPU can."""
    return x(x, x, x), lambda context, builder, signature, values: _fmuladd(builder, *values)


@intrinsic
def with_sign_of(typing_context, size, sign):  # type: ignore
    """Return the first number with the second one's sign."""

    def emit(context, builder, signature, values):  # type: ignore
        kind = values[0].type
        function = builder.module.declare_intrinsic("llvm.copysign", (kind,), ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, values)

    return size(size, size), emit


@intrinsic
def power_of_two(typing_context, x):  # type: ignore
    """Return 2**n for ``x = n + 1.5 * 2**23`` (float64: ``2**52``), a sum that has n in its lowest bits."""

    def emit(context, builder, signature, values):  # type: ignore
        width, digits, bias = (32, 23, 127) if x == types.float32 else (64, 52, 1023)
        bits = builder.bitcast(values[0], ir.IntType(width))
        exponent = builder.add(bits, bits.type(bias))
        return builder.bitcast(builder.shl(exponent, bits.type(digits)), values[0].type)

    return x(x), emit


def _fmuladd(builder: Any, x: Any, y: Any, total: Any) -> Any:
    kind = x.type
    function = builder.module.declare_intrinsic("llvm.fmuladd", (kind,), ir.FunctionType(kind, [kind] * 3))
    return builder.call(function, [x, y, total])
