"""Twins of pruned trials: what another study that trained the same params to the end tells."""

from __future__ import annotations

from dataclasses import replace

from hpo.report.analysis.records import Study, Trial
from hpo.report.document.content import Table, Text
from hpo.report.sections.pruning_audit import build_audit, build_twins, find_twins
from tests.support.search_experiments import make_experiment


def trial(number: int, state: str, x: int | None, *curve: float) -> Trial:
    params = {} if x is None else {"x": x}
    return Trial(number, state, curve[-1] if curve else None, 1, 1.0, 1.0 + number, params, curve)


def study(strategy: str, *trials: Trial, task: str = "") -> Study:
    return Study(f"{task}{strategy}", task, strategy, 0, trials)


PRUNED = study(
    "asha",
    trial(0, "PRUNED", 0, 0.9),  # before there is an incumbent
    trial(1, "COMPLETE", 1, 0.8, 0.5),
    trial(2, "PRUNED", 2, 0.9),  # ends at .4 elsewhere: a false prune
    trial(3, "PRUNED", 3, 0.9),  # ends at .6 elsewhere: rightly pruned
    trial(4, "COMPLETE", 4, 0.8, 0.3),
    trial(5, "PRUNED", 5, 0.9),  # .4 elsewhere, but the incumbent is .3 by now
    trial(6, "PRUNED", 6, 0.9),  # unknown elsewhere
)
WHOLE = study(
    "random",
    trial(0, "COMPLETE", 0, 0.9, 0.1),
    trial(1, "COMPLETE", 2, 0.9, 0.4),
    trial(2, "COMPLETE", 3, 0.8, 0.6),
    trial(3, "COMPLETE", 5, 0.9, 0.4),
)


def test_a_false_prune_beats_the_incumbent_of_its_moment() -> None:
    found = find_twins(make_experiment([PRUNED, WHOLE]))
    assert [one.has_won for one in found] == [None, True, False, False]
    assert [one.is_same_training for one in found] == [True, True, False, True]
    assert build_audit(make_experiment([PRUNED, WHOLE])).numbers["asha"]["elsewhere"]["k"] == 1  # type: ignore[index]
    table, scope = build_twins(make_experiment([PRUNED, WHOLE]), found)
    assert isinstance(table, Table)
    ((strategy, share, *_, n_same),) = table.rows
    assert (strategy, share, n_same) == ("asha", "1/3", 2)
    assert isinstance(scope, Text)
    assert "1 of them were pruned before there was an incumbent" in scope.text
    assert "In 3 of 4 the other trial began with exactly the same values" in scope.text


def test_maximising_turns_what_is_better() -> None:
    found = find_twins(make_experiment([PRUNED, WHOLE], direction="maximize"))
    assert [one.has_won for one in found] == [None, False, True, False]


def test_other_tasks_and_the_own_study_tell_nothing() -> None:
    elsewhere = study("random", *WHOLE.trials, task="b")
    assert find_twins(make_experiment([PRUNED, elsewhere])) == []
    assert build_twins(make_experiment([PRUNED, elsewhere]), []) == []
    twice = study("asha", trial(0, "COMPLETE", 1, 0.5), trial(1, "PRUNED", 2, 0.9), trial(2, "COMPLETE", 2, 0.4))
    assert find_twins(make_experiment([twice])) == []


def test_unknown_params_are_not_equal() -> None:
    ones = study("asha", trial(0, "COMPLETE", None, 0.5), trial(1, "PRUNED", None, 0.9))
    others = study("random", trial(0, "COMPLETE", None, 0.4))
    assert find_twins(make_experiment([ones, others])) == []


def test_other_settings_tell_nothing() -> None:
    other = replace(WHOLE, facts={"model.encoder": "domain"})
    assert find_twins(make_experiment([PRUNED, other])) == []
