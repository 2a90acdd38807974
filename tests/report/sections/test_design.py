"""Section 1: the design."""

from __future__ import annotations

from dataclasses import replace

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Section, Table, Text
from hpo.report.sections.design import build_design
from tests.support.search_experiments import several

CARD = {
    "primary": "test accuracy of the confirmed configuration",
    "seeds": [3, 1],
    "strategies": {
        "tpe": {
            "overrides": ["sampler=tpe"],
            "sampler": {"name": "tpe", "n_startup_trials": 10, "multivariate": True},
            "pruner": {"name": "none", "same_epochs": False},
        }
    },
    "tasks": {"docs": {"data": {"name": "docstrings", "n_per_class": 300}, "levels": {"train.lr": [0.01, 0.1]}}},
    "confirm": {"top_k": 2, "n_seeds": 3, "tested": True},
    "n_concurrent": 1,
    "device": "cpu",
    "cached": True,
}


def registered() -> Experiment:
    return replace(several(tasks=("docs",)), card=CARD, card_hash="abc123")


def texts(section: Section) -> list[tuple[str, str]]:
    return [(block.tone, block.text) for block in section.blocks if isinstance(block, Text)]


def rows(section: Section, key: str) -> list[list[object]]:
    tables = {block.key: block for block in section.blocks if isinstance(block, Table)}
    return [list(row) for row in tables[key].rows]


def test_a_registered_design_shows_its_hash_and_terms() -> None:
    section = build_design(Analysis(registered()))
    assert ("code", "abc123") in texts(section)
    assert not any(tone == "warning" for tone, _ in texts(section))
    terms = {row[0]: row[1] for row in rows(section, "design_terms")}
    assert terms["Metric"] == "valid_loss, lower is better"
    assert terms["Primary endpoint"] == CARD["primary"]
    assert terms["Budget of each study"] == "1000 trials"
    assert terms["Seeds"] == "3, 1"
    assert terms["Confirmation"] == "the 2 best of each search with 3 fresh seeds, then tested"
    assert "Audit" not in terms
    audited = build_design(Analysis(replace(registered(), card={**CARD, "audit": 0.1})))
    assert {row[0]: row[1] for row in rows(audited, "design_terms")}["Audit"] == (
        "10 % of the pruned trials of each search, at least one, trained to their end"
    )
    assert terms["Equal trials of several studies"] == "trained once"
    assert section.numbers["card"] == CARD
    assert section.numbers["is_registered"] is True


def test_strategies_are_shown_with_all_their_settings() -> None:
    shown = {row[0]: row[1:] for row in rows(build_design(Analysis(registered())), "design_strategies")}
    assert shown["tpe"] == ["tpe", "n_startup_trials=10, multivariate=true", "none", "same_epochs=false"]
    assert shown["random"][0] == "random"


def test_settings_of_data_that_nobody_reads_are_not_shown() -> None:
    made = registered()
    shown = rows(build_design(Analysis(made)), "design_tasks")[0]
    assert shown[4] == "n_per_class=300"
    closed = tuple(replace(study, facts={**study.facts, "data": "none"}) for study in made.studies)
    assert rows(build_design(Analysis(replace(made, studies=closed))), "design_tasks")[0][2:] == [
        "none",
        shown[3],
        None,
    ]


def test_spaces_are_shown_with_the_levels_of_a_grid() -> None:
    shown = {row[1]: row[2:] for row in rows(build_design(Analysis(registered())), "design_space")}
    assert shown["train.lr"] == ["numbers from 0.0001 to 0.1, on a log scale", "0.01, 0.1"]
    assert shown["model.kind"] == ["one of awd, qrnn", None]


def test_without_a_card_the_report_says_so_and_shows_what_is_known() -> None:
    made = several(tasks=("docs",))
    first = replace(made.studies[0], facts={"sampler": "random", "sampler.seeded": "true", "data": "docstrings"})
    section = build_design(Analysis(replace(made, studies=(first, *made.studies[1:]), notes=("A note.",))))
    assert any(tone == "warning" and "not registered beforehand" in text for tone, text in texts(section))
    assert ("note", "A note.") in texts(section)
    assert section.numbers["is_registered"] is False
    assert rows(section, "design_strategies")[0] == ["random", "random", "seeded=true", None, None]
    assert rows(section, "design_tasks")[0][2] == "docstrings"


def test_amendments_and_deviations_are_warnings() -> None:
    section = build_design(
        Analysis(replace(registered(), amendments=("Seeds were 3.",), deviations=("Study 7 is missing.",)))
    )
    assert ("warning", "Amended. Seeds were 3.") in texts(section)
    assert ("warning", "Deviation. Study 7 is missing.") in texts(section)
    assert not any("No deviation" in text for _, text in texts(section))
    assert section.numbers["deviations"] == ["Study 7 is missing."]
