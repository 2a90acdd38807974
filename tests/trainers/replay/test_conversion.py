"""Curves of others become tables: a row an epoch or a configuration, whatever the file; mistakes are sentences."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from hpo.trainers.replay.conversion import Asked, convert
from hpo.trainers.replay.table import read_table

LONG = [
    {"trial_id": f"t{i}", "lr": 0.1 * (i + 1), "depth": i % 2, "opt": "ab"[i % 2], "seed": 3, "epoch": epoch}
    | {"accuracy": round(0.5 + 0.1 * i + 0.01 * epoch, 4), "time": float(epoch + 1) + i}
    for epoch in (2, 0, 1)
    for i in range(3)
]


def written(folder: Path, rows: list[dict[str, Any]], suffix: str = ".csv") -> Path:
    path = folder / f"log{suffix}"
    if suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows) if suffix == ".json" else "\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_a_row_an_epoch_becomes_a_row_a_curve(tmp_path: Path, suffix: str) -> None:
    recording = convert(written(tmp_path, LONG, suffix), tmp_path / "log.parquet", Asked(seconds_are="each"))
    table = read_table(str(tmp_path / "log.parquet"))
    assert (recording.n_rows, recording.n_configurations, table.n_epochs) == (3, 3, 3)
    assert [list(axis.choices or (axis.low, axis.high)) for axis in table.axes] == [
        [0.1, pytest.approx(0.3)], [0, 1], ["a", "b"]
    ]  # fmt: skip
    for i, params in enumerate(table.configurations):
        assert params == {"lr": pytest.approx(0.1 * (i + 1)), "depth": i % 2, "opt": "ab"[i % 2]}
        curve = table.curve(i, seed=3)
        assert curve.metrics["accuracy"].tolist() == pytest.approx([0.5 + 0.1 * i + 0.01 * n for n in range(3)])
        assert curve.seconds.tolist() == [1.0 + i, 2.0 + i, 3.0 + i]
    assert table.card.directions == {"accuracy": "maximize"}


def test_a_row_a_configuration_with_lists_stays_one(tmp_path: Path) -> None:
    rows = [{"lr": 0.1 * n, "loss": [1.0, None, 0.5], "seconds": 2.0, "note": "x"} for n in range(1, 4)]
    asked = Asked(metrics={"valid_loss": "loss"}, params=["lr"], seconds="seconds")
    with pytest.raises(ValueError, match=r"seconds has 2\.0 where others have a list"):
        convert(written(tmp_path, rows, ".json"), tmp_path / "log.parquet", asked)
    rows = [{**row, "seconds": [1.0, 2.0, 1.0]} for row in rows]
    convert(written(tmp_path, rows, ".json"), tmp_path / "log.parquet", asked)
    curve = read_table(str(tmp_path / "log.parquet")).curve(1, seed=0)
    assert (curve.n_finite, curve.seconds.tolist()) == (1, [1.0, 2.0, 1.0])


def test_times_since_the_beginning_are_noticed_before_anything_is_written(tmp_path: Path) -> None:
    rows = [
        {"lr": n, "epoch": epoch, "valid_loss": 1 / epoch, "time": 10.0 * epoch + n}
        for n in range(5)
        for epoch in (1, 2, 3, 4)
    ]
    source, path = written(tmp_path, rows), tmp_path / "log.parquet"
    with pytest.raises(ValueError, match=r"log\.csv: 'time' rises from epoch to epoch in every row"):
        convert(source, path, Asked())
    assert not path.exists()
    convert(source, path, Asked(seconds_are="cumulative"))
    assert read_table(str(path)).curve(2, seed=0).seconds.tolist() == [12.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("changed", "asked", "said"),
    [
        ({}, Asked(metrics={"score": "acc"}), "has no column 'acc' \\(metrics=…\\); it has trial_id, lr"),
        ({}, Asked(metrics={"score": "accuracy"}), "does not say which values of score are better"),
        ({"accuracy": "n/a"}, Asked(), "accuracy has 'n/a', which is no number"),
        ({"epoch": 1.5}, Asked(), "epoch '?1.5'? is not a whole number"),
        ({"epoch": 7}, Asked(), "has epoch 7 behind 1, with nothing between"),
        ({"epoch": 1}, Asked(), "has epoch 1 twice; a curve has every epoch once, and trial=COLUMN"),
        ({"step": 3}, Asked(), "has several columns for epoch: epoch, step; say epoch=epoch"),
        ({}, Asked(params=["width"]), "has no column 'width' \\(params=…\\)"),
    ],
)
def test_mistakes_are_sentences_and_nothing_is_written(
    tmp_path: Path, changed: dict[str, Any], asked: Asked, said: str
) -> None:
    rows = [{**LONG[0], **changed}, *({**row, **({"step": 0} if "step" in changed else {})} for row in LONG[1:])]
    with pytest.raises(ValueError, match=said) as error:
        convert(written(tmp_path, rows), tmp_path / "log.parquet", asked)
    assert str(error.value).count("\n") == 0
    assert not (tmp_path / "log.parquet").exists()
