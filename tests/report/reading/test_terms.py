"""The terms a report is made on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hpo.contracts.records import Budget
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment, Study
from hpo.report.document.content import Verdict
from hpo.report.reading.terms import Terms, infer_budget, settle, with_inferred_budget
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import study

CARD = {"unit": "trials"}


def made(*studies: Study, **changes) -> Experiment:
    fields = {"unit": "trials", "budget": 3, "rope": 0.01, "studies": studies or (study("tpe", 0, [1, 2, 3]),)}
    return Experiment("e", "valid_loss", "minimize", **{**fields, **changes})


def with_epochs(given: Study, epochs: Sequence[float]) -> Study:
    trials = tuple(replace(trial, epochs=n) for trial, n in zip(given.trials, epochs, strict=True))
    return replace(given, trials=trials)


def test_nothing_given_leaves_the_card_as_it_is() -> None:
    settled = settle(made(card=CARD), Terms())
    assert (settled.unit, settled.budget, settled.rope, settled.deviations) == ("trials", 3, 0.01, ())
    assert settle(made(card=CARD), Terms(rope=0.01, unit="trials", budget=3)).deviations == ()


def test_what_is_given_by_hand_counts_and_departs_from_the_card() -> None:
    settled = settle(made(card=CARD), Terms(rope=0.5, budget=2))
    assert (settled.rope, settled.budget) == (0.5, 2)
    assert settled.deviations == (
        "The ROPE was set to 0.5 by hand; 0.01 had been registered.",
        "The budget was set to 2 trials by hand; 3 trials had been registered.",
    )
    assert settle(made(), Terms(rope=0.5, budget=2)).deviations == ()


def test_another_unit_brings_the_smallest_budget_in_it() -> None:
    studies = (with_epochs(study("a", 0, [1, 2]), [2, 3]), with_epochs(study("b", 0, [1, 2]), [2, 2]))
    settled = settle(made(*studies), Terms(unit="epochs"))
    assert (settled.unit, settled.budget) == ("epochs", 4)


@pytest.mark.parametrize("given", [{"rope": -0.1}, {"rope": math.nan}, {"budget": 0}, {"budget": math.inf}])
def test_terms_that_make_no_sense_are_refused(given) -> None:
    with pytest.raises(ValueError, match=r"report\.(rope|budget)=.* must be"):
        Terms(**given)


def test_an_experiment_without_a_finished_trial_is_refused() -> None:
    begun = replace(study("tpe", 0, [1]), trials=(replace(study("tpe", 0, [1]).trials[0], state="RUNNING"),))
    assert with_inferred_budget(made(begun), []) == made(begun)
    with pytest.raises(ValueError, match="no finished trial yet"):
        settle(made(begun), Terms())


def test_a_unit_in_which_nothing_was_spent_is_refused() -> None:
    free = replace(study("tpe", 0, [1]), trials=(replace(study("tpe", 0, [1]).trials[0], ended_s=0.0),))
    assert settle(made(free), Terms()).unit == "trials"
    for terms in (Terms(unit="seconds"), Terms(unit="seconds", budget=9)):
        with pytest.raises(ValueError, match=r"No trial cost any seconds.*report\.unit=trials"):
            settle(made(free), terms)


def test_equal_budgets_are_taken_as_they_were_given() -> None:
    studies = [study("a", 0, [1, 2]), study("b", 0, [1, 2])]
    assert infer_budget(studies, [Budget(n_trials=5)] * 2) == ("trials", 5, [])
    assert infer_budget(studies, [Budget(trials_s=60)] * 2) == ("seconds", 60, [])
    assert infer_budget(studies, [Budget(n_trials=9, n_epochs=30)] * 2) == ("epochs", 30, [])


def test_studies_of_equal_driving_time_are_compared_at_the_seconds_of_training_of_the_least() -> None:
    studies = [study("a", 0, [1, 2, 3]), study("b", 0, [1, 2])]
    unit, budget, sentences = infer_budget(studies, [Budget(timeout_s=1)] * 2)
    assert (unit, budget) == ("seconds", 4)
    assert sentences == ["The studies spent 4 to 6 seconds; all are compared at the smallest budget, 4 seconds."]
    free = [replace(each, trials=tuple(replace(trial, ended_s=0.0) for trial in each.trials)) for each in studies]
    assert infer_budget(free, [Budget(timeout_s=1)] * 2)[:2] == ("trials", 2)


def test_epochs_are_preferred_where_trials_differ_in_them() -> None:
    studies = [with_epochs(study("a", 0, [1, 2]), [2, 3]), with_epochs(study("b", 0, [1, 2]), [3, 3])]
    unit, budget, sentences = infer_budget(studies, [Budget(n_trials=2)] * 2)
    assert (unit, budget) == ("epochs", 5)
    assert sentences == ["The studies spent 5 to 6 epochs; all are compared at the smallest budget, 5 epochs."]


def test_unequal_budgets_come_down_to_the_smallest_of_ended_studies() -> None:
    studies = [study("a", 0, [1, 2, 3]), study("b", 0, [1, 2]), study("c", 0, [1], is_ended=False)]
    unit, budget, sentences = infer_budget(studies, [Budget(n_trials=3), Budget(n_trials=2), Budget(n_trials=3)])
    assert (unit, budget) == ("trials", 2)
    assert "smallest budget, 2 trials" in sentences[0]
    assert infer_budget(studies[2:], [])[:2] == ("trials", 1)


def test_a_study_that_spent_nothing_is_not_the_measure() -> None:
    studies = [with_epochs(study("a", 0, [1]), [0]), with_epochs(study("b", 0, [1, 2]), [2, 3])]
    assert infer_budget(studies, [])[:2] == ("epochs", 5)


def long_and_short(n_seeds: int = 8) -> list[Study]:
    """Returns studies of a strategy whose only trial takes longer than the other one's two together, and is better."""
    long = [with_epochs(study("long", seed, [0.1 + seed / 100]), [26]) for seed in range(n_seeds)]
    return [*long, *(with_epochs(study("short", seed, [0.4 + seed / 90, 0.6]), [6, 6]) for seed in range(n_seeds))]


