"""The course: every program runs, every formula of the package has a derivation, and one file equals the package."""

import ast
import importlib
import json
import pathlib
import re
import runpy
import sys

import numpy as np
import pytest
from places import ROOT

import numpycnn as nc
from numpycnn import kernels, learn
from numpycnn.layers.activations import Activation

LEARN = ROOT / "examples" / "learn"
CHAPTERS = sorted(LEARN.glob("[0-9][0-9]_*.py"))


@pytest.fixture(scope="module", autouse=True)
def course_modules():
    """The course's own modules can be imported, in their short form."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMPYCNN_COURSE", "short")
        patch.syspath_prepend(str(LEARN))
        yield
        for name, module in [*sys.modules.items()]:
            if str(LEARN) in str(getattr(module, "__file__", None)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def course(course_modules):
    return importlib.import_module("course")


@pytest.fixture(scope="module")
def equalities(course):
    """What each chapter asserted; running them is the test of most of it."""
    found = {}
    for path in CHAPTERS:
        course.EQUALITIES.clear()
        runpy.run_path(str(path), run_name="__main__")
        found[path.name] = [*course.EQUALITIES]
    return found


def formulas():
    """Names of the classes and methods of layers, losses and optimizers that have a formula, read from the sources."""

    def documented(node, prefix=""):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.ClassDef, ast.FunctionDef)):
                yield prefix + child.name, ast.get_docstring(child) or ""
                yield from documented(child, f"{prefix}{child.name}.")

    package = pathlib.Path(nc.__file__).parent
    paths = [path for room in ("layers", "losses", "optimizers") for path in (package / room).rglob("*.py")]
    texts = [text for path in paths for text in documented(ast.parse(path.read_text(encoding="utf-8")))]
    return {name for name, text in texts if ".. math::" in text}


def test_every_chapter_asserts_its_algebra(equalities):
    assert len(CHAPTERS) == 10
    for name, asserted in equalities.items():
        assert any(equality.of_package for equality in asserted), name
        assert all(equality.difference < 1e-12 for equality in asserted)
    total = sum(map(len, equalities.values()))
    assert f"All ten assert {total} equalities." in (LEARN / "README.md").read_text(encoding="utf-8")


def test_every_formula_of_the_package_is_derived(equalities):
    """At least one line of algebra, and in the end the package's own numbers."""
    derived = {}
    for equality in (equality for asserted in equalities.values() for equality in asserted):
        derived.setdefault(equality.formula, []).append(equality.of_package)
    names = formulas()
    assert {"Dense.backward", "Conv2D", "LayerNorm", "SoftmaxCrossEntropy", "RMSprop", "BatchNorm.backward"} <= names
    assert {curve.__name__ for curve in Activation.__subclasses__() if hasattr(nc, curve.__name__)} <= names
    assert [name for name in sorted(names) if not any(derived.get(name, []))] == []
    assert [name for name in sorted(names) if all(derived[name])] == [], "the package alone: nothing is derived"


def test_a_wrong_line_of_algebra_is_refused(course):
    d = course.derive(nc.Dense)
    a = np.arange(6.0).reshape(2, 3)
    for left, right, message in [
        (a, a + 1e-11, "differ by 2"), (a, a[:1], "shapes"), (a[:0], a[:0], "shapes"), (a, a, "the same memory"),
        (a, np.where(a == 5, np.nan, a), "differ by nan"),
    ]:
        with pytest.raises(AssertionError, match=message):
            d.equal("a line", left, right)
    with pytest.raises(ValueError, match="no formula"):
        course.derive(nc.Flatten)


def test_slopes_are_right(course):
    x = np.array([[0.3, -2.0]])
    np.testing.assert_allclose(course.slope(lambda x: np.sin(x).sum(), x), np.cos(x), rtol=1e-15)
    np.testing.assert_allclose(course.slope_of_pieces(lambda x: np.abs(x).sum(), x), np.sign(x), rtol=1e-12)


