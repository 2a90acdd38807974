"""Threats that lie in how a comparison was set up: registration, seeds, tasks, controls, confirmation.

Each rule returns the sentences that apply; an empty list means that the rule was kept.
"""

from __future__ import annotations

from collections import defaultdict

from hpo.report.analysis.conduct import sampler_of, strategies_with
from hpo.report.analysis.endpoints import chosen
from hpo.report.analysis.phrases import count, listing
from hpo.report.analysis.records import Experiment
from hpo.statistics.paired import fewest_seeds


def not_registered(experiment: Experiment) -> list[str]:
    if experiment.card:
        return []
    return [
        "There is no design card: the strategies' own settings, the budget, the seeds and the endpoint may have been "
        "chosen after results were seen."
    ]


def amended(experiment: Experiment) -> list[str]:
    n = len(experiment.amendments)
    return [f"The design was changed {count(n, 'time')} after trials had run; see the design section."] if n else []


def departures(experiment: Experiment) -> list[str]:
    n = len(experiment.deviations)
    return [f"What was done departs from the design in {count(n, 'point')}; see the design section."] if n else []


def few_seeds(experiment: Experiment) -> list[str]:
    """Too few pairs for the exact test with Holm's correction to reach .05 at all."""
    n_strategies = len(experiment.strategies)
    if n_strategies < 2 or len(experiment.tasks) > 1:
        return []
    n = min(len({study.seed for study in experiment.of(strategy=s)}) for s in experiment.strategies)
    needed = fewest_seeds(n_strategies)
    if n >= needed:
        return []
    return [
        f"With {count(n, 'seed')} no pair of {n_strategies} strategies can be called better at p < .05, whatever the "
        f"values: {needed} are needed."
    ]


def few_tasks(experiment: Experiment) -> list[str]:
    n_tasks, n_strategies = len(experiment.tasks), len(experiment.strategies)
    if n_tasks == 1:
        return [
            f"Everything was searched on one task, {experiment.tasks[0]}; nothing is claimed beyond it, "
            "not even for other data of the same kind."
        ]
    needed = fewest_seeds(n_strategies) if n_strategies > 1 else 0
    if n_tasks >= needed:
        return []
    return [
        f"With several tasks the task is what counts: {n_tasks} of them cannot show a difference between "
        f"{n_strategies} strategies at p < .05; {needed} are needed."
    ]


def one_strategy(experiment: Experiment) -> list[str]:
    if len(experiment.strategies) > 1:
        return []
    return [f"{experiment.strategies[0]} is the only strategy: nothing is compared."]


def no_random_control(experiment: Experiment) -> list[str]:
    if strategies_with(experiment, "random"):
        return []
    return ["Random search did not take part: whether any strategy is worth more than chance remains open."]


def not_confirmed(experiment: Experiment) -> list[str]:
    """Selected values flatter: of many noisy values the best one was partly lucky."""
    ended = [study for study in experiment.studies if study.is_ended and study.complete]
    lacking = [study for study in ended if chosen(experiment, study) is None]
    if not lacking:
        return []
    if len(lacking) < len(ended):
        names = listing(list(dict.fromkeys(study.strategy for study in lacking)))
        return [f"{len(lacking)} of {len(ended)} studies have no confirmed and tested configuration ({names})."]
    return [
        "No configuration was trained again with fresh seeds and tested: the values compared are the best of many "
        "noisy ones, which flatters whoever saw more of them."
    ]


def several_settings(experiment: Experiment) -> list[str]:
    """One sampler with several settings on the reported tasks: choosing among them is tuning on what is reported."""
    settings: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for study in experiment.studies:
        own = tuple(sorted(f"{k}={v}" for k, v in study.facts.items() if k.startswith("sampler.")))
        settings[sampler_of(study)][study.strategy] = own
    return [
        f"{listing(list(found))} are {sampler} with different settings; to pick the best of them is to tune {sampler} "
        "on the tasks that are reported."
        for sampler, found in sorted(settings.items())
        if sampler and len(set(found.values())) > 1
    ]


def unknown_conduct(experiment: Experiment) -> list[str]:
    strangers = [s for s in experiment.strategies if any("sampler" not in x.facts for x in experiment.of(strategy=s))]
    if not strangers:
        return []
    return [
        f"The records do not say how {listing(strangers)} searched: settings, pruning, workers, versions and whether "
        "equal seeds mean equal conditions could not be checked."
    ]
