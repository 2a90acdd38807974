"""summary.md: what a README shows of a report: the verdict, the main tables, the figures.

The whole report is the HTML document, made by `html`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.figures.figure import Figure
from hpo.machine.escaping import for_markdown
from hpo.report.document.content import Report, Table, Text, Verdict
from hpo.report.document.outline import Item, Part
from hpo.report.document.tables import is_numeric, show_column

MAX_ROWS = 20


def summary_markdown(report: Report, parts: Sequence[Part]) -> str:
    """Returns the summary; of each section its warnings, its first table, and its figures as PNG."""
    blocks = [f"# {for_markdown(report.title)}"]
    if report.subtitle:
        blocks.append(for_markdown(report.subtitle))
    blocks.append("The whole report: [report.html](report.html); its numbers: [report.json](report.json).")
    for part in parts:
        shown = [text for item in _main(part) for text in _item(item)]
        if shown:
            blocks += [f"## {for_markdown(part.section.title)}", *shown]
    return "\n\n".join(blocks) + "\n"


def _main(part: Part) -> Iterator[Item]:
    has_table = False
    for item in part.items:
        match item.block:
            case Table():
                if not has_table:
                    yield item
                has_table = True
            case Text(tone="warning") | Figure() | Verdict():
                yield item


def _item(item: Item) -> list[str]:
    match item.block:
        case Verdict():
            return _verdict(item.block, item.name)
        case Table():
            return _table(item.block, item.name)
        case Figure():
            path = f"figures/{item.name}.png"
            title = for_markdown(item.block.title)
            return [
                f"### {title}",
                f"![{title}]({path})",
                f"{for_markdown(item.block.caption)} (data: figures/{item.name}.csv)",
            ]
        case Text():
            return [f"> {for_markdown(item.block.text)}"]


def _verdict(verdict: Verdict, name: str) -> list[str]:
    claims = "\n".join(f"- {for_markdown(claim.text)}" for claim in verdict.shown)
    parts = [f"**{for_markdown(verdict.headline)}**", claims, for_markdown(verdict.reading)]
    return [part for part in parts if part] + _table(verdict.looks, name)


def _table(table: Table, name: str) -> list[str]:
    if not table.columns or not table.rows:
        return []
    columns = list(zip(*table.rows, strict=True))
    rules = ["---:" if is_numeric(cells) else "---" for cells in columns]
    shown_columns = [
        [for_markdown(text) for text in show_column(cells[:MAX_ROWS], column)]
        for cells, column in zip(columns, table.columns, strict=True)
    ]
    heads = [for_markdown(column.title) for column in table.columns]
    lines = [heads, rules, *zip(*shown_columns, strict=True)]
    shown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    n_more = len(table.rows) - MAX_ROWS
    more = [f"{n_more} more rows in [tables/{name}.csv](tables/{name}.csv)."] if n_more > 0 else []
    note = [for_markdown(table.note)] if table.note else []
    return [f"### {for_markdown(table.title)}", shown, *more, *note]
