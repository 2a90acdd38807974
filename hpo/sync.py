"""`python -m hpo.sync`: brings MLflow up to date with the record.

Reads the record, writes MLflow, changes nothing in the record; doing it twice adds nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.command import DONE, compose_and_call, refuse

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.config import Config

USAGE = """python -m hpo.sync [study.name=NAME] [storage.path=hpo.db] [tracking.uri=sqlite:///mlflow.db]

Rebuilds in MLflow whatever it lacks of the record: all studies, or the one named. Runs that a dead
driver left RUNNING are closed. Nothing is added the second time."""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return DONE
    return compose_and_call(argv, _sync)


def _sync(config: Config, _: dict[str, str]) -> int:
    from hpo.config import MlflowConfig, SqliteConfig
    from hpo.storage import open_storage, study_names
    from hpo.study_folder import studies_folder

    if not isinstance(config.tracking, MlflowConfig):
        return refuse("tracking=none has nothing to bring up to date; choose tracking=mlflow.")
    if not isinstance(config.storage, SqliteConfig) or not Path(config.storage.path).is_file():
        where = config.storage.path if isinstance(config.storage, SqliteConfig) else "in memory"
        return refuse(f"There is no record at storage.path={where}; go to the folder where the study ran.")
    storage = open_storage(config.storage)
    names = study_names(storage)
    if config.study.name is not None:
        if config.study.name not in names:
            return refuse(f"There is no study.name={config.study.name}; the record has {', '.join(names) or 'none'}.")
        names = [config.study.name]
    try:
        for name in names:
            print(f"{name}: {_sync_study(storage, name, studies_folder(config.storage) / name, config.tracking.uri)}")
    except (ConnectionError, ValueError) as error:
        return refuse(str(error))
    return DONE


def _sync_study(storage: BaseStorage, name: str, folder: Path, uri: str) -> str:
    """Returns what was done, in a few words."""
    from hpo.lock import StudyHeld, StudyLock
    from hpo.mirror import Mirror
    from hpo.storage import is_ended, read_distributions, read_study

    study, trials = read_study(storage, name)
    try:
        with StudyLock(folder.absolute(), name):
            mirror = Mirror(uri, {name: read_distributions(storage, name)})
            n_changed = mirror.sync(study, trials, folder.absolute(), is_finished=is_ended(storage, name))
    except StudyHeld as held:
        return f"left to its driver ({held})"
    return f"{n_changed} of {len(trials) + 1} runs created or changed" if n_changed else "already complete"


if __name__ == "__main__":
    sys.exit(main())
