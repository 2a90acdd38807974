"""Experiments for the tests of analyses: random searches on a closed form, with curves, pruning and confirmation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.schema import Direction
from hpo.config.search import ParamValue
from hpo.report.analysis.records import Confirmed, Experiment, Study, Trial

SPACE: Mapping[str, BaseDistribution] = {
    "train.lr": FloatDistribution(1e-4, 1e-1, log=True),
    "model.drop_mult": FloatDistribution(0.0, 1.0),
    "model.kind": CategoricalDistribution(["awd", "qrnn"]),
    "train.epochs": IntDistribution(3, 5),
}


def draw_params(rng: np.random.Generator) -> dict[str, ParamValue]:
    return {
        "train.lr": float(10 ** rng.uniform(-4, -1)),
        "model.drop_mult": float(rng.uniform()),
        "model.kind": ["awd", "qrnn"][int(rng.integers(2))],
        "train.epochs": int(rng.integers(3, 6)),
    }


def true_loss(params: Mapping[str, ParamValue]) -> float:
    """Almost all depends on the learning rate, a little on dropout, nothing on the rest."""
    lr, dropout = float(params["train.lr"]), float(params["model.drop_mult"])
    return 0.2 + 0.1 * (math.log10(lr) + 2.5) ** 2 + 0.02 * dropout


def make_trial(number: int, rng: np.random.Generator, *, sign: float = 1.0, is_pruned: bool = False) -> Trial:
    params = draw_params(rng)
    n_epochs = int(params["train.epochs"])
    final = true_loss(params) + 0.001 * rng.normal()
    curve = tuple(sign * float(final + 0.5 / (epoch + 1) - 0.5 / (n_epochs + 1)) for epoch in range(1, n_epochs + 1))
    curve = curve[:1] if is_pruned else curve
    return Trial(
        number,
        state="PRUNED" if is_pruned else "COMPLETE",
        value=curve[-1],
        epochs=len(curve),
        seconds=2.0 * len(curve),
        ended_s=10.0 * (number + 1),
        params=params,
        curve=curve,
    )


def make_study(
    strategy: str, seed: int, *, n_trials: int = 20, sign: float = 1.0, task: str = "", pruner: str = "none"
) -> Study:
    """A random search; strategies of one seed try the same params, and a pruner stops every third trial."""
    rng = np.random.default_rng(seed)
    trials = [make_trial(n, rng, sign=sign, is_pruned=pruner != "none" and n % 3 == 2) for n in range(n_trials)]
    best = min((t for t in trials if t.state == "COMPLETE"), key=lambda t: sign * (t.value or 0.0))
    again = np.random.default_rng([seed, *strategy.encode()]).normal(best.value or 0.0, 0.01, size=(2, 3))
    confirmed = Confirmed(best.number, best.value or 0.0, tuple(again[0].tolist()), tuple(again[1].tolist()), 0, 15, 30)
    facts = {"sampler": strategy.split("+")[0], "pruner": pruner}
    return Study(f"{task}{strategy}-{seed}", task, strategy, seed, tuple(trials), (confirmed,), facts=facts)


def make_experiment(
    studies: Sequence[Study],
    *,
    direction: Direction = Direction.minimize,
    spaces: Mapping[str, Mapping[str, BaseDistribution]] | None = None,
) -> Experiment:
    tasks = {study.task for study in studies}
    spaces = dict.fromkeys(tasks, SPACE) if spaces is None else spaces
    return Experiment("made", "valid_loss", direction, "trials", 1000, 0.005, tuple(studies), spaces=spaces)


def several(*, direction: Direction = Direction.minimize, n_seeds: int = 4, tasks: Sequence[str] = ("",)) -> Experiment:
    """Two samplers with and without pruning, the same seeds."""
    sign = 1.0 if direction == "minimize" else -1.0
    arms = [("random", "none"), ("random+asha", "asha"), ("tpe", "none"), ("tpe+asha", "asha")]
    studies = [
        make_study(strategy, seed, sign=sign, task=task, pruner=pruner)
        for task in tasks
        for strategy, pruner in arms
        for seed in range(n_seeds)
    ]
    return make_experiment(studies, direction=direction)
