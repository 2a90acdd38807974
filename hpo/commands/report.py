"""`hpo report`: the report on an experiment, from the record or from CSV files of trials.

Reads and writes files, changes nothing in the record; what the report says is decided in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, command, compose_and_call, refuse

if TYPE_CHECKING:
    from hpo.config.schema import Config

USAGE = """hpo report [experiment=NAME] [storage.path=hpo.db | records=FILE.csv] [tracking=none]

Writes the report on an experiment, at any time, also while its studies run.

  experiment=NAME          which one; may be left out if there is only one
  storage.path=hpo.db      the record it is read from; storage=postgres for one in a database
  records=FILE.csv         trials of any tuner instead; several files: 'records=[a.csv,b.csv]'. Columns: experiment,
                           task, strategy, seed, trial, value, state, epochs, seconds; optional: test, direction,
                           metric, ended_s, reason, continued, param.NAME
  records=sqlite:///x.db   studies of Optuna's; 'report.study_names={strategy}-{task}-{seed}' says how they are called
  tracking=none            do not log the report to MLflow
  report.folder=reports    the report is written to reports/NAME
  report.rope=0.005        differences up to this do not matter
  report.unit=epochs       what budgets count: epochs, trials or seconds; report.budget=96 their size
  report.direction=maximize                which values are better, for records that do not say so
  report.value_is=incumbent                values of these records are the best so far, no evaluations
  report.export=all        tables as LaTeX (booktabs), figures as PDF and SVG, too; or some: '[tex,pdf]'
  report.n_resamples=2000 report.seed=0    bootstraps

What the design card says is taken where nothing is given; another value given here is listed as a deviation.
Settings are in conf/report.yaml."""


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    if {"-m", "--multirun"} & set(argv):
        return refuse("A report is on one experiment; leave out -m and name it with experiment=NAME.")
    from hpo.config.report import ReportConfig

    return compose_and_call(as_overrides(argv), lambda job: _report(job.config), name="report", root=ReportConfig)


def as_overrides(argv: Sequence[str]) -> list[str]:
    """Returns the command line as Hydra is to read it.

    An experiment's name would be taken for an option of the group `experiment`, and names of experiments and files
    may hold signs that mean something to Hydra.
    """
    return [_as_override(word) for word in argv]


def _as_override(word: str) -> str:
    key, _, value = word.partition("=")
    if key == "experiment":
        return f"name={_quoted(value)}"
    is_list = value.startswith("[") or not value or value == "null"
    is_text = key == "report.study_names" or (key == "records" and not is_list)
    return f"{key}={_quoted(value)}" if is_text and value != "null" else word


def _quoted(text: str) -> str:
    """Returns `text` as a string that Hydra takes as it is; quotes the user put around it are not part of it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"


def _report(config: Config) -> int:
    from hpo.config.report import ReportConfig
    from hpo.report.assemble import headlines
    from hpo.report.making import report_as_told

    assert isinstance(config, ReportConfig)
    try:
        made = report_as_told(config)
    except (ValueError, OSError) as error:
        return refuse(error)
    if made.problem:
        refuse(made.problem)
    print("\n".join(headlines(made.report, made.folder)))
    return DONE
