"""Penalties are failures, percent is recognised, and both are said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.config.schema import Direction
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.reading.csv_records import read_records
from hpo.report.reading.scales import ValueKind, with_value_kind, without_penalties
from hpo.report.reading.terms import Terms

Floats = NDArray[np.float64]
HEADER = "experiment,task,strategy,seed,trial,value,state,epochs,seconds,metric,direction\n"


def read(folder: Path, values: list[float], *, metric: str = "accuracy", direction: str = "maximize", **terms):
    rows = [f"e,t,a,{seed},0,{value!r},COMPLETE,1,1,{metric},{direction}" for seed, value in enumerate(values)]
    (folder / "records.csv").write_text(HEADER + "\n".join(rows), encoding="utf-8")
    return read_records([folder / "records.csv"], terms=Terms(**terms))


def states(of: Experiment) -> list[str]:
    return [study.trials[0].state for study in of.studies]


def test_a_penalty_value_is_a_failure_and_is_said(tmp_path: Path) -> None:
    of = read(tmp_path, [1e12, 0.3, 0.4, 0.5], metric="valid_loss", direction="minimize")
    assert states(of) == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert of.studies[0].trials[0].reason == "penalty value 1e+12"
    assert (
        "a: 1 COMPLETE trial of a penalty value (1e+12) taken as failed; a study without another value ranks last."
    ) in of.deviations


def test_the_worse_side_depends_on_the_direction(tmp_path: Path) -> None:
    assert states(read(tmp_path, [-1e9, 0.3, 0.4, 0.5])) == ["FAIL", *["COMPLETE"] * 3]
    assert states(read(tmp_path, [1e9, 0.3, 0.4, 0.5])) == ["COMPLETE"] * 4


@pytest.mark.parametrize("values", [[1e5, 0.1, 0.2], [3e6, 1e6, 2e6], [1e9, 1e9, 1e9, 0.1], [1e12]])
def test_large_values_that_may_be_what_they_are_stay(tmp_path: Path, values: list[float]) -> None:
    of = read(tmp_path, values, metric="seconds", direction="minimize")
    assert without_penalties(of) == (of, [])


def test_accuracy_in_percent_has_a_rope_in_percent(tmp_path: Path) -> None:
    of = read(tmp_path, [73.0, 91.5, 66.0])
    assert of.rope == 0.5
    assert "accuracy was recorded in percent (up to 91.5), so the ROPE of 0.005 is 0.5 here." in of.notes


@pytest.mark.parametrize(
    ("values", "metric", "terms", "rope"),
    [
        ([0.73, 0.915, 1.0], "accuracy", {}, 0.005),
        ([73.0, 91.5], "accuracy", {"rope": 0.005}, 0.005),
        ([73.0, 191.5], "accuracy", {}, 0.005),
        ([73.0, 91.5], "valid_loss", {}, 0.01),
    ],
)
def test_other_scales_keep_their_rope(
    tmp_path: Path, values: list[float], metric: str, terms: dict[str, float], rope: float
) -> None:
    of = read(tmp_path, values, metric=metric, **terms)
    assert (of.rope, any("percent" in note for note in of.notes)) == (rope, False)


def test_a_registered_rope_stays(tmp_path: Path) -> None:
    from hpo.report.reading.terms import settle

    of = replace(read(tmp_path, [73.0, 91.5]), card={"rope": 0.005}, rope=0.005)
    assert settle(of, Terms()).rope == 0.005


def trajectories(rows: Floats, direction: str = "minimize") -> Experiment:
    studies = [
        Study(f"a {seed}", "t", "a", seed, tuple(Trial(i, "COMPLETE", float(v), 1, 1, i) for i, v in enumerate(row)))
        for seed, row in enumerate(rows)
    ]
    return Experiment("e", "value", Direction(direction), "trials", 1.0, 0.0, tuple(studies))


EVALUATIONS = np.random.default_rng(0).normal(size=(5, 20))


@pytest.mark.parametrize("n_trials", [8, 20])
def test_best_so_far_values_are_recognised_in_either_direction_and_said(n_trials: int) -> None:
    best = np.minimum.accumulate(EVALUATIONS, axis=1)[:, :n_trials]
    for of in (trajectories(best), trajectories(-best, "maximize")):
        found = with_value_kind(of, None)
        assert found.is_incumbent
        assert found.notes == (
            "In none of 5 studies is a value worse than one before it: values were taken to be the best so far, no "
            "evaluations. If they are evaluations, give report.value_is=evaluation.",
        )


@pytest.mark.parametrize(
    "rows",
    [
        EVALUATIONS,
        np.minimum.accumulate(-EVALUATIONS, axis=1) * -1,  # of the other direction
        np.vstack([np.minimum.accumulate(EVALUATIONS, axis=1)[:4], EVALUATIONS[4:]]),  # one study is not
        np.minimum.accumulate(EVALUATIONS, axis=1)[:, :7],  # too few trials
        np.full((5, 20), 0.5),  # no order at all
        np.repeat([[0.5, 0.4]], 3, axis=0),
        np.hstack([np.full((3, 1), 0.9), np.full((3, 19), 0.1)]),  # found at once: independent values do that, too
    ],
)
def test_other_values_are_taken_for_evaluations(rows: Floats) -> None:
    assert with_value_kind(trajectories(rows), None) == trajectories(rows)


@pytest.mark.parametrize("given", ["evaluation", "incumbent"])
def test_what_is_said_of_values_comes_before_how_they_look(given: ValueKind) -> None:
    for rows in (EVALUATIONS, np.minimum.accumulate(EVALUATIONS, axis=1)):
        found = with_value_kind(trajectories(rows), given)
        assert (found.is_incumbent, found.notes) == (given == "incumbent", ())
