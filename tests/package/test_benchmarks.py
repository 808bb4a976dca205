"""The benchmarks: networks and floors add up, comparisons notice a slowdown, tables are what the records say, and every
benchmark runs without the other engines.
"""

import argparse
import copy
import json
import math
import os
import platform
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

import numpycnn
from numpycnn.kernels import KERNELS, ops

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
sys.path.append(str(BENCHMARKS))  # the scripts import each other by their plain names

import bench_inference  # noqa: E402
import bench_kernels  # noqa: E402
import bench_training  # noqa: E402
import command  # noqa: E402
import engines  # noqa: E402
import kernel_cases  # noqa: E402
import networks  # noqa: E402
import rates  # noqa: E402
import records  # noqa: E402
import tables  # noqa: E402
import turns  # noqa: E402
from engines import ours  # noqa: E402

REFERENCE = records.read_records(records.REFERENCE)


def record_of(machine="P", **values):
    """A record of training with these values by engine."""
    named = {name.replace("_", " "): {"versions": {"v": "1"}, "values": list(v)} for name, v in values.items()}
    return {
        "what": "w", "unit": "s", "command": "c", "data": "MNIST", "threads": 2, "batch_size": 64,
        "images_a_repeat": 640, "engines": named, "machine": {"processor": machine, "python": "3"},
    }


# -- networks


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("reference", 225_034), ("keras_example", 34_826), ("deeper", 93_322), ("pytorch_example", 1_199_882),
        ("mlp_dropout", 669_706), ("mlp", 316_810), ("tf_tutorial", 3_274_634), ("lenet5", 61_706), ("bn_cnn", 422_090),
        ("all_convolutional", 140_138), ("vgg_like", 551_466), ("strided_bn", 326_154), ("cifar", 356_810),
    ],
)
def test_description_is_the_network_that_numpycnn_builds(name, parameters):
    network = networks.NETWORKS[name]
    model = ours.build(network, numpycnn.get_num_threads(), fused=True)
    assert network.parameters() == model.count_params() == parameters
    assert [after for _, _, after in network.steps()] == [layer.output_shape for layer in model.layers]
    learning = [layer for layer in model.layers if isinstance(layer, (numpycnn.Conv2D, numpycnn.Dense))]
    meetings = [math.prod(layer.output_shape[:-1]) for layer in learning]  # of each weight with the image
    assert network.multiply_adds() == [n * layer.parameters[0].value.size for n, layer in zip(meetings, learning)]


def test_dense_floor_of_the_reference_cnn():
    network = networks.NETWORKS["reference"]
    assert network.multiply_adds() == [26 * 26 * 9 * 32, 11 * 11 * 288 * 64, 1600 * 128, 128 * 10]  # sum: 2,631,040
    assert network.training_flops() == 2 * (3 * 2_631_040 - 26 * 26 * 9 * 32)
    epoch = network.training_flops() * bench_training.EPOCH_IMAGES
    assert epoch / 1e12 == pytest.approx(0.925, rel=2e-3)
    record = {**record_of(numpycnn=[1.5]), "dense_gflop": epoch / 1e9, "matmul_gflops": {"NumPy": 300, "PyTorch": 505}}
    assert records.dense_floor(record) == pytest.approx(1.83, abs=0.005)  # at the best rate
    assert records.dense_floor(record, "NumPy") == pytest.approx(epoch / 300e9)
    assert "takes 1.83 s; numpycnn is below it." in tables.training(record).note
    record["engines"]["numpycnn"]["values"] = [1.9]
    assert "above it" in tables.training(record).note


def test_channels_first_weights_compute_the_same(rng=np.random.default_rng(0)):
    conv, dense = networks.Conv(2, 1), networks.Dense(5)
    network = networks.Network("n", (3, 4, 2), 1, (conv, networks.Flatten(), dense, networks.Dense(5)))
    weights = [rng.standard_normal(w.shape) for w in network.initial_weights()]
    filters, _, first, _, second, _ = networks.channels_first(network, weights)
    x = rng.standard_normal((3, 4, 2))
    mapped = np.einsum("oc,chw->ohw", filters[:, :, 0, 0], x.transpose(2, 0, 1))  # one pixel: a matrix product
    expected = (x @ weights[0][0, 0]).reshape(-1) @ weights[2] @ weights[4]
    np.testing.assert_allclose(second @ (first @ mapped.reshape(-1)), expected, rtol=1e-12)


