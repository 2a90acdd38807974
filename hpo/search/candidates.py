"""Samplers over a finite list of candidates: each is proposed once, whatever sampler is behind.

Where candidates come from is `trainers.replay.space`'s business.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from hpo.config.search import ParamValue, SamplerConfig
from hpo.contracts.seeds import derive_seed
from hpo.search.finite import Ledger
from hpo.space.cube import Axis, Cube
from hpo.space.space import Param, Space

CANDIDATE = "hpo:candidate"  # system attribute: index of the candidate a trial was given
LEARNT_FROM = (TrialState.COMPLETE, TrialState.PRUNED)


class CandidateSampler(Ledger):
    """Proposes every candidate of a space once.

    Without a sampler behind it, in an order shuffled by the seed. With one, that sampler proposes
    freely and the nearest candidate not yet seen is taken: it is what the trial has and what is learnt
    from. The first `n_startup` proposals are then those of random search with the same seed. A proposal
    depends on (seed, trial number, history) alone and is noted with its trial before anything else.
    """

    key = CANDIDATE

    def __init__(
        self, space: Space, order: Sequence[int], *, behind: BaseSampler | None = None, n_startup: int = 0
    ) -> None:
        self._space = space
        self._order = tuple(order)
        self._behind = behind
        self._n_startup = n_startup
        self._cube = Cube([_axis(param) for param in space.params], space.candidates)

    def n_left(self, trials: Sequence[FrozenTrial]) -> int:
        """Returns how many candidates no trial has been given."""
        return len(self._order) - len(set(self.proposals(trials)))

    def params_of(self, proposal: int) -> Mapping[str, ParamValue]:
        return self._space.candidates[proposal]

    def proposal_of(self, params: Mapping[str, ParamValue]) -> int | None:
        return self._cube.find(params)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if self._behind is not None:
            self._behind.after_trial(study, trial, state, values)

    def choose(self, study: optuna.Study, trial: FrozenTrial, others: Sequence[FrozenTrial]) -> int:
        seen = np.zeros(len(self._order), dtype=bool)
        seen[self.proposals(others)] = True
        if seen.all():
            raise RuntimeError("every candidate has its trial; ask `n_left` first")
        n_learnt_from = sum(other.state in LEARNT_FROM for other in study.get_trials(deepcopy=False))
        if self._behind is None or n_learnt_from < self._n_startup:
            return next(index for index in self._order if not seen[index])
        return self._cube.nearest(self._propose(self._behind, study, trial), closed=seen)[0]

    def _propose(self, behind: BaseSampler, study: optuna.Study, trial: FrozenTrial) -> dict[str, ParamValue]:
        """Returns what the sampler behind would try if anything could be tried."""
        behind.before_trial(study, trial)
        together = behind.infer_relative_search_space(study, trial)
        proposed: dict[str, ParamValue] = dict(behind.sample_relative(study, trial, together))
        for param in self._space.params:
            if param.path in proposed:
                continue
            if param.distribution.single():
                proposed[param.path] = self._space.candidates[0][param.path]
            else:
                proposed[param.path] = behind.sample_independent(study, trial, param.path, param.distribution)
        return proposed


def over_candidates(config: SamplerConfig, space: Space, seed: int) -> CandidateSampler:
    """Returns the sampler that `config` describes over the candidates of `space`.

    Args:
        config: The section `sampler`; random and grid search have no need of what proposes freely.
        space: A space with candidates.
        seed: The study's.
    """
    order = _shuffled(space, seed, "grid" if config.is_grid else "random")
    behind = None if config.is_random else config.build(space, seed)
    return CandidateSampler(space, order, behind=behind, n_startup=config.n_startup_trials)


def mapping_note(space: Space, config: SamplerConfig) -> str:
    """Returns a sentence on how a sampler's proposals become candidates; "" for a space without any."""
    if not space.candidates:
        return ""
    name, n, n_startup = config.option, f"{len(space.candidates):,}", config.n_startup_trials
    if config.is_random:
        return f"{name} visits the {n} recorded configurations in an order shuffled by the seed, each once"
    start = f"; its first {n_startup} trials are those of random with the same seed" if n_startup else ""
    return f"{name} proposes freely and is mapped to the nearest of {n} recorded configurations not yet seen{start}"


def _shuffled(space: Space, seed: int, name: str) -> list[int]:
    order = list(range(len(space.candidates)))
    random.Random(derive_seed(seed, "candidates", name)).shuffle(order)
    return order


def _axis(param: Param) -> Axis:
    match param.distribution:
        case CategoricalDistribution(choices=choices):
            return Axis(param.path, choices=tuple(choices))
        case FloatDistribution(low=low, high=high, log=log) | IntDistribution(low=low, high=high, log=log):
            return Axis(param.path, low, high, log)
    raise TypeError(f"{param.path} has no unit interval: {param.distribution!r}.")
