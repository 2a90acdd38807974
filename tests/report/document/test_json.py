"""report.json."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hpo.report.document.content import Report, Section
from hpo.report.document.json import flat_numbers, report_json
from tests.support.sample_report import make_report


def one_section(**changes: object) -> Report:
    return Report("t", "", ["a"], [Section("s", "S", [], **changes)])  # type: ignore[arg-type]


def test_it_holds_the_numbers_the_whole_verdict_and_the_clock_apart() -> None:
    content = json.loads(report_json(make_report()))
    assert sorted(content) == ["clock", "format", "sections", "strategies", "studies", "title", "verdict"]
    assert content["format"] == 2
    assert content["clock"]["cost"] == {"seconds": {"tpe": 812.25}}
    assert "seconds" not in json.dumps(content["sections"])
    assert content["verdict"]["claims"][0]["kind"] == "better"
    assert content["verdict"]["looks"]["rows"][0][0] == "tpe – random"
    assert content["sections"]["performance"]["tpe"]["missing"] is None


def test_it_is_the_same_bytes_whatever_the_order_of_keys_and_the_kind_of_numbers() -> None:
    ours = one_section(numbers={"b": 0.1, "a": [1, True, None]})
    theirs = one_section(numbers={"a": (np.int64(1), np.bool_(True), None), "b": np.float64(0.1)})
    assert report_json(ours) == report_json(theirs)
    assert report_json(make_report()) == report_json(make_report())


def test_floats_are_written_so_that_they_read_back() -> None:
    numbers = {"x": [0.1 + 0.2, 1e-300, float("inf"), float("nan")], "y": np.array([1.5])}
    content = json.loads(report_json(one_section(numbers=numbers)))
    assert content["sections"]["s"] == {"x": [0.1 + 0.2, 1e-300, None, None], "y": [1.5]}


def test_a_report_without_a_verdict_has_none() -> None:
    assert json.loads(report_json(one_section()))["verdict"] is None


def test_contradictions_and_strange_things_are_refused() -> None:
    report = one_section()
    with pytest.raises(ValueError, match="2 sections with the key 's'"):
        report_json(replace(report, sections=[*report.sections, *report.sections]))
    with pytest.raises(TypeError, match=r"report\.sections\.s\.x\.y is a set"):
        report_json(one_section(numbers={"x": {"y": {1, 2}}}))


def test_numbers_are_found_by_their_path() -> None:
    numbers = {"a": {"b": 1, "c": np.float64(2)}, "d": True, "e": float("nan"), "f": "3", "g": [4]}
    assert dict(flat_numbers(numbers, name="s")) == {"s.a.b": 1.0, "s.a.c": 2.0}
