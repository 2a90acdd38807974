"""One study of the record as the report sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hpo.contracts.records import Leg, TrialRecord
from hpo.report.analysis.labels import Label
from hpo.report.analysis.records import Audit, Baseline, Study
from hpo.report.reading.study import StoredStudy, to_study
from tests.support.study_records import recorded_study, recorded_trial

LABEL = Label("docs", "tpe")


def stored(trials: Sequence[TrialRecord], tests: Any = None, is_ended: bool = True, **changes: Any) -> StoredStudy:
    return StoredStudy(recorded_study(**changes), trials, is_ended, tests or {})


def study(*trials: TrialRecord, **changes: Any) -> Study:
    return to_study(stored(trials, **changes), LABEL, confirmation=None)


def test_trials_come_in_the_order_of_their_ends_running_ones_last() -> None:
    read = study(
        recorded_trial(0, state="RUNNING"),
        recorded_trial(1, ended_ms=9000),
        recorded_trial(2, [0.1, 0.4], ended_ms=5000, state="PRUNED"),
        recorded_trial(3, [], ended_ms=7000, state="FAIL", reason="oom"),
    )
    assert [trial.number for trial in read.trials] == [2, 3, 1, 0]
    assert [trial.value for trial in read.trials] == [0.4, None, 0.5, None]
    assert [trial.epochs for trial in read.trials] == [2, 1, 1, 1]  # a failure at the start is charged one
    assert [trial.ended_s for trial in read.trials] == [4, 10, 12, None]  # its seconds until then, too
    assert read.trials[0].curve == (0.1, 0.4)
    assert read.trials[1].reason == "oom"
    assert (read.task, read.strategy, read.seed) == ("docs", "tpe", 0)


def test_what_waited_and_what_was_promoted_is_known() -> None:
    waited = replace(recorded_trial(0, ended_ms=9000, state="PRUNED"), legs=(Leg(0, 1),))
    promoted = replace(recorded_trial(1, ended_ms=5000), legs=(Leg(1, 1), Leg(3, None)), facts={"origin": "enqueued"})
    given = {"study": {"ordered": True, "learn_from": ["old"]}}
    read = study(promoted, waited, recorded_trial(2, ended_ms=1), config=given)
    assert [trial.number for trial in read.trials] == [0, 2, 1]  # in the order of their last turns
    assert [(trial.is_waiting, trial.n_promotions) for trial in read.trials] == [(True, 0), (False, 0), (False, 1)]
    assert (read.trials[2].origin, read.facts["learn_from"]) == ("enqueued", "old")


def test_results_told_in_order_count_in_order() -> None:
    late_first = [recorded_trial(0, ended_ms=9000), recorded_trial(1, ended_ms=5000)]
    ordered = {"study": {"ordered": True}}
    assert [trial.number for trial in study(*late_first).trials] == [1, 0]
    assert [trial.number for trial in study(*late_first, config=ordered).trials] == [0, 1]
    simulated = study(*late_first, config=ordered, tags={"executor": "simulated"})
    assert [(trial.number, trial.ended_s) for trial in simulated.trials] == [(1, 4), (0, 8)]


def test_a_budget_of_seconds_is_counted_as_the_driver_counted_it() -> None:
    """Two simulated workers at once spend two seconds in each of their clock."""
    given = {"study": {"trials_s": 4.0}}
    side_by_side = [recorded_trial(number, ended_ms=3000) for number in (0, 1)]
    read = study(*side_by_side, config=given, tags={"executor": "simulated"})
    assert [trial.ended_s for trial in read.trials] == [2, 4]
    clock = study(*side_by_side, tags={"executor": "simulated"})
    assert [trial.ended_s for trial in clock.trials] == [2, 2]


def test_cached_trials_are_charged_like_all() -> None:
    trial = study(recorded_trial(0, [0.1, 0.2], facts={"cached_from": "other/3"})).trials[0]
    assert (trial.is_cached, trial.epochs, trial.seconds) == (True, 2, 4)


def test_the_epoch_in_which_a_trial_diverged_is_charged() -> None:
    facts = {"unreported_s": "1.5"}
    trials = study(
        recorded_trial(0, [0.1, 0.2], state="FAIL", reason="diverged", facts=facts), recorded_trial(1)
    ).trials
    assert (trials[0].epochs, trials[0].seconds, trials[0].ended_s, trials[0].value) == (3, 5.5, 5.5, None)


def test_recorded_tables_have_a_test_value_for_every_trial() -> None:
    read = study(recorded_trial(0, facts={"test_value": "0.25"}), recorded_trial(1, facts={"test_value": "nan"}))
    assert [trial.test for trial in read.trials] == [0.25, None]


def test_a_curve_ends_where_it_is_not_finite() -> None:
    assert study(recorded_trial(0, [0.1, float("nan"), 0.3], state="FAIL")).trials[0].curve == (0.1,)


def test_what_moved_inside_a_training_is_known() -> None:
    moved = recorded_trial(0)
    epochs = [replace(epoch, metrics={**epoch.metrics, "lr": 0.1 / epoch.epoch}) for epoch in moved.epochs]
    read = study(replace(moved, epochs=tuple(epochs)), recorded_trial(1))
    assert [trial.schedule for trial in read.trials] == [{"lr": tuple(0.1 / e.epoch for e in epochs)}, {}]


def test_audited_trials_come_with_their_ends_and_the_audit_with_its_cost() -> None:
    search = stored([recorded_trial(0), *(recorded_trial(n, state="PRUNED") for n in (1, 2, 3, 4, 5))])
    audit = [
        recorded_trial(0, [0.1, 0.7], facts={"searched_trial": "3"}),
        recorded_trial(1, [0.1], state="FAIL", reason="diverged", facts={"searched_trial": "1"}),
        recorded_trial(2, [0.3, 0.4], state="FAIL", reason="oom", facts={"searched_trial": "2"}),
        recorded_trial(3, [0.2], state="RUNNING"),
    ]
    read = to_study(search, LABEL, audit=stored(audit, is_ended=False))
    assert {trial.number: trial.continued for trial in read.trials} == {
        0: None, 1: math.inf, 2: None, 3: 0.7, 4: None, 5: None
    }  # fmt: skip
    assert read.audit == Audit(n_trials=3, n_failed=1, epochs=6, seconds=12.0, is_ended=False)
    assert to_study(search, LABEL).audit is None


def test_a_recorded_table_says_what_pruned_trials_would_have_come_to() -> None:
    facts = [{"continued_value": "0.25"}, {"continued_value": "diverged"}, {}]
    pruned = [recorded_trial(n, state="PRUNED", facts=given) for n, given in enumerate(facts)]
    late = recorded_trial(3, state="FAIL", reason="timeout", facts=facts[0])
    assert [trial.continued for trial in study(*pruned, late).trials] == [0.25, math.inf, None, None]


def test_confirmed_configurations_come_with_their_values_and_tests() -> None:
    search = stored([recorded_trial(0, [0.6]), recorded_trial(1, [0.8]), recorded_trial(2, [0.7])])
    again = [
        recorded_trial(number, [value, value], facts={"searched_trial": searched, "repetition": str(number % 2)})
        for number, (value, searched) in enumerate([(0.65, "2"), (0.67, "2"), (0.7, "1")])
    ]
    failed = recorded_trial(3, [], state="FAIL", reason="oom", facts={"searched_trial": "1"})
    running = recorded_trial(4, state="RUNNING")
    tests = {"0": {"test_accuracy": 0.61, "test_loss": 9.0}, "1": {"test_accuracy": 0.62}}
    confirmation = stored([*again, failed, running], tests=tests, is_ended=False)
    read = to_study(search, LABEL, confirmation=confirmation)
    first, second = read.confirmed
    assert (first.trial, first.searched, first.values, first.tests, first.n_failed) == (1, 0.8, (0.7,), (), 1)
    assert (second.trial, second.values, second.tests) == (2, (0.65, 0.67), (0.61, 0.62))
    assert (second.epochs, second.seconds) == (4, 8)
    assert read.facts["confirmation"] == "running"
    assert read.is_ended


def test_the_baseline_is_that_of_the_metric_from_whatever_test_measured_it() -> None:
    corpus = {"baseline_accuracy": 0.85, "baseline_valid_loss": 0.4, "n_train": 80}
    tests = {"0": {"test_baseline_accuracy": 0.8, "test_baseline_loss": 0.5, "test_accuracy": 0.7}}

    def read(metric: str = "accuracy", search: Any = None, confirmation: Any = None, of: Any = corpus) -> Any:
        record = replace(recorded_study(metric=metric), corpus=of)
        beside = StoredStudy(record, [], True, confirmation) if confirmation else None
        return to_study(StoredStudy(record, [], True, search or {}), LABEL, confirmation=beside).baseline

    assert read(search=tests) == read(confirmation=tests) == Baseline(0.85, 0.8)
    assert read("valid_loss", confirmation=tests) == Baseline(0.4, 0.5)
    assert read() == Baseline(0.85, None)
    assert read(search=tests, of={}) == Baseline(None, 0.8)
    assert read(search={"0": {"test_accuracy": 0.7}}, of={}) is None
    broken = {"0": {"test_baseline_accuracy": math.nan}, "1": tests["0"]}
    assert read(search=broken, of={"baseline_accuracy": math.inf}) == Baseline(None, 0.8)


def test_facts_say_how_it_was_searched() -> None:
    both = {"device": "cpu", "n_params": "10"}
    read = study(recorded_trial(0, facts=both), recorded_trial(1, facts={**both, "n_params": "20"}))
    assert read.facts["sampler"] == "tpe"
    assert read.facts["n_startup_trials"] == "10"
    assert read.facts["pruner.same_epochs"] == "false"
    assert read.facts["train.schedule"] == "one_cycle"
    assert read.facts["device"] == "cpu"
    assert "n_params" not in read.facts


@pytest.mark.parametrize(
    ("executor", "config", "n_workers"),
    [("inline", {}, "1"), ("processes", {"executor": {"n_workers": 3}}, "3"), ("processes", {}, None)],
)
def test_facts_say_how_many_trials_ran_at_once(executor, config, n_workers) -> None:
    given = stored([], config=config, tags={"executor": executor})
    assert to_study(given, LABEL, confirmation=None).facts.get("n_workers") == n_workers
    assert to_study(given, LABEL, confirmation=None, n_concurrent="2").facts["n_workers"] == "2"
