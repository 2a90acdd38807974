"""Simulates what the report claims: false alarms, power, coverage, false "equivalent"; writes a table of each.

python simulate.py FOLDER N_REPEATS
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.report.analysis.claims import Blocks, Pair, compare
from hpo.statistics.equality import levelled_differences
from hpo.statistics.paired import rank
from hpo.statistics.signed_rank import detectable_shift, signed_rank_interval, signed_rank_p, stratified_signed_rank

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]
SEEDS = (6, 8, 10, 20)
# Differences around their pseudo-median, the median of the mean of two draws: of Exp(1) that of Gamma(2), halved.
NOISE: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t3": lambda rng, size: rng.standard_t(3, size=size),
    "skewed (exponential)": lambda rng, size: rng.exponential(size=size) - stats.gamma(2).median() / 2,
}
LOSSES: dict[str, Draw] = NOISE | {
    "two decimals, sd .03": lambda rng, size: np.round(0.8 + 0.03 * rng.normal(size=size), 2),
    "one study in ten fails": lambda rng, size: np.where(rng.uniform(size=size) < 0.1, np.inf, rng.normal(size=size)),
}


def main(folder: Path, n: int) -> None:
    write(folder / "false-alarms.csv", "losses,strategies,seeds,called", false_alarms(n))
    write(folder / "coverage.csv", "differences,seeds,level,covered", coverage(n))
    write(folder / "power.csv", "pairs,seeds,shift,claimed,found", power(n))
    write(folder / "false-equivalent.csv", "differences,seeds,rope,called", false_equivalent(n))
    write(folder / "within-tasks.csv", "differences,tasks,seeds,shift,found", within_tasks(n))


def write(path: Path, header: str, rows: list[tuple[object, ...]]) -> None:
    texts = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    path.write_text("\n".join([header, *map(",".join, texts)]) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"), flush=True)


def generator(*key: int) -> np.random.Generator:
    return np.random.default_rng([8, *key])


def kinds(losses: Floats, *, rope: float) -> list[str]:
    """Returns the word for each pair of strategies; losses have shape (n_strategies, n_seeds)."""
    names = [f"s{number}" for number in range(len(losses))]
    finite = np.where(np.isfinite(losses), losses, np.max(losses[np.isfinite(losses)], initial=0.0))
    units, is_whole = tuple(map(str, range(losses.shape[1]))), bool(np.isfinite(losses).all())
    pairs = [
        Pair(names[a], names[b], Blocks(units, losses[[a, b]], finite[[a, b]], np.abs(finite[[a, b]])), (), is_whole)
        for a, b in combinations(range(len(losses)), 2)
    ]
    omnibus = rank(names, losses, np.abs(finite)).p if len(losses) > 2 else None
    return [one.kind for one in compare(pairs, rope=rope, omnibus=omnibus)]


def false_alarms(n: int) -> list[tuple[object, ...]]:
    """Returns the share of experiments of equal strategies in which any pair is called better."""
    rows: list[tuple[object, ...]] = []
    for row, (name, draw) in enumerate(LOSSES.items()):
        for n_strategies in (2, 4):
            for n_seeds in (8, 10):
                rng = generator(1, row, n_strategies, n_seeds)
                hits = ["better" in kinds(draw(rng, (n_strategies, n_seeds)), rope=0.0) for _ in range(n)]
                rows.append((name, n_strategies, n_seeds, float(np.mean(hits))))
    return rows


def coverage(n: int) -> list[tuple[object, ...]]:
    """Returns the share of intervals that hold the pseudo-median."""
    rows: list[tuple[object, ...]] = []
    for row, (name, draw) in enumerate(NOISE.items()):
        for n_seeds in SEEDS:
            found = [signed_rank_interval(of) for of in draw(generator(2, row, n_seeds), (4 * n, n_seeds))]
            held = [one.low is not None and one.high is not None and one.low <= 0 <= one.high for one in found]
            rows.append((name, n_seeds, found[0].level, float(np.mean(held))))
    return rows


def power(n: int) -> list[tuple[object, ...]]:
    """Returns the share of tests that find a shift of the size that is said to be found in .8."""
    rows: list[tuple[object, ...]] = []
    for n_pairs in (1, 3, 6):
        for n_seeds in (*SEEDS, 40):
            shift = detectable_shift(n_seeds, n_tests=n_pairs)
            if shift is not None:
                draws = generator(3, n_pairs, n_seeds).normal(shift, 1, size=(4 * n, n_seeds))
                found = [signed_rank_p(of) < 0.05 / n_pairs for of in draws]
                rows.append((n_pairs, n_seeds, shift, 0.8, float(np.mean(found))))
    return rows


def false_equivalent(n: int) -> list[tuple[object, ...]]:
    """Returns how often two strategies that differ by the whole ROPE are called practically equivalent."""
    rows: list[tuple[object, ...]] = []
    for row, (name, draw) in enumerate(NOISE.items()):
        for n_seeds in SEEDS:
            for rope in (1.0, 2.0):  # in units of the noise
                rng = generator(4, row, n_seeds, int(rope))
                differences = draw(rng, (n, n_seeds)) + rope
                words = [kinds(np.array([of, np.zeros(n_seeds)]), rope=rope)[0] for of in differences]
                rows.append((name, n_seeds, rope, float(np.mean([word == "equivalent" for word in words]))))
    return rows


def within_tasks(n: int) -> list[tuple[object, ...]]:
    """Returns how often the test within tasks finds a shift, in units of each task's noise, and how often none."""
    rows: list[tuple[object, ...]] = []
    for row, (name, draw) in enumerate(LOSSES.items()):
        for n_tasks, n_seeds in ((3, 5), (6, 5), (6, 20)):
            scale = 10.0 ** -np.arange(n_tasks)[:, None, None]  # no task speaks louder than another
            for shift in (0.0, 0.5) if name in NOISE else (0.0,):
                rng = generator(5, row, n_tasks, n_seeds, int(10 * shift))
                losses = draw(rng, (4 * n, n_tasks, 2, n_seeds)) + np.array([[shift], [0.0]])
                found = [_is_within(scale * one) for one in losses]
                rows.append((name, n_tasks, n_seeds, shift, float(np.mean(found))))
    return rows


def _is_within(losses: Floats) -> bool:
    """Says whether the test within tasks tells two strategies apart; losses of shape (n_tasks, 2, n_seeds)."""
    with np.errstate(invalid="ignore"):
        exact = np.nan_to_num(losses[:, 0] - losses[:, 1], nan=0.0, posinf=np.inf, neginf=-np.inf)
    strata = [levelled_differences(own, sizes) for own, sizes in zip(exact, np.abs(losses).max(axis=1), strict=True)]
    return stratified_signed_rank(strata)[0] < 0.05


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
