"""What is known of a comparison before it runs: seeds too few for any claim, grids too small or too large."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.compare.comparison import Comparison
from hpo.compare.outlook import outlook
from hpo.config.compare import Unit
from tests.support.comparisons import plan_compared

SYNTHETIC = ("trainer=synthetic", "tracking=none", "seeds=2")
GRID = "The grid of grid has 81 cells"


def compare(n_seeds: int, budget: float = 200, unit: Unit = Unit.epochs) -> Comparison:
    return replace(plan_compared(*SYNTHETIC), seeds=range(n_seeds), budget=budget, unit=unit)


@pytest.mark.parametrize(
    ("comparison", "beginning"),
    [
        (compare(7), ""),
        (
            compare(6),
            "6 seeds cannot show a difference between 3 strategies, however large it is; give at least 7 seeds",
        ),
        (compare(3), "Underpowered: 3 seeds cannot show"),
        (compare(1), "Underpowered: 1 seed cannot show"),
        (
            replace(compare(5), variants=compare(5).variants[:2]),
            "Underpowered: 5 seeds cannot show a difference between 2",
        ),
        (replace(compare(6), variants=compare(5).variants[:2]), ""),
        (replace(compare(9), variants=compare(5).variants[:1]), "There is one strategy only"),
        (compare(7, 44), f"{GRID}, 324 epochs: the budget of 44 epochs visits about 14 % of it, in an order"),
        (compare(7, 162), ""),
        (compare(7, 324), ""),
        (compare(7, 325), f"{GRID}, 324 epochs: it ends before the budget of 325 epochs is spent."),
        (compare(7, 82, Unit.trials), f"{GRID}: it ends before the budget of 82 trials is spent."),
        (compare(7, 12, Unit.trials), f"{GRID}: the budget of 12 trials visits about 15 % of it"),
        (compare(7, 8, Unit.seconds), ""),
    ],
)
def test_what_is_known_is_said_once(comparison: Comparison, beginning: str) -> None:
    said = outlook(comparison)
    assert len(said) == (1 if beginning else 0)
    assert "".join(said).startswith(beginning)


@pytest.mark.parametrize(("budget", "unit"), [(40, Unit.epochs), (10, Unit.trials)])
def test_a_sampler_that_will_learn_nothing_is_named_with_what_helps(budget: float, unit: Unit) -> None:
    comparison = compare(7, budget, unit)
    said = [sentence for sentence in outlook(comparison) if "learn nothing" in sentence]
    assert len(said) == 1
    assert said[0].startswith("tpe proposes its first 10 trials as random search does, and the budget is about 10")
    assert "study.n_trials=20" in said[0]
    assert not any("learn nothing" in sentence for sentence in outlook(compare(7, budget + 5, unit)))


def test_over_several_tasks_the_tasks_are_what_counts() -> None:
    tasks = "tasks={a: {trainer.noise: 0}, b: {trainer.noise: 0.1}}"
    comparison = replace(plan_compared(*SYNTHETIC, tasks), seeds=range(99), budget=400)
    said = outlook(comparison)
    assert said[0].startswith("Underpowered: 2 tasks cannot show a difference between 3 strategies")
    assert [sentence.split(" has ")[0] for sentence in said[1:]] == ["The grid of grid on a", "The grid of grid on b"]
