"""What can be known of a comparison before it runs: whether its seeds allow any claim, how much of a grid it visits.

Nothing here refuses anything; what the results say is the report's business.
"""

from __future__ import annotations

from collections.abc import Iterator

from hpo.compare.comparison import Comparison, mean_epochs
from hpo.config.compare import Unit
from hpo.config.schema import Config
from hpo.space.space import Space
from hpo.statistics.paired import fewest_units, n_pairs_of
from hpo.statistics.signed_rank import FEWEST

MUCH = 2.0  # a grid this many times the budget is mostly left unseen


def outlook(comparison: Comparison) -> list[str]:
    """Returns what should be known beforehand, each in a sentence; [] if all is well, or nothing is compared."""
    if comparison.is_pilot:
        return []
    return [*_on_units(comparison), *_on_startups(comparison), *_on_grids(comparison)]


def _on_units(comparison: Comparison) -> Iterator[str]:
    """Yields a warning where no difference could be shown, however large: too few paired seeds, or tasks."""
    n_strategies, n_tasks = len(comparison.strategies), len(comparison.tasks)
    if n_strategies < 2:
        yield "There is one strategy only, so nothing can be compared with it; name more in samplers or strategies."
        return
    n, unit = (len(comparison.seeds), "seed") if n_tasks == 1 else (n_tasks, "task")
    needed = max(FEWEST, fewest_units(n_pairs_of(n_strategies)))
    if n < needed and not comparison.stop:
        word = "underpowered: " if n < FEWEST else ""
        yield (
            f"{word}{n} {unit}{'' if n == 1 else 's'} cannot show a difference between {n_strategies} strategies, "
            f"however large it is; give at least {needed} {unit}s, or fewer strategies."
        ).capitalize()


def _on_startups(comparison: Comparison) -> Iterator[str]:
    """Yields a warning for each strategy whose budget ends before it learns anything."""
    noted: set[str] = set()
    for planned in comparison.plans:
        strategy, n_startup = planned.tags["strategy"], planned.config.sampler.n_startup_trials
        n_trials = comparison.budget
        if comparison.unit is Unit.epochs:
            n_trials /= mean_epochs(planned.space, planned.config.train.epochs)
        if comparison.unit is Unit.seconds or strategy in noted or n_trials > n_startup:
            continue
        noted.add(strategy)
        yield (
            f"{strategy} proposes its first {n_startup} trials as random search does, and the budget is about "
            f"{n_trials:.0f}: it will learn nothing. Give study.n_trials={2 * n_startup} or more, "
            f"or fewer sampler.n_startup_trials."
        )


def _on_grids(comparison: Comparison) -> Iterator[str]:
    """Yields a note for each grid that ends long before the budget, or is much larger than it."""
    noted: set[tuple[str, str]] = set()
    for planned in comparison.plans:
        where = (planned.tags["strategy"], planned.tags["task"])
        is_grid = planned.config.sampler.is_grid and not planned.space.candidates
        if not is_grid or comparison.unit is Unit.seconds or where in noted:
            continue
        noted.add(where)
        on = f" on {where[1]}" if len(comparison.tasks) > 1 else ""
        yield from _on_grid(f"The grid of {where[0]}{on}", planned.space, planned.config, comparison)


def _on_grid(subject: str, space: Space, config: Config, comparison: Comparison) -> Iterator[str]:
    cells = space.cells()
    costs = [int(cell.get("train.epochs") or config.train.epochs) for cell in cells]
    cost = sum(costs) if comparison.unit is Unit.epochs else len(cells)
    unit, budget = comparison.unit.value, comparison.budget
    has = f"{subject} has {len(cells):,} cells" + (f", {cost:,} epochs" if comparison.unit is Unit.epochs else "")
    if cost < budget:
        yield f"{has}: it ends before the budget of {budget:,.0f} {unit} is spent."
    elif cost > MUCH * budget:
        yield (
            f"{has}: the budget of {budget:,.0f} {unit} visits about {100 * budget / cost:.0f} % of it, "
            "in an order that the seed decides."
        )
