"""When a search ends before its budget: a value that is good enough, or no gain for a while.

The budget itself is `budget`'s business.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from hpo.config.schema import Config
from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord
from hpo.study.role import Role

RATES = ("accuracy", "macro_f1")  # lie between 0 and 1
SECOND_DIFFERENCE = 6**0.5 * 0.6745  # the median of |x1 - 2 x2 + x3| of a normal variable, over its standard deviation


def check_stop(config: Config) -> None:
    """Refuses rules that can never fire, or always do.

    Raises:
        ValueError: in a sentence.
    """
    stop, study = config.study.stop, config.study
    if stop.target is not None and study.metric in RATES and not 0 < stop.target <= 1:
        when = "is always reached" if stop.target <= 0 else "can never be reached"
        raise ValueError(f"study.stop.target={stop.target:g} {when}: {study.metric} is from 0 to 1; give one inside.")
    if stop.target is not None and study.metric == "valid_loss" and stop.target < 0:
        raise ValueError(f"study.stop.target={stop.target:g} can never be reached: valid_loss is at least 0.")
    if stop.stagnation is not None and study.n_trials is not None and stop.stagnation >= study.n_trials:
        raise ValueError(
            f"study.stop.stagnation={stop.stagnation} can never be reached: study.n_trials={study.n_trials} end before "
            "so many trials could be without a gain; give fewer, or more trials."
        )
    if stop.noise is not None and stop.stagnation is None:
        raise ValueError("study.stop.noise says what is no gain to study.stop.stagnation, which is not given; give it.")


class Stopping:
    """The rules of one study. What they say depends on the finished trials alone, and once met they stay met."""

    def __init__(self, role: Role) -> None:
        self._stop = role.config.study.stop
        self._role = role

    def is_met(self, study: StudyRecord, trials: Iterable[TrialRecord], turn: int) -> bool:
        """Returns whether no further trial may begin or go on.

        Args:
            study: What is written down of the study.
            trials: All of it, in the order of their numbers.
            turn: The one that is to be taken.
        """
        if self._stop.target is None and self._stop.stagnation is None:
            return False
        ended = self._ended(trials, turn)
        values = [study.sign * trial.value if trial.value is not None else None for trial in ended]
        complete = [v for v, trial in zip(values, ended, strict=True) if v is not None and trial.state == COMPLETE]
        target = self._stop.target
        if target is not None and complete and min(complete) <= study.sign * target:
            return True
        return self._stop.stagnation is not None and self._is_stuck(study, ended, self._stop.stagnation)

    def _ended(self, trials: Iterable[TrialRecord], turn: int) -> list[TrialRecord]:
        """Returns the finished and paused trials that `turn` may know of, in the order in which they count."""
        horizon = self._role.horizon(turn)
        over = [trial for trial in trials if trial.is_finished or trial.is_paused]
        known = [trial for trial in over if horizon is None or trial.turn <= horizon]
        is_ordered = horizon is not None or self._role.config.pruner.pauses
        return sorted(known, key=lambda trial: (0 if is_ordered else trial.ended_ms or 0, trial.turn))

    def _is_stuck(self, study: StudyRecord, ended: Sequence[TrialRecord], n: int) -> bool:
        """Returns whether there were, at any time, `n` trials in a row without a gain."""
        best: float | None = None
        since = 0
        for index, trial in enumerate(ended):
            since += 1
            if trial.state != COMPLETE or trial.value is None:
                pass
            elif best is None or study.sign * trial.value < best - self._noise(study, ended[: index + 1]):
                best, since = study.sign * trial.value, 0
            if best is not None and since >= n:
                return True
        return False

    def _noise(self, study: StudyRecord, ended: Sequence[TrialRecord]) -> float:
        """Returns what is no gain: as given, else the standard deviation around a straight line from epoch to epoch.

        Second differences of the last three epochs cancel what a curve still gains (Gasser, Sroka and
        Jennen-Steinmetz 1986). Trials of fewer epochs say nothing; without any other, it is 0.
        """
        if self._stop.noise is not None:
            return self._stop.noise
        bends = []
        for trial in ended:
            if trial.state == COMPLETE and trial.n_epochs >= 3:
                first, second, third = (epoch.metrics[study.metric] for epoch in trial.epochs[-3:])
                bends.append(abs(first - 2 * second + third))
        return statistics.median(bends) / SECOND_DIFFERENCE if bends else 0.0
