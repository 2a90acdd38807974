"""`hpo doctor`: whether a study with these settings would run here, and what to do if not.

What is looked at is `doctor_checks`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo.commands.command import DONE, command, compose_and_call, refuse
from hpo.commands.doctor_checks import Case, Finding, State, look

if TYPE_CHECKING:
    from rich.console import Console

    from hpo.config.compose import Composition

USAGE = """hpo doctor [any override of a study]

Looks at what a study with these settings needs, and says of each thing whether it is well: Python and torch, the
settings themselves, cores, memory, disk, the folder and its locks, the record, MLflow, and the data.

  hpo doctor
  hpo doctor storage=postgres tracking.uri=http://127.0.0.1:5000
  hpo doctor data=imdb train.precision=bf16 executor.device=cuda

Starts nothing, and leaves nothing behind. The exit code is 1 if something would stop a study."""

ILL = 1
STYLES = {State.ok: "green", State.warning: "yellow", State.error: "bold red"}


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    try:
        return compose_and_call(argv, _examine)
    except ModuleNotFoundError as error:  # of what even composing needs
        return refuse(f"The package {error.name} is not installed; install hpo and all it needs again.", code=ILL)


def _examine(job: Composition) -> int:
    """Prints what is found, as it is found."""
    from hpo.executors.torch_probe import TorchProbe
    from hpo.terminal.console import open_console, unless_gone

    console = open_console()
    n_errors = 0
    with unless_gone(console), TorchProbe(job.config.executor.device, job.config.train.precision.value) as probe:
        for finding in look(Case(job, probe)):
            _print(console, finding)
            n_errors += finding.state is State.error
        console.print(f"{n_errors} of these would stop a study." if n_errors else "Nothing here would stop a study.")
    return ILL if n_errors else DONE


def _print(console: Console, finding: Finding) -> None:
    """Prints a line, wrapped under itself on a terminal and whole in a file."""
    from rich.table import Table
    from rich.text import Text

    from hpo.machine.escaping import printable

    text, style = printable(finding.text), STYLES[finding.state]
    if not console.is_terminal:
        console.print(f"{finding.state.value:<9}{finding.subject:<11}{text}", soft_wrap=True, markup=False)
        return
    row = Table.grid()
    row.add_column(width=9)
    row.add_column(width=11, style="dim")
    row.add_column(overflow="fold")
    row.add_row(Text(finding.state.value, style), finding.subject, Text(text))
    console.print(row)
