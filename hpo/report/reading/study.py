"""One study of the record as the report sees it: its trials in the order of their ends, what is beside it, its facts.

Which studies belong together is decided in `record`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, takewhile

from hpo.contracts.records import (
    COMPLETE,
    CONTINUED,
    DIVERGED,
    FAIL,
    PRUNED,
    SEARCHED,
    TEST_VALUE,
    StudyRecord,
    TrialRecord,
)
from hpo.report.analysis.labels import Label, flatten_settings
from hpo.report.analysis.recorded import Recorded, record_of
from hpo.report.analysis.records import Audit, Baseline, Confirmed, Study, Trial

BASELINE, TEST_BASELINE = "baseline_", "test_baseline_"  # before a metric: of the valid part, and of the test part
SETTINGS = ("sampler", "pruner", "train", "model", "encoder", "trainer")  # sections of the settings that become facts
MOVING = ("lr", "drop_mult")  # metrics of an epoch where these moved inside the training
UNMOVED: Mapping[str, tuple[float, ...]] = {}  # one for all: there may be many
SHARED = ("device", "device_name", "precision", "threads", "n_params")  # facts of a study if its trials agree
CACHED, MAPPING = "cached_from", "mapping"


@dataclass(frozen=True)
class StoredStudy:
    """What the record holds of one study.

    Attributes:
        study, trials: As read.
        is_ended: Whether its last driver reached the budget.
        tests: Test metrics by trial number, of those that were tested.
        fingerprint: What its results depend on.
    """

    study: StudyRecord
    trials: Sequence[TrialRecord]
    is_ended: bool
    tests: Mapping[str, Mapping[str, float]]
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_simulated(self) -> bool:
        return self.study.tags.get("executor") == "simulated"


def to_study(
    stored: StoredStudy,
    label: Label,
    *,
    confirmation: StoredStudy | None = None,
    audit: StoredStudy | None = None,
    n_concurrent: str | None = None,
) -> Study:
    """Returns a study of the report.

    Args:
        stored: The search.
        label: What it is called.
        confirmation: The study that confirms it, if there is one.
        audit: The study that trained some of its pruned trials to their end, if there is one.
        n_concurrent: Trials of it at once, if the design says so.
    """
    facts = _facts(stored, confirmation, n_concurrent)
    return Study(
        name=stored.study.name,
        task=label.task,
        strategy=label.strategy,
        seed=int(stored.study.tags["seed"]),
        trials=_trials(stored, _continued(audit) if audit else {}),
        confirmed=_confirmed(stored, confirmation) if confirmation else (),
        is_ended=stored.is_ended,
        facts=facts,
        audit=_audit(audit) if audit else None,
        baseline=_baseline(stored, confirmation),
        recorded=_recorded(stored, facts),
    )


def _recorded(stored: StoredStudy, facts: Mapping[str, str]) -> Recorded | None:
    """Returns what trials can be trained again from; trials of a recorded table were never trained."""
    return None if stored.study.is_recorded else record_of(stored.study, stored.trials, stored.fingerprint, facts)


def _trials(stored: StoredStudy, continued: Mapping[int, float]) -> tuple[Trial, ...]:
    metric = stored.study.metric
    ended = _in_order([trial for trial in stored.trials if trial.is_finished], is_by_turn=_is_ordered(stored))
    running = [trial for trial in stored.trials if not trial.is_finished]
    trials = [_trial(trial, metric, ended_s) for trial, ended_s in zip(ended, _ends(stored, ended), strict=True)]
    trials = [
        replace(trial, continued=continued[trial.number])
        if trial.state == PRUNED and trial.number in continued
        else trial
        for trial in trials
    ]
    return (*trials, *(_trial(trial, metric, None) for trial in running))


def _is_ordered(stored: StoredStudy) -> bool:
    """Returns whether results were told in the order of numbers; simulated ends are ordered by their own clock."""
    study = stored.study.config.get("study")
    return isinstance(study, Mapping) and bool(study.get("ordered")) and not stored.is_simulated


def _in_order(trials: Sequence[TrialRecord], *, is_by_turn: bool) -> list[TrialRecord]:
    return sorted(trials, key=lambda trial: (0 if is_by_turn else trial.ended_ms or 0, trial.turn))


def _ends(stored: StoredStudy, ended: Sequence[TrialRecord]) -> Iterable[float]:
    """Returns when each trial ended, in seconds of the study's own clock.

    A study shares its workers with others, so the wall clock says nothing of it: seconds of training are summed, as
    its driver sums them against a budget of seconds. Only simulated workers have a clock that means what it says.
    """
    study = stored.study.config.get("study")
    has_summed = isinstance(study, Mapping) and study.get("trials_s") is not None
    if has_summed or not stored.is_simulated:
        return accumulate(trial.seconds for trial in ended)
    began_ms = min((trial.started_ms for trial in stored.trials), default=0)
    return [((trial.ended_ms or 0) - began_ms) / 1000 for trial in ended]


def _trial(trial: TrialRecord, metric: str, ended_s: float | None) -> Trial:
    values = (epoch.metrics.get(metric, math.nan) for epoch in trial.epochs)
    return Trial(
        number=trial.number,
        state=trial.state,
        value=trial.value if trial.state != FAIL and trial.is_finished else None,
        epochs=trial.n_charged,
        seconds=trial.seconds,
        ended_s=ended_s,
        params=trial.params,
        curve=tuple(takewhile(math.isfinite, values)),
        test=_finite(trial.facts.get(TEST_VALUE)),
        reason=trial.reason,
        is_cached=CACHED in trial.facts,
        n_promotions=max(len(trial.legs) - 1, 0),
        is_waiting=trial.is_waiting,
        origin=trial.facts.get("origin", ""),
        schedule=_schedule(trial),
        continued=_recorded_end(trial.facts[CONTINUED]) if trial.state == PRUNED and CONTINUED in trial.facts else None,
    )


def _schedule(trial: TrialRecord) -> Mapping[str, tuple[float, ...]]:
    moved = [name for name in MOVING if trial.epochs and name in trial.epochs[0].metrics]
    if not moved:
        return UNMOVED
    return {name: tuple(epoch.metrics.get(name, math.nan) for epoch in trial.epochs) for name in moved}


def _recorded_end(text: str) -> float:
    """Returns what a recorded table says a pruned trial would have come to."""
    return math.inf if text == DIVERGED else float(text)


def _continued(audit: StoredStudy) -> dict[int, float]:
    """Returns what the trials that an audit trained to their end came to, by their number in the search."""
    ended = [trial for trial in audit.trials if trial.state == COMPLETE or trial.reason == DIVERGED]
    return {int(trial.facts[SEARCHED]): math.inf if trial.value is None else trial.value for trial in ended}


def _audit(audit: StoredStudy) -> Audit:
    ended = [trial for trial in audit.trials if trial.is_finished]
    return Audit(
        n_trials=len(ended),
        n_failed=len(ended) - len(_continued(audit)),
        epochs=sum(trial.n_charged for trial in ended),
        seconds=sum(trial.seconds for trial in ended),
        is_ended=audit.is_ended,
    )


def _finite(text: str | None) -> float | None:
    value = math.nan if text is None else float(text)
    return value if math.isfinite(value) else None


def _confirmed(stored: StoredStudy, confirmation: StoredStudy) -> tuple[Confirmed, ...]:
    searched = {trial.number: trial.value for trial in stored.trials}
    groups: dict[int, list[TrialRecord]] = {}
    for trial in confirmation.trials:
        if trial.is_finished and SEARCHED in trial.facts:
            groups.setdefault(int(trial.facts[SEARCHED]), []).append(trial)
    found = []
    for number, group in groups.items():
        value = searched.get(number)
        if value is not None:
            tests = [confirmation.tests.get(str(trial.number), {}).get(stored.study.test_metric) for trial in group]
            found.append(_confirmed_one(number, value, group, [test for test in tests if test is not None]))
    return tuple(sorted(found, key=lambda confirmed: (stored.study.sign * confirmed.searched, confirmed.trial)))


def _confirmed_one(number: int, searched: float, group: Sequence[TrialRecord], tests: Sequence[float]) -> Confirmed:
    values = [trial.value for trial in group if trial.state == COMPLETE and trial.value is not None]
    return Confirmed(
        trial=number,
        searched=searched,
        values=tuple(values),
        tests=tuple(test for test in tests if math.isfinite(test)),
        n_failed=len(group) - len(values),
        epochs=sum(trial.n_charged for trial in group),
        seconds=sum(trial.seconds for trial in group),
    )


def _baseline(stored: StoredStudy, confirmation: StoredStudy | None) -> Baseline | None:
    """Returns what the baseline reached on the study's texts; on the test part each of its tests has measured it."""
    valid = stored.study.corpus.get(f"{BASELINE}{stored.study.metric}")
    name = stored.study.test_metric.replace("test_", TEST_BASELINE)
    tested = [metrics for of in (stored, confirmation) if of for metrics in of.tests.values()]
    known = [metrics[name] for metrics in tested if math.isfinite(metrics.get(name, math.nan))]
    found = Baseline(
        valid if isinstance(valid, float) and math.isfinite(valid) else None,
        known[0] if known else None,
    )
    return found if found != Baseline(None, None) else None


