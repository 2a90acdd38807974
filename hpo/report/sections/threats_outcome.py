"""Threats that came about while studies ran: failures, studies that still run, unlike machines and versions.

Each rule returns the sentences that apply; an empty list means that the rule was kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.contracts.records import FAIL
from hpo.report.analysis.phrases import count, listing
from hpo.report.analysis.records import Experiment, Study
from hpo.report.reading.deviations import is_within_one_trial

CONDITIONS = {
    "hpo_version": "versions of hpo",
    "git_commit": "commits of the code",
    "python": "versions of Python",
    "device": "kinds of device",
    "device_name": "devices",
    "precision": "precisions",
}
UNKNOWN = (None, "", "none")


def failures(experiment: Experiment) -> list[str]:
    finished = [trial for study in experiment.studies for trial in study.finished]
    n_failed = sum(trial.state == FAIL for trial in finished)
    if not n_failed:
        return []
    return [
        f"{n_failed} of {len(finished)} trials failed; they are charged and rank below every complete trial, "
        "which is fair only if the strategy and not the machine was the cause."
    ]


def nothing_complete(experiment: Experiment) -> list[str]:
    empty = [study.strategy for study in experiment.studies if study.is_ended and not study.complete]
    if not empty:
        return []
    names = listing(list(dict.fromkeys(empty)))
    return [f"{count(len(empty), 'study')} ended without a complete trial ({names}) and rank worst."]


def interim_look(experiment: Experiment) -> list[str]:
    n_open = sum(not study.is_ended for study in experiment.studies)
    if not n_open:
        return []
    return [
        f"{n_open} of {len(experiment.studies)} studies had not ended: this is an interim look, and to stop when "
        "a look pleases makes its p-values too small."
    ]


def unequal_budgets(experiment: Experiment) -> list[str]:
    unequal = [task for task in experiment.tasks if not is_within_one_trial(experiment, experiment.of(task=task))]
    if not unequal:
        return []
    return ["Budgets spent differ by more than one trial; see the budgets section for who had more."]


def mixed_conditions(experiment: Experiment) -> list[str]:
    """Studies of one comparison under different conditions."""
    sentences = []
    for key, noun in CONDITIONS.items():
        values = sorted({study.facts.get(key) or "" for study in experiment.studies} - {"", "none"})
        if len(values) > 1:
            sentences.append(f"The studies ran with different {noun}: {listing(values)}.")
    for task in experiment.tasks:
        if (most := max(_n_fingerprints(experiment.of(task=task)), default=0)) > 1:
            sentences.append(f"Studies on {task} did not read the same data: there are {most} fingerprints.")
    return sentences


def _n_fingerprints(studies: Sequence[Study]) -> list[int]:
    """Returns for each seed how many data its studies read; seeds may differ in their split, what they pair may not."""
    prints: dict[int, set[str]] = {}
    for study in studies:
        if (read := study.facts.get("data_fingerprint")) not in UNKNOWN:
            prints.setdefault(study.seed, set()).add(str(read))
    return [len(each) for each in prints.values()]
