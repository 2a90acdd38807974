"""What one MLflow run shows, as plain data, and MLflow's limits on it.

No MLflow and no clock here: `trial` and `study` derive contents from the record.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import yaml

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING

STATUS = {RUNNING: "RUNNING", COMPLETE: "FINISHED", PRUNED: "KILLED", FAIL: "FAILED"}
WAITING, INTERRUPTED = "SCHEDULED", "interrupted"  # what MLflow and our tag call something that can go on
MAX_PARAM_CHARS, MAX_TAG_CHARS, MAX_KEY_CHARS = 6000, 8000, 250


@dataclass(frozen=True)
class MetricPoint:
    """One value of one metric; equal points written twice are one point in MLflow."""

    key: str
    value: float
    timestamp_ms: int
    step: int


@dataclass(frozen=True)
class RunContent:
    """Everything one run shows.

    Attributes:
        uid: Identifies the run for ever: the study's uid, or "<study uid>/<trial number>".
        status: MLflow's word for the state.
        end_ms: None while something may still be added.
        is_whole: False when `tags` are only those known so far, so others must be left alone.
        texts: Artifacts by path.
        corpus: Name, digest, source and profile of the data the study reads; empty if none.
    """

    uid: str
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[MetricPoint, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    corpus: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True

    @property
    def digest(self) -> str:
        """A hash of all of it; a run that carries it needs no further writing."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


def legal_params(params: Mapping[str, object]) -> dict[str, str]:
    """Returns params as MLflow takes them; a text too long for a param stands in config.yaml only."""
    texts = {legal_key(path): to_text(value) for path, value in params.items()}
    return {path: text for path, text in texts.items() if len(text) <= MAX_PARAM_CHARS}


def legal_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Returns tags as MLflow takes them, over-long texts visibly shortened."""
    return {legal_key(key): shorten(str(text), MAX_TAG_CHARS) for key, text in sorted(tags.items())}


def legal_key(key: str) -> str:
    """Returns a name MLflow accepts for a param, a tag or a metric."""
    return re.sub(r"[^\w.\-/ ]", "_", key)[:MAX_KEY_CHARS]


def shorten(text: str, max_chars: int) -> str:
    """Returns `text`, ending in an ellipsis if it had to be cut."""
    return text if len(text) <= max_chars else text[: max_chars - 2] + " …"


def to_text(value: object) -> str:
    """Returns a text that reads back as the same value: 0.1, 3, true, null, or the string itself."""
    return value if isinstance(value, str) else json.dumps(value)


def to_yaml(data: Mapping[str, object]) -> str:
    """Returns nested plain data as YAML, sorted: the record does not promise an order."""
    text: str = yaml.dump(plain(data), Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True)
    return text


def plain(data: Mapping[str, object]) -> dict[str, object]:
    """Returns a copy of nested mappings as nested dicts."""
    return {key: plain(value) if isinstance(value, Mapping) else value for key, value in data.items()}
