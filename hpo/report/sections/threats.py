"""Section 11: what limits the claims of this very report, found by a check for each honesty rule.

Only rules that were broken, or that a reader should know of, are listed; the checks are in `threats_*`.
"""

from __future__ import annotations

from collections.abc import Callable

from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Section, Text
from hpo.report.sections import threats_design as design
from hpo.report.sections import threats_outcome as outcome
from hpo.report.sections import threats_search as search

Rule = Callable[[Experiment], list[str]]

RULES: tuple[Rule, ...] = (
    design.not_registered,
    design.amended,
    design.departures,
    outcome.interim_look,
    design.one_strategy,
    design.few_seeds,
    design.few_tasks,
    design.no_random_control,
    design.not_confirmed,
    outcome.nothing_complete,
    outcome.failures,
    outcome.unequal_budgets,
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
    outcome.mixed_conditions,
    design.several_settings,
    design.unknown_conduct,
)


def build_threats(experiment: Experiment) -> Section:
    """Returns one plain sentence for each rule that this experiment breaks or that needs to be known."""
    found = {rule.__name__: sentences for rule in RULES if (sentences := rule(experiment))}
    blocks: list[Block] = [Text(sentence, "warning") for sentences in found.values() for sentence in sentences]
    said = f"{len(RULES)} rules were checked; {len(found)} of them have something to say here."
    return Section("threats", "Threats to the claims", [Text(said), *blocks], numbers={"threats": found})
