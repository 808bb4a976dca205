"""What ``torch.save`` writes of a state dict, read without PyTorch and without executing anything.

The file is a zip: ``data.pkl``, a pickle, says which tensor lies where in which storage; ``data/0``, ``data/1``, ...
are the storages' bytes. A pickle is a program, and Python's own unpickler runs any: here a few of its instructions are
read, which make dicts, lists, tuples, texts and numbers, and the few names that tensors need stand for themselves.
"""

from __future__ import annotations

import math
import os
import pickletools
import zipfile
from typing import IO, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ...io.native import ModelFileError, check_members

MAX_PICKLE_BYTES = 4 * 2**20  # a tensor takes about 150
MAX_RANK = 8
DTYPES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "u2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
ORDERED_DICT = "collections OrderedDict"
TENSOR, PARAMETER = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
NAMES = {ORDERED_DICT, TENSOR, PARAMETER, *(f"torch {name}" for name in DTYPES)}
PARTS = ("state_dict", "model_state_dict", "model")  # of a checkpoint


class Name(str):
    """A name that a pickle may mention: it is never looked up."""


def read_archive(stream: IO[bytes]) -> dict[str, NDArray]:
    """Return the tensors of a state dict by name, read-only.

    Raises
    ------
    ModelFileError
        It is no such file, or holds more than tensors. What a damaged zip or pickle provokes passes through.
    """
    size = stream.seek(0, os.SEEK_END)
    if not zipfile.is_zipfile(stream):
        raise ModelFileError("expected a zip, as torch.save writes since PyTorch 1.6, got a file that is truncated or "
                             "of another kind; an older one: load it in PyTorch, and save it anew")  # fmt: skip
    with zipfile.ZipFile(stream) as archive:
        members = {member.filename: member for member in check_members(archive.infolist(), size)}
        pickles = [name for name in members if name.endswith("/data.pkl")]
        if len(pickles) != 1 or members[pickles[0]].file_size > MAX_PICKLE_BYTES:
            raise ModelFileError(f"expected one member data.pkl of at most {MAX_PICKLE_BYTES:,} bytes")
        folder = pickles[0].removesuffix("data.pkl")
        order = archive.read(members[f"{folder}byteorder"]) if f"{folder}byteorder" in members else b"little"
        storages = Storages(archive, folder, {b"little": "<", b"big": ">"}[order])
        return _tensors(Machine(storages.find).run(archive.read(pickles[0])))


def _tensors(found: Any) -> dict[str, NDArray]:
    """Return the state dict that the pickle is, or that is a part of it."""
    for part in (found, *(found.get(name) for name in PARTS if isinstance(found, dict))):
        if isinstance(part, dict) and part and all(isinstance(n, str) for n in part):
            if all(isinstance(value, np.ndarray) for value in part.values()):
                return part
    raise ModelFileError("expected a state dict, whose values are tensors: torch.save(model.state_dict(), path)")


class Storages:
    """The numbers that tensors are views of."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, byte_order: str) -> None:
        self.archive, self.folder, self.byte_order = archive, folder, byte_order
        self.found: dict[tuple, NDArray] = {}

    def find(self, identity: Any) -> NDArray:
        """Return a storage, (n,), by what the pickle calls it: ("storage", type, member, device, n)."""
        kind, storage_type, key, _, count = identity
        if kind != "storage" or not isinstance(storage_type, Name) or not isinstance(key, str):
            raise ModelFileError("expected the name of a storage")
        if (storage_type, key) not in self.found:
            dtype = self.byte_order + DTYPES[storage_type.removeprefix("torch ")]
            numbers = np.frombuffer(self.archive.read(f"{self.folder}data/{key}"), dtype)
            if storage_type == "torch BFloat16Storage":
                numbers = from_bfloat16(numbers)
            self.found[storage_type, key] = numbers
        if len(self.found[storage_type, key]) != count:
            raise ModelFileError(f"storage {key!r}: expected {count} numbers, got another number of bytes")
        return self.found[storage_type, key]


def from_bfloat16(halves: NDArray) -> NDArray:
    """Return the float32 of which these, as unsigned integers, are the upper halves."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> NDArray:
    """Return the view of a storage, checked to lie in it and to be no larger."""
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, np.ndarray) or any(type(n) is not int or n < 0 for n in numbers):
        raise ModelFileError("expected a storage, and an offset, a shape and strides of at least 0")
    if len(shape) != len(strides) or len(shape) > MAX_RANK or math.prod(shape) > len(storage):
        raise ModelFileError(f"expected a tensor of at most the storage's {len(storage)} numbers, got {shape[:8]}")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides))
    if math.prod(shape) and last >= len(storage):
        raise ModelFileError(f"expected a tensor within the storage's {len(storage)} numbers, got one up to {last}")
    if not math.prod(shape):
        return np.zeros(shape, storage.dtype)
    step = storage.itemsize
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, [step * n for n in strides], writeable=False)


