"""What a person sees while a comparison runs, on terminals good and bad, and in logs."""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from hpo.compare.comparison import Comparison
from hpo.compare.display import ComparisonDisplay, build_comparison_display
from hpo.config.compare import Unit
from hpo.contracts.records import FAIL, RUNNING, Budget
from hpo.machine.signals import Ending
from hpo.storage.record import read_study
from hpo.study.preparation import prepare_all
from hpo.study.session import drive_all
from hpo.terminal.display import Lines, LiveLines
from tests.support.comparison_events import (
    BUDGET,
    Clock,
    confirming,
    epochs_of,
    made,
    plan_shown,
    retraining,
    show_all,
    show_confirmation,
    show_search,
)
from tests.support.mlflow_contents import make_trial
from tests.support.terminals import LostTerminal, make_console


def open_log(comparison: Comparison, clock: Clock | None = None) -> tuple[ComparisonDisplay, io.StringIO]:
    """Returns a display that writes into a log."""
    file = io.StringIO()
    return ComparisonDisplay(comparison, Lines(Console(file=file, width=80)), clock=clock or Clock()), file


def lines(file: io.StringIO) -> list[str]:
    return file.getvalue().splitlines()


def visible(text: str) -> str:
    """Returns what is left of `text` without its colours."""
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text)


def totals(file: io.StringIO) -> list[str]:
    return [line for line in lines(file) if re.match(r"\d+ %: ", line)]


def test_a_log_has_a_line_for_each_search_and_each_confirmation() -> None:
    comparison = plan_shown()
    display, file = open_log(comparison)
    show_all(display.of, comparison)
    display.close()
    assert lines(file)[:3] == [
        "comparison shown: 2 strategies x 2 seeds = 4 studies; maximize accuracy; 12 epochs each, then 2 retrainings",
        "random seed 0 searched: accuracy 0.5300, trial 3; 4 trials, 12 epochs; lr=0.00133",
        "random seed 0 confirmed: accuracy 0.5100 ± 0.0141, test_accuracy 0.5150 (2 fresh seeds)",
    ]
    assert [line.partition(":")[0] for line in lines(file)[3:-1]] == [
        f"{strategy} seed {seed} {done}"
        for strategy, seed in (("random", 1), ("tpe", 0), ("tpe", 1))
        for done in ("searched", "confirmed")
    ]
    assert lines(file)[-1] == "100 %: 48/48 epochs; 4/4 studies, 8/8 retrainings, 0 running, 24 trials; 0 s"


def test_and_one_for_each_half_and_for_what_a_minute_did() -> None:
    comparison = plan_shown(["tpe"], [0], budget=(200, Unit.epochs))
    clock = Clock()
    display, file = open_log(comparison, clock)
    record = made(comparison)
    study = display.of(record.name)
    study.study_opened(record, [], Budget(n_epochs=200))
    for number in range(200):
        for trial in epochs_of(make_trial(number, n_epochs=1)):
            clock.now_s += 1.0
            study.trial_changed(trial)
    percents = [int(line.partition(" %")[0]) for line in totals(file)]
    assert percents[:4] == [5, 15, 24, 34], "a minute each, of about ten"
    assert 50 in percents
    assert all(before + 5 <= percent <= before + 11 for before, percent in itertools.pairwise(percents))
    assert totals(file)[0].endswith("1 running, 10 trials; 32 s, about 9 min 27 s left")


def test_a_log_is_not_flooded_however_quick_the_trials_are() -> None:
    comparison = plan_shown(list("abcde"), list(range(10)))
    clock = Clock()
    display, file = open_log(comparison, clock)
    for index in range(len(comparison.plans)):
        record = made(comparison, index)
        study = display.of(record.name)
        study.study_opened(record, [], Budget(n_epochs=BUDGET))
        for number in range(20):
            study.trial_changed(make_trial(number, FAIL if number % 2 else "COMPLETE"))
            clock.now_s += 0.001
    display.close()
    assert len([line for line in lines(file) if "failed:" in line]) == 5, "one for each strategy"
    assert 2 <= len(totals(file)) <= 3, "the trials took a second"
    assert len(lines(file)) == 1 + 5 + len(totals(file))


def test_what_failed_is_told_once_for_each_strategy_and_reason() -> None:
    comparison = plan_shown()
    display, file = open_log(comparison)
    for index in (0, 1, 2):
        record = made(comparison, index)
        study = display.of(record.name)
        study.study_opened(record, [], Budget(n_epochs=BUDGET))
        for number, reason in enumerate(("diverged", "diverged", "oom")):
            study.trial_changed(make_trial(number, FAIL, reason=reason))
    failed = [line for line in lines(file) if "failed" in line]
    assert [line.partition(" after")[0] for line in failed] == [
        "random seed 0 trial 0 failed: diverged",
        "random seed 0 trial 2 failed: oom",
        "tpe seed 0 trial 0 failed: diverged",
        "tpe seed 0 trial 2 failed: oom",
    ]


