"""Small comparisons on closed-form trials, planned as a command would and driven in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import optuna

from hpo.commands.command import compose_and_call
from hpo.compare.comparison import Comparison, check_settings, plan_comparison, read_seeds
from hpo.compare.variants import compose_variants
from hpo.config.compare import CompareConfig
from hpo.config.compose import Composition
from hpo.contracts.executor import Executor, Job, OnReport, Outcome, Task
from hpo.contracts.records import TrialRecord
from hpo.executors.options import InlineConfig, ProcessesConfig, SimulatedConfig
from hpo.space.space import canonical
from hpo.storage.record import read_study
from hpo.study.preparation import prepare_all
from hpo.study.session import Report, drive_all
from hpo.terminal.display import build_display

SMALL = ("trainer=synthetic", "tracking=none", "executor=inline", "storage=memory", "samplers=[random,tpe]", "seeds=2")


@cache
def plan_compared(*overrides: str) -> Comparison:
    """Returns the comparison that `hpo compare` would run."""
    planned: list[Comparison] = []

    def call(composition: Composition) -> int:
        config = composition.config
        assert isinstance(config, CompareConfig)
        check_settings(config)
        planned.append(plan_comparison(config, compose_variants(config, read_seeds(config.seeds))))
        return 0

    code = compose_and_call(list(overrides), call, name="compare", root=CompareConfig, may_lack=True)
    assert code == 0
    return planned[0]


def run_compared(
    comparison: Comparison, storage: optuna.storages.BaseStorage | None = None, *, is_cached: bool = True
) -> list[Report]:
    """Drives the studies of a comparison, without a report."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    display = build_display()
    prepared = prepare_all(comparison.plans, display, storage=storage or optuna.storages.InMemoryStorage())
    return drive_all(prepared, display, display_of=lambda _: display, is_cached=is_cached)


def facts(trials: Sequence[TrialRecord]) -> list[tuple[object, ...]]:
    """What must not depend on who was trained when and where: all but clocks, attempts, speed and the cache."""
    keys = ("train_loss", "valid_loss", "accuracy", "macro_f1")
    return [
        (t.number, t.state, canonical(t.params), t.value, t.seed, [[e.metrics[k] for k in keys] for e in t.epochs])
        for t in trials
    ]


def read_all(storage: optuna.storages.BaseStorage) -> dict[str, tuple[object, ...]]:
    """Returns of each study in the record what must not depend on how it came about: its trials and its test."""
    names = sorted(study.study_name for study in storage.get_all_studies())
    read = {name: read_study(storage, name) for name in names}
    return {name: (facts(trials), dict(study.test)) for name, (study, trials) in read.items()}


class Watched:
    """An executor that notes what it is given: the jobs in their order, and who is out at every wait.

    Attributes:
        jobs: All jobs.
        waits: How many jobs had been given when it was waited for, and the studies with a job out then.
    """

    def __init__(self, executor: Executor) -> None:
        self.n_workers = executor.n_workers
        self.jobs: list[Job] = []
        self.waits: list[tuple[int, list[str]]] = []
        self._executor = executor
        self._out: list[str] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self._out.append(job.study)
        self._executor.submit(job)

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        self.waits.append((len(self.jobs), list(self._out)))
        outcomes = self._executor.wait(on_report, timeout_s=timeout_s)
        for outcome in outcomes:
            self._out.remove(outcome.key.study)
        return outcomes

    def pause(self) -> int:
        return self._executor.pause()

    def now_ms(self) -> int:
        return self._executor.now_ms()

    def close(self) -> None:
        self._executor.close()

    @property
    def trained(self) -> list[Job]:
        return [job for job in self.jobs if job.task is Task.TRAIN]


def watch(monkeypatch: Any, build: Callable[[], Executor]) -> Watched:
    """Returns the executor that the next session will use: what `build` returns, watched."""
    watched = Watched(build())

    for option in (InlineConfig, ProcessesConfig, SimulatedConfig):
        monkeypatch.setattr(option, "build", lambda *_: watched)
    return watched
