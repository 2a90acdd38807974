"""What was found, as ratios: kept in results.json, told in docs/benchmarks.md, drawn; seconds are kept nowhere.

A ratio is taken within each repeat, so that it is of two measurements that lie beside each other.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median

import psutil

from benchmarks.rows import Row

ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "benchmarks" / "results.json", ROOT / "docs" / "benchmarks.md"
FIGURE = ROOT / "docs" / "pictures" / "benchmarks.png"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


@dataclass(frozen=True)
class Ratio:
    """hpo over a peer, or the peer over hpo where more is better.

    Attributes:
        ratios: One a repeat.
        goal: What it is to be at most, or at least; 0 where nothing was set.
    """

    peer: str
    ratios: list[float]
    goal: float

    @property
    def middle(self) -> float:
        return median(self.ratios)


@dataclass(frozen=True)
class Result:
    """A row as it was measured.

    Attributes:
        load: The machine's load before each measurement, lowest and highest.
    """

    row: str
    unit: str
    is_more_better: bool
    ratios: list[Ratio]
    load: tuple[float, float]
    machine: str
    at: str

    def is_met(self, ratio: Ratio) -> bool:
        return ratio.middle >= ratio.goal if self.is_more_better else ratio.middle <= ratio.goal


def ratios_of(row: Row, seconds: Mapping[str, Sequence[float]], load: Sequence[float]) -> Result:
    ours = seconds["ours"]
    found = []
    for peer in seconds:
        if peer == "ours":
            continue
        pairs = zip(ours, seconds[peer], strict=True)
        ratios = [theirs / own if row.is_more_better else own / theirs for own, theirs in pairs]
        found.append(Ratio(peer, [round(ratio, 3) for ratio in ratios], row.goals.get(peer, 0.0)))
    span = (round(min(load), 2), round(max(load), 2))
    return Result(row.name, row.unit, row.is_more_better, found, span, _machine(), f"{datetime.now(UTC):%Y-%m-%d}")


def _machine() -> str:
    names = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in names if line.startswith("model name")), platform.processor())
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    versions = " ".join(f"{name} {metadata.version(name)}" for name in ("torch", "fastai", "optuna", "mlflow"))
    return f"{cores} cores of {model.strip()}; Python {platform.python_version()}, {versions}"


def said_of(result: Result) -> str:
    ratios = "; ".join(_said(result, ratio) for ratio in result.ratios)
    return f"{result.row} ({result.unit}): {ratios}; load {result.load[0]} to {result.load[1]}"


def _said(result: Result, ratio: Ratio) -> str:
    shown = f"{ratio.middle:.2f} × {ratio.peer} ({min(ratio.ratios):.2f} to {max(ratio.ratios):.2f})"
    if not ratio.goal:
        return shown
    sign = "≥" if result.is_more_better else "≤"
    return f"{shown}, goal {sign} {ratio.goal:g} {'met' if result.is_met(ratio) else 'missed'}"


def read_results() -> dict[str, Result]:
    """Returns what was kept, by row."""
    if not RESULTS.is_file():
        return {}
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    found = [Result(**{**row, "ratios": [Ratio(**ratio) for ratio in row["ratios"]]}) for row in kept]
    return {result.row: result for result in found}


def worse_than(results: Sequence[Result], kept: Mapping[str, Result] | None = None) -> list[str]:
    """Returns a line for each ratio that is worse than all repeats of the one that was kept."""
    kept = read_results() if kept is None else kept
    lines = []
    for result in results:
        before = {ratio.peer: ratio for ratio in kept[result.row].ratios} if result.row in kept else {}
        for ratio in result.ratios:
            old = before.get(ratio.peer)
            if old is None:
                continue
            is_worse = ratio.middle < min(old.ratios) if result.is_more_better else ratio.middle > max(old.ratios)
            if is_worse:
                lines.append(
                    f"WORSE: {result.row}: {ratio.middle:.2f} × {ratio.peer}, "
                    f"was {old.middle:.2f} ({min(old.ratios):.2f} to {max(old.ratios):.2f})"
                )
    return lines


def keep(results: Sequence[Result]) -> None:
    """Writes what was found over what was kept of the same rows."""
    found = {**read_results(), **{result.row: result for result in results}}
    RESULTS.write_text(json.dumps([asdict(result) for result in found.values()], indent=1, ensure_ascii=False) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{table(list(found.values()))}\n{END}{tail}", encoding="utf-8")
    draw(list(found.values()))


def table(results: Sequence[Result]) -> str:
    """Returns the results as a table in Markdown, and the machines they are of."""
    lines = ["| row | of what | ratio: median (range) | goal | load |", "|---|---|---|---|---|"]
    for result in results:
        for ratio in result.ratios:
            span = f"{ratio.middle:.2f} × {ratio.peer} ({min(ratio.ratios):.2f} to {max(ratio.ratios):.2f})"
            sign = "≥" if result.is_more_better else "≤"
            goal = f"{sign} {ratio.goal:g}: {'met' if result.is_met(ratio) else 'missed'}" if ratio.goal else ""
            load = f"{result.load[0]} to {result.load[1]}"
            lines.append(f"| {result.row} | {result.unit} | {span} | {goal} | {load} |")
    machines = dict.fromkeys(f"{result.machine} ({result.at})" for result in results)
    return "\n".join([*lines, "", *(f"Measured on {machine}." for machine in machines)])


def draw(results: Sequence[Result]) -> None:
    """Draws each ratio with its range, on a scale on which half and twice are equally far from one."""
    from matplotlib.figure import Figure

    shown = [(result, ratio) for result in results for ratio in result.ratios]
    figure = Figure(figsize=(8, 0.4 * len(shown) + 1), layout="constrained")
    axes = figure.subplots()
    for line, (_, ratio) in enumerate(reversed(shown)):
        low, high = ratio.middle - min(ratio.ratios), max(ratio.ratios) - ratio.middle
        axes.errorbar(ratio.middle, line, xerr=[[low], [high]], fmt="o", color="#1f4e79", capsize=3)
        if ratio.goal:
            axes.plot(ratio.goal, line, marker="|", color="#c0504d", markersize=14)
    axes.set_yticks(range(len(shown)), [f"{result.row}, of {ratio.peer}" for result, ratio in reversed(shown)])
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xlabel("ratio, with its range; the mark is the goal")
    figure.savefig(FIGURE, dpi=120, metadata={"Software": None})
