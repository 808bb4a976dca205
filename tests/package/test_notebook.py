"""The notebook: committed with its outputs, and every cell runs, from top to bottom."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import numpycnn  # noqa: E402

PATH = Path(__file__).resolve().parents[2] / "examples" / "mnist_walkthrough.ipynb"
NOTEBOOK = json.loads(PATH.read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
OUTPUTS = [output for cell in CODE for output in cell["outputs"]]


def source(cell):
    return "".join(cell["source"])


def run_cell(text, namespace):
    """Execute a cell as a notebook does: the value of a last line that is an expression is returned."""
    module = ast.parse(text)
    last = module.body.pop() if isinstance(module.body[-1], ast.Expr) else None
    exec(compile(module, str(PATH), "exec"), namespace)
    return None if last is None else eval(compile(ast.Expression(last.value), str(PATH), "eval"), namespace)


def run_notebook(**parameters):
    """Execute all cells in one namespace, with other values in the cell of parameters; return it and the pictures."""
    namespace, pictures = {"__name__": "__main__"}, []
    for cell in CODE:
        value = run_cell(source(cell), namespace)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert parameters.keys() <= namespace.keys()
            namespace.update(parameters)
        if hasattr(value, "_repr_png_"):
            pictures.append(value._repr_png_())
    return namespace, pictures


def not_at_hand():
    raise numpycnn.DownloadError("no network")


def test_runs_from_top_to_bottom_without_mnist(monkeypatch, capsys):
    monkeypatch.setattr(numpycnn, "load_mnist", not_at_hand)
    namespace, pictures = run_notebook(IMAGES=300, EPOCHS=2)
    printed = capsys.readouterr().out
    assert "digits that numpycnn drew, since MNIST is not at hand" in printed
    assert "to train: (300, 28, 28) uint8" in printed and "Epoch 2/2" in printed and "macro avg" in printed
    assert len(namespace["probabilities"]) == 300
    assert 0.3 < namespace["accuracy"] <= 1  # by chance it would be 0.1; 300 images and two epochs
    assert len(pictures) == 16 and all(png.startswith(b"\x89PNG") for png in pictures)
    assert namespace["prepared"].inverted and not namespace["prepared"].empty
    saved_and_loaded = namespace["again"].predict(np.zeros((1, 28, 28, 1)))
    np.testing.assert_array_equal(saved_and_loaded, namespace["model"].predict(np.zeros((1, 28, 28, 1))))


def test_mnist_is_taken_where_it_is_at_hand(monkeypatch, capsys):
    pair = np.zeros((20, 28, 28), np.uint8), np.arange(20, dtype=np.uint8) % 10
    monkeypatch.setattr(numpycnn, "load_mnist", lambda: (pair, pair))
    (loading,) = (cell for cell in CODE if "load_mnist()" in source(cell))
    run_cell(source(loading), {"IMAGES": 10})
    assert capsys.readouterr().out.startswith("Data: MNIST\nto train: (10, 28, 28)")


def test_is_committed_with_its_outputs_in_order():
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    assert {output["output_type"] for output in OUTPUTS} == {"stream", "execute_result", "display_data"}, "no errors"
    assert all(output.get("name", "stdout") == "stdout" for output in OUTPUTS), "no warnings"
    pictures = [output["data"]["image/png"] for output in OUTPUTS if "image/png" in output.get("data", {})]
    assert len(pictures) == 16
    assert PATH.stat().st_size < 1_000_000


def test_its_outputs_are_those_of_the_whole_of_mnist():
    text = "".join("".join(output.get("text", ())) for output in OUTPUTS)
    assert "Data: MNIST\n" in text and "(60000, 28, 28)" in text
    (percent,) = re.findall(r"^loss [\d.]+, accuracy ([\d.]+)%$", text, re.MULTILINE)
    assert float(percent) > 98.5


def test_shows_nothing_of_the_machine_it_ran_on():
    shown = [output.get("text", "") for output in OUTPUTS]
    shown += [text for output in OUTPUTS for kind, text in output.get("data", {}).items() if kind == "text/plain"]
    for text in ["".join(part) for part in shown] + [source(cell) for cell in NOTEBOOK["cells"]]:
        assert not re.search(r"(^|[\s'\"(])(~|/[\w.-]+)/[\w.-]+|[A-Z]:\\|0x[0-9a-f]{6}", text), text
    assert set(NOTEBOOK["metadata"]) <= {"kernelspec", "language_info"}


def test_speaks_of_everything_that_it_should():
    names = {node.id for cell in CODE for node in ast.walk(ast.parse(source(cell))) if isinstance(node, ast.Name)}
    from numpycnn import plots

    assert {name for name in plots.__all__ if name.startswith("plot_")} - names == {"plot_augmentation"}
    assert {"prepare_digit", "classification_report", "calibration", "top_k_accuracy"} <= names


@pytest.mark.parametrize("text, expected", [("a = 2\na * 3", 6), ("a = 2", None), ("'x'", "x")])
def test_the_runner_itself(text, expected):
    assert run_cell(text, {}) == expected