def test_questions_wait_at_a_terminal_only(course, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("builtins.input", asked.append)
    for terminal, short in [(False, False), (True, True), (True, False)]:
        monkeypatch.setattr(course, "SHORT", short)
        monkeypatch.setattr(course.sys.stdin, "isatty", lambda terminal=terminal: terminal, raising=False)
        monkeypatch.setattr(course.sys.stdout, "isatty", lambda terminal=terminal: terminal, raising=False)
        course.question("Why?")
    assert len(asked) == 1 and capsys.readouterr().out.count("? Why?") == 3

    def end(prompt):  # Ctrl-D
        raise EOFError

    monkeypatch.setattr("builtins.input", end)
    course.question("Why not?")


@pytest.mark.parametrize(("columns", "longest"), [(40, 40), (80, 80), (200, 100)])
def test_questions_fit_the_terminal(course, monkeypatch, capsys, columns, longest):
    monkeypatch.setattr(course, "width", lambda elsewhere: columns)
    course.question("wide " * 50)
    assert longest - 8 < max(map(len, capsys.readouterr().out.splitlines())) <= longest


@pytest.mark.parametrize("terminal", [True, False])
def test_algebra_fits_the_terminal_and_is_one_line_elsewhere(course, monkeypatch, capsys, terminal):
    monkeypatch.setattr(course.sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(course, "width", lambda elsewhere: 60)
    course.derive(nc.BatchNorm.backward).equal("x = " + " + ".join(["0.5 x"] * 20), np.ones(2) * 10, 10 * np.ones(2))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60 if terminal else len(lines) == 3


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_chapters_are_in_percent_format_with_questions_and_exercises(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# %% \[markdown\]\n# # {int(path.name[:2])}\. ", text)
    for cell in re.split(r"^# %%", text, flags=re.M)[1:]:
        is_text = cell.startswith(" [markdown]\n")
        assert not is_text or all(line.startswith("#") for line in cell.strip().splitlines()[1:])
    assert "question(" in text and "\n# ## Exercises\n" in text and "\n# Not covered: " in text
    last = text.rindex("# %% [markdown]")
    assert "report()" in text[:last]


def test_all_exercises_of_the_judge_are_in_the_chapters():
    text = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS)
    assert [name for name in learn.EXERCISES if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text)] == []


def test_what_the_course_names_exists():
    files = [*LEARN.glob("*.py"), *LEARN.glob("*.md")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        for picture in re.findall(r"\((pictures/[\w.]+)\)", text):
            assert (LEARN / picture).is_file(), (path.name, picture)
        for program in re.findall(r"python (examples/learn/\w+\.py)", text):
            assert (ROOT / program).is_file(), (path.name, program)


# -- the notebooks


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_notebooks_are_the_chapters_executed(path, equalities):
    """Sources as in the chapter, run from top to bottom; every equality that it asserts now is printed there."""
    notebook = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert cells == importlib.import_module("notebooks").cells_of(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]
    printed = "".join(line for cell in code for output in cell["outputs"] for line in output["text"])
    assert [equality.line for equality in equalities[path.name] if equality.line not in printed] == []


def test_a_notebook_can_be_made_anew(tmp_path, monkeypatch, capsys):
    notebooks = importlib.import_module("notebooks")
    monkeypatch.setattr(notebooks, "HERE", tmp_path)
    (tmp_path / "01_short.py").write_text("# %% [markdown]\n# # Title\n#\n# Text\n\n# %%\nx = 2\n\n# %%\nprint(x)\n")
    monkeypatch.setattr(sys, "argv", ["notebooks.py", str(tmp_path / "out")])
    notebooks.main()
    made = json.loads((tmp_path / "out" / "01_short.ipynb").read_text(encoding="utf-8"))
    assert "".join(made["cells"][0]["source"]) == "# Title\n\nText"
    assert [cell.get("outputs") for cell in made["cells"][1:]] == [
        [], [{"name": "stdout", "output_type": "stream", "text": ["2\n"]}],
    ]
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)


# -- the experiments


@pytest.fixture
def experiments():
    """The experiments, on one thread: for networks as small as theirs the others would only be waited for."""
    threads = nc.get_num_threads()
    nc.set_num_threads(1)
    yield importlib.import_module("experiments")
    nc.set_num_threads(threads)


@pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: training takes too long")
def test_every_experiment_runs(experiments, monkeypatch, capsys):
    """A few images; the claims hold for many, which the long test shows."""
    monkeypatch.setattr(sys, "argv", ["experiments.py", "all", "--scale", "0.03"])
    experiments.main()
    printed = capsys.readouterr().out
    for name, experiment in experiments.EXPERIMENTS.items():
        assert f"\n{name}\n" in printed
        for claim in experiment.claims:
            assert re.search(rf"^(yes|NO ) {{1,2}}{re.escape(claim)}$", printed, re.M), claim
    monkeypatch.setattr(sys, "argv", ["experiments.py"])
    experiments.main()
    assert capsys.readouterr().out.count("?") >= len(experiments.EXPERIMENTS)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", [
    "wrong_gradient", "shifted_digits", "label_noise", "initialisation_and_depth", "learning_rates", "batch_noise",
    "against_learning_by_heart",
])
def test_what_experiments_claim_holds(experiments, name, seed):
    experiment = experiments.EXPERIMENTS[name]
    table = experiment.run(seed, 1.0)
    wrong = [claim for claim, holds in experiment.claims.items() if not holds(table)]
    assert wrong == [], experiments.written(table)


