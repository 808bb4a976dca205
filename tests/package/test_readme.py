"""What the READMEs show: every code block runs or is compared with what comes out, and commands and links are good.

A block in a language that these tests cannot check is a failure, so that no block goes unchecked.
"""

import ast
import configparser
import functools
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from places import ROOT

import numpycnn

PAGES = [
    "README.md", "benchmarks/README.md", "examples/learn/README.md", "examples/learn/teachers.md", "tests/README.md",
]
FEW = 10  # images in place of MNIST's 60,000: an example of 100 epochs is soon done, without the JIT, too
SETTINGS = configparser.ConfigParser()
SETTINGS.read(ROOT / "setup.cfg", encoding="utf-8")


@dataclass
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks_of(page):
    """Return the blocks of a page; a fence without its other half is an error."""
    lines, found, start = (ROOT / page).read_text(encoding="utf-8").splitlines(), [], None
    for number, line in enumerate(lines):
        if line.startswith("```") and start is None:
            start = number
        elif line.startswith("```"):
            assert line == "```", f"{page}:{number + 1}: a fence in a fence"
            found.append(Block(page, start + 1, lines[start][3:], "\n".join(lines[start + 1 : number])))
            start = None
    assert start is None, f"{page}:{start}: a fence that does not end"
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def blocks_in(language):
    return [block for block in BLOCKS if block.language == language]


def test_every_block_has_a_language_that_is_tried_here():
    assert {block.language for block in BLOCKS} == {"python", "sh", "console", "text"}


def test_every_page_is_read_here():
    folders = [ROOT / name for name in ("benchmarks", "examples", "numpycnn", "tests")]
    found = {*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))}
    assert found == {ROOT / page for page in PAGES}


# -- python: the blocks of a page in order, in one namespace, as a reader types them


def few_of(load):
    """Return a loader of the first images that `load` gives."""
    return lambda *args: tuple((images[:FEW], labels[:FEW]) for images, labels in load(*args))


def drawn_digits(*args):
    return tuple(numpycnn.load_synthetic_digits(FEW, seed=seed) for seed in (0, 1))


