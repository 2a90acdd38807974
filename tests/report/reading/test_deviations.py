"""Departures from the design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.report.analysis.records import Experiment
from hpo.report.reading.deviations import find_deviations, grouped_reasons, is_within_one_trial, join_names, spent
from tests.support.noise_experiments import experiment, normal


def made(**changes) -> Experiment:
    return experiment({"random": normal(), "tpe": normal()}, rng=np.random.default_rng(0), n_seeds=3, **changes)


def changed(of: Experiment, **changes) -> Experiment:
    """Returns the experiment with its first study changed."""
    return replace(of, studies=(replace(of.studies[0], **changes), *of.studies[1:]))


def test_a_comparison_that_went_as_designed_has_none() -> None:
    assert find_deviations(made()) == ()


def test_missing_seeds_are_named() -> None:
    lacking = [study for study in made().studies if (study.strategy, study.seed) != ("tpe", 1)]
    assert find_deviations(replace(made(), studies=tuple(lacking))) == (
        "tpe lacks seed 1; its pairs with others are fewer.",
    )
    card = {"seeds": [0, 1, 2, 3, 4], "strategies": {"random": {}, "tpe": {}, "gp": {}}}
    assert find_deviations(made(card=card)) == (
        "random lacks seeds 3, 4; its pairs with others are fewer.",
        "tpe lacks seeds 3, 4; its pairs with others are fewer.",
        "gp has no study yet.",
    )


def test_several_tasks_are_told_apart() -> None:
    of = made(tasks=("a", "b"))
    lacking = [s for s in of.studies if (s.task, s.strategy, s.seed) != ("b", "tpe", 1)]
    assert find_deviations(replace(of, studies=tuple(lacking))) == (
        "tpe lacks seed 1 on b; its pairs with others are fewer.",
    )


def test_studies_that_have_not_ended_are_named() -> None:
    assert find_deviations(changed(made(), is_ended=False)) == ("1 of 6 studies has not ended: task-random-0.",)


def test_confirmations_that_have_not_ended_are_named() -> None:
    of = made(card={"confirm": {"top_k": 1, "n_seeds": 3}})
    done = replace(of, studies=tuple(replace(study, facts={"confirmation": "ended"}) for study in of.studies))
    assert find_deviations(done) == ()
    assert find_deviations(changed(done, facts={"confirmation": "running"})) == (
        "The confirmation of 1 of 6 studies has not ended: task-random-0.",
    )
    assert find_deviations(replace(done, card={"confirm": {"top_k": 0}}, studies=of.studies)) == ()


def test_budgets_may_differ_by_one_trial_and_no_more() -> None:
    trials = made().studies[0].trials
    assert find_deviations(changed(made(), trials=trials[:-1])) == ()
    assert find_deviations(changed(made(), trials=trials[:-2])) == (
        "The budgets spent differ by more than one trial: 10 (task-random-0) to 12 of 12 trials.",
    )


def test_one_trial_is_the_dearest_when_epochs_count() -> None:
    of = replace(made(), unit="epochs", budget=12)
    trials = of.studies[0].trials
    longest = (*trials[:9], replace(trials[9], epochs=4))
    assert spent(changed(of, trials=longest), changed(of, trials=longest).studies[0]) == 9
    assert is_within_one_trial(changed(of, trials=longest), changed(of, trials=longest).studies)
    assert not is_within_one_trial(changed(of, trials=trials[:9]), changed(of, trials=trials[:9]).studies)


def test_failures_are_counted_by_strategy_and_reason() -> None:
    trials = made().studies[0].trials
    failed = (
        replace(trials[0], state="FAIL", value=None, reason="oom"),
        replace(trials[1], state="FAIL", value=None, reason="diverged"),
        replace(trials[2], state="FAIL", value=None, reason="diverged"),
    )
    sentences = find_deviations(changed(made(), trials=(*failed, *trials[3:])))
    assert sentences[0].startswith("random: 3 of 36 trials failed (2 diverged, 1 oom); they are charged")


def test_reasons_that_differ_in_paths_and_numbers_alone_are_one() -> None:
    trial = made().studies[0].trials[0]
    reasons = [f"Traceback\n  File x\nFileNotFoundError: /runs/trial_{n}/model.pt is not there" for n in range(7)]
    reasons += [f"CUDA out of memory: tried {n}.5 MiB at 0x{n}f" for n in range(3)] + ["x" * 200]
    reasons += [f"kind {chr(97 + n)}" for n in range(8)]
    failed = [replace(trial, state="FAIL", value=None, reason=reason) for reason in reasons]
    assert grouped_reasons(failed) == [
        ("FileNotFoundError: … is not there", 7),
        ("CUDA out of memory: tried … MiB at …", 3),
        ("kind a", 1),
        ("kind b", 1),
        ("kind c", 1),
        ("of other reasons", 6),
    ]


def test_long_lists_of_names_are_cut() -> None:
    assert join_names([str(n) for n in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert join_names(["a"]) == "a"