def test_mirrored_images_and_weights_compute_the_same_with_padding_on_both_sides(rng=np.random.default_rng(0)):
    layers = networks.Conv(3, 3, "same", 2), networks.NORM, networks.Flatten(), networks.Dense(4)
    network = networks.Network("n", (6, 8, 2), 1, layers)  # even sizes: the odd pixel is at the bottom and right
    assert network.mirrored and not networks.NETWORKS["reference"].mirrored
    filters, bias, *norm, dense, dense_bias = networks.channels_first(network, network.varied_weights())
    model = numpycnn.Sequential(
        [numpycnn.Conv2D(3, 3, 2, padding=1), numpycnn.BatchNorm(), numpycnn.Flatten(), numpycnn.Dense(4)],
        input_shape=(6, 8, 2),
    )
    rows = dense.T.reshape(3, 3, 4, 4).transpose(1, 2, 0, 3).reshape(-1, 4)  # (H * W * C, units)
    model.set_weights([filters.transpose(2, 3, 1, 0), bias, *norm, rows, dense_bias])
    x = rng.random((5, 6, 8, 2), np.float32)
    expected = ours.build(network, numpycnn.get_num_threads(), True, network.varied_weights()).forward(x)
    np.testing.assert_allclose(model.forward(x[:, ::-1, ::-1]), expected, rtol=1e-4, atol=1e-5)


def test_images_of_a_turn_are_whole_batches():
    sizes = {size: bench_training.default_images(12_800, size) for size in (1, 8, 64, 512, 4096, 20_000)}
    assert sizes == {1: 200, 8: 1600, 64: 12_800, 512: 12_800, 4096: 12_288, 20_000: 20_000}


# -- records and comparison


def test_records_survive_the_file_and_replace_only_their_own(tmp_path):
    path = tmp_path / "reference.json"
    first, second = record_of(numpycnn=[1.0]), record_of(numpycnn=[2.0])
    assert records.read_records(path) == {}
    records.write_records(path, {"a": first, "b": first})
    records.write_records(path, {"b": second})
    assert records.read_records(path) == {"a": first, "b": second}


def slower_by(factor, record):
    changed = copy.deepcopy(record)
    changed["engines"]["numpycnn"]["values"] = [factor * v for v in record["engines"]["numpycnn"]["values"]]
    return changed


def check(monkeypatch, tmp_path, new, old, tolerance=0.2):
    monkeypatch.setattr(command, "REFERENCE", tmp_path / "reference.json")
    records.write_records(command.REFERENCE, {"training": old})
    return command.check({"training": new}, tolerance)


@pytest.mark.parametrize("factor, found", [(0.5, []), (1.0, []), (1.19, []), (1.21, ["training: numpycnn"])])
def test_check_notices_a_slowdown(monkeypatch, tmp_path, capsys, factor, found):
    old = record_of(numpycnn=[1.0, 1.1, 0.9], PyTorch=[5.0, 5.5, 4.0], Keras=[6.0])
    faster_machine = record_of("Q", numpycnn=[0.5, 0.55, 0.45], PyTorch=[2.5, 2.5, 2.5], Keras=[3.0], JAX=[9.0])
    assert check(monkeypatch, tmp_path, slower_by(factor, faster_machine), old) == found
    assert ("SLOWER" in capsys.readouterr().out) == bool(found)


def test_one_engine_with_a_bad_day_does_not_decide(monkeypatch, tmp_path):
    old = record_of(numpycnn=[1.0], PyTorch=[5.0], Keras=[6.0], JAX=[20.0])
    assert check(monkeypatch, tmp_path, record_of(numpycnn=[1.0], PyTorch=[5.0], Keras=[3.0], JAX=[20.0]), old) == []
    new = record_of(numpycnn=[1.5], PyTorch=[5.0], Keras=[12.0], JAX=[20.0])
    assert check(monkeypatch, tmp_path, new, old) == ["training: numpycnn"]


def test_our_own_engines_are_no_yardstick(monkeypatch, tmp_path):
    old = record_of(**{"numpycnn": [1.0], "numpycnn, fused=False": [2.0]})
    assert records.ratios(old) == {"numpycnn": {}}
    with pytest.raises(SystemExit, match="no engine in common"):
        check(monkeypatch, tmp_path, old, old)


