"""Made-up experiments for the tests of the report: noise of known shape, no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpo.report.analysis.records import Confirmed, Experiment, Study, Trial

Draw = Callable[[np.random.Generator, int], np.ndarray]


def normal(shift: float = 0.0, sd: float = 1.0) -> Draw:
    """Returns a strategy whose trials are independent draws around 10 + shift."""
    return lambda rng, n: 10 + shift + sd * rng.normal(size=n)


def trial(
    number: int, value: float | None, *, state: str = "COMPLETE", epochs: float = 1, test: float | None = None
) -> Trial:
    return Trial(number, state, value, epochs, 2.0 * epochs, 2.0 * (number + 1), test=test)


def study(strategy: str, seed: int, values: Sequence[float], *, task: str = "task", **changes: object) -> Study:
    trials = tuple(trial(number, float(value)) for number, value in enumerate(values))
    fields = {"facts": {"sampler": strategy.split("+")[0]}, **changes}
    return Study(f"{task}-{strategy}-{seed}", task, strategy, seed, trials, **fields)  # type: ignore[arg-type]


def experiment(
    strategies: Mapping[str, Draw],
    *,
    rng: np.random.Generator,
    n_seeds: int = 8,
    n_trials: int = 12,
    tasks: Sequence[str] = ("task",),
    **changes: object,
) -> Experiment:
    """Returns an experiment whose studies are independent draws."""
    studies = tuple(
        study(name, seed, draw(rng, n_trials), task=task)
        for task in tasks
        for name, draw in strategies.items()
        for seed in range(n_seeds)
    )
    fields = {"direction": "minimize", "unit": "trials", "budget": n_trials, "rope": 0.0, **changes}
    return Experiment("made up", "valid_loss", studies=studies, **fields)  # type: ignore[arg-type]


def costly(strategy: str, seed: int, values: Sequence[float], *, epochs: float) -> Study:
    """Returns a study whose trials cost so many epochs each."""
    made = study(strategy, seed, values)
    return replace(made, trials=tuple(replace(each, epochs=epochs) for each in made.trials))


def confirmed(searched: float, values: Sequence[float], tests: Sequence[float] = (), *, n_failed: int = 0) -> Confirmed:
    return Confirmed(0, searched, tuple(values), tuple(tests), n_failed, epochs=5.0, seconds=10.0)
