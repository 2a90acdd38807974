"""Simulated time: the order of events is that of a brute-force simulation, one worker is the inline executor."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.config.schema import Config
from hpo.contracts.executor import Job, JobKey, Task
from hpo.contracts.records import TrialRecord
from hpo.contracts.trainer import Decision, EpochReport, Reason, TrialRequest
from hpo.executors.simulated import SimulatedExecutor
from hpo.trainers.replay.trainer import ReplayConfig
from hpo.trainers.synthetic import SyntheticConfig
from tests.support.curve_tables import TASKSET, TASKSET_CARD, make_columns, write_table
from tests.support.studies import compose_config, plan_study, run_study

PRUNERS = ("none", "median", "asha", "hyperband")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "curves.parquet", make_columns(40, n_epochs=9))


def overrides(table: Path, *more: str) -> list[str]:
    return ["experiment=replay", f"trainer.path={table}", "study.n_epochs=150", *more]


def without_clocks(trials: Sequence[TrialRecord]) -> list[object]:
    return [
        (t.number, t.state, t.params, t.value, t.seed, [e.metrics for e in t.epochs], t.reason, t.facts) for t in trials
    ]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sampler=st.sampled_from(["random", "grid", "tpe"]), pruner=st.sampled_from(PRUNERS), seed=st.integers(0, 1000))
def test_one_simulated_worker_makes_the_study_the_inline_executor_makes(
    workdir: Path, table: Path, sampler: str, pruner: str, seed: int
) -> None:
    asked = overrides(table, f"sampler={sampler}", f"pruner={pruner}", f"seed={seed}", "study.n_epochs=60")
    asked.append(f"study.name=study-{seed}-{pruner}")  # hyperband's brackets depend on it
    simulated, inline = run_study(*asked), run_study(*asked, "executor=inline")
    assert without_clocks(simulated.trials) == without_clocks(inline.trials)
    assert simulated.study.test == inline.study.test


@dataclass
class Simulated:
    """A trial of the brute-force simulation."""

    number: int
    began: float
    seconds: list[float]
    losses: list[float]
    done: int = 0


def brute_force(
    columns: dict[str, list[list[float]]], order: Sequence[int], n_workers: int, stop: Callable[[int, int], bool]
) -> list[tuple[int, int, float]]:
    """Returns (number, epoch, time) of all reports, always looking at every running trial for the next."""
    waiting, running, seen = list(enumerate(order)), [], []
    now = 0.0
    while waiting or running:
        while waiting and len(running) < n_workers:
            number, row = waiting.pop(0)
            running.append(Simulated(number, now, columns["seconds"][row], columns["loss"][row]))
        times = [trial.began + sum(trial.seconds[: trial.done + 1]) for trial in running]
        now = min(times)
        trial = min((t for t, at in zip(running, times, strict=True) if at == now), key=lambda t: t.number)
        trial.done += 1
        seen.append((trial.number, trial.done, now))
        if trial.done == len(trial.losses) or stop(trial.number, trial.done):
            running.remove(trial)
    return seen


@cache
def compose_once() -> Config:
    return compose_config("trainer=synthetic")[0]


def make_job(table: Path, folder: Path, number: int, row: int, **changes: object) -> Job:
    config, columns = compose_once(), make_columns(40, n_epochs=9)
    request = TrialRequest(
        number=number,
        attempt=1,
        params={name: columns[name][row] for name in ("rate", "size", "kind")},
        model=config.model,
        train=replace(config.train, epochs=9),
        trainer=ReplayConfig(path=str(table), metric="valid_loss"),
        corpus="",
        seed=number,
        device="cpu",
        threads=1,
        folder=str(folder),
    )
    return replace(Job(Task.TRAIN, "study", request), **changes)  # type: ignore[arg-type]  # fields of Job


@pytest.mark.parametrize("n_workers", [1, 3, 4])
def test_reports_come_in_the_order_of_a_brute_force_simulation(table: Path, tmp_path: Path, n_workers: int) -> None:
    order = [(7 * i) % 40 for i in range(25)]

    def stop(number: int, epoch: int) -> bool:
        return (number * 5 + epoch) % 7 == 0

    executor, seen, waiting = SimulatedExecutor(n_workers=n_workers), [], list(enumerate(order))

    def on_report(key: JobKey, report: EpochReport) -> Decision:
        seen.append((key.number, report.epoch, executor.now_ms() / 1000))
        return Decision.STOP if stop(key.number, report.epoch) else Decision.CONTINUE

    n_out = 0
    while waiting or n_out:
        while waiting and n_out < n_workers:
            executor.submit(make_job(table, tmp_path, *waiting.pop(0)))
            n_out += 1
        n_out -= len(executor.wait(on_report, timeout_s=60))
    assert seen == brute_force(make_columns(40, n_epochs=9), order, n_workers, stop)


def test_a_study_with_four_workers_decides_in_the_order_of_time(workdir: Path, table: Path) -> None:
    report = run_study(*overrides(table, "sampler=random", "pruner=asha", "executor.n_workers=4"))
    begun = [trial.started_ms for trial in report.trials]
    ends = sorted(trial.ended_ms or 0 for trial in report.trials)
    assert begun == sorted(begun) == [0, 0, 0, 0, *ends[: len(begun) - 4]]  # a worker that is free begins at once
    for trial in report.trials:
        clock = [trial.started_ms, *(epoch.ended_ms for epoch in trial.epochs)]
        seconds = [epoch.metrics["seconds"] for epoch in trial.epochs]
        assert [(b - a) / 1000 for a, b in itertools.pairwise(clock)] == seconds
    # rung 1 as it filled: those that were asked later saw more, whatever their numbers
    first = sorted((t.epochs[0].ended_ms, t.number, t.epochs[0].metrics["valid_loss"]) for t in report.trials)
    for rank, (_, number, loss) in enumerate(first):
        others = sorted(value for _, _, value in first[: rank + 1])
        promoted = loss <= others[max((rank + 1) // 3, 1) - 1]
        assert promoted == (report.trials[number].n_epochs > 1)
    assert run_study(*overrides(table, "sampler=random", "pruner=asha", "executor.n_workers=4")).trials == report.trials


def test_a_synthetic_epoch_takes_its_seconds_without_waiting(tmp_path: Path) -> None:
    executor, seconds = SimulatedExecutor(n_workers=2), []
    job = make_job(tmp_path, tmp_path, 0, 0)
    job = replace(job, request=replace(job.request, params={}, trainer=SyntheticConfig(noise=0.01, epoch_s=3600.0)))

    def on_report(key: JobKey, report: EpochReport) -> Decision:
        seconds.append(report.metrics["seconds"])
        return Decision.STOP if report.epoch == 4 else Decision.CONTINUE

    executor.submit(job)
    (outcome,) = executor.wait(on_report, timeout_s=60)
    assert executor.now_ms() == 4 * 3600 * 1000
    assert seconds == [3600.0] * 4
    assert outcome.result is not None
    assert (outcome.result.n_epochs, outcome.result.stopped) == (4, True)


def test_a_time_limit_counts_simulated_seconds(table: Path, tmp_path: Path) -> None:
    per_epoch = make_columns(40, n_epochs=9)["seconds"][5][0]
    executor, epochs = SimulatedExecutor(n_workers=2), []

    def on_report(key: JobKey, report: EpochReport) -> Decision:
        epochs.append(report.epoch)
        return Decision.CONTINUE

    executor.submit(make_job(table, tmp_path, 0, 5, timeout_s=3 * per_epoch))  # an epoch at the limit is in time
    (outcome,) = executor.wait(on_report, timeout_s=60)
    assert epochs == [1, 2, 3]
    assert outcome.result is not None
    assert (outcome.result.reason, outcome.result.n_epochs) == (Reason.TIMEOUT, 3)
    assert executor.now_ms() == round(3000 * per_epoch)
    executor.submit(make_job(table, tmp_path, 1, 5, timeout_s=per_epoch / 2))
    (outcome,) = executor.wait(on_report, timeout_s=60)
    assert outcome.result is not None
    assert (outcome.result.reason, outcome.result.n_epochs) == (Reason.TIMEOUT, 0)


def test_the_epoch_in_which_a_trial_diverged_takes_its_time(tmp_path: Path) -> None:
    columns = make_columns(40, n_epochs=9)
    columns["loss"][5][2:] = [float("nan")] * 7
    executor = SimulatedExecutor(n_workers=1)
    executor.submit(make_job(write_table(tmp_path / "curves.parquet", columns), tmp_path, 0, 5))
    (outcome,) = executor.wait(lambda *_: Decision.CONTINUE, timeout_s=60)
    assert outcome.result is not None
    assert outcome.result.reason is Reason.DIVERGED
    assert executor.now_ms() == round(3000 * columns["seconds"][5][0])


def test_epochs_in_which_trials_diverged_are_charged_in_every_unit_also_after_a_break(
    workdir: Path, tmp_path: Path
) -> None:
    columns = make_columns(40, n_epochs=9)
    for losses in columns["loss"][::2]:
        losses[4:] = [float("nan")] * 5
    asked = overrides(write_table(tmp_path / "nan.parquet", columns), "storage=sqlite", "sampler=random", "pruner=none")
    first = run_study(*asked, "study.n_epochs=30")
    again = run_study(*asked, "study.n_epochs=150")
    whole = run_study(*asked, "study.n_epochs=150", "study.name=whole")
    for report in (again, whole):
        diverged = [trial for trial in report.trials if trial.reason == "diverged"]
        assert {(trial.n_epochs, trial.n_charged) for trial in diverged} == {(4, 5)}
        assert len({trial.state for trial in report.trials}) == 2
        spent = sum(trial.n_charged for trial in report.trials)
        assert spent - report.trials[-1].n_charged < 150 <= spent
    assert len(first.trials) < len(again.trials) == len(whole.trials)
    assert [trial.seconds for trial in again.trials] == [trial.seconds for trial in whole.trials]
    clock_s = (whole.trials[-1].ended_ms or 0) / 1000
    assert sum(trial.seconds for trial in whole.trials) == pytest.approx(clock_s, abs=0.001 * len(whole.trials))


def test_a_continued_study_goes_on_in_simulated_time(workdir: Path, table: Path) -> None:
    asked = overrides(table, "storage=sqlite", "pruner=asha", "study.n_epochs=null")
    first = run_study(*asked, "study.n_trials=6")
    whole = run_study(*asked, "study.n_trials=12")
    assert [t.ended_ms for t in whole.trials[:6]] == [t.ended_ms for t in first.trials]
    assert whole.trials == run_study(*asked, "study.n_trials=12", "storage.path=other.db").trials


def test_training_for_real_is_not_simulated() -> None:
    with pytest.raises(ValueError, match="executor=simulated does not wait, but trainer=awd_lstm trains"):
        plan_study("executor=simulated")


@pytest.mark.skipif(not TASKSET.is_dir(), reason="the recorded tables are not here")
def test_each_pruner_finds_better_ones_on_real_curves(workdir: Path) -> None:
    """With an equal budget of epochs, two seeds, one table; no pruning is the worst of all."""
    best: dict[str, list[float]] = {pruner: [] for pruner in PRUNERS}
    for pruner, seed in itertools.product(PRUNERS, range(2)):
        table = [f"trainer.path={TASKSET}/patch32_GRU128_bs128.parquet", f"trainer.card={TASKSET_CARD}"]
        report = run_study("experiment=replay", *table, "sampler=random", f"pruner={pruner}", f"seed={seed}")
        best[pruner].append(min(trial.value for trial in report.trials if trial.state == "COMPLETE" and trial.value))
    means = {pruner: sum(found) / len(found) for pruner, found in best.items()}
    assert max(means, key=lambda pruner: means[pruner]) == "none"
