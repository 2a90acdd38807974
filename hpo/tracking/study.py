"""What the MLflow run of a study shows, derived from the records of the study and its trials.

While trials run it shows what was asked; at the end also what came out.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, StudyRecord, TrialRecord
from hpo.tracking.content import (
    MAX_DIGEST_CHARS,
    STATUS,
    MetricPoint,
    RunContent,
    legal_key,
    legal_params,
    legal_tags,
    to_text,
    to_yaml,
)
from hpo.tracking.trial import last_ms, study_tags

FIXED_SECTIONS = ("seed", "sampler", "pruner", "data", "model", "train", "trainer")


def study_content(study: StudyRecord) -> RunContent:
    """Returns what the run of a study shows while its trials run."""
    fixed = {
        path: value
        for path, value in _flatten(study.config)
        if path.partition(".")[0] in FIXED_SECTIONS and not _is_searched(study, path) and path != "data.cache"
    }
    return RunContent(
        uid=study.uid,
        name=study.name,
        status="RUNNING",
        start_ms=study.created_ms,
        end_ms=None,
        tags=legal_tags(study_tags(study) | {"hpo.state": RUNNING}),
        params=legal_params(fixed),
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
    tags["hpo.state"] = "FINISHED" if is_finished else "INTERRUPTED"
    tags["mlflow.note.content"] = _summary(study, trials)
    return RunContent(
        uid=start.uid,
        name=start.name,
        status="FINISHED" if is_finished else "KILLED",
        start_ms=start.start_ms,
        end_ms=end_ms,
        tags=legal_tags(tags),
        params=start.params,
        metrics=tuple(_study_metrics(study, trials)),
        texts={**start.texts, "trials.csv": trials_csv(trials)},
        corpus=start.corpus,
    )


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


def _study_metrics(study: StudyRecord, trials: Sequence[TrialRecord]) -> Iterator[MetricPoint]:
    """Yields the best value after each finished trial, then the test metrics."""
    ended = sorted((t for t in trials if t.ended_ms is not None), key=lambda t: (t.ended_ms or 0, t.number))
    best: TrialRecord | None = None
    for n_ended, trial in enumerate(ended, start=1):
        best = study.best([trial] if best is None else [best, trial])
        if best is not None and best.value is not None and math.isfinite(best.value):
            yield MetricPoint("best_value", best.value, trial.ended_ms or 0, n_ended)
    at_ms = (ended[-1].ended_ms or 0) if ended else study.created_ms
    for name, value in sorted(study.test.items()):
        key = name if name.startswith("test") else f"test_{name}"
        if math.isfinite(value):
            yield MetricPoint(legal_key(key), float(value), at_ms, len(ended))


def _best_tags(study: StudyRecord, trials: Sequence[TrialRecord]) -> dict[str, str]:
    best = study.best(list(trials))
    if best is None:
        return {}
    params = {f"best.{path}": to_text(value) for path, value in best.params.items()}
    return {"best.trial": str(best.number), "best.value": to_text(best.value), **params}


def _summary(study: StudyRecord, trials: Sequence[TrialRecord]) -> str:
    """Returns the Markdown shown at the top of the study's page."""
    count = {state: sum(trial.state == state for trial in trials) for state in STATUS}
    open_trials = f", {count[RUNNING]} to be continued" if count[RUNNING] else ""
    lines = [
        f"**{study.name}**: {study.direction} {study.metric} with {len(trials)} trials "
        f"({count[COMPLETE]} complete, {count[PRUNED]} pruned, {count[FAIL]} failed{open_trials}).",
    ]
    best = study.best(list(trials))
    if best is not None and best.value is not None:
        lines += ["", f"Best {study.metric}: **{best.value:.6g}** in trial {best.number}."]
    held = study.corpus.get(f"baseline_{study.metric}")
    if isinstance(held, float):  # near the top: MLflow folds away what is below
        lines.append(f"A linear model of the words has {study.metric} {held:.6g} on the same texts.")
    if study.test:
        measured = ", ".join(f"{key} {value:.6g}" for key, value in sorted(study.test.items()))
        lines += ["", f"On the test part: {measured}"]
    if best is not None and best.value is not None:
        lines += ["", "| param | value |", "|---|---|"]
        lines += [f"| {path} | {to_text(value)} |" for path, value in sorted(best.params.items())]
        if not study.is_recorded:
            lines += ["", "To train it again:", "", f"    hpo {study.retraining(best.params)}"]
    return "\n".join(lines)


def _corpus(study: StudyRecord) -> dict[str, str]:
    fingerprint = str(study.corpus.get("fingerprint") or "")
    if not fingerprint:
        return {}
    return {
        "name": study.tags.get("data", "data")[:500],
        "digest": fingerprint[:MAX_DIGEST_CHARS],
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
