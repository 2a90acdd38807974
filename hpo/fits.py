"""The fits a trial consists of: how many epochs each, what is frozen, which learning rates.

Numbers only; `awd_lstm` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo.config import Schedule, TrainConfig


@dataclass(frozen=True)
class Fit:
    """One call of fastai's fit_one_cycle.

    Attributes:
        n_epochs: Length of the cycle.
        is_frozen: Whether only the classifier's head (and batch norm) learns.
        lr: Peak learning rate; a slice gives (first, last) parameter group.
        pct_start: Share of the cycle in which the rate rises.
        div: Peak over initial rate.
    """

    n_epochs: int
    is_frozen: bool
    lr: float | slice
    pct_start: float = 0.25
    div: float = 25.0


def plan_fits(train: TrainConfig) -> list[Fit]:
    """Returns the fits of a trial; their epochs add up to `train.epochs`.

    `fine_tune` is fastai's (fastai/callback/schedule.py:164), except that its frozen epochs count.
    """
    match train.schedule:
        case Schedule.one_cycle:
            return [Fit(train.epochs, is_frozen=False, lr=train.lr)]
        case Schedule.fine_tune:
            n_frozen = min(train.freeze_epochs, train.epochs)
            half = train.lr / 2
            fits = [
                Fit(n_frozen, is_frozen=True, lr=slice(train.lr), pct_start=0.99),
                Fit(train.epochs - n_frozen, is_frozen=False, lr=slice(half / 100, half), pct_start=0.3, div=5.0),
            ]
            return [fit for fit in fits if fit.n_epochs]
