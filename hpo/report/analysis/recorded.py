"""What a study's trials were trained from and what each epoch came to: enough to train one of them again.

Reading it back from a report is `reading.carried`'s business, training that of `study.reproduction`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.contracts.records import StudyRecord, TrialRecord

TRAINED_BY = ("model", "train", "trainer", "params")  # sections of the settings
READ_BY = ("data", "encoder")  # those that matter to what reads texts
PLACES = {"data": ("cache",), "model": ("log",), "trainer": ("path", "card")}  # where, not what
CLOCKED = ("seconds", "tokens_per_s", "peak_mb")  # metrics of an epoch that no second training repeats
MEASURED = ("metric", "direction", "positive")  # settings of the study that decide what is measured
SURROUNDINGS = ("device", "device_name", "precision", "threads")


@dataclass(frozen=True)
class Recorded:
    """One study as the record holds it.

    Attributes:
        study, trials: As read.
        fingerprint: What its results depend on.
    """

    study: StudyRecord
    trials: Sequence[TrialRecord]
    fingerprint: Mapping[str, str]


def carried_study(recorded: Recorded, facts: Mapping[str, str]) -> dict[str, object]:
    """Returns all that training one of the study's finished trials again takes, and what their epochs came to.

    Args:
        recorded: The study.
        facts: What all its trials agree on.
    """
    study = recorded.study
    trials = sorted((trial for trial in recorded.trials if trial.is_finished), key=lambda trial: trial.number)
    metrics = sorted({name for trial in trials for epoch in trial.epochs for name in epoch.metrics} - {*CLOCKED})
    return {
        "words": study.words,
        "unsearched": _unsearched(study),
        "settings": _settings(study),
        "fingerprint": {key: text for key, text in recorded.fingerprint.items() if key != "storage.folder"},
        "versions": {"hpo": study.tags.get("hpo_version"), "python": study.tags.get("python")},
        "surroundings": {key: facts[key] for key in SURROUNDINGS if key in facts},
        "metric": study.metric,
        "honest": dict(study.honest),
        "metrics": metrics,
        "trials": [_trial(trial, metrics) for trial in trials],
    }


def _trial(trial: TrialRecord, metrics: Sequence[str]) -> dict[str, object]:
    return {
        "number": trial.number,
        "state": trial.state,
        "seed": trial.seed,
        "value": trial.value,
        "params": dict(trial.params),
        "epochs": [[epoch.metrics.get(name) for name in metrics] for epoch in trial.epochs],
    } | ({"reason": trial.reason} if trial.reason else {})


def _unsearched(study: StudyRecord) -> dict[str, object]:
    """Returns what trials have that leave a param of the space out, by its path."""
    found: dict[str, object] = {}
    for section, names in study.space.items():
        fixed = study.config.get(section)
        if isinstance(names, Mapping) and isinstance(fixed, Mapping):
            found |= {f"{section}.{name}": fixed.get(name) for name in names}
    return found


def _settings(study: StudyRecord) -> dict[str, object]:
    """Returns the settings that decide a training, by section."""
    sections = (*TRAINED_BY, *(READ_BY if study.corpus else ()))
    found = {name: study.config[name] for name in sections if isinstance(study.config.get(name), Mapping)}
    kept = {
        name: {key: value for key, value in section.items() if key not in PLACES.get(name, ())}
        for name, section in found.items()
        if isinstance(section, Mapping)
    }
    asked = study.config.get("study")
    measured = {key: asked.get(key) for key in MEASURED} if isinstance(asked, Mapping) else {}
    threads = study.config.get("executor")
    return {
        **kept,
        "study": measured,
        "executor": {"threads": threads.get("threads")} if isinstance(threads, Mapping) else {},
    }