def test_matrix_products_are_a_yardstick_without_any_framework(monkeypatch, tmp_path):
    products = {"dense_gflop": 900, "matmul_gflops": {"NumPy": 300, "numpycnn": 400}}
    old = {**record_of(numpycnn=[1.0]), **products}
    assert records.ratios(old) == {"numpycnn": {"dense floor, NumPy": 3.0}}
    assert check(monkeypatch, tmp_path, slower_by(1.3, old), old) == ["training: numpycnn"]


def test_check_of_kernels_is_by_kernel(monkeypatch, tmp_path):
    def kernels(fast, slow):
        entry = {"unit": "GFLOP/s", "work": 1_000_000}
        entries = {"a": {**entry, "values": [fast]}, "b": {**entry, "values": [slow]}}
        return {**record_of(), "peak": {"GFLOP/s": 100.0}, "kernels": entries}

    assert records.rate(kernels(20.0, 40.0), "a") == pytest.approx(50.0)  # a million operations in 20 microseconds
    assert records.share_of_peak(kernels(20.0, 40.0), "b") == pytest.approx(0.25)
    assert check(monkeypatch, tmp_path, kernels(20.0, 60.0), kernels(20.0, 40.0)) == ["training: b"]


# -- tables


def test_readme_tables_are_generated_from_the_reference():
    readme = command.README.read_text(encoding="utf-8")
    assert tables.readme_with(readme, REFERENCE) == readme
    for name in tables.README_TABLES:
        assert readme.count(f"<!-- {name}: begin -->") == readme.count(f"<!-- {name}: end -->") == 1


def test_the_claims_of_the_front_page_are_the_records():
    """The row of each command in the README's table of claims has the figures of the record, in its words."""
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    (training,) = (row for row in rows if row.endswith("| `python benchmarks/bench_training.py` |"))
    record = REFERENCE["training reference, batch 64"]
    ours, (_, other) = records.medians(record)["numpycnn"], records.fastest_other(record)
    assert f"an epoch in {ours:.2f} s, the fastest other engine {other:.2f} s: {other / ours:.2f} times" in training

    (networks_row,) = (row for row in rows if row.endswith("bench_training.py --network all` |"))
    by_network = {row[0]: float(row[4]) for row in tables.networks(REFERENCE).rows if row[0] != "reference CNN"}
    least = min(by_network, key=by_network.__getitem__)
    assert f"| {by_network[least]} ({least};" in networks_row and f"to {max(by_network.values())} times" in networks_row

    (inference,) = (row for row in rows if row.endswith("| `python benchmarks/bench_inference.py` |"))
    (cells,) = (row[1:] for row in tables.inference_networks(REFERENCE).rows if row[0] == "reference CNN")
    assert f"| {', '.join(cells[::2])} ms; " in inference
    onnx = [both.split(", ")[0] for both in cells[1::2]]
    assert f"ONNX Runtime takes {', '.join(onnx)} times as long" in inference

    (memory,) = (row for row in rows if row.endswith("| `python benchmarks/bench_memory.py` |"))
    found = records.medians(REFERENCE["memory"])
    expected = f"| {found['numpycnn']:.0f} MiB, {found['the images alone']:.0f} of them for the images alone; "
    assert expected + f"PyTorch {found['PyTorch eager']:.0f} MiB" in memory


def test_reference_names_machine_versions_and_command():
    for name, record in REFERENCE.items():
        assert {"processor", "cores", "memory_gib", "system", "python"} <= set(record["machine"]), name
        assert record["command"].startswith("python benchmarks/bench_"), name
        for entry in (record.get("engines") or record["kernels"]).values():
            assert len(entry["values"]) >= (3 if record["unit"] == "MiB" else 7), name
        for engine, entry in record.get("engines", {}).items():
            before, after = entry.get("losses", (1, 0))
            assert after < before, f"{engine} learned nothing in {name}"


