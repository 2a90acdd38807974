"""The search space of a table of recorded curves, and what a study over one is to know of it.

Reading the table is `table`'s business, proposing its configurations that of `candidates`.
"""

from __future__ import annotations

from dataclasses import replace

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.metric import KNOWN, Direction
from hpo.config.schema import SECTIONS, Config
from hpo.config.search import ParamValue
from hpo.space.apply import apply_params
from hpo.space.cube import Axis
from hpo.space.space import Param, Space
from hpo.trainers.replay.table import CurveTable
from hpo.trainers.replay.trainer import settings_of

EXACT = "exact"
MAX_LEVELS = 32  # a param with up to this many recorded values is its own grid


def check_space_choice(config: Config, choice: str) -> None:
    """Refuses a table of curves with another space than its own, and the other way round.

    Raises:
        ValueError: saying what to choose.
    """
    if config.trainer.is_recorded and choice != "table":
        raise ValueError(f"trainer=replay searches what its table holds, not space={choice}; choose space=table.")
    if not config.trainer.is_recorded and choice == "table":
        raise ValueError("space=table is the space of recorded curves; choose trainer=replay, too, or another space.")
    if choice == "table" and any(getattr(config.space, section) for section in SECTIONS):
        raise ValueError("space=table takes its params from the table; give ranges in the card, not in space.")


def table_space(config: Config) -> Space:
    """Returns the space of the table that `config` names: a finite list of candidates if params match exactly.

    Raises:
        ValueError: if the table cannot be used, or does not go with the settings.
    """
    table = settings_of(config.trainer).read_table()
    candidates = table.configurations if table.card.matching == EXACT else ()
    params = tuple(_param(axis, table) for axis in table.axes)
    if config.sampler.is_grid and not candidates:
        stepless = [param.path for param in params if not param.levels]
        if stepless:
            raise ValueError(
                f"sampler=grid finds more than {MAX_LEVELS} values of {', '.join(stepless)} in the table; "
                "say matching: exact in its card, so that the grid is what was recorded."
            )
    for configuration in table.configurations:
        _check_assignable(config, configuration, table.name)
    return Space(params=params, fixed={}, candidates=candidates)


def fit_to_table(config: Config) -> Config:
    """Returns `config` with what follows from its table: its hash, the epochs of its curves, whether it has tests.

    Raises:
        ValueError: if the table cannot be used, or does not hold what is to be optimised.
    """
    table, metric, direction = settings_of(config.trainer).read_table(), config.study.metric, config.study.direction
    _check_metric(table, metric, KNOWN.get(metric) if direction is None else direction)
    config = replace(config, study=replace(config.study, direction=Direction(table.card.directions[metric])))
    config = replace(config, trainer=replace(settings_of(config.trainer), sha256=table.sha256, metric=metric))
    if not table.card.test:
        config = replace(config, study=replace(config.study, test=False))
    if "train.epochs" not in table.card.params:
        config = replace(config, train=replace(config.train, epochs=table.n_epochs))
    return config


def describe_table(config: Config) -> dict[str, str]:
    """Returns what the record says of the table, as tags of the study."""
    table = settings_of(config.trainer).read_table()
    seconds = table.card.seconds
    tags = {
        "table": table.name,
        "table_sha256": table.sha256,
        "n_configurations": str(len(table.configurations)),
        "n_recordings": str(table.n_recordings),
        "n_rows_without_curve": str(table.n_skipped),
        "fidelity": table.card.fidelity,
        "seconds": "1 simulated second each"
        if seconds is None
        else "recorded"
        if isinstance(seconds, str)
        else f"{seconds:g} each",
    }
    if table.card.matching != EXACT:
        tags["mapping"] = (
            f"every proposal takes the curve of the nearest of {len(table.configurations):,} recorded configurations"
        )
    return tags


def _param(axis: Axis, table: CurveTable) -> Param:
    values = {configuration[axis.name]: None for configuration in table.configurations}
    levels = tuple(axis.choices or ()) or (tuple(sorted(values, key=_size)) if len(values) <= MAX_LEVELS else ())
    return Param(axis.name, _distribution(axis), levels)


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.choices is not None:
        return CategoricalDistribution(axis.choices)
    if isinstance(axis.low, int):
        return IntDistribution(axis.low, int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _size(value: ParamValue) -> float:
    assert isinstance(value, int | float)
    return value


def _check_metric(table: CurveTable, metric: str, direction: Direction | None) -> None:
    there = list(table.card.directions)
    if metric not in there:
        raise ValueError(
            f"study.metric={metric} is not in the table {table.name}, which has {', '.join(there)}; "
            f"give study.metric={there[0]}, or map a column to it in the card."
        )
    recorded = table.card.directions.get(metric)
    if direction is not None and recorded != direction:
        raise ValueError(
            f"study.metric={metric} is to {direction}, but the card of {table.name} says direction {recorded}; "
            "map the column to a metric of its direction."
        )


def _check_assignable(config: Config, configuration: dict[str, ParamValue], table: str) -> None:
    try:
        apply_params(config, configuration)
    except ValueError as error:
        raise ValueError(f"trainer.path={table}: {error} Rename the param, or mend the table.") from error
