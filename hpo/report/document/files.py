"""The files of a report in its folder: written whole, listed, and removed when a later report lacks them.

What is in them is the business of `html`, `figures.matplotlib`, `markdown`, `json` and `storage.owner`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hpo.figures.geometry import check_figure
from hpo.figures.matplotlib import draw, draw_png
from hpo.figures.palette import build_styles
from hpo.machine.files import hash_bytes, hash_pieces, write_json, write_pieces
from hpo.report.document.content import Report
from hpo.report.document.html import document_html
from hpo.report.document.json import ReportJson
from hpo.report.document.latex import table_latex
from hpo.report.document.markdown import summary_markdown
from hpo.report.document.outline import Part, figures, outline, tables
from hpo.report.document.tables import figure_csv, table_csv

EXPORTS = ("tex", "pdf", "svg")  # tables for LaTeX, figures for papers
LIST = "files.json"  # what we wrote, by path, with its SHA-256


def write_report(report: Report, folder: Path, *, exports: Sequence[str] = ()) -> list[Path]:
    """Writes a report into `folder` and returns the paths of its files, report.html first.

    Every file is replaced whole. Files of an earlier report that this one lacks are removed, unless
    somebody has changed them since.

    Args:
        report: What it says.
        folder: Where to.
        exports: What of EXPORTS there is to be beside CSV and PNG.

    Raises:
        ValueError: if the report contradicts itself: two sections with one key, a series with more x than y.
    """
    parts = outline(report)
    for _, figure in figures(parts):
        check_figure(figure)
    earlier = _listed(folder)
    listed: dict[str, str] = {}
    for path, content in _contents(report, parts, exports):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if listed.setdefault(path, hash_pieces(content)) != _hash_of(target):
            write_pieces(target, content)
            target.chmod(target.parent.stat().st_mode & 0o666)  # a report is for whoever may read its folder
    write_json(folder / LIST, {"format": 1, "files": earlier | listed})
    for path in earlier.keys() - listed.keys():
        _remove(folder, path, earlier[path])
    write_json(folder / LIST, {"format": 1, "files": listed})
    return [folder / path for path in listed]


def written_files(folder: Path) -> list[Path]:
    """Returns the files of the report in `folder` that are there, by the list kept beside them."""
    return [folder / path for path in _listed(folder) if (folder / path).is_file()]


def _contents(report: Report, parts: list[Part], exports: Sequence[str]) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yields each file's path within the folder and its bytes."""
    styles = build_styles(report.strategies)
    numbers = ReportJson(report)  # before anything is written: it refuses what contradicts itself
    yield "report.html", _bytes(document_html(report, parts, styles, sha256=hash_pieces(numbers)))
    yield "report.json", numbers
    yield "summary.md", _bytes(summary_markdown(report, parts))
    for name, table in tables(parts):
        yield f"tables/{name}.csv", _bytes(table_csv(table))
        if "tex" in exports:
            yield f"tables/{name}.tex", _bytes(table_latex(table))
    for name, figure in figures(parts):
        yield f"figures/{name}.csv", _bytes(figure_csv(figure))
        yield f"figures/{name}.png", [draw_png(figure, styles)]
        for form in ("pdf", "svg"):
            if form in exports:
                yield f"figures/{name}.{form}", [draw(figure, styles, form=form)]


def _bytes(text: str) -> list[bytes]:
    return [text.encode("utf-8", "replace")]


def _listed(folder: Path) -> dict[str, str]:
    """Returns what an earlier report wrote; nothing when its list is missing or not ours."""
    try:
        files = json.loads((folder / LIST).read_bytes())["files"]
        return {path: str(files[path]) for path in files if _is_ours(path)}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _is_ours(path: object) -> bool:
    """Tells whether a report has files of that name, so that a list gone wrong removes nothing else."""
    match str(path).split("/"):
        case [name]:
            return name in ("report.html", "report.json", "summary.md")
        case ["tables", name]:
            return name.endswith((".csv", ".tex"))
        case ["figures", name]:
            return name.endswith((".csv", ".png", ".pdf", ".svg"))
    return False


def _remove(folder: Path, path: str, known_hash: str) -> None:
    if _hash_of(folder / path) == known_hash:
        (folder / path).unlink()


def _hash_of(path: Path) -> str:
    return hash_bytes(path.read_bytes()) if path.is_file() else ""
