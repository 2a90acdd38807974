"""report.html: the whole report in one file that needs no network, laid out by page.html.j2.

Everything from outside is escaped by Jinja; the figures are drawn by `figures.plotly`, the script is page.js.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.figures.figure import Figure
from hpo.figures.palette import Styles
from hpo.figures.plotly import build_plots
from hpo.figures.style import page_style
from hpo.machine.escaping import for_html, for_script
from hpo.report.document.content import Block, Claim, Report, Table, Verdict
from hpo.report.document.outline import Item, Part
from hpo.report.document.tables import is_numeric, show_column

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MAX_ROWS = 200
N_CLAIMS = 8  # shown; further ones of pairs that cannot be told apart are folded away
GAP = 2  # between columns, in characters
PAPER_WIDTH, SMALL_PAPER_WIDTH = 95, 125  # characters of a printed line in both sizes of tables
FOLDER = Path(__file__).parent
# No script but our own, by hash; plotly.js styles its marks, draws no image but from memory, and needs nothing else.
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def document_html(report: Report, parts: Sequence[Part], styles: Styles, *, sha256: str = "") -> str:
    """Returns the HTML document, which prints the SHA-256 of the report.json beside it."""
    script = (FOLDER / "page.js").read_text("utf-8")
    page = _environment().get_template("page.html.j2")
    return page.render(
        report=report,
        sha256=sha256,
        parts=[{"part": part, "blocks": [_block(item, styles) for item in part.items]} for part in parts],
        css=page_style(),
        script=script,
        policy=POLICY.format(scripts=" ".join(_policy_hash(code) for code in (script, _plotly()))),
        plotly=_packed_plotly() if any(isinstance(item.block, Figure) for part in parts for item in part.items) else "",
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        finalize=for_html,
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "sentence": _sentence}
    return environment


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n")  # as a browser would, before it hashes


@cache
def _packed_plotly() -> str:
    """Returns plotly.js compressed, 2 MB instead of 5; browsers since 2023 unpack it."""
    return base64.b64encode(gzip.compress(_plotly().encode(), mtime=0)).decode()


def _policy_hash(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def _block(item: Item, styles: Styles) -> dict[str, object]:
    """Returns what the template shows of a block."""
    known: dict[str, object] = {"kind": _kind(item.block), "name": item.name, "block": item.block}
    match item.block:
        case Table():
            return known | {"table": _table(item.block)}
        case Verdict():
            return known | {"table": _table(item.block.looks), "claims": _claims(item.block)}
        case Figure():
            plots = build_plots(item.block, styles)
            return known | {
                "first": plots[0],
                "data": for_script(json.dumps(plots, separators=(",", ":"), allow_nan=False)),
            }
    return known


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _table(table: Table) -> dict[str, object]:
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    are_numeric = [is_numeric(cells) for cells in columns]
    shown = [show_column(cells[:MAX_ROWS], column) for cells, column in zip(columns, table.columns, strict=True)]
    rows = [
        [
            {"text": _typeset(text, cell), "is_numeric": is_number}
            for text, cell, is_number in zip(texts, row, are_numeric, strict=True)
        ]
        for texts, row in zip(zip(*shown, strict=True), table.rows, strict=False)
    ]
    heads = [
        {"text": column.title, "is_numeric": is_number}
        for column, is_number in zip(table.columns, are_numeric, strict=True)
    ]
    paper = _on_paper([[column.title, *texts] for column, texts in zip(table.columns, shown, strict=True)])
    return {"heads": heads, "rows": rows, "n_more": max(0, len(table.rows) - MAX_ROWS), "paper": paper}


def _on_paper(columns: Sequence[Sequence[str]]) -> str:
    """Returns the classes of a printed table: smaller where its longest words need it, which stay whole if they fit."""
    width = sum(GAP + max(len(word) for text in texts for word in [*text.split(), ""]) for texts in columns)
    fits = [limit for limit in (PAPER_WIDTH, SMALL_PAPER_WIDTH) if width <= limit]
    return " ".join((["whole"] if fits else []) + (["small"] if len(fits) < 2 else []))


def _typeset(text: str, cell: object) -> str:
    """Returns a number with a proper minus sign; texts as they are."""
    return text if isinstance(cell, str) else text.replace("-", "−")


def _prose(text: str) -> Markup:
    """Returns a text with what stands between backticks set as code."""
    from markupsafe import Markup

    parts = [
        Markup("<code>{}</code>").format(for_html(part)) if place % 2 else _unbroken(for_html(part))
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _sentence(text: str) -> Markup:
    """Returns a claim with its words before its numbers."""
    from markupsafe import Markup

    words, colon, numbers = text.partition(": ")
    return Markup("<strong>{}</strong>{}{}").format(_unbroken(for_html(words)), colon, _prose(numbers))


def _unbroken(text: object) -> str:
    """Returns a text whose lines end nowhere in `p = .047`."""
    return re.sub(r"(?<=\S) ([=<>≈≤≥]) (?=\S)", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", str(text))


def _claims(verdict: Verdict) -> dict[str, list[Claim]]:
    """Returns the claims to show and those to fold away: findings first, each group in its order."""
    order = ["better", "equivalent", "undecided", "underpowered"]
    claims = sorted(verdict.claims, key=lambda claim: order.index(claim.kind))
    if verdict.groups:
        return {"shown": list(verdict.groups), "folded": claims}
    n_found = sum(claim.kind in ("better", "equivalent") for claim in claims)
    n_shown = len(claims) if len(claims) <= N_CLAIMS else max(n_found, 3)
    return {"shown": claims[:n_shown], "folded": claims[n_shown:]}
