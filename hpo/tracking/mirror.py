"""The MLflow mirror of the record: one background thread that writes the newest state of each trial.

MLflow may be slow, away or full of errors: the study never waits for it, and nothing is lost that a
later `sync` could not bring. What a run shows is in `trial` and `study`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.contracts.records import EncoderRecord, StudyRecord, TrialRecord
from hpo.machine.secrets import mask
from hpo.tracking.client import check_uri, prepare_import
from hpo.tracking.errors import explain
from hpo.tracking.queue import NewestQueue
from hpo.tracking.trial import trial_uid
from hpo.tracking.writer import Ending, Writer

if TYPE_CHECKING:
    from hpo.space.space import Distributions

MAX_WAITING = 1000
REFRESH_S = 5.0
QUIET_S = 5.0  # a wait at the end that needs no word
AWAY_S = 5.0  # what is waited at the end for an MLflow that does not answer
MAX_BACKOFF_S = 60.0
_log = logging.getLogger("hpo.tracking.mirror")


@dataclass(frozen=True)
class _Item:
    """What waits to be written: a trial, or the study itself with or without its ending."""

    study: StudyRecord
    trial: TrialRecord | None = None
    ending: Ending | None = None


@dataclass(frozen=True)
class _EncoderItem:
    """An encoder that waits to be written."""

    encoder: EncoderRecord


class Mirror:
    """A `Tracker` that shows the record in MLflow.

    Only the newest record of a trial waits, so a slow MLflow costs neither time nor memory. An
    open trial is refreshed every `REFRESH_S` at most; one that ends sooner is written in one go.

    Args:
        uri: MLflow's tracking URI, as `tracking.uri` gives it.
        spaces: The space of each study, for the plots.

    Raises:
        ValueError: if MLflow cannot keep runs at `uri`, or would break a record there.
    """

    def __init__(self, uri: str, spaces: Mapping[str, Distributions]) -> None:
        self._uri = check_uri(uri)
        self._writer = Writer(self._uri, spaces)
        self._queue: NewestQueue[_Item | _EncoderItem] = NewestQueue(MAX_WAITING)
        self._ended: dict[str, _Item] = {}  # by study
        self._has_warned = False
        self._away_since_s: float | None = None  # since when nothing has arrived
        self._thread: threading.Thread | None = None

    def study(self, study: StudyRecord) -> None:
        self._ended.pop(study.uid, None)
        self._put(study.uid, _Item(study))

    def trial(self, study: StudyRecord, trial: TrialRecord) -> None:
        delay_s = 0.0 if trial.is_finished else REFRESH_S
        self._put(trial_uid(study, trial.number), _Item(study, trial=trial), delay_s=delay_s)

    def encoder(self, encoder: EncoderRecord) -> None:
        self._put(encoder.uid, _EncoderItem(encoder), delay_s=0.0 if encoder.ended_ms else REFRESH_S)

    def expect_model(self) -> None:
        prepare_import()
        self._writer.expect_model()

    def finish(
        self, study: StudyRecord, trials: Sequence[TrialRecord], folder: Path, *, is_finished: bool = True
    ) -> None:
        self._ended[study.uid] = _Item(study, ending=Ending(tuple(trials), folder, is_finished))
        self._put(study.uid, self._ended[study.uid])

    def close(self, timeout_s: float) -> int:
        deadline_s = time.monotonic() + timeout_s
        self._queue.close()
        if self._thread is not None:
            self._thread.join(min(timeout_s, QUIET_S))
            if self._thread.is_alive() and time.monotonic() < deadline_s:
                self._wait(self._thread, deadline_s)
        self._has_warned = True  # what happens from now on is told by the number
        left = self._left() | self._writer.refused
        if self._thread is None or not self._thread.is_alive():
            self._writer.close()
        return len(left)

    def _wait(self, thread: threading.Thread, deadline_s: float) -> None:
        """Waits for what is to be written: until the deadline, or a little while if MLflow is away."""
        began_s = time.monotonic()

        def until_s() -> float:
            away_s = self._away_since_s
            return deadline_s if away_s is None else min(deadline_s, max(began_s, away_s) + AWAY_S)

        wait_s = until_s() - began_s
        _log.info(
            "MLflow takes its time: all is in the record; hpo waits up to %.0f s for it to be shown, too.", wait_s
        )
        while thread.is_alive() and time.monotonic() < until_s():
            thread.join(0.2)

    def _left(self) -> set[str]:
        """Returns the uids of the runs that are not known to be complete.

        Of a study whose ending was not written that may be trials of earlier drivers, too.
        """
        left = self._queue.abandon()
        for uid, item in list(self._ended.items()):
            if item.ending is not None and uid in left:
                left |= self._writer.lacks(item.study, item.ending.trials)
        return left

    def sync(
        self,
        study: StudyRecord,
        trials: Sequence[TrialRecord],
        folder: Path,
        *,
        is_finished: bool,
        encoders: Sequence[EncoderRecord] = (),
    ) -> int:
        """Makes MLflow equal to the record of a study no driver works on; in the foreground.

        Runs left RUNNING by a dead driver are closed; `encoders` are those that its trials started from. Doing it
        twice changes nothing.

        Returns:
            How many runs were created or changed.

        Raises:
            ConnectionError: if MLflow cannot be reached or does not answer properly.
        """
        prepare_import()
        try:
            n_encoders = sum(self._writer.write_encoder(encoder) for encoder in encoders)
            ending = Ending(tuple(trials), folder, is_finished)
            return n_encoders + self._writer.write_ended(study, ending, is_fresh=True)
        except Exception as error:
            advice = "call again when it is well, or give another tracking.uri"
            raise ConnectionError(f"MLflow at {self._explain(error)}; {advice}.") from None

    @property
    def refused(self) -> frozenset[str]:
        """Uids of the runs MLflow would not take."""
        return frozenset(self._writer.refused)

    def _put(self, uid: str, item: _Item | _EncoderItem, *, delay_s: float = 0.0) -> None:
        self._queue.put(uid, item, delay_s=delay_s)
        if self._thread is None:
            prepare_import()
            self._thread = threading.Thread(target=self._run, name="mlflow-mirror", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        backoff_s = 0.0
        while (taken := self._queue.take(backoff_s)) is not None:
            uid, item = taken
            try:
                self._write(item)
            except Exception as error:
                self._queue.give_back(uid, item)
                self._warn_once(error)
                self._away_since_s = self._away_since_s or time.monotonic()
                backoff_s = min(MAX_BACKOFF_S, max(1.0, 2 * backoff_s))
            else:
                self._queue.settle(_covered(item))
                backoff_s = 0.0
                self._away_since_s = None

    def _write(self, item: _Item | _EncoderItem) -> None:
        if isinstance(item, _EncoderItem):
            self._writer.write_encoder(item.encoder)
        elif item.ending is not None:
            self._writer.write_ended(item.study, item.ending)
        elif item.trial is None:
            self._writer.write_study(item.study)
        elif item.trial.is_finished or item.study.uid not in self._ended:
            self._writer.write_trial(item.study, item.trial)

    def _warn_once(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning("MLflow at %s; the study goes on, its trials will be shown later.", self._explain(error))

    def _explain(self, error: Exception) -> str:
        return mask(f"{self._uri} {explain(error, self._uri)}")


def _covered(item: _Item | _EncoderItem) -> set[str]:
    """Returns the uids of the runs that were written with an item."""
    trials = item.ending.trials if isinstance(item, _Item) and item.ending else ()
    return {trial_uid(item.study, trial.number) for trial in trials} if isinstance(item, _Item) else set()
