"""Reads the two searches, what confirmed them and the bags of words; writes two CSV files and prints the table.

python collect.py WORKDIR      the folder that run.sh ran in; results.csv and trials.csv are written beside this file
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from hpo.artifacts.folders import PROBABILITIES
from hpo.config.schema import SqliteConfig
from hpo.contracts.records import PRUNED
from hpo.data.corpus import open_corpus
from hpo.storage.record import TESTS, open_record, read_study

CUT_VOCAB = 8_008  # words of the corpus whose reviews are cut as the networks read them, specials included
ARMS = ("scratch", "domain")
PARAMS = ("model.n_hid", "model.drop_mult", "train.lr", "train.epochs")
TRIAL_COLUMNS = ("what", "trial", "state", "n_epochs", *PARAMS, "valid_accuracy", "spent_s")
COLUMNS = ("what", "seed", "valid_accuracy", "test_accuracy", "test_macro_f1", "encoder_s", "search_s", "fit_s")
Row = dict[str, Any]


def main(workdir: Path) -> None:
    rows = [*bags_of_words(workdir / "cache")]
    storage = open_record(SqliteConfig(folder="studies", path=str(workdir / "hpo.db")))
    for arm in ARMS:
        rows += confirmed(storage, arm, workdir / "cache")
    write_csv("results.csv", COLUMNS, rows)
    write_csv("trials.csv", TRIAL_COLUMNS, [row for arm in ARMS for row in searched(storage, arm, workdir / "cache")])
    print_table(rows)
    print_difference(workdir)
    for arm in ARMS:
        print_trials(storage, arm)


def bags_of_words(cache: Path) -> Iterator[Row]:
    """Yields a row for each prepared corpus: the regression that was fitted on its train part."""
    for folder in sorted(cache.glob("imdb-*")):
        corpus = open_corpus(folder)
        valid, test = corpus.baseline.valid, corpus.baseline.test
        if not valid:
            continue
        yield {
            "what": "bag of words, as cut" if int(corpus.facts["n_vocab"]) <= CUT_VOCAB else "bag of words, whole",
            "seed": folder.name,
            "valid_accuracy": valid["accuracy"],
            "test_accuracy": test["accuracy"],
            "test_macro_f1": test["macro_f1"],
        }


def confirmed(storage: Any, arm: str, cache: Path) -> Iterator[Row]:
    """Yields a row for each retraining of the configuration that a search chose."""
    _, search = read_study(storage, arm)
    study, trials = read_study(storage, f"{arm}-confirm")
    tests = storage.get_study_system_attrs(storage.get_study_id_from_name(study.name)).get(TESTS) or {}
    encoder_s = seconds_of_encoders(arm, cache)
    for trial in trials:
        if str(trial.number) in tests:
            test = tests[str(trial.number)]
            yield {
                "what": arm,
                "seed": trial.number,
                "valid_accuracy": trial.value,
                "test_accuracy": test["test_accuracy"],
                "test_macro_f1": test["test_macro_f1"],
                "encoder_s": round(encoder_s),
                "search_s": round(sum(each.seconds for each in search)),
                "fit_s": round(trial.seconds),
            }


def searched(storage: Any, arm: str, cache: Path) -> Iterator[Row]:
    """Yields a row for each trial of a search; `spent_s` is what its arm had spent when it ended, encoders included."""
    _, trials = read_study(storage, arm)
    spent_s = seconds_of_encoders(arm, cache)
    for trial in trials:
        spent_s += trial.seconds
        yield {
            "what": arm,
            "trial": trial.number,
            "state": trial.state,
            "n_epochs": trial.n_epochs,
            **{path: trial.params[path] for path in PARAMS},
            "valid_accuracy": trial.value,
            "spent_s": round(spent_s),
        }


def seconds_of_encoders(arm: str, cache: Path) -> float:
    if arm == "scratch":
        return 0.0
    found = [json.loads(path.read_text(encoding="utf-8")) for path in cache.glob("encoder-imdb-*/encoder.json")]
    return float(sum(epoch["seconds"] for encoder in found for epoch in encoder["history"]))


def write_csv(name: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with Path(__file__).with_name(name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def print_table(rows: list[Row]) -> None:
    print("| model | test accuracy, mean (each seed) | macro-F1 | valid | encoders s | search s | a fit s |")
    print("|---|---|---|---|---|---|---|")
    for what in dict.fromkeys(row["what"] for row in rows):
        of = [row for row in rows if row["what"] == what]
        tests = [row["test_accuracy"] for row in of]
        spread = f" ± {stdev(tests):.4f}" if len(tests) > 1 else ""
        seconds = [f"{fmean(row[key] for row in of):,.0f}" if of[0].get(key) else "" for key in COLUMNS[-3:]]
        cells = [
            f"{fmean(tests):.4f}{spread} ({', '.join(f'{value:.4f}' for value in tests)})",
            *(f"{fmean(row[key] for row in of):.4f}" for key in ("test_macro_f1", "valid_accuracy")),
            *seconds,
        ]
        print(f"| {what} | " + " | ".join(cells) + " |")


def corpus_of(cache: Path) -> Path:
    """Returns the folder of any prepared corpus: they share the test part."""
    return next(path for path in sorted(cache.glob("imdb-*")) if path.is_dir())


def print_difference(workdir: Path) -> None:
    """Prints by how much the retrained models of the arms differ on reviews like these; of other searches it says
    nothing."""
    hits = []
    for arm in ARMS:
        folders = sorted((workdir / "studies" / f"{arm}-confirm" / "trials").iterdir())
        labels = np.asarray(open_corpus(corpus_of(workdir / "cache")).test.labels)
        hits.append(np.mean([np.load(folder / PROBABILITIES).argmax(1) == labels for folder in folders], axis=0))
    differences = hits[1] - hits[0]
    margin = 1.96 * differences.std(ddof=1) / len(differences) ** 0.5
    print(f"\n{ARMS[1]} - {ARMS[0]}: {differences.mean():+.4f} +- {margin:.4f}, 95 % over {len(differences):,} reviews")


def print_trials(storage: Any, arm: str) -> None:
    """Prints the trials of a search as a table: params, epochs, accuracy on valid."""
    _, trials = read_study(storage, arm)
    print(f"\n{arm}: {len(trials)} trials, {sum(each.state == PRUNED for each in trials)} of them pruned\n")
    for trial in sorted(trials, key=lambda each: -(each.value or 0))[:5]:
        params = ", ".join(f"{path} {value:.4g}" for path, value in trial.params.items())
        print(f"- trial {trial.number}, {trial.state}, {trial.n_epochs} epochs, {trial.value:.4f}: {params}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    main(Path(sys.argv[1]))