def test_training_table_sorts_by_median_and_states_ratios():
    lines = tables.training(record_of(PyTorch_eager=[9.0, 6.0, 7.0], numpycnn=[2.0, 3.5, 1.0])).markdown().splitlines()
    assert lines[0] == "| engine | seconds an epoch, median | min to max | times numpycnn's |"
    assert lines[1] == "|---|---|---|---|"
    assert lines[2] == "| numpycnn (v 1) | 2.00 | 1.00 to 3.50 | 1.00 |"
    assert lines[3] == "| PyTorch eager (v 1) | 7.00 | 6.00 to 9.00 | 3.50 |"
    assert lines[5].startswith("P, 2 threads, batch 64, MNIST, Python 3; 3 interleaved repeats of 640 images")


def test_tables_over_several_records():
    training = {
        tables.training_name("reference", 1): record_of(numpycnn=[12.0], Keras=[60.0]),
        tables.training_name("reference", 64): record_of(numpycnn=[3.0], Keras=[6.0], PyTorch=[12.0]),
        tables.training_name("mlp", 64): record_of(numpycnn=[1.0], Keras=[0.5]),
        tables.training_name("mlp", 8): record_of(numpycnn=[9.0]),
    }
    assert tables.networks(training).rows == [
        ["reference CNN", "225,034", "3.00", "Keras: 6.00", "2.00", ""],
        ["MLP 784-300-200-100-10", "316,810", "1.00", "Keras: 0.500", "0.50", ""],  # a row that we lose
    ]
    assert tables.networks(training, isa="avx2").rows == []
    assert tables.batch_sizes(training).rows == [
        ["1", "200.00", "4.00", "Keras: 1,000", "5.00"], ["64", "50.00", "1.00", "Keras: 100.00", "2.00"],
    ]
    named = {n: tables.inference_name("reference", n) for n in (1, 64, 1000)}
    inference = {name: record_of(numpycnn=[n * 1e-4], ONNX=[n * 2e-4]) for n, name in named.items()}
    table = tables.inference_sizes(inference)
    assert table.header[:4] == ["engine", "1 image, ms", "times numpycnn's", "64 images, ms"]
    assert table.rows[1] == ["ONNX (v 1)", "0.200", "2.00", "12.80", "2.00", "200.00", "2.00"]


def test_table_of_inference_of_all_networks():
    entries = {"numpycnn, predictor": [1e-3], "ONNX Runtime": [2e-3], "OpenVINO": [5e-4]}
    inference = {tables.inference_name("mlp", n): record_of(**entries) for n in (1, 64)}
    inference[tables.inference_name("reference", 1)] = record_of(**entries)  # not at all sizes: left out
    table = tables.inference_networks(inference, (1, 64))
    assert table.rows == [["MLP 784-300-200-100-10", "1.00", "2.00, 0.50", "1.00", "2.00, 0.50"]]


def test_readme_text_changes_between_the_markers_only():
    text = "before <!-- networks table: begin -->\nold\n<!-- networks table: end --> after"
    training = {tables.training_name("reference", 64): record_of(numpycnn=[3.0], Keras=[6.0])}
    changed = tables.readme_with(text, training)
    assert changed.startswith("before <!-- networks table: begin -->\n| network |") and changed.endswith("--> after")
    assert "old" not in changed
    assert tables.readme_with(text, {}) == text
    assert tables.readme_with("no markers", training) == "no markers"


# -- workers


def start(monkeypatch, tmp_path, body, environment=None):
    """A worker whose script has this body."""
    (tmp_path / "script.py").write_text(
        f"import json, sys\nsys.path.append({str(BENCHMARKS)!r})\nimport engines, turns\n"
        f"task = json.loads(sys.argv[2])\ndef prepare():\n    {body}\nturns.serve(1, prepare)\n"
    )
    monkeypatch.setattr(turns, "HERE", tmp_path)
    return turns.workers("script.py", ["PyTorch eager"], 1, environment, number=20)


def test_worker_answers(monkeypatch, tmp_path):
    body = "print('noise'); return {'add': lambda a, b: a + b + task['number'], 'name': lambda: task['engine']}"
    with start(monkeypatch, tmp_path, body) as running:
        worker = running["PyTorch eager"]
        assert [worker.ask("add", 1, 2), worker.ask("name"), worker.ask("add", 0, 0)] == [23, "PyTorch eager", 20]
    assert worker.process.poll() is not None


