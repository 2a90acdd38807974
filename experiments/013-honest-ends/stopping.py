"""Simulates comparisons that stop when they are decided: false calls, seeds needed, power, intervals; draws the figure.

python stopping.py FOLDER N_REPEATS
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.claims import Blocks, Pair, compare
from hpo.report.analysis.sequential import BETTER, OPEN, Rules, Standing, judge
from hpo.statistics.paired import n_pairs_of, rank
from hpo.statistics.sequential import boundaries, reject, usual_looks
from hpo.statistics.signed_rank import ALPHA

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
N_MAX = 20
# Losses of equal strategies, of shape (n_strategies, n_seeds), with a standard deviation of about 1.
LOSSES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t3": lambda rng, size: rng.standard_t(3, size=size) / 3**0.5,
    "skewed (exponential)": lambda rng, size: rng.exponential(size=size),
    "spread differs by seed": lambda rng, size: rng.normal(size=size) * rng.exponential(size=size[1]),
    "ties: rounded to a unit": lambda rng, size: np.round(rng.normal(size=size)),
    "ties: two values": lambda rng, size: (rng.uniform(size=size) < 0.5).astype(float),
    "one study in ten fails": lambda rng, size: np.where(rng.uniform(size=size) < 0.1, np.inf, rng.normal(size=size)),
}
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # of paired differences, in their standard deviations


def main(folder: Path, n: int) -> None:
    write(folder / "false-calls.csv", "losses,strategies,comparisons,called", false_calls(n))
    rows = decisions(max(n // 2, 1))
    names = "strategies,shift,comparisons,seeds,saved,power,fixed,given up,off by,covered"
    write(folder / "decisions.csv", names, rows)
    draw(folder)


def write(path: Path, header: str, rows: list[tuple[object, ...]]) -> None:
    texts = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    path.write_text("\n".join([header, *map(",".join, texts)]) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"), flush=True)


def false_calls(n: int) -> list[tuple[object, ...]]:
    """Returns the share of comparisons with any false call at any look, had they gone on through all of them.

    Whatever they are stopped for, and wherever, there can only be fewer.
    """
    rows: list[tuple[object, ...]] = []
    for row, (name, losses) in enumerate(LOSSES.items()):
        for k in (2, 3):
            rng = np.random.default_rng([13, 1, row, k])
            rows.append((name, k, n, _share_called(n, lambda r, k=k, f=losses: f(r, (k, N_MAX)), rng)))  # type: ignore[misc]
    rng = np.random.default_rng([13, 2])
    rows.append(("normal", 5, n // 5, _share_called(n // 5, lambda r: r.normal(size=(5, N_MAX)), rng)))
    better = np.array([[0.0], [0.0], [2.0]])  # the third is worse: a false call is one between the first two
    one_false = _share_called(n, lambda r: r.normal(size=(3, N_MAX)) + better, rng, pairs=[(0, 1)])
    return [*rows, ("two equal and one worse", 3, n, one_false), ("normal; ranks alone", 2, 40 * n, _by_ranks(40 * n))]


def _by_ranks(n: int) -> float:
    """Returns the share of false calls of two strategies by ranks and signs alone, quick enough for many."""
    looks = boundaries(usual_looks(N_MAX, n_tests=1), ALPHA)
    rng, n_called, piece = np.random.default_rng([13, 4]), 0, 10_000
    for _ in range(n // piece):
        differences = rng.normal(size=(piece, N_MAX))
        has_crossed = np.zeros(piece, bool)
        for boundary in looks:
            own = differences[:, : boundary.n]
            above = np.sum((np.argsort(np.argsort(np.abs(own))) + 1) * (own > 0), axis=1)
            rarer = np.minimum(above, boundary.n * (boundary.n + 1) // 2 - above)
            has_crossed |= rarer <= (-1 if boundary.rank_sum is None else boundary.rank_sum)
        n_called += int(has_crossed.sum())
    return n_called / n


def _share_called(
    n: int, draw: Callable[[np.random.Generator], Floats], rng: np.random.Generator, pairs: object = None
) -> float:
    hits = 0
    for _ in range(n):
        found = pairs_of(draw(rng))
        looks = usual_looks(N_MAX, n_tests=len(found))
        called = reject([pair.differences for pair in found], looks, n=N_MAX)
        hits += called[0] if pairs else any(called)
    return hits / n


def decisions(n: int) -> list[tuple[object, ...]]:
    """Returns what comparisons cost and find beside those of 20 seeds, and what their last interval holds.

    With three strategies the first is the best by the shift, the others are equal.
    """
    rows: list[tuple[object, ...]] = []
    for k in (2, 3):
        for place, shift in enumerate(SHIFTS):
            rng = np.random.default_rng([13, 3, k, place])
            results = [_decide(rng.normal(size=(k, N_MAX)) / 2**0.5, k, shift) for _ in range(n)]
            seeds, wins, fixed, futile, shifts, covered = np.array(results, float).T
            saved = 1 - float(seeds.mean()) / N_MAX
            measured = (float(wins.mean()), float(fixed.mean()), float(futile.mean()))
            rows.append(
                (
                    k,
                    shift,
                    n,
                    float(seeds.mean()),
                    saved,
                    *measured,
                    float(shifts.mean()) - shift,
                    float(covered.mean()),
                )
            )
    return rows


def _decide(losses: Floats, k: int, shift: float) -> tuple[float, ...]:
    """Returns seeds, whether the first won, whether it did with 20, given up, estimate, whether the interval holds."""
    losses[1:] += shift
    rules = Rules(usual_looks(N_MAX, n_tests=n_pairs_of(k)), futility=0.05, rope=0.0)
    standings: list[Standing] = []
    n = 0
    for n in rules.looks:
        standings = judge(pairs_of(losses[:, :n]), rules, n=n)
        firsts = standings[: k - 1]  # those of the first strategy
        has_won = all(one.word == BETTER and one.comparison.ahead == "s0" for one in firsts)
        if has_won or all(one.word != OPEN for one in standings):
            break
    one = standings[0].comparison
    is_held = one.interval.low is None or one.interval.low <= -shift <= (one.interval.high or 0.0)
    return n, has_won, _fixed(losses), n < N_MAX and not has_won, -one.shift, is_held


def _fixed(losses: Floats) -> bool:
    """Returns whether the first wins at the fixed number of seeds by the tests of a report: Friedman's, then Holm's."""
    omnibus = rank([f"s{i}" for i in range(len(losses))], losses, np.abs(losses)).p if len(losses) > 2 else None
    found = compare(pairs_of(losses), rope=0.0, omnibus=omnibus)[: len(losses) - 1]
    return all(one.kind == "better" and one.ahead == "s0" for one in found)


def pairs_of(losses: Floats) -> list[Pair]:
    """Returns all pairs of strategies; losses have shape (n_strategies, n_seeds)."""
    finite = np.where(np.isfinite(losses), losses, np.max(losses[np.isfinite(losses)], initial=0.0))
    units, is_whole = tuple(map(str, range(losses.shape[1]))), bool(np.isfinite(losses).all())
    blocks = Blocks(units, losses[:2], finite[:2], np.abs(finite[:2]))
    return [
        Pair(
            f"s{a}",
            f"s{b}",
            replace(blocks, ranked=losses[[a, b]], filled=finite[[a, b]], sizes=np.abs(finite[[a, b]])),
            (),
            is_whole,
        )
        for a, b in combinations(range(len(losses)), 2)
    ]


def draw(folder: Path) -> None:
    """Draws seeds needed and power over the shift."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with (folder / "decisions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    for k, colour in (("2", "C0"), ("3", "C1")):
        own = [row for row in rows if row["strategies"] == k]
        x = [float(row["shift"]) for row in own]
        axes[0].plot(x, [float(row["seeds"]) for row in own], "o-", color=colour, label=f"{k} strategies")
        axes[1].plot(x, [float(row["power"]) for row in own], "o-", color=colour, label=f"{k}, stop=decided")
        axes[1].plot(x, [float(row["fixed"]) for row in own], "--", color=colour, label=f"{k}, fixed 20 seeds")
    axes[0].axhline(N_MAX, color="grey", ls="--", lw=1)
    axes[0].set(xlabel="shift (sd of paired differences)", ylabel="seeds a strategy, mean", ylim=(0, 21))
    axes[1].set(xlabel="shift (sd of paired differences)", ylabel="the best is called better than all")
    for each in axes:
        each.legend(frameon=False, fontsize=8)
    figure.savefig(folder / "stopping.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
