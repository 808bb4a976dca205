"""Which tests judge a mutated file: the quickest and most telling first, those of the whole room after them.

Read without importing the package, or Cosmic Ray: ``mutation.py`` runs these commands, a test asks whether they exist.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "numpycnn"
TARGETS = sorted(path for path in PACKAGE.rglob("*.py") if path.read_text().count("\n") > 20)  # not those that hand on

# Which file holds which kernel.
KERNELS: dict[str, str] = next(
    ast.literal_eval(statement.value) for statement in ast.parse((PACKAGE / "kernels/__init__.py").read_text()).body
    if isinstance(statement, ast.Assign) and statement.targets[0].id == "KERNELS"
)

Place = tuple[str, str]  # a file of kernels and a name in it: several files have a `_prepare`

# For a file, a folder in a room or a room: arguments of pytest, one command after the other until a test fails.
# {kernels} stands for the tests of those kernels that run the mutated statement, {files} for those of the files that
# these kernels stand in.
KERNELS_TESTS, PROCESSES = "tests/kernels/test_kernels.py", "tests/kernels/test_kernel_processes.py"
SOME = "table or has_a_twin or every_twin or relu_forward"
KERNEL_RULES = "nan or long or one_line or vectors or tiles or ties or zero or flush or compiled"
TWIN = "agrees_with_its_twin and float32 and ({kernels})"
MODELS = "tests/package/test_errors.py tests/io/test_persistence.py tests/model/test_model.py"
DEFAULTS = "tests/package/test_defaults.py"  # after the others, outside the kernels
ANY_INPUT = "tests/package/test_bad_inputs.py tests/package/test_errors.py"
PICTURES = " ".join(f"tests/evaluation/test_plots{part}.py" for part in ("", "_curves", "_evaluation", "_network"))
LOOP = "tests/training/test_training.py tests/training/test_going_on.py"
COMMAND = "tests/package/test_command.py tests/package/test_example.py tests/package/test_predict_digit.py"
COMMANDS = {
    "layers": ["tests/layers", "tests/gradients", f"tests/training/test_callbacks.py {MODELS}"],
    "losses": ["tests/training/test_losses.py", f"tests/gradients/test_gradients.py {MODELS}"],
    "optimizers": ["tests/training/test_optimizers.py", MODELS],
    "schedules.py": ["tests/training/test_schedules.py", MODELS],
    "regularizers.py": ["tests/training/test_regularizers.py", MODELS],
    "keras": ["tests/keras", "tests/package/test_hints.py"],
    "learn": ["tests/learn", "tests/gradients/test_forward_mistakes.py"],
    "mistakes": ["tests/learn", "tests/gradients/test_forward_mistakes.py"],
    "exchange/c": ["tests/exchange/test_c.py"],
    "exchange/sklearn.py": ["tests/exchange/test_sklearn.py"],
    "command": [COMMAND],
    "__main__.py": [COMMAND],
    "initializers.py": ["tests/model/test_parameter.py", MODELS],
    "checks.py": [ANY_INPUT, "tests/layers tests/training tests/evaluation tests/data/test_labels.py",
                  "tests/gradients"],
    "hints.py": ["tests/package/test_hints.py", ANY_INPUT],
    "configured.py": ["tests/training/test_optimizers.py tests/training/test_losses.py", MODELS],
    "terminal.py": ["tests/package/test_terminal.py tests/training/test_progress.py"],
    "__init__.py": ["tests/package/test_imports.py tests/package/test_hints.py"],
    "files.py": ["tests/io/test_atomic_files.py tests/io/test_persistence.py", "tests/io tests/data/test_idx.py"],
    "model.py": ["tests/model/test_model.py tests/model/test_model_memory.py", "tests/model tests/training", MODELS],
    "summary.py": ["tests/model/test_summary.py tests/model/test_model.py", "tests/package/test_terminal.py"],
    "profile.py": ["tests/model/test_profile.py"],
    "predictor.py": ["tests/model/test_predictor.py"],
    "architectures.py": ["tests/model/test_architectures.py", "tests/package/test_example.py"],
    "nonfinite.py": ["tests/training/test_nonfinite.py", "tests/training"],
    "memory": ["tests/model/test_parameter.py tests/model/test_model_memory.py", "tests/model tests/kernels"],
    "fusion": ["tests/gradients/test_fusion.py", "tests/gradients/test_agreement.py", "tests/gradients"],
    "training": [f"{LOOP} tests/training/test_progress.py", "tests/training tests/model"],
    "callbacks": ["tests/training/test_callbacks.py tests/training/test_backup.py", "tests/training"],
    "metrics": ["tests/evaluation/test_metrics.py tests/evaluation/test_confidence.py", ANY_INPUT],
    "plots": [PICTURES, ANY_INPUT],
    "page": ["tests/page", "tests/package/test_imports.py"],
    "gradcheck": ["tests/gradients", "tests/layers"],
    "bug_zoo": ["tests/gradients/test_bug_zoo.py", "tests/gradients"],
    "testing": ["tests/layers/test_testing.py", "tests/layers"],
    "data/idx.py": ["tests/data/test_idx.py"],
    "data/augment.py": ["tests/data/test_augment.py tests/data/test_augment_draws.py", ANY_INPUT],
    "data/labels.py": ["tests/data/test_labels.py tests/training/test_losses.py", ANY_INPUT],
    "data/own_digit": ["tests/data/test_prepare_digit.py tests/data/test_pictures.py",
                       "tests/data/test_hard_pictures.py tests/data/test_read_digits.py",
                       "tests/data/test_own_digits.py"],
    "data/synthetic": ["tests/data/test_synthetic.py", ANY_INPUT],
    "data/folders.py": ["tests/data/test_folders.py", ANY_INPUT],
    "data/inputs.py": ["tests/io/test_input_format.py tests/data/test_folders.py", ANY_INPUT],
    "data": ["tests/data", ANY_INPUT],
    "io/keras_file": ["tests/io/test_keras_h5_reading.py tests/io/test_keras_h5_compiled.py", "tests/io"],
    "io": ["tests/io", ANY_INPUT],
    "exchange/distributed.py": ["tests/training/test_parallel.py"],
    "exchange": ["tests/exchange", ANY_INPUT],
    "kernels": [f"{KERNELS_TESTS} -k '{TWIN}'",
                f"{KERNELS_TESTS} -k '{KERNEL_RULES} or {{kernels}}'",
                f"NUMBA_BOUNDSCHECK=1 {KERNELS_TESTS} -k '{TWIN}'",
                f"{PROCESSES} -k 'beyond_its_arrays and ({{files}})'",
                "tests/layers/test_precision.py tests/gradients/test_fusion.py tests/gradients/test_agreement.py"],
    "kernels/reference.py": [f"{KERNELS_TESTS} -k '{TWIN}'", f"{KERNELS_TESTS} -k 'one_line or flush or {{kernels}}'"],
    "kernels/__init__.py": [f"{KERNELS_TESTS} -k 'using or unknown or number_of_threads or {SOME}'",
                            "tests/kernels/test_ahead.py"],
    "kernels/jit.py": [f"{PROCESSES} -k 'not narrower and not beyond_its_arrays'",
                       f"{KERNELS_TESTS} -k 'number_of_threads or concurrent or relu_forward'",
                       f"{KERNELS_TESTS} -k 'compiling or machine_code'", "tests/kernels/test_ahead.py"],
    "kernels/threads.py": [f"{PROCESSES} -k 'layer or tbb or forked or concurrent'",
                           f"{KERNELS_TESTS} -k 'openmp or container or number_of_threads'"],
    "kernels/ahead.py": ["tests/kernels/test_ahead.py"],
    "kernels/__main__.py": ["tests/kernels/test_ahead.py"],
}


def commands_for(file: str, line: int) -> list[str]:
    """Return the arguments of pytest, in order, that judge a change of this line of a file of the package."""
    names = [file, *(str(folder) for folder in Path(file).parents)]
    found = next((COMMANDS[name] for name in names if name in COMMANDS), None)
    if found is None:
        raise KeyError(f"{file}: no commands in COMMANDS, neither for it nor for its folders")
    found = found if file.startswith("kernels/") else [*found, DEFAULTS]
    kernels = kernels_that_run(file, line) if file.startswith("kernels/") else []
    words = " or ".join(f"-{name}]" for name in kernels)
    files = " or ".join(f"[{name}]" for name in sorted({KERNELS[name] for name in kernels}))
    return [command.format(kernels=words, files=files) for command in found]


def kernels_that_run(file: str, line: int) -> list[str]:
    """Return the kernels whose functions lead, name by name, to the statement at this line; all if none does."""
    judges = file == "kernels/reference.py"  # the twins bear the kernels' names, and use no other file
    uses: dict[Place, set[Place]] = {}
    mutated: set[Place] = set()
    for path in PACKAGE.glob("kernels/*.py"):
        if (path.name == "reference.py") != judges:
            continue
        for lines, defined, used in statements_of(path):
            for place in defined:
                uses.setdefault(place, set()).update(used)
            if path == PACKAGE / file and line in lines:
                mutated |= defined
    found = [kernel for kernel, stem in KERNELS.items()
             if mutated & reachable(("reference" if judges else stem, kernel), uses)]
    return found or list(KERNELS)


@functools.cache
def statements_of(path: Path) -> list[tuple[range, set[Place], set[Place]]]:
    """Return, for each statement of a file of kernels, its lines and the places that it defines and uses."""
    body = ast.parse(path.read_text()).body
    imported = {
        name.asname or name.name: (statement.module, name.name) for statement in body
        if isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module
        for name in statement.names
    }
    found = []
    for statement in body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            defined = {(path.stem, statement.name)}
        else:
            defined = {(path.stem, name.id) for name in names if isinstance(name.ctx, ast.Store)}
        used = {imported.get(name.id, (path.stem, name.id)) for name in names}
        first = min(node.lineno for node in (statement, *getattr(statement, "decorator_list", [])))
        found.append((range(first, statement.end_lineno + 1), defined, used))
    return found


def reachable(name: Any, uses: dict[Any, set[Any]]) -> set[Any]:
    """Return the name, the names that it uses, the names that those use, and so on."""
    found, new = set(), {name}
    while new:
        found |= new
        new = set().union(*(uses.get(name, set()) for name in new)) - found
    return found
