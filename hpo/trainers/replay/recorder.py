"""Turns finished trials into a table of recorded curves and its card.

Finding the trials is `curves`' business, reading the table again that of `table`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.metric import KNOWN
from hpo.config.schema import SECTIONS
from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE, FAIL, StudyRecord, TrialRecord, test_name
from hpo.contracts.trainer import Reason
from hpo.machine.files import write_atomically
from hpo.space.space import canonical

SEED, SECONDS = "seed", "seconds"  # columns
OURS = ("valid_loss", "accuracy", "macro_f1", "train_loss")
CLOCKED = {SECONDS, "tokens_per_s", "peak_mb"}  # no quality of a model


@dataclass(frozen=True)
class Source:
    """A study whose trials are recorded.

    Attributes:
        study, trials: As the record has them.
        distributions: What was searched, by config path.
        tests: Test metrics of the trials that have been tested, by number.
    """

    study: StudyRecord
    trials: Sequence[TrialRecord]
    distributions: Mapping[str, BaseDistribution]
    tests: Mapping[int, Mapping[str, float]]


@dataclass(frozen=True)
class Recording:
    """A table and its card, in memory.

    Attributes:
        columns: A value for every row, by the column's name.
        card: What `curve_card` reads.
        n_configurations: How many of the rows' params differ.
        left_out: How many trials are not among the rows, by the reason.
    """

    columns: Mapping[str, list[Any]]
    card: Mapping[str, Any]
    n_configurations: int
    left_out: Mapping[str, int]

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True)
class _Row:
    params: Mapping[str, ParamValue]
    trial: TrialRecord
    tests: Mapping[str, float]


def record_curves(sources: Sequence[Source]) -> Recording:
    """Returns the whole curves of all trials: those of complete trials, and of diverged ones, which end in NaN.

    The params are what was searched in any study, and the settings in which the studies differ.

    Raises:
        ValueError: if there is no such trial, or columns would have the same name.
    """
    paths = sorted(_searched(sources) | _differing(sources))
    rows, left_out = _sort_out(sources, paths)
    if not any(row.trial.state == COMPLETE for row in rows):
        raise ValueError(f"no trial was completed ({_counted(left_out)}), so that there is no curve to record.")
    metrics = _metrics([row.trial for row in rows])
    tested = [test_name(metric) for metric in metrics if any(test_name(metric) in row.tests for row in rows)]
    params: dict[str, list[Any]] = {path: [row.params[path] for row in rows] for path in paths}
    columns: dict[str, list[Any]] = {
        **{metric: [_curve(row.trial, metric) for row in rows] for metric in metrics},
        SECONDS: [_seconds(row.trial) for row in rows],
        SEED: [row.trial.seed for row in rows],
        **{name: [row.tests.get(name) for row in rows] for name in tested},
    }
    double = sorted(set(params) & set(columns))
    if double:
        raise ValueError(f"the params {', '.join(double)} have the names of columns that every table has; rename them.")
    card = {
        "params": {path: describe_param(path, params[path], sources) for path in paths},
        "metrics": {metric: metric for metric in metrics},
        **({"test": {name: name for name in tested}} if tested else {}),
        "direction": _directions(metrics, sources),
        "seconds": SECONDS,
        "seed": SEED,
        "matching": "exact",
        "fidelity": {"name": "epochs"},
    }
    return Recording({**params, **columns}, card, len({canonical(row.params) for row in rows}), left_out)


def _sort_out(sources: Sequence[Source], paths: Sequence[str]) -> tuple[list[_Row], dict[str, int]]:
    """Returns the rows, each training once, and how many trials are none, by the reason."""
    kept: dict[str, _Row] = {}
    left_out: Counter[str] = Counter()
    for source in sources:
        for trial in source.trials:
            params = {path: trial.params.get(path, _setting(source.study, path)) for path in paths}
            key = f"{canonical(params)} {trial.seed}"
            if not _is_whole(trial):
                left_out[_ending(trial)] += 1
            elif key in kept:
                left_out["double"] += 1
            else:
                kept[key] = _Row(params, trial, source.tests.get(trial.number, {}))
    return list(kept.values()), dict(left_out)


def write_recording(recording: Recording, path: Path, *, title: str) -> None:
    """Writes the table to `path` and beside it the card, with `title` as its first line.

    Raises:
        ValueError: if a param has values that cannot stand in one column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays: dict[str, pa.Array] = {}
    for name, values in recording.columns.items():
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(f"{name} has values of several kinds, too many for one column: {error}.") from error
    content = BytesIO()
    pq.write_table(pa.table(arrays), content)
    write_atomically(path, content.getvalue())
    card = yaml.safe_dump(dict(recording.card), sort_keys=False, allow_unicode=True, default_flow_style=None)
    write_atomically(path.with_suffix(".yaml"), f"# {title}\n{card}".encode())


