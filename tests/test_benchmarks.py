"""The benchmark runs, and the README's table is the one that the recorded timings give."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def bench_training(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import bench_training

    return bench_training


def test_readme_table_is_generated_from_the_reference(bench_training):
    readme = (ROOT / "README.md").read_text()
    record = json.loads((BENCHMARKS / "reference.json").read_text())
    assert bench_training.readme_with(readme, bench_training.table(record)) == readme


def test_reference_names_machine_versions_and_command():
    record = json.loads((BENCHMARKS / "reference.json").read_text())
    assert {"processor", "cores", "memory_gib", "system", "python"} <= set(record["machine"])
    assert record["command"].startswith("python benchmarks/bench_training.py")
    for engine, entry in record["engines"].items():
        assert len(entry["seconds"]) >= 7, engine
        assert entry["versions"], engine


def test_table_sorts_by_median_and_states_ratios(bench_training):
    record = {
        "engines": {
            "PyTorch eager": {"versions": {"torch": "2"}, "seconds": [9.0, 6.0, 7.0]},  # median 7
            "numpycnn": {"versions": {"numpy": "2"}, "seconds": [2.0, 3.5, 1.0]},  # median 2
        },
        "machine": {"processor": "P", "python": "3"}, "threads": 2, "batch_size": 64, "data": "MNIST",
        "images_a_repeat": 640, "command": "c",
    }
    lines = bench_training.table(record).splitlines()
    assert lines[2] == "| numpycnn (numpy 2) | 2.00 | 1.00 to 3.50 | 1.00 |"
    assert lines[3] == "| PyTorch eager (torch 2) | 7.00 | 6.00 to 9.00 | 3.50 |"


def test_runs_and_records(tmp_path):
    output = tmp_path / "record.json"
    process = subprocess.run(
        [sys.executable, str(BENCHMARKS / "bench_training.py"), "--engines", "numpycnn", "--random", "--images", "128",
         "--repeats", "2", "--threads", "1", "--output", str(output)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300,
    )
    assert process.returncode == 0, process.stderr
    record = json.loads(output.read_text())
    seconds = record["engines"]["numpycnn"]["seconds"]
    assert len(seconds) == 2 and all(s > 0 for s in seconds)
    assert record["data"] == "random images"
    assert "| numpycnn (numpy" in process.stdout


def test_a_dying_worker_is_named(bench_training, monkeypatch):
    worker = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with pytest.raises(RuntimeError, match="PyTorch eager: the worker died"):
        bench_training.ask(worker, "PyTorch eager")
    worker.wait()
    worker.stdin.close()
    worker.stdout.close()
