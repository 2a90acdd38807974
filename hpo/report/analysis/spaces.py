"""The search space of each task, put together from what its studies searched or, for lack of that, from their trials.

Places within a space are computed by those who draw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.search import ParamValue
from hpo.report.analysis.records import Trial


def widest_space(spaces: Iterable[Mapping[str, BaseDistribution]]) -> dict[str, BaseDistribution]:
    """Returns a space that holds every value of all of `spaces`; where kinds differ the first one's is kept."""
    found: dict[str, BaseDistribution] = {}
    for space in spaces:
        for path, distribution in space.items():
            found[path] = _widen(found[path], distribution) if path in found else distribution
    return found


def observed_space(trials: Sequence[Trial]) -> dict[str, BaseDistribution]:
    """Returns the ranges the trials' params lie in, for records that do not say what was searched."""
    values: dict[str, list[ParamValue]] = {}
    for trial in trials:
        for path, value in trial.params.items():
            values.setdefault(path, []).append(value)
    return {path: _observe(values[path]) for path in sorted(values)}


def _widen(known: BaseDistribution, other: BaseDistribution) -> BaseDistribution:
    match known, other:
        case CategoricalDistribution(), CategoricalDistribution():
            return CategoricalDistribution(tuple(dict.fromkeys((*known.choices, *other.choices))))
        case FloatDistribution(), FloatDistribution():
            low, high = min(known.low, other.low), max(known.high, other.high)
            return known if (low, high) == (known.low, known.high) else FloatDistribution(low, high, log=known.log)
        case IntDistribution(), IntDistribution():
            low, high = min(known.low, other.low), max(known.high, other.high)
            return known if (low, high) == (known.low, known.high) else IntDistribution(low, high, log=known.log)
    return known


def _observe(values: Sequence[ParamValue]) -> BaseDistribution:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        return CategoricalDistribution(tuple(sorted(set(values), key=lambda value: (str(type(value)), str(value)))))
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(min(numbers)), int(max(numbers)))
    return FloatDistribution(float(min(numbers)), float(max(numbers)))


def describe_distribution(distribution: BaseDistribution) -> str:
    """Returns a param's range in a few words."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return f"one of {', '.join(str(choice) for choice in choices)}"
        case FloatDistribution() | IntDistribution():
            kind = "whole numbers" if isinstance(distribution, IntDistribution) else "numbers"
            scale = ", on a log scale" if distribution.log else ""
            step = f" in steps of {distribution.step:g}" if distribution.step not in (None, 1) else ""
            return f"{kind} from {distribution.low:g} to {distribution.high:g}{step}{scale}"
    return str(distribution)
