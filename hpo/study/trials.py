"""The trials of one study while it is driven: every change goes through here to the record and on to be shown.

Which trial is next is `driver`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from optuna.trial import FrozenTrial

from hpo.artifacts.folders import tidy_trial, trial_folder
from hpo.artifacts.remote import remote_study, tidy_remote
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, Leg, StudyRecord, TrialRecord
from hpo.contracts.trainer import Decision, EpochReport, Reason, TrialResult
from hpo.machine.remote import RemoteAway
from hpo.machine.secrets import mask
from hpo.search.promote import PromoteConfig, next_promotion
from hpo.study.role import Role
from hpo.study.surroundings import Surroundings


class TrialBook:
    """The newest record of each trial, by number.

    Attributes:
        study: The study's facts; replaced when its test metrics are known.
        trials: Newest records.
    """

    def __init__(self, study: StudyRecord, role: Role, around: Surroundings) -> None:
        self.study = study
        self.trials = {trial.number: trial for trial in around.store.trials()}
        self._role = role
        self._around = around
        self._store = around.store
        self._held: set[int] = set()  # ended, waiting for their turn to be told
        self._is_shown = False
        self._running = {trial.number for trial in self.trials.values() if not trial.is_finished}
        self._pruner = role.config.pruner
        self._n_promotions = sum(max(len(trial.legs) - 1, 0) for trial in self.trials.values())
        self._best = study.best(list(self.trials.values()))

    @property
    def records(self) -> list[TrialRecord]:
        return [trial for _, trial in sorted(self.trials.items())]

    @property
    def running(self) -> list[int]:
        """The numbers of the trials that have not ended, in their order."""
        return sorted(self._running)

    @property
    def under_way(self) -> list[int]:
        """Those of them that are not paused, in the order of their turns."""
        return sorted(
            (number for number in self._running if not self.trials[number].is_paused),
            key=lambda number: self.trials[number].turn,
        )

    def adopt(self) -> list[int]:
        """Takes over the trials an earlier driver left RUNNING; returns those that are to be started again."""
        for number in self.running:
            if not self.trials[number].is_paused:
                self._changed(self._adopt(number))
            if self._store.has_end(number):
                self._held.add(number)
        self._tell_held()
        self._tidy_leftovers()
        return [number for number in self.under_way if number not in self._held]

    def _adopt(self, number: int) -> TrialRecord:
        """Gives a trial whatever its driver did not come to note of its beginning."""
        turn = self.trials[number].turn if self.trials[number].legs or not self._pruner.pauses else self.turn - 1
        record = self._store.adopt(
            number,
            self._role.space,
            seed_of=self._role.seed_of,
            now=self._around.now_ms,
            horizon=self._role.horizon(turn),
        )
        return record if record.legs else self._begin_leg(record, turn)

    @property
    def turn(self) -> int:
        """The next turn: how many trials, and parts of trials, have begun."""
        return len(self.trials) + self._n_promotions

    def ask(self) -> int:
        """Returns the number of a new trial."""
        turn = self.turn
        record = self._store.ask(
            self._role.space, seed_of=self._role.seed_of, now=self._around.now_ms, horizon=self._role.horizon(turn)
        )
        self._note(self._begin_leg(record, turn))
        return record.number

    def promote(self) -> int | None:
        """Returns the number of a paused trial that is to go on now, if any is."""
        if not isinstance(self._pruner, PromoteConfig):
            return None
        trials = [(trial, self._role.planned_epochs(trial)) for trial in self.trials.values()]
        horizon = self._role.horizon(self.turn)
        chosen = next_promotion(trials, self._pruner, self.study, horizon=horizon)
        if chosen is None:
            return None
        self._changed(self._begin_leg(chosen, self.turn))
        self._n_promotions += 1
        return chosen.number

    def _begin_leg(self, trial: TrialRecord, turn: int) -> TrialRecord:
        if not isinstance(self._pruner, PromoteConfig):
            return trial
        until = self._pruner.next_rung(self._role.planned_epochs(trial), after=trial.n_epochs)
        return self._store.begin_leg(trial.number, Leg(turn, until))

    def pause(self, number: int, result: TrialResult) -> None:
        """Notes that a trial waits to be promoted."""
        self._changed(self._store.pause(number, result.facts))
        self._around.cache.release(self._role.request(self.study, self.trials[number]), self.study.name)

    def end_paused(self) -> None:
        """Ends the trials that nobody will promote any more, as pruned when they were paused."""
        for number in self.running:
            trial = self.trials[number]
            facts = {name: fact for name, fact in trial.facts.items() if name != "origin"}
            self.note_end(number, TrialResult(trial.n_epochs, stopped=True, facts=facts))

    def begin_attempt(self, number: int, *, has_crashed: bool, lacked_memory: bool) -> TrialRecord:
        """Counts one more attempt, and what ended the one before."""
        n_crashes, n_ooms = self.n_crashes(number) + has_crashed, self.n_ooms(number) + lacked_memory
        record = self._store.begin_attempt(number, n_crashes=n_crashes, n_ooms=n_ooms, now=self._around.now_ms)
        self._changed(record)
        return record

    def n_crashes(self, number: int) -> int:
        """Returns how many workers died in trial `number`."""
        return self._store.count(number, "n_crashes")

    def n_ooms(self, number: int) -> int:
        """Returns how many attempts at trial `number` lacked memory."""
        return self._store.count(number, "n_ooms")

    def note_epoch(self, number: int, report: EpochReport) -> Decision:
        """Notes an epoch; returns what the pruner decided."""
        value = report.metrics[self.study.metric]
        is_last = report.epoch == self._role.planned_epochs(self.trials[number])
        record, stop = self._store.add_epoch(
            number, report, value, compared=self._compared(number), now=self._around.now_ms, is_last=is_last
        )
        self._changed(record)
        if stop:
            return Decision.STOP
        return Decision.PAUSE if record.is_due else Decision.CONTINUE

    def note_end(self, number: int, result: TrialResult) -> None:
        """Notes how a trial ended and tells it, at once or when its turn comes."""
        trial = self.trials[number]
        value = trial.epochs[-1].metrics[self.study.metric] if trial.epochs else None
        if result.reason is None and value is None:
            result = TrialResult(n_epochs=0, reason=Reason.ERROR, error="the trainer ended without an epoch")
        state = FAIL if result.reason else PRUNED if result.stopped else COMPLETE
        end = {
            "state": state,
            "value": value if state != FAIL else None,
            "ended_ms": trial.epochs[-1].ended_ms if trial.is_paused else self._around.now_ms(),
            "reason": result.reason.value if result.reason else None,
            "error": mask(result.error) if result.error else None,
            "facts": {**result.facts, **self._role.facts_of(number)},
        }
        self._store.note_end(number, end)
        self._held.add(number)
        self._tell_held()

    def show(self, study: StudyRecord) -> None:
        """Shows what is newly known of the study itself."""
        self.study = study
        self._around.tracker.study(study)

    def _compared(self, number: int) -> Callable[[FrozenTrial], bool]:
        """Returns which trials the pruner compares trial `number` with."""
        epochs = self._role.planned_epochs(self.trials[number])
        horizon = self._role.horizon(number)

        def is_compared(other: FrozenTrial) -> bool:
            if horizon is not None and other.number > horizon:
                return False
            same_epochs = self._role.config.pruner.same_epochs
            return not same_epochs or epochs == other.params.get("train.epochs", epochs)

        return is_compared

    def _tell_held(self) -> None:
        """Tells what has ended: at once, or in the order of turns when that was asked for."""
        for number in sorted(self._held, key=lambda number: self.trials[number].turn):
            if self._role.config.study.ordered and self.under_way[:1] not in ([], [number]):
                return
            self._held.discard(number)
            before = self._best
            record = self._store.tell(number)
            self._changed(record)
            self._around.cache.settle(self._role.request(self.study, record), self.study.name, record)
            self._tidy_after(number, before)

    def _tidy_after(self, number: int, before: TrialRecord | None) -> None:
        """Keeps on disk the weights of the incumbent alone, or of all, or none; `before` was it until now."""
        self._tidy_ended({number} | ({before.number} if before else set()))

    def _tidy_leftovers(self) -> None:
        """Throws away what a driver that was killed after telling a trial did not come to throw away."""
        folders = {trial_folder(Path(self.study.folder), number).name: number for number in self.trials}
        there = [path.name for path in trial_folder(Path(self.study.folder), 0).parent.glob("*")]
        # what another driver has left at a URL has no folder here
        self._tidy_ended(self.trials if self._remote else {folders[name] for name in there if name in folders})

    @property
    def _remote(self) -> str:
        return remote_study(self._role.config.storage, self.study)

    def _tidy_ended(self, numbers: Collection[int]) -> None:
        best, kept = self._best, self._role.keeps_weights
        keep_checkpoints = self._role.config.trial.keep_checkpoints
        keeps_weights: dict[int, bool] = {}
        for number in numbers:
            if self.trials[number].is_finished:
                is_best = best is not None and best.number == number
                keeps_weights[number] = kept == "all" or (kept == "best" and is_best)
        if self._remote and keeps_weights:
            stop = self._around.stop
            try:
                tidy_remote(
                    self._remote, keeps_weights, keep_checkpoints=keep_checkpoints, must_stop=lambda: stop.is_set
                )
            except RemoteAway as away:  # whoever goes on does it
                stop.obstacle = stop.obstacle or str(away)
        for number, is_kept in keeps_weights.items():
            folder = trial_folder(Path(self.study.folder), number)
            tidy_trial(folder, keep_weights=is_kept, keep_checkpoints=keep_checkpoints)

    def _changed(self, record: TrialRecord) -> None:
        if not self._is_shown:  # a study with nothing left to do stays as it is shown
            self._around.tracker.study(self.study)
            self._is_shown = True
        self._note(record)
        self._around.tracker.trial(self.study, record)
        self._around.display.trial_changed(record)

    def _note(self, record: TrialRecord) -> None:
        """Keeps the newest record of a trial, and what follows from it without looking at the others."""
        self.trials[record.number] = record
        if record.is_finished:
            self._running.discard(record.number)
            self._best = self.study.best([record] if self._best is None else [self._best, record])
        else:
            self._running.add(record.number)
