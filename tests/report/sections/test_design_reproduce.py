"""Section 12: how to get the numbers again."""

from __future__ import annotations

from dataclasses import replace

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Section, Table, Text
from hpo.report.sections.design import build_reproduce
from tests.support.search_experiments import several

FACTS = {"source": "record", "git_commit": "abc", "python": "3.11", "version.optuna": "5.0.0", "version.ray": "none"}


def codes(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Text) and block.tone == "code"]


def made(**facts: str) -> Experiment:
    return replace(several(), name="it's mine", facts={**FACTS, **facts})


def test_commands_can_be_pasted() -> None:
    section = build_reproduce(Analysis(made(command="hpo compare seeds=3")))
    again, report = codes(section)
    assert again == "hpo compare seeds=3"
    assert report.splitlines()[0] == """hpo report 'experiment=it'"'"'s mine'"""
    assert "records=records.csv" in report.splitlines()[1]


def test_other_peoples_records_are_read_from_their_file() -> None:
    assert len(codes(build_reproduce(Analysis(made(source="CSV: a.csv"))))[0].splitlines()) == 1


def test_versions_are_listed() -> None:
    tables = [block for block in build_reproduce(Analysis(made())).blocks if isinstance(block, Table)]
    shown = {row[0]: row[1] for row in tables[0].rows}
    assert shown == {"Read from": "record", "Commit of the code": "abc", "Python": "3.11", "optuna": "5.0.0"}


def test_hosts_are_kept_from_the_numbers() -> None:
    here = replace(made(), studies=tuple(replace(s, facts={"host": f"box{s.seed}"}) for s in made().studies))
    assert build_reproduce(Analysis(here)).clock == {"hosts": ["box0", "box1", "box2", "box3"]}
    assert build_reproduce(Analysis(here)).numbers == build_reproduce(Analysis(made())).numbers
