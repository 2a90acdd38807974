"""What a study under way looks like, its lines and its frame, and what such frames are made of.

From `progress` to text and bars; when they are drawn, and where, is `display`'s.
"""

from __future__ import annotations

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, StudyRecord, TrialRecord
from hpo.machine.escaping import printable
from hpo.terminal.format import (
    STATE_WORDS,
    format_budget,
    format_counts,
    format_duration,
    format_failure,
    format_number,
    format_params,
    format_path,
    format_times,
    sparkline,
    whole_words,
)
from hpo.terminal.progress import Progress, Spend, metric_curve, planned_epochs

STYLES = {RUNNING: "cyan", COMPLETE: "green", PRUNED: "yellow", FAIL: "red"}


def opening_line(progress: Progress) -> Text:
    """Returns what a study is and how much of it is done."""
    study, trials = progress.study, progress.tally.trials
    done = f"continued, {format_counts(trials, running='to go on with')}" if trials else "new"
    strategy = f" by {study.tags['sampler']}" if "sampler" in study.tags else ""
    goal = f"{study.direction} {study.metric}{strategy}; budget {format_budget(progress.budget)}"
    return Text.assemble(
        "study ", (printable(study.name), "bold"), f": {done}; {goal}; in {printable(format_path(study.folder))}"
    )


def trial_line(progress: Progress, trial: TrialRecord) -> Text:
    """Returns how a trial ended, or that it is paused or promoted, in one line; its details go behind or below it."""
    study = progress.study
    word = STATE_WORDS[trial.state] if trial.is_finished else "paused" if trial.is_paused else "promoted"
    line = Text.assemble(f"[{_place(progress)}] trial {trial.number} ", (word, STYLES[trial.state]), ": ")
    if trial.state == FAIL:
        line.append(format_failure(trial, _epochs(study, trial)) + (";" if trial.params else ""))
    else:
        measured = metric_curve(study, trial)[-1:] if trial.state == RUNNING else [trial.value]
        duration_s = trial.duration_s if trial.is_finished else trial.seconds
        value = "no value" if measured in ([], [None]) else format_number(measured[0] or 0.0)
        best = progress.tally.best
        is_best = best is not None and best.number == trial.number
        line.append(f"{study.metric} {value}{' (best so far)' if is_best else ''}", "bold" if is_best else "")
        line.append(f", {_epochs(study, trial)}, {format_duration(duration_s)}")
    return line


def trial_details(progress: Progress, trial: TrialRecord, *, ascii_only: bool) -> Text:
    """Returns the curve of a trial, if it did not fail, and its params."""
    curve = "" if trial.state == FAIL else sparkline(metric_curve(progress.study, trial), ascii_only=ascii_only)
    return Text(f"{curve} {format_params(trial.params)}".strip(), "dim")


def frame(progress: Progress, elapsed_s: float, room: ConsoleDimensions, *, ascii_only: bool) -> RenderableType:
    """Returns how far a study is, what is best and what runs, within `room` where that is possible."""
    rows = [
        title(progress.study.name, ascii_only=ascii_only),
        _overall(progress, elapsed_s),
        _standing(progress, room.width),
    ]
    if progress.running:
        n_rows = max(room.height - 6, 1)
        rows.append(_running(progress, n_rows=n_rows, width=room.width, ascii_only=ascii_only))
    return Group(*rows)


def title(text: str, *, ascii_only: bool) -> RenderableType:
    """Returns the line above what is kept in sight."""
    return Rule(Text(printable(text)), align="left", style="dim", characters="-" if ascii_only else "─")


def bar(before: str, share: float, after: str) -> RenderableType:
    """Returns one line with a bar of which `share` in [0, 1] is full."""
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(no_wrap=True)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True)
    row.add_row(printable(before), ProgressBar(total=1.0, completed=share), after)
    return row


def _place(progress: Progress) -> str:
    total = progress.budget.n_trials
    return f"{progress.tally.n_finished}" if total is None else f"{progress.tally.n_finished}/{total}"


def _epochs(study: StudyRecord, trial: TrialRecord) -> str:
    return f"{trial.n_epochs}/{planned_epochs(study, trial) or '?'} epochs"


def _overall(progress: Progress, elapsed_s: float) -> RenderableType:
    """Returns the bar of the limit nearest to its end, with the time spent and the time left."""
    spend = progress.binding(elapsed_s)
    match spend:
        case None:
            return Text(f"{progress.tally.n_finished} trials, no limit; {format_duration(elapsed_s)}")
        case Spend(unit="trials"):
            done = f"{progress.tally.n_finished}/{spend.total:g} trials"
        case Spend(unit="epochs"):
            done = f"{spend.done:g}/{spend.total:g} epochs"
        case _:
            done = f"{format_duration(spend.done)} of {format_duration(spend.total)}"
    return bar(done, spend.share, format_times(elapsed_s, progress.left_s(elapsed_s)))


def _standing(progress: Progress, width: int) -> RenderableType:
    """Returns the incumbent and how many trials are in which state."""
    best = progress.tally.best
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(format_counts(progress.tally.trials) + "\n", "dim")
    if best is None or best.value is None:
        return text.append("best   none yet: no trial is complete")
    text.append("best   ").append(f"{progress.study.metric} {format_number(best.value)}", "bold green")
    text.append(f", trial {best.number}, ")
    return text.append(whole_words(format_params(best.params), width - len(text.plain.rpartition("\n")[2])))


def _running(progress: Progress, *, n_rows: int, width: int, ascii_only: bool) -> Text:
    """Returns a line for each running trial, at most `n_rows` of them; params give way where it is narrow."""
    cells = [_running_cells(progress.study, trial, ascii_only=ascii_only) for trial in progress.running]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = Text(no_wrap=True, overflow="ellipsis")
    left = width - sum(widths[:-1]) - 2 * len(widths[:-1])
    for *row, params in cells[:n_rows]:
        for cell, wide, style in zip(row, widths, ("", "cyan", "bold", "cyan"), strict=False):
            lines.append(cell.ljust(wide), style).append("  ")
        lines.append(whole_words(params, left) + "\n", "dim")
    if len(cells) > n_rows:
        lines.append(f"and {len(cells) - n_rows} more running", "dim")
    lines.rstrip()
    return lines


def _running_cells(study: StudyRecord, trial: TrialRecord, *, ascii_only: bool) -> tuple[str, ...]:
    curve = metric_curve(study, trial)
    value = f"{study.metric} {format_number(curve[-1])}" if curve else "no epoch yet"
    curve_text = sparkline(curve, ascii_only=ascii_only)
    return f"trial {trial.number}", _epochs(study, trial), value, curve_text, format_params(trial.params)
