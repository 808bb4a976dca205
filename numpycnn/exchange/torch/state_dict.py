"""Weights under PyTorch's names and in its layouts: written to safetensors; read from it and from ``torch.save``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

from ...checks import check_list
from ...files import atomic_write, import_library, open_file, path_text
from ...io.native import ModelFileError, documented_errors
from ...layers import BatchNorm
from ..channels_first import check_model
from .archive import from_bfloat16, read_archive
from .modules import Module, modules

if TYPE_CHECKING:
    from ...model import Sequential

SAFETENSORS = ".safetensors"
COUNTER = "num_batches_tracked"  # of BatchNorm: PyTorch does not use it as long as there is a momentum
DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip  # of safetensors
ABSENT = {"gamma": 1.0, "beta": 0.0}  # what a norm without them computes with


def save_state_dict(model: Sequential, path: str | os.PathLike) -> None:
    """Write the weights for the ``nn.Sequential`` that ``sequential_code`` makes, whole or not at all.

    In PyTorch: ``model.load_state_dict(safetensors.torch.load_file(path))``.

    Parameters
    ----------
    model : Sequential
        Built.
    path : str or path
        Ends in ``.safetensors``.

    Raises
    ------
    RuntimeError, ValueError, TypeError, OSError
        The model is not built, the name ends in something else, PyTorch has no module for a layer; failures to write.
    ImportError
        Without safetensors.
    """
    check_model(model, "save_state_dict")
    path = path_text(path)
    if not path.endswith(SAFETENSORS):
        raise ValueError(f"path: expected a name that ends in {SAFETENSORS}, got {path!r}")
    numpy_format = _import_safetensors().numpy
    with model.lock:
        content = numpy_format.save(state_dict(model), {"format": "pt"})
    with atomic_write(path) as file:
        file.write(content)


def state_dict(model: Sequential) -> dict[str, NDArray]:
    """Return copies of the arrays of ``sequential_code``'s model, by PyTorch's names."""
    arrays: dict[str, NDArray] = {}
    for number, module in enumerate(modules(model)):
        own = module.placed.arrays()
        for name, ours in module.names.items():
            absent = np.full(module.placed.layer.input_shape[-1], ABSENT.get(ours, 0.0))
            arrays[f"{number}.{name}"] = np.array(own.get(ours, absent), model.dtype)
        if isinstance(module.placed.layer, BatchNorm):
            arrays[f"{number}.{COUNTER}"] = np.array(0, np.int64)
    return arrays


def read_state_dict(path: str | os.PathLike) -> dict[str, NDArray]:
    """Return the arrays of a state dict by PyTorch's names; nothing in the file is executed.

    Parameters
    ----------
    path : str or path
        ``.safetensors``; or what ``torch.save(model.state_dict(), path)`` wrote, PyTorch 1.6 or later. Of a checkpoint
        the part under ``state_dict``, ``model_state_dict`` or ``model`` is taken.

    Raises
    ------
    TypeError, FileNotFoundError, ModelFileError
        No path, no file; it is damaged or of another kind, or a pickle of more than tensors (a whole module).
    ImportError
        For safetensors without safetensors.
    """
    return _read(path).arrays


class _Found(NamedTuple):
    arrays: dict[str, NDArray]
    in_order: bool  # whether the file has them in the order of the modules


def _read(path: str | os.PathLike) -> _Found:
    path = path_text(path)
    library = _import_safetensors() if path.endswith(SAFETENSORS) else None
    with open_file(path) as stream, documented_errors(path, "a state_dict of PyTorch"):
        if library is None:
            return _Found(read_archive(stream), True)
        tensors = library.deserialize(stream.read())
        return _Found({name: _tensor(name, **found) for name, found in tensors}, False)


def _tensor(name: str, dtype: str, shape: list[int], data: bytes) -> NDArray:
    """Return one of the tensors of a safetensors file; NumPy has no bfloat16, which becomes float32."""
    if dtype not in DTYPES:
        raise ModelFileError(f"{name}: expected one of {', '.join(DTYPES)}, got {dtype}; save it as float32")
    array = np.frombuffer(data, DTYPES[dtype]).reshape(shape)
    return from_bfloat16(array) if dtype == "BF16" else array


def _import_safetensors() -> Any:
    return import_library("safetensors", ".safetensors files", "safetensors", "numpy")


def load_state_dict(model: Sequential, path: str | os.PathLike, order: Sequence[str] | None = None) -> None:
    """Take over the weights of a PyTorch model of the same layers; if they do not fit, the model is unchanged.

    The modules with weights go to the layers with weights in order: filters (F, C, kh, kw) become (kh, kw, C, F), and
    a ``Linear`` after ``Flatten`` finds its pixels with the channels last.

    Parameters
    ----------
    model : Sequential
        Built.
    path : str or path
        As `read_state_dict` takes it.
    order : list of str, optional
        Names of the modules with weights, as ``["conv1", "fc"]``. Default: by number if they have numbers, else as
        they are in a file of ``torch.save``; safetensors keeps no order.

    Raises
    ------
    RuntimeError, TypeError, FileNotFoundError, ModelFileError, ImportError
        The model is not built; as `read_state_dict`; the file has other modules or shapes.
    ValueError
        `order` does not name the modules of the file, or is needed.
    """
    check_model(model, "load_state_dict")
    found = _read(path)
    groups: dict[str, dict[str, NDArray]] = {}
    for name, array in found.arrays.items():
        owner, _, last = name.rpartition(".")
        groups.setdefault(owner, {})[last] = array
    wanted = [module for module in modules(model) if module.names]
    names = _in_order(groups, found.in_order, order)
    with documented_errors(path, "the weights of such a model"):
        if len(names) != len(wanted):
            raise ModelFileError(f"expected {len(wanted)} modules with weights, got {len(names)}: {str(names)[:200]}")
        taken: dict[int, dict[str, NDArray]] = {}
        for module, theirs in zip(wanted, names):
            taken.setdefault(id(module.placed.layer), {}).update(_take(module, groups[theirs], theirs))
        weights = [
            taken[id(layer)][name]
            for layer in model.layers if id(layer) in taken
            for name in (*(p.name for p in layer.parameters), *layer.state_names)
        ]
        model.set_weights(weights)


def _in_order(groups: dict[str, Any], file_has_order: bool, order: Sequence[str] | None) -> list[str]:
    """Return the names of the modules in the order of the layers."""
    if order is not None:
        names = check_list(order, "order", "a list of the modules' names")
        if sorted(map(str, names)) != sorted(groups):
            raise ValueError(f"order: expected each of {str(sorted(groups))[:300]} once, got {str(names)[:300]}")
        return names
    parts = [name.rpartition(".") for name in groups]
    if all(last.isdecimal() for _, _, last in parts) and len({first for first, _, _ in parts}) <= 1:
        return sorted(groups, key=lambda name: int(name.rpartition(".")[2]))
    if not file_has_order:
        raise ValueError(f"order: expected the modules' names in order, for safetensors keeps none; they are "
                         f"{str(sorted(groups))[:300]}")  # fmt: skip
    return list(groups)


def _take(module: Module, arrays: dict[str, NDArray], name: str) -> dict[str, NDArray]:
    """Return a module's arrays by our names and in our layout."""
    layer, taken = module.placed.layer, {}
    shapes = {p.name: p.value.shape for p in layer.parameters}
    shapes.update({state: layer.input_shape[-1:] for state in layer.state_names})
    if sorted({*arrays} - {COUNTER}) != sorted(module.names):
        raise ModelFileError(f"{name!r}, for {layer!r}: expected {sorted(module.names)}, got {sorted(arrays)}")
    for theirs, ours in module.names.items():
        if arrays[theirs].dtype.kind != "f":
            raise ModelFileError(f"{name}.{theirs}: expected floats, got {arrays[theirs].dtype}")
        if ours in shapes:
            taken[ours] = module.placed.from_others(ours, arrays[theirs], shapes[ours])
        elif np.any(arrays[theirs] != ABSENT[ours]):
            raise ModelFileError(f"{name}.{theirs}: expected {ABSENT[ours]} throughout, for {layer!r} has none")
    return taken
