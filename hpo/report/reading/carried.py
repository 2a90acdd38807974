"""A report.json read back: the studies that it carries, and one of their trials.

Nothing in it is ever executed or imported; training a trial again is `study.reproduction`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.report.document.json import FORMAT
from hpo.report.reading.deviations import join_names

Json = Mapping[str, Any]
MAX_SHOWN = 12  # names of strategies and tasks in a sentence


@dataclass(frozen=True)
class CarriedTrial:
    """A trial of a report.

    Attributes:
        name: As it was asked for: tpe/3/17.
        study: All that the report says of its study but the trials.
        trial: All that it says of the trial.
        facts: What the whole experiment was made with: versions among them.
    """

    name: str
    study: Json
    trial: Json
    facts: Json


def read_report(path: Path) -> Json:
    """Returns the content of a report.json.

    Raises:
        ValueError: if it is none, or of another version, in a sentence.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"There is no {path}; give the report.json of a report: reports/NAME/report.json.") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}; give reports/NAME/report.json.") from None
    except ValueError as error:
        raise ValueError(f"{path} is no report.json: {error}; give reports/NAME/report.json.") from None
    if not isinstance(content, dict) or "format" not in content or "sections" not in content:
        raise ValueError(f"{path} is no report.json; give reports/NAME/report.json, as `hpo report` writes it.")
    if content["format"] != FORMAT:
        raise ValueError(
            f"{path} was written by another version of hpo (format {content['format']}; this one reads {FORMAT}); "
            f"make it anew from the record: hpo report experiment={content.get('title', 'NAME')}."
        )
    return content


def find_trial(content: Json, name: str) -> CarriedTrial:
    """Returns the trial that `strategy/seed/number` names, or `task/strategy/seed/number`.

    Raises:
        ValueError: if there is none of that name, or several, or the report carries none that were trained.
    """
    studies = list(_studies(content))
    if not studies:
        raise ValueError(
            "This report carries no trial that could be trained again: they were read from a file, or looked up in a "
            "recorded table; make a report from the record of studies that trained."
        )
    where, _, number = name.rpartition("/")
    found = [study for study in studies if where in _names(study)]
    if not found:
        shown = sorted({_names(study)[0] for study in studies})
        more = f" and {len(shown) - MAX_SHOWN} more" if len(shown) > MAX_SHOWN else ""
        raise ValueError(
            f"trial={name} is not in this report; its studies are {', '.join(shown[:MAX_SHOWN])}{more}: give "
            "trial=STRATEGY/SEED/NUMBER."
        )
    if len(found) > 1:
        raise ValueError(f"trial={name} is on {len(found)} tasks; give one of {join_names(_full(found, number))}.")
    trials = {str(trial["number"]): trial for trial in found[0]["trials"]}
    if number not in trials:
        numbers = f"{min(trials, key=int)} to {max(trials, key=int)}" if trials else "no finished trial"
        raise ValueError(f"trial={name} is not in this report; the study {where} has {numbers}.")
    study = {key: value for key, value in found[0].items() if key != "trials"}
    facts = content["sections"].get("reproduce", {}).get("facts", {})
    return CarriedTrial(name, study, trials[number], facts)


def trial_names(content: Json) -> list[str]:
    """Returns the names of all trials that a report carries and that came to an epoch."""
    return [
        f"{_names(study)[-1]}/{trial['number']}"
        for study in _studies(content)
        for trial in study["trials"]
        if trial["epochs"]
    ]


def _studies(content: Json) -> Iterator[Json]:
    studies = content.get("studies")
    yield from studies if isinstance(studies, list) else ()


def _names(study: Json) -> Sequence[str]:
    """Returns the names of a study: the short one, and the one with its task."""
    short = f"{study['strategy']}/{study['seed']}"
    return short, f"{study['task']}/{short}"


def _full(studies: Sequence[Json], number: str) -> list[str]:
    return [f"{_names(study)[-1]}/{number}" for study in studies]
