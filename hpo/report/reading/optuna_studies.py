"""An experiment from a storage of Optuna's that hpo did not make: its studies, paired by their names.

How the file is opened is `storage.foreign`'s business; nothing is written to it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpo.config.schema import Direction
from hpo.contracts.records import COMPLETE, DIVERGED, FAIL, PRUNED, RUNNING
from hpo.machine.paths import expanded, is_file
from hpo.report.analysis.records import Experiment, Trial
from hpo.report.analysis.spaces import widest_space
from hpo.report.reading.csv_words import check_states, read_state
from hpo.report.reading.deviations import join_names
from hpo.report.reading.foreign_trials import LARGEST, ReadTrial, StudyPlace, imputed, to_studies
from hpo.report.reading.scales import ROPE, with_value_kind
from hpo.report.reading.terms import Terms, settle, with_inferred_budget

MAGIC = b"SQLite format 3\0"
UNNAMED = "value"  # the metric where Optuna knows no name of it
EXAMPLE = "'report.study_names={strategy}-{task}-{seed}'"
PARTS = ("strategy", "task", "seed")
WAITING = TrialState.WAITING
PART = re.compile(r"\{(\w*)\}")


def database_of(records: str) -> Path | None:
    """Returns the SQLite file that `records` names, sqlite:///FILE or the file itself; None if it names none.

    Raises:
        ValueError: if it is the address of another database.
    """
    scheme, is_address, place = records.partition("://")
    if not is_address:
        path = expanded(records)
        return path if _begins_with_magic(path) else None
    if scheme != "sqlite" or not place.startswith("/") or len(place) < 2:
        raise ValueError(
            f"records={scheme}://… is no file; give sqlite:///FILE, or write a CSV file of the trials there."
        )
    return expanded(place[1:])


def _begins_with_magic(path: Path) -> bool:
    if not is_file(path):
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_optuna(
    path: Path, *, study_names: str | None, name: str | None = None, terms: Terms | None = None
) -> Experiment:
    """Returns the experiment that the studies in a SQLite file of Optuna's are.

    Args:
        path: The file.
        study_names: How a study's name is made: text with {strategy}, {seed}, perhaps {task}, and {} for what differs.
        name: What the experiment is to be called; None: as the file.
        terms: What was given by hand.

    Raises:
        ValueError: if the studies cannot be read, told apart by their names, or compared; in a sentence.
    """
    from hpo.storage.foreign import read_foreign

    shown, terms = f"records=sqlite:///{path}", terms or Terms()
    studies = read_foreign(path)
    places = _places([each[0] for each in studies], study_names, shown)
    unfit = [each[0] for each in studies if each[0] not in places]
    studies = [each for each in studies if each[0] in places]
    direction = _one({study: direction for study, direction, _, _ in studies}, "direction", shown)
    if terms.direction not in (None, direction):
        raise ValueError(f"report.direction={terms.direction} contradicts {shown}, which says {direction}.")
    metric = _one({study: metric or UNNAMED for study, _, metric, _ in studies}, "metric", shown)
    begun = {places[study]: [each for each in trials if each.state is not WAITING] for study, _, _, trials in studies}
    read = _read_all(begun, check_states(terms.states))
    left_out = [f"Left out, as their names do not fit report.study_names: {join_names(unfit)}."] if unfit else []
    experiment = Experiment(
        name=name or path.stem,
        metric=metric,
        direction=Direction(direction),
        unit="trials",
        budget=1.0,
        rope=ROPE.get(metric, 0.0),
        studies=to_studies(read),
        deviations=(*left_out, *imputed(read)),
        spaces=_spaces(begun),
        facts={"source": f"Optuna's storage {path.name}, studies {study_names}"},
        notes=_notes([trial for trials in begun.values() for trial in trials]),
    )
    return settle(with_inferred_budget(with_value_kind(experiment, terms.value_is), []), terms)


def _places(names: Sequence[str], study_names: str | None, shown: str) -> dict[str, StudyPlace]:
    """Returns task, strategy and seed of each study whose name fits."""
    some = join_names([f"'{name}'" for name in names[:3]]) + (", …" if len(names) > 3 else "")
    if not study_names:
        raise ValueError(
            f"{shown} has studies called {some}; say what their names are made of, as in {EXAMPLE}; "
            "{} stands for what does not matter."
        )
    lazy, greedy = (_expression(study_names, repeat) for repeat in ("+?", "+"))
    found: dict[StudyPlace, str] = {}
    for name in names:
        match, other = lazy.fullmatch(name), greedy.fullmatch(name)
        if match is None or other is None:
            continue
        if match.groupdict() != other.groupdict():
            raise ValueError(
                f"report.study_names={study_names} fits '{name}' in several ways: {_said(match)}, or {_said(other)}; "
                "write more of the text between the parts."
            )
        parts = match.groupdict()
        place = (parts.get("task", "task"), parts["strategy"], int(parts["seed"]))
        if place in found:
            raise ValueError(
                f"report.study_names={study_names} makes '{found[place]}' and '{name}' one study: {_said(match)}; "
                "name what tells them apart."
            )
        found[place] = name
    if not found:
        raise ValueError(f"report.study_names={study_names} fits no study of {shown}, which has {some}.")
    return {name: place for place, name in found.items()}


def _expression(study_names: str, repeat: str) -> re.Pattern[str]:
    given = PART.findall(study_names)
    wrong = [part for part in given if part and (part not in PARTS or given.count(part) > 1)]
    if wrong or not {"strategy", "seed"} <= set(given):
        raise ValueError(
            f"report.study_names={study_names} must have {{strategy}} and {{seed}}, may have {{task}}, each once, and "
            f"{{}} for what does not matter; as in {EXAMPLE}."
        )
    texts = PART.split(study_names)
    parts = {part: rf"(?P<{part}>.{repeat})" for part in PARTS} | {"seed": r"(?P<seed>\d+)", "": f".{repeat}"}
    return re.compile("".join(parts[text] if i % 2 else re.escape(text) for i, text in enumerate(texts)), re.DOTALL)


def _said(match: re.Match[str]) -> str:
    return ", ".join(f"{part} {text}" for part, text in match.groupdict().items())


def _one(by_study: Mapping[str, str], what: str, shown: str) -> str:
    """Returns what all studies have."""
    first = next(iter(by_study))
    for study, found in by_study.items():
        if found != by_study[first]:
            raise ValueError(
                f"{shown}: an experiment has one {what}, but '{first}' has {by_study[first]} and '{study}' has "
                f"{found}; let report.study_names fit the studies of one."
            )
    return by_study[first]


def _read_all(begun: Mapping[StudyPlace, Sequence[FrozenTrial]], states: Mapping[str, str]) -> list[ReadTrial]:
    steps = {step for trials in begun.values() for trial in trials for step in trial.intermediate_values}
    read = []
    for place, trials in begun.items():
        began_s = min((trial.datetime_start.timestamp() for trial in trials if trial.datetime_start), default=0.0)
        read += [_read(place, trial, states, began_s=began_s, is_from_zero=0 in steps) for trial in trials]
    return read


def _read(
    place: StudyPlace, trial: FrozenTrial, states: Mapping[str, str], *, began_s: float, is_from_zero: bool
) -> ReadTrial:
    """Returns a trial as it counts: charged as many epochs as the step of its last intermediate value says."""
    state, reason = read_state(trial.state.name, states)
    value = math.nan if trial.values is None else trial.values[0]
    is_finite = math.isfinite(value) and abs(value) <= LARGEST
    is_imputed = state == COMPLETE and not is_finite
    if is_imputed:
        state, reason = FAIL, "no value" if math.isnan(value) else DIVERGED
    reported = sorted(trial.intermediate_values.items())
    steps = [step + is_from_zero for step, _ in reported]
    is_gapless = steps == list(range(1, len(steps) + 1))
    curve = [value for _, value in reported] if is_gapless else []
    n_finite = next((i for i, value in enumerate(curve) if not math.isfinite(value)), len(curve))
    ended = trial.datetime_complete if state != RUNNING else None
    return ReadTrial(
        place,
        Trial(
            number=trial.number,
            state=state,
            value=value if is_finite and state in (COMPLETE, PRUNED) else None,
            epochs=float(max(steps, default=1)),
            seconds=_seconds(trial),
            ended_s=ended.timestamp() - began_s if ended else None,
            params=dict(trial.params),
            curve=tuple(curve[:n_finite]),
            reason=(str(trial.system_attrs.get("fail_reason") or reason or "unknown")) if state == FAIL else None,
        ),
        is_imputed,
    )


def _seconds(trial: FrozenTrial) -> float:
    duration = trial.duration
    return max(duration.total_seconds(), 0.0) if duration else 0.0


def _spaces(begun: Mapping[StudyPlace, Sequence[FrozenTrial]]) -> dict[str, Mapping[str, BaseDistribution]]:
    """Returns the widest of the ranges that params were drawn from, by task; {} where there are none."""
    spaces: dict[str, list[Mapping[str, BaseDistribution]]] = {}
    for (task, _, _), trials in begun.items():
        spaces.setdefault(task, []).extend(trial.distributions for trial in trials if trial.distributions)
    return {task: widest_space(found) for task, found in spaces.items() if found}


def _notes(trials: Sequence[FrozenTrial]) -> tuple[str, ...]:
    """Returns what had to be assumed of epochs and seconds."""
    n_silent = sum(not trial.intermediate_values for trial in trials)
    charged = "epochs are the steps of intermediate values" if n_silent < len(trials) else ""
    silent = f"{n_silent} of {len(trials)} trials have none and were charged one epoch" if n_silent else ""
    timed = "seconds are those by the clock, from each study's first trial on"
    said = "; ".join(
        part for part in (charged, silent if charged else "each trial was charged one epoch", timed) if part
    )
    return (f"Of Optuna's trials, {said}.",)
