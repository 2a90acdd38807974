"""`hpo`: one study from the command line.

Turns what a study leaves to say into a summary and an exit code; the work is done by `session`.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, FRUITLESS, HELD, MISTAKE, PAUSED, compose_and_call, refuse

if TYPE_CHECKING:
    from hpo.config.compose import Composition
    from hpo.study.plan import Plan
    from hpo.study.session import Report


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    return compose_and_call(words, lambda job: _run_study(job, words))


def _run_study(job: Composition, argv: list[str]) -> int:
    """Runs one study; a mistake in what was given ends in a sentence."""
    from hpo.artifacts.folders import study_folder
    from hpo.machine.files import lack_of_room
    from hpo.machine.locks import StudyHeld
    from hpo.machine.paths import os_sentence
    from hpo.storage.claims import check_free
    from hpo.study.plan import plan
    from hpo.terminal.display import build_display

    try:
        planned = plan(job)
        storage = planned.config.storage
        check_free(storage, {planned.name: study_folder(storage, planned.name)})
    except StudyHeld as error:  # at once: what follows takes a second to import
        return refuse(str(error), code=HELD)
    except (ValueError, OSError) as error:
        if obstacle := lack_of_room(error):
            return refuse(obstacle, code=PAUSED)
        return refuse(os_sentence(error) if isinstance(error, OSError) else str(error))
    from hpo.study.refusal import NoRoom, Refused
    from hpo.study.session import run
    from hpo.terminal.summary import fruitless_sentence

    display = build_display()
    try:
        report = run(planned, display)
    except StudyHeld as error:
        return refuse(str(error), code=HELD)
    except Refused as error:
        return refuse(str(error), code=PAUSED if isinstance(error, NoRoom) else MISTAKE)
    finally:
        display.close()
    _sum_up(planned, report, argv)
    if report.signal is not None:
        return 128 + report.signal
    if report.obstacle:
        return PAUSED
    fruitless = fruitless_sentence(f"study '{report.study.name}'", report.trials)
    return refuse(fruitless, code=FRUITLESS) if fruitless else DONE


def _sum_up(planned: Plan, report: Report, argv: list[str]) -> None:
    from hpo.terminal.console import open_console
    from hpo.terminal.summary import print_summary

    print_summary(
        open_console(),
        report.study,
        report.trials,
        outcome=report.ending.value,
        storage=planned.config.storage,
        tracking=planned.config.tracking.uri,
        n_unmirrored=report.n_unmirrored,
        refusals=report.refusals,
        next_command=_next_command(planned, report, argv),
    )


def _next_command(planned: Plan, report: Report, argv: list[str]) -> str:
    """Returns what to type next: the same again when interrupted, more of the budget that was reached."""
    from hpo.machine.secrets import mask
    from hpo.machine.signals import Ending

    words = ["hpo", *map(mask, argv)]
    if report.signal is not None or report.obstacle:
        return shlex.join(words)
    if report.ending is Ending.EXHAUSTED:
        if not planned.config.sampler.is_grid:  # nothing is left but to train the best of them again
            return shlex.join([*words, "study.confirm.top_k=3"])
        return shlex.join([word for word in words if not word.startswith("sampler=")] + ["sampler=tpe"])
    study = planned.config.study
    if study.n_trials is not None and len(report.trials) >= study.n_trials:
        path, budget = "study.n_trials", 2.0 * study.n_trials
    elif study.n_epochs is not None and sum(t.n_charged for t in report.trials) >= study.n_epochs:
        path, budget = "study.n_epochs", 2.0 * study.n_epochs
    else:
        path, budget = "study.timeout_s", 2.0 * (study.timeout_s or 0.0)
    return shlex.join([word for word in words if not word.startswith(f"{path}=")] + [f"{path}={budget:g}"])
