"""``python -m numpycnn.gradcheck``: the table and the exit status."""

import dataclasses
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest

from numpycnn import Dense, ReLU, gradcheck, kernels
from numpycnn.bug_zoo import BUGS
from numpycnn.bug_zoo import window_mistakes as windows
from numpycnn.gradcheck import cases
from numpycnn.gradcheck.__main__ import COLUMNS, _table, main
from numpycnn.gradcheck.slopes import Row


def few(monkeypatch, *layer_cases):
    """Let the command check these layers and nothing else."""
    monkeypatch.setattr(cases, "layer_cases", lambda: list(layer_cases))
    for name in ("block_cases", "loss_cases", "model_cases"):
        monkeypatch.setattr(cases, name, lambda: [])


def test_the_command_prints_a_table(monkeypatch, capsys):
    few(monkeypatch, (Dense(2), (3,)), (ReLU(), (4,)))
    assert main(["--kernels", "reference"]) == 0
    out = capsys.readouterr().out
    assert "Dense(units=2) on (3,)" in out and "ReLU() on (4,)" in out and "weight.grad" in out
    assert out.count("pass") == 4 and "FAIL" not in out
    assert "reference kernels, difference: 4 arrays, 29 elements, worst error " in out and ", 0 failed" in out
    for column in ("Error", "Worst at", "Analytic", "Numeric", "Kinks", "Result"):
        assert column in out


def test_the_command_fails_on_a_wrong_layer_and_says_why(monkeypatch, capsys):
    few(monkeypatch, (Dense(2), (3,)), (windows.ConvWeightScaled(2, 3), (4, 4, 1)))
    assert main(["--kernels", "reference"]) == 1
    out = capsys.readouterr().out
    assert out.count("FAIL") == 1 and "1 failed" in out
    message = " ".join(out.split())
    assert "ConvWeightScaled(filters=2, kernel_size=(3, 3)): weight.grad[" in message and "scaled by 1.01" in message


@pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set")
def test_the_command_runs_either_set_of_kernels_or_both(monkeypatch, capsys):
    active = []
    few(monkeypatch)
    monkeypatch.setattr(cases, "layer_cases", lambda: active.append(kernels.ops.active) or [(ReLU(), (4,))])
    assert main([]) == main(["--kernels", "compiled"]) == main(["--kernels", "both"]) == 0
    assert active == ["compiled", "compiled", "compiled", "reference"]
    assert "Gradient check, reference kernels" in capsys.readouterr().out


def test_the_command_refuses_what_it_cannot_run(monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    for arguments, message in (
        (["--kernels", "fast"], "invalid choice"),
        (["--kernels", "both"], "NUMBA_DISABLE_JIT is set, expected reference"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2 and message in capsys.readouterr().err


def test_the_module_runs_as_a_command():
    """With one bug; .ci/run lets it check everything."""
    command = [sys.executable, "-W", "error", "-m", "numpycnn.gradcheck", "--break", "maxpool-overlap"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "overlapping windows" in result.stdout and "1 of 1 rejected" in result.stdout


def test_every_kind_has_its_table(monkeypatch, capsys):
    few(monkeypatch, (Dense(2), (3,)), (ReLU(), (4,)))
    built = Dense(2)
    built.build((3,), dtype="float64")
    monkeypatch.setattr(cases, "full_size_cases", lambda: [built])
    monkeypatch.setattr(cases, "full_size_models", lambda: [])
    assert main(["--kernels", "reference", "--kind", "all"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "difference: 4 arrays, 29 elements" in out and "(with a step of 1, where exact: " in out
    assert "complex: 4 arrays, 29 elements" in out
    assert "adjoint: 3 arrays, 6 directions" in out  # two of each array, batches of 64


def test_a_bug_is_shown_being_found(capsys, monkeypatch):
    monkeypatch.setattr("numpycnn.gradcheck.__main__.WIDTH", 40)
    assert main(["--break", "maxpool-overlap"]) == 0
    out = capsys.readouterr().out
    bug = BUGS["maxpool-overlap"]
    said, found, *_ = out.splitlines()  # whole lines: to break them is up to the terminal
    assert said == f"{bug.name} ({bug.kind}): {bug.mistake}"
    assert found.startswith("  MaxPoolOverlapAssigned") and "instead of adding" in found
    out = " ".join(out.split())
    assert "backward assigns (=) where overlapping windows must add (+=)" in out
    assert "MaxPoolOverlapAssigned" in out and "overlapping windows overwrite instead of adding" in out
    assert "1 of 1 rejected" in out


def test_bugs_are_listed(capsys):
    assert main(["--break", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(BUGS)
    with pytest.raises(SystemExit, match="2"):
        main(["--break", "maxpool"])
    assert "--break: invalid choice: 'maxpool'" in capsys.readouterr().err


def test_a_bug_that_passes_fails_the_command(monkeypatch, capsys):
    right = dataclasses.replace(BUGS["relu-no-mask"], subject=ReLU())
    monkeypatch.setitem(BUGS, "relu-no-mask", right)
    assert main(["--break", "relu-no-mask"]) == 1
    assert "0 of 1 rejected" in capsys.readouterr().out


@pytest.mark.parametrize(
    "columns, left_out",
    [(120, []), (80, []), (59, ["Numeric"]), (51, ["Numeric", "Analytic"]), (42, ["Numeric", "Analytic", "Kinks"]),
     (36, ["Numeric", "Analytic", "Kinks", "Worst at"]), (9, ["Numeric", "Analytic", "Kinks", "Worst at"])],
)  # fmt: skip
def test_the_table_suits_the_terminal(columns, left_out):
    report = gradcheck.check_layer(Dense(4), (3,))
    subject = "Conv2D(filters=2, kernel_size=(3, 3), padding='same', use_bias=False) on (5, 6, 2)"
    lines = _table([(subject, report)], columns).plain.splitlines()
    assert lines[0].split() == " ".join(name for name in COLUMNS if name not in left_out).split()
    assert " ".join(line.strip() for line in lines[2:-3]) == subject
    assert columns < 36 or max(map(len, lines)) <= columns
    for line, row in zip(lines[-3:], report.rows):
        assert line.split()[0] == row.name and f" {row.error:.1e} " in line and line.endswith(" pass")
        assert (f" {row.skipped}/{row.elements} " in line) == ("Kinks" not in left_out)


def test_the_table_is_wide_where_it_just_fits():
    report = gradcheck.check_layer(Dense(4), (3,))
    wide, tight, narrow = (_table([("Dense", report)], columns).plain.splitlines() for columns in (200, 66, 65))
    assert max(map(len, wide)) == 66 and wide == tight != narrow


@pytest.mark.parametrize("columns", [80, 100])
def test_every_row_of_the_package_fits(columns):
    rows = [
        Row("reference CNN", "layers[0].weight.grad", 2.5e-9, (2, 10, 3, 12), -0.00029727, -0.00029727, 1428, 10, 1e-7),
        Row("reference CNN", "dx", math.inf, None, math.nan, -1.23456789e-5, 10, 0, 1e-7),
    ]
    text = _table([("reference CNN", SimpleNamespace(rows=rows))], columns).plain
    assert max(map(len, text.splitlines())) <= columns and "Numeric" in text
    assert "-0.0002973" in text and "-1.235e-05" in text and "2,10,3,12" in text and text.count("FAIL") == 1
