"""Whether a report.json is as it was written: against the page beside it, MLflow, and the record it was made from.

Changes nothing; training one of its trials again is `study.reproduction`'s business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.config.report import ReportConfig
from hpo.machine.files import hash_bytes
from hpo.report.analysis.records import Experiment
from hpo.report.assemble import carried
from hpo.report.document.json import plain_json
from hpo.report.reading.record import read_experiment

PAGE = "report.html"
PRINTED = re.compile(r'<code id="sha256">([0-9a-f]{64})</code>')
BY_HAND = ("rope", "unit", "budget", "budgets", "deviations", "notes")  # of a design: also what a reader may say
N_SHOWN = 3  # differences in a sentence
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """What one witness says of a report.json.

    Attributes:
        witness: page, MLflow or record.
        sentence: What came of it.
        is_equal: Whether it says the same; None if it says nothing.
    """

    witness: str
    sentence: str
    is_equal: bool | None


def check_report(path: Path, content: Json, config: ReportConfig) -> list[Check]:
    """Returns what the page, MLflow and the record say of a report.json.

    Args:
        path: The file.
        content: What is in it.
        config: Where MLflow and the record are.
    """
    sha256 = hash_bytes(path.read_bytes())
    page = path.with_name(PAGE)
    printed = PRINTED.search(page.read_text("utf-8", "replace")) if page.is_file() else None
    return [
        _by_hash("page", sha256, printed[1] if printed else "", f"{page} prints"),
        _by_mlflow(sha256, str(content["title"]), config),
        _by_record(content, config),
    ]


def _by_hash(witness: str, sha256: str, known: str, where: str) -> Check:
    if not known:
        return Check(witness, f"{where} no hash of a report.json: not compared.", None)
    if known == sha256:
        return Check(witness, f"{where} the hash of this report.json.", True)
    sentence = f"{where} {known[:16]}…, and this report.json has {sha256[:16]}…: one of them changed."
    return Check(witness, sentence, False)


def _by_mlflow(sha256: str, experiment: str, config: ReportConfig) -> Check:
    if not config.tracking.is_shown:
        return Check("MLflow", "not asked, with tracking=none.", None)
    from hpo.report.mlflow import logged_hash

    try:
        known = logged_hash(experiment, uri=config.tracking.uri)
    except (ConnectionError, ValueError) as error:
        return Check("MLflow", f"not compared: {error}", None)
    return _by_hash("MLflow", sha256, known, f"{config.tracking.uri} has")


def _by_record(content: Json, config: ReportConfig) -> Check:
    from hpo.storage.record import open_record

    try:
        experiment = read_experiment(open_record(config.storage), str(content["title"]))
    except (ValueError, OSError) as error:
        return Check("record", f"not compared: {error}", None)
    found = list(differences(content, experiment))
    if not found:
        n = sum(len(study["trials"]) for study in content["studies"])
        return Check("record", f"it has the design and {n:,} trials of this report, with every digit.", True)
    more = f"; {len(found) - N_SHOWN:,} more" if len(found) > N_SHOWN else ""
    return Check("record", f"it has others: {'; '.join(found[:N_SHOWN])}{more}.", False)


def differences(content: Json, experiment: Experiment) -> Iterator[str]:
    """Yields where the design, params and epochs of a report are not those of the record, a phrase each.

    A record that went on since has more trials; that is no difference.
    """
    from hpo.report.analysis.analysis import Analysis
    from hpo.report.sections.design import build_design

    design = build_design(Analysis(experiment)).numbers
    said = content["sections"].get("design", {})
    for key in sorted({*design, *said} - {*BY_HAND}):
        yield from _diff(said.get(key), _json(design.get(key)), f"design.{key}")
    recorded = {study["name"]: study for study in carried(experiment)}
    for study in content["studies"]:
        name = study["name"]
        if name not in recorded:
            yield f"there is no study {name}"
            continue
        known = recorded[name]
        lines = known["trials"]
        assert isinstance(lines, Iterable)
        trials = {trial["number"]: trial for trial in map(json.loads, lines)}
        for key in sorted({*study, *known} - {"trials", "surroundings", "honest"}):
            yield from _diff(study.get(key), _json(known.get(key)), f"{name}.{key}")
        for trial in study["trials"]:
            yield from _diff(trial, trials.get(trial["number"]), f"{name}.trials.{trial['number']}")


def _json(content: object) -> Any:
    return json.loads(json.dumps(plain_json(content, "report")))


def _diff(said: object, known: object, path: str) -> Iterator[str]:
    """Yields where two contents of JSON differ."""
    if isinstance(said, dict) and isinstance(known, dict):
        for key in sorted({*said, *known}):
            yield from _diff(said.get(key), known.get(key), f"{path}.{key}")
    elif _are_lists(said, known):
        for place, (one, other) in enumerate(zip(said, known, strict=True)):  # type: ignore[call-overload]
            yield from _diff(one, other, f"{path}[{place}]")
    elif said != known:
        yield f"{path} is {_short(said)} in the report and {_short(known)} in the record"


def _are_lists(said: object, known: object) -> bool:
    return isinstance(said, Sequence) and isinstance(known, list) and len(said) == len(known) and said != known


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:57]}…"
