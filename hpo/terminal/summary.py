"""What a study leaves on the terminal at its end: what is best, what failed, where everything is, what next.

Says only what the trials say; the report on several studies is not here.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpo.artifacts.folders import BEST_FOLDER, MODEL_FOLDER
from hpo.config.metric import OTHERS
from hpo.config.override_text import override_line
from hpo.config.schema import StorageConfig
from hpo.config.search import ParamValue
from hpo.contracts.honest import honest_sentence
from hpo.contracts.records import FAIL, StudyRecord, TrialRecord, test_name
from hpo.machine.escaping import last_line, printable
from hpo.machine.remote import is_remote
from hpo.machine.secrets import is_named, mask
from hpo.terminal.baseline import baseline_sentence
from hpo.terminal.console import unless_gone
from hpo.terminal.format import format_counts, format_duration, format_number, format_params, format_path

N_BEST, N_NAMED = 5, 8  # trials in the table; failed trials named per reason
SUBJECT_WIDTH = 8
GAP = 2  # between columns
FIRST_DATA, OWN_TEXTS = "docstrings", "your own: hpo data=table data.path=YOURS.csv"
DEFAULT_URI = "sqlite:///mlflow.db"


def print_summary(
    console: Console,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    *,
    outcome: str,
    storage: StorageConfig,
    tracking: str,
    n_unmirrored: int,
    next_command: str,
    refusals: Sequence[str] = (),
) -> None:
    """Prints what came out of a study.

    Args:
        console: Where to.
        study: Its newest record.
        trials: All of its trials.
        outcome: Why the driver stopped: "the budget is reached".
        storage: Where the record is.
        tracking: The setting `tracking.uri`; empty when nothing is mirrored.
        n_unmirrored: Runs that MLflow is not known to show completely.
        next_command: What continues or repeats the study.
        refusals: Files that say which of those runs MLflow refuses.
    """
    with unless_gone(console):
        console.print()
        _say(console, "study", f"{printable(study.name)}: {outcome}", style="bold")
        _say(console, "trials", f"{format_counts(trials, running='to go on with')}; {_spent(trials)}")
        _print_failures(console, trials)
        _print_best(console, study, trials)
        _print_places(console, study, storage, tracking)
        if tracking and n_unmirrored:
            _say_whole(console, "", missing_sentence(study, storage, tracking, n_unmirrored), style="yellow")
            for path in refusals:
                _say_whole(console, "", f"MLflow refuses some of them: see {printable(path)}", style="yellow")
        _print_found(console, study, trials)
        _print_command(console, next_command, subject="next")
        if study.tags.get("data") == FIRST_DATA:
            _say_whole(console, "texts", OWN_TEXTS)


def missing_sentence(
    study: StudyRecord, storage: StorageConfig, tracking: str, n_unmirrored: int, *, names_study: bool = True
) -> str:
    """Returns how much MLflow lacks, and the command that brings it, of all studies unless one is named."""
    are = "run is" if n_unmirrored == 1 else "runs are"
    remedy = "lost, as the record was in memory"
    if storage.is_kept:
        named: dict[str, ParamValue] = {"study.name": study.name} if names_study else {}
        remedy = f"hpo sync {override_line(named | _sync_params(storage, tracking))}".strip()
    return f"{n_unmirrored} {are} not in MLflow yet: {remedy}"


def fruitless_sentence(subject: str, trials: Sequence[TrialRecord]) -> str:
    """Returns what is to be said where every trial failed; "" otherwise."""
    if not trials or any(trial.state != FAIL for trial in trials):
        return ""
    why = last_line(trials[-1].error or "") or trials[-1].reason or "no reason given"
    which = "its only trial" if len(trials) == 1 else f"all {len(trials):,} trials"
    return (
        f"{subject} has nothing to show: {which} failed ({why.rstrip('. ')}); mend the cause, and give a larger budget "
        "to go on with."
    )


def _print_best(console: Console, study: StudyRecord, trials: Sequence[TrialRecord]) -> None:
    best = study.best(list(trials))
    if best is None:
        _say(console, "best", "none: no trial is complete, so no params can be recommended", style="yellow")
        return
    console.print()
    _print_trimmed(console, _best_table(study, trials, console.width))
    console.print()
    if study.is_recorded:
        row = best.facts.get("row", "?")
        _say(
            console,
            "best",
            f"trial {best.number}, row {row} of {study.tags['table']}: it is trained already",
            style="bold",
        )
        if study.exhausts_table(trials):
            n_there = int(study.tags["n_configurations"])
            text = f"the search has had all {n_there:,} configurations of its table"
            _say(console, "table", f"{text}: its best is the table's, however found", style="yellow")
        return
    _say(console, "best", f"trial {best.number}; to train it again, paste behind hpo:", style="bold")
    _print_command(console, study.retraining(best.params), style="green")


def _print_found(console: Console, study: StudyRecord, trials: Sequence[TrialRecord]) -> None:
    """Prints, as the last thing but what to do next, how good the best trial is and how it stands to the baseline."""
    best = study.best(list(trials))
    if best is None:
        return
    if study.test:
        _say(console, "test", _test_text(study, best))
    if honest := honest_sentence(study):
        _say(console, "honest", honest)
    if (sentence := baseline_sentence(study, best)) is not None:
        _say(console, "compare", sentence, style="" if ": beaten" in sentence else "yellow")


def _best_table(study: StudyRecord, trials: Sequence[TrialRecord], width: int) -> Table:
    """Returns the best trials; how long they trained gives way to their params where it is narrow."""
    headings = ("trial", study.metric, "epochs", "training", "params")
    rows = [headings, *(_best_row(trial) for trial in study.ranked(trials)[:N_BEST])]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    is_narrow = sum(widths) + GAP * (len(widths) - 1) > width
    shown = [column for column, heading in enumerate(headings) if not (is_narrow and heading == "training")]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, GAP, 0, 0))
    for column in shown:
        is_text = headings[column] == "params"
        table.add_column(headings[column], justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    for row in rows[1:]:
        table.add_row(*(row[column] for column in shown))
    return table


def _best_row(trial: TrialRecord) -> tuple[str, ...]:
    seconds = _training_s([trial])
    took = "" if seconds is None else format_duration(seconds)
    value = format_number(trial.value or 0.0)
    return str(trial.number), value, str(trial.n_epochs), took, format_params(trial.params)


def _print_failures(console: Console, trials: Sequence[TrialRecord]) -> None:
    """Prints each reason once, with the trials it befell and what the newest of them said."""
    failed: dict[str, list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        if trial.state == FAIL:
            failed[trial.reason or "no reason given"].append(trial)
    for reason, befallen in failed.items():
        numbers = ", ".join(str(trial.number) for trial in befallen[:N_NAMED])
        others = f" and {len(befallen) - N_NAMED} more" if len(befallen) > N_NAMED else ""
        error = last_line(befallen[-1].error or "")
        _say(console, "failed", f"{reason}: trial {numbers}{others}{f' - {error}' if error else ''}", style="red")


def _print_places(console: Console, study: StudyRecord, storage: StorageConfig, tracking: str) -> None:
    _say_whole(console, "record", storage.description)
    _say_whole(console, "folder", printable(format_path(study.folder)))
    if is_remote(storage.folder):
        _say_whole(console, "kept", f"weights and checkpoints at {mask(storage.folder)}")
    if (model := Path(study.folder) / MODEL_FOLDER).is_dir():
        _print_command(
            console, f"hpo predict model={shlex.quote(printable(format_path(str(model))))} 'some text'", subject="model"
        )
    if (best := Path(study.folder) / BEST_FOLDER).is_dir():
        _say_whole(console, "files", f"of the best trial in {printable(format_path(str(best)))}")
    if not tracking:
        _say(console, "mlflow", "not used (tracking=none)")
        return
    _say_whole(console, "mlflow", _mlflow_text(tracking))


def _sync_params(storage: StorageConfig, tracking: str) -> dict[str, ParamValue]:
    """Returns what `hpo sync` must be told, beside its defaults, to find a study."""
    params: dict[str, ParamValue] = dict(storage.settings)
    if storage.folder != "studies":
        params["storage.folder"] = storage.folder
    if tracking != DEFAULT_URI:
        params["tracking.uri"] = mask(tracking)
    return params


def _mlflow_text(tracking: str) -> str:
    address = mask(tracking)
    if is_named(tracking):
        return f"at the address in {address}"
    if urlsplit(tracking).scheme in ("http", "https"):
        return f"open {address}"
    shown = override_line({"tracking.uri": address} if tracking != DEFAULT_URI else {})
    return f"hpo ui {shown}".rstrip()


def _test_text(study: StudyRecord, best: TrialRecord) -> str:
    """Returns what the test measured, without the metrics that MLflow and the model's page have beside the study's."""
    test = study.test
    others = [name for name in OTHERS if study.corpus and name not in (study.metric, "f1")]
    hidden = {"trial", *map(test_name, others)}
    tested = int(test.get("trial", best.number))
    measured = {name: value for name, value in test.items() if not name.startswith(("test_baseline_", "n_"))}
    measured = {name: value for name, value in measured.items() if name not in hidden}
    metrics = ", ".join(f"{name.removeprefix('test_')} {format_number(value)}" for name, value in measured.items())
    texts = f" on {int(test['n_test']):,} texts" if "n_test" in test else ""
    return f"{metrics}{texts}" + ("" if tested == best.number else f" (trial {tested}, best before the newest trials)")


def _spent(trials: Sequence[TrialRecord]) -> str:
    n_epochs, seconds = sum(trial.n_charged for trial in trials), _training_s(trials)
    return f"{n_epochs} epochs" + ("" if seconds is None else f", {format_duration(seconds)} of training")


def _training_s(trials: Sequence[TrialRecord]) -> float | None:
    """Returns the seconds that epochs took, all trials together; None where none was measured."""
    is_measured = any("seconds" in epoch.metrics for trial in trials for epoch in trial.epochs)
    return sum(trial.seconds for trial in trials) if is_measured else None


def _say(console: Console, subject: str, sentence: str, *, style: str = "") -> None:
    """Prints a sentence, wrapped under itself."""
    row = Table.grid()
    row.add_column(width=SUBJECT_WIDTH, style="dim")
    row.add_column(overflow="fold")
    row.add_row(subject, Text(sentence, style))
    _print_trimmed(console, row)


def _print_trimmed(console: Console, table: Table) -> None:
    """Prints a table without the blanks that fill its last column."""
    for segments in console.render_lines(table, pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
        line.rstrip()
        console.print(line, soft_wrap=True)


def _print_command(console: Console, command: str, *, subject: str = "", style: str = "") -> None:
    """Prints what can be pasted: in one line, but on a narrow terminal broken between words, as shells take it."""
    indent = SUBJECT_WIDTH if subject else 0
    lines = _broken(command, console.width - indent) if console.is_terminal else [command]
    for number, line in enumerate(lines):
        end = " \\" if number + 1 < len(lines) else ""
        _print_line(console, "" if number else subject, line + end, style, indent)


def _broken(command: str, width: int) -> list[str]:
    """Returns a command in lines with room for a backslash behind each; whole, if its words cannot be told."""
    words = re.findall(r"""(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+""", command)
    if len(command) <= width or " ".join(words) != command:
        return [command]
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _print_line(console: Console, subject: str, line: str, style: str, indent: int) -> None:
    console.print(Text.assemble((f"{subject:<{indent}}", "dim"), (line, style)), soft_wrap=True)


def _say_whole(console: Console, subject: str, line: str, *, style: str = "") -> None:
    """Prints a path or a command without a break, so that it can be copied."""
    _print_line(console, subject, line, style, SUBJECT_WIDTH)