def test_worker_has_the_variables_that_it_is_given(monkeypatch, tmp_path):
    body = "import os; return {'get': os.environ.get}"
    with start(monkeypatch, tmp_path, body, bench_training.INSTRUCTIONS["avx2"]) as running:
        worker = running["PyTorch eager"]
        assert [worker.ask("get", "ONEDNN_MAX_CPU_ISA"), worker.ask("get", "OMP_NUM_THREADS")] == ["AVX2", "1"]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors have no AVX2")
def test_held_to_avx2_the_vectors_are_as_wide():
    command_line = [sys.executable, "-c", "from numpycnn.kernels import simd; print(simd.VECTOR_BYTES)"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **bench_training.INSTRUCTIONS["avx2"]}
    assert subprocess.run(command_line, capture_output=True, text=True, env=environment).stdout == "32\n"


def test_worker_that_dies_is_named_with_its_last_words(monkeypatch, tmp_path):
    with start(monkeypatch, tmp_path, "return {'divide': lambda: 1 / 0}") as running:
        with pytest.raises(RuntimeError, match=r"PyTorch eager: the worker died \(exit code 1\)[\s\S]*ZeroDivision"):
            running["PyTorch eager"].ask("divide")


def test_the_busy_program_keeps_a_core_busy_and_ends(monkeypatch):
    started, begin = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args: started.append(begin(*args)) or started[-1])
    with turns.busy_program(False):
        assert not started
    with turns.busy_program():
        time.sleep(0.1)
        assert started[0].poll() is None
    assert started[0].poll() is not None


def test_engine_that_cannot_run_is_left_out(monkeypatch, tmp_path, capsys):
    with start(monkeypatch, tmp_path, "raise engines.Unavailable('no C++ compiler')") as running:
        assert running == {}
    assert capsys.readouterr().out == "PyTorch eager: left out, no C++ compiler\n"


def test_engine_that_is_not_installed_is_left_out(capsys):
    table = {"A": engines.Engine("a", ("numpy",)), "B": engines.Engine("b", ("numpy", "no-such-distribution"))}
    assert engines.installed(table, None) == {"A": {"numpy": np.__version__}}
    assert capsys.readouterr().out == "B: left out, no-such-distribution is not installed\n"


def test_engines_that_compute_something_else_are_rejected():
    bench_training.check_losses({"A": [2.3001], "B": [2.3002]})
    with pytest.raises(RuntimeError, match="same loss"):
        bench_training.check_losses({"A": [2.30], "B": [2.31]})


def test_inference_takes_the_parts_that_are_fastest(monkeypatch):
    clock = types.SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)  # a busy machine's own is no judge
    monkeypatch.setattr(bench_inference, "time", clock)

    def predict(part):
        clock.now += 2e-6 * len(part) ** 2

    predictor = bench_inference.Predictor(lambda images: images, predict, np.zeros(200))
    assert predictor.prepare(200, 0.0) == 50  # 4 x 5 ms, instead of 80 ms at once
    assert [len(part) for part in predictor.parts[200]] == [50] * 4
    assert predictor.prepare(1, 0.0) == 1


# -- kernels


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_says_what_it_works(kernel):
    assert kernel in kernel_cases.WORK, f"say in kernel_cases.WORK what a call of {kernel} does"


@pytest.fixture(scope="module")
def cases():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(kernel_cases, "BATCH", 4)
        monkeypatch.setattr(kernel_cases, "TRAINED", 8)
        images = np.random.default_rng(0).random((8, 28, 28, 1), np.float32)
        return kernel_cases.recorded_cases(images, np.arange(8), numpycnn.get_num_threads())


def test_a_case_may_hold_what_was_in_memory_before():
    leftover = np.array([0x7F800001, 0x7F7FFFFF], np.uint32).view(np.float32)  # a NaN that signals, the largest number
    case = kernel_cases.Case("relu_forward", (np.ones(2, np.float32), leftover)).without_ties()
    assert (case.arguments[0] != 1).all() and np.isnan(case.arguments[1][0])


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_is_benchmarked_and_agrees_with_its_twin(cases, kernel):
    own = [case for case in cases if case.kernel == kernel]
    assert own, f"no model of kernel_cases.RUNS calls {kernel}: add one that does"
    for case in own:
        unit, work = case.work()
        assert unit in ("GFLOP/s", "GB/s") and work > 0
        bench_kernels.verify(case)


def test_names_of_cases_tell_them_apart(cases):
    names = [case.name for case in cases]
    assert len(set(names)) == len(names)
    assert "affine 4x1600 to 4x128" in names and "adam 225034 to 225034" in names


