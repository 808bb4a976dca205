"""The fuzzer of ``fuzz.py``: a short run always, a million inputs as a campaign; and the fuzzer finds what is wrong."""

import dataclasses
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import fuzz
import numpy as np
import pytest
from places import TESTS, python_path

import numpycnn

pytest.importorskip("resource", reason="memory is limited with POSIX's setrlimit")
FUZZ = TESTS / "helpers/fuzz.py"
COUNTS = {"read_idx": 850_000, "load": 90_000, "prepare_digit": 60_000}  # some three minutes each, on one core
MEGABYTES = 800  # 50 million pixels in colour are 200 MB, and may be there three times: decoded, turned, as an array


def report_of(target, first, count):
    """Return what the fuzzer says, run in a process of its own, so that memory is its own."""
    environment = {**os.environ, "PYTHONPATH": python_path()}
    command = [sys.executable, str(FUZZ), target, "--first", str(first), "--inputs", str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), f"exit code {done.returncode}\n{done.stderr}"
    return json.loads(done.stdout)


def check(report, count):
    assert report["findings"] == []
    assert report["inputs"] == sum(report["outcomes"].values()) == count
    assert report["memory_mb"] < MEGABYTES and report["worst_seconds"] < fuzz.PATIENCE
    refused = {kind: n for kind, n in report["outcomes"].items() if "Error: " in kind}
    assert len(refused) >= 5 and 0.2 < sum(refused.values()) / count < 0.95  # neither all right nor all rubbish


@pytest.mark.parametrize("target, count", [("read_idx", 5000), ("load", 150), ("prepare_digit", 300)])
def test_only_documented_errors_come_out(target, count):
    check(report_of(target, 10**9, count), count)  # others than the campaign's


@pytest.mark.campaign
@pytest.mark.parametrize("target", COUNTS)
def test_a_million_inputs(target):
    report = report_of(target, 0, COUNTS[target])
    check(report, COUNTS[target])
    print({name: value for name, value in report.items() if name != "findings"})


def other_numbers(file, max_bytes):
    return numpycnn.read_idx(file) + 1


def too_bright(picture):
    return dataclasses.replace(numpycnn.prepare_digit(picture), image=np.full((28, 28), 2, np.float32))


def other_model(path):
    model = numpycnn.Sequential.load(path)
    model.output_shape = (7,)
    return model


def undocumented(*_, **__):
    raise KeyError("expected nothing")


@pytest.mark.parametrize("target, name, wrong", [
    ("read_idx", "read_idx", other_numbers), ("read_idx", "read_idx", undocumented),
    ("prepare_digit", "prepare_digit", too_bright), ("prepare_digit", "prepare_digit", undocumented),
    ("load", "Sequential", SimpleNamespace(load=other_model)),
    ("load", "Sequential", SimpleNamespace(load=undocumented)),
])  # fmt: skip
def test_the_fuzzer_sees_what_is_wrong(target, name, wrong, monkeypatch, tmp_path):
    make, judge = fuzz.TARGETS[target]
    seed = make(tmp_path).seed()
    assert judge(seed) in ("accepted", "empty")
    seed = make(tmp_path).seed()  # a file is read to its end
    monkeypatch.setattr(fuzz, name, wrong)
    with pytest.raises((fuzz.Finding, KeyError)):
        judge(seed)


def test_a_finding_is_reported_with_its_number(monkeypatch, tmp_path):
    answers = iter(["accepted", "accepted", ValueError("wrong"), "accepted"])  # the first is for the seed

    def judge(_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setitem(fuzz.TARGETS, "read_idx", (fuzz.IdxInputs, judge))
    monkeypatch.setattr(fuzz, "_limit_memory", lambda: None)  # this process goes on
    report = fuzz.run("read_idx", 40, 3, tmp_path)
    assert report["outcomes"] == {"accepted": 2, "FINDING ValueError": 1}
    (finding,) = report["findings"]
    assert finding.startswith("input 41: ") and "ValueError: wrong" in finding
