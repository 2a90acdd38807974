"""Jobs for executors, and what hears their reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hpo.config.schema import Config
from hpo.contracts.executor import Executor, Job, JobKey, Outcome, Task
from hpo.contracts.trainer import Decision, EpochReport, TrialRequest
from hpo.trainers.synthetic import SyntheticConfig
from tests.support.studies import compose_config

SETTINGS = {
    "simulated": ("executor.n_workers=2",),  # it holds more jobs than anybody wants to submit in a test
    "ray": ("executor.n_workers=1",),
    "slurm": ("executor.n_workers=1", "executor.cluster=local"),
}


def make_config(name: str, *overrides: str) -> Config:
    return compose_config("trainer=synthetic", f"executor={name}", *SETTINGS.get(name, ()), *overrides)[0]


def make_job(folder: Path, number: int = 0, *, epoch_s: float = 0.0, epochs: int = 4, **changes: object) -> Job:
    config = make_config("inline")
    trial = folder / str(number)
    trial.mkdir(parents=True, exist_ok=True)
    request = TrialRequest(
        number=number,
        attempt=1,
        params={},
        model=config.model,
        train=replace(config.train, epochs=epochs),
        trainer=SyntheticConfig(noise=0.01, epoch_s=epoch_s),
        corpus="",
        seed=number,
        device="auto",
        threads=1,
        folder=str(trial),
    )
    return replace(Job(Task.TRAIN, "study", request), **changes)  # type: ignore[arg-type]  # fields of Job


class Reports:
    """Answers reports with CONTINUE, or STOP after `stop_after` epochs; keeps them."""

    def __init__(self, stop_after: int = 99) -> None:
        self.seen: list[tuple[int, int, int]] = []
        self.metrics: dict[tuple[int, int], float] = {}
        self._stop_after = stop_after

    def __call__(self, key: JobKey, report: EpochReport) -> Decision:
        self.seen.append((key.number, key.attempt, report.epoch))
        self.metrics[key.number, report.epoch] = report.metrics["valid_loss"]
        return Decision.STOP if report.epoch >= self._stop_after else Decision.CONTINUE


def drain(executor: Executor, reports: Reports, n: int, *, rounds: int = 600) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for _ in range(rounds):
        outcomes += executor.wait(reports, timeout_s=0.1)
        if len(outcomes) >= n:
            return outcomes
    raise AssertionError(f"{len(outcomes)} of {n} jobs ended")


def no_preload() -> None:
    """What workers import before their first job, where they need nothing."""
