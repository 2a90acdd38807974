"""SPSA: a zeroth-order gradient at the level of the search, two trials a step whatever the number of params.

No derivative of a training is taken; which settings it has is in `options`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.config.search import ParamValue
from hpo.contracts.seeds import derive_seed
from hpo.search.notes import all_trials, note
from hpo.search.samplers import SeededRandom
from hpo.space.space import Param, Space

PAIR = "hpo:pair"  # system attribute of a trial of a pair: the number of its first trial, and both proposals
DECAY_STEP, DECAY_WIDTH = 0.3, 0.101  # a_k = a/k^.3, c_k = c/k^.101 (Spall 1998, for the latter)
MEMORY, MEMORY_SQUARES = 0.9, 0.999  # Adam's
CHOICE_RATE = 0.5  # of the logits of choices
EPSILON = 1e-12

Units = NDArray[np.float64]


class SPSASampler(SeededRandom):
    """Simultaneous perturbation (Spall 1992): trials at x + cΔ and x - cΔ, Δ random signs, then a step downhill.

    The first trials are those of random search; the best of them is where it starts. After `patience` pairs without
    gain it starts again from the next best. Choices without an order are drawn from a softmax whose logits follow
    the score function. A pair with a trial that is pruned, failed or still running says nothing. Both trials of a
    pair train with one seed: see `SPSAConfig.seed_number`.

    Args:
        space: What is searched.
        seed: The study's.
        n_startup_trials: Trials of random search before the first pair.
        step: a: how far a step goes, as a share of the range of a param.
        width: c: how far both trials of a pair are from x, as a share of the range.
        patience: Pairs without gain before it starts again elsewhere.
    """

    def __init__(
        self, space: Space, seed: int, *, n_startup_trials: int, step: float, width: float, patience: int
    ) -> None:
        super().__init__(seed)
        self._space = space
        self._numbers = [param for param in space.params if _is_number(param)]
        self._choices = [param for param in space.params if _is_choice(param)]
        self._n_startup = n_startup_trials
        self._step = step
        self._width = width
        self._patience = patience

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        if trial.number < self._n_startup:
            return {}
        return {param.path: param.distribution for param in (*self._numbers, *self._choices)}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        if trial.number < self._n_startup:
            return {}
        others = all_trials(study)
        first = trial.number - (trial.number - self._n_startup) % 2
        noted = next((other.system_attrs.get(PAIR) for other in others if other.number in (first, trial.number)), None)
        if noted is None or noted["first"] != first:
            sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
            noted = {"first": first, "params": self._pair(first, self._replay(others, sign))}
        note(study, trial, PAIR, noted)
        params: dict[str, ParamValue] = noted["params"][trial.number - first]
        return params

    def _pair(self, first: int, state: State) -> list[dict[str, ParamValue]]:
        """Returns the params of both trials of the pair that begins with trial `first`."""
        generator = np.random.RandomState(derive_seed(self._seed, first, "spsa"))
        signs = generator.choice([-1.0, 1.0], size=len(self._numbers))
        widths = np.maximum(self._width / state.n_pairs_begun**DECAY_WIDTH, [_half_step(p) for p in self._numbers])
        pair: list[dict[str, ParamValue]] = []
        for sign in (1.0, -1.0):
            places = np.clip(state.x + sign * widths * signs, 0.0, 1.0)
            params = {param.path: param.from_unit(float(u)) for param, u in zip(self._numbers, places, strict=True)}
            for param in self._choices:
                odds = _softmax(state.logits[param.path])
                params[param.path] = _values(param)[int(generator.choice(len(odds), p=odds))]
            pair.append(params)
        return pair

    def _replay(self, trials: Sequence[FrozenTrial], sign: int) -> State:
        """Returns where all finished pairs have led."""
        complete = {trial.number: trial for trial in trials if trial.state == TrialState.COMPLETE}
        starts = sorted(
            (trial for trial in complete.values() if PAIR not in trial.system_attrs),
            key=lambda trial: (sign * trial.values[0], trial.number),
        )
        state = self._start(starts[0].params if starts else {})
        best, n_without_gain, n_starts = (sign * starts[0].values[0] if starts else np.inf), 0, 1
        firsts = sorted({trial.system_attrs[PAIR]["first"] for trial in trials if PAIR in trial.system_attrs})
        for first in firsts:
            state.n_pairs_begun += 1
            if first not in complete or first + 1 not in complete:
                continue
            pair = complete[first], complete[first + 1]
            if not all(trial.system_attrs.get(PAIR, {}).get("first") == first for trial in pair):
                continue
            values = [sign * trial.values[0] for trial in pair]
            self._take_step(state, [trial.params for trial in pair], values)
            n_without_gain = 0 if min(values) < best else n_without_gain + 1
            best = min(best, *values)
            if n_without_gain >= self._patience and n_starts < len(starts):
                begun, state = state.n_pairs_begun, self._start(starts[n_starts].params)
                state.n_pairs_begun, n_starts, n_without_gain = begun, n_starts + 1, 0
        state.n_pairs_begun += 1  # the one that is being proposed
        return state

    def _start(self, params: Mapping[str, ParamValue]) -> State:
        x = np.array([p.to_unit(params[p.path]) if p.path in params else 0.5 for p in self._numbers], dtype=float)
        logits = {param.path: np.zeros(len(_values(param))) for param in self._choices}
        for param in self._choices:
            if param.path in params:
                logits[param.path][_values(param).index(params[param.path])] = 1.0
        return State(x, np.zeros_like(x), np.zeros_like(x), logits)

    def _take_step(self, state: State, pair: Sequence[Mapping[str, ParamValue]], values: Sequence[float]) -> None:
        """Moves x against the difference quotient of a pair, as Adam does, and the logits towards the better choice."""
        difference = values[0] - values[1]
        gaps = np.array([_gap(param, pair) for param in self._numbers])
        gradient = np.divide(difference, gaps, out=np.zeros_like(state.x), where=gaps != 0)
        state.n_steps += 1
        state.mean = MEMORY * state.mean + (1 - MEMORY) * gradient
        state.square = MEMORY_SQUARES * state.square + (1 - MEMORY_SQUARES) * gradient**2
        mean = state.mean / (1 - MEMORY**state.n_steps)
        root = np.sqrt(state.square / (1 - MEMORY_SQUARES**state.n_steps))
        state.x = np.clip(state.x - self._step / state.n_steps**DECAY_STEP * mean / (root + EPSILON), 0.0, 1.0)
        for param in self._choices:
            if all(param.path in params for params in pair):
                odds = _softmax(state.logits[param.path])
                for params, way in zip(pair, (-1, 1), strict=True):  # the score of each, by whether it was the better
                    score = np.eye(len(odds))[_values(param).index(params[param.path])] - odds
                    state.logits[param.path] = (
                        state.logits[param.path] + CHOICE_RATE * way * np.sign(difference) * score
                    )


@dataclass
class State:
    """Where the search is.

    Attributes:
        x: Place of each number in the unit cube.
        mean, square: Moving averages of the gradient and of its square.
        logits: Of each choice, by path.
        n_steps: Steps since the start.
        n_pairs_begun: Pairs that were proposed, finished or not.
    """

    x: Units
    mean: Units
    square: Units
    logits: dict[str, Units] = field(default_factory=dict)
    n_steps: int = 0
    n_pairs_begun: int = 0


def _gap(param: Param, pair: Sequence[Mapping[str, ParamValue]]) -> float:
    """Returns how far both trials of a pair are apart along a param; 0 where it is not active in both."""
    if not all(param.path in params for params in pair):
        return 0.0
    return param.to_unit(pair[0][param.path]) - param.to_unit(pair[1][param.path])


def _half_step(param: Param) -> float:
    """Returns the least width, in the unit interval, at which both trials of a pair surely differ."""
    match param.distribution:
        case IntDistribution(log=True, low=low):
            return param.to_unit(min(low + 1, param.distribution.high)) / 2
        case IntDistribution(low=low, high=high, step=step) | FloatDistribution(low=low, high=high, step=step):
            return 0.5 * (step or 0.0) / (high - low)
        case CategoricalDistribution(choices=choices):
            return 0.5 / (len(choices) - 1)
    return 0.0


def _softmax(logits: Units) -> Units:
    weights = np.exp(logits - logits.max())
    odds: Units = weights / weights.sum()
    return odds


def _values(param: Param) -> tuple[ParamValue, ...]:
    assert isinstance(param.distribution, CategoricalDistribution)
    return tuple(param.distribution.choices)


def _is_number(param: Param) -> bool:
    """Returns whether a param has an order: a number, or a choice among numbers that rise."""
    if param.distribution.single():
        return False
    if not _is_categorical(param):
        return True
    values = _values(param)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(values) and numbers == sorted(numbers)


def _is_choice(param: Param) -> bool:
    return _is_categorical(param) and not _is_number(param) and not param.distribution.single()


def _is_categorical(param: Param) -> bool:
    return isinstance(param.distribution, CategoricalDistribution)
