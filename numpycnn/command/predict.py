"""Say what is in pictures: their classes, how probable each is, and what may have gone wrong."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any, Iterable, Iterator

import numpy as np

from ..checks import check_predicted_classes
from ..data.folders import SUFFIXES
from ..data.inputs import PREPARATIONS, InputFormat
from ..data.own_digit.prepare import prepare_digit
from ..data.own_digit.sheet import read_digits
from ..data.own_digit.turned import seem_turned
from ..files import is_hidden, printable
from ..metrics.confidence import NO_DIGIT, NONE_OF_THEM, NOT_SURE, SURE
from ..model import Sequential
from ..page.network import check_classifier
from ..plots import save_figure
from ..plots.answers import Answer, plot_answers
from ..terminal import show, show_folded
from .options import MODEL, named, said

USAGE = "%(prog)s [options] PICTURE..."
MOST_DRAWN = 60  # more pictures than this are predicted, but not drawn
AT_ONCE = 64  # pictures in memory
MOST_PIECES, WIDE, WIDE_PIECE = 5, 1.35, 1.8  # of one digit: pieces; widths in heights, of several pieces and of one
MOST_BYTES = 2**28  # of a picture on standard input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="a file, a folder of them, or - for standard input")
    add("--model", type=named, default=MODEL, metavar="FILE", help=f"the model that is asked ({MODEL})")
    add("--prepare", choices=PREPARATIONS, help="digit: cut a digit out, as MNIST's are; resize: take the whole "
        "picture; default: what the model file says")
    add("--digits", choices=("one", "several"), help="in each picture; default: as it looks")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON list")
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    add("--output", type=named, metavar="FILE.png", help="draw each picture, what the network saw and its answer")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Answer for every picture that can be read; return 1 if one cannot."""
    if options.output is not None and options.output.suffix.lower() != ".png":
        parser.error(f"--output: expected a name that ends in .png, got {options.output}")
    model = load_model(options.model)
    form = input_format(model, options.prepare, printable(options.model))
    if options.digits == "several" and not form.has_digits(model.output_shape):
        parser.error(f"--digits several: expected a model of digits 0 to 9, got {printable(options.model)}")
    answers: list[Answer] = []
    failures: list[dict[str, Any]] = []

    def fail(name: str, error: Exception) -> None:
        failures.append({"file": name, "error": str(error)})
        text = said(error)
        of = "" if printable(name) in text else f"{printable(name)}: "  # such as standard input
        print(f"{parser.prog}: {of}{text}", file=sys.stderr)

    files = files_but(options.output, files_of(options.pictures, fail))
    for answer in ask(model, form, files, fail, options.digits):
        answers.append(answer)
        if not options.json and not options.csv:
            show_folded("\n    ".join([f"{printable(answer.name)}: {answer}", *answer.lines]))
    if options.json:
        show(json.dumps([*map(as_row, answers), *failures], indent=1))
    if options.csv:
        show(as_csv(answers))
    if answers and options.output is not None:
        save_figure(plot_answers(answers[:MOST_DRAWN]), options.output)
        drawn = min(MOST_DRAWN, len(answers))
        if not options.json and not options.csv:
            show(f"Drew what the network saw of {drawn} of {len(answers)} pictures in {printable(options.output)}")
    total = len(answers) + len(failures)
    if failures and total > 1:
        print(f"{parser.prog}: {len(failures)} of {total} files could not be read", file=sys.stderr)
    return 1 if failures or not answers else 0