def _searched(sources: Sequence[Source]) -> set[str]:
    return {path for source in sources for path in source.distributions}


def _differing(sources: Sequence[Source]) -> set[str]:
    """Returns the settings of model and training in which the studies differ."""
    paths = {
        f"{section}.{name}" for source in sources for section in SECTIONS for name in _section(source.study, section)
    }
    paths -= {"model.log"}  # changes no curve
    return {path for path in paths if len({repr(_setting(source.study, path)) for source in sources}) > 1}


def _setting(study: StudyRecord, path: str) -> ParamValue:
    section, _, name = path.partition(".")
    value: ParamValue = _section(study, section).get(name)
    return value


def _section(study: StudyRecord, name: str) -> Mapping[str, Any]:
    section = study.config.get(name)
    return section if isinstance(section, Mapping) else {}


def _is_whole(trial: TrialRecord) -> bool:
    return trial.state == COMPLETE or (trial.state == FAIL and trial.reason == Reason.DIVERGED.value)


def _ending(trial: TrialRecord) -> str:
    return f"failed ({trial.reason})" if trial.state == FAIL else trial.state.lower()


def _counted(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {why}" for why, n in sorted(left_out.items())) or "none was begun"


def _metrics(trials: Sequence[TrialRecord]) -> list[str]:
    """Returns the metrics that every epoch of every trial has, those of text classifiers first."""
    epochs = [epoch.metrics for trial in trials for epoch in trial.epochs]
    shared = set.intersection(*(set(metrics) for metrics in epochs)) - CLOCKED
    return [*(metric for metric in OURS if metric in shared), *sorted(shared - set(OURS))]


def _directions(metrics: Sequence[str], sources: Sequence[Source]) -> dict[str, str]:
    """Returns which values of each metric are better, where that is known of it."""
    optimised = {source.study.metric: source.study.direction for source in sources}
    known = {metric: direction.value for metric, direction in KNOWN.items()} | optimised
    return {metric: known[metric] for metric in metrics if metric in known}


def _curve(trial: TrialRecord, metric: str) -> list[float]:
    curve = [epoch.metrics[metric] for epoch in trial.epochs]
    return [*curve, math.nan] if trial.state == FAIL else curve


def _seconds(trial: TrialRecord) -> list[float]:
    """Returns the seconds of each epoch, the one in which it diverged included."""
    seconds = [epoch.metrics.get("seconds", 0.0) for epoch in trial.epochs]
    return [*seconds, trial.unreported_s] if trial.state == FAIL else seconds


def describe_param(path: str, values: Sequence[ParamValue], sources: Sequence[Source]) -> dict[str, Any]:
    """Returns what the card says of a param: the widest of the ranges it was searched in, and all values."""
    found = [source.distributions[path] for source in sources if path in source.distributions]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    is_categorical = any(isinstance(distribution, CategoricalDistribution) for distribution in found)
    if is_categorical or len(numbers) < len(values):
        choices = [c for d in found if isinstance(d, CategoricalDistribution) for c in d.choices]
        return {"type": "categorical", "choices": list({repr(v): v for v in [*choices, *values]}.values())}
    ranges = [d for d in found if isinstance(d, FloatDistribution | IntDistribution)]
    is_int = all(isinstance(d, IntDistribution) for d in ranges) and all(isinstance(n, int) for n in numbers)
    entry: dict[str, Any] = {
        "type": "int" if is_int else "float",
        "low": min([*numbers, *(d.low for d in ranges)]),
        "high": max([*numbers, *(d.high for d in ranges)]),
    }
    return {**entry, "log": True} if ranges and all(d.log for d in ranges) else entry
