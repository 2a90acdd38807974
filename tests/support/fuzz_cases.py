"""Command lines and YAML files as nobody means them, and what must hold whatever is typed.

`attempt` runs one of the package's commands in this process and an empty working directory; `check` holds what it
left behind against what the command promises. The strategies keep out what would rightly run for long: trials,
epochs and seconds by the thousand, real training, other processes, servers.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import hpo.study.session
from hpo.contracts.records import Budget
from hpo.machine.signals import Ending
from hpo.study.session import Report

DONE, MISTAKE, HELD, FRUITLESS = 0, 2, 3, 5
FILES = "mine"  # the user's own folder of YAML files, outside the working directory: --config-dir ../mine
COMMANDS = {
    "hpo": "hpo.commands.console",
    "compare": "hpo.commands.compare",
    "report": "hpo.commands.report",
    "sync": "hpo.commands.sync",
    "curves": "hpo.commands.curves",
}
READERS = ("report", "sync", "curves")  # read a record, and write without running a study
ENDINGS = (".", "…", ")", "'", '"', "`", "]", "}")
SMALL_WORDS = set(
    re.findall(r"\w+", "a an and are as be give has hpo in is it no not of one or that the there this to")
)
INTERNALS = re.compile(
    r"Traceback|object has no attribute|<class|NoneType|omegaconf|Config\b|hydra\._|hydra\.core|full_key|object_type|"
    r"0x[0-9a-f]{6}|Errno|\$KEY|\$VALUE"
)


@dataclass(frozen=True)
class Case:
    """What a user typed.

    Attributes:
        argv: The command line without the program.
        files: Content of the YAML files in the folder `--config-dir ../mine` names, by path.
        command: Which of the package's commands.
    """

    argv: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    command: str = "hpo"


@dataclass(frozen=True)
class Outcome:
    """What came of it: exit code, both streams, what is on disk before and after, what the sessions said."""

    case: Case
    code: int
    out: str
    err: str
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes | None]
    reports: Sequence[Report]


def attempt(case: Case) -> Outcome:
    """Runs a command in a working directory of its own: an empty one, or one with the record it needs."""
    main: Callable[[list[str]], int] = import_module(COMMANDS[case.command]).main
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as root:
        work = Path(root, "some", "work")
        work.mkdir(parents=True)
        if case.command in READERS:
            shutil.copytree(_record(), work, dirs_exist_ok=True)
        for name, content in case.files.items():
            file = work.parent / FILES / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode("utf-8", "surrogateescape"))
        before, here = _tree(Path(root)), Path.cwd()
        out, err = _stream(), _stream(errors="backslashreplace")
        os.chdir(work)
        try:
            with (
                patch.dict(os.environ, {"HOME": f"{root}/home", "COLUMNS": "100"}),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                _reports() as reports,
            ):
                code = _code(main, case.argv)
            return Outcome(case, code, _text(out), _text(err), before, _tree(Path(root)), reports)
        finally:
            os.chdir(here)


def check(outcome: Outcome) -> int:
    """Holds an outcome against what every command promises; returns the exit code."""
    assert outcome.code in (DONE, MISTAKE, HELD, FRUITLESS), f"exit code {outcome.code}: {outcome.err}"
    lines = outcome.err.splitlines()
    if outcome.code == DONE:
        assert not lines, f"done, but said {outcome.err!r}"
    else:
        assert outcome.err.endswith("\n"), repr(outcome.err)
        assert 1 <= len(lines) <= max(1, _n_jobs(outcome)), f"{len(lines)} lines: {outcome.err}"
        for line in lines:
            check_sentence(line, outcome.case)
    if not outcome.reports:
        left = sorted(set(outcome.after) ^ set(outcome.before))
        is_writer = outcome.code == DONE and outcome.case.command in READERS
        assert is_writer or outcome.before == outcome.after, f"left behind: {left or 'other content'} ({outcome.err!r})"
        assert outcome.code == DONE or outcome.out == "", f"refused, but said {outcome.out!r}"
    asked = set(outcome.case.argv)
    is_study = outcome.case.command not in READERS and not asked & {"-h", "--help", "--version", "--cfg", "-c"}
    assert outcome.code != DONE or not is_study or outcome.reports, "done, but no study was run"
    is_multirun = {"-m", "--multirun"} & asked
    assert not outcome.reports or outcome.code == DONE or is_multirun, f"ran, and was refused: {outcome.err!r}"
    for report in outcome.reports:
        check_complete(report)
    return outcome.code


def check_sentence(line: str, case: Case) -> None:
    """Holds a refusal against what one looks like."""
    assert line.startswith("hpo: "), f"no sentence of ours: {line!r}"
    assert line.endswith(ENDINGS), f"no end: {line!r}"
    assert len(line) > 20, f"says nothing: {line!r}"
    assert line.isprintable(), f"steers terminals: {line!r}"
    assert not INTERNALS.search(line), f"speaks of the inside: {line!r}"
    words = re.findall(r"\w{3,}", " ".join([*case.argv, *case.files, *case.files.values()]))
    names = {"file", "empty", *case.argv, *words} - SMALL_WORDS
    assert any(name[:40] in line for name in names if name), f"names nothing that was given: {line!r}"


def check_complete(report: Report) -> None:
    """Holds a study that came to its end against its budget."""
    assert report.ending in (Ending.BUDGET, Ending.EXHAUSTED)
    assert all(trial.is_finished for trial in report.trials)
    given = report.study.config["study"]
    assert isinstance(given, Mapping)
    budget = Budget(*(given.get(limit) for limit in ("n_trials", "timeout_s", "n_epochs", "trials_s")))
    if report.ending is Ending.BUDGET:
        spent = [
            budget.n_trials is not None and len(report.trials) >= budget.n_trials,
            budget.n_epochs is not None and sum(trial.n_charged for trial in report.trials) >= budget.n_epochs,
            budget.trials_s is not None and sum(trial.seconds for trial in report.trials) >= budget.trials_s,
            budget.timeout_s is not None,
        ]
        assert any(spent), f"not complete: {budget} with {len(report.trials)} trials"


@cache
def _record() -> Path:
    """Returns a working directory with two studies in the record, and the database of something else; made once."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-record-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    words = ["trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=2"]
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for seed, name in enumerate(("tried", "other")):
            assert import_module(COMMANDS["hpo"]).main([*words, f"seed={seed}", f"study.name={name}"]) == DONE
    with contextlib.closing(sqlite3.connect(folder / "hpo.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or reading it would change it
    with contextlib.closing(sqlite3.connect(folder / "other.db")) as connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
    (folder / "file").write_text("")
    return folder


def _stream(errors: str = "strict") -> io.TextIOWrapper:
    """Returns a stream that takes what a terminal takes."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=errors)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _code(main: Callable[[list[str]], int], argv: Sequence[str]) -> int:
    try:
        return main(list(argv))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else -1


def _n_jobs(outcome: Outcome) -> int:
    """Returns how many studies a command may refuse, a sentence each."""
    return 100 if {"-m", "--multirun"} & set(outcome.case.argv) else 1


@contextlib.contextmanager
def _reports() -> Iterator[list[Report]]:
    """Collects what the sessions of a command say."""
    reports: list[Report] = []
    drive = hpo.study.session.drive_all

    def drive_all(*args: object, **named: object) -> list[Report]:
        found = drive(*args, **named)  # type: ignore[arg-type]
        reports.extend(found)
        return found

    with patch.object(hpo.study.session, "drive_all", drive_all):
        yield reports


def _tree(root: Path) -> dict[str, bytes | None]:
    """Returns the content of every file below `root` by its path; None for folders."""
    paths = sorted(path for path in root.rglob("*") if not path.name.endswith(("-wal", "-shm")))  # SQLite's own
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}
