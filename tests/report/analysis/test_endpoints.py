"""Which endpoint is primary, and what every study has there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.endpoints import chosen, endpoints, is_retrained, is_tested, loss_on_test, loss_retrained
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.regrets import scales
from tests.support.noise_experiments import confirmed, experiment, normal, study, trial

TESTED = (confirmed(1.0, [2.0]), confirmed(1.5, [1.8], [3.0, 5.0]))
STATES = ("running", "ended")
FAILED = (confirmed(1.0, [], n_failed=3), confirmed(2.0, [], n_failed=3))


def pair(first: Study, second: Study, **changes) -> Experiment:
    return replace(experiment({"x": normal()}, rng=np.random.default_rng(0)), studies=(first, second), **changes)


def test_the_chosen_configuration_is_the_one_with_test_values() -> None:
    own = study("a", 0, [1, 2], confirmed=TESTED)
    of = pair(own, study("b", 0, [1], confirmed=TESTED))
    assert chosen(of, own) is TESTED[1]
    assert loss_on_test(of, own) == 4.0
    up = replace(own, confirmed=(confirmed(2.0, [1.8], [3.0, 5.0]),))
    assert loss_on_test(replace(of, direction="maximize"), up) == -4.0
    assert is_tested(of)
    assert [endpoint.key for endpoint in endpoints(of, scales(of))] == ["test", "100 %", "50 %", "25 %"]


def test_one_study_without_a_test_value_makes_validation_primary() -> None:
    of = pair(study("a", 0, [1], confirmed=TESTED), study("b", 0, [1]))
    assert not is_tested(of)
    assert [endpoint.key for endpoint in endpoints(of, scales(of))] == ["100 %", "50 %", "25 %"]


def test_a_study_without_counterpart_does_not_decide() -> None:
    of = pair(study("a", 0, [1], confirmed=TESTED), study("b", 0, [1], confirmed=TESTED))
    assert is_tested(replace(of, studies=(*of.studies, study("b", 1, [1]))))


@pytest.mark.parametrize(
    "failed",
    [
        study("b", 0, [1], confirmed=FAILED),
        replace(study("b", 0, []), trials=(trial(0, None, state="FAIL"),)),
    ],
)
def test_failing_is_no_way_out_of_the_test(failed: Study) -> None:
    of = pair(study("a", 0, [1], confirmed=TESTED), failed)
    assert loss_on_test(of, failed) == math.inf
    assert is_tested(of)


def found_late(**changes) -> Study:
    """Returns a study whose third trial was the best, and was confirmed with the first."""
    late = (replace(confirmed(1.0, [1.1], [1.2]), trial=2), confirmed(3.0, [3.0]))
    return study("a", 0, [3, 4, 1], confirmed=late, **changes)


@pytest.mark.parametrize(("budget", "loss"), [(3, 1.2), (2, None)])
@pytest.mark.parametrize("is_least", [False, True])
def test_what_was_found_beyond_the_budget_has_no_test_value(budget: int, loss: float | None, is_least: bool) -> None:
    of = pair(found_late(), study("b", 0, [1], confirmed=TESTED), budget=budget, is_least=is_least)
    assert loss_on_test(of, of.studies[0]) == loss
    assert is_tested(of) == (loss is not None)


def test_of_what_was_found_within_the_budget_another_may_have_been_chosen() -> None:
    """The first trial was confirmed within the budget, and its test values count; but it was held against the third."""
    late, first = found_late().confirmed
    own = study("a", 0, [3, 4, 1], confirmed=(replace(late, tests=()), replace(first, tests=(3.2,))))
    of = pair(own, study("b", 0, [1], confirmed=TESTED), budget=2)
    assert loss_on_test(of, own) is None


def test_a_study_that_goes_on_has_no_test_value_until_what_it_found_is_confirmed() -> None:
    going_on = study("a", 0, [3, 1, 2], confirmed=(confirmed(3.0, [3.1], [3.2]),))
    of = pair(going_on, study("b", 0, [1], confirmed=TESTED))
    assert loss_on_test(of, replace(found_late(), is_ended=False)) is None
    assert loss_on_test(of, going_on) is None, "its confirmation has not been taken up again"
    assert loss_on_test(of, found_late(facts={"confirmation": "running"})) is None


def test_a_confirmation_has_failed_when_it_has_ended() -> None:
    one = (confirmed(1.0, [], n_failed=1),)
    of = pair(study("a", 0, [1], confirmed=TESTED), study("b", 0, [1], confirmed=one))
    losses = [loss_on_test(of, study("b", 0, [1], confirmed=one, facts={"confirmation": c})) for c in STATES]
    assert losses == [None, math.inf]


def test_looks_hold_the_best_value_at_shares_of_the_budget() -> None:
    of = pair(study("a", 0, [9, 5, 6, 1]), study("b", 0, [2, 7, 7, 7]), budget=4)
    values = {endpoint.key: endpoint.losses["a"]["task", 0] for endpoint in endpoints(of, scales(of))}
    assert values == {"100 %": 1, "50 %": 5, "25 %": 9}


def test_a_study_with_nothing_yet_has_an_infinite_loss_and_a_running_one_none() -> None:
    late = replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"), trial(1, 2.0)))
    running = replace(study("b", 0, [3.0]), is_ended=False)
    of = pair(late, running, budget=2)
    by_key = {endpoint.key: endpoint for endpoint in endpoints(of, scales(of))}
    assert by_key["50 %"].losses == {"a": {("task", 0): math.inf}, "b": {("task", 0): 3.0}}
    assert by_key["100 %"].losses == {"a": {("task", 0): 2.0}, "b": {}}
    assert by_key["50 %"].worst == {"task": 3.0}


RETRAINED = (confirmed(1.0, [2.0, 4.0]),)


def test_where_nothing_can_be_tested_the_retrained_validation_value_is_primary() -> None:
    of = pair(study("a", 0, [1, 2], confirmed=RETRAINED), study("b", 0, [1.5], confirmed=(confirmed(1.5, [1.0]),)))
    first, *looks = endpoints(of, scales(of))
    assert (first.key, first.losses) == ("retrained", {"a": {("task", 0): 3.0}, "b": {("task", 0): 1.0}})
    assert [look.key for look in looks] == ["100 %", "50 %", "25 %"]
    up = replace(of, direction="maximize", studies=(study("a", 0, [0.5, 1], confirmed=RETRAINED), of.studies[1]))
    assert endpoints(up, scales(up))[0].losses["a"] == {("task", 0): -3.0}


def test_the_best_of_the_search_stands_for_it_not_the_best_of_the_retrainings() -> None:
    """Those would be chosen by the very values that are compared."""
    several = (confirmed(1.0, [4.0]), confirmed(2.0, [3.0]))
    of = pair(study("a", 0, [1, 2], confirmed=several), study("b", 0, [1], confirmed=RETRAINED))
    assert loss_retrained(of, of.studies[0]) == 4.0


@pytest.mark.parametrize(
    "other",
    [
        study("b", 0, [1]),  # nothing retrained
        study("b", 0, [1], confirmed=(confirmed(1.0, [1.0], [1.0]),)),  # tested
        study("b", 0, [1], confirmed=RETRAINED, facts={"confirmation": "running"}),
        replace(study("b", 0, [1], confirmed=RETRAINED), is_ended=False),
    ],
)
def test_retrained_values_are_primary_only_where_all_have_them_and_nothing_was_tested(other: Study) -> None:
    of = pair(study("a", 0, [1], confirmed=RETRAINED), other)
    assert [endpoint.key for endpoint in endpoints(of, scales(of))] == ["100 %", "50 %", "25 %"]


def test_a_study_whose_retrainings_failed_has_nothing_to_show_for_them() -> None:
    failed = study("b", 0, [1], confirmed=FAILED[:1], facts={"confirmation": "ended"})
    of = pair(study("a", 0, [1], confirmed=RETRAINED), failed)
    assert endpoints(of, scales(of))[0].losses["b"] == {("task", 0): math.inf}


def test_what_was_registered_as_compared_is_compared() -> None:
    of = pair(study("a", 0, [1], confirmed=RETRAINED), study("b", 0, [1], confirmed=RETRAINED))
    assert is_retrained(of)
    assert not is_retrained(replace(of, card={"primary": "best validation valid_loss within 10 trials"}))