def test_wrong_kernel_is_rejected(cases, monkeypatch):
    for kernel, scale in ("affine", 1.001), ("maxpool_forward", 1):
        right = getattr(ops, kernel)

        def wrong(*arguments, right=right, scale=scale):
            right(*arguments)
            arguments[-1][...] = arguments[-1] * scale if scale != 1 else arguments[-1] + 1

        case = next(case for case in cases if case.kernel == kernel)
        with monkeypatch.context() as patch:
            patch.setitem(vars(ops), kernel, wrong)
            with pytest.raises(RuntimeError, match=f"{kernel}.*differs from the twin's"):
                bench_kernels.verify(case)


def test_rates(monkeypatch):
    monkeypatch.setattr(rates, "PRODUCTS", [(64, 32, 16)])
    monkeypatch.setattr(rates, "SECONDS", 0.001)
    assert rates.matmul_rate("NumPy") > 0 and rates.matmul_rate("numpycnn") > 0 and rates.copy_rate(2) > 0


# -- the benchmarks as a user runs them


def run(script, *options):
    return subprocess.run(
        [sys.executable, "-W", "error", str(BENCHMARKS / script), "--random", "--threads", "1", *options],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300,
    )


def test_training_runs_and_records(tmp_path):
    output = tmp_path / "record.json"
    process = run("bench_training.py", "--engines", "numpycnn", "--images", "128", "--repeats", "2", "--warmup", "0",
                  "--output", str(output))
    assert process.returncode == 0, process.stderr
    record = json.loads(output.read_text())["training reference, batch 64"]
    entry = record["engines"]["numpycnn"]
    assert len(entry["values"]) == 2 and all(s > 0 for s in entry["values"])
    assert entry["losses"][1] < entry["losses"][0]
    assert record["data"] == "random images"
    assert set(record["matmul_gflops"]) == {"NumPy", "numpycnn"}
    assert record["dense_floor_seconds"] == pytest.approx(records.dense_floor(record), abs=1e-3)
    assert "numpycnn (numpy" in process.stdout and "Dense floor: 0.924 TFLOP" in process.stdout


@pytest.mark.parametrize(
    "script, options, name",
    [("bench_inference.py", ["--batch-size", "3", "--turn", "0.01"], "inference reference, batch 3"),
     ("bench_memory.py", ["--images", "128"], "memory"),
     ("bench_training.py", ["--network", "mlp", "--images", "64", "--busy"], "training mlp, batch 64, busy"),
     ("bench_first_use.py", ["--network", "mlp"], "first use")],
)
def test_runs_and_records(tmp_path, script, options, name):
    output = tmp_path / "record.json"
    process = run(script, "--engines", "numpycnn", "--repeats", "1", "--output", str(output), *options)
    assert process.returncode == 0, process.stderr
    record = json.loads(output.read_text())[name]
    assert all(value > 0 for entry in record["engines"].values() for value in entry["values"])
    assert "numpycnn (numpy" in process.stdout


@pytest.mark.campaign
@pytest.mark.parametrize("name", networks.NETWORKS)
@pytest.mark.parametrize("script, options", [
    ("bench_training.py", ["--images", "64", "--warmup", "0"]),
    ("bench_inference.py", ["--batch-size", "3", "--turn", "0.01"]),
])  # fmt: skip
def test_every_installed_engine_computes_every_network(tmp_path, name, script, options):
    output = tmp_path / "record.json"
    process = run(script, "--network", name, "--repeats", "1", "--output", str(output), *options)
    assert process.returncode == 0, process.stderr  # not 0 where loss or probabilities differ
    (record,) = json.loads(output.read_text()).values()
    assert {"numpycnn", "PyTorch eager, channels_last"} <= set(record["engines"]), "install the extra bench"


def test_only_the_readme_is_updated_when_asked(monkeypatch, tmp_path):
    readme = tmp_path / "README.md"
    text = "<!-- training table: begin -->\noutdated\n<!-- training table: end -->"
    readme.write_text(text)
    monkeypatch.setattr(command, "README", readme)
    command.run(argparse.Namespace(update_readme=True), measure=None, table=None)
    assert readme.read_text() == tables.readme_with(text, REFERENCE) != text
