"""Tables as LaTeX: one tabular of the package booktabs each, to be taken into a paper by \\input.

What a cell says is `tables`' business; which files there are is `files`'.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpo.report.document.content import Table
from hpo.report.document.tables import is_numeric, show_column

SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "∞": r"$\infty$",
    "≈": r"$\approx$",
    "…": r"\ldots{}",
    "–": "--",
    "Δ": r"$\Delta$",
    "|": r"\textbar{}",
}
SIGN = re.compile("|".join(map(re.escape, SIGNS)))


def table_latex(table: Table) -> str:
    """Returns a table as LaTeX: \\usepackage{booktabs} is all that it needs; its title and note are comments."""
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    shown = [show_column(cells, column) for cells, column in zip(columns, table.columns, strict=True)]
    kinds = "".join("r" if is_numeric(cells) else "l" for cells in columns)
    lines = [
        *(f"% {' '.join(text.split())}" for text in (table.title, table.note) if text),
        f"\\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _row([column.title for column in table.columns]),
        r"\midrule",
        *(_row(row) for row in zip(*shown, strict=True)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(_number(escaped(cell)) for cell in cells) + r" \\"


def _number(text: str) -> str:
    """Returns a negative number with a minus sign instead of a hyphen."""
    return f"$-${text[1:]}" if re.fullmatch(r"-[\d.]+(e[-+]?\d+)?", text) else text


def escaped(text: str) -> str:
    """Returns a text that LaTeX sets as it is: nothing in it commands."""
    return SIGN.sub(lambda match: SIGNS[match[0]], " ".join(text.split()))
