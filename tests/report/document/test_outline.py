"""Names of parts in anchors and files."""

from __future__ import annotations

from hpo.figures.figure import Figure
from hpo.report.document.content import Column, Report, Section, Table, Text
from hpo.report.document.outline import figures, outline, tables
from tests.support.sample_report import make_report


def test_keys_are_names_and_equal_ones_are_told_apart() -> None:
    blocks = [Table(key, "T", [Column("c")], []) for key in ("a", "A", "a/../b", "a..b")]
    parts = outline(Report("t", "", [], [Section("a", "S", [Text("x"), *blocks, Figure("a", "F", "", [])])]))
    assert [name for name, _ in tables(parts)] == ["a", "A-2", "a-b", "a-b-2"]
    assert [name for name, _ in figures(parts)] == ["a"]
    assert parts[0].anchor == "a"


def test_the_looks_of_the_verdict_are_a_table() -> None:
    assert [name for name, _ in tables(outline(make_report()))] == ["looks", "design", "performance", "effects"]
