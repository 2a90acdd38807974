"""When a comparison is over: which studies are driven before each look, and whether there is anything left to drive.

What is tested at a look, and how, is the business of `report.analysis.sequential`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo.compare.comparison import Comparison
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.sequential import Stage, follow, rules_of
from hpo.study.plan import Plan
from hpo.study.session import Course
from hpo.terminal.display import Announcer

FIXED = ("stop", "seeds", "rope", "metric", "primary", "budget", "unit")


def course_of(comparison: Comparison, read: Callable[[], Experiment], display: Announcer) -> Course | None:
    """Returns the order of the studies of a comparison that stops when it is decided; None for all at once.

    Args:
        comparison: What is planned.
        read: Reads what there is of it.
        display: Is told what each look finds.
    """
    stop = comparison.stop
    if stop is None:
        return None
    looks = list(stop["looks"])
    seeds = [comparison.seeds[begin:end] for begin, end in zip([0, *looks], looks, strict=False)]
    steps = [_studies_of(comparison.plans, some) for some in seeds]

    def goes_on() -> bool:
        """Whether the latest look that can be taken decides nothing; says what it finds."""
        experiment = read()
        rules = rules_of(experiment)
        assert rules is not None
        stages = follow(experiment, rules).stages
        if stages:
            display.note(_sentence(experiment, stages[-1], looks))
        is_over = bool(stages and stages[-1].reason)
        if is_over:
            display.decided()
        return not is_over

    return Course(steps, goes_on, turns=comparison.seeds)


def check_unchanged(card: Mapping[str, Any], earlier: Mapping[str, Any] | None, *, n_trials: int) -> None:
    """Refuses other looks, seeds or strategies than those that were registered, once there are trials.

    Args:
        card: What is going to be done.
        earlier: What was registered before, if anything was.
        n_trials: How many trials of it there are already.

    Raises:
        ValueError: in a sentence.
    """
    if earlier is None or not n_trials or not ("stop" in card or "stop" in earlier["card"]):
        return
    before = earlier["card"]
    changed = [key for key in FIXED if before.get(key) != card.get(key)]
    changed += ["strategies"] if list(before["strategies"]) != list(card["strategies"]) else []
    if changed:
        raise ValueError(
            f"{', '.join(changed)} cannot change after {n_trials:,} trials where a comparison stops when it is "
            "decided: its looks count only as they were registered before the first trial. Give what was given then, "
            "or name=NAME for a new comparison."
        )


def _studies_of(plans: Sequence[Plan], seeds: Sequence[int]) -> list[Plan]:
    """Returns the studies of these seeds, seed by seed."""
    return [planned for seed in seeds for planned in plans if planned.config.seed == seed]


def _sentence(experiment: Experiment, stage: Stage, looks: Sequence[int]) -> str:
    at = f"Look {looks.index(stage.n) + 1} of {len(looks)}, after {stage.n} of {looks[-1]} seeds"
    if stage.reason:
        return f"{at}: {experiment.name} is over, as {stage.reason}."
    return f"{at}: nothing is decided yet; {experiment.name} goes on."
