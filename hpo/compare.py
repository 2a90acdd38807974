"""`python -m hpo.compare`: strategies x paired seeds as studies of one experiment, and the report on them.

Composes, registers the design, lets `session` drive; what the report says is decided in `report`.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.command import DONE, HELD, compose_and_call, refuse

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.compare_config import CompareConfig
    from hpo.comparison import Comparison
    from hpo.config import Config

USAGE = """python -m hpo.compare [samplers='[grid,random,tpe]'] [seeds=10] [study.n_trials=24] [any override of python -m hpo]

Runs every strategy with every seed as a study of one experiment, confirms what each of them found, and
writes a report that says which strategy was better, if any was. The same command again continues.

  experiment=smoke     closed-form trials, a verdict in half a minute
  samplers='[random,tpe]'                               strategies that differ in their sampler
  strategies='{tpe+asha: {sampler: tpe, pruner: asha}}' named overrides: pruners, spaces, trainers...
  tasks='{small: {data.n_per_class: 100}}'              named overrides; every strategy runs on each task
  seeds=10 | seeds='[3,4,5]'                            pairs: same split, initial weights, data order
  budget.unit=epochs|trials|seconds budget.size=96      what every study may spend
  study.confirm.top_k=1 study.confirm.n_seeds=3         retraining with fresh seeds, then the test
  cache=false          train equal trials again instead of once
  name=NAME            the experiment's name; the report is in reports/NAME

Settings are in conf/compare.yaml; `python -m hpo --help` lists the options of every group."""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return DONE
    if {"-m", "--multirun"} & set(argv):
        return refuse("A comparison already runs many studies; leave out -m and give samplers='[a,b]' seeds=10.")
    from hpo.compare_config import CompareConfig

    return compose_and_call(
        _with_preset(argv), lambda config, _: _compare(config, argv), name="compare", root=CompareConfig
    )


def _with_preset(argv: list[str]) -> list[str]:
    """Adds what an experiment of the same name brings for comparisons, from conf/comparison."""
    from hpo.paths import conf_folder

    named = [word.partition("=")[2] for word in argv if word.startswith("experiment=")]
    is_given = any(word.startswith("comparison=") for word in argv)
    if named and not is_given and (conf_folder() / "comparison" / f"{named[-1]}.yaml").is_file():
        return [*argv, f"comparison={named[-1]}"]
    return argv


def _compare(config: Config, argv: list[str]) -> int:
    from hpo.compare_config import CompareConfig
    from hpo.comparison import plan_comparison
    from hpo.lock import StudyHeld
    from hpo.session import Refused
    from hpo.variants import compose_variants

    assert isinstance(config, CompareConfig)
    try:
        comparison = plan_comparison(config, compose_variants(config))
        return _run(comparison, config, argv)
    except StudyHeld as error:
        return refuse(str(error), code=HELD)
    except (ValueError, Refused) as error:
        return refuse(str(error))


def _run(comparison: Comparison, config: CompareConfig, argv: list[str]) -> int:
    from hpo.comparison_display import build_comparison_display
    from hpo.session import Sharing, run_all
    from hpo.storage import open_storage

    storage = open_storage(config.storage)
    design = _register(comparison, config, storage)
    display = build_comparison_display(comparison)
    try:
        sharing = Sharing(is_cached=_is_cached(config), design=design, storage=storage)
        reports = run_all(comparison.plans, display, display_of=display.of, sharing=sharing)
    finally:
        display.close()
    stopped = reports[0].signal
    if stopped is not None:
        print(f"Continue with: {shlex.join(['python', '-m', 'hpo.compare', *argv])}")
        return 128 + stopped
    return _report(comparison, config, storage)


def _register(comparison: Comparison, config: CompareConfig, storage: BaseStorage) -> dict[str, object]:
    """Writes the design card down before the first trial; returns it."""
    from hpo.design import describe, find_registered, register, to_yaml

    card = describe(comparison, rope=config.rope, is_cached=_is_cached(config))
    design = register(card, find_registered(storage, comparison))
    folder = Path(config.reports) / comparison.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.yaml").write_text(to_yaml(design), encoding="utf-8")
    return design


def _is_cached(config: CompareConfig) -> bool:
    """Returns whether equal trials are trained once.

    Not where the test of a search needs the weights of each, nor where time is simulated, which a trial must take.
    """
    from hpo.executors import is_shared

    return is_shared(config.executor) and config.cache and (config.study.confirm.top_k > 0 or not config.study.test)


def _report(comparison: Comparison, config: CompareConfig, storage: BaseStorage) -> int:
    return DONE


if __name__ == "__main__":
    sys.exit(main())
