"""`python -m hpo`: one study from the command line.

Composes the configuration, hands it on, and turns mistakes into one sentence and an exit code.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from hpo.session import Plan, Report

DONE, MISTAKE, HELD = 0, 2, 3


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        from hpo.help import print_help

        print_help()
        return DONE
    return _compose_and_run(argv)


def _compose_and_run(argv: list[str]) -> int:
    import hydra

    from hpo.compose import explain, is_composition_error, register_schemas
    from hpo.paths import conf_folder

    register_schemas()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing and exiting with 1
    sys.argv = [sys.argv[0], *argv]
    codes: list[int] = []

    def task(composed: DictConfig) -> None:
        codes.append(_run_one(composed, argv))

    command = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)
    try:
        command()
    except Exception as error:
        if not is_composition_error(error):
            raise
        return _refuse(explain(error))
    return max(codes, default=DONE)


def _run_one(composed: DictConfig, argv: list[str]) -> int:
    """Runs one composed configuration; a mistake in it ends in a sentence."""
    from hydra.core.hydra_config import HydraConfig

    from hpo.compose import explain, is_composition_error, to_config
    from hpo.display import build_display
    from hpo.lock import StudyHeld
    from hpo.session import Refused, plan, run

    choices = {str(group): str(option or "") for group, option in HydraConfig.get().runtime.choices.items()}
    choices = {group: "" if option == "None" else option for group, option in choices.items()}
    try:
        planned = plan(to_config(composed), choices)
    except Exception as error:
        if is_composition_error(error):
            return _refuse(explain(error))
        if isinstance(error, ValueError):
            return _refuse(str(error))
        raise
    display = build_display()
    try:
        report = run(planned, display)
    except StudyHeld as error:
        return _refuse(str(error), code=HELD)
    except Refused as error:
        return _refuse(str(error))
    finally:
        display.close()
    return _sum_up(planned, report, argv)


def _sum_up(planned: Plan, report: Report, argv: list[str]) -> int:
    """Prints what came out and returns the exit code of how it ended."""
    import shlex

    from rich.console import Console

    from hpo.config import MlflowConfig
    from hpo.summary import print_summary

    command = shlex.join(["python", "-m", "hpo", *argv])
    tracking = planned.config.tracking
    print_summary(
        Console(),
        report.study,
        report.trials,
        outcome=report.ending.value,
        tracking=tracking.uri if isinstance(tracking, MlflowConfig) else "",
        n_unmirrored=report.n_unmirrored,
        next_command=command,
    )
    return 128 + report.signal if report.signal is not None else DONE


def _refuse(sentence: str, *, code: int = MISTAKE) -> int:
    print(f"hpo: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
