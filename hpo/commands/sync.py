"""`hpo sync`: brings MLflow up to date with the record.

Reads the record, writes MLflow, changes nothing in the record; doing it twice adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, PAUSED, absent, command, compose_and_call, refuse

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.config.schema import Config

USAGE = """hpo sync [study.name=NAME] [storage.path=hpo.db | storage=postgres] [tracking.uri=…]

Rebuilds in MLflow (sqlite:///mlflow.db, or the one at tracking.uri) whatever it lacks of the record: all
studies, or the one named with its confirmation and its audit. Runs that a dead driver left RUNNING are
closed. Nothing is added the second time. When MLflow is away or refuses something, one sentence says so
and the exit code is 2."""


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    return compose_and_call(argv, lambda job: _sync(job.config))


def _sync(config: Config) -> int:
    from hpo.storage.enduring import StorageAway
    from hpo.storage.record import open_record

    if not config.tracking.is_shown:
        return refuse("tracking=none has nothing to bring up to date; choose tracking=mlflow.")
    try:
        config.tracking.check(config.storage)
        storage = open_record(config.storage)
        return show_in_mlflow(storage, _folders(storage, config), config.tracking.uri)
    except StorageAway as error:
        return refuse(error, code=PAUSED)
    except (ValueError, OSError) as error:
        return refuse(error)


def _folders(storage: BaseStorage, config: Config) -> dict[str, Path]:
    """Returns the studies that were asked for, with their folders."""
    from hpo.artifacts.folders import kept_folder
    from hpo.storage.record import read_studies
    from hpo.study.audit import audit_name
    from hpo.study.confirmation import confirmation_name

    studies, name = read_studies(storage), config.study.name
    if name is not None and name not in studies:
        raise absent(f"study.name={name}", studies)
    chosen = studies if name is None else {name, confirmation_name(name), audit_name(name)}
    return {
        name: kept_folder(config.storage, name, noted=study.folder) for name, study in studies.items() if name in chosen
    }


def show_in_mlflow(storage: BaseStorage, folders: Mapping[str, Path], uri: str, *, where: str = "") -> int:
    """Brings MLflow up to date with studies and says what was done; returns the exit code.

    Args:
        storage: Their record.
        folders: The folder of each.
        uri: Which MLflow.
        where: Said behind their names.
    """
    from hpo.study.mirroring import sync_study

    refusals: list[str] = []
    for name, folder in folders.items():
        done, refused = sync_study(storage, name, folder, uri)
        print(f"{name}{where}: {done}")
        refusals += refused
    return refuse(f"MLflow refuses some runs; see {', '.join(refusals)}.") if refusals else DONE