def test_every_experiment_is_in_the_long_test_and_in_a_chapter(experiments):
    marks = {mark.args[0]: mark.args[1] for mark in test_what_experiments_claim_holds.pytestmark if mark.args}
    assert set(marks["name"]) == set(experiments.EXPERIMENTS)
    text = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS)
    assert [name for name in experiments.EXPERIMENTS if f"examples/learn/experiments.py {name}`" not in text] == []


# -- the one-file edition


def pair(fused):
    """Return the one-file network and the package's, in float64, with the same weights."""
    network = importlib.import_module("one_file").make_network(seed=3, dtype=np.float64)
    layers = [nc.Conv2D(8, 3), nc.ReLU(), nc.MaxPool2D(2), nc.Conv2D(16, 3), nc.ReLU(), nc.MaxPool2D(2)]
    model = nc.Sequential([*layers, nc.Flatten(), nc.Dense(10)], (28, 28, 1), dtype="float64", fused=fused)
    model.set_weights([p for layer in network.layers for p in layer.params])
    model.compile(nc.Adam(1e-3), nc.SoftmaxCrossEntropy())
    assert (len(model.plan) < len(model.layers)) == fused
    return network, model


@pytest.mark.parametrize("fused", [False, True])
def test_twenty_steps_of_one_file_are_the_packages(fused):
    network, model = pair(fused)
    x, y = nc.load_synthetic_digits(160)
    x, y = x[..., None] / 255, y.astype(np.int64)
    for i in range(0, 160, 8):
        loss = network.step(x[i : i + 8], y[i : i + 8])
        assert loss == pytest.approx(model.train_on_batch(x[i : i + 8], y[i : i + 8])[0], rel=1e-12)
    ours = [p for layer in network.layers for p in layer.params]
    differences = [np.abs(a - b).max() for a, b in zip(ours, model.get_weights(), strict=True)]
    assert max(differences) < 1e-12
    assert network.accuracy(x, y) == model.evaluate(x, y)[1]


