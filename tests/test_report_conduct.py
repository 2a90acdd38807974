"""How a study was run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_up import study

from hpo.report.conduct import n_workers, planned_epochs, pruner_of, sampler_of, strategies_with
from hpo.report.records import Experiment


@pytest.mark.parametrize(
    ("strategy", "facts", "sampler"),
    [
        ("mine", {"sampler": "tpe"}, "tpe"),
        ("Random search", {}, "random"),
        ("grid 3x3", {}, "grid"),
        ("bohb", {}, ""),
        ("random", {"sampler": "tpe"}, "tpe"),
    ],
)
def test_the_sampler_is_as_recorded_else_as_the_strategy_is_called(strategy, facts, sampler) -> None:
    given = study(strategy, 0, [1], facts=facts)
    assert sampler_of(given) == sampler
    found = strategies_with(Experiment("e", "m", "minimize", "trials", 1, 0, (given,)), "random")
    assert found == ([strategy] if sampler == "random" else [])


def test_no_pruner_is_none() -> None:
    assert pruner_of(study("a", 0, [1], facts={"pruner": "none"})) == ""
    assert pruner_of(study("a", 0, [1], facts={"pruner": "asha"})) == "asha"
    assert pruner_of(study("a", 0, [1], facts={})) == ""


def test_planned_epochs_are_those_that_were_proposed() -> None:
    given = study("a", 0, [1, 2, 3])
    trials = [replace(trial, params={"train.epochs": 2 + trial.number % 2}) for trial in given.trials]
    assert planned_epochs(replace(given, trials=tuple(trials))) == {2.0, 3.0}
    assert planned_epochs(given) == set()


def test_workers_are_unknown_unless_recorded() -> None:
    assert n_workers(study("a", 0, [1], facts={"n_workers": "4"})) == 4
    assert n_workers(study("a", 0, [1], facts={})) is None
