"""What the best of a study is worth: shrunken by its trials, or the mean of retrainings that did not choose it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hpo.contracts.honest import honest_sentence
from hpo.contracts.records import COMPLETE, PRUNED, EpochRecord, StudyRecord, TrialRecord
from hpo.space.space import Param, Space
from hpo.study.honest import confirmed_number, shrunken_number
from tests.support.studies import SYNTHETIC, run_study

SPACE = Space(
    (
        Param("train.lr", FloatDistribution(1e-4, 1.0, log=True), ()),
        Param("model.kind", CategoricalDistribution(["a", "b"]), ()),
    ),
    {},
)
STUDY = StudyRecord("s", "u", "e", "accuracy", "maximize", {}, {}, {}, {}, "f", 0)


def trials(n: int, *, noise: float = 0.05, n_pruned: int = 0) -> list[TrialRecord]:
    rng = np.random.default_rng(0)
    made = []
    for number in range(n + n_pruned):
        place, is_pruned = rng.uniform(), number >= n
        end = 0.8 - (place - 0.5) ** 2 + noise * rng.normal()
        curve = [end - 0.1, end][: 1 if is_pruned else 2]
        epochs = tuple(EpochRecord(i, {"accuracy": value}, 0) for i, value in enumerate(curve, start=1))
        params = {"train.lr": 10 ** (4 * place - 4), "model.kind": "ab"[number % 2]}
        made.append(TrialRecord(number, PRUNED if is_pruned else COMPLETE, params, curve[-1], 0, 1, epochs, 0, 1))
    return made


def honest(found: Sequence[TrialRecord], study: StudyRecord = STUDY) -> StudyRecord:
    return replace(study, honest=shrunken_number(study, found, SPACE, seed=0))


def test_the_best_seen_is_shrunken_in_either_direction() -> None:
    made = trials(24)
    up = honest(made).honest
    assert up["low"] < up["value"] < up["seen"] == max(trial.value or 0 for trial in made)
    lower = [replace(trial, value=-(trial.value or 0)) for trial in made]
    down = honest(lower, replace(STUDY, direction="minimize")).honest
    assert down["value"] == pytest.approx(-up["value"])
    assert (down["low"], down["high"]) == pytest.approx((-up["high"], -up["low"]))
    assert "24 trials say of their noise" in honest_sentence(honest(made))


def test_pruned_trials_count_by_their_rung() -> None:
    with_pruned = honest(trials(12, n_pruned=12)).honest
    assert with_pruned["n"] == 24
    assert with_pruned["value"] != honest(trials(12)).honest["value"]
    few = [replace(trial, epochs=trial.epochs[:1]) for trial in trials(12, n_pruned=12)]  # nobody knows how they go on
    assert honest(few).honest["n"] == 12


def test_fewer_than_five_trials_have_no_interval_and_a_reason() -> None:
    said = honest_sentence(honest(trials(4)))
    assert "too good by an unknown amount: 4 trials with a value say nothing of their noise, at least 5" in said
    assert "value" not in honest(trials(4)).honest
    assert "one trial with a value says nothing" in honest_sentence(honest(trials(1)))
    assert "4 trials with a value say nothing" in honest_sentence(honest(trials(4, n_pruned=8)))  # not 12
    assert honest([]).honest == {}
    assert honest_sentence(STUDY) == ""


def test_trials_of_a_recorded_table_or_outside_the_space_are_left_alone() -> None:
    assert honest(trials(9), replace(STUDY, tags={"table": "t"})).honest == {}
    outside = [replace(trial, params={**trial.params, "train.lr": "high"}) for trial in trials(9)]
    assert "value" not in honest(outside).honest
    assert "do not say how much of it is noise" in honest_sentence(honest(outside))


def test_a_confirmed_number_is_the_mean_of_what_did_not_choose_it() -> None:
    study = replace(STUDY, honest=confirmed_number(0.9, 7, [0.8, 0.82]))
    assert study.honest["value"] == pytest.approx(0.81)
    assert "mean of 2 fresh retrainings of trial 7 that did not choose it" in honest_sentence(study)
    assert "low" not in confirmed_number(0.9, 7, [0.8])


def test_every_study_ends_with_one_and_keeps_it(workdir) -> None:
    report = run_study(*SYNTHETIC, "study.name=once", "study.n_trials=6")
    assert report.study.honest["seen"] == report.study.best(report.trials).value
    confirmed = (*SYNTHETIC, "study.name=twice", "study.n_trials=3", "study.confirm.top_k=2", "study.confirm.n_seeds=4")
    report = run_study(*confirmed)
    assert report.study.honest["n_fresh"] == 2
    assert run_study(*confirmed).study.honest == report.study.honest
