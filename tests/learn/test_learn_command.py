"""The command: lists, writes blanks, judges files; and it compiles nothing."""

import json
import os
import subprocess
import sys

import places
import pytest

from numpycnn.learn import EXERCISES, start
from numpycnn.learn.__main__ import main
from numpycnn.learn.course import NAMES

RIGHT = "def dense_backward(dy, x, w):\n    return dy @ w.T, x.T @ dy, dy.sum(axis=0)\n"
WRONG = RIGHT.replace("sum", "mean")
IN_A_DATACLASS = "from __future__ import annotations\nfrom dataclasses import *\n@dataclass\nclass A:\n    x: int\n"


def run(capsys, *arguments):
    status = main(list(map(str, arguments)))
    return status, capsys.readouterr().out


def test_everything_is_listed(capsys):
    status, text = run(capsys)
    assert status == 0 and all(e.signature in text for e in EXERCISES.values()) and all(name in text for name in NAMES)
    assert "Exercises with a judge that names the mistake, and all else" in " ".join(text.split())
    status, text = run(capsys, "list", "--json")
    listed = json.loads(text)
    assert status == run(capsys, "list")[0] == 0
    assert [e["name"] for e in listed["exercises"]] == list(EXERCISES) and listed["cs231n"] == list(NAMES)


def test_blanks_are_written_and_fail_and_no_file_is_overwritten(capsys, tmp_path):
    (tmp_path / "im2col.py").write_text("mine")
    status, text = run(capsys, "start", tmp_path)
    assert status == 0 and "11 blanks written, 1 files left as they were" in text
    assert (tmp_path / "im2col.py").read_text() == "mine"
    assert start(tmp_path) == []
    (tmp_path / "im2col.py").unlink()
    start(tmp_path)
    status, text = run(capsys, "check", "all", tmp_path)
    assert status == 1 and text.count("returns None") == len(EXERCISES)
    blank = (tmp_path / "conv2d_backward.py").read_text()
    assert "(N, OH, OW, F)" in blank and "tensordot" not in blank


