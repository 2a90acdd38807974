"""Optuna's storages that this package did not make, opened to be read.

Nothing is written to them: no table, no version, no journal.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hpo.machine.errors import first_line
from hpo.machine.paths import is_file
from hpo.storage.checks import OPTUNA, owner
from hpo.storage.record import STUDY

SCHEME = "sqlite:///"
METRIC_NAMES = "study:metric_names"  # of Optuna's `Study.set_metric_names`, a system attribute
Study = tuple[str, str, str, list[FrozenTrial]]
"""Name, direction ("minimize" or "maximize"), metric ("" if it has no name), and trials of a study."""


def read_foreign(path: Path) -> list[Study]:
    """Returns the studies that this package did not make in the SQLite file `path`, the oldest first.

    Raises:
        ValueError: if there are none, they cannot be read, or one has several objectives; in a sentence.
    """
    shown = f"records={SCHEME}{path}"
    storage = _open(path, shown)
    try:
        studies = [study for study in storage.get_all_studies() if STUDY not in study.system_attrs]
        ids = {study.study_name: storage.get_study_id_from_name(study.study_name) for study in studies}
        trials = {name: storage.get_all_trials(study_id, deepcopy=False) for name, study_id in ids.items()}
    except (SQLAlchemyError, OptunaError, ValueError, KeyError) as error:
        raise ValueError(f"{shown} cannot be read: {first_line(error)}.") from error
    finally:
        storage.engine.dispose()
    several = next((study for study in studies if len(study.directions) > 1), None)
    if several is not None:
        raise ValueError(
            f"{shown}: study '{several.study_name}' has {len(several.directions)} objectives; a report is on one. "
            "Write a CSV file with the value that is meant, and give records=FILE.csv."
        )
    if not studies:
        raise ValueError(f"{shown} has no study but those of hpo, if any; for them give storage.path={path}.")
    return [
        (
            study.study_name,
            "maximize" if study.directions[0] is StudyDirection.MAXIMIZE else "minimize",
            str(next(iter(study.system_attrs.get(METRIC_NAMES) or []), "")),
            trials[study.study_name],
        )
        for study in studies
    ]


def _open(path: Path, shown: str) -> RDBStorage:
    if not is_file(path):
        raise ValueError(f"{shown} does not exist; give the file of an Optuna storage, as in records={SCHEME}x.db.")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"
    try:
        if owner(create_engine(url, poolclass=NullPool)) != OPTUNA:
            raise ValueError(f"{shown} is no storage of Optuna's; give one, or a CSV file of trials.")
        return RDBStorage(url, skip_table_creation=True)
    except (SQLAlchemyError, OptunaError, RuntimeError, OSError) as error:
        raise ValueError(f"{shown} is no storage of Optuna's that can be read: {first_line(error)}.") from error
