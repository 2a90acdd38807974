"""No configuration twice: what any sampler proposes over a space of finitely many of them.

Grids and recorded configurations have ledgers of their own: see `finite`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from hpo.config.search import ParamValue
from hpo.contracts.records import ENQUEUED, ORIGIN, REPEATED
from hpo.contracts.seeds import derive_seed
from hpo.search.finite import Ledger
from hpo.search.notes import all_trials, note, noted
from hpo.search.told import Told
from hpo.space.space import Param, Space

MAX_LISTED = 10_000  # configurations; of more of them, one that is new is drawn

Key = tuple[tuple[str, int], ...]
"""A configuration: which of its values each param has."""


class Once(BaseSampler):
    """A sampler whose repetitions are replaced, so that every configuration is proposed at most once.

    In place of one that an earlier trial has, the nearest that none has is taken, each param's range counting as 1;
    where there are more than can be listed, one is drawn. What a user has enqueued stays. A proposal depends on the
    seed, the trial's number and the trials before it alone.

    Args:
        behind: The sampler.
        space: What is searched: a finite number of configurations.
        seed: The study's.
    """

    def __init__(self, behind: BaseSampler, space: Space, seed: int) -> None:
        self.behind = behind
        self._seed = seed
        params = tuple(replace(param, levels=_values(param.distribution) or ()) for param in space.params)
        self._space = Space(params, space.fixed)
        listed = list(islice(self._space.every_cell(), MAX_LISTED + 1))
        random.Random(derive_seed(seed, "once")).shuffle(listed)  # of equally near ones the first is taken
        self._cells = {self._key(cell): cell for cell in listed} if len(listed) <= MAX_LISTED else None

    def n_left(self, trials: Sequence[FrozenTrial]) -> int | None:
        """Returns how many configurations no trial has; None if there are too many to be listed."""
        return None if self._cells is None else len(self._cells.keys() - self._keys(trials))

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.behind.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space.distributions()

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        proposed = self._propose(study, trial)
        if noted(study, trial).get(ORIGIN) == ENQUEUED:
            return proposed
        others = all_trials(study)
        taken = self._keys(other for other in others if 0 <= other.number < trial.number)  # not of other studies
        if self._key(proposed) not in taken:
            return proposed
        note(study, trial, ORIGIN, REPEATED)
        return self._nearest(proposed, taken) if self._cells is not None else self._draw(trial.number, taken)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        value: ParamValue = self.behind.sample_independent(study, trial, param_name, param_distribution)
        return value

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self.behind.after_trial(study, trial, state, values)

    def _propose(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, ParamValue]:
        """Returns what the sampler behind would try if it were asked alone."""
        together = self.behind.infer_relative_search_space(study, trial)
        drawn = self.behind.sample_relative(study, trial, together)
        params: dict[str, ParamValue] = {}
        for param in self._space.params:
            if param.is_active(params, self._space.fixed):
                is_single, path = len(param.levels) == 1, param.path
                value = param.levels[0] if is_single else drawn.get(path)
                if path not in drawn and not is_single:
                    value = self.behind.sample_independent(study, trial, path, param.distribution)
                params[path] = value
        return params

    def _nearest(self, proposed: Mapping[str, ParamValue], taken: set[Key]) -> dict[str, ParamValue]:
        """Returns the nearest configuration that is not taken."""
        assert self._cells is not None
        still_open = [cell for key, cell in self._cells.items() if key not in taken]
        if not still_open:
            raise RuntimeError("every configuration has its trial; ask `n_left` first")
        nearest: Mapping[str, ParamValue] = min(still_open, key=lambda cell: self._distance(proposed, cell))
        return dict(nearest)

    def _draw(self, number: int, taken: set[Key]) -> dict[str, ParamValue]:
        for attempt in count():
            drawn, params = random.Random(derive_seed(self._seed, number, "once", attempt)), dict[str, ParamValue]()
            for param in self._space.params:
                if param.is_active(params, self._space.fixed):
                    params[param.path] = drawn.choice(param.levels)
            if self._key(params) not in taken:
                return params
        raise AssertionError("There are more configurations than trials.")

    def _distance(self, one: Mapping[str, ParamValue], other: Mapping[str, ParamValue]) -> float:
        return sum(_distance(param, one, other) for param in self._space.params)

    def _keys(self, trials: Iterable[FrozenTrial]) -> set[Key]:
        return {self._key(trial.params) for trial in trials}

    def _key(self, params: Mapping[str, ParamValue]) -> Key:
        return tuple((p.path, _index(p, params[p.path])) for p in self._space.params if p.path in params)


def once(sampler: BaseSampler, space: Space, seed: int) -> BaseSampler:
    """Returns `sampler`, kept from repeating a configuration where the space is finite and it does not by itself.

    Without any param there is nothing to search, and every trial is the same but for its seed.
    """
    is_finite = bool(space.params) and all(_values(param.distribution) is not None for param in space.params)
    is_ledger = isinstance(sampler.behind if isinstance(sampler, Told) else sampler, Ledger)
    return Once(sampler, space, seed) if is_finite and not is_ledger else sampler


def n_left(sampler: BaseSampler, trials: Sequence[FrozenTrial]) -> int | None:
    """Returns how many proposals are still to be made; None where there is no end of them."""
    behind = sampler.behind if isinstance(sampler, Told) else sampler
    return behind.n_left(trials) if isinstance(behind, Ledger | Once) else None


def _values(distribution: BaseDistribution) -> Sequence[ParamValue] | None:
    """Returns all values of a param, a range of whole numbers as such; None for real numbers without a step."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return tuple(choices)
        case IntDistribution(low=low, high=high, step=step):
            return range(low, high + 1, step)
        case FloatDistribution(low=low, high=high, step=step):
            if low == high:
                return (low,)
            return None if step is None else tuple(low + i * step for i in range(round((high - low) / step) + 1))
    return None


def _index(param: Param, value: ParamValue) -> int:
    """Returns which of a param's values this is, or is nearest to this."""
    match param.distribution:
        case CategoricalDistribution() as categorical:
            return int(categorical.to_internal_repr(value))
        case FloatDistribution(low=low, step=step) | IntDistribution(low=low, step=step):
            assert isinstance(value, int | float)
            return round((value - low) / step) if step else 0
    raise TypeError(f"{param.path} has no values: {param.distribution!r}.")


def _distance(param: Param, one: Mapping[str, ParamValue], other: Mapping[str, ParamValue]) -> float:
    """Returns 0 to 1: how far two configurations are from each other along one param."""
    if param.path not in one or param.path not in other:
        return float(param.path in one or param.path in other)
    if param.choices is not None:
        return float(one[param.path] != other[param.path])
    return abs(param.to_unit(one[param.path]) - param.to_unit(other[param.path]))
