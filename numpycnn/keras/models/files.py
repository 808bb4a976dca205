"""Configurations, files and the table of ``summary``; the core reads and writes the arrays."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import shutil
import tempfile
from typing import Any, Callable

from ...files import KERAS_SUFFIXES
from ...io.keras_file.write import snake_case
from ...model import Sequential as CoreSequential
from ...terminal import show
from ..layers.augment import Augmenting
from ..notes import no_effect, note, refuse, settle
from .base import Chain
from .learning import Learning

WEIGHTS = ".weights.h5"
SUFFIXES = (".npz", ".keras", *KERAS_SUFFIXES)
IDLE = ("zipped", "save_format", "include_optimizer", "signatures", "options", "save_traces", "max_shard_size")


class Files(Learning):
    """The part of a model that is described, printed and kept."""

    def get_config(self) -> dict[str, Any]:
        """Return the layers' configurations."""
        if type(self).__name__ == "Model" or any(type(layer).__name__ == "InputLayer" for layer in self._layers):
            self._symbols()
        shape = {} if self._shape is None else {"build_input_shape": [None, *self._shape]}
        layers = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self._layers]
        return {"name": self.name, "layers": layers, **shape}

    def to_json(self, **options: Any) -> str:
        """Return the model's configuration as JSON."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **options)

    def save(self, filepath: Any, overwrite: bool = True, **old: Any) -> None:
        """Write the model: ``.keras``, ``.h5``, or ``.npz`` with all that the core needs to go on."""
        settle("save", old, *IDLE)
        path = os.fspath(filepath)
        _check_overwrite(path, overwrite)
        if any(re.sub(r"_\d+$", "", leaf.name) != snake_case(type(leaf).__name__) for leaf in self.leaves()):
            note("save: files keep no names of layers; after loading, get_layer(index=...) finds them")
        if any(type(layer).__name__ == "InputLayer" or isinstance(layer, Chain) for layer in self._layers):
            note("save: files keep one chain: load_model gives a Sequential, without InputLayer and models within it")
        core = self._ready() if self.optimizer is not None and self.loss is not None else self.core_model()
        if path.endswith(SUFFIXES):
            _write(core, lambda each: each.save(path))
            return
        note(f"save: {os.path.basename(path)!r} ends in no format's name, such as .keras: the file holds HDF5")
        _write(core, lambda each: each.save(path + ".h5"))
        os.replace(path + ".h5", path)

    def save_weights(self, filepath: Any, overwrite: bool = True, **old: Any) -> None:
        """Write the weights: ``.weights.h5``, or a whole model's file under any other name."""
        path = os.fspath(filepath)
        if not path.endswith(WEIGHTS):
            self.save(path, overwrite, **old)
            return
        settle("save_weights", old, *IDLE)
        _check_overwrite(path, overwrite)
        _write(self.core_model(), lambda each: each.save_weights(path))

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False, **old: Any) -> None:
        """Take over the weights of such a model's file."""
        settle("load_weights", old, "options")
        if by_name or skip_mismatch:
            raise ValueError("load_weights: the weights are taken in order, all of them")
        path = os.fspath(filepath)
        if path.endswith(WEIGHTS) and self._shape is not None:
            self.core_model().load_weights(path)
            return
        loaded = read(path)
        if self._shape is None:
            self.ensure(loaded.input_shape)
        self.set_weights(loaded.get_weights())

    def export(self, *args: Any, **given: Any) -> None:
        """Refused: there is no TensorFlow to export to."""
        raise ValueError("export: there is no TensorFlow here; save a .keras file, and let Keras export it")

    def summary(self, line_length: int | None = None, positions: Any = None, print_fn: Callable | None = None,
                expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None) -> None:
        """Print each layer's name, output shape and number of parameters."""
        no_effect("summary", line_length=line_length, positions=positions)
        refuse("summary", "all layers are shown", layer_range=layer_range)
        built = self._shape is not None and bool(self._symbols())
        rows = [(f"{layer.name} ({type(layer).__name__})",
                 *((str(_shape_of(layer)), f"{layer.count_params():,}") if built else ("?", "0 (unbuilt)")))
                for layer in self._layers]  # fmt: skip
        heads = ("Layer (type)", "Output Shape", "Param #")
        if show_trainable:
            heads = (*heads, "Trainable")  # type: ignore[assignment]
            rows = [(*row, "Y" if layer.trainable else "N") for row, layer in zip(rows, self._layers)]  # type: ignore
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        rule = "=" * (sum(widths) + 2 * len(widths))
        lines = [f'Model: "{self.name}"', rule]
        lines += ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in [heads, *rows]]
        lines[3:3] = [rule]
        (print_fn or show)("\n".join([*lines, rule, *self._totals()]))

    def _totals(self) -> list[str]:
        trained = sum(variable.numpy().size for variable in self.trainable_weights)
        whole = 0 if self._shape is None else self.count_params()
        counts = {"Total": whole, "Trainable": trained, "Non-trainable": whole - trained}
        return [f"{kind} params: {count:,} ({_size(4.0 * count)})" for kind, count in counts.items()]


def _write(core: CoreSequential, write: Callable[[CoreSequential], None]) -> None:
    """Write a model; what the format has no words for, and no prediction needs, is left out, with a note."""
    layers = [layer for layer in core.layers if not isinstance(layer, Augmenting)]
    reason: Exception | None = None
    if len(layers) < len(core.layers):
        note("save: the Random... layers are not in the file: they act in training alone")
    else:
        try:
            return write(core)
        except (TypeError, ValueError) as error:
            reason = error
    for measured, compiled in ((True, True), (False, True), (False, False)):
        twin = _twin(core, layers, measured, compiled and core.loss is not None)
        try:
            write(twin)
        except (TypeError, ValueError) as error:
            reason = error
            continue
        if not measured:
            what = "the metrics are" if compiled else "loss, optimizer and metrics are"
            note(f"save: {what} not in the file, compile again after loading: {reason}")
        return None
    raise reason  # type: ignore[misc]


def _twin(core: CoreSequential, layers: list[Any], measured: bool, compiled: bool) -> CoreSequential:
    """Return such a model of these layers, with the same weights and memories, and metrics if `measured`."""
    twin = CoreSequential([copy.copy(layer) for layer in layers], core.input_shape)
    twin.set_weights(core.get_weights())
    if compiled:
        metrics = (core.metrics, core.weighted_metrics) if measured else ()
        twin.compile(copy.deepcopy(core.optimizer), core.loss, *metrics)
    return twin


def _check_overwrite(path: str, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} is there already, and overwrite is False")


def read(path: str) -> CoreSequential:
    """Return the core's model of a file; one whose name says no format holds HDF5."""
    if path.endswith(SUFFIXES) or not os.path.exists(path):
        return CoreSequential.load(path)
    with tempfile.TemporaryDirectory() as folder:
        return CoreSequential.load(shutil.copy(path, os.path.join(folder, "model.h5")))


def _size(count: float) -> str:
    """Return so many bytes in the unit that Keras chooses."""
    unit = min(2, int(math.log(max(count, 1), 1024)))
    return f"{count / 1024**unit:.2f} {('B', 'KB', 'MB')[unit]}"


def _shape_of(layer: Any) -> tuple:
    if type(layer).__name__ == "InputLayer":
        return (None, *layer.given_shape)
    return layer.output_shape
