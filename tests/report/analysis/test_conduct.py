"""How a study was run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.report.analysis.conduct import n_workers, planned_epochs, pruner_of, sampler_of, strategies_with, training_of
from hpo.report.analysis.records import Experiment
from tests.support.noise_experiments import study


@pytest.mark.parametrize(
    ("strategy", "facts", "sampler"),
    [
        ("mine", {"sampler": "tpe"}, "tpe"),
        ("Random search", {}, "random"),
        ("grid 3x3", {}, "grid"),
        ("bohb", {}, ""),
        ("random", {"sampler": "tpe"}, "tpe"),
        ("RandomSearch", {}, "random"),
        ("random_search_2", {}, "random"),
        ("random+asha", {}, "random"),
        ("random-hyperband", {}, "random"),
        ("random (lr=0.1)", {}, "random"),
        ("random, 64 units", {}, "random"),
        ("random_forest", {}, ""),
        ("random forest", {}, ""),
        ("Random-Forest", {}, ""),
        ("randomized_hp", {}, ""),
        ("gridlock", {}, ""),
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


GIVEN = {"model.encoder": "scratch", "train.lr": "0.1", "trainer.noise": "0.0", "encoder.epochs": "9"}


@pytest.mark.parametrize(
    ("facts", "params", "is_equal"),
    [
        ({}, {}, True),
        ({"sampler": "grid", "device": "cuda", "trainer.path": "moved.parquet", "encoder.epochs": "3"}, {}, True),
        ({"train.lr": "9"}, {}, True),  # searched: what was given does not count
        ({"model.encoder": "domain"}, {}, False),
        ({"trainer.noise": "0.1"}, {}, False),
        ({"train.batch_size": "8"}, {}, False),
        ({}, {"train.lr": 0.03}, False),
        ({}, {"model.n_hid": 64}, False),
        ({"model.n_hid": "64"}, {}, False),
    ],
)
def test_trainings_are_equal_in_all_settings(facts, params, is_equal) -> None:
    own, other = study("a", 0, [1], facts=GIVEN), study("b", 1, [1], facts=GIVEN | facts)
    first, second = (replace(each.trials[0], params={"train.lr": 0.02}) for each in (own, other))
    second = replace(second, params={**second.params, **params})
    assert (training_of(own, first) == training_of(other, second)) == is_equal


def test_it_does_not_matter_whether_a_setting_was_given_or_found() -> None:
    one, other = study("a", 0, [1], facts=GIVEN), study("b", 0, [1], facts={**GIVEN, "train.lr": "0.5"})
    assert training_of(one, replace(one.trials[0], params={"train.lr": 0.5})) == training_of(other, other.trials[0])


def test_the_settings_of_an_encoder_count_where_it_is_trained() -> None:
    ends = [study("a", 0, [1], facts={**GIVEN, "model.encoder": "domain", "encoder.epochs": n}) for n in "39"]
    assert training_of(ends[0], ends[0].trials[0]) != training_of(ends[1], ends[1].trials[0])


def test_workers_are_unknown_unless_recorded() -> None:
    assert n_workers(study("a", 0, [1], facts={"n_workers": "4"})) == 4
    assert n_workers(study("a", 0, [1], facts={})) is None
