"""What the MLflow run of a trial shows, derived from the trial's record alone.

Live writing and a rebuild take their content from here, so both write the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from hpo.contracts.records import EncoderRecord, EpochRecord, StudyRecord, TrialRecord
from hpo.tracking.content import (
    INTERRUPTED,
    STATUS,
    WAITING,
    MetricPoint,
    RunContent,
    legal_key,
    legal_params,
    legal_tags,
    plain,
    shorten,
    to_yaml,
)

SURROUNDINGS, BUDGET = {"storage", "tracking", "executor"}, {"n_trials", "timeout_s", "n_epochs"}


def trial_uid(study: StudyRecord, number: int) -> str:
    """Returns what identifies a trial's run in MLflow."""
    return f"{study.uid}/{number}"


def trial_content(study: StudyRecord, trial: TrialRecord, *, is_live: bool) -> RunContent:
    """Returns what the run of `trial` shows; `is_live` says whether a driver still works on it."""
    is_open = is_live and not trial.is_finished
    metrics = tuple(_trial_metrics(trial))
    finite = tuple(point for point in metrics if math.isfinite(point.value))
    tags = _trial_tags(study, trial)
    if len(finite) < len(metrics):
        tags["nonfinite"] = "true"
    if not trial.is_finished and not is_live:
        tags["hpo.state"] = INTERRUPTED
    texts = {"config.yaml": to_yaml(_trial_config(study.config, trial.params))}
    if trial.error:
        texts["error.txt"] = trial.error
    return RunContent(
        uid=trial_uid(study, trial.number),
        name=f"trial {trial.number:03d}",
        status=STATUS[trial.state] if trial.is_finished or is_live else WAITING,
        start_ms=trial.started_ms,
        end_ms=None if is_open else last_ms(trial),
        tags=legal_tags(tags),
        params=legal_params(trial.params),
        metrics=finite,
        texts=texts,
    )


def _trial_metrics(trial: TrialRecord) -> Iterator[MetricPoint]:
    yield from _epoch_metrics(trial.epochs)
    if trial.ended_ms is None:
        return
    step = trial.epochs[-1].epoch if trial.epochs else 0
    if trial.value is not None:
        yield MetricPoint("value", float(trial.value), trial.ended_ms, step)
    yield MetricPoint("duration_s", trial.duration_s, trial.ended_ms, step)


def _epoch_metrics(epochs: Iterable[EpochRecord]) -> Iterator[MetricPoint]:
    for epoch in epochs:
        for name, value in sorted(epoch.metrics.items()):
            yield MetricPoint(legal_key(name), float(value), epoch.ended_ms, epoch.epoch)


def study_tags(study: StudyRecord) -> dict[str, str]:
    """Returns the tags a study shares with each of its trials: MLflow filters every run by its own tags only."""
    return {
        **study.tags,
        "hpo.study": study.name,
        "hpo.study_uid": study.uid,
        "hpo.metric": study.metric,
        "hpo.direction": study.direction,
    }


def _trial_tags(study: StudyRecord, trial: TrialRecord) -> dict[str, str]:
    optional = {"hpo.reason": trial.reason, "hpo.error": _last_line(trial.error), **_pauses(trial)}
    return {
        **study_tags(study),
        **{f"trial.{name}": text for name, text in trial.facts.items()},
        "hpo.trial_uid": trial_uid(study, trial.number),
        "hpo.trial": str(trial.number),
        "hpo.state": trial.state,
        "hpo.attempt": str(trial.attempt),
        "hpo.seed": str(trial.seed),
        **{key: text for key, text in optional.items() if text},
    }


def _pauses(trial: TrialRecord) -> dict[str, str]:
    """Returns after which epoch a trial waits, or waited when its study ended, and after which it was promoted."""
    promoted = " ".join(str(leg.until) for leg in trial.legs[:-1])
    return {"hpo.paused_at": str(trial.n_epochs) if trial.is_waiting else "", "hpo.promoted_after": promoted}


def last_ms(trial: TrialRecord) -> int:
    """Returns when the trial ended, or when it was last heard of."""
    if trial.ended_ms is not None:
        return trial.ended_ms
    return trial.epochs[-1].ended_ms if trial.epochs else trial.started_ms


def _trial_config(config: Mapping[str, object], params: Mapping[str, object]) -> dict[str, object]:
    """Returns what made the trial: the study's config with the params set, without what may change on resume."""
    nested = {key: value for key, value in plain(config).items() if key not in SURROUNDINGS}
    if isinstance(study := nested.get("study"), dict):
        nested["study"] = {key: value for key, value in study.items() if key not in BUDGET}
    for path, value in params.items():
        _set(nested, path, value)
    return nested


def _set(nested: dict[str, object], path: str, value: object) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        child = nested.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ValueError(f"param {path} lies inside {parent}, which is a plain value in the config.")
        nested = child
    nested[name] = value


def _last_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return shorten(lines[-1].strip(), 500) if lines else ""


def encoder_content(encoder: EncoderRecord) -> RunContent:
    """Returns what the run of an encoder shows."""
    tags = {**encoder.tags, "hpo.study_uid": encoder.uid, "hpo.role": "encoder", "hpo.state": encoder.state}
    return RunContent(
        uid=encoder.uid,
        name=encoder.name,
        status=STATUS[encoder.state],
        start_ms=encoder.started_ms,
        end_ms=encoder.ended_ms,
        tags=legal_tags(tags),
        params=legal_params(encoder.params),
        metrics=tuple(point for point in _epoch_metrics(encoder.epochs) if math.isfinite(point.value)),
        texts={"error.txt": encoder.error} if encoder.error else {},
        is_whole=encoder.ended_ms is not None,
    )