def load_model(path: Path) -> Sequential:
    """Load the model, or say how to get one."""
    name = printable(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model {name}; train one with `numpycnn train`, or name one with --model")
    model = Sequential.load(path)
    if len(model.input_shape) != 3 or model.input_shape[2] not in (1, 3):
        raise ValueError(f"{name}: expected a model of images, (rows, columns, 1 or 3), got one of {model.input_shape}")
    check_classifier(model, name)
    return model


def input_format(model: Sequential, prepare: str | None, name: str) -> InputFormat:
    """Return what the model's inputs are: as its file says, or as the user does; a guess is told."""
    known, (height, width, channels) = model.input_format, model.input_shape
    if known is not None:
        return known if prepare is None else dataclasses.replace(known, prepare=prepare)
    if prepare is None:
        if (model.input_shape, model.output_shape) != ((28, 28, 1), (10,)):
            raise ValueError(f"{name} does not say what its inputs were; say it with --prepare digit or resize")
        prepare = "digit"
        print(f"{name} does not say what its inputs were: taken for MNIST's digits (--prepare resize if they were not)",
              file=sys.stderr)
    return InputFormat((height, width), grey=channels == 1, prepare=prepare)


def files_of(names: Iterable[str], fail: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and pictures: a folder's in order of their names, but hidden ones; standard input as bytes."""
    for name in names:
        try:
            if not name:  # Path("") is the current folder
                raise FileNotFoundError("expected the name of a picture or a folder, got an empty one")
            if "://" in name:
                raise ValueError(f"{printable(name)}: expected a file or a folder, got an address; download it first")
            if name == "-" and sys.stdin is None:
                raise ValueError("standard input: expected a picture, but it is closed; name a file")
            if name == "-":
                content = sys.stdin.buffer.read(MOST_BYTES + 1)
                if len(content) > MOST_BYTES:
                    raise ValueError(f"standard input: expected a picture of at most {MOST_BYTES:,} bytes, got more")
                yield "standard input", content
            elif Path(name).is_dir():
                inside = [path for path in Path(name).iterdir() if not is_hidden(path.name)]
                pictures = (path for path in inside if path.suffix.lower() in SUFFIXES)
                found = sorted(path for path in pictures if path.is_file())  # to open a pipe is to wait for ever
                if not found:
                    more = "; name the folders in it, one by one" if any(path.is_dir() for path in inside) else ""
                    raise FileNotFoundError(f"{printable(name)}: expected a folder with pictures, got none "
                                            f"({' '.join(SUFFIXES)}){more}")
                yield from ((str(path), path) for path in found)
            else:
                yield name, Path(name)
        except (OSError, ValueError) as error:
            fail(name, error)


def files_but(output: Path | None, files: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the files; FileExistsError where one would be lost: it has the name of the drawing."""
    for name, picture in files:
        if output is not None and isinstance(picture, Path) and os.path.exists(output) and os.path.exists(picture):
            if os.path.samefile(picture, output):
                raise FileExistsError(f"--output: {printable(output)} is one of the pictures; name another file")
        yield name, picture


def ask(
    model: Sequential, form: InputFormat, files: Iterator[tuple[str, Any]], fail: Any, digits: str | None
) -> Iterator[Answer]:
    """Yield the answer to each picture that can be read; what is wrong with another goes to `fail`."""
    are_digits = form.has_digits(model.output_shape)
    sheets = are_digits and digits != "one"
    names = [form.name_of(number) for number in range(model.output_shape[0])]
    words = {SURE: "", NOT_SURE: NOT_SURE, NONE_OF_THEM: NO_DIGIT if form.prepare == "digit" else NONE_OF_THEM}

    def scaled(images: np.ndarray) -> np.ndarray:
        return images * np.float32(255 * form.scale)

    def is_sure(images: np.ndarray) -> np.ndarray:
        return judged(model, scaled(images))[1] == SURE

    while some := list(itertools.islice(files, AT_ONCE)):
        seen: list[Answer] = []
        for name, picture in some:
            try:
                seen.append(look(name, picture, form, names))
                if sheets and (digits == "several" or looks_like_several(seen[-1])):
                    read_sheet(seen[-1], model)
            except (OSError, ValueError) as error:
                fail(name, error)
        if seen:
            images = np.stack([answer.image for answer in seen])  # (N, H, W, C)
            probabilities, found = judged(model, scaled(images))
            turned = seem_turned(images, found == NONE_OF_THEM, is_sure) if are_digits else ()
            for k, answer in enumerate(seen):
                answer.probabilities = probabilities[k]
                if not answer.empty and not answer.text:
                    answer.doubt = words[found[k]]
                if k in turned and not answer.text:
                    answer.notes.append("may lie on its side: the network is sure of it when it is turned")
                yield answer


def judged(model: Sequential, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (N, C), and in words what to think of each answer (N,): a file without doubts has none."""
    probabilities, doubts = model.predict(x), model.confidence
    check_predicted_classes(probabilities, "probabilities")
    if doubts is None:
        return probabilities, np.full(len(x), SURE)
    return probabilities, np.array(doubts.judge(probabilities, None if doubts.distance is None else model.features(x)))


def look(name: str, picture: Any, form: InputFormat, class_names: list[str]) -> Answer:
    """Read a picture as the network wants it."""
    if form.prepare == "resize":
        return Answer(name, picture, form.read(picture) / np.float32(255 * form.scale), class_names)
    digit = prepare_digit(picture)
    image, boxes = digit.image[..., None], [digit.box]
    return Answer(name, picture, image, class_names, digit.notes, boxes, digit.empty, digit.components)


def looks_like_several(answer: Answer) -> bool:
    """Whether what was cut out is wider than one digit is, or in many pieces; of 2,000 digits of MNIST none is."""
    top, left, bottom, right = answer.boxes[0]
    wide = (right - left) / max(bottom - top, 1)
    return answer.pieces > MOST_PIECES or wide > (WIDE if answer.pieces > 1 else WIDE_PIECE)


def read_sheet(answer: Answer, model: Sequential) -> None:
    """Read all digits, if there are several."""
    lines = read_digits(answer.picture, model)
    boxes = [box for line in lines for box in line.boxes]
    if len(boxes) > 1:
        answer.text, answer.boxes = "\n".join(line.text for line in lines), boxes
        answer.notes = list(dict.fromkeys(note for line in lines for note in line.notes))


def as_row(answer: Answer) -> dict[str, Any]:
    """Return an answer for a table or JSON."""
    best, one = int(answer.probabilities.argmax()), not answer.empty and not answer.text
    return {
        "file": answer.name,
        "class": answer.class_names[best] if one else answer.text or None,
        "probability": round(float(answer.probabilities[best]), 6) if one else None,
        "doubt": answer.doubt or None,
        "notes": "; ".join(answer.notes),
        "boxes": [list(map(int, box)) for box in answer.boxes],
        **{f"p({name})": round(float(share), 6) if one else None
           for name, share in zip(answer.class_names, answer.probabilities)},
    }


def as_csv(answers: list[Answer]) -> str:
    """Return a table with a line for each answer, below one with the names of the columns."""
    text = io.StringIO()
    rows = [{**as_row(answer), "file": printable(answer.name)} for answer in answers]  # a terminal may show it
    columns = rows[0] if rows else ("file", "class", "probability", "doubt", "notes", "boxes")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
