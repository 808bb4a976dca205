"""A small fuzzer: inputs that are nearly right, for ``read_idx``, ``Sequential.load`` and ``prepare_digit``.

    python tests/helpers/fuzz.py read_idx --inputs 10000

Input number i is made from seeds and i alone, so ``--first i --inputs 1`` repeats it. An input may be accepted (then
what came out is checked) or refused with a documented error. Anything else, a warning too, is a finding: it is printed
with its number, and the exit status is 1. The process may take only a gigabyte more than it has at the start.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, Callable

import numpy as np
from fuzz_inputs import IdxInputs, ModelInputs, PictureInputs

from numpycnn import IdxError, ModelFileError, PreparedDigit, Sequential, prepare_digit, read_idx

try:
    import resource
except ImportError:  # Windows: test_fuzz.py, which imports this file, skips
    resource = None

MEMORY = 2**30  # bytes that the process may take besides what it has at the start
GZIP = b"\x1f\x8b"
PATIENCE = 20  # seconds of processor time for one input


class Finding(Exception):
    """Something that must not happen, happened."""


def judge_idx(file: Any) -> str:
    """Read; what is accepted must hold the file's own shape and bytes."""
    try:
        array = read_idx(file, max_bytes=2**30)
    except IdxError as error:
        return f"{type(error).__name__}: {_kind(error)}"
    data = file.getvalue()
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(array.ndim))
    same = array.shape == shape and data[4 + 4 * array.ndim :] == array.astype(array.dtype.newbyteorder(">")).tobytes()
    if not (array.dtype.isnative and array.flags.writeable) or not (same or data[:2] == GZIP):
        raise Finding(f"accepted as {array.dtype} of shape {array.shape}")
    return "accepted"


def judge_model(path: Path) -> str:
    """Load; what is accepted must be a model that predicts."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not everything has a counterpart here")
            model = Sequential.load(path)
    except ModelFileError as error:
        return f"{type(error).__name__}: {_kind(error)}"
    if np.prod((*model.input_shape, *model.output_shape), dtype=float) < 1e4:
        with np.errstate(all="ignore"):  # a forged weight may be infinite
            outputs = model.forward(np.zeros((1, *model.input_shape)))
        if outputs.shape != (1, *model.output_shape):
            raise Finding(f"a model whose outputs have the shape {outputs.shape}, not {model.output_shape}")
    return "accepted"


def judge_picture(picture: Any) -> str:
    """Prepare; what is accepted must be an image with shades from 0 to 1, and a box inside the picture."""
    try:
        result = prepare_digit(picture)
    except (TypeError, ValueError, FileNotFoundError) as error:
        if "expected" not in str(error):  # some other function's
            raise
        return f"{type(error).__name__}: {_kind(error)}"
    image = result.image
    fine = isinstance(result, PreparedDigit) and image.shape == (28, 28) and image.dtype == np.float32
    if not fine or not (image.min() >= 0 and image.max() <= 1) or result.empty != (image.max() == 0):
        raise Finding(f"prepared as {result}")
    top, left, bottom, right = result.box
    if not (0 <= top <= bottom and 0 <= left <= right) or (result.empty == (top < bottom)):
        raise Finding(f"a box {result.box}")
    return "empty" if result.empty else "accepted"


def _kind(error: Exception) -> str:
    """Return the message's first words, without the file's name and without figures, as a name for such refusals."""
    words = re.sub(r"^\S*(input\.\w+|BytesIO\S* object at \S+): ", "", str(error)).split()
    return " ".join(re.sub(r"\d+", "#", word) for word in words[:5])


# Name: what makes the inputs, what tries them.
TARGETS: dict[str, tuple[Callable[[Path], Any], Callable[[Any], str]]] = {
    "read_idx": (IdxInputs, judge_idx),
    "load": (ModelInputs, judge_model),
    "prepare_digit": (PictureInputs, judge_picture),
}


def _too_slow(*_: Any) -> None:
    raise Finding(f"more than {PATIENCE} seconds of processor time")


def run(target: str, first: int, count: int, folder: Path) -> dict[str, Any]:
    """Try inputs number `first` to ``first + count - 1``; return the figures, and the findings as text."""
    make, judge = TARGETS[target]
    inputs = make(folder)
    outcomes: collections.Counter[str] = collections.Counter()
    findings, worst, worst_input = [], 0.0, None
    judge(inputs.seed())  # compiles, and loads what is loaded late
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _limit_memory()
    signal.signal(signal.SIGPROF, _too_slow)
    begin = time.process_time()
    for number in range(first, first + count):
        candidate = inputs.make(random.Random(f"{target} {number}"))
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        try:
            outcomes[judge(candidate)] += 1
        except Exception as error:
            findings.append(f"input {number}: {''.join(traceback.format_exception(error)[-3:])}")
            outcomes[f"FINDING {type(error).__name__}"] += 1
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - start
        if seconds > worst:
            worst, worst_input = seconds, number
    return {
        "target": target, "inputs": count, "cpu_seconds": round(time.process_time() - begin, 1),
        "worst_seconds": round(worst, 3), "worst_input": worst_input,
        "memory_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
        "outcomes": dict(outcomes.most_common()), "findings": findings,
    }  # fmt: skip


def _limit_memory() -> None:
    """Let an allocation fail that would make the process larger than it is by more than MEMORY."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        report = run(options.target, options.first, options.inputs, Path(folder))
    print(json.dumps(report, indent=1))
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