def test_one_file_is_short_and_needs_numpy_alone():
    lines = (LEARN / "one_file.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 250
    imported = {line.split()[1] for line in lines if re.match(r"\s*(import|from) ", line)}
    assert imported == {"argparse", "gzip", "time", "pathlib", "numpy", "numpycnn"}
    assert [line for line in lines if "numpycnn import" in line] == [
        "        from numpycnn import load_synthetic_digits  # the only line that needs the package"
    ]


def test_the_judge_passes_what_one_file_computes():
    """Where a function of it has the form of an exercise."""
    verdict = learn.check("softmax_cross_entropy", importlib.import_module("one_file").softmax_cross_entropy)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("packed", [False, True])
def test_one_file_trains_and_reads_mnist(packed, tmp_path, monkeypatch, capsys):
    one_file = importlib.import_module("one_file")
    for seed, part in enumerate(("train", "t10k")):
        x, y = nc.load_synthetic_digits(60, seed)
        for name, array in ((f"{part}-images-idx3-ubyte", x), (f"{part}-labels-idx1-ubyte", y)):
            nc.write_idx(tmp_path / (f"{name}.gz" if packed else name), array)
    monkeypatch.setattr(sys, "argv", ["one_file.py", "--data", str(tmp_path), "--images", "50", "--epochs", "2"])
    one_file.main()
    assert re.search(r"epoch 2: loss \d\.\d{4}, test accuracy 0\.\d{4}", capsys.readouterr().out)
    x, y, x_test, _ = one_file.load(tmp_path, 50)
    drawn, labels = nc.load_synthetic_digits(50)
    assert x_test.shape == (50, 28, 28, 1) and np.array_equal(np.rint(x[..., 0] * 255), drawn)
    assert np.array_equal(y, labels)


# -- pictures


def texts(ax):
    return [text.get_text() for text in ax.texts]


def numbers(array):
    return [f"{value:g}" for value in np.ravel(array) + 0.0]


def test_the_numbers_drawn_are_the_kernels():
    """Compared with sums over windows, written here."""
    pictures = importlib.import_module("pictures")
    x, w, dy = pictures.IMAGE, pictures.FILTER, pictures.GRADIENT
    windows = [x[i : i + 2, j : j + 2] for i in range(3) for j in range(3)]
    image, cols, filters, y = pictures.draw_im2col(8).axes
    assert texts(image) == numbers(x) and texts(cols) == numbers(windows) and texts(filters) == numbers(w)
    assert texts(y) == numbers([(window * w).sum() for window in windows])
    assert texts(pictures.draw_im2col(1).axes[1]) == numbers(windows[:2])
    dx = np.zeros_like(x)
    for i, j in np.ndindex(3, 3):
        dx[i : i + 2, j : j + 2] += dy[i, j] * w
        *_, rows, so_far = pictures.draw_col2im(3 * i + j).axes
        assert texts(so_far) == numbers(dx), (i, j)
        assert texts(rows)[4 * (3 * i + j) :][:4] == numbers(dy[i, j] * w)
    _, y, _, dx = pictures.pooling().axes
    assert texts(y) == ["5", "5", "5", "6"] and np.flatnonzero(np.array(texts(dx)) != "0").tolist() == [12, 18]
    assert [texts(dx)[12], texts(dx)[18]] == ["6", "4"]
    notes = [ax.get_xlabel() for ax in pictures.stride_and_padding().axes]
    assert [note.split(", ")[1] for note in notes] == [f"{n} x {n} outputs" for n in (3, 5, 2, 2, 3)]


def test_the_pictures_can_be_drawn_anew(tmp_path, monkeypatch, capsys):
    from PIL import Image

    pictures = importlib.import_module("pictures")
    committed = [*(LEARN / "pictures").iterdir()]
    assert {path.name for path in committed} == {*pictures.PICTURES, "ladder.png"}
    assert sum(path.stat().st_size for path in committed) < 200_000
    two = {name: pictures.PICTURES[name] for name in ("im2col.gif", "pooling.png")}
    monkeypatch.setattr(pictures, "PICTURES", two)
    monkeypatch.setattr(sys, "argv", ["pictures.py", str(tmp_path)])
    pictures.main()
    with Image.open(tmp_path / "im2col.gif") as animation:
        assert animation.n_frames == 9
    assert (tmp_path / "pooling.png").read_bytes().startswith(b"\x89PNG")