def test_a_call_that_stops_all_threads_ends_the_process(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def dense_backward(dy, x, w):\n    return sum(range(10**13))\n")
    command = [sys.executable, "-m", "numpycnn.learn", "check", "dense_backward", path, "--time-limit", "0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and f'File "{path}", line 2 in dense_backward' in done.stderr


@pytest.mark.parametrize("arguments", [[], ["list"], ["trace"]])
def test_a_reader_that_has_seen_enough_is_no_error(arguments):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "numpycnn.learn", *arguments], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_wrong_arguments_are_told_in_a_line(capsys, tmp_path):
    for arguments in (("trace", tmp_path / "absent.npz", "x.png"), ("trace", tmp_path / "absent.npz")):
        assert main(list(map(str, arguments))) == 1
        told = capsys.readouterr().err
        assert told.count("\n") == told.count("trace: ") == 1
    says = "expected a seed and a number of hints from 0 on, and a time above 0, got {}, {} and 20\n"
    assert run(capsys, "check", "im2col", "x.py", "--seed", "-1") == (2, says.format(-1, 0))
    assert run(capsys, "check", "im2col", "x.py", "--hints", "-3") == (2, says.format(0, -3))
    assert main(["check", "all", str(tmp_path / "absent")]) == 1
    told = capsys.readouterr()
    assert not told.out and told.err.count("\n") == 1 and "absent: no such folder; write the blanks" in told.err


def test_a_folder_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    status, text = run(capsys, "start", tmp_path / "file")
    assert status == 2 and "name a folder that can be written" in text


@pytest.mark.parametrize(("source", "status", "says"), [
    (RIGHT, 0, "dense_backward is right"),
    (WRONG, 1, "dense_backward is not right yet. db: db is a mean over the batch"),
    ("def dense_backwards(dy, x, w):\n    pass\n", 1, "defines no function dense_backward; did you mean"),
    ("def dense_backward(:\n", 1, "line 1: Python cannot read it"),
    ("# für mich\n" + RIGHT, 1, "mine.py: expected a text file in UTF-8"),
    ("# -*- coding: latin-1 -*-\n# für mich\n" + RIGHT, 0, "dense_backward is right"),
    ("\xef\xbb\xbf" + RIGHT, 0, "dense_backward is right"),  # as Windows' editors begin a file
    (IN_A_DATACLASS + RIGHT, 0, "dense_backward is right"),
    ("import beside\n" + RIGHT, 0, "dense_backward is right"),
    ("def dense_backward(dy, x, w):\n    return [[1, 2], [3]], x.T @ dy, dy.sum(axis=0)\n", 1,
     "dx is no array of numbers"),
    ("\n1 / 0\n", 1, "does not run beyond line 2: ZeroDivisionError"),
    ("import beside\nbeside.absent(\n)\n", 1, "does not run beyond line 2: AttributeError"),
    ("exit()\n", 1, "does not run beyond line 1: SystemExit"),
    ("while True:\n    pass\n", 1, "TooSlow: it did not end within 0.5 seconds"),
    (None, 1, "write the blanks with python -m numpycnn.learn start"),
])
def test_a_file_is_judged(capsys, tmp_path, source, status, says):
    path = tmp_path / "mine.py"
    if source is not None:
        path.write_text(source, encoding="latin-1")
        (tmp_path / "beside.py").write_text("")
    limit = ["--time-limit", "0.5"] if source and "while" in source else []
    found, text = run(capsys, "check", "dense_backward", path, *limit)
    assert found == status and says in text


def test_hints_come_one_at_a_time(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WRONG)
    assert run(capsys, "check", "dense_backward", path)[1].endswith("(3 hints; the next one: --hints 1)\n")
    text = run(capsys, "check", "dense_backward", path, "--hints", 1)[1]
    assert "Hint 1: Look here: db[0] is" in text and "Hint 2" not in text and "--hints 2" in text
    text = run(capsys, "check", "dense_backward", path, "--hints", 3)[1]
    assert "Hint 3: In the right solution there stands: db = dy.sum(axis=0)" in text and "next one" not in text


def test_an_autograder_reads_json(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WRONG)
    status, text = run(capsys, "check", "dense_backward", path, "--json")
    record = json.loads(text)
    assert text.startswith('{\n  "name"')  # people read it, too
    assert status == 1 and record["name"] == "dense_backward" and record["mistake"] == "db-averaged"
    assert record["passed"] is False and len(record["hints"]) == 3


def test_what_a_file_prints_is_no_part_of_the_json(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("print('loaded')\n" + RIGHT.replace("    return", "    print(x.shape)\n    return"))
    assert main(["check", "dense_backward", str(path), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["passed"] and printed.err.startswith("loaded\n(2, 3)\n")


def test_a_folder_of_files_or_a_file_of_functions(capsys, tmp_path):
    (tmp_path / "dense_backward.py").write_text(RIGHT)
    assert run(capsys, "check", "dense_backward", tmp_path) == (0, "dense_backward is right: 6 cases\n")
    status, text = run(capsys, "check", "all", tmp_path / "dense_backward.py")
    assert status == 1 and "dense_backward is right" in text and text.count("defines no function") == len(EXERCISES) - 1


def test_cs231n_s_files_are_judged(capsys):
    path = places.ROOT / "tests" / "helpers" / "learn_231n.py"
    for name in ("conv_backward_naive", "layernorm_backward"):  # the second takes its forward from the same file
        status, text = run(capsys, "check", name, path)
        assert status == 0, text


def test_an_unknown_exercise(capsys):
    status, text = run(capsys, "check", "conv2d_backwards", "x.py")
    assert status == 2 and "did you mean 'conv2d_backward'" in text


def test_nothing_is_compiled_and_the_jit_may_be_off(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(RIGHT)
    code = (
        "import sys; from numpycnn.learn.__main__ import main; "
        f"status = main(['check', 'dense_backward', {str(path)!r}]); print(status, 'numba' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": places.python_path(), "NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.endswith("0 False\n") and result.stderr == ""
