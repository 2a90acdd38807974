"""What is written down and shown of an encoder while it is trained and afterwards.

The weights are `encoder`'s business, MLflow's side of it `tracking.trial`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

from hpo.config.training import DOMAIN, Sizes
from hpo.contracts.records import COMPLETE, FAIL, RUNNING, EncoderRecord, EpochRecord
from hpo.contracts.trainer import EpochReport
from hpo.data.corpus import open_corpus
from hpo.machine.cache import digest
from hpo.machine.files import write_json
from hpo.trainers.awd_lstm.encoders.needed import NeededEncoder
from hpo.trainers.awd_lstm.network.encoder import Encoder

PROGRESS = "progress.json"

Facts = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Progress:
    """How far the training of an encoder is.

    Attributes:
        started_ms: When its first attempt began.
        history: The metrics of each epoch done.
        ended_ms: When each of them ended.
        error: Why it failed; "" unless it did.
    """

    started_ms: int
    history: tuple[Mapping[str, float], ...] = ()
    ended_ms: tuple[int, ...] = ()
    error: str = ""

    @property
    def n_epochs(self) -> int:
        return len(self.history)

    def with_epoch(self, report: EpochReport, now_ms: int) -> Progress:
        return replace(self, history=(*self.history, dict(report.metrics)), ended_ms=(*self.ended_ms, now_ms))


def read_progress(folder: Path) -> Progress | None:
    """Returns how far the training was whose folder it is; None if that is not known."""
    try:
        found = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return Progress(int(found["started_ms"]), tuple(found["history"]), tuple(found["ended_ms"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_progress(folder: Path, progress: Progress) -> None:
    """Writes down how far a training is, so that what is shown of it goes on after an interruption."""
    write_json(folder / PROGRESS, asdict(progress))


def facts_of(needed: NeededEncoder) -> dict[str, str | int | float]:
    """Returns where an encoder comes from."""
    corpus = open_corpus(needed.corpus).facts
    settings = {f"encoder.{name}": value for name, value in asdict(needed.config).items()}
    return {
        "name": needed.name,
        "kind": DOMAIN,
        "data": str(corpus["name"]),
        "data_fingerprint": str(corpus["fingerprint"]),
        "n_vocab": corpus["n_vocab"],
        "more_texts": Path(needed.more_texts).name,
        **{name: value.name if isinstance(value, Enum) else value for name, value in settings.items()},
    }


def running_record(needed: NeededEncoder, progress: Progress, *, experiment: str, folder: str) -> EncoderRecord:
    """Returns what is shown of an encoder that is being trained, or was not to be."""
    record = _record(needed.sizes, facts_of(needed), progress, experiment=experiment, folder=folder)
    if progress.error:
        return replace(record, state=FAIL, error=progress.error)
    return replace(record, state=RUNNING, ended_ms=None)


def finished_record(encoder: Encoder, *, experiment: str, folder: str) -> EncoderRecord:
    """Returns what is shown of an encoder that lies in its place."""
    progress = Progress(encoder.started_ms, tuple(encoder.history), tuple(encoder.ended_ms))
    return _record(encoder.sizes, encoder.facts, progress, experiment=experiment, folder=folder)


def _record(sizes: Sizes, facts: Facts, progress: Progress, *, experiment: str, folder: str) -> EncoderRecord:
    epochs = zip(progress.history, progress.ended_ms, strict=True)
    params = {f"model.{name}": value for name, value in asdict(sizes).items()}
    params |= {name: value for name, value in facts.items() if name.startswith("encoder.")}
    return EncoderRecord(
        name=str(facts["name"]),
        uid=digest([str(facts["name"]), experiment]),
        experiment=experiment,
        folder=folder,
        tags={name: str(value) for name, value in facts.items() if name not in params},
        params=params,
        epochs=tuple(EpochRecord(number, metrics, ended) for number, (metrics, ended) in enumerate(epochs, start=1)),
        started_ms=progress.started_ms,
        ended_ms=max([progress.started_ms, *progress.ended_ms]),
        state=COMPLETE,
    )
