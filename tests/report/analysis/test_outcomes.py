"""What a study came to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.outcomes import charged, outcome
from hpo.report.analysis.records import Experiment, Study
from tests.support.noise_experiments import confirmed, experiment, normal, study, trial


def made(own: Study, **changes) -> tuple[Experiment, Study]:
    of = experiment({"x": normal()}, rng=np.random.default_rng(0))
    return replace(of, studies=(own,), budget=10, **changes), own


def test_the_value_seen_is_held_against_the_same_configuration_retrained() -> None:
    own = study("a", 0, [3, 1, 2], confirmed=(confirmed(1, [4, 6]), confirmed(2, [2, 4], [7, 9])))
    one = outcome(*made(own))
    assert (one.seen, one.kept, one.confirmed, one.test) == (1, 5, 3, 8)


def test_retrainings_of_a_trial_that_ended_after_the_budget_are_not_held_against_the_value_seen() -> None:
    late = confirmed(0.5, [0.6])
    own = study("a", 0, [3, 1, 2], confirmed=(late, confirmed(1, [4, 6])))
    assert outcome(*made(own)).kept == 5
    assert outcome(*made(study("a", 0, [3, 1, 2], confirmed=(late,)))).kept is None


def test_overtuning_is_what_the_incumbents_test_value_lost_again() -> None:
    values, tests = [5, 4, 6, 3], [2, 1, 0, 4]
    trials = tuple(trial(n, v, test=t) for n, (v, t) in enumerate(zip(values, tests, strict=True)))
    one = outcome(*made(replace(study("a", 0, []), trials=trials)))
    assert (one.selected_test, one.oracle_test, one.overtuning) == (4, 0, 3)
    up = outcome(*made(replace(study("a", 0, []), trials=trials), direction="maximize"))
    assert (up.selected_test, up.oracle_test, up.overtuning) == (0, 4, pytest.approx(2))


def test_one_trial_without_a_test_value_leaves_the_diagnostics_out() -> None:
    trials = (trial(0, 2.0, test=1.0), trial(1, 1.0))
    one = outcome(*made(replace(study("a", 0, []), trials=trials)))
    assert (one.seen, one.selected_test, one.oracle_test, one.overtuning) == (1, None, None, None)


def test_an_ended_study_with_nothing_to_show_is_charged_the_worst_value_of_its_task() -> None:
    failed = replace(study("b", 0, []), trials=(trial(0, None, state="FAIL"),))
    of, own = made(study("a", 0, [3, 7], confirmed=(confirmed(3, [4], [5]),)))
    of = replace(of, studies=(own, failed))
    found = {("task", each.strategy): [outcome(of, each)] for each in of.studies}
    one = charged(of, found["task", "b"][0], found)
    assert (one.seen, one.test, one.is_charged) == (7, 5, True)
    up = replace(of, direction="maximize")
    assert charged(up, found["task", "b"][0], found).seen == 3
    assert charged(of, found["task", "a"][0], found) == found["task", "a"][0]
    running = replace(failed, is_ended=False)
    assert not charged(of, outcome(of, running), found).is_charged


def test_nothing_complete_comes_to_nothing() -> None:
    one = outcome(*made(replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"),))))
    assert (one.seen, one.kept, one.confirmed, one.test) == (None,) * 4
