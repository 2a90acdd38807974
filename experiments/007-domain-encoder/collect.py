"""Reads the studies of the two arms from the record and says what came of them; trains nothing.

    python collect.py HPO.DB CACHE TIMES

writes results.csv (a line for each arm, dataset and seed), records.csv (what `python -m hpo.report records=…` reads),
differences.csv (the tests), table.md and differences.png into the working directory. TIMES is the folder in which
run.sh left the clock and processor seconds of each command.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter
from scipy import stats

from hpo.config.schema import SqliteConfig
from hpo.contracts.records import COMPLETE
from hpo.statistics.paired import holm
from hpo.statistics.signed_rank import detectable_difference, signed_rank_p
from hpo.storage.record import open_record, read_studies, read_study

DATASETS, ARMS, SEARCH = ("trec", "mr", "docstrings"), ("scratch", "domain"), "search"
N_RESAMPLES = 20_000
Row = dict[str, Any]


def read_rows(record: Path, cache: Path, times: Path) -> list[Row]:
    """Returns a row for each finished study named DATASET-ARM-sSEED whose seed both arms have finished."""
    storage = open_record(SqliteConfig(folder="studies", path=str(record)))
    rows = []
    for name in read_studies(storage):
        dataset, arm, seed = name.split("-")
        study, trials = read_study(storage, name)
        best = study.best(trials)
        if best is None or "test_accuracy" not in study.test:
            continue
        encoder = _encoder(cache, str(study.corpus["fingerprint"]), int(seed[1:])) if arm == "domain" else {}
        encoder_s = sum(epoch["seconds"] for epoch in encoder.get("history", ()))
        trials_s = sum(trial.seconds for trial in trials)
        wall_s, user_s, system_s = (float(word) for word in (times / name).read_text().split())
        rows.append(
            {
                "dataset": dataset,
                "seed": int(seed[1:]),
                "arm": arm,
                "test": study.test["test_accuracy"],
                "valid": best.value,
                "baseline_test": study.test["test_baseline_accuracy"],
                "baseline_valid": study.corpus["baseline_accuracy"],
                "encoder_s": round(encoder_s, 1),
                "trials_s": round(trials_s, 1),
                "total_s": round(encoder_s + trials_s, 1),
                "command_s": wall_s,
                "command_cpu_s": round(user_s + system_s, 1),
                "perplexity": round(encoder["history"][-1]["perplexity"], 1) if encoder else "",
                "n_trials": sum(trial.state == COMPLETE for trial in trials),
                "epochs": sum(trial.n_epochs for trial in trials),
                **{path: best.params.get(path, "") for path in ("train.lr", "model.drop_mult")},
            }
        )
    pairs = {(row["dataset"], row["seed"]) for row in rows if row["arm"] == ARMS[0]}
    pairs &= {(row["dataset"], row["seed"]) for row in rows if row["arm"] == ARMS[1]}
    kept = [row for row in rows if (row["dataset"], row["seed"]) in pairs]
    return sorted(
        kept, key=lambda row: (DATASETS.index(row["dataset"]), row["seed"], (*ARMS, SEARCH).index(row["arm"]))
    )


def _encoder(cache: Path, fingerprint: str, seed: int) -> Mapping[str, Any]:
    """Returns the description of the encoder that was trained on these texts with this seed."""
    for path in cache.glob("encoder-*/encoder.json"):
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if (found["facts"]["data_fingerprint"], found["facts"]["encoder.seed"]) == (fingerprint, seed):
            return found
    raise SystemExit(f"{cache} has no encoder of the texts {fingerprint} with seed {seed}.")


def column(rows: Sequence[Row], dataset: str, arm: str, key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([row[key] for row in rows if (row["dataset"], row["arm"]) == (dataset, arm)], float)


def test_datasets(rows: Sequence[Row]) -> list[Row]:
    """Returns for each dataset the paired differences of test accuracy, domain - scratch, and what they show."""
    found = []
    for dataset in [each for each in DATASETS if column(rows, each, "scratch", "test").size]:
        differences = column(rows, dataset, "domain", "test") - column(rows, dataset, "scratch", "test")
        interval = stats.t.interval(0.95, differences.size - 1, differences.mean(), stats.sem(differences))
        rng = np.random.default_rng(0)
        drawn = rng.choice(differences, (N_RESAMPLES, differences.size)).mean(axis=1)
        bootstrap = np.percentile(drawn, [2.5, 97.5])
        found.append(
            {
                "dataset": dataset,
                "n": differences.size,
                "mean": differences.mean(),
                "t_low": interval[0],
                "t_high": interval[1],
                "bootstrap_low": bootstrap[0],
                "bootstrap_high": bootstrap[1],
                "wins": int((differences > 0).sum()),
                "ties": int((differences == 0).sum()),
                "p_wilcoxon": signed_rank_p(differences),
                "p_t": float(stats.ttest_1samp(differences, 0).pvalue),
                "detectable": detectable_difference(differences, n_tests=len(DATASETS)),
            }
        )
    for key in ("p_wilcoxon", "p_t"):
        for row, p in zip(found, holm([row[key] for row in found]), strict=True):
            row[f"{key}_holm"] = p
    return found


def table(rows: Sequence[Row], tests: Sequence[Row]) -> Iterable[str]:
    """Yields the tables of the README."""
    yield "| test (valid) | seeds | scratch | domain | bag of words | domain - scratch, test |"
    yield "|---|---|---|---|---|---|"
    for one in tests:
        means = {
            (arm, key): column(rows, one["dataset"], arm, key).mean()
            for arm in ARMS
            for key in ("test", "valid", "baseline_test", "baseline_valid")
        }
        arms = [f"{means[arm, 'test']:.4f} ({means[arm, 'valid']:.4f})" for arm in ARMS]
        words = f"{means['scratch', 'baseline_test']:.4f} ({means['scratch', 'baseline_valid']:.4f})"
        yield f"| {one['dataset']} | {one['n']} | {' | '.join(arms)} | {words} | {one['mean']:+.4f} |"
    yield ""
    yield "| dataset | domain - scratch | 95 %, t | 95 %, bootstrap | seeds won, tied, lost | p, Holm p: Wilcoxon | t |"
    yield "|---|---|---|---|---|---|---|"
    for one in tests:
        lost = one["n"] - one["wins"] - one["ties"]
        yield (
            f"| {one['dataset']} | {one['mean']:+.4f} | {one['t_low']:+.4f} to {one['t_high']:+.4f} "
            f"| {one['bootstrap_low']:+.4f} to {one['bootstrap_high']:+.4f} | {one['wins']}, {one['ties']}, {lost} "
            f"| {one['p_wilcoxon']:.3f}, {one['p_wilcoxon_holm']:.3f} | {one['p_t']:.3f}, {one['p_t_holm']:.3f} |"
        )
    yield ""
    yield "| dataset | arm | encoder, s | trials, s | total, s | domain / scratch | processor seconds of the command |"
    yield "|---|---|---|---|---|---|---|"
    for one in tests:
        total = {arm: column(rows, one["dataset"], arm, "total_s").mean() for arm in ARMS}
        for arm in ARMS:
            parts = [column(rows, one["dataset"], arm, key).mean() for key in ("encoder_s", "trials_s", "total_s")]
            ratio = f"{total['domain'] / total['scratch']:.2f}" if arm == "domain" else ""
            cpu = np.nanmean(column(rows, one["dataset"], arm, "command_cpu_s"))  # NaN: its encoder was there already
            yield f"| {one['dataset']} | {arm} | {' | '.join(f'{x:.0f}' for x in parts)} | {ratio} | {cpu:.0f} |"


def explored(rows: Sequence[Row]) -> Iterable[str]:
    """Yields the table of the arm that was thought of later, p-values as they are."""
    yield "| MR | test (valid) | total, s | test, others - search | 95 %, t | Wilcoxon p |"
    yield "|---|---|---|---|---|---|"
    seeds = column(rows, "mr", SEARCH, "seed")
    shared = [row for row in rows if row["seed"] in seeds]
    found = {arm: column(shared, "mr", arm, "test") for arm in (SEARCH, *ARMS)}
    for arm, tests in found.items():
        valid, total = (column(shared, "mr", arm, key).mean() for key in ("valid", "total_s"))
        cells = [f"{arm}, {len(seeds)} seeds", f"{tests.mean():.4f} ({valid:.4f})", f"{total:.0f}", "", "", ""]
        if arm != SEARCH:
            differences = tests - found[SEARCH]
            low, high = stats.t.interval(0.95, differences.size - 1, differences.mean(), stats.sem(differences))
            p = signed_rank_p(differences)
            cells[3:] = [f"{differences.mean():+.4f}", f"{low:+.4f} to {high:+.4f}", f"{p:.3f}"]
        yield f"| {' | '.join(cells)} |"


def draw(rows: Sequence[Row], tests: Sequence[Row], path: Path) -> None:
    """Draws a panel for each dataset: the two arms of each seed joined by a line, bag of words as a dashed one."""
    figure, axes = plt.subplots(1, len(tests), figsize=(3.2 * len(tests), 3.4), layout="constrained", squeeze=False)
    for axis, one in zip(axes[0], tests, strict=True):
        pairs = np.array([column(rows, one["dataset"], arm, "test") for arm in ARMS])
        axis.plot([0, 1], pairs, color="0.7", linewidth=1, marker="o", markersize=4)
        axis.plot([0, 1], pairs.mean(axis=1), color="C0", linewidth=2.5, marker="o", label="mean of the seeds")
        words = column(rows, one["dataset"], "scratch", "baseline_test").mean()
        axis.axhline(words, color="C1", linestyle="--", linewidth=1.5, label="bag of words, mean")
        axis.set_xticks([0, 1], ARMS)
        axis.set_xlim(-0.3, 1.3)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        low, high = 100 * one["t_low"], 100 * one["t_high"]
        axis.set_title(f"{one['dataset']}: {100 * one['mean']:+.1f} ({low:+.1f} to {high:+.1f})", fontsize=10)
    axes[0][0].set_ylabel("test accuracy at equal seconds")
    axes[0][-1].legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def as_records(rows: Sequence[Row]) -> list[Row]:
    """Returns the rows as trajectories of one trial each: the chosen model, whose value is its test accuracy."""
    return [
        {
            "experiment": f"encoder-{row['dataset']}",
            "task": row["dataset"],
            "strategy": row["arm"],
            "seed": row["seed"],
            "trial": 0,
            "value": row["test"],
            "state": COMPLETE,
            "epochs": row["epochs"],
            "seconds": row["total_s"],
            "metric": "accuracy",
            "direction": "maximize",
        }
        for row in rows
        if row["arm"] in ARMS
    ]


def main(record: str, cache: str, times: str) -> None:
    rows = read_rows(Path(record), Path(cache), Path(times))
    if not rows:
        raise SystemExit(f"{record} has no seed yet of which both arms have ended.")
    tests = test_datasets(rows)
    write_csv(Path("results.csv"), rows)
    write_csv(Path("records.csv"), as_records(rows))
    write_csv(Path("differences.csv"), tests)
    lines = [*table(rows, tests), *(["", *explored(rows)] if any(row["arm"] == SEARCH for row in rows) else [])]
    Path("table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(rows, tests, Path("differences.png"))
    print(Path("table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
