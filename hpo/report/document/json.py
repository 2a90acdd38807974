"""report.json: the numbers of a report for programs, byte for byte the same for the same report.

Which numbers there are is the analyses' business; texts, tables and figures are not in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from numbers import Integral, Real

from hpo.report.document.content import Report, Text, Verdict

FORMAT = 2  # 2: with the studies, from which their trials can be trained again


class ReportJson:
    """The bytes of report.json in pieces; what depends on clocks and hosts stands under "clock" alone.

    Raises:
        ValueError: if two sections have one key.
        TypeError: if a section holds something JSON cannot.
    """

    def __init__(self, report: Report) -> None:
        keys = [section.key for section in report.sections]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"The report has {keys.count(key)} sections with the key {key!r}; give each its own.")
        verdict = find_verdict(report)
        content = {
            "format": FORMAT,
            "title": report.title,
            "strategies": report.strategies,
            "sections": {section.key: section.numbers for section in report.sections},
            "verdict": None if verdict is None else asdict(verdict),
            "clock": {section.key: section.clock for section in report.sections},
        }
        text = json.dumps(plain_json(content, "report"), indent=1, sort_keys=True, allow_nan=False)
        self._begin = text.removesuffix("\n}") + ',\n "studies": '
        self._studies = report.studies

    def __iter__(self) -> Iterator[bytes]:
        yield self._begin.encode()
        yield from (piece.encode() for piece in _studies(self._studies))
        yield b"\n}\n"


def report_json(report: Report) -> str:
    """Returns report.json."""
    return b"".join(ReportJson(report)).decode()


def _studies(studies: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yields the studies with a line for each trial: there may be a hundred thousand."""
    before = "[\n"
    for study in studies:
        trials = study["trials"]
        assert isinstance(trials, Iterable)
        head = plain_json({key: value for key, value in study.items() if key != "trials"}, "report.studies")
        yield before + "  " + json.dumps(head, sort_keys=True, allow_nan=False).removesuffix("}") + ', "trials": ['
        for place, line in enumerate(trials):
            yield f"{',' if place else ''}\n    {line}"
        yield "\n  ]}"
        before = ",\n"
    yield "\n ]" if studies else "[]"


def find_verdict(report: Report) -> Verdict | None:
    """Returns the first verdict of a report."""
    blocks = (block for section in report.sections for block in section.blocks)
    return next((block for block in blocks if isinstance(block, Verdict)), None)


def find_warnings(report: Report) -> list[str]:
    """Returns the warnings that stand beside the verdict: what it must not be read without."""
    sections = [section for section in report.sections if any(isinstance(block, Verdict) for block in section.blocks)]
    return [b.text for section in sections for b in section.blocks if isinstance(b, Text) and b.tone == "warning"]


def flat_numbers(content: Mapping[str, object], *, name: str = "") -> Iterator[tuple[str, float]]:
    """Yields every finite number of nested mappings by its path, as in `performance.tpe.mean`."""
    for key, value in content.items():
        path = f"{name}.{key}" if name else str(key)
        if isinstance(value, Mapping):
            yield from flat_numbers(value, name=path)
        elif not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value):
            yield path, float(value)


def plain_json(value: object, path: str) -> object:
    """Returns `value` in the types of JSON; what is not a finite number is null."""
    match value:
        case None | bool() | str():
            return value
        case Mapping():
            return {str(key): plain_json(item, f"{path}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [plain_json(item, f"{path}[{place}]") for place, item in enumerate(value)]
        case Integral():
            return int(value)
        case Real():
            return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy: arrays, and booleans, which are no bool
        return plain_json(value.tolist(), path)
    if is_dataclass(value) and not isinstance(value, type):
        return plain_json(asdict(value), path)
    raise TypeError(
        f"{path} is a {type(value).__name__}, which JSON has no form for; give numbers, texts, lists or dicts."
    )
