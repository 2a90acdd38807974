"""Draws searches.png and tests.png from results.csv and trials.csv, all beside this file: python figures.py"""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

HERE = Path(__file__).parent
COLOURS = {"scratch": "tab:orange", "domain": "tab:blue"}
BAG = "bag of words"
Row = dict[str, str]


def main() -> None:
    results, trials = read("results.csv"), read("trials.csv")
    figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    draw_searches(axes, results, trials)
    figure.savefig(HERE / "searches.png", dpi=110)
    figure, axes = plt.subplots(figsize=(7.2, 2.6), layout="constrained")
    draw_tests(axes, results)
    figure.savefig(HERE / "tests.png", dpi=110)


def read(name: str) -> list[Row]:
    with (HERE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def draw_searches(axes: Axes, results: list[Row], trials: list[Row]) -> None:
    """Draws each trial where it ended, and the best complete one so far."""
    for what, colour in COLOURS.items():
        of = [row for row in trials if row["what"] == what and row["valid_accuracy"]]
        minutes = np.array([float(row["spent_s"]) / 60 for row in of])
        values = np.array([float(row["valid_accuracy"]) for row in of])
        is_complete = np.array([row["state"] == "COMPLETE" for row in of])
        best = np.maximum.accumulate(np.where(is_complete, values, 0.0))
        axes.step(minutes, best, where="post", color=colour, label=f"{what}: best so far")
        for kind, marker in ((is_complete, "o"), (~is_complete, "x")):
            axes.scatter(minutes[kind], values[kind], marker=marker, s=18, color=colour, alpha=0.6)
    bags = sorted({row["what"] for row in results if row["what"].startswith(BAG)})
    for what, style in zip(bags, ("--", ":"), strict=False):
        mean = np.mean([float(row["valid_accuracy"]) for row in results if row["what"] == what])
        axes.axhline(float(mean), color="0.4", linestyle=style, linewidth=1, label=what)
    axes.set(xlabel="minutes on one core, encoders included (o complete, x pruned)", ylabel="accuracy on validation")
    axes.set_ylim(bottom=0.78)
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.legend(loc="lower right", fontsize=8)


def draw_tests(axes: Axes, results: list[Row]) -> None:
    """Draws the test accuracy of every seed, a line for each model."""
    names = list(dict.fromkeys(row["what"] for row in results))
    for height, what in enumerate(names):
        values = [float(row["test_accuracy"]) for row in results if row["what"] == what]
        axes.scatter(values, [height] * len(values), color=COLOURS.get(what, "0.4"), s=30, alpha=0.7)
        axes.plot([sum(values) / len(values)] * 2, [height - 0.3, height + 0.3], color=COLOURS.get(what, "0.4"))
    axes.set(yticks=range(len(names)), yticklabels=names, xlabel="accuracy on the 25,000 test reviews (line: mean)")
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter(1, 1))


if __name__ == "__main__":
    main()
