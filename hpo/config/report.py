"""Settings of a report: which records it is made of, and on which terms.

Types only, like `schema`, which it extends; values live in conf/report.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hpo.config.compare import Unit
from hpo.config.limits import MISSING
from hpo.config.schema import Config, Direction


class ValueKind(Enum):
    """What the value of a trial is."""

    evaluation = "evaluation"
    incumbent = "incumbent"


@dataclass
class ReportSettings:
    """How the report is made.

    Attributes:
        folder: The report is written into this folder, under the experiment's name.
        rope: Differences of the metric up to this size do not matter; None: the card's, else by metric.
        unit, budget: The primary budget; None: the card's, else what the studies were given.
        direction: Which values are better, for records that do not say so.
        states: What the words for states in somebody else's records mean, by word.
        tasks: Tasks that are shown one by one: a list of names, or all; None: all of up to 8, none of more.
        study_names: What the names of studies are made of, in a storage of Optuna's: '{strategy}-{task}-{seed}'.
        value_is: What values in somebody else's records are: evaluations, or the best so far; None: by themselves.
        export: What is written beside CSV and PNG: a list of tex, pdf and svg, or all; None: nothing.
        n_resamples: Bootstrap resamples.
        seed: Of the resamples.
    """

    folder: str = MISSING
    rope: float | None = None
    unit: Unit | None = None
    budget: float | None = None
    direction: Direction | None = None
    states: Any = None
    tasks: Any = None
    study_names: str | None = None
    value_is: ValueKind | None = None
    export: Any = None
    n_resamples: int = MISSING
    seed: int = MISSING


@dataclass
class ReportConfig(Config):
    """Everything `hpo report` was told.

    Attributes:
        name: The experiment; None takes the only one there is.
        records: A CSV file, a list of them, or a storage of Optuna's (sqlite:///x.db), to read instead of the record.
    """

    name: str | None = None
    records: Any = None
    report: ReportSettings = field(default_factory=ReportSettings)
