"""The fits a trial consists of: how many epochs each, what is frozen, which learning rates.

Numbers only; `trainer` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo.config.schema import TrainConfig
from hpo.config.training import Schedule, Unfreeze

LR_DECAY = 2.6  # Howard & Ruder, 2018, section 3.2
_HEAD = -1  # fastai's freeze_to: the last group of parameters is the head


@dataclass(frozen=True)
class Fit:
    """One call of fastai's fit_one_cycle, or of its like with a slanted triangle.

    Attributes:
        n_epochs: Length of the cycle.
        freeze_to: First group of layers that learns, as fastai counts: 0 is all of them, -1 the head alone.
        lr: Peak learning rate; a slice gives (first, last) parameter group.
        pct_start: Share of the cycle in which the rate rises.
        div: Peak over initial rate.
        shape: flat keeps the rate; slanted lets it rise and fall in straight lines.
    """

    n_epochs: int
    freeze_to: int
    lr: float | slice
    pct_start: float = 0.25
    div: float = 25.0
    shape: Schedule = Schedule.one_cycle


def plan_fits(train: TrainConfig, *, n_groups: int, knows_wikipedia: bool = False) -> list[Fit]:
    """Returns the fits of a trial; their epochs add up to `train.epochs`.

    Args:
        train: How the trial trains.
        n_groups: Groups of layers: the embedding, each LSTM, the head.
        knows_wikipedia: Whether its body learned from more than the texts: then null means what ULMFiT does.
    """
    unfreeze = train.unfreeze or (Unfreeze.gradual if knows_wikipedia else Unfreeze.all)
    if train.schedule is Schedule.fine_tune:
        unfreeze = Unfreeze.fine_tune
    decay = train.lr_decay or (LR_DECAY if knows_wikipedia else 1.0)
    match unfreeze:
        case Unfreeze.all:
            return [_cycle(train, train.epochs, 0, train.lr, decay, n_groups)]
        case Unfreeze.gradual:
            return _gradual(train, decay, n_groups)
        case Unfreeze.fine_tune:
            return _fine_tune(train)


def check_fits(train: TrainConfig) -> None:
    """Refuses settings that contradict each other.

    Raises:
        ValueError: in one sentence.
    """
    if train.schedule is Schedule.fine_tune and train.unfreeze is Unfreeze.gradual:
        raise ValueError(
            "train.schedule=fine_tune unfreezes all layers after train.freeze_epochs, train.unfreeze=gradual one by "
            "one; give train.schedule=one_cycle or train.unfreeze=fine_tune."
        )


def _fine_tune(train: TrainConfig) -> list[Fit]:
    """Returns fastai's fine_tune (fastai/callback/schedule.py:164), except that its frozen epochs count."""
    n_frozen = min(train.freeze_epochs, train.epochs)
    half = train.lr / 2
    fits = [
        Fit(n_frozen, freeze_to=_HEAD, lr=slice(train.lr), pct_start=0.99),
        Fit(train.epochs - n_frozen, freeze_to=0, lr=slice(half / 100, half), pct_start=0.3, div=5.0),
    ]
    return [fit for fit in fits if fit.n_epochs]


def _gradual(train: TrainConfig, decay: float, n_groups: int) -> list[Fit]:
    """Returns the fits of fastai's text tutorial: the head, two groups, three groups, all, each at half the rate.

    The first three take `train.freeze_epochs` each; where epochs are few, the later of them give way to the last.
    """
    stages = [-n for n in range(1, min(4, n_groups))]
    n_each, left = train.freeze_epochs, train.epochs
    fits: list[Fit] = []
    for stage in stages:
        if n_each and left > n_each:
            fits.append(_cycle(train, n_each, stage, train.lr / 2 ** len(fits), decay, n_groups))
            left -= n_each
    return [*fits, _cycle(train, left, 0, train.lr / 2 ** len(fits), decay, n_groups)]


def _cycle(train: TrainConfig, n_epochs: int, freeze_to: int, lr: float, decay: float, n_groups: int) -> Fit:
    """Returns one cycle whose rates fall by `decay` from each group of layers to the one below."""
    rates = slice(lr / decay ** (n_groups - 1), lr) if decay != 1 else lr
    return Fit(n_epochs, freeze_to, rates, shape=train.schedule)