def _facts(stored: StoredStudy, confirmation: StoredStudy | None, n_concurrent: str | None) -> dict[str, str]:
    """Returns what the strategy and its surroundings were: tags, settings by config path, what all trials agree on."""
    config = stored.study.config
    facts = dict(stored.study.tags)
    facts |= flatten_settings({section: config[section] for section in SETTINGS if section in config})
    if "sampler.n_startup_trials" in facts:
        facts["n_startup_trials"] = facts["sampler.n_startup_trials"]
    n_workers = n_concurrent or _n_workers(config.get("executor"), stored.study.tags.get("executor", ""))
    if n_workers:
        facts["n_workers"] = n_workers
    for key in SHARED:
        values = {trial.facts[key] for trial in stored.trials if key in trial.facts}
        if len(values) == 1:
            facts[key] = values.pop()
    asked = config.get("study")
    if isinstance(asked, Mapping) and asked.get("learn_from"):
        facts["learn_from"] = ", ".join(map(str, asked["learn_from"]))
    if confirmation is not None:
        facts["confirmation"] = "ended" if confirmation.is_ended else "running"
    return facts


def _n_workers(executor: object, option: str) -> str:
    """Returns how many trials ran at once, as far as the settings say; "" if as many as the machine had cores for."""
    if option == "inline":
        return "1"
    given = executor.get("n_workers") if isinstance(executor, Mapping) else None
    return str(given) if given else ""
