"""Tables as LaTeX."""

from __future__ import annotations

from hpo.report.document.content import Column, Table
from hpo.report.document.latex import escaped, table_latex


def test_a_table_is_a_tabular_of_booktabs_with_numbers_to_the_right() -> None:
    table = Table(
        "t", "Means & more", [Column("Strategy"), Column("mean")], [["tpe_1", 0.5], ["random", -0.25]], "How."
    )
    assert table_latex(table).splitlines() == [
        "% Means & more",
        "% How.",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Strategy & mean \\",
        r"\midrule",
        r"tpe\_1 & 0.5 \\",
        r"random & $-$0.25 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_what_is_empty_or_hostile_is_set_as_it_is() -> None:
    assert r"\begin{tabular}{ll}" in table_latex(Table("t", "T", [Column("a"), Column("b")], []))
    assert escaped(r"\input{x} 5 % $ ~ ^ a_b {c} #1 & d") == (
        r"\textbackslash{}input\{x\} 5 \% \$ \textasciitilde{} \textasciicircum{} a\_b \{c\} \#1 \& d"
    )
    assert "\n" not in escaped("two\nlines")
