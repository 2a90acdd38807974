"""Asynchronous successive halving that pauses trials instead of ending them, and promotes the best of them.

As published (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", algorithm 2). Pausing, and going
on from a checkpoint, is the driver's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.config.limits import count, setting
from hpo.config.registry import option
from hpo.config.search import PrunerConfig
from hpo.contracts.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


@option("pruner", "promote")
@dataclass
class PromoteConfig(PrunerConfig):
    min_epochs: int = count()
    reduction_factor: int = setting(low=2)

    pauses = True

    @property
    def first_epoch(self) -> tuple[int, str]:
        return self.min_epochs, "min_epochs"

    def check(self, *, max_epochs: int, are_equal: bool) -> None:
        if not (are_equal or self.same_epochs):
            raise ValueError(
                "pruner=promote compares trials of equal train.epochs alone, which are searched here; "
                f"give train.epochs={max_epochs}, or pruner.same_epochs=true for rungs of their own."
            )

    def rungs(self, epochs: int) -> Iterator[int]:
        """Yields the epochs after which a trial of `epochs` pauses."""
        rung = self.min_epochs
        while rung < epochs:
            yield rung
            rung *= self.reduction_factor

    def next_rung(self, epochs: int, *, after: int = 0) -> int | None:
        """Returns where a trial of `epochs` pauses next; None if it goes on to its end."""
        return next((rung for rung in self.rungs(epochs) if rung > after), None)

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()


def next_promotion(
    trials: Sequence[tuple[TrialRecord, int]], pruner: PromoteConfig, study: StudyRecord, *, horizon: int | None
) -> TrialRecord | None:
    """Returns the trial to promote now; None if a new one is to begin.

    The rungs are scanned from the top. In each, of the n trials that have reached it, the best paused one among the
    best ⌊n / reduction_factor⌋ is promoted. Trials of other epochs have other rungs.

    Args:
        trials: All of the study, each with the epochs it is planned for.
        pruner: Where they pause.
        study: What is better.
        horizon: The last turn whose result counts; None for all that are known.
    """
    planned = {epochs for _, epochs in trials}
    rungs = sorted((-rung, epochs) for epochs in planned for rung in pruner.rungs(epochs))
    for rung, epochs in ((-negative, epochs) for negative, epochs in rungs):
        there = [trial for trial, of in trials if of == epochs and _has_reached(trial, rung, horizon)]
        there.sort(key=lambda trial: (study.sign * trial.epochs[rung - 1].metrics[study.metric], trial.number))
        best = there[: len(there) // pruner.reduction_factor]
        chosen = next((trial for trial in best if trial.is_paused and trial.legs[-1].until == rung), None)
        if chosen is not None:
            return chosen
    return None


def _has_reached(trial: TrialRecord, rung: int, horizon: int | None) -> bool:
    """Returns whether the leg of `trial` that ends at `rung` is over, and counts."""
    for index, leg in enumerate(trial.legs):
        if leg.until == rung and (horizon is None or leg.turn <= horizon):
            is_last = index == len(trial.legs) - 1
            return not is_last or trial.is_paused or (trial.is_finished and trial.is_due)
    return False