def test_a_continued_comparison_says_what_is_done_and_does_not_repeat_it() -> None:
    comparison = plan_shown()
    clock = Clock()
    display, file = open_log(comparison, clock)
    for index in range(4):
        record = made(comparison, index)
        trials = [make_trial(number) for number in range(4 - index)]
        display.of(record.name).study_opened(record, trials, Budget(n_epochs=BUDGET))
        display.of(record.name).trial_changed(make_trial(9, RUNNING, n_epochs=0))
        clock.now_s += 0.3
    done = made(comparison)
    display.of(done.name).study_ended(done)
    confirmation = confirming(done, test={"test_accuracy": 0.5})
    retrained = [retraining(0, 3, 0), retraining(1, 3, 1)]
    display.of(confirmation.name).study_opened(confirmation, retrained, Budget())
    display.of(confirmation.name).study_ended(confirmation)
    clock.now_s += 1.0
    other = made(comparison, 1)
    display.of(other.name).trial_changed(make_trial(9, RUNNING, n_epochs=1))
    assert lines(file)[1:] == [
        "random seed 0 searched: accuracy 0.5300, trial 3; 4 trials, 12 epochs; lr=0.00133",  # its trial 9 was news
        "51 %: 31/48 epochs; 1/4 studies, 2/8 retrainings, 4 running, 12 trials; 2.2 s, about 1 min 17 s left",
    ]


def test_nothing_is_said_of_what_was_finished_before() -> None:
    comparison = plan_shown(["tpe"], [0], top_k=0)
    display, file = open_log(comparison)
    record = made(comparison, test={"test_accuracy": 0.5})
    display.of(record.name).study_opened(record, [make_trial(n) for n in range(4)], Budget(n_epochs=BUDGET))
    display.of(record.name).study_ended(record)
    display.close()
    display.close()
    assert [line.partition(":")[0] for line in lines(file)] == ["comparison shown", "100 %"]


def test_notes_name_their_study() -> None:
    display, file = open_log(plan_shown())
    display.note("MLflow does not\x1b[2J answer.")
    display.of("docs-tpe-s1-confirm").note("Trial 2: the worker died; trying again (attempt 2).")
    assert lines(file) == [
        "MLflow does not [2J answer.",
        "tpe seed 1: Trial 2: the worker died; trying again (attempt 2).",
    ]


def test_the_preparation_is_shown() -> None:
    display, file = open_log(plan_shown())
    for done in (0, 40, 60, 100):
        display.preparing("tokens", done, 100)
    assert lines(file) == [f"preparing tokens: {percent} % of 100" for percent in (0, 50, 100)]


@pytest.mark.parametrize(("term", "is_live"), [("xterm", True), ("dumb", False)])
def test_a_terminal_gets_a_table_and_a_dumb_one_lines(term: str, is_live: bool) -> None:
    console = make_console(term=term)
    display = build_comparison_display(plan_shown(), console)
    show_all(display.of, plan_shown())
    display.close()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert ("✓ .530" in visible(text)) == is_live
    assert ("100 %: 48/48 epochs" in text) != is_live
    assert "tpe seed 1 confirmed: " in visible(text)


def test_a_screen_leaves_its_last_state_below_the_lines() -> None:
    comparison = plan_shown()
    console = make_console()
    display = ComparisonDisplay(comparison, LiveLines(console), clock=Clock())
    show_all(display.of, comparison)
    display.close()
    display.close()
    assert isinstance(console.file, io.StringIO)
    last = visible(console.file.getvalue()).splitlines()[-8:]
    assert [line.rstrip() for line in last[1:4]] == [
        "seed                0              1",
        "random         ✓ .530         ✓ .530",
        "tpe            ✓ .530         ✓ .530",
    ]
    assert last[5].startswith("48/48 epochs ")
    assert last[6].startswith("4/4 studies, 8/8 retrainings, 0 running, 24 trials")
    assert "\x1b[?25h" in console.file.getvalue().rpartition("48/48 epochs")[2], "the cursor is shown again"


@pytest.mark.parametrize("console", [Console(file=LostTerminal()), make_console(LostTerminal())])
def test_a_lost_login_does_not_end_a_comparison(console: Console) -> None:
    display = build_comparison_display(plan_shown(), console)
    show_all(display.of, plan_shown())
    display.close()
    assert console.quiet


def test_a_confirmation_in_vain_is_told() -> None:
    comparison = plan_shown()
    display, file = open_log(comparison)
    record = made(comparison)
    show_search(display.of(record.name), record)
    confirmation = confirming(record)
    show_confirmation(display.of(confirmation.name), confirmation, [], searched=3, test={})
    assert "confirmed" not in file.getvalue(), "nothing happened"
    display.of(confirmation.name).trial_changed(retraining(0, 3, 0, state=FAIL, value=None))
    display.of(confirmation.name).study_ended(confirmation)
    assert lines(file)[-1] == "random seed 0 confirmed: no retraining is complete, 1 failed"


def test_a_real_comparison_is_shown_to_its_end(workdir: Path) -> None:
    comparison = plan_shown(["random", "again"])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    display, file = open_log(comparison)
    storage = optuna.storages.InMemoryStorage()
    prepared = prepare_all(comparison.plans, display, storage=storage)
    reports = drive_all(prepared, display, display_of=display.of, is_cached=True)
    display.close()
    assert {report.ending for report in reports} == {Ending.BUDGET}
    trials = [trial for study in storage.get_all_studies() for trial in read_study(storage, study.study_name)[1]]
    n_cached = sum("cached_from" in trial.facts for trial in trials)
    assert n_cached > 0, "both strategies propose the same"
    assert lines(file)[-1].startswith(
        f"100 %: 48/48 epochs; 4/4 studies, 8/8 retrainings, 0 running, {len(trials)} trials ({n_cached} cached); "
    )
    for report in reports:
        best = report.study.best(Budget(n_epochs=BUDGET).counted(report.trials))
        assert best is not None
        label = f"{report.study.tags['strategy']} seed {report.study.tags['seed']}"
        assert f"{label} searched: accuracy {best.value:.4f}, trial {best.number}; " in file.getvalue()
        assert re.search(rf"{label} confirmed: accuracy 0\.\d{{4}} ± .*, test_accuracy 0\.", file.getvalue())