class Machine:
    """Runs the instructions of a pickle that make plain values; refuses all others.

    Parameters
    ----------
    find_storage : callable
        (identity) -> array, for what the pickle refers to outside of itself.
    """

    def __init__(self, find_storage: Callable[[Any], NDArray]) -> None:
        self.find_storage = find_storage
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, program: bytes) -> Any:
        """Return what the pickle makes.

        Raises
        ------
        ModelFileError
            An instruction or a name that no state dict needs.
        """
        for opcode, argument, _ in pickletools.genops(program):
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name not in INSTRUCTIONS:
                raise ModelFileError(f"expected the pickle of a state dict, got the instruction {opcode.name}; nothing "
                                     "of it was executed")  # fmt: skip
            INSTRUCTIONS[opcode.name](self, argument)
        raise ModelFileError("expected a whole pickle")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def remember(self, number: int | None) -> None:
        """Keep the value on top of the stack under this number, or under the next one."""
        self.memo[len(self.memo) if number is None else number] = self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Take what was pushed since the latest mark."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def pop(self, count: int) -> tuple[Any, ...]:
        """Take so many values."""
        if len(self.stack) < count:
            raise ModelFileError("expected a whole pickle")
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return values

    def name(self, text: str) -> None:
        """Push a name, if it is one of the few."""
        if text not in NAMES:
            raise ModelFileError(f"expected tensors alone, got the name {text.replace(' ', '.')!r}; nothing of it was "
                                 "executed. Save the weights: torch.save(model.state_dict(), path)")  # fmt: skip
        self.push(Name(text))

    def call(self) -> None:
        """Push what a name makes of its arguments."""
        name, arguments = self.pop(2)
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise ModelFileError("expected a name to be called")
        if name == TENSOR:
            self.push(rebuild_tensor(*arguments))
        elif name == PARAMETER:
            self.push(arguments[0])
        elif name == ORDERED_DICT and not arguments:
            self.push({})
        else:
            raise ModelFileError(f"expected no call of {name!r}")

    def set_items(self, items: list[Any] | tuple[Any, ...]) -> None:
        """Put keys and values, in turns, into the dict on top of the stack."""
        target = self.stack[-1]
        if not isinstance(target, dict) or any(type(key) not in (str, int) for key in items[::2]):
            raise ModelFileError("expected texts or integers as the keys of a dict")
        target.update(zip(items[::2], items[1::2], strict=True))

    def append(self, values: list[Any] | tuple[Any, ...]) -> None:
        if type(self.stack[-1]) is not list:
            raise ModelFileError("expected a list to append to")
        self.stack[-1].extend(values)

    def leave_state(self) -> None:
        """Drop what an OrderedDict has besides its items: the versions of PyTorch's modules."""
        self.pop(1)
        if not isinstance(self.stack[-1], dict):
            raise ModelFileError("expected a dict")


INSTRUCTIONS: dict[str, Callable[[Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
                    Machine.push),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine.remember),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, number: machine.push(machine.memo[number])),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.push(machine.pop(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.pop(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.pop(3)),
    "SETITEM": lambda machine, _: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "APPEND": lambda machine, _: machine.append(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.append(machine.since_mark()),
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": lambda machine, _: machine.name(" ".join(machine.pop(2))),
    "BINPERSID": lambda machine, _: machine.push(machine.find_storage(*machine.pop(1))),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.leave_state(),
}  # fmt: skip
