"""The driver: asks, hands trials to an executor, notes what they report, decides, tells.

The only writer of the record. What a trial does is the workers' business, what people see the
trackers' and the display's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from optuna.trial import FrozenTrial

from hpo.config import Config
from hpo.display import Display
from hpo.executor import Executor, Job, Outcome, Task
from hpo.params import apply_params
from hpo.record import COMPLETE, FAIL, PRUNED, Budget, StudyRecord, TrialRecord
from hpo.samplers import CellSampler
from hpo.seeds import derive_seed
from hpo.space import Space
from hpo.stop import Ending, Interrupted, StopRequest
from hpo.storage import ELAPSED, TEST, StudyStore
from hpo.tracking import Tracker
from hpo.trainer import Decision, EpochReport, Reason, TrialRequest, TrialResult
from hpo.trial_folder import tidy_trial, trial_folder

MAX_CRASHES = 3  # a trial that killed so many workers is given up
WAIT_S = 0.5  # how long a signal may go unnoticed


@dataclass(frozen=True)
class Surroundings:
    """What a driver works with and does not own."""

    store: StudyStore
    sampler: object
    executor: Executor
    tracker: Tracker
    display: Display
    stop: StopRequest
    now_ms: Callable[[], int]


class Driver:
    """Drives one study to its budget."""

    def __init__(
        self, config: Config, study: StudyRecord, space: Space, *, corpus: Path | None, around: Surroundings
    ) -> None:
        self.study = study
        self.trials = {trial.number: trial for trial in around.store.trials()}
        self._config = config
        self._space = space
        self._corpus = corpus
        self._around = around
        self._store = around.store
        self._budget = Budget(config.study.n_trials, config.study.timeout_s, config.study.n_epochs)
        self._out: set[int] = set()  # numbers handed to the executor
        self._held: set[int] = set()  # ended, waiting for their turn to be told
        self._is_shown = False
        self._began = time.monotonic()
        self._elapsed_before = float(around.store.get(ELAPSED) or 0.0)

    def run(self) -> Ending:
        """Drives the study until its budget is reached, the grid is exhausted or a signal came."""
        trials = list(self.trials.values())
        self._around.display.study_opened(self.study, trials, self._budget, spent_s=self._elapsed_before)
        try:
            self._adopt()
            while not self._around.stop.is_set:
                while self._may_ask():
                    self._start(self._ask())
                if not self._out:
                    return Ending.EXHAUSTED if self._is_exhausted() and not self._is_spent() else Ending.BUDGET
                for outcome in self._around.executor.wait(self._on_report, timeout_s=WAIT_S):
                    self._ended(outcome)
        except Interrupted:
            pass
        finally:
            self._note_elapsed()
        self._around.display.note("Interrupted: leaving the running trials to whoever continues the study.")
        return Ending.INTERRUPTED

    def test_best(self) -> None:
        """Evaluates the best trial on the test part, once per best trial, and notes it."""
        best = self.study.best(list(self.trials.values()))
        if best is None or self.study.test.get("trial") == best.number:
            return
        self._around.executor.submit(Job(Task.TEST, self._request(best)))
        outcomes: list[Outcome] = []
        while not outcomes and not self._around.stop.is_set:
            outcomes = list(self._around.executor.wait(self._on_report, timeout_s=WAIT_S))
        if not outcomes:
            return
        result = outcomes[0].result
        if result is None or result.reason is not None:
            why = (result.error if result else outcomes[0].lost) or "no reason given"
            self._around.display.note(f"The best trial could not be tested: {why.strip().splitlines()[-1]}")
            return
        test = {"trial": float(best.number), **result.test}
        self._store.set(TEST, test)
        self.study = replace(self.study, test=test)
        self._around.tracker.study(self.study)

    def _adopt(self) -> None:
        """Takes over the trials an earlier driver left RUNNING: same number, same params."""
        for number in [trial.number for trial in self.trials.values() if not trial.is_finished]:
            record = self._store.adopt(
                number, self._space, seed_of=self._seed_of, now=self._around.now_ms, horizon=self._horizon(number)
            )
            self._changed(record)
            if self._store.has_end(number):
                self._held.add(number)
        self._tell_held()
        for number in self._running():
            if number not in self._held:
                self._wait_for_slot()
                self._start(self.trials[number])

    def _ask(self) -> TrialRecord:
        horizon = self._horizon(len(self.trials))
        return self._store.ask(self._space, seed_of=self._seed_of, now=self._around.now_ms, horizon=horizon)

    def _horizon(self, number: int) -> int | None:
        """Returns the last trial whose end counts for trial `number`, when results come in order."""
        return number - self._around.executor.n_workers if self._config.study.ordered else None

    def _wait_for_slot(self) -> None:
        """Waits while more trials were left RUNNING than there are workers now."""
        while len(self._out) >= self._around.executor.n_workers:
            if self._around.stop.is_set:
                raise Interrupted
            for outcome in self._around.executor.wait(self._on_report, timeout_s=WAIT_S):
                self._ended(outcome)

    def _may_ask(self) -> bool:
        if len(self._out) >= self._around.executor.n_workers or self._is_spent() or self._is_exhausted():
            return False
        if self._config.study.ordered and self._running():
            return len(self.trials) - min(self._running()) < self._around.executor.n_workers
        return True

    def _is_spent(self) -> bool:
        budget = self._budget
        if budget.n_trials is not None and len(self.trials) >= budget.n_trials:
            return True
        if budget.n_epochs is not None and self._n_epochs() >= budget.n_epochs:
            return True
        return budget.timeout_s is not None and self._elapsed_s() >= budget.timeout_s

    def _n_epochs(self) -> int:
        return sum(self._spent_epochs(trial) for trial in self.trials.values())

    def _spent_epochs(self, trial: TrialRecord) -> int:
        """Returns the epochs of `trial`, as planned while the next proposal may not know its end."""
        horizon = self._horizon(len(self.trials))
        is_known = trial.is_finished and (horizon is None or trial.number <= horizon)
        return trial.n_epochs if is_known else self._planned_epochs(trial)

    def _is_exhausted(self) -> bool:
        sampler = self._around.sampler
        return isinstance(sampler, CellSampler) and sampler.n_left(self._store.frozen()) == 0

    def _running(self) -> list[int]:
        return [trial.number for trial in self.trials.values() if not trial.is_finished]

    def _start(self, trial: TrialRecord, *, n_crashes: int | None = None) -> None:
        crashes = self._store.n_crashes(trial.number) if n_crashes is None else n_crashes
        record = self._store.begin_attempt(trial.number, n_crashes=crashes)
        self._changed(record)
        request = self._request(record)
        Path(request.folder).mkdir(parents=True, exist_ok=True)
        self._out.add(trial.number)
        self._around.executor.submit(Job(Task.TRAIN, request, self._config.trial.timeout_s))

    def _request(self, trial: TrialRecord) -> TrialRequest:
        config = apply_params(self._config, trial.params)
        return TrialRequest(
            number=trial.number,
            attempt=trial.attempt,
            params=trial.params,
            model=config.model,
            train=config.train,
            trainer=config.trainer,
            corpus=str(self._corpus or ""),
            seed=trial.seed,
            device=config.executor.device,
            threads=config.executor.threads,
            folder=str(trial_folder(Path(self.study.folder), trial.number)),
        )

    def _on_report(self, number: int, attempt: int, report: EpochReport) -> Decision:
        if attempt != self.trials[number].attempt:
            return Decision.STOP
        value = report.metrics[self.study.metric]
        record, stop = self._store.add_epoch(
            number, report, value, compared=self._compared(number), now=self._around.now_ms
        )
        self._changed(record)
        if self._around.stop.is_set:
            raise Interrupted
        return Decision.STOP if stop else Decision.CONTINUE

    def _compared(self, number: int) -> Callable[[FrozenTrial], bool]:
        """Returns which trials the pruner compares trial `number` with."""
        epochs = self._planned_epochs(self.trials[number])
        horizon = self._horizon(number)

        def is_compared(other: FrozenTrial) -> bool:
            if horizon is not None and other.number > horizon:
                return False
            return not self._config.pruner.same_epochs or epochs == other.params.get("train.epochs", epochs)

        return is_compared

    def _ended(self, outcome: Outcome) -> None:
        number = outcome.number
        if number not in self._out or outcome.attempt != self.trials[number].attempt:
            return
        self._out.discard(number)
        if outcome.result is None:
            if not self._around.stop.is_set:  # whoever continues the study tries again
                self._lost(number, outcome.lost)
            return
        self._note_end(number, outcome.result)

    def _lost(self, number: int, detail: str) -> None:
        """Tries a trial whose worker died again, unless it has killed too many."""
        crashes = self._store.n_crashes(number) + 1
        if crashes >= MAX_CRASHES:
            error = f"{detail}; {crashes} workers died in this trial"
            self._note_end(number, TrialResult(n_epochs=0, reason=Reason.CRASH_LOOP, error=error))
            return
        self._around.display.note(
            f"Trial {number}: {detail}; trying again (attempt {self.trials[number].attempt + 1})."
        )
        self._start(self.trials[number], n_crashes=crashes)

    def _note_end(self, number: int, result: TrialResult) -> None:
        trial = self.trials[number]
        value = trial.epochs[-1].metrics[self.study.metric] if trial.epochs else None
        if result.reason is None and value is None:
            result = TrialResult(n_epochs=0, reason=Reason.ERROR, error="the trainer ended without an epoch")
        state = FAIL if result.reason else PRUNED if result.stopped else COMPLETE
        end = {
            "state": state,
            "value": value if state != FAIL else None,
            "ended_ms": self._around.now_ms(),
            "reason": result.reason.value if result.reason else None,
            "error": result.error,
            "facts": dict(result.facts),
        }
        self._store.note_end(number, end)
        self._held.add(number)
        self._tell_held()

    def _tell_held(self) -> None:
        """Tells what has ended: at once, or in the order of numbers when that was asked for."""
        for number in sorted(self._held):
            if self._config.study.ordered and number != min(self._running()):
                return
            self._held.discard(number)
            before = self.study.best(list(self.trials.values()))
            self._changed(self._store.tell(number))
            self._note_elapsed()
            self._tidy(number, before)

    def _tidy(self, number: int, before: TrialRecord | None) -> None:
        """Keeps on disk the weights of the incumbent alone; `before` is the one until now."""
        best = self.study.best(list(self.trials.values()))
        for ended in {number} | ({before.number} if before else set()):
            tidy_trial(
                trial_folder(Path(self.study.folder), ended),
                keep_weights=best is not None and best.number == ended,
                keep_checkpoints=self._config.trial.keep_checkpoints,
            )

    def _changed(self, record: TrialRecord) -> None:
        if not self._is_shown:  # a study with nothing left to do stays as it is shown
            self._around.tracker.study(self.study)
            self._is_shown = True
        self.trials[record.number] = record
        self._around.tracker.trial(self.study, record)
        self._around.display.trial_changed(record)

    def _seed_of(self, number: int) -> int:
        return derive_seed(self._config.seed, number)

    def _planned_epochs(self, trial: TrialRecord) -> int:
        return int(trial.params.get("train.epochs") or self._config.train.epochs)

    def _elapsed_s(self) -> float:
        return self._elapsed_before + time.monotonic() - self._began

    def _note_elapsed(self) -> None:
        self._store.set(ELAPSED, round(self._elapsed_s(), 3))