@pytest.fixture
def few_images(monkeypatch):
    """MNIST's first images where it is at hand, else as many that numpycnn draws: the examples' epochs are short."""
    load = few_of(numpycnn.load_mnist) if os.environ.get("NUMPYCNN_DATA") else drawn_digits
    monkeypatch.setattr(numpycnn, "load_mnist", load)


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.page == page for b in blocks_in("python"))])
def test_python_blocks_run(page, few_images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numpycnn.profile.load_average", lambda: 0.0)  # else a busy machine adds a line
    monkeypatch.setattr("numpycnn.profile.width", lambda elsewhere: 200)  # else long times push a column out
    namespace = {"__name__": "__main__"}
    for block in blocks_in("python"):
        if block.page == page:
            exec(compile("\n" * block.line + block.text, ROOT / page, "exec"), namespace)
    printed = capsys.readouterr().out
    for block in blocks_in("text"):
        if block.page == page and block.text.startswith(PROFILE):
            assert shape_of(PROFILE + printed.split(PROFILE)[1]) == shape_of(block.text)


PROFILE = "One training step:"


def shape_of(text):
    """Return a text line by line, with a sign in place of every number and one space for several."""
    lines = [re.sub(r"─+", "─", re.sub(r"\d[\d,.]*", "#", line)).split() for line in text.splitlines()]
    return [" ".join(line) for line in lines if line]


# -- text: what came out of the python blocks (above), or the tree of the package


def tree_paths(text):
    """Yield the files and folders that a drawn tree names; after a semicolon comes another entry of its root."""
    root, *lines = text.splitlines()
    folder = root
    for line in lines:
        continued = not re.match(r"  \S", line)
        for part in line.split(";"):
            folder = folder if continued else root
            continued = False
            for entry in re.findall(r"[a-z_0-9]+(?:\.py\b|/)", part):
                yield f"{folder}{entry}"
                if entry.endswith("/") and folder == root:
                    folder += entry


def test_the_tree_itself_is_read_right():
    text = "p/\n  a/   x.py (the a)  y.py  b/ inner\n       z.py\n  b.py  c.py\n  d/  what;  e/  w.py;  f.py"
    expected = "p/a/ p/a/x.py p/a/y.py p/a/b/ p/a/z.py p/b.py p/c.py p/d/ p/e/ p/e/w.py p/f.py"
    assert list(tree_paths(text)) == expected.split()


@pytest.mark.parametrize("block", blocks_in("text"), ids=str)
def test_text_blocks_are_output_or_a_tree(block):
    if not block.text.startswith(PROFILE):
        assert block.text.startswith("numpycnn/\n")
        paths = list(tree_paths(block.text))
        assert paths and [path for path in paths if not (ROOT / path).exists()] == []


# -- console: a command, and what it prints


@pytest.mark.parametrize("block", blocks_in("console"), ids=str)
def test_transcripts_are_what_comes_out(block):
    command, expected = block.text.split("\n", 1)
    program, *words = shlex.split(command.removeprefix("$ "))
    assert command.startswith("$ ") and program == "python"
    result = run([sys.executable, *words])
    assert result.stdout.split() == expected.split(), result.stderr  # a page breaks long lines


# -- sh, and every command in a table or a sentence


def run(command, cwd=ROOT, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@functools.cache
def help_of(*words):
    result = run([sys.executable, *words, "--help"])
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_an_example_s_help_helps():
    for program in (ROOT / "examples").glob("*.py"):
        assert help_of(str(program)).startswith(f"usage: {program.stem}")


def commands_in(text):
    """Return the commands of a block or of a line, each as a list of words."""
    parts = [part for line in text.splitlines() for part in line.split("&&") if part.strip()]
    return [shlex.split(part.strip()) for part in parts]


def check_command(words):
    """Fail if a command names a file, an option, an extra, a test or a program that does not exist."""
    if words[0] == "mpirun":  # mpirun -n 4 PROGRAM
        assert words[1] == "-n" and words[2].isdigit()
        words = words[3:]
    program, *rest = words
    if program == "numpycnn":
        known = re.findall(r"--?[a-z][a-z-]*", help_of("-m", "numpycnn", *rest[: not rest[0].startswith("-")]))
        assert {word for word in rest if word.startswith("-")} <= {*known, "--help"}, words
    elif re.fullmatch(r"(\.venv/bin/)?python3?", program) and rest[:2] == ["-m", "pip"]:
        check_pip(rest[2:])
    elif re.fullmatch(r"(\.venv/bin/)?python3?", program) and rest[:2] == ["-m", "pytest"]:
        check_pytest(rest[2:])
    elif re.fullmatch(r"(\.venv/bin/)?python3?", program):
        target, options = (rest[:2], rest[2:]) if rest[0] == "-m" else (rest[:1], rest[1:])
        assert rest[0] == "-m" or (ROOT / rest[0]).is_file(), f"no file {rest[0]}"
        known = set(re.findall(r"--[a-z][a-z-]*", help_of(*target)))
        assert {word for word in options if word.startswith("--")} <= known, words
    elif program == "pip":
        check_pip(rest)
    elif words[:2] == ["jupyter", "nbconvert"]:  # no part of the test tools; the notebook itself is run by its tests
        assert (ROOT / rest[-1]).is_file()
    elif len(words) == 1:
        assert os.access(ROOT / program, os.X_OK), f"no program {program}"
    else:
        raise AssertionError(f"nobody here knows how to try {shlex.join(words)}")


def check_pip(words):
    """Installing needs a network, which tests do not: the extras are compared with setup.cfg."""
    assert words[0] == "install" and set(words[1:]) & {"-e", "notebook"}, words
    for extras in re.findall(r"\[(.*?)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(SETTINGS["options.extras_require"]), words


def check_pytest(words):
    paths = [word for word in words if word.endswith(".py")]
    for path in paths:
        elsewhere = [str(p.relative_to(ROOT)) for p in ROOT.glob(f"tests/**/{Path(path).name}")]
        assert (ROOT / path).is_file(), f"no file {path}; files of that name: {elsewhere}"
    options = dict(zip(words, words[1:]))
    if "-m" in options:
        assert options["-m"] in re.findall(r"^\s*(\w+):", SETTINGS["tool:pytest"]["markers"], re.M)
    files = [ROOT / path for path in paths] or sorted(ROOT.glob("tests/**/test_*.py"))
    for word in set(re.findall(r"\w+", options.get("-k", ""))) - {"and", "or", "not"}:
        assert any(word in name for file in files for name in names_of_tests(file)), f"no test for -k {word}"
    if "-n" in options:  # pytest-xdist's
        assert options["-n"].isdigit()
    known = {"-m", "-k", "-n", *(options.get(option) for option in ("-m", "-k", "-n")), *paths}
    assert set(words) <= known, words


@functools.cache
def names_of_tests(path):
    tree = ast.walk(ast.parse(path.read_text()))
    return [node.name for node in tree if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@pytest.mark.parametrize("block", blocks_in("sh"), ids=str)
def test_shell_blocks_are_good(block):
    commands = commands_in(block.text)
    assert commands
    for words in commands:
        check_command(words)


INLINE = re.compile(r"`((?:\.venv/bin/)?(?:python3? |pip |\.ci/|numpycnn |mpirun )[^`]+)`")


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_tables_and_sentences_are_good(page):
    prose = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.M | re.S)
    commands = INLINE.findall(prose)
    assert commands
    for command in commands:
        for words in commands_in(command):
            check_command(words)


@pytest.mark.parametrize("command, message", [
    ("python examples/absent.py", "no file"),
    ("python examples/train_mnist.py --absent", "--absent"),
    ("python -m pytest tests/absent.py", "no file"),
    ("python -m pytest -k absent_from_all_names_" "of_tests", "no test"),
    ("python -m pytest -m absent", "absent"),
    ("python -m pytest --absent", "absent"),
    ("pip install -e .[absent]", "absent"),
    ("numpycnn page --absent", "--absent"),
    ("make", "no program"),
    ("make all", "nobody here knows"),
])
def test_bad_commands_are_noticed(command, message):
    with pytest.raises(AssertionError, match=message):
        check_command(shlex.split(command))


def test_the_blocks_of_the_front_page_work_one_after_the_other(tmp_path):
    """Train as the first block says, on few images, then ask about two pictures as the text after it does."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    front = [words for block in blocks_in("sh") if block.page == "README.md" for words in commands_in(block.text)]
    (train,) = [words[1:] for words in front if words[1:] == ["examples/train_mnist.py"]]
    sentences = INLINE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (predict,) = [command.split()[1:] for command in sentences if command.startswith("numpycnn predict")]
    with_jit = {"NUMBA_DISABLE_JIT": "0"}  # as a reader runs it, whatever these tests run without
    no_download = [] if os.environ.get("NUMPYCNN_DATA") else ["--dataset", "synthetic", "--output-dir", "runs/mnist"]
    result = run([sys.executable, *train, "--epochs", "1", "--limit", str(FEW), *no_download], tmp_path, **with_jit)
    assert result.returncode == 0, result.stderr
    images, _ = numpycnn.load_synthetic_digits(2, seed=0)
    for name, image in zip(predict[1:], images, strict=True):
        Image.fromarray(255 - image).save(tmp_path / name)
    result = run([sys.executable, "-m", "numpycnn", *predict], tmp_path, **with_jit)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in predict[1:])


# -- links and names of files


def anchors_of(page):
    """Return the anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text())
    for link in links:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize("page", PAGES)
def test_tests_that_are_named_exist(page):
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", (ROOT / page).read_text())
    assert [path for path, _ in named if not (ROOT / path).is_file()] == []
    assert [f"{path}::{name}" for path, name in named if name and name not in names_of_tests(ROOT / path)] == []


def test_every_field_report_has_its_test():
    rows = (ROOT / "tests/README.md").read_text().split("## Field reports")[1].splitlines()
    reports = [row for row in rows if row.startswith("| ") and not row.startswith("| symptom")]
    assert len(reports) > 50
    names_a_test = re.compile(r"`tests/[\w/]+\.py(::\w+)?` \|$")
    assert [row for row in reports if not names_a_test.search(row) or row.count(" | ") != 3] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_are_named_exist(page):
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`([\w./-]+\.py|[\w.-]+/[\w./-]*\.(?:json|ipynb)|[\w/-]+/)`", text))
    bases = ROOT, ROOT / "numpycnn", ROOT / "examples", (ROOT / page).parent
    assert [name for name in sorted(named) if not any((base / name).exists() for base in bases)] == []
