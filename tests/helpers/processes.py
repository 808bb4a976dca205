"""Python processes that tests start."""

import os
import subprocess
import sys
from pathlib import Path

from places import python_path


def start(package, code, cache=None, **environment):
    """Start a Python process in which every warning is an error."""
    env = {**os.environ, "PYTHONPATH": python_path(package.parent), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    if cache is not None:
        env["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, patience=300):
    """Wait for the process, which has to succeed, and return what it wrote to stderr."""
    try:
        _, errors = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, f"exit code {process.returncode}\n{errors}"
    return errors


def run(package, code, cache=None, patience=300, **environment):
    """Run the code in a process, which has to succeed in so many seconds, and return what it wrote to stderr."""
    return finish(start(package, code, cache, **environment), patience)


def leftovers(folder):
    """Return the names of the temporary files here; a kill may hit a save, whose file the next save removes."""
    return [path.name for path in Path(folder).glob(".*.tmp")]


def empty_leftovers(folder):
    """Return the names of the empty ones, which a save leaves for a minute: somebody may be about to lock them."""
    return [name for name in leftovers(folder) if not Path(folder, name).stat().st_size]
