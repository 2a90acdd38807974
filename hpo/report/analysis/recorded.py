"""What a study's trials were trained from and what each epoch came to: enough to train one of them again.

Reading it back from a report is `reading.carried`'s business, training that of `study.reproduction`.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from hpo.contracts.records import StudyRecord, TrialRecord

TRAINED_BY = ("model", "train", "trainer", "params")  # sections of the settings
READ_BY = ("data", "encoder")  # those that matter to what reads texts
PLACES = {"data": ("cache",), "model": ("log",), "trainer": ("path", "card")}  # where, not what
CLOCKED = ("seconds", "tokens_per_s", "peak_mb")  # metrics of an epoch that no second training repeats
MEASURED = ("metric", "direction", "positive")  # settings of the study that decide what is measured
PIECE = 1000  # lines compressed together
SURROUNDINGS = ("device", "device_name", "precision", "threads")


class Lines:
    """Lines of text, kept compressed."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._pieces: list[bytes] = []
        while piece := list(islice(lines, PIECE)):
            self._pieces.append(zlib.compress("\n".join(piece).encode(), level=1))

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            yield from zlib.decompress(piece).decode().split("\n")


@dataclass(frozen=True)
class Recorded:
    """What is kept of one study of the record.

    Attributes:
        study: All that training one of its finished trials again takes, but the trials.
        trials: Each as a line of JSON, for there may be a hundred thousand: its number, state, seed, value, params, and
            what its epochs came to.
    """

    study: Mapping[str, object]
    trials: Lines

    @property
    def honest(self) -> Mapping[str, float]:
        """Its honest number; empty if it has none."""
        found = self.study["honest"]
        assert isinstance(found, Mapping)
        return found


def record_of(
    study: StudyRecord, trials: Sequence[TrialRecord], fingerprint: Mapping[str, str], facts: Mapping[str, str]
) -> Recorded:
    """Returns what is kept of a study.

    Args:
        study, trials: As read.
        fingerprint: What its results depend on.
        facts: What all its trials agree on.
    """
    finished = sorted((trial for trial in trials if trial.is_finished), key=lambda trial: trial.number)
    metrics = sorted({name for trial in finished for epoch in trial.epochs for name in epoch.metrics} - {*CLOCKED})
    kept = {
        "words": study.words,
        "unsearched": _unsearched(study),
        "settings": _settings(study),
        "fingerprint": {key: text for key, text in fingerprint.items() if key != "storage.folder"},
        "versions": {"hpo": study.tags.get("hpo_version"), "python": study.tags.get("python")},
        "surroundings": {key: facts[key] for key in SURROUNDINGS if key in facts},
        "metric": study.metric,
        "honest": dict(study.honest),
        "metrics": metrics,
    }
    return Recorded(kept, Lines(_line(trial, metrics) for trial in finished))


def _line(trial: TrialRecord, metrics: Sequence[str]) -> str:
    content = {
        "number": trial.number,
        "state": trial.state,
        "seed": trial.seed,
        "value": _finite(trial.value),
        "params": dict(trial.params),
        "epochs": [[_finite(epoch.metrics.get(name)) for name in metrics] for epoch in trial.epochs],
    } | ({"reason": trial.reason} if trial.reason else {})
    return json.dumps(content, sort_keys=True, allow_nan=False)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


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
