"""Where the results of a run go, whether it is finished, and how it goes on."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterator

from ..callbacks.backup import BackupAndRestore
from ..files import open_file
from ..model import Sequential
from ..schedules import Schedule
from ..terminal import show

BACKUP, METRICS = "backup.npz", "metrics.json"  # the second one is written last, so it says that a run is finished


@contextlib.contextmanager
def folders_for(folder: Path, model_file: str) -> Iterator[None]:
    """Make the folders that are missing; if it ends in an error, remove those that are still empty."""
    places = (folder, (folder / model_file).parent)
    inner_first = sorted({each for place in places for each in (place, *place.parents)}, reverse=True)
    missing = [each for each in inner_first if not os.path.exists(each)]
    try:
        check_writable(folder, model_file)
        yield
    except BaseException:
        for each in missing:
            with contextlib.suppress(OSError):  # it has something in it, or could not be made
                each.rmdir()
        raise


def check_writable(folder: Path, model_file: str) -> None:
    """Make the folders that are missing, and raise now what writing into them would raise after the training."""
    model_path = folder / model_file
    if model_path.is_dir():
        raise IsADirectoryError(f"--model-file: expected the name of a file, got the folder {model_path}")
    for option, place in (("--output-dir", folder), ("--model-file", model_path.parent)):
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise OSError(
                f"{option}: expected a folder that can be written to, got {place} ({error.strerror}); name another one"
            ) from error


def finished(folder: Path, epochs: int, run: dict[str, Any]) -> str:
    """Say that the run in the folder has all its epochs; "" if there is something left to do.

    Raises
    ------
    ValueError
        The finished run there is another one, made with other options.
    FileNotFoundError
        It has fewer epochs, but the backup to go on from is gone.
    """
    path = folder / METRICS
    if not path.exists():
        return ""
    try:
        with open_file(path) as file:
            found = json.load(file)
        done, accuracy = int(found["epochs"]), float(found["test_accuracy"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected the results of a run, got something else ({error!r}); delete it") from error
    anew = "leave out --resume to train anew, or name another --output-dir"
    other = [f"{name} was {found.get(name)}, and is {value}" for name, value in run.items() if found.get(name) != value]
    if other:
        raise ValueError(f"--resume: the run in {folder} is finished and another one: {', '.join(other)}; {anew}")
    if done >= epochs:
        return (f"The run in {folder} is finished: {done} epochs, test accuracy {accuracy:.4f}. Nothing was done.\n"
                f"To go on from there, give more --epochs; {anew}.")
    if not (folder / BACKUP).exists():
        raise FileNotFoundError(f"--resume: the run in {folder} is finished after {done} epochs, and {BACKUP}, from "
                                f"which it could go on to {epochs}, is gone; {anew}")
    return ""


def schedule_so_far(backup: Path, wanted: Schedule) -> Schedule:
    """Return the schedule that the backup was made with, if only its length differs from the wanted one's.

    Then the run goes on, and what that means for the learning rate is printed. Any other difference is for
    ``BackupAndRestore`` to refuse.
    """
    if not backup.exists():
        return wanted
    optimizer = Sequential.load(backup).optimizer
    before: Any = optimizer.learning_rate
    configs = [{**each.get_config(), "steps": 0} for each in (before, wanted)]
    if type(before) is not type(wanted) or configs[0] != configs[1]:
        return wanted
    if before.get_config() != wanted.get_config():
        show(f"Going on with a schedule of another length: the learning rate would be {before(optimizer.steps):.2g} "
             f"now, and is {wanted(optimizer.steps):.2g};\nso the result is not that of a run with as many epochs "
             "from the beginning.")
    return before


class GoOn(BackupAndRestore):
    """Go on from the backup, with a schedule that may be longer or shorter than the one it was made with."""

    def __init__(self, backup: Path, schedule: Schedule) -> None:
        super().__init__(backup, delete_checkpoint=False)  # a larger --epochs goes on from it
        self.schedule = schedule

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin()
        self.model.optimizer.learning_rate = self.schedule
