"""Several studies over one executor: nobody idle, all side by side, successors, signals."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import optuna
import pytest

from hpo.contracts.executor import Job, Task
from hpo.executors.inline import InlineExecutor
from hpo.executors.simulated import SimulatedExecutor
from hpo.machine.signals import Ending
from tests.support.comparisons import SMALL, plan_compared, run_compared, watch

N_STUDIES = 6
STUDIES = (*SMALL, "seeds=3", "budget.size=15", "study.confirm.n_seeds=2")


def search_of(study: str) -> str:
    return study.removesuffix("-confirm")


@pytest.mark.parametrize(("n_workers", "n_concurrent"), [(1, 1), (2, 1), (4, 2), (50, 2)])
def test_no_worker_is_idle_while_a_study_has_a_trial_to_run(
    n_workers: int, n_concurrent: int, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(monkeypatch, lambda: SimulatedExecutor(n_workers=n_workers))
    reports = run_compared(
        plan_compared(*STUDIES, "trainer.epoch_s=0.1", f"n_concurrent={n_concurrent}"), is_cached=False
    )
    assert {report.ending for report in reports} == {Ending.BUDGET}
    assert max(len(out) for _, out in watched.waits) <= n_workers
    for n_given, out in watched.waits:
        to_come = {search_of(job.study) for job in watched.jobs[n_given:]}
        waiting = to_come - {search_of(study) for study in out}
        assert len(out) == n_workers or not waiting  # a study waits for itself alone


def test_a_confirmation_is_spread_over_all_workers(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch(monkeypatch, lambda: SimulatedExecutor(n_workers=4))
    run_compared(plan_compared(*STUDIES, "seeds=1", "samplers=[random]", "study.confirm.n_seeds=4"))
    assert max(sum(study.endswith("-confirm") for study in out) for _, out in watched.waits) == 4


def test_studies_advance_side_by_side(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch(monkeypatch, InlineExecutor)
    comparison = plan_compared(*STUDIES, "study.confirm.top_k=0", "study.test=false")
    run_compared(comparison, is_cached=False)
    spent = dict.fromkeys((planned.name for planned in comparison.plans), 0)
    for job in watched.trained:
        assert spent[job.study] == min(spent.values())  # whoever has spent least goes on
        spent[job.study] += epochs(job)
    assert min(spent.values()) >= 15


def epochs(job: Job) -> int:
    return job.request.train.epochs


def test_a_study_is_tested_once_by_its_confirmation_alone(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch(monkeypatch, InlineExecutor)
    run_compared(plan_compared(*STUDIES))
    tested = [job.study for job in watched.jobs if job.task is Task.TEST]
    assert len(tested) == N_STUDIES * 2  # every retraining of the only chosen configuration
    assert all(study.endswith("-confirm") for study in tested)
    jobs = [(job.task, job.key) for job in watched.jobs]
    assert len(set(jobs)) == len(jobs)


def test_what_is_done_gives_no_job(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, comparison = optuna.storages.InMemoryStorage(), plan_compared(*STUDIES)
    run_compared(comparison, storage)
    watched = watch(monkeypatch, InlineExecutor)
    again = run_compared(comparison, storage)
    assert watched.jobs == []
    assert {report.ending for report in again} == {Ending.BUDGET}
    assert all(report.confirmed.startswith("Confirmed: trial ") for report in again)


def test_many_studies_that_are_done_are_no_deeper_than_one(workdir: Path) -> None:
    many = (*SMALL, "samplers=[random]", "seeds=60", "budget.unit=trials", "budget.size=1", "study.confirm.n_seeds=1")
    storage, comparison = optuna.storages.InMemoryStorage(), plan_compared(*many)
    run_compared(comparison, storage)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 80)
    try:
        again = run_compared(comparison, storage)
    finally:
        sys.setrecursionlimit(limit)
    assert {report.ending for report in again} == {Ending.BUDGET}