def headline(experiment: Experiment) -> str:
    (verdict,) = [
        block for block in build_verdict(Analysis(experiment, n_resamples=99)).blocks if isinstance(block, Verdict)
    ]
    return verdict.headline


def test_who_has_nothing_within_a_budget_that_nobody_gave_is_not_the_loser() -> None:
    read = with_inferred_budget(made(*long_and_short()), [])
    settled = settle(read, Terms())
    assert (settled.unit, settled.budget) == ("epochs", 12)
    assert "short" not in headline(settled)
    why = (
        "tudies whose first COMPLETE trial ended beyond 12 epochs, the least that a study spent, are not compared: "
        "8 of long; give report.budget=N or another report.unit."
    )
    assert headline(settled) == f"No winner: s{why}"
    assert settled.deviations[1] == f"S{why}"


def test_who_has_nothing_within_a_budget_that_was_given_is_the_loser() -> None:
    given = settle(with_inferred_budget(made(*long_and_short()), []), Terms(budget=12))
    assert headline(given).startswith("Winner: short")
    assert len(given.deviations) == 1
    assert headline(settle(with_inferred_budget(made(*long_and_short()), []), Terms(budget=26))).startswith(
        "Winner: long"
    )


def test_a_study_that_completed_nothing_at_all_is_still_the_loser() -> None:
    failed = [
        replace(each, trials=tuple(replace(trial, state="FAIL", value=None) for trial in each.trials))
        if each.strategy == "long"
        else each
        for each in long_and_short()
    ]
    assert headline(settle(with_inferred_budget(made(*failed), []), Terms())).startswith("Winner: short")
