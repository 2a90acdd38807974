"""`hpo compare`: strategies x paired seeds as studies of one experiment, and the report on them.

Composes, registers the design, lets `session` drive; what the report says is decided in `report`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, FRUITLESS, HELD, PAUSED, compose_and_call, refuse

if TYPE_CHECKING:
    from hpo.compare.comparison import Comparison
    from hpo.compare.running import Ran
    from hpo.config.compare import CompareConfig
    from hpo.config.compose import Composition
    from hpo.study.session import Report

USAGE = """hpo compare [samplers='[grid,random,tpe]'] [seeds=10] [study.n_trials=24] [any other override]

Runs every strategy with every seed as a study of one experiment, confirms what each of them found, and
writes a report that says which strategy was better, if any was. The same command again continues.

  experiment=smoke     closed-form trials, a verdict in half a minute
  samplers='[random,tpe]'                               strategies that differ in their sampler
  strategies='{tpe+asha: {sampler: tpe, pruner: asha}}' named overrides: pruners, spaces, trainers...
  tasks='{small: {data.n_per_class: 100}}'              named overrides; every strategy runs on each task
  seeds=10 | seeds='[3,4,5]'                            pairs: same split, initial weights, data order
  budget.unit=epochs|trials|seconds budget.size=96      what every study may spend
  study.confirm.top_k=1 study.confirm.n_seeds=3         retraining with fresh seeds, then the test
  study.audit=0.1                                       share of the pruned trials that are trained to their end
  stop=decided seeds=20                                 ends once a test with looks has decided it
  plan=true difference=0.01                             seeds and hours it would take; compares nothing
  cache=false          train equal trials again instead of once
  name=NAME            the experiment's name; the report is in reports/NAME

Settings are in conf/compare.yaml; `hpo --help` lists the options of every group."""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return DONE
    if {"-m", "--multirun"} & set(argv):
        return refuse("A comparison already runs many studies; leave out -m and give samplers='[a,b]' seeds=10.")
    from hpo.config.compare import CompareConfig

    return compose_and_call(
        _with_preset(argv),
        lambda job: _compare(job, argv),
        name="compare",
        root=CompareConfig,
        may_lack=True,
    )


def _with_preset(argv: list[str]) -> list[str]:
    """Adds what an experiment of the same name brings for comparisons, from conf/comparison."""
    from hpo.machine.paths import conf_folder, is_file

    named = [word.partition("=")[2] for word in argv if word.startswith("experiment=")]
    is_given = any(word.startswith("comparison=") for word in argv)
    if named and not is_given and is_file(str(conf_folder() / "comparison" / f"{named[-1]}.yaml")):
        place = argv.index(f"experiment={named[-1]}")  # beside it: options may stand after the overrides
        return [*argv[:place], f"comparison={named[-1]}", *argv[place:]]
    return argv


def _compare(job: Composition, argv: list[str]) -> int:
    from hpo.compare.comparison import check_settings, plan_comparison, read_seeds
    from hpo.compare.variants import check_seeded, compose_variants
    from hpo.config.compare import CompareConfig
    from hpo.machine.locks import StudyHeld
    from hpo.study.refusal import NoRoom, Refused

    config = job.config
    assert isinstance(config, CompareConfig)
    try:
        check_settings(config)
        check_seeded(job.seeded)
        comparison = plan_comparison(config, compose_variants(config, read_seeds(config.seeds)))
        return _plan(comparison, config, argv) if config.plan else _run(comparison, config, argv)
    except StudyHeld as error:
        return refuse(str(error), code=HELD)
    except NoRoom as error:
        return refuse(str(error), code=PAUSED)
    except (ValueError, Refused) as error:
        return refuse(str(error))


def _plan(comparison: Comparison, config: CompareConfig, argv: list[str]) -> int:
    """Says what the comparison would take; a pilot finds out how noisy it is where nothing is known of that."""
    from hpo.compare.display import build_comparison_display
    from hpo.compare.planning import (
        check_plannable,
        earlier_experiment,
        forecast,
        forecast_lines,
        pilot_of,
        write_forecast,
    )
    from hpo.compare.running import read_ran, run_comparison

    check_plannable(comparison, config)
    earlier, pilot = earlier_experiment(comparison, config), None
    if earlier is None:
        planned, asked = pilot_of(comparison, config)
        command, display = _command(argv), build_comparison_display(planned)
        try:
            ran = run_comparison(planned, asked, display, command=command, display_of=display.of)
        finally:
            display.close()
        if ran.is_cut_short:
            return _cut_short(ran, command)
        pilot = read_ran(ran)
    found = forecast(comparison, config, earlier=earlier, pilot=pilot)
    left = [
        word for word in argv if word.partition("=")[0] not in ("plan", "difference", "noise", "pilot", "seeds", "stop")
    ]
    print("\n".join(forecast_lines(found, _command(left))))
    print(f"plan    {write_forecast(found, Path(config.reports) / comparison.name)}")
    return DONE


def _cut_short(ran: Ran, command: str) -> int:
    print(f"Continue with: {command}")
    stopped = ran.reports[0].signal
    return PAUSED if stopped is None else 128 + stopped


def _run(comparison: Comparison, config: CompareConfig, argv: list[str]) -> int:
    from hpo.compare.display import build_comparison_display
    from hpo.compare.running import report_on, run_comparison
    from hpo.report.assemble import headlines
    from hpo.terminal.summary import fruitless_sentence

    command, display = _command(argv), build_comparison_display(comparison)
    try:
        ran = run_comparison(comparison, config, display, command=command, display_of=display.of)
    finally:
        display.close()
    _say_missing(ran.reports, config)
    if ran.is_cut_short:
        return _cut_short(ran, command)
    report, folder, problem = report_on(ran, config)
    if problem:
        refuse(problem)
    print("\n".join(headlines(report, folder)))
    trials = [trial for ended in ran.reports for trial in ended.trials]
    fruitless = fruitless_sentence(f"comparison '{comparison.name}'", trials)
    return refuse(fruitless, code=FRUITLESS) if fruitless else DONE


def _say_missing(reports: Sequence[Report], config: CompareConfig) -> None:
    """Says how much MLflow lacks, if it does, and what brings it."""
    from hpo.terminal.summary import missing_sentence

    tracking, n_unmirrored = config.tracking, reports[0].n_unmirrored
    if tracking.is_shown and n_unmirrored:
        print(missing_sentence(reports[0].study, config.storage, tracking.uri, n_unmirrored, names_study=False))
        for path in sorted({path for report in reports for path in report.refusals}):
            print(f"MLflow refuses some of them: see {path}")


def _command(argv: list[str]) -> str:
    """Returns the command line as it may be written down."""
    from hpo.machine.secrets import mask

    return shlex.join(["hpo", "compare", *map(mask, argv)])
