"""The driver of one study: jobs come out of it, their reports and ends go into it.

Executing the jobs of one or several drivers is `loop`'s business, what a trial does the workers'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING
from hpo.contracts.executor import Job, JobKey, Outcome, Task
from hpo.contracts.records import COMPLETE, REPETITION, SEARCHED, UNREPORTED_S, StudyRecord, TrialRecord
from hpo.contracts.trainer import Decision, EpochReport, Reason, TrialRequest, TrialResult
from hpo.machine.signals import Ending
from hpo.search.once import n_left
from hpo.storage.record import ENDED, HONEST
from hpo.storage.study_tests import StudyTests
from hpo.study.attempts import MAX_CRASHES, Attempts, EqualErrors
from hpo.study.budget import Spending
from hpo.study.foresight import Foresight
from hpo.study.role import Role
from hpo.study.stopping import Stopping
from hpo.study.surroundings import Surroundings
from hpo.study.trial_cache import Original, share_weights
from hpo.study.trials import TrialBook


class Driver:
    """Drives one study to its budget, then tests what is to be tested.

    The sequence of calls: `open`; then `next_job` whenever a worker is free, `on_report` and
    `on_end` for the jobs it gave; until `is_done`; `close`, whatever happened.
    """

    def __init__(self, study: StudyRecord, role: Role, around: Surroundings) -> None:
        self.role = role
        self._around = around
        self._cache = around.cache
        self._book = TrialBook(study, role, around)
        self._spending = Spending(role, around.store)
        self._stopping = Stopping(role)
        self._tests = StudyTests(around.store)
        self._attempts = Attempts(self._book, around.display.note)
        self._errors = EqualErrors(study.name, around.stop)
        self._out: set[int] = set()  # handed to a worker
        self._is_length_remarked = False
        self._parked: list[int] = []  # an equal trial runs elsewhere
        self._foresight = Foresight(role, around.tracker)

    @property
    def study(self) -> StudyRecord:
        return self._book.study

    @property
    def trials(self) -> list[TrialRecord]:
        return self._book.records

    def open(self) -> None:
        """Shows the study and takes over the trials an earlier driver left RUNNING: same number, same params."""
        spent_s = self._spending.elapsed_before_s
        self._around.display.study_opened(self.study, self.trials, self.role.budget, spent_s=spent_s)
        for trial in self.trials:
            if trial.is_finished:
                self._cache.settle(self._request(trial.number), self.study.name, trial)
        self._attempts.add(self._book.adopt())
        self._sum_up_tests()

    def next_job(self) -> Job | None:
        """Returns what a free worker should do for this study now, if there is something.

        Trials that an equal one has already been through are ended on the way.
        """
        self._around.ensure()
        while (number := self._next_number()) is not None:
            job = self._start(number)
            if job is not None:
                return job
        if not self._book.under_way:  # nothing begins any more, and nothing is promoted
            self._book.end_paused()
        return None if self._is_searching else self._next_test()

    def on_report(self, key: JobKey, report: EpochReport) -> Decision:
        """Notes an epoch; returns whether the trial goes on."""
        self._around.ensure()
        if key.attempt != self._book.trials[key.number].attempt:
            return Decision.STOP
        self._spending.note_elapsed()  # a trial may take hours, and its driver be killed
        return self._book.note_epoch(key.number, report)

    def on_end(self, outcome: Outcome) -> None:
        """Notes how a job ended; outcomes of earlier attempts are dropped."""
        self._around.ensure()  # first: a trial whose folder was deleted did not fail by itself
        number = outcome.key.number
        if self._tests.is_out(number):
            self._end_test(outcome)
        elif number in self._out and outcome.key.attempt == self._book.trials[number].attempt:
            self._out.discard(number)
            self._end_attempt(number, outcome)

    def _end_attempt(self, number: int, outcome: Outcome) -> None:
        """Ends the trial if its attempt did; a trial that waits for another one is left to whoever goes on."""
        result = outcome.result
        if result is None:
            result = None if self._around.stop.is_set else self._attempts.lost(number, outcome.lost)
        self._note_obstacle(result)
        if result is not None and (warning := result.facts.get(CHECKPOINT_WARNING)):
            self._around.display.note(f"Trial {number}: {warning}")
        if result is not None and result.paused and self._book.trials[number].is_due and not result.obstacle:
            self._book.pause(number, result)
        elif result is not None and self._attempts.ends(number, result):
            self._remark_length(number, result)
            self._book.note_end(number, result)
            self._errors.note(result)
            self._spending.note_elapsed()

    def _remark_length(self, number: int, result: TrialResult) -> None:
        """Says once that a trial reported more or fewer epochs than it was to train."""
        planned, n_epochs = self.role.planned_epochs(self._book.trials[number]), result.n_epochs
        is_whole = not (result.stopped or result.reason)
        if self._is_length_remarked or self.study.is_recorded or not is_whole or n_epochs == planned:
            return
        self._is_length_remarked = True
        self._around.display.note(
            f"Trial {number} reported {n_epochs} epoch{'s' * (n_epochs > 1)} where {planned} were to come; give "
            f"train.epochs={n_epochs}, or report as many as the argument epochs says, so that pruners know its end."
        )

    def _note_obstacle(self, result: TrialResult | None) -> None:
        if result is not None and result.obstacle:
            self._around.stop.obstacle = self._around.stop.obstacle or result.obstacle

    @property
    def is_done(self) -> bool:
        return not self._is_searching and not self._tests.left(self._to_test())

    @property
    def ending(self) -> Ending:
        """Why the search is over."""
        if self._is_spent():
            return Ending.BUDGET
        return Ending.STOPPED if self._is_stopped else Ending.EXHAUSTED if self._is_exhausted() else Ending.BUDGET

    @property
    def spent_share(self) -> float:
        """How much of the budget is spent: 0 to 1, beyond it by what running trials overshoot."""
        return self._spending.share(self._book.trials.values(), self._book.turn)

    def test_of(self, number: int) -> Mapping[str, float]:
        """Returns the test metrics of a trial; {} if it was not tested."""
        return self._tests.of(number)

    def set_ended(self, is_ended: bool) -> None:
        """Notes whether the study has reached its end."""
        self._around.store.set(ENDED, is_ended)

    def note_honest(self, honest: Mapping[str, float]) -> None:
        """Notes what the best trial is worth; {} while nothing is known of it."""
        if honest != self.study.honest:
            self._around.store.set(HONEST, dict(honest))
            self._book.show(replace(self.study, honest=honest))

    def close(self) -> None:
        """Notes the time that was spent."""
        self._spending.note_elapsed(at_once=True)

    @property
    def _is_searching(self) -> bool:
        return bool(self._book.running) or self._is_in_budget()

    def _is_in_budget(self) -> bool:
        return not (self._is_spent() or self._is_exhausted() or self._is_stopped)

    def _is_spent(self, *, for_new: bool = True) -> bool:
        return self._spending.is_spent(self._book.trials.values(), self._book.turn, for_new=for_new)

    @property
    def _is_stopped(self) -> bool:
        return self._stopping.is_met(self.study, self._book.trials.values(), self._book.turn)

    def _is_exhausted(self) -> bool:
        return n_left(self.role.sampler, self._around.store.frozen()) == 0

    def _next_number(self) -> int | None:
        for number in self._parked:
            if self._cache.is_open(self._request(number), self.study.name):
                self._parked.remove(number)
                return number
        if len(self._out) + len(self._parked) >= self.role.n_concurrent:
            return None
        waiting = self._attempts.pop()
        if waiting is not None:
            return waiting
        if not self._is_turn() or self._is_spent(for_new=False) or self._is_stopped:
            return None
        promoted = self._book.promote()
        if promoted is not None:
            return promoted
        return self._book.ask() if self._is_in_budget() else None

    def _is_turn(self) -> bool:
        """Returns whether a trial may begin or go on beside those that are under way."""
        under_way = self._book.under_way
        if len(under_way) >= self.role.n_concurrent:
            return False
        is_ordered = self.role.config.study.ordered and bool(under_way)
        return not is_ordered or self._book.turn - self._book.trials[under_way[0]].turn < self.role.n_concurrent

    def _start(self, number: int) -> Job | None:
        """Begins an attempt; returns its job, or None if it was served or waits for an equal trial."""
        original = self._find_original(number)
        if original is None and not self._cache.take(self._request(number), self.study.name):
            self._parked.append(number)
            return None
        self._attempts.begin(number)
        if original is not None:
            self._serve(number, original)
            return None
        request = self._request(number)
        _make_folder(request)
        self._out.add(number)
        self._foresight.look(self.spent_share, n_begun=len(self._book.trials), n_running=len(self._book.running))
        timeout_s, is_alone = self.role.config.trial.timeout_s, self._attempts.is_alone(number)
        n_done = self._book.trials[number].n_before
        return Job(Task.TRAIN, self.study.name, request, timeout_s, is_alone=is_alone, n_done=n_done)

    def _find_original(self, number: int) -> Original | None:
        """Returns a trial equal to `number` that ended, with its weights if this one's are to be kept."""
        request = self._request(number)
        original = self._cache.find(request)
        if original is None or original.trial.state != COMPLETE or self.role.keeps_weights != "all":
            return original
        if share_weights(original, request):
            return original
        self._cache.forget(request)
        return None

    def _serve(self, number: int, original: Original) -> None:
        """Ends trial `number` as the one it equals did; the pruner may end it before, or it pauses."""
        was = original.trial
        # which trial that one repeated says nothing of this one
        facts = {key: fact for key, fact in was.facts.items() if key not in (SEARCHED, REPETITION)}
        facts.setdefault("cached_from", f"{original.study}/{was.number}")
        for epoch in was.epochs:
            decision = self._book.note_epoch(number, EpochReport(epoch.epoch, epoch.metrics))
            if decision is Decision.STOP:
                return self._book.note_end(number, TrialResult(epoch.epoch, stopped=True, facts=facts))
            if decision is Decision.PAUSE:
                return self._book.pause(number, TrialResult(epoch.epoch, paused=True, facts=facts))
        reason = Reason(was.reason) if was.reason else None
        facts |= {UNREPORTED_S: repr(was.unreported_s)} if reason is Reason.DIVERGED else {}
        return self._book.note_end(number, TrialResult(was.n_epochs, reason=reason, error=was.error, facts=facts))

    def _request(self, number: int) -> TrialRequest:
        return self.role.request(self.study, self._book.trials[number])

    def _to_test(self) -> list[int]:
        return self.role.to_test(self.study, self.trials)

    def _next_test(self) -> Job | None:
        number = self._tests.take(self._to_test())
        if number is None:
            return None
        request = self._request(number)
        _make_folder(request)  # a trial that keeps nothing has none any more
        return Job(Task.TEST, self.study.name, request)

    def _end_test(self, outcome: Outcome) -> None:
        number, result = outcome.key.number, outcome.result
        self._note_obstacle(result)
        is_cut_off = result is None and self._around.stop.is_set
        if is_cut_off or (result is not None and result.paused):  # whoever goes on tests it
            return
        if result is None and self._tests.put_back(number) < MAX_CRASHES:
            self._around.display.note(f"Trial {number}: {outcome.lost}; testing it again.")
            return
        if result is None or result.reason is not None:
            why = (result.error if result else outcome.lost) or "no reason given"
            self._tests.give_up(number)
            self._around.display.note(f"Trial {number} could not be tested: {why.strip().splitlines()[-1]}")
        else:
            self._tests.note(number, result.test)
        self._sum_up_tests()

    def _sum_up_tests(self) -> None:
        """Notes what all tests say together, once none is left; an earlier driver may have been killed before."""
        wanted = self._to_test()
        if self._is_searching or self._tests.left(wanted):
            return
        test = self._tests.summary(wanted, best=self.study.best([self._book.trials[number] for number in wanted]))
        if test and test != self.study.test:
            self._tests.close(wanted, test)
            self._book.show(replace(self.study, test=test))


def _make_folder(request: TrialRequest) -> None:
    """Makes the folder of a trial on this machine, if that is where it is worked on."""
    if not request.remote:
        Path(request.folder).mkdir(parents=True, exist_ok=True)
