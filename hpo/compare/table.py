"""Every strategy and seed of a comparison as a cell: how far it is, and its incumbent, as wide as there is room.

Cells with bars, with one character, with a percentage; then a line for each strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from hpo.compare.progress import ComparisonProgress, Phase, StudyProgress
from hpo.machine.escaping import printable
from hpo.terminal.format import BLOCKS

MAX_BAR, MIN_BAR, PERCENT = 8, 3, 4  # characters
STYLES = {
    Phase.WAITING: "dim",
    Phase.SEARCHING: "cyan",
    Phase.CONFIRMING: "magenta",
    Phase.TESTING: "magenta",
    Phase.AUDITING: "magenta",
    Phase.DONE: "green",
}


@dataclass(frozen=True)
class _Layout:
    """How wide everything is, in characters.

    Attributes:
        task, strategy: The labels; 0 without a task.
        state: What says how far a study is: a bar, a block if it is 1.
        value: The incumbent, with the space before it; 0 leaves only a percentage for the state.
        gap: Between two cells.
        is_ascii: Whether other characters cannot be written.
    """

    task: int
    strategy: int
    state: int
    value: int
    gap: int
    is_ascii: bool

    @property
    def cell(self) -> int:
        return self.state + self.value


def table(progress: ComparisonProgress, width: int, n_rows: int, *, ascii_only: bool) -> Text:
    """Returns the cells, in about `n_rows` lines of `width` characters; one line a strategy where they do not fit."""
    rows = _rows(progress)
    layout = _lay_out(progress, width, ascii_only=ascii_only)
    meaning = _legend(progress, ascii_only=ascii_only)
    if layout is None or len(rows) + 1 + bool(meaning) > n_rows:
        return _lines(progress, width, n_rows, ascii_only=ascii_only)
    text = Text(no_wrap=True, overflow="crop")
    text.append(_label("", "seed", layout), "dim")
    for seed in progress.comparison.seeds:
        text.append(" " * layout.gap + _end_of(str(seed), layout.cell, ascii_only=ascii_only), "dim")
    for (task, strategy), studies in rows.items():
        text.append("\n" + _label(task, strategy, layout))
        for seed in progress.comparison.seeds:
            study = studies[seed]
            text.append(" " * layout.gap).append(_state(study, layout), STYLES[study.phase])
            if layout.value:
                text.append(_value(study).rjust(layout.value), "bold" if study.phase is Phase.DONE else "")
    return text.append(f"\n{meaning}" if meaning else "", "dim")


def study_label(progress: ComparisonProgress, study: StudyProgress) -> str:
    """Returns how a study is called in lines: its task where there are several, its strategy, its seed."""
    has_tasks = len(progress.comparison.tasks) > 1
    return printable(f"{study.task} {study.strategy}" if has_tasks else study.strategy) + f" seed {study.seed}"


def _lay_out(progress: ComparisonProgress, width: int, *, ascii_only: bool) -> _Layout | None:
    """Returns the layout that says most in `width` characters; None if there is no room for cells."""
    most = max(width // 4, 6)
    strategy = min(max(cell_len(label) for _, label in [("", "seed"), *_rows(progress)]), most)
    tasks = [cell_len(printable(task)) for task in progress.comparison.tasks]
    task = 0 if len(tasks) < 2 else max(min(max(tasks), most - strategy - 1), 3)
    room = (width - strategy - (task + 1 if task else 0)) // len(progress.comparison.seeds)
    value = max(4, *(len(_value(study)) for study in progress.studies.values()))
    bar = min(room - value - 2, MAX_BAR)
    if bar >= (PERCENT if ascii_only else MIN_BAR):
        state, value = bar, value + 1
    elif not ascii_only and room >= value + 2:
        state, value = 1, value + (room > value + 2)
    elif room > PERCENT:
        state, value = PERCENT, 0
    else:
        return None
    return _Layout(task, strategy, state, value, min(room - state - value, 2), ascii_only)


def _state(study: StudyProgress, layout: _Layout) -> str:
    """Returns how far a study is; a letter says what is done after the search."""
    percent = f"{int(100 * study.share)}%"
    match study.phase:
        case Phase.DONE:
            text = "done" if layout.is_ascii else "✓"
        case Phase.TESTING:
            text = "test"
        case Phase.CONFIRMING | Phase.AUDITING:
            text = f"{study.phase.value[0]}{percent}"
        case _ if layout.value == 0:
            text = percent
        case _ if layout.state == 1:
            text = BLOCKS[min(int(study.share * len(BLOCKS)), len(BLOCKS) - 1)] if study.share > 0 else "·"
        case _:
            text = _bar(study.share, layout.state, ascii_only=layout.is_ascii)
    return text[: layout.state].rjust(layout.state)


def _legend(progress: ComparisonProgress, *, ascii_only: bool) -> str:
    """Returns what the signs in the cells mean, those that are there."""
    phases = {study.phase for study in progress.studies.values()}
    words = [
        f"{phase.value[0]} {phase.value}"
        for phase in (Phase.CONFIRMING, Phase.TESTING, Phase.AUDITING)
        if phase in phases
    ]
    return "   ".join([*words, *([] if ascii_only or Phase.DONE not in phases else ["✓ done"])])


def _bar(share: float, width: int, *, ascii_only: bool) -> str:
    full, empty = ("#", ".") if ascii_only else ("▮", "▯")
    n_full = int(share * width)
    return full * n_full + empty * (width - n_full)


def _value(study: StudyProgress) -> str:
    best = study.search.best
    return "-" if best is None or best.value is None else short_value(best.value)


def _lines(progress: ComparisonProgress, width: int, n_rows: int, *, ascii_only: bool) -> Text:
    """Returns a line for each strategy, over all tasks and seeds, at most `n_rows` of them."""
    groups: dict[str, list[StudyProgress]] = {}
    for study in progress.studies.values():
        groups.setdefault(printable(study.strategy), []).append(study)
    label_width = min(max(cell_len(label) for label in groups), max(width // 4, 6))
    n_shown = len(groups) if len(groups) <= n_rows else max(n_rows - 1, 0)
    labels = [_fit(label, label_width, ascii_only=ascii_only) for label in groups]
    lines = [_versions(progress, studies, ascii_only=ascii_only) for studies in list(groups.values())[:n_shown]]
    fitting = (number for number in range(3) if all(label_width + len(line[number]) <= width for line in lines))
    version = next(fitting, -1)
    rows = [label + line[version] for label, line in zip(labels, lines, strict=False)]
    if n_shown < len(groups):
        rows.append(f"and {len(groups) - n_shown} more strategies")
    return Text("\n".join(rows), no_wrap=True, overflow="crop")


def _versions(progress: ComparisonProgress, studies: Sequence[StudyProgress], *, ascii_only: bool) -> list[str]:
    """Returns what is to say of some studies, shorter and shorter: work, studies done, incumbents."""
    share = sum(_whole_share(study) for study in studies) / len(studies)
    done = f"{int(100 * share):>4} %  {sum(study.phase is Phase.DONE for study in studies)}/{len(studies)} done"
    values = sorted(study.search.best.value or 0.0 for study in studies if study.search.best)
    with_bar = f" {_bar(share, MAX_BAR, ascii_only=ascii_only)}{done}"
    spread = ""
    if values and len(progress.comparison.tasks) == 1:
        spread = f"  median {short_value(median(values))} ({short_value(values[0])} to {short_value(values[-1])})"
    return [with_bar + spread, with_bar, done, f"{int(100 * share):>4} %"]


def _whole_share(study: StudyProgress) -> float:
    """Returns how much of all its work a study has done."""
    done, left = (sum(works) for works in zip(*study.works, strict=True))
    return done / (done + left) if left else float(study.phase is not Phase.WAITING)


def _rows(progress: ComparisonProgress) -> dict[tuple[str, str], dict[int, StudyProgress]]:
    """Returns the studies of each task and strategy by their seeds."""
    rows: dict[tuple[str, str], dict[int, StudyProgress]] = {}
    for study in progress.studies.values():
        rows.setdefault((study.task, study.strategy), {})[study.seed] = study
    return rows


def _label(task: str, strategy: str, layout: _Layout) -> str:
    of_task = f"{_fit(printable(task), layout.task, ascii_only=layout.is_ascii)} " if layout.task else ""
    return of_task + _fit(printable(strategy), layout.strategy, ascii_only=layout.is_ascii)


def short_value(value: float) -> str:
    """Returns three digits in at most six characters: `.843`, `1.25`, `12.3`, `-.002`, `2e-05`."""
    size = abs(value)
    if size == 0 or 0.0995 <= size < 0.9995:
        return f"{value:.3f}".replace("0.", ".", 1)
    for limit, n_digits in ((9.995, 2), (99.95, 1), (9999.5, 0)):
        if 0.9995 <= size < limit:
            return f"{value:.{n_digits}f}"
    return f"{value:.3f}".replace("0.", ".", 1) if 0.0095 <= size < 1 else f"{value:.0e}"


def _fit(text: str, width: int, *, ascii_only: bool) -> str:
    """Returns `text` in exactly `width` columns of the terminal."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + ("~" if ascii_only else "…")


def _end_of(text: str, width: int, *, ascii_only: bool) -> str:
    """Returns the end of `text` in `width` characters: seeds differ there."""
    return text.rjust(width) if len(text) <= width else ("~" if ascii_only else "…") + text[1 - width :]
