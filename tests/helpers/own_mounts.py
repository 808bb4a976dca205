"""File systems made for one test: full disks, and folders that not even root can write to."""

import functools
import os
import subprocess
import sys

import pytest
from places import ROOT, python_path

UNSHARE = ["unshare", "--map-root-user", "--mount", "sh", "-euc"]


@functools.cache
def can_mount():
    try:
        return subprocess.run([*UNSHARE, "mount -t tmpfs tmpfs /mnt"], capture_output=True).returncode == 0
    except OSError:
        return False


def run_with_mounts(mounts, code, *arguments, package=ROOT, **environment):
    """Run Python code after the shell commands `mounts`; both have the arguments, the shell as $1, $2, ...

    Nobody outside sees these mounts. The code has to succeed; returned is what it wrote, to stdout and to stderr.
    """
    if not can_mount():
        pytest.skip("no file systems of our own here: unshare --map-root-user --mount")
    paths = python_path(package)
    command = [*UNSHARE, mounts + '\nexec "$0" -P -W error -c "$CODE" "$@"', sys.executable, *map(str, arguments)]
    process = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths, "CODE": code, **environment}, capture_output=True, text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout, process.stderr


READ_ONLY = 'mount --bind "$1" "$1"\nmount -o remount,ro,bind "$1"'
