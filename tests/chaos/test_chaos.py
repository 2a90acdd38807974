"""A study whose workers, drivers and MLflow are killed at random moments: two seeds of experiments/004-chaos."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.chaos import driver as chaos


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("trainer", "seed"), [("synthetic", 20), ("synthetic", 21), ("awd_lstm", 20)])
def test_a_study_survives(trainer: str, seed: int, tmp_path: Path) -> None:
    assert chaos.main(trainer, seed, seed + 1, tmp_path) == 0
    with (tmp_path / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    events = [event.partition("@")[0] for event in row["events"].split()]
    assert [events.count(event) for event in ("worker", "driver", "outage")] == [2, 2, 1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_survives_on_ray_and_postgresql(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends with the very numbers of the undisturbed one in one process pool and a file."""
    monkeypatch.setenv(chaos.URL, database)
    assert chaos.main("team", 20, 21, tmp_path) == 0


def test_what_is_wrong_is_found(workdir: Path) -> None:
    """The invariants themselves: each breach that is made here is seen."""
    from dataclasses import replace

    from hpo.contracts.records import COMPLETE, RUNNING
    from hpo.tracking.mirror import Mirror
    from tests.chaos.invariants import violations
    from tests.support.mlflow_contents import make_study, make_trial, new_db

    def made(number: int, **changes: object):  # type: ignore[no-untyped-def]
        trial = make_trial(number, COMPLETE, **changes)
        metrics = dict.fromkeys(("train_loss", "valid_loss", "accuracy", "macro_f1"), 0.5 + number / 10)
        return replace(trial, epochs=tuple(replace(epoch, metrics=metrics) for epoch in trial.epochs))

    study, trials = make_study(workdir / "study"), [made(number) for number in range(3)]
    uri = new_db(workdir / "mlflow")
    Mirror(uri, {}).sync(study, trials, workdir, is_finished=True)

    def found(now: list, **noted: int) -> list[str]:  # type: ignore[type-arg]
        lines = violations(
            now,
            undisturbed=trials,
            noted={int(number.removeprefix("t")): n for number, n in noted.items()},
            folder=workdir,
            tracking_uri=uri,
            study_uid=study.uid,
        )
        return sorted({line[:2] for line in lines})

    assert found(trials) == []
    assert found(trials, t1=2) == ["I5"]
    assert found(trials[:2]) == ["I1", "I4"]
    assert "I2" in found([*trials[:2], replace(trials[2], state=RUNNING)])
    assert "I3" in found([*trials[:2], replace(trials[2], params=trials[0].params)])
    assert "I4" in found([*trials[:2], replace(trials[2], epochs=trials[2].epochs[:-1])])
    assert "I6" in found([*trials[:2], replace(trials[2], value=0.0)])
    (workdir / "studies").mkdir()
    (workdir / "studies" / ".model.json.x").touch()
    assert found(trials) == ["I7"]
