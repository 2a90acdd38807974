"""The section on threats as a whole."""

from __future__ import annotations

import inspect
from types import ModuleType

from hpo.report.document.content import Text
from hpo.report.sections import threats_design, threats_outcome, threats_search
from hpo.report.sections.threats import RULES, build_threats
from tests.support.search_experiments import several


def public_functions(module: ModuleType) -> set[str]:
    members = inspect.getmembers(module, inspect.isfunction)
    return {name for name, each in members if each.__module__ == module.__name__ and not name.startswith("_")}


def test_every_rule_is_checked() -> None:
    written = public_functions(threats_design) | public_functions(threats_search) | public_functions(threats_outcome)
    assert {rule.__name__ for rule in RULES} == written
    assert len(RULES) == len(written)


def test_a_threat_is_a_sentence_under_its_rule() -> None:
    section = build_threats(several(tasks=("docs",)))
    threats = section.numbers["threats"]
    assert isinstance(threats, dict)
    assert {"not_registered", "few_seeds", "few_tasks"} <= set(threats)
    sentences = [sentence for found in threats.values() for sentence in found]
    assert [block.text for block in section.blocks[1:] if isinstance(block, Text)] == sentences
    assert all(sentence.endswith(".") for sentence in sentences)
