"""The section on threats as a whole."""

from __future__ import annotations

import inspect
from types import ModuleType

from hpo.report.analysis.analysis import Analysis
from hpo.report.document.content import Text
from hpo.report.sections import threats, threats_search
from hpo.report.sections.threats import RULES, build_threats
from tests.support.search_experiments import several


def public_functions(module: ModuleType) -> set[str]:
    members = inspect.getmembers(module, inspect.isfunction)
    return {name for name, each in members if each.__module__ == module.__name__ and not name.startswith("_")}


def test_every_rule_is_checked() -> None:
    written = (public_functions(threats) | public_functions(threats_search)) - {"build_threats"}
    assert {rule.__name__ for rule in RULES} == written
    assert len(RULES) == len(written)


def test_a_threat_is_a_sentence_under_its_rule() -> None:
    section = build_threats(Analysis(several(tasks=("docs",))))
    found = section.numbers["threats"]
    assert isinstance(found, dict)
    assert {"not_registered", "few_seeds", "few_tasks"} <= set(found)
    sentences = [sentence for those in found.values() for sentence in those]
    assert [block.text for block in section.blocks[1:] if isinstance(block, Text)] == sentences
    assert all(sentence.endswith(".") for sentence in sentences)
