"""Trains the encoders that studies need, on the workers that will train their trials, each once.

Which they are is told by `needed`; what one epoch does by `language_model`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from hpo.artifacts.steps import read_steps
from hpo.config.schema import Config
from hpo.contracts.executor import GRACE_S, WAIT_S, Executor, Job, JobKey, Outcome, Task
from hpo.contracts.trainer import Decision, EncoderRequest, EpochReport, Reason, TrialResult
from hpo.machine.cache import Cache
from hpo.machine.escaping import last_line
from hpo.machine.locks import StudyHeld, StudyLock
from hpo.machine.paths import expanded
from hpo.machine.signals import StopRequest
from hpo.trainers.awd_lstm.encoders.needed import NeededEncoder
from hpo.trainers.awd_lstm.encoders.record import Progress, facts_of, read_progress, write_progress
from hpo.trainers.awd_lstm.network.encoder import WEIGHTS, read_encoder, read_weights, write_encoder

MAX_CRASHES = 3
STUDY = "encoders"  # what the jobs' keys say instead of a study's name


@dataclass(frozen=True)
class EncoderEvents:
    """Who is told of the training of encoders."""

    note: Callable[[str], None]
    preparing: Callable[[str, int, int], None]
    show: Callable[[NeededEncoder, Progress], None]


@dataclass
class _Work:
    """One encoder under way: what is asked of a worker, how far it is, what was said of that; its lock."""

    needed: NeededEncoder
    request: EncoderRequest
    progress: Progress
    lock: ExitStack
    told: tuple[int, int] | None = None  # batches done, of how many

    @property
    def folder(self) -> Path:
        """Where it is until it is done."""
        return Path(self.request.folder)


class EncoderFailed(Exception):
    """An encoder cannot be trained; the sentence says why."""


class EncoderTraining:
    """Trains encoders over one executor, before any trial.

    Args:
        config: Settings of the command: device and threads.
        executor: Runs the trainings, as many at once as it has workers.
        stop: Looked at between two steps.
        events: Who is told.
    """

    def __init__(self, config: Config, executor: Executor, stop: StopRequest, events: EncoderEvents) -> None:
        self._config = config
        self._executor = executor
        self._stop = stop
        self._events = events
        self._waiting: list[NeededEncoder] = []
        self._out: dict[JobKey, _Work] = {}
        self._again: list[_Work] = []
        self._numbers = count()

    def run(self, needed: Sequence[NeededEncoder]) -> None:
        """Returns once every encoder is in its place, or a signal or an obstacle has come.

        Raises:
            EncoderFailed: if one of them diverges, lacks memory or fails.
            OSError, ValueError: if the cache cannot be written.
            NoWorkers: if no worker begins.
        """
        self._waiting = [encoder for encoder in needed if not self._is_there(encoder)]
        has_said = False
        with ExitStack() as locks:
            while (self._waiting or self._out or self._again) and not self._stop.is_set:
                self._fill(locks)
                if self._out:
                    self._wait()
                elif self._waiting:
                    if not has_said:
                        label = self._waiting[0].label
                        self._events.note(f"Another command trains the encoder {label}; waiting for it.")
                        has_said = True
                    time.sleep(WAIT_S)
            if self._out:
                self._drain()

    def _is_there(self, needed: NeededEncoder) -> bool:
        """Returns whether an encoder is in its place; one that is damaged is removed."""
        if not needed.folder.is_dir():
            return False
        try:
            read_weights(needed.folder)
        except ValueError:
            self._events.note(f"The encoder {needed.label} in {needed.folder} is damaged; it is trained anew.")
            shutil.rmtree(needed.folder)
            return False
        return True

    def _fill(self, locks: ExitStack) -> None:
        """Hands out what no other command works on, until every worker has a training."""
        while self._again and len(self._out) < self._executor.n_workers:
            self._submit(self._again.pop(0))
        self._waiting = [encoder for encoder in self._waiting if not encoder.folder.is_dir()]
        for encoder in [*self._waiting]:
            if len(self._out) >= self._executor.n_workers:
                return
            lock, folder = locks.enter_context(ExitStack()), work_folder(encoder)
            try:
                lock.enter_context(StudyLock(folder, encoder.name))
            except StudyHeld:
                continue
            self._waiting.remove(encoder)
            if encoder.folder.is_dir():
                lock.close()
                continue
            request = build_request(encoder, self._config, next(self._numbers), folder)
            progress = read_progress(folder) or Progress(started_ms=self._executor.now_ms())
            self._submit(_Work(encoder, request, progress, lock))

    def _submit(self, work: _Work) -> None:
        job = Job(Task.TRAIN, STUDY, work.request)
        self._out[job.key] = work
        self._events.show(work.needed, work.progress)
        self._executor.submit(job)

    def _wait(self) -> int:
        """Returns how many trainings ended."""
        outcomes = self._executor.wait(self._on_report, timeout_s=WAIT_S)
        for under_way in self._out.values():
            self._tell(under_way)
        for outcome in outcomes:
            work = self._out.pop(outcome.key, None)
            if work is not None:
                self._end(work, outcome)
        return len(outcomes)

    def _drain(self) -> None:
        """Lets the trainings leave a checkpoint."""
        n_left = self._executor.pause()
        if n_left:
            self._events.note("Stopping: encoders leave a checkpoint; a second signal stops at once.")
        deadline = time.monotonic() + GRACE_S
        while n_left > 0 and time.monotonic() < deadline:
            n_left -= self._wait()

    def _on_report(self, key: JobKey, report: EpochReport) -> Decision:
        work = self._out[key]
        if report.epoch > work.progress.n_epochs:  # else it is one of before an interruption
            work.progress = work.progress.with_epoch(report, self._executor.now_ms())
            write_progress(work.folder, work.progress)
            self._events.show(work.needed, work.progress)
        return Decision.CONTINUE

    def _tell(self, work: _Work) -> None:
        """Says how many batches are done, once the worker has written that."""
        steps = read_steps(work.folder)
        if steps is not None and steps != work.told:
            work.told = steps
            self._events.preparing(f"encoder {work.needed.label} (batches)", *steps)

    def _end(self, work: _Work, outcome: Outcome) -> None:
        result = outcome.result
        if result is None:
            self._lost(work, outcome.lost)
        elif result.paused:
            self._stop.obstacle = self._stop.obstacle or result.obstacle
            self._again.append(work)
        elif result.reason is not None:
            self._events.show(work.needed, replace(work.progress, error=result.error or "failed"))
            raise EncoderFailed(_failure(work.needed, result))
        else:
            self._keep(work, result)
            shutil.rmtree(work.folder, ignore_errors=True)
            work.lock.close()

    def _lost(self, work: _Work, lost: str) -> None:
        if self._stop.is_set:
            return
        if work.request.attempt >= MAX_CRASHES:
            raise EncoderFailed(f"The encoder {work.needed.label} cannot be trained: {lost}, {MAX_CRASHES} times.")
        self._events.note(f"Encoder {work.needed.label}: {lost}; trying again.")
        self._again.append(replace(work, request=replace(work.request, attempt=work.request.attempt + 1)))

    def _keep(self, work: _Work, result: TrialResult) -> None:
        """Puts a trained encoder in its place, with what is known of it."""
        needed = work.needed
        if not (work.folder / WEIGHTS).is_file():
            raise EncoderFailed(
                f"The encoder {needed.label} was trained on a machine that does not share data.cache={needed.cache}; "
                "put it on a disk that all machines share."
            )
        encoder = replace(
            read_encoder(work.folder),
            facts={**facts_of(needed), **{name: result.facts[name] for name in ("device", "threads", "n_params")}},
            history=work.progress.history,
            ended_ms=work.progress.ended_ms,
            started_ms=work.progress.started_ms,
        )
        weights = (work.folder / WEIGHTS).read_bytes()
        Cache(needed.cache).make(needed.name, lambda folder: write_encoder(folder, weights, encoder))
        last, seconds = work.progress.history[-1], sum(epoch["seconds"] for epoch in work.progress.history)
        self._events.note(
            f"Encoder {needed.label}: perplexity {last['perplexity']:.1f} after {work.progress.n_epochs} epochs, "
            f"{seconds:.0f} s; kept in {needed.folder}."
        )


def work_folder(needed: NeededEncoder) -> Path:
    """Returns where an encoder is trained: beside its place, with its checkpoints."""
    return expanded(needed.cache).absolute() / f".training-{needed.name}"


def build_request(needed: NeededEncoder, config: Config, number: int, folder: Path) -> EncoderRequest:
    """Returns what a worker needs to train an encoder, at its first attempt."""
    return EncoderRequest(
        number=number,
        attempt=1,
        sizes=needed.sizes,
        train=needed.config,
        corpus=str(needed.corpus),
        start=needed.start,
        more_texts=needed.more_texts,
        seed=needed.config.seed,
        device=config.executor.device,
        threads=config.executor.threads,
        folder=str(folder),
    )


def _failure(needed: NeededEncoder, result: TrialResult) -> str:
    """Returns why an encoder cannot be had, and what to do about it."""
    match result.reason:
        case Reason.DIVERGED:
            return f"The encoder {needed.label} diverged in epoch {result.n_epochs + 1}; lower encoder.lr."
        case Reason.OOM:
            return (
                f"The encoder {needed.label} lacks memory; lower encoder.batch_size, encoder.bptt or data.max_vocab, "
                "or choose model.encoder=scratch."
            )
    reason = last_line(result.error or "") or "no reason given"
    return f"The encoder {needed.label} cannot be trained: {reason.rstrip('.')}; choose model.encoder=scratch."
