"""What a person sees while a study runs, on terminals good and bad."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, ConsoleDimensions

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, Budget, TrialRecord
from hpo.terminal.display import Display, Lines, LiveLines, StudyDisplay, build_display, build_lines
from hpo.terminal.format import whole_words
from hpo.terminal.progress import Progress
from hpo.terminal.screen import frame
from tests.support import ROOT
from tests.support.mlflow_contents import make_study, make_trial
from tests.support.terminals import LostTerminal, make_console

STUDY = make_study(Path("studies/docs"))
TRIALS = [
    make_trial(0),
    make_trial(1, PRUNED, n_epochs=2),
    make_trial(2, FAIL, n_epochs=1),
    make_trial(3, params={"train.lr": 0.25, "model.n_hid": 64}),
    make_trial(4, RUNNING, n_epochs=2),
    make_trial(5, RUNNING, n_epochs=0),
]


def log_of(display: Display, console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    display.close()
    return console.file.getvalue().splitlines()


def show(display: Display) -> None:
    """Drives a display through a study with every kind of event."""
    for done in range(0, 1001, 100):
        display.preparing("tokens", done, 1000)
    display.study_opened(STUDY, [], Budget(n_trials=6))
    for trial in TRIALS:
        display.trial_changed(make_trial(trial.number, RUNNING, n_epochs=0))
        display.trial_changed(trial)
    display.note("MLflow does not answer.")


@pytest.mark.parametrize(("term", "kind"), [("xterm", LiveLines), ("dumb", Lines)])
def test_a_terminal_gets_a_screen_and_a_dumb_one_lines(term: str, kind: type) -> None:
    assert type(build_lines(make_console(term=term))) is kind


def test_the_baseline_is_told_before_the_first_trial() -> None:
    console = Console(file=io.StringIO(), width=80)
    display = build_display(console)
    display.study_opened(replace(STUDY, corpus={"baseline_accuracy": 0.8125}), [], Budget(n_trials=6))
    assert log_of(display, console)[1:] == ["to beat: accuracy 0.8125, a linear model of the words on valid"]


def test_a_file_gets_one_line_for_each_thing_that_happened() -> None:
    console = Console(file=io.StringIO(), width=20)
    display = build_display(console)
    show(display)
    lines = log_of(display, console)
    assert lines[:3] == [f"preparing tokens: {percent} % of 1,000" for percent in (0, 50, 100)]
    assert lines[3] == "study docs-tpe-1: new; maximize accuracy by tpe; budget 6 trials; in studies/docs"
    assert lines[4].startswith(
        "[1/6] trial 0 complete: accuracy 0.5000 (best so far), 3/3 epochs, 5.0 s ▁▄█ lr=0.000333"
    )
    assert lines[5].startswith("[2/6] trial 1 pruned: accuracy 0.5100, 2/3 epochs")
    assert lines[6].startswith(
        "[3/6] trial 2 failed: diverged after 1/3 epochs - RuntimeError: loss is not finite; lr="
    )
    assert lines[7].startswith("[4/6] trial 3 complete: accuracy 0.5300 (best so far)")
    assert lines[7].endswith("lr=0.25 n_hid=64")
    assert lines[8:] == ["MLflow does not answer."]


def test_a_continued_study_says_what_it_already_has_and_does_not_repeat_it() -> None:
    console = Console(file=io.StringIO(), width=80)
    display = StudyDisplay(Lines(console))
    display.study_opened(STUDY, TRIALS, Budget(n_trials=9))
    display.trial_changed(TRIALS[0])
    (line,) = log_of(display, console)
    assert "continued, 2 to go on with, 2 complete, 1 pruned, 1 failed (diverged);" in line


def test_a_screen_keeps_the_lines_and_leaves_its_last_state() -> None:
    console = make_console(width=120)
    display = StudyDisplay(LiveLines(console))
    show(display)
    display.trial_changed(make_trial(4))
    display.close()
    lines = log_of(display, console)
    text = "\n".join(lines)
    assert "prepared tokens: 1,000" in text
    assert "RuntimeError: loss is not finite" in text
    last = "\n".join(lines[-6:])
    assert "5/6 trials" in last
    assert "1 running, 3 complete, 1 pruned, 1 failed (diverged)" in last
    assert "accuracy 0.5400" in last
    assert "trial 5" in last
    assert "\x1b[?25h" in text.rpartition("5/6 trials")[2], "the cursor is shown again"


def test_a_closed_screen_still_takes_events() -> None:
    console = make_console()
    display = StudyDisplay(LiveLines(console))
    display.close()
    show(display)
    assert any("trial 3" in line for line in log_of(display, console))


@pytest.mark.parametrize("width", [80, 120, 140])
def test_a_finished_trial_keeps_its_params_and_no_word_is_broken(width: int) -> None:
    params = {"model.drop_mult": 0.2607, "model.n_hid": 128, "train.lr": 0.00554, "train.epochs": 6}
    many = params | {f"model.quite_a_long_name_{number}": number for number in range(6)}
    console = make_console(width=width)
    lines = LiveLines(console)
    display = StudyDisplay(lines)
    display.study_opened(STUDY, [], Budget(n_trials=9))
    display.close()
    assert isinstance(console.file, io.StringIO)
    console.file.truncate(0)
    for number, given in enumerate((params, many)):
        display.trial_changed(make_trial(number, params=given))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue()).strip("\0")
    rows = [row.rstrip() for row in text.splitlines()]
    assert all(len(row) <= width for row in rows)
    words = text.split()
    for word in ("drop_mult=0.261", "n_hid=128", "lr=0.00554", "epochs=6", "quite_a_long_name_5=5"):
        assert word in words
    assert "…" not in text
    details = r"    [▁-█]+ drop_mult="  # the curve does not stand alone
    assert [bool(re.match(details, row)) for row in rows[:2]] == [False, width < 140]


def test_params_that_have_no_room_are_left_out_word_by_word() -> None:
    assert whole_words("lr=0.1 n_hid=64", 15) == "lr=0.1 n_hid=64"
    assert whole_words("lr=0.1 n_hid=64", 14) == "lr=0.1 …"
    assert (whole_words("lr=0.1 n_hid=64", 5), whole_words("", 0)) == ("…", "")


@pytest.mark.parametrize("width", [1, 7, 30, 80, 120])
@pytest.mark.parametrize("trials", [[], TRIALS, [make_trial(n, RUNNING) for n in range(40)]])
def test_a_frame_fits_the_terminal(width: int, trials: list[TrialRecord]) -> None:
    console = make_console(width=width)
    progress = Progress(STUDY, trials, Budget(n_trials=100, n_epochs=999))
    lines = console.render_lines(frame(progress, 12.0, ConsoleDimensions(width, 24), ascii_only=False), pad=False)
    assert all(sum(segment.cell_length for segment in line) <= width for line in lines)
    if width >= 80:
        assert len(lines) < 24
        text = "\n".join("".join(segment.text for segment in line) for line in lines)
        assert "0/100 trials" in text or "4/100 trials" in text
        assert len(trials) < 40 or "more running" in text


@pytest.mark.parametrize("budget", [Budget(), Budget(timeout_s=90), Budget(n_epochs=12), Budget(n_trials=0)])
def test_every_budget_has_a_frame(budget: Budget) -> None:
    progress = Progress(STUDY, TRIALS, budget, spent_s=7.0)
    console = make_console()
    console.print(frame(progress, 5.0, ConsoleDimensions(80, 24), ascii_only=False))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    for console in (Console(file=file, width=80), make_console(file)):
        show(display := build_display(console))
        display.close()
    assert b" _=@ " in raw.getvalue()


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    console = Console(file=io.StringIO(), width=80)
    display = StudyDisplay(Lines(console))
    display.note("a\x1b[2Jb\nc [bold]d")
    display.study_opened(STUDY, [], Budget())
    display.trial_changed(make_trial(1, FAIL, error="x\x1b]0;title\x07"))
    lines = log_of(display, console)
    assert lines[0] == "a [2Jb c [bold]d"
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("console", [Console(file=LostTerminal()), make_console(LostTerminal())])
def test_a_lost_login_does_not_end_a_study(console: Console) -> None:
    show(display := build_display(console))
    display.close()
    assert console.quiet


class Signalled(io.StringIO):
    def write(self, text: str, /) -> int:
        raise SystemExit(143)  # what a SIGTERM raises wherever it arrives while the data are prepared


def test_a_signal_in_the_middle_of_a_line_is_not_lost() -> None:
    with pytest.raises(SystemExit):
        Lines(Console(file=Signalled())).note("preparing")


def test_a_closed_pipe_does_not_end_a_study(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib; sys.path.insert(0, sys.argv[1]);"
        "from tests.terminal.test_display import *; d = build_display();"
        "d.note('first'); sys.stdin.read(); show(d); d.close(); pathlib.Path(sys.argv[2]).write_text('reached the end')"
    )
    mark = tmp_path / "end"
    command = [sys.executable, "-c", program, str(ROOT), str(mark)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        assert driver.stdout.readline() == "first\n"
        driver.stdout.close()
        driver.stdin.close()
        assert driver.wait(60) == 0
    assert mark.read_text() == "reached the end"


def test_the_best_trial_of_a_minimised_metric_is_the_lowest() -> None:
    study = make_study(Path("x"), metric="valid_loss", direction="minimize")
    console = Console(file=io.StringIO(), width=200)
    display = StudyDisplay(Lines(console))
    display.study_opened(study, [], Budget())
    for number, value in enumerate((0.5, 0.7, 0.3)):
        display.trial_changed(make_trial(number, COMPLETE, value=value))
    lines = log_of(display, console)
    assert ["best so far" in line for line in lines[1:]] == [True, False, True]
