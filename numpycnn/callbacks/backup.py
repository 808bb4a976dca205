"""``BackupAndRestore``: a training that survives the death of its process, to the bit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_count, check_flag
from ..files import insist, open_file, path_text
from .base import Callback


class BackupAndRestore(Callback):
    """Keep a backup of the whole training, and go on from it when the same program runs again.

    The backup holds the weights, the optimizer's memories and step count, the state of every generator (order of the
    rows, Dropout, augmentation), which layers are frozen, the place in the epoch, the history and what the other
    callbacks remember; when ``fit`` begins, it replaces what the program has set. So a run that was killed at any
    moment and started again, however often, ends with the same bits as one that was not. The file is replaced whole or
    not at all; a model file, too, it opens with ``Sequential.load``.

    Ctrl-C saves a backup before ``fit`` returns. Where several processes train together, the first writes and reads
    the file; how many there are may be another number when they go on, which rounds differently.

    Parameters
    ----------
    filepath : str or path
        Ends in ``.npz``; folders that are missing are made.
    save_freq : "epoch" or int
        Save after each epoch, and with a number also after so many steps in it.
    delete_checkpoint : bool
        Delete the file when the training has come to its end. Otherwise the same ``fit`` returns at once next time.

    Raises
    ------
    ValueError
        In ``fit``: the file is damaged (ModelFileError), or made by another run: other layers, loss, optimizer,
        callbacks, number of rows, `batch_size`, `steps_per_epoch`, `class_weight`, `shuffle` or `seed`. That the data,
        `epochs` and `augment` are the same is up to you; `augment` must draw from the generator it is given, and keep
        nothing from batch to batch.
        Or the training is not on arrays: batches that are handed out cannot be taken up again in the middle.
    TypeError
        In ``fit``: a loss, optimizer or schedule of your own, which no file can hold.

    Examples
    --------
    >>> from numpycnn import BackupAndRestore
    >>> backup = BackupAndRestore("run/backup.npz", save_freq=100)
    >>> # model.fit(x, y, epochs=10, callbacks=[backup])  # killed? Run the program again.
    """

    comes_last = True  # it keeps what the others have done, and starts after they have

    def __init__(
        self, filepath: str | os.PathLike, save_freq: str | int = "epoch", delete_checkpoint: bool = True
    ) -> None:
        self.filepath = path_text(filepath, "filepath")
        if not self.filepath.endswith(".npz"):
            raise ValueError(f"filepath: expected a name that ends in .npz, got {self.filepath!r}")
        if isinstance(save_freq, str) and save_freq != "epoch":
            raise ValueError(f'save_freq: expected "epoch" or a number of steps, got {save_freq!r}')
        self.save_freq = save_freq if isinstance(save_freq, str) else check_count(save_freq, "save_freq")
        self.delete_checkpoint = check_flag(delete_checkpoint, "delete_checkpoint")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if self.run.rows is None:
            raise ValueError("BackupAndRestore: expected a training on arrays, got one on batches that are handed out")
        self._path = os.path.abspath(self.filepath)  # of this moment: somebody may change the folder
        backup = self._read() if self.run.share is None else self.run.share.from_first(self._read)
        if backup is not None:
            self._restore(backup)
        else:
            self._save()  # what cannot be saved shows now, not after an epoch

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        due = not isinstance(self.save_freq, str) and self.run.batch % self.save_freq == 0
        stopping = self.model.stop_training  # the epoch ends here, and is saved then
        if (due or self.run.history.interrupted) and not stopping:
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._save()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.delete_checkpoint and not self.run.history.interrupted and self.speaks:
            insist(Path(self._path).unlink, missing_ok=True)

    def _conditions(self) -> dict[str, Any]:
        """Return what has to be the same when the run goes on."""
        options = self.run.options
        names = [type(callback).__name__ for callback in self.run.callbacks.callbacks]
        weights = sorted((options.class_weight or {}).items())
        return {
            "number of rows": self.run.rows, "batch_size": options.batch_size, "shuffle": bool(options.shuffle),
            "seed": options.seed, "callbacks": names, "steps_per_epoch": options.steps_per_epoch,
            "class_weight": {str(number): float(weight) for number, weight in weights} or None,
        }  # fmt: skip

    def _save(self) -> None:
        from ..io import native

        if not self.speaks:
            return
        arrays, remembered = {}, []
        for i, callback in enumerate(self.run.callbacks.callbacks):
            state = callback.get_state()
            remembered.append({k: v for k, v in state.items() if not isinstance(v, np.ndarray)})
            arrays.update({f"callbacks/{i}/{k}": v for k, v in state.items() if isinstance(v, np.ndarray)})
        values = {
            "conditions": self._conditions(), "position": self.run.get_state(), "callbacks": remembered,
            "stop_training": self.model.stop_training,
        }  # fmt: skip
        native.save(self.model, self._path, (values, arrays))

    def _read(self) -> bytes | None:
        """Return the file's content, None if there is no file."""
        if not os.path.exists(self._path):
            return None
        with open_file(self._path) as file:
            return file.read()

    def _restore(self, backup: bytes) -> None:
        from ..io import native

        values, arrays = native.load_run(self.model, self._path, backup, self._conditions())
        for i, callback in enumerate(self.run.callbacks.callbacks):
            prefix = f"callbacks/{i}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            callback.set_state({**values["callbacks"][i], **own})
        self.run.set_state(values["position"])
        self.model.stop_training = values["stop_training"]
