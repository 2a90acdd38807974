"""What the MLflow run of a study shows, derived from the records of the study and its trials.

While trials run it shows what was asked; at the end also what came out. Its words to a reader are `note`'s.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence

from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.tracking.content import (
    INTERRUPTED,
    WAITING,
    MetricPoint,
    RunContent,
    legal_key,
    legal_params,
    legal_tags,
    to_text,
    to_yaml,
)
from hpo.tracking.note import study_note
from hpo.tracking.trial import last_ms, study_tags

TEST_TABLE, TABLES_TAG = "test.json", "mlflow.loggedArtifacts"  # what MLflow is told to draw as a table
BASELINE = "test_baseline_"
ROLES = {"confirmation": "confirm", "audit": "audit"}
KEY_TAGS = ("sampler", "pruner", "space", "data")  # shown as params, too: above the settings of each
DIGEST_CHARS = 8  # of the data: MLflow shows the digest beside the name
FIXED_SECTIONS = ("seed", "sampler", "pruner", "data", "model", "train", "trainer")


def study_content(study: StudyRecord) -> RunContent:
    """Returns what the run of a study shows while its trials run."""
    fixed = {
        path: value
        for path, value in _flatten(study.config)
        if path.partition(".")[0] in FIXED_SECTIONS and not _is_searched(study, path) and path != "data.cache"
    }
    key = {name: study.tags[name] for name in KEY_TAGS if name in study.tags}
    return RunContent(
        uid=study.uid,
        name=run_name(study),
        status="RUNNING",
        start_ms=study.created_ms,
        end_ms=None,
        tags=legal_tags(study_tags(study) | {"hpo.state": "running"}),
        params=legal_params(key | fixed),
        texts={"config.yaml": to_yaml(study.config), "space.yaml": to_yaml(study.space)},
        corpus=_corpus(study),
        is_whole=False,
    )


def ended_study_content(study: StudyRecord, trials: Sequence[TrialRecord], *, is_finished: bool) -> RunContent:
    """Returns what the run of a study shows when no driver works on it.

    Args:
        study: The study.
        trials: All of its trials, in the order of their numbers.
        is_finished: Whether its budget is spent; otherwise it can be continued.
    """
    start = study_content(study)
    end_ms = max([last_ms(trial) for trial in trials], default=study.created_ms)
    tags = study_tags(study) | _best_tags(study, trials)
    tags["hpo.state"] = "finished" if is_finished else INTERRUPTED
    tags["mlflow.note.content"] = study_note(study, trials, is_finished=is_finished)
    texts = {**start.texts, "trials.csv": trials_csv(trials)}
    if study.test:
        tags |= {f"test.{name.removeprefix('test_')}": to_text(value) for name, value in sorted(study.test.items())}
        tags[TABLES_TAG] = json.dumps([{"path": TEST_TABLE, "type": "table"}])
        texts[TEST_TABLE] = test_table(study)
    return RunContent(
        uid=start.uid,
        name=start.name,
        status="FINISHED" if is_finished else WAITING,
        start_ms=start.start_ms,
        end_ms=end_ms,
        tags=legal_tags(tags),
        params=start.params,
        metrics=tuple(_best_values(study, trials)),
        texts=texts,
        corpus=start.corpus,
    )


def run_name(study: StudyRecord) -> str:
    """Returns what MLflow calls a study: what tells it from others of its experiment first, as lists cut names.

    Its whole name is the tag hpo.study.
    """
    tags, kind = study.tags, ROLES.get(study.tags.get("role", ""), "")
    if "strategy" in tags:
        task = tags.get("task", study.experiment)
        words = [tags["strategy"], f"s{tags.get('seed', '')}", kind, "" if task == study.experiment else task]
        return " ".join(filter(None, words))
    if kind:
        return f"{kind} {_own_name(tags.get('confirms') or tags.get('audits') or study.name, study)}"
    return _own_name(study.name, study)


def _own_name(name: str, study: StudyRecord) -> str:
    """Returns a study's name without its experiment's before it, unless somebody chose it."""
    asked = study.config.get("study")
    is_chosen = isinstance(asked, Mapping) and bool(asked.get("name"))
    return name if is_chosen else name.removeprefix(f"{study.experiment}-")


def trials_csv(trials: Sequence[TrialRecord]) -> str:
    """Returns one line per trial: what is known of it, then its params, each a column."""
    paths = sorted({path for trial in trials for path in trial.params})
    columns = ["number", "state", "value", "seed", "attempt", "n_epochs", "started_ms", "ended_ms", "reason"]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns + paths)
    for trial in trials:
        known = [getattr(trial, column) for column in columns]
        rows.writerow(known + [to_text(trial.params[path]) if path in trial.params else "" for path in paths])
    return text.getvalue()


def test_table(study: StudyRecord) -> str:
    """Returns the test metrics as MLflow reads a table: a row a metric, the baseline's beside the study's.

    As metrics, each would be a chart of a single point.
    """
    baseline = {name.replace(BASELINE, "test_", 1): value for name, value in study.test.items() if BASELINE in name}
    own = {name: value for name, value in sorted(study.test.items()) if BASELINE not in name}
    rows = [[name.removeprefix("test_"), _legible(value), _legible(baseline.get(name))] for name, value in own.items()]
    return json.dumps({"columns": ["metric", "best trial", "linear model"], "data": rows})


def _legible(value: float | None) -> float | None:
    """Returns six digits of a number: MLflow shows all that there are; tags and the record have the others."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def _best_values(study: StudyRecord, trials: Sequence[TrialRecord]) -> Iterator[MetricPoint]:
    """Yields the best value after each finished trial."""
    ended = sorted((t for t in trials if t.ended_ms is not None), key=lambda t: (t.ended_ms or 0, t.number))
    best: TrialRecord | None = None
    for n_ended, trial in enumerate(ended, start=1):
        best = study.best([trial] if best is None else [best, trial])
        if best is not None and best.value is not None and math.isfinite(best.value):
            yield MetricPoint(legal_key(f"best_{study.metric}"), best.value, trial.ended_ms or 0, n_ended)


def _best_tags(study: StudyRecord, trials: Sequence[TrialRecord]) -> dict[str, str]:
    best = study.best(list(trials))
    if best is None:
        return {}
    params = {f"best.{path}": to_text(value) for path, value in best.params.items()}
    honest = {f"honest.{key}": to_text(value) for key, value in study.honest.items() if key in ("value", "low", "high")}
    return {"best.trial": str(best.number), "best.value": to_text(best.value), **params, **honest}


def _corpus(study: StudyRecord) -> dict[str, str]:
    fingerprint = str(study.corpus.get("fingerprint") or "")
    if not fingerprint:
        return {}
    return {
        "name": study.tags.get("data", "data")[:500],
        "digest": fingerprint[:DIGEST_CHARS],
        "source": json.dumps({"uri": str(study.corpus.get("source", ""))}),
        "profile": json.dumps({key: value for key, value in sorted(study.corpus.items()) if key.startswith("n_")}),
    }


def _flatten(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _is_searched(study: StudyRecord, path: str) -> bool:
    node: object = study.space
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return node is not None
