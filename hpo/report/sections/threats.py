"""Section 11: what limits the claims of this very report, found by a check for each honesty rule.

Only rules that were broken, or that a reader should know of, are listed. Each rule yields the sentences that apply,
none where it was kept; those on how strategies searched are in `threats_search`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from hpo.contracts.records import FAIL
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.conduct import sampler_of, strategies_with
from hpo.report.analysis.endpoints import chosen, is_retrained
from hpo.report.analysis.phrases import count, listing
from hpo.report.analysis.records import Experiment, Study
from hpo.report.document.content import Block, Section, Text
from hpo.report.reading.deviations import is_within_one_trial
from hpo.report.sections import threats_search as search
from hpo.statistics.paired import fewest_seeds

Rule = Callable[[Experiment], Iterator[str]]

CONDITIONS = {
    "hpo_version": "versions of hpo",
    "git_commit": "commits of the code",
    "python": "versions of Python",
    "device": "kinds of device",
    "device_name": "devices",
    "precision": "precisions",
}
UNKNOWN = (None, "", "none")


def build_threats(analysis: Analysis) -> Section:
    """Returns one plain sentence for each rule that this experiment breaks or that needs to be known."""
    threats = {rule.__name__: sentences for rule in RULES if (sentences := list(rule(analysis.experiment)))}
    blocks: list[Block] = [Text(sentence, "warning") for sentences in threats.values() for sentence in sentences]
    said = f"{len(RULES)} rules were checked; {len(threats)} of them have something to say here."
    return Section("threats", "Threats to the claims", [Text(said), *blocks], numbers={"threats": threats})


def not_registered(experiment: Experiment) -> Iterator[str]:
    if not experiment.card:
        yield (
            "There is no design card: the strategies' own settings, the budget, the seeds and the endpoint may have "
            "been chosen after results were seen."
        )


def amended(experiment: Experiment) -> Iterator[str]:
    if n := len(experiment.amendments):
        yield f"The design was changed {count(n, 'time')} after trials had run; see the design section."


def departures(experiment: Experiment) -> Iterator[str]:
    if n := len(experiment.deviations):
        yield f"What was done departs from the design in {count(n, 'point')}; see the design section."


def interim_look(experiment: Experiment) -> Iterator[str]:
    if "stop" in experiment.card:
        yield (
            "It stops when it is decided: what is said of the primary endpoint allows for that; every other number, "
            "such as a mean, is of a number of seeds that depends on what was seen, and such differences are somewhat "
            "too large."
        )
    elif n_open := sum(not study.is_ended for study in experiment.studies):
        yield (
            f"{n_open} of {len(experiment.studies)} studies had not ended: this is an interim look, and to stop when "
            "a look pleases makes its p-values too small."
        )


def one_strategy(experiment: Experiment) -> Iterator[str]:
    if len(experiment.strategies) < 2:
        yield f"{experiment.strategies[0]} is the only strategy: nothing is compared."


def few_seeds(experiment: Experiment) -> Iterator[str]:
    """Too few pairs for the exact test with Holm's correction to reach .05 at all."""
    n_strategies = len(experiment.strategies)
    n = min(len({study.seed for study in experiment.of(strategy=s)}) for s in experiment.strategies)
    needed = fewest_seeds(n_strategies)
    if n_strategies > 1 and not experiment.has_tasks and n < needed and "stop" not in experiment.card:
        yield (
            f"With {count(n, 'seed')} no pair of {n_strategies} strategies can be called better at p < .05, whatever "
            f"the values: {needed} are needed."
        )


def few_tasks(experiment: Experiment) -> Iterator[str]:
    n_tasks, n_strategies = len(experiment.tasks), len(experiment.strategies)
    needed = fewest_seeds(n_strategies) if n_strategies > 1 else 0
    if n_tasks == 1:
        yield (
            f"Everything was searched on one task, {experiment.tasks[0]}; nothing is claimed beyond it, "
            "not even for other data of the same kind."
        )
    elif n_tasks < needed:
        yield (
            f"With several tasks the task is what counts: {n_tasks} of them cannot show a difference between "
            f"{n_strategies} strategies at p < .05; {needed} are needed."
        )


def no_random_control(experiment: Experiment) -> Iterator[str]:
    if not strategies_with(experiment, "random"):
        yield "Random search did not take part: whether any strategy is worth more than chance remains open."


def values_are_incumbents(experiment: Experiment) -> Iterator[str]:
    """Best-so-far values hide what single trials reached."""
    if experiment.is_incumbent:
        yield (
            "Values are the best so far of each study, no evaluations: what random search would be expected to reach, "
            "a scale of regret, and which params matter cannot be computed from them and are left out."
        )


