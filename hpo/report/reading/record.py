"""Reads an experiment from the record: which studies it has, what they are called, what was registered beforehand.

Changes nothing, so that it works while studies run; what the numbers mean is the sections' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage

from hpo.config.schema import Direction
from hpo.contracts.records import Budget, StudyRecord
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.spaces import widest_space
from hpo.report.reading.deviations import join_names
from hpo.report.reading.membership import Chosen, Found, choose
from hpo.report.reading.scales import ROPE
from hpo.report.reading.study import MAPPING, StoredStudy, to_study
from hpo.report.reading.terms import Terms, settle, with_inferred_budget
from hpo.storage.record import DISTRIBUTIONS, ENDED, FINGERPRINT, STUDY, as_study, read_trials, study_attrs
from hpo.storage.study_tests import counted_tests


def experiment_names(storage: BaseStorage) -> list[str]:
    """Returns the names of the experiments in the record, sorted."""
    return sorted({found.study.experiment for found in _find(storage)})


def read_experiment(
    storage: BaseStorage, name: str, *, terms: Terms | None = None, design: Mapping[str, Any] | None = None
) -> Experiment:
    """Returns the experiment `name` with all its studies, whether or not they still run.

    Args:
        storage: The record.
        name: As it is known; see `experiment_names`.
        terms: What was given by hand.
        design: What was registered for the comparison that is meant; None for the newest one of that name.

    Raises:
        ValueError: if there is no such experiment, nothing of it has finished, or it mixes metrics.
    """
    found = _find(storage)
    mine = [each for each in found if each.study.experiment == name]
    if not mine:
        names = sorted({each.study.experiment for each in found})
        raise ValueError(f"There is no experiment '{name}' in the record; it has {join_names(names) or 'none'}.")
    chosen = choose(mine, name, design=design)
    _check_one_metric(name, [each.study for each, _ in chosen.searches])
    terms = terms or Terms()
    direction = chosen.searches[0][0].study.direction
    if terms.value_is == "incumbent":
        raise ValueError("report.value_is=incumbent is for records of others; values in the record are evaluations.")
    if terms.direction not in (None, direction):
        raise ValueError(f"report.direction={terms.direction} contradicts the record, which says {direction}.")
    experiment = _read(storage, name, chosen, mine)
    if "stop" in experiment.card and (terms.rope is not None or terms.unit is not None or terms.budget is not None):
        raise ValueError(
            f"Experiment '{name}' stopped, or will, by its registered ROPE of {experiment.rope:g} at "
            f"{experiment.budget:g} {experiment.unit}: on other terms it would have stopped elsewhere. Leave out "
            "report.rope, report.unit and report.budget."
        )
    return settle(experiment, terms)


def _find(storage: BaseStorage) -> list[Found]:
    """Returns every study of ours, the oldest first."""
    return [Found(as_study(attrs), attrs) for attrs in study_attrs(storage).values() if STUDY in attrs]


def _read(storage: BaseStorage, name: str, chosen: Chosen, mine: Sequence[Found]) -> Experiment:
    card = chosen.design.get("card", {})
    confirmations = {each.study.tags["confirms"]: each for each in mine if each.role == "confirmation"}
    audits = {each.study.tags["audits"]: each for each in mine if each.role == "audit"}
    n_concurrent = str(card["n_concurrent"]) if "n_concurrent" in card else None
    studies = []
    for each, label in chosen.searches:
        read = to_study(
            _stored(storage, each),
            label,
            confirmation=_stored_beside(storage, confirmations.get(each.study.name)),
            audit=_stored_beside(storage, audits.get(each.study.name)),
            n_concurrent=n_concurrent,
        )
        studies.append(read)
    first = chosen.searches[0][0].study
    experiment = Experiment(
        name=name,
        metric=first.metric,
        direction=Direction(first.direction),
        unit=card.get("unit", "trials"),
        budget=card.get("budget", 0.0),
        rope=card.get("rope", ROPE.get(first.metric, 0.0)),
        studies=tuple(studies),
        card=card,
        card_hash=chosen.design.get("hash", ""),
        amendments=tuple(chosen.design.get("amendments", ())),
        deviations=tuple(chosen.deviations),
        spaces=_spaces(chosen),
        facts=_facts(chosen, studies),
        notes=_notes(studies),
    )
    own = [_own_budget(found.study) for found, _ in chosen.searches]
    return experiment if card else with_inferred_budget(experiment, own)


def _stored(storage: BaseStorage, found: Found) -> StoredStudy:
    trials = read_trials(storage, found.study.name)
    tests, fingerprint = counted_tests(found.attrs), found.attrs.get(FINGERPRINT) or {}
    return StoredStudy(found.study, trials, bool(found.attrs.get(ENDED)), tests, fingerprint)


def _stored_beside(storage: BaseStorage, found: Found | None) -> StoredStudy | None:
    return None if found is None else _stored(storage, found)


def _own_budget(study: StudyRecord) -> Budget:
    given = study.config.get("study")
    limits = given if isinstance(given, Mapping) else {}
    return Budget(limits.get("n_trials"), limits.get("timeout_s"), limits.get("n_epochs"), limits.get("trials_s"))


def _check_one_metric(name: str, studies: Sequence[StudyRecord]) -> None:
    metrics: dict[str, list[str]] = {}
    for study in studies:
        metrics.setdefault(f"{study.metric} ({study.direction}d)", []).append(study.name)
    if len(metrics) > 1:
        listed = "; ".join(f"{metric} in {join_names(names)}" for metric, names in sorted(metrics.items()))
        raise ValueError(
            f"Experiment '{name}' mixes metrics, which cannot be compared: {listed}; "
            "give the studies of each an experiment of their own with tracking.experiment=…."
        )


def _spaces(chosen: Chosen) -> dict[str, Mapping[str, BaseDistribution]]:
    spaces: dict[str, list[dict[str, BaseDistribution]]] = {}
    for found, label in chosen.searches:
        stored = found.attrs.get(DISTRIBUTIONS) or {}
        space = {path: json_to_distribution(text) for path, text in stored.items()}
        spaces.setdefault(label.task, []).append(space)
    return {task: widest_space(found) for task, found in spaces.items() if any(found)}


def _facts(chosen: Chosen, studies: Sequence[Study]) -> dict[str, str]:
    """Returns what the last section shows: versions, commit, command, devices."""
    card = chosen.design.get("card", {})
    facts = {"source": "record"}
    for key in ("hpo_version", "python", "git_commit", "executor", "trainer", "device", "device_name"):
        values = sorted({study.facts[key] for study in studies if study.facts.get(key)})
        if values:
            facts[key] = ", ".join(values)
    facts |= {f"version.{library}": str(version) for library, version in card.get("versions", {}).items()}
    if chosen.design.get("command"):
        facts["command"] = str(chosen.design["command"])
    return facts


def _notes(studies: Sequence[Study]) -> tuple[str, ...]:
    """Returns what a reader must know of recorded curves and simulated workers."""
    notes = [f"{study.facts[MAPPING].rstrip('.')}." for study in studies if study.facts.get(MAPPING)]
    if any(study.facts.get("trainer") == "replay" for study in studies):
        notes.append("Nothing was trained: trials read recorded learning curves.")
    simulated = [study for study in studies if study.facts.get("executor") == "simulated"]
    if simulated:
        seconds = {study.facts["seconds"] for study in simulated if "seconds" in study.facts} or {"as the trainer says"}
        notes.append(f"Workers and their clock were simulated; seconds of an epoch: {', '.join(sorted(seconds))}.")
    return tuple(dict.fromkeys(notes))
