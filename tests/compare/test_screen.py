"""The lines, totals and frame of a comparison."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, ConsoleDimensions

from hpo.compare.progress import ComparisonProgress, StudyProgress
from hpo.compare.screen import (
    audited_line,
    confirmed_line,
    failure_line,
    frame,
    opening_line,
    searched_line,
    total_line,
)
from hpo.config.compare import Unit
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, Budget
from tests.support.comparison_events import BUDGET, auditing, confirming, going_on, made, plan_shown, retraining, search
from tests.support.mlflow_contents import make_trial


def first(progress: ComparisonProgress) -> StudyProgress:
    return next(iter(progress.studies.values()))


def test_the_opening_says_what_is_compared() -> None:
    line = opening_line(ComparisonProgress(plan_shown(seeds=[1, 2, 3])))
    assert line.plain == (
        "comparison shown: 2 strategies x 3 seeds = 6 studies; maximize accuracy; 12 epochs each, then 2 retrainings"
    )
    several = plan_shown(["tpe"], [5], tasks=["a", "b"], top_k=0, budget=(90.0, Unit.seconds))
    assert opening_line(ComparisonProgress(several)).plain == (
        "comparison shown: 2 tasks x 1 strategy x 1 seed = 2 studies; maximize accuracy; 1 min 30 s each"
    )


def test_a_search_says_what_it_found_and_spent() -> None:
    progress = ComparisonProgress(plan_shown(top_k=0))
    record = search(progress, 0, 2)
    tally = first(progress).search
    tally.change(make_trial(2, FAIL, epochs=make_trial(2).epochs[:2]))  # it diverged in its third
    tally.change(make_trial(3, facts={"cached_from": "other/1"}, params={"train.lr": 0.25}))
    progress.ended(record.name, replace(record, test={"trial": 3.0, "test_accuracy": 0.515, "n_test": 9.0}))
    assert searched_line(progress, first(progress)).plain == (
        "random seed 0 searched: accuracy 0.5300, test_accuracy 0.5150, trial 3; "
        "4 trials (1 failed, 1 cached), 12 epochs, 3.0 s of training; lr=0.25"
    )


def test_a_search_in_vain_says_so() -> None:
    progress = ComparisonProgress(plan_shown())
    record = made(progress.comparison)
    progress.find(record.name)[1].open(record, [], Budget(n_epochs=BUDGET))
    first(progress).search.change(make_trial(0, FAIL))
    progress.ended(record.name, record)
    assert searched_line(progress, first(progress)).plain == (
        "random seed 0 searched: no trial is complete; 1 trial (1 failed), 4 epochs, 2.0 s of training"
    )


def test_a_confirmation_says_mean_spread_and_test() -> None:
    progress = ComparisonProgress(plan_shown())
    confirmation = confirming(search(progress, 0, 4, has_ended=True))
    progress.find(confirmation.name)[1].open(confirmation, [retraining(0, 1, 0, value=0.9)], Budget())
    tally = first(progress).confirmation
    tally.change(retraining(1, 3, 0, value=0.52))
    tally.change(retraining(2, 3, 1, value=0.5))
    progress.ended(confirmation.name, replace(confirmation, test={"trial": 1.0, "test_accuracy": 0.515}))
    assert confirmed_line(progress, first(progress), ascii_only=False).plain == (
        "random seed 0 confirmed: accuracy 0.5100 ± 0.0141, test_accuracy 0.5150 (2 fresh seeds)"
    )
    assert "0.5100 +/- 0.0141, " in confirmed_line(progress, first(progress), ascii_only=True).plain


def test_failed_retrainings_are_not_hidden() -> None:
    progress = ComparisonProgress(plan_shown())
    confirmation = confirming(search(progress, 0, 4, has_ended=True))
    progress.find(confirmation.name)[1].open(confirmation, [], Budget())
    tally = first(progress).confirmation
    tally.change(retraining(0, 3, 0, value=0.5))
    tally.change(retraining(1, 3, 1, state=FAIL, value=None))
    progress.ended(confirmation.name, confirmation)
    assert confirmed_line(progress, first(progress), ascii_only=False).plain.endswith(
        "accuracy 0.5000 (1 fresh seed, 1 failed)"
    )
    tally.change(retraining(0, 3, 0, state=FAIL, value=None))
    assert confirmed_line(progress, first(progress), ascii_only=False).plain.endswith(
        "no retraining is complete, 2 failed"
    )


def test_an_audit_says_how_often_pruning_was_wrong() -> None:
    progress = ComparisonProgress(plan_shown(top_k=0, audit=1.0))
    record = made(progress.comparison)
    states = (COMPLETE, PRUNED, PRUNED)
    progress.find(record.name)[1].open(record, [make_trial(n, state) for n, state in enumerate(states)], Budget())
    progress.ended(record.name, record)
    audit = auditing(record)
    progress.find(audit.name)[1].open(audit, [going_on(0, 2, value=0.9)], Budget())
    assert ", 1/2 audited, " in total_line(progress, 1.0).plain
    tally = first(progress).audit
    tally.change(going_on(1, 1, value=0.1))
    assert audited_line(progress, first(progress)).plain == (
        "random seed 0 audited: 1 of 2 would have beaten the incumbent; 2 of 2 pruned trials trained to their end"
    )
    tally.change(going_on(1, 1, state=FAIL, value=None, reason="oom"))
    assert audited_line(progress, first(progress)).plain.endswith("1 of 2 pruned trials trained to their end, 1 failed")


def test_a_failure_says_why() -> None:
    progress = ComparisonProgress(plan_shown())
    trial = make_trial(2, FAIL, n_epochs=1, params={"train.lr": 0.25}, error="x\x1b]0;title\x07")
    assert failure_line(progress, first(progress), trial).plain == (
        "random seed 0 trial 2 failed: diverged after 1 epoch - x ]0;title; lr=0.25"
    )


def test_the_total_counts_studies_and_trials() -> None:
    progress = ComparisonProgress(plan_shown())
    search(progress, 0, 4, has_ended=True)
    search(progress, 1, 2)  # to come: 30 epochs of search, 12 of retraining, 16 expected where nothing is known
    line = total_line(progress, 18.0).plain
    assert line == "23 %: 18/48 epochs; 0/4 studies, 0/8 retrainings, 0 running, 6 trials; 18 s, about 58 s left"
    assert total_line(ComparisonProgress(plan_shown()), 1.0).plain.endswith("0 trials; 1.0 s, time left unknown")
    seconds = ComparisonProgress(plan_shown(budget=(90.0, Unit.seconds)))
    assert total_line(seconds, 0.0).plain.startswith("0 %: 0 s of 6 min 00 s; ")


@pytest.mark.parametrize("width", [12, 30, 50, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [6, 10, 24])
@pytest.mark.parametrize("n_seeds", [1, 3, 10, 50])
def test_a_frame_fits_the_terminal(width: int, height: int, n_seeds: int) -> None:
    progress = ComparisonProgress(plan_shown(["grid", "random", "tpe+asha"], list(range(n_seeds))))
    search(progress, 0, 4, has_ended=True)
    console = Console(file=io.StringIO(), width=width, height=height)
    shown = frame(progress, 100.0, ConsoleDimensions(width, height - 1), ascii_only=False)
    lines = ["".join(s.text for s in line) for line in console.render_lines(shown, pad=False)]
    assert all(len(line) <= width for line in lines)
    assert len(lines) < height
    if width >= 80:
        assert "12/" in lines[-2]
        assert f"0/{3 * n_seeds} studies" in lines[-1]