def not_confirmed(experiment: Experiment) -> Iterator[str]:
    """Selected values flatter: of many noisy values the best one was partly lucky."""
    ended = [study for study in experiment.studies if study.is_ended and study.complete]
    lacking = [study for study in ended if chosen(experiment, study) is None]
    if lacking and is_retrained(experiment):
        yield (
            "No configuration was tested: the values compared are of validation, trained again with fresh seeds, on "
            "data that every choice within a search was made by."
        )
    elif lacking and len(lacking) == len(ended):
        yield (
            "The values compared are the best of many noisy ones, which flatters whoever saw more of them: no "
            f"configuration was {_lacking(lacking)}."
        )
    elif lacking:
        yield (
            f"{len(lacking)} of {len(ended)} studies have no confirmed and tested configuration "
            f"({_strategies_of(lacking)})."
        )


def _lacking(studies: Sequence[Study]) -> str:
    was_retrained = any(study.confirmed for study in studies)
    return "tested" if was_retrained else "trained again with fresh seeds and tested"


def nothing_complete(experiment: Experiment) -> Iterator[str]:
    if empty := [study for study in experiment.studies if study.is_ended and not study.complete]:
        yield f"{count(len(empty), 'study')} ended without a complete trial ({_strategies_of(empty)}) and rank worst."


def _strategies_of(studies: Sequence[Study]) -> str:
    return listing(list(dict.fromkeys(study.strategy for study in studies)))


def failures(experiment: Experiment) -> Iterator[str]:
    finished = [trial for study in experiment.studies for trial in study.finished]
    if n_failed := sum(trial.state == FAIL for trial in finished):
        yield (
            f"{n_failed} of {len(finished)} trials failed; they are charged and rank below every complete trial, "
            "which is fair only if the strategy and not the machine was the cause."
        )


def unequal_budgets(experiment: Experiment) -> Iterator[str]:
    if not all(is_within_one_trial(experiment, experiment.of(task=task)) for task in experiment.tasks):
        yield "Budgets spent differ by more than one trial; see the budgets section for who had more."


def mixed_conditions(experiment: Experiment) -> Iterator[str]:
    """Studies of one comparison under different conditions."""
    for key, noun in CONDITIONS.items():
        values = sorted({study.facts.get(key) or "" for study in experiment.studies} - {"", "none"})
        if len(values) > 1:
            yield f"The studies ran with different {noun}: {listing(values)}."
    for task in experiment.tasks:
        if (most := max(_n_fingerprints(experiment.of(task=task)), default=0)) > 1:
            yield f"Studies on {task} did not read the same data: there are {most} fingerprints."


def _n_fingerprints(studies: Sequence[Study]) -> list[int]:
    """Returns for each seed how many data its studies read; seeds may differ in their split, what they pair may not."""
    prints: dict[int, set[str]] = {}
    for study in studies:
        if (read := study.facts.get("data_fingerprint")) not in UNKNOWN:
            prints.setdefault(study.seed, set()).add(str(read))
    return [len(fingerprints) for fingerprints in prints.values()]


def several_settings(experiment: Experiment) -> Iterator[str]:
    """One sampler with several settings on the reported tasks: choosing among them is tuning on what is reported."""
    settings: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for study in experiment.studies:
        own = tuple(sorted(f"{k}={v}" for k, v in study.facts.items() if k.startswith("sampler.")))
        settings[sampler_of(study)][study.strategy] = own
    for sampler, by_strategy in sorted(settings.items()):
        if sampler and len(set(by_strategy.values())) > 1:
            yield (
                f"{listing(list(by_strategy))} are {sampler} with different settings; to pick the best of them is to "
                f"tune {sampler} on the tasks that are reported."
            )


def unknown_conduct(experiment: Experiment) -> Iterator[str]:
    strangers = [s for s in experiment.strategies if any("sampler" not in x.facts for x in experiment.of(strategy=s))]
    if strangers:
        yield (
            f"The records do not say how {listing(strangers)} searched: settings, pruning, workers, versions and "
            "whether equal seeds mean equal conditions could not be checked."
        )


RULES: tuple[Rule, ...] = (
    not_registered,
    amended,
    departures,
    interim_look,
    one_strategy,
    few_seeds,
    few_tasks,
    no_random_control,
    not_confirmed,
    values_are_incumbents,
    nothing_complete,
    failures,
    unequal_budgets,
    search.trials_of_unequal_length,
    search.seconds_as_budget,
    search.unequal_epochs,
    search.never_adapted,
    search.shared_starts,
    search.grid_order,
    search.grid_levels,
    search.hidden_seed,
    search.several_workers,
    search.mapped_proposals,
    mixed_conditions,
    several_settings,
    unknown_conduct,
)
