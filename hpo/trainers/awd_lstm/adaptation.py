"""Which trainings may have a learning rate that moves, and within which bounds it does.

How it moves is `hypergradient`'s business; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

from hpo.config.schema import Config
from hpo.config.search import ParamValue
from hpo.config.training import ANY_LR, WT103, LrAdapt, Precision, Schedule, Unfreeze
from hpo.space.space import Space, values_of

_THIS, _PRODIGY = "train.lr_adapt=hypergradient", "train.lr_adapt=prodigy"
MAX_DROP_MULT = 2.0  # beyond it a share would not be one


def settle_adaptation(config: Config, space: Space, typed: Sequence[str] = ()) -> Config:
    """Returns settings whose bounds are known; refuses what does not go with a rate that moves.

    Args:
        config, space: The settings, and what is searched under them.
        typed: The overrides as they were given.

    Raises:
        ValueError: in one sentence.
    """
    train = config.train
    if LrAdapt.prodigy.name in values_of(space, "train.lr_adapt", train.lr_adapt.name):
        return _settle_prodigy(config, space, typed)
    if LrAdapt.hypergradient.name not in values_of(space, "train.lr_adapt", train.lr_adapt.name):
        if train.drop_bounds is not None:
            raise ValueError("train.drop_bounds lets dropout move with the learning rate; that needs " + _THIS + ".")
        return config
    if not config.trainer.needs_torch:
        raise ValueError(f"{_THIS} moves the rate of trainer=awd_lstm; trainer={config.trainer.option} has its own.")
    _check_training(_THIS, config, space, "a schedule would take the rate back")
    lr_bounds = train.lr_bounds or space.bounds("train.lr") or list(ANY_LR)
    _check_bounds("train.lr_bounds", lr_bounds, above=0.0)
    _check_inside(space, "train.lr", train.lr, lr_bounds, name="train.lr_bounds")
    if train.drop_bounds is not None:
        _check_bounds("train.drop_bounds", train.drop_bounds, low=0.0, below=MAX_DROP_MULT)
        _check_inside(space, "model.drop_mult", config.model.drop_mult, train.drop_bounds, name="train.drop_bounds")
    return replace(config, train=replace(train, lr_bounds=[float(bound) for bound in lr_bounds]))


def _settle_prodigy(config: Config, space: Space, typed: Sequence[str]) -> Config:
    """Returns settings with the rate of which Prodigy makes its own."""
    if not config.trainer.needs_torch:
        raise ValueError(f"{_PRODIGY} trains with trainer=awd_lstm; trainer={config.trainer.option} has its own way.")
    if find_spec("prodigyopt") is None:
        raise ValueError(f"{_PRODIGY} needs the package prodigyopt: pip install 'hpo-studies[prodigy]'.")
    searched = {param.path for param in space.params} & {"train.lr", "train.lr_adapt", "train.lr_decay"}
    lr = next((word for word in typed if word.startswith("train.lr=")), "")
    if searched:
        path = min(searched)
        fixed = {"train.lr": "train.lr=1", "train.lr_adapt": _PRODIGY, "train.lr_decay": "train.lr_decay=1"}[path]
        raise ValueError(f"{_PRODIGY} finds the rate by itself, so {path} cannot be searched; give {fixed}.")
    if lr and config.train.lr != 1:
        raise ValueError(f"{_PRODIGY} finds the rate by itself, from train.lr=1; give that instead of {lr}.")
    if config.train.drop_bounds is not None or config.train.lr_bounds is not None:
        raise ValueError(f"{_PRODIGY} has no bounds; train.lr_bounds and train.drop_bounds need {_THIS}.")
    if config.train.lr_decay not in (None, 1):
        raise ValueError(f"{_PRODIGY} finds one rate for all layers; leave out train.lr_decay.")
    _check_training(_PRODIGY, config, space, "while the rate is low, too low a one is found")
    return replace(config, train=replace(config.train, lr=1.0))


def _check_training(this: str, config: Config, space: Space, reason: str) -> None:
    train, model = config.train, config.model
    unfreeze = train.unfreeze.name if train.unfreeze else None
    wants: list[tuple[str, ParamValue, set[ParamValue], str]] = [
        ("train.schedule", train.schedule.name, {Schedule.flat.name}, reason),
        ("train.unfreeze", unfreeze, {Unfreeze.all.name, None}, "all layers learn at one rate"),
        ("train.precision", train.precision.name, {Precision.fp32.name}, "scaled losses have scaled gradients"),
        ("model.bidir", model.bidir, {False}, "two classifiers have two losses"),
    ]
    for path, value, allowed, why in wants:
        for found in values_of(space, path, value):
            if found not in allowed:
                shown = str(found).lower() if isinstance(found, bool) else found
                wanted = str(next(iter(sorted(map(str, allowed - {None}))))).lower()
                raise ValueError(f"{this} does not go with {path}={shown}, as {why}; give {path}={wanted}.")
    if unfreeze is None and WT103 in values_of(space, "model.encoder", model.encoder):
        raise ValueError(
            f"{this} does not go with gradual unfreezing, the default from wt103; give train.unfreeze=all."
        )


def _check_bounds(
    path: str, bounds: Sequence[float], *, above: float = -1.0, low: float = -1.0, below: float = 1e9
) -> None:
    if len(bounds) != 2 or not bounds[0] < bounds[1] or bounds[0] <= above or bounds[0] < low or bounds[1] >= below:
        allowed = "both above 0" if above == 0 else f"from {low:g} to below {below:g}"
        raise ValueError(f"{path}={list(bounds)} must be two numbers, the lower first, {allowed}.")


def _check_inside(space: Space, path: str, value: float, bounds: Sequence[float], *, name: str) -> None:
    for found in values_of(space, path, value):
        if not bounds[0] <= float(str(found)) <= bounds[1]:
            raise ValueError(f"{path}={found} is not within {name}={list(bounds)}, where it may move; widen those.")
