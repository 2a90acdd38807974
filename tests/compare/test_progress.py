"""How far a comparison is: phases, spending, the work and the time that are left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpo.compare.comparison import mean_epochs
from hpo.compare.progress import ComparisonProgress, Phase, StudyProgress
from hpo.config.compare import Unit
from hpo.contracts.records import COMPLETE, CONTINUED, FAIL, PRUNED, RUNNING, Budget, StudyRecord
from tests.support.comparison_events import (
    BUDGET,
    N_EPOCHS,
    auditing,
    confirming,
    going_on,
    made,
    plan_shown,
    retraining,
    search,
)
from tests.support.mlflow_contents import make_trial

BY_TRIALS, BY_SECONDS = (4, Unit.trials), (20, Unit.seconds)


def begin(**changes: Any) -> tuple[ComparisonProgress, StudyProgress]:
    """Returns a comparison and the first of its studies."""
    progress = ComparisonProgress(plan_shown(**changes))
    return progress, next(iter(progress.studies.values()))


def begin_single(**changes: Any) -> tuple[ComparisonProgress, StudyProgress]:
    return begin(strategies=["random"], seeds=[0], **changes)


def test_a_study_goes_through_its_phases() -> None:
    progress, study = begin()
    assert study.phase is Phase.WAITING
    record = search(progress, 0, 2)
    assert (study.phase, study.share) == (Phase.SEARCHING, 0.5)
    for number in (2, 3):
        study.search.change(make_trial(number))
    assert (study.phase, study.share) == (Phase.SEARCHING, 1.0)
    progress.ended(record.name, record)
    assert (study.phase, study.share) == (Phase.CONFIRMING, 0.0)
    confirmation = confirming(record)
    progress.find(confirmation.name)[1].open(confirmation, [], Budget())
    study.confirmation.change(retraining(0, 3, 0))
    assert (study.phase, study.share) == (Phase.CONFIRMING, 0.5)
    study.confirmation.change(retraining(1, 3, 1))
    assert study.phase is Phase.TESTING
    progress.ended(confirmation.name, replace(confirmation, test={"test_accuracy": 0.5}))
    assert study.phase is Phase.DONE


def test_without_confirmation_the_search_is_tested() -> None:
    progress, study = begin(top_k=0)
    record = search(progress, 0, 4)
    assert study.phase is Phase.TESTING
    progress.ended(record.name, record)
    assert study.phase is Phase.DONE
    assert study.n_retrainings == 0


def test_a_search_without_a_complete_trial_has_nothing_to_confirm() -> None:
    progress, study = begin()
    record = made(progress.comparison)
    progress.find(record.name)[1].open(record, [], Budget(n_epochs=BUDGET))
    study.search.change(make_trial(0, FAIL))
    assert study.n_retrainings == 2
    progress.ended(record.name, record)
    assert (study.phase, study.n_retrainings) == (Phase.DONE, 0)


def test_retrainings_of_earlier_choices_do_not_count() -> None:
    progress, study = begin()
    record = search(progress, 0, 4, has_ended=True)
    confirmation = confirming(record)
    earlier = [retraining(0, 1, 0), retraining(1, 1, 1), retraining(2, 3, 0), retraining(3, 3, 7)]
    progress.find(confirmation.name)[1].open(confirmation, earlier, Budget())
    assert study.confirmation.n_finished == 1
    assert (study.phase, study.share) == (Phase.CONFIRMING, 0.5)
    study.confirmation.change(retraining(4, 3, 1))
    assert [trial.number for trial in study.confirmation.trials] == [2, 4]
    assert study.phase is Phase.TESTING


@pytest.mark.parametrize(("budget", "spent"), [((12, Unit.epochs), 6), (BY_TRIALS, 2), (BY_SECONDS, 0)])
def test_spending_is_in_the_unit_of_the_budget(budget: tuple[float, Unit], spent: float) -> None:
    progress, study = begin(budget=budget)
    search(progress, 0, 2)
    assert (study.spent, study.total) == (spent, budget[0])


def test_running_trials_do_not_spend_more_than_there_is() -> None:
    progress, study = begin()
    search(progress, 0, 9)
    assert (study.spent, study.share) == (BUDGET, 1.0)


def test_a_grid_that_has_run_out_spends_no_more() -> None:
    progress, study = begin()
    search(progress, 0, 2, has_ended=True)
    assert (study.spent, study.total) == (6, 6)
    assert study.search_work == (6, 0)


def test_the_time_left_follows_from_what_was_trained_by_this_command() -> None:
    progress, study = begin_single(top_k=0)
    record = made(progress.comparison)
    progress.find(record.name)[1].open(record, [make_trial(0)], Budget(n_epochs=BUDGET))
    assert progress.left_s(5.0) is None
    study.search.change(make_trial(1, facts={"cached_from": "other/1"}))
    assert progress.left_s(5.0) is None, "a cached trial says nothing about the pace"
    study.search.change(make_trial(2, RUNNING, n_epochs=2))
    assert progress.left_s(10.0) == pytest.approx(4 * 10.0 / 2)
    assert progress.share == pytest.approx(8 / 12)


def test_retrainings_are_work_like_the_search() -> None:
    progress, study = begin_single()
    record = search(progress, 0, 2)
    assert progress.share == pytest.approx(6 / (12 + 2 * N_EPOCHS))
    assert progress.left_s(6.0) == pytest.approx(12.0)
    for number in (2, 3):
        study.search.change(make_trial(number))
    progress.ended(record.name, record)
    confirmation = confirming(record)
    progress.find(confirmation.name)[1].open(confirmation, [], Budget())
    study.confirmation.change(retraining(0, 3, 0))
    assert progress.share == pytest.approx(15 / 18)
    assert progress.left_s(15.0) == pytest.approx(3.0)


def pruning(progress: ComparisonProgress) -> StudyRecord:
    """Tells `progress` of a search that pruned two of its four trials after an epoch."""
    record = made(progress.comparison)
    progress.find(record.name)[1].open(record, [], Budget())
    for number, state in enumerate((COMPLETE, PRUNED, PRUNED, COMPLETE)):
        trial = make_trial(number, state, n_epochs=N_EPOCHS if state == COMPLETE else 1)
        progress.find(record.name)[1].change(trial)
    return record


def test_an_audit_is_a_phase_of_its_own() -> None:
    progress, study = begin_single(audit=0.5)
    record = pruning(progress)
    assert study.n_audits == 1  # as it would be now
    progress.ended(record.name, record)
    assert study.phase is Phase.CONFIRMING
    confirmation = confirming(record)
    progress.find(confirmation.name)[1].open(confirmation, [retraining(0, 3, 0), retraining(1, 3, 1)], Budget())
    progress.ended(confirmation.name, confirmation)
    assert (study.phase, study.share, study.audit_work) == (Phase.AUDITING, 0.0, (0, N_EPOCHS))
    assert progress.share == pytest.approx(14 / (14 + N_EPOCHS))  # 8 epochs of search, 6 of retraining
    audit = auditing(record)
    assert progress.find(audit.name) == (study, study.audit)
    progress.find(audit.name)[1].open(audit, [], Budget())
    study.audit.change(going_on(0, 1, state=RUNNING, n_epochs=1))
    assert study.share == pytest.approx(1 / 3)
    assert progress.left_s(9.0) == pytest.approx(9.0 * 2 / 9)
    study.audit.change(going_on(0, 1))
    assert (study.phase, progress.n_done) == (Phase.AUDITING, 0)
    progress.ended(audit.name, audit)
    assert (study.phase, progress.share, progress.n_done) == (Phase.DONE, 1.0, 1)


def test_an_audit_follows_a_search_without_confirmation_and_only_one_that_pruned() -> None:
    progress, study = begin(top_k=0, audit=0.1)
    record = pruning(progress)
    progress.ended(record.name, record)
    assert (study.phase, study.n_audits) == (Phase.AUDITING, 1)
    other = search(progress, 1, 4, has_ended=True)
    assert (progress.studies[other.name].phase, progress.studies[other.name].n_audits) == (Phase.DONE, 0)


def test_what_a_recorded_table_knows_is_not_audited() -> None:
    progress, study = begin_single(top_k=0, audit=1.0)
    record = made(progress.comparison)
    progress.find(record.name)[1].open(record, [make_trial(0, PRUNED, facts={CONTINUED: "0.5"})], Budget())
    assert study.n_audits == 0
    progress.ended(record.name, record)
    assert study.phase is Phase.DONE


def test_where_nothing_is_known_the_space_says_how_long_a_trial_is() -> None:
    progress, study = begin(budget=BY_TRIALS)
    expected = mean_epochs(progress.comparison.plans[0].space, 0)
    assert study.search_work == (0, pytest.approx(4 * expected))
    assert study.confirmation_work == (0, pytest.approx(2 * expected))


def test_seconds_of_training_are_work_where_they_are_the_budget() -> None:
    progress, study = begin_single(budget=BY_SECONDS)
    record = made(progress.comparison)
    progress.find(record.name)[1].open(record, [], Budget(trials_s=20))
    trial = make_trial(0)
    epochs = tuple(replace(epoch, metrics={**epoch.metrics, "seconds": 2.0}) for epoch in trial.epochs)
    study.search.change(replace(trial, epochs=epochs))
    assert study.search_work == (6.0, 14.0)
    assert study.confirmation_work == (0.0, 12.0)
    assert progress.left_s(3.0) == pytest.approx(13.0)


def test_everything_is_done_only_when_the_last_test_is() -> None:
    progress, _ = begin_single()
    record = search(progress, 0, 4, has_ended=True)
    confirmation = confirming(record)
    progress.find(confirmation.name)[1].open(confirmation, [retraining(0, 3, 0), retraining(1, 3, 1)], Budget())
    assert 0.99 < progress.share < 1.0
    assert progress.left_s(1.0) == 0.0
    progress.ended(confirmation.name, confirmation)
    assert (progress.share, progress.n_done) == (1.0, 1)


def test_what_has_not_begun_is_no_work_once_it_is_decided() -> None:
    progress, study = begin()
    record = search(progress, 0, 4)
    progress.ended(record.name, record)
    confirmation = confirming(record)
    progress.find(confirmation.name)[1].open(confirmation, [], Budget())
    for number, trial in enumerate((3, 3)):
        study.confirmation.change(retraining(number, trial, number))
    progress.ended(confirmation.name, replace(confirmation, test={"test_accuracy": 0.5}))
    assert (study.phase, progress.n_done) == (Phase.DONE, 1)
    assert progress.share < 1
    progress.leave_out_waiting()
    assert list(progress.studies) == [record.name]
    assert (progress.share, progress.left_s(10.0)) == (1.0, 0.0)
