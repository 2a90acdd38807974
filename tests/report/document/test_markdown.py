"""summary.md."""

from __future__ import annotations

from hpo.report.document.content import Column, Report, Section, Table, Text
from hpo.report.document.markdown import summary_markdown
from hpo.report.document.outline import outline
from tests.support.sample_report import make_report


def summary(report: Report) -> str:
    return summary_markdown(report, outline(report))


def test_it_shows_the_verdict_the_first_tables_and_every_figure() -> None:
    text = summary(make_report())
    assert "**No winner: no strategy is better than every other.**" in text
    assert "- tpe better than random: +0.0118 accuracy" in text
    assert "![Every seed](figures/seeds.png)\n\nEach point is one seed" in text
    assert text.count("](figures/") == 11
    assert "> Two seeds of gp are missing" in text
    assert "hpo compare" not in text


def test_numbers_stand_to_the_right() -> None:
    text = summary(make_report())
    assert "| strategy | validation | test | gap | IQM | sd |\n| --- | ---: | ---: | ---: | ---: | ---: |\n" in text


def test_a_cell_cannot_leave_its_cell() -> None:
    table = Table("t", "T", [Column("a|b"), Column("c")], [["x|y\n<b>", 1.0]])
    report = Report("t", "", [], [Section("s", "S", [table, Text("[x](http://evil.example)", "warning")])])
    assert "| a\\|b | c |\n| --- | ---: |\n| x\\|y \\<b\\> | 1 |" in summary(report)
    assert "> \\[x\\](http\\://evil.example)" in summary(report)


def test_a_long_table_is_cut_and_says_so() -> None:
    table = Table("t", "T", [Column("n")], [[n] for n in range(50)])
    text = summary(Report("t", "", [], [Section("s", "S", [table])]))
    assert "30 more rows in [tables/t.csv](tables/t.csv)." in text
    assert "| 20 |" not in text
