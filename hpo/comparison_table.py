"""Every strategy and seed of a comparison as a cell: how far it is, and its incumbent, as wide as there is room.

Cells with bars, with one character, with a percentage; then a line for each strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from statistics import median

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from hpo.comparison_progress import ComparisonProgress, Phase, StudyProgress
from hpo.notation import BLOCKS, printable

MAX_BAR, MIN_BAR, PERCENT = 8, 3, 4  # characters
STYLES = {
    Phase.WAITING: "dim",
    Phase.SEARCHING: "cyan",
    Phase.CONFIRMING: "magenta",
    Phase.TESTING: "magenta",
    Phase.DONE: "green",
}


class Form(Enum):
    """How a cell says how far a study is."""

    BAR = "bar"
    BLOCK = "block"
    PERCENT = "percent"
    LINE = "line"  # no cells


def table(progress: ComparisonProgress, width: int, n_rows: int, *, ascii_only: bool) -> Text:
    """Returns the cells in at most `n_rows` lines of `width` characters; the studies together where they are many."""
    rows = _rows(progress)
    label_width = min(max(cell_len(label) for label in ["seed", *rows]), max(width // 4, 6))
    values = [_value(study) for study in progress.studies.values()]
    value_width = max(4, *(len(value) for value in values))
    room = (width - label_width) // len(progress.comparison.seeds)
    form, bar_width = _form(room, value_width, ascii_only=ascii_only)
    if form is Form.LINE or len(rows) + 1 > n_rows:
        return _lines(progress, width, n_rows, ascii_only=ascii_only)
    text = Text(no_wrap=True, overflow="crop")
    cell_width = bar_width + (0 if form is Form.PERCENT else value_width + (room > bar_width + value_width + 1))
    gap = " " * min(room - cell_width, 2)
    text.append(_fit("seed", label_width), "dim")
    for seed in progress.comparison.seeds:
        text.append(gap + _short(str(seed), cell_width, ascii_only=ascii_only).rjust(cell_width), "dim")
    for label, studies in rows.items():
        text.append("\n" + _fit(label, label_width))
        by_seed = {study.seed: study for study in studies}
        for seed in progress.comparison.seeds:
            text.append(gap)
            _append_cell(text, by_seed.get(seed), form, bar_width, cell_width, ascii_only=ascii_only)
    return text


def legend(progress: ComparisonProgress, *, ascii_only: bool) -> Text:
    """Returns what the letters in the cells mean, those that are there; empty without any."""
    phases = {study.phase for study in progress.studies.values()}
    words = [f"{phase.value[0]} {phase.value}" for phase in (Phase.CONFIRMING, Phase.TESTING) if phase in phases]
    done = [] if ascii_only or Phase.DONE not in phases else ["✓ done"]
    return Text("   ".join([*words, *done]), style="dim", no_wrap=True, overflow="crop")


def short_value(value: float) -> str:
    """Returns three digits in at most six characters: `.843`, `1.25`, `12.3`, `-.002`, `2e-05`."""
    size = abs(value)
    if size == 0 or 0.0995 <= size < 0.9995:
        return f"{value:.3f}".replace("0.", ".", 1)
    for limit, n_digits in ((9.995, 2), (99.95, 1), (9999.5, 0)):
        if 0.9995 <= size < limit:
            return f"{value:.{n_digits}f}"
    return f"{value:.3f}".replace("0.", ".", 1) if 0.0095 <= size < 1 else f"{value:.0e}"


def study_label(progress: ComparisonProgress, study: StudyProgress) -> str:
    """Returns how a study is called in lines: its task where there are several, its strategy, its seed."""
    return f"{_row_label(progress, study)} seed {study.seed}"


def _form(room: int, value_width: int, *, ascii_only: bool) -> tuple[Form, int]:
    """Returns the form that says most in `room` characters, gap included, and the width of its bar."""
    bar_width = min(room - value_width - 2, MAX_BAR)
    if bar_width >= max(MIN_BAR, PERCENT if ascii_only else 0):
        return Form.BAR, bar_width
    if not ascii_only and room >= value_width + 2:
        return Form.BLOCK, 1
    return (Form.PERCENT, PERCENT) if room > PERCENT else (Form.LINE, 0)


def _append_cell(
    text: Text, study: StudyProgress | None, form: Form, bar_width: int, cell_width: int, *, ascii_only: bool
) -> None:
    if study is None:
        text.append(" " * cell_width)
        return
    text.append(_state(study, form, bar_width, ascii_only=ascii_only), STYLES[study.phase])
    if form is not Form.PERCENT:
        style = "bold" if study.phase is Phase.DONE else ""
        text.append(_value(study).rjust(cell_width - bar_width), style)


def _state(study: StudyProgress, form: Form, width: int, *, ascii_only: bool) -> str:
    """Returns how far a study is in `width` characters; a letter says what is done after the search."""
    percent = f"{int(100 * study.share)}%"
    match study.phase:
        case Phase.DONE:
            return ("done" if ascii_only else "✓").rjust(width)
        case Phase.TESTING:
            return "test"[:width].rjust(width)
        case Phase.CONFIRMING:
            return f"c{percent}"[:width].rjust(width)
        case _ if form is Form.BAR:
            return _bar(study.share, width, ascii_only=ascii_only)
        case _ if form is Form.BLOCK:
            return BLOCKS[min(int(study.share * len(BLOCKS)), len(BLOCKS) - 1)] if study.share > 0 else "·"
    return percent.rjust(width)


def _bar(share: float, width: int, *, ascii_only: bool) -> str:
    full, empty = ("#", ".") if ascii_only else ("▮", "▯")
    n_full = int(share * width)
    return full * n_full + empty * (width - n_full)


def _value(study: StudyProgress) -> str:
    best = study.search.best
    return "-" if best is None or best.value is None else short_value(best.value)


def _lines(progress: ComparisonProgress, width: int, n_rows: int, *, ascii_only: bool) -> Text:
    """Returns a line for each strategy: how much of its work is done, how many studies, the incumbents' range."""
    groups: dict[str, list[StudyProgress]] = {}
    for study in progress.studies.values():
        groups.setdefault(printable(study.strategy), []).append(study)
    label_width = min(max(cell_len(label) for label in groups), max(width // 4, 6))
    shown = list(groups.items()) if len(groups) <= n_rows else list(groups.items())[: max(n_rows - 1, 0)]
    text = Text(no_wrap=True, overflow="crop")
    for label, studies in shown:
        share = sum(_whole_share(study) for study in studies) / len(studies)
        n_done = sum(study.phase is Phase.DONE for study in studies)
        bar = _bar(share, MAX_BAR, ascii_only=ascii_only) if width >= 50 else ""
        text.append(_fit(label, label_width)).append(f" {bar}", "cyan")
        text.append(f"{int(100 * share):>4} %  {n_done}/{len(studies)} done  {_range(studies)}\n")
    if len(shown) < len(groups):
        text.append(f"and {len(groups) - len(shown)} more strategies", "dim")
    text.rstrip()
    return text


def _whole_share(study: StudyProgress) -> float:
    """Returns how much of all its work a study has done."""
    (searched, to_search), (confirmed, to_confirm) = study.search_work, study.confirmation_work
    left = to_search + to_confirm
    return (searched + confirmed) / (searched + confirmed + left) if left else float(study.phase is not Phase.WAITING)


def _range(studies: Sequence[StudyProgress]) -> str:
    values = sorted(study.search.best.value or 0.0 for study in studies if study.search.best)
    if not values:
        return ""
    return f"median {short_value(median(values))} ({short_value(values[0])} to {short_value(values[-1])})"


def _rows(progress: ComparisonProgress) -> dict[str, list[StudyProgress]]:
    rows: dict[str, list[StudyProgress]] = {}
    for study in progress.studies.values():
        rows.setdefault(_row_label(progress, study), []).append(study)
    return rows


def _row_label(progress: ComparisonProgress, study: StudyProgress) -> str:
    has_tasks = len(progress.comparison.tasks) > 1
    return printable(f"{study.task} {study.strategy}" if has_tasks else study.strategy)


def _fit(text: str, width: int) -> str:
    """Returns `text` in exactly `width` columns of the terminal."""
    return set_cell_size(text, width)


def _short(text: str, width: int, *, ascii_only: bool) -> str:
    mark = "~" if ascii_only else "…"
    return text if len(text) <= width else mark + text[-(width - 1) :]
