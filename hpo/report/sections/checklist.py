"""The checklist that conferences ask for: compute, seeds, error bars, data, code, each answered from the records.

What it cannot know it says; where a claim is argued is not its business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from hpo.report.analysis.phrases import count, listing
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.sequential import rules_of
from hpo.report.document.content import Column, Table

MAX_SEEDS = 12  # named one by one
NOTE = "As NeurIPS, ICML and AutoML ask it; every answer is read from the records, none is typed."


def checklist(experiment: Experiment) -> Table:
    """Returns the checklist of an experiment."""
    rows = [
        ["Compute", " ".join(_compute(experiment))],
        ["Seeds", _seeds(experiment)],
        ["Error bars", _error_bars(experiment)],
        ["Data", _data(experiment)],
        ["Code", _code(experiment)],
    ]
    return Table("reproduce_checklist", "Checklist", [Column("Asked for"), Column("Answer")], rows, NOTE)


def _compute(experiment: Experiment) -> Iterator[str]:
    searched = [trial for study in experiment.studies for trial in study.finished]
    beside = [again for study in experiment.studies for again in study.confirmed]
    audits = [study.audit for study in experiment.studies if study.audit]
    again = (math.fsum(one.seconds for one in beside) + math.fsum(one.seconds for one in audits)) / 3600
    hours = again + math.fsum(one.seconds for one in searched) / 3600
    yield f"{count(len(searched), 'trial')} in {count(len(experiment.studies), 'study')}, {hours:.3g} hours of training"
    yield f"in all, {again:.3g} of them retrainings and audits." if again else "in all."
    trained = [study for study in experiment.studies if study.facts.get("executor") != "simulated"]
    for title, key in (("Device", "device"), ("Device name", "device_name"), ("Threads of a trial", "threads")):
        if known := _known(trained, key):
            yield f"{title}: {known}."
    if not trained:
        yield "Workers and their clock were simulated."


def _seeds(experiment: Experiment) -> str:
    seeds = sorted({study.seed for study in experiment.studies})
    named = f": {', '.join(map(str, seeds))}" if len(seeds) <= MAX_SEEDS else f", {seeds[0]} to {seeds[-1]}"
    tasks = f" on each of {count(len(experiment.tasks), 'task')}" if experiment.has_tasks else ""
    paired = f"; strategies are paired by {experiment.paired_by}" if len(experiment.strategies) > 1 else ""
    return f"{count(len(seeds), 'seed')} a strategy{tasks}{named}{paired}."


def _error_bars(experiment: Experiment) -> str:
    if len(experiment.strategies) < 2:
        return "One strategy: no difference is claimed. Intervals are of 95 %, over studies."
    tests = (
        "Tests and intervals hold over all planned looks together."
        if rules_of(experiment) is not None
        else "p-values are adjusted by Holm."
    )
    return (
        f"Intervals of 95 %; n counts {experiment.paired_by}s. Of differences between strategies: exact, by signed "
        f"ranks; of means: bootstrap percentiles. {tests}"
    )


def _data(experiment: Experiment) -> str:
    told = []
    for task in experiment.tasks[:MAX_SEEDS]:
        facts = experiment.of(task=task)[0].facts
        name = facts.get("table") or facts.get("data") or "unknown"
        sha = facts.get("table_sha256") or facts.get("data_fingerprint") or "none"
        is_read = name not in ("none", "unknown")
        told.append(f"{task}: {name} (fingerprint {sha[:16]})" if is_read else f"{task}: no data that were recorded")
    more = len(experiment.tasks) - len(told)
    return "; ".join(told) + (f"; and {more} more tasks" if more > 0 else "") + "."


def _code(experiment: Experiment) -> str:
    facts = experiment.facts
    told = [f"{name} {facts[key]}" for name, key in (("hpo", "hpo_version"), ("commit", "git_commit")) if key in facts]
    if facts.get("command"):
        told.append("the command that trains it again is above")
    if any(study.recorded for study in experiment.studies):
        told.append("`hpo reproduce report.json trial=…` trains any trial again and compares every epoch")
    if experiment.card_hash:
        told.append("registered before the first trial")
    return f"{listing(told)}." if told else "Unknown: the records do not say."


def _known(studies: list[Study], key: str) -> str:
    return ", ".join(sorted({study.facts[key] for study in studies if study.facts.get(key)}))
