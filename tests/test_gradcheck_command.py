"""``python -m numpycnn.gradcheck``: the table and the exit status."""

import subprocess
import sys

import pytest
import wrong_gradients as zoo

from numpycnn import Dense, ReLU, gradcheck, kernels
from numpycnn import _gradcheck_cases as cases


def few(monkeypatch, *layer_cases):
    """Let the command check these layers and nothing else."""
    monkeypatch.setattr(cases, "layer_cases", lambda: list(layer_cases))
    for name in ("block_cases", "loss_cases", "model_cases"):
        monkeypatch.setattr(cases, name, lambda: [])


def test_the_command_prints_a_table(monkeypatch, capsys):
    few(monkeypatch, (Dense(2), (3,)), (ReLU(), (4,)))
    assert gradcheck.main(["--kernels", "reference"]) == 0
    out = capsys.readouterr().out
    assert "Dense(units=2) on (3,)" in out and "ReLU() on (4,)" in out and "weight.grad" in out
    assert out.count("pass") == 4 and "FAIL" not in out
    assert "reference kernels: 4 arrays, 29 elements, worst error " in out and ", 0 failed" in out
    for column in ("Error", "Worst at", "Analytic", "Numeric", "Kinks", "Result"):
        assert column in out


def test_the_command_fails_on_a_wrong_layer_and_says_why(monkeypatch, capsys):
    few(monkeypatch, (Dense(2), (3,)), (zoo.ConvWeightScaled(2, 3), (4, 4, 1)))
    assert gradcheck.main(["--kernels", "reference"]) == 1
    out = capsys.readouterr().out
    assert out.count("FAIL") == 1 and "1 failed" in out
    message = " ".join(out.split())
    assert "ConvWeightScaled(filters=2, kernel_size=(3, 3)): weight.grad[" in message and "scaled by 1.01" in message


@pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set")
def test_the_command_runs_either_set_of_kernels_or_both(monkeypatch, capsys):
    active = []
    few(monkeypatch)
    monkeypatch.setattr(cases, "layer_cases", lambda: active.append(kernels.ops.active) or [(ReLU(), (4,))])
    assert gradcheck.main([]) == gradcheck.main(["--kernels", "compiled"]) == gradcheck.main(["--kernels", "both"]) == 0
    assert active == ["compiled", "compiled", "compiled", "reference"]
    assert "Gradient check, reference kernels" in capsys.readouterr().out


def test_the_command_refuses_what_it_cannot_run(monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    for arguments, message in (
        (["--kernels", "fast"], "invalid choice"),
        (["--kernels", "both"], "NUMBA_DISABLE_JIT is set, expected reference"),
    ):
        with pytest.raises(SystemExit) as caught:
            gradcheck.main(arguments)
        assert caught.value.code == 2 and message in capsys.readouterr().err


def test_the_module_runs_as_a_command():
    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "numpycnn.gradcheck"], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Conv2D(filters=3" in result.stdout and ", 0 failed" in result.stdout
