"""Records as tables: in the terminal, and as Markdown between the markers of benchmarks/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Iterable

from engines import OURS, OURS_FROZEN
from networks import NETWORKS
from records import Record, dense_floor, fastest_other, is_slower, medians, rate, share_of_peak


@dataclass
class Table:
    """Rows of text under a header; all columns but the first hold figures."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""

    def markdown(self) -> str:
        lines = [f"| {' | '.join(cells)} |" for cells in (self.header, *self.rows)]
        lines.insert(1, "|---" * len(self.header) + "|")
        return "\n".join([*lines, "", self.note])

    def show(self) -> None:
        """Print it."""
        from rich.console import Console
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, title_justify="left")
        for position, name in enumerate(self.header):
            table.add_column(name, justify="right" if position else "left")
        for row in self.rows:
            table.add_row(*row)
        console = Console(width=None if Console().is_terminal else 140, markup=False, highlight=False)
        console.print(table)
        console.print(f"{self.note}\n", soft_wrap=True)


def figure(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def conditions(record: Record, *more: str) -> str:
    """Return on what the values depend."""
    machine = record["machine"]
    return ", ".join([
        machine["processor"], f"{record['threads']} threads", *more, record["data"], f"Python {machine['python']}",
    ])


def repeats(record: Record) -> int:
    """Return how often it was measured."""
    return max(len(entry["values"]) for entry in record["engines"].values())


def by_engine(record: Record, heading: str, scale: float = 1) -> Table:
    """Each engine's median, spread and ratio to ours, the best first."""
    found = medians(record)
    rows = []
    for engine in sorted(found, key=found.__getitem__):
        entry = record["engines"][engine]
        versions = ", ".join(f"{name} {version}" for name, version in entry["versions"].items())
        label = f"{engine} ({versions})" if versions else engine
        spread = f"{figure(scale * min(entry['values']))} to {figure(scale * max(entry['values']))}"
        times = f"{found[engine] / found[OURS]:.2f}" if OURS in found else ""
        rows.append([label, figure(scale * found[engine]), spread, times])
    return Table(record["what"], ["engine", f"{heading}, median", "min to max", "times numpycnn's"], rows)


# -- training


def training(record: Record) -> Table:
    """One network at one batch size."""
    table = by_engine(record, "seconds an epoch")
    batch = f"batch {record['batch_size']}"
    table.note = (
        f"{conditions(record, batch)}; {repeats(record)} interleaved repeats of {record['images_a_repeat']:,} images, "
        f"scaled to 60,000: `{record['command']}`"
    )
    if "matmul_gflops" in record:
        table.note = f"{floor_sentence(record)}\n\n{table.note}"
    return table


def floor_sentence(record: Record) -> str:
    """Say what dense arithmetic allows, and on which side of it we are."""
    rates = record["matmul_gflops"]
    library = max(rates, key=rates.__getitem__)
    sentence = (
        f"Dense floor: {record['dense_gflop'] / 1000:.3f} TFLOP an epoch at {rates[library]:.0f} GFLOP/s, the best "
        f"matrix product of the same run ({library}), takes {figure(dense_floor(record))} s"
    )
    ours = medians(record).get(OURS)
    if ours is None:
        return f"{sentence}."
    return f"{sentence}; numpycnn is {'below' if ours < dense_floor(record) else 'above'} it."


def training_name(network: str, batch_size: int, busy: bool = False, isa: str | None = None) -> str:
    """Return the name of a record of training."""
    return f"training {network}, batch {batch_size}" + ", busy" * busy + (f", {isa}" if isa else "")


def networks(records: dict[str, Record], busy: bool = False, isa: str | None = None) -> Table:
    """All networks at batch 64, ours against the fastest other engine, the best ratio first."""
    rows, last = [], None
    for name, network in NETWORKS.items():
        record = records.get(training_name(name, 64, busy, isa))
        other = record and fastest_other(record)
        if not record or not other or OURS not in medians(record):
            continue
        ours, last = medians(record)[OURS], record
        floor = figure(dense_floor(record)) if "matmul_gflops" in record else ""
        rows.append([network.title, f"{network.parameters():,}", figure(ours), f"{other[0]}: {figure(other[1])}",
                     f"{other[1] / ours:.2f}", floor])
    header = ["network", "parameters", "numpycnn, s an epoch", "fastest other, s an epoch", "times numpycnn's",
              "dense floor, s"]
    rows.sort(key=lambda row: -float(row[4]))
    on = conditions({**last, "data": "MNIST (32 x 32: random images)"}, "batch 64") if last else ""
    note = f"{on}; medians of {repeats(last)} interleaved repeats" if last else ""
    return Table("training, all networks", header, rows, note)


def batch_sizes(records: dict[str, Record]) -> Table:
    """The reference CNN at all batch sizes that were measured, as time an image."""
    pattern = re.compile(re.escape(training_name("reference", 0)).removesuffix("0") + r"(\d+)$")
    found = {int(match[1]): records[name] for name in records if (match := pattern.match(name))}
    found = {size: record for size, record in found.items() if OURS in medians(record)}
    at_64 = medians(found[64])[OURS] if 64 in found else float("nan")
    rows, last = [], None
    for size, last in sorted(found.items()):
        ours, other = medians(last)[OURS], fastest_other(last)
        cells = [f"{other[0]}: {figure(other[1] / 0.06)}", f"{other[1] / ours:.2f}"] if other else ["", ""]
        rows.append([str(size), figure(ours / 0.06), f"{ours / at_64:.2f}", *cells])
    header = ["batch", "numpycnn, µs an image", "relative to batch 64", "fastest other, µs an image",
              "times numpycnn's"]
    note = f"{conditions(last)}; medians of {repeats(last)} interleaved repeats" if last else ""
    return Table("training the reference CNN, by batch size", header, rows, note)


# -- inference, kernels, memory


def inference(record: Record) -> Table:
    """One batch size."""
    table = by_engine(record, "ms a call", scale=1e3)
    table.header.append("images/s")
    found = medians(record)
    for row, engine in zip(table.rows, sorted(found, key=found.__getitem__)):
        row.append(f"{record['batch_size'] / found[engine]:,.0f}")
    batch = f"{record['batch_size']:,} images a call"
    table.note = f"{conditions(record, batch)}; {repeats(record)} interleaved repeats: `{record['command']}`"
    return table


def inference_name(network: str, batch_size: int) -> str:
    """Return the name of a record of inference."""
    return f"inference {network}, batch {batch_size}"


def inference_sizes(records: dict[str, Record], sizes: Iterable[int] = (1, 8, 64, 1000)) -> Table:
    """The reference CNN at all batch sizes, one row an engine, the best at one image first."""
    named = {size: inference_name("reference", size) for size in sizes}
    found = {size: records[name] for size, name in named.items() if name in records}
    header, rows = ["engine"], {}
    for size, record in found.items():
        header += [f"{size:,} image{'s' * (size > 1)}, ms", "times numpycnn's"]
        for cells in by_engine(record, "", scale=1e3).rows:
            rows.setdefault(cells[0], [cells[0]]).extend([cells[1], cells[3]])
    last = next(reversed(found.values()), None)
    note = f"{conditions(last)}; medians of {repeats(last)} interleaved repeats: `{last['command']}`" if last else ""
    return Table("inference, reference CNN", header, [row for row in rows.values() if len(row) == len(header)], note)


def inference_networks(records: dict[str, Record], sizes: Iterable[int] = (1, 8, 64, 1000)) -> Table:
    """All networks: the predictor's time, and how many times as long the others of its trade take."""
    others, rows, last = ("ONNX Runtime", "OpenVINO"), [], None
    for name, network in NETWORKS.items():
        cells = [network.title]
        for size in sizes:
            record = records.get(inference_name(name, size), {"engines": {}})
            found = medians(record)
            if OURS_FROZEN in found and all(other in found for other in others):
                ratios, last = [f"{found[other] / found[OURS_FROZEN]:.2f}" for other in others], record
                cells += [figure(1e3 * found[OURS_FROZEN]), ", ".join(ratios)]
        if len(cells) == 1 + 2 * len(list(sizes)):
            rows.append(cells)
    header = ["network"]
    for size in sizes:
        header += [f"{size:,} image{'s' * (size > 1)}, ms", "times"]
    on = conditions({**last, "data": "MNIST (32 x 32: random images)"}) if last else ""
    note = f"Times as long: {' and '.join(others)}. {on}; medians of {repeats(last)} repeats" if last else ""
    return Table("inference, all networks", header, rows, note)


def kernels(record: Record) -> Table:
    """Every kernel's time, rate, and share of what the machine can do."""
    rows = []
    for name, entry in record["kernels"].items():
        median = figure(rate(record, name))
        spread = f"{figure(min(entry['values']))} to {figure(max(entry['values']))}"
        microseconds = figure(entry["work"] / 1e3 / rate(record, name))
        rows.append([name, microseconds, spread, f"{median} {entry['unit']}", f"{share_of_peak(record, name):.0%}"])
    peak = ", ".join(f"{value:.0f} {unit}" for unit, value in record["peak"].items())
    note = (
        f"{conditions(record, 'batch 64')}; peak of this run: {peak} (best matrix product, best copy). Counted are "
        f"the operations of the formula, for convolutions' gradients without those on zeros: `{record['command']}`"
    )
    return Table(record["what"], ["kernel", "µs, median", "min to max", "rate", "share of peak"], rows, note)


def first_use(record: Record) -> Table:
    """Seconds from the start of a process to the end of its first step, each engine."""
    table = by_engine(record, "seconds to the first step")
    batch = f"batch {record['batch_size']}"
    table.note = f"{conditions(record, batch)}; {repeats(record)} processes: `{record['command']}`"
    return table


def memory(record: Record) -> Table:
    """Peak resident memory of each engine."""
    table = by_engine(record, "MiB")
    table.note = f"{conditions(record, record['setting'])}; {repeats(record)} runs: `{record['command']}`"
    return table


# -- comparison with the reference


def comparison(title: str, compared: Iterable[tuple[str, dict[str, tuple[float, float]], float]],
               tolerance: float) -> Table:
    """What ``records.compare`` found, one row a yardstick and one for the verdict on each thing of ours."""
    rows = []
    for subject, both, change in compared:
        rows += [[f"{name} / {subject}", figure(old), figure(new), f"{new / old:.2f}"]
                 for name, (old, new) in both.items()]
        verdict = "SLOWER" if is_slower(change, tolerance) else "ok"
        rows.append([f"{subject}: {verdict}", "", "", f"{change:.2f}"])
    note = f"Ratios: larger is better for us. Below {1 / (1 + tolerance):.2f} the change counts as slower."
    return Table(f"{title}, against the reference", ["", "reference", "now", "change"], rows, note)


# -- the README


def of_one(name: str, make: Callable[[Record], Table]) -> Callable[[dict[str, Record]], Table | None]:
    """Return a function that makes the table of the record of this name, if there is one."""
    return lambda records: make(records[name]) if name in records else None


# What stands in benchmarks/README.md between "<!-- NAME: begin -->" and "<!-- NAME: end -->".
README_TABLES: dict[str, Callable[[dict[str, Record]], Table | None]] = {
    "training table": of_one(training_name("reference", 64), training),
    "networks table": networks,
    "avx2 table": lambda records: networks(records, isa="avx2"),
    "batch sizes table": batch_sizes,
    "inference table": inference_sizes,
    "inference networks table": inference_networks,
    "kernels table": of_one("kernels", kernels),
    "first use table": of_one("first use", first_use),
    "memory table": of_one("memory", memory),
}


def readme_with(text: str, records: dict[str, Record]) -> str:
    """Return the README's text with the tables between its markers replaced, as far as there are records."""
    for name, make in README_TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        table = make(records)
        if begin in text and table and table.rows:
            before, rest = text.split(begin)
            _, after = rest.split(end)
            text = f"{before}{begin}\n{table.markdown()}\n{end}{after}"
    return text
