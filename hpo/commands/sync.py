"""`python -m hpo.sync`: brings MLflow up to date with the record.

Reads the record, writes MLflow, changes nothing in the record; doing it twice adds nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, PAUSED, compose_and_call, refuse
from hpo.study.mirroring import sync_study

if TYPE_CHECKING:
    from hpo.config.schema import Config

USAGE = """python -m hpo.sync [study.name=NAME] [storage.path=hpo.db | storage=postgres] [tracking.uri=…]

Rebuilds in MLflow (sqlite:///mlflow.db, or the one at tracking.uri) whatever it lacks of the record: all
studies, or the one named with its confirmation and its audit. Runs that a dead driver left RUNNING are
closed. Nothing is added the second time. When MLflow is away or refuses something, one sentence says so
and the exit code is 2."""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return DONE
    return compose_and_call(argv, _sync)


def _sync(config: Config, _: dict[str, str]) -> int:
    from hpo.machine.paths import os_sentence
    from hpo.storage.enduring import StorageAway

    if not config.tracking.is_shown:
        return refuse("tracking=none has nothing to bring up to date; choose tracking=mlflow.")
    try:
        config.tracking.check(config.storage)
        refusals = _sync_studies(config, config.tracking.uri)
    except StorageAway as error:
        return refuse(str(error), code=PAUSED)
    except (ValueError, OSError) as error:
        return refuse(os_sentence(error) if isinstance(error, OSError) else str(error))
    return refuse(f"MLflow refuses some runs; see {', '.join(refusals)}.") if refusals else DONE


def _sync_studies(config: Config, uri: str) -> list[str]:
    """Brings MLflow up to date with the studies that were asked for; returns the files of what it refuses."""
    from hpo.artifacts.folders import kept_folder
    from hpo.storage.storage import open_record, read_studies
    from hpo.study.audit import audit_name
    from hpo.study.confirmation import confirmation_name

    storage = open_record(config.storage)
    studies, asked = read_studies(storage), config.study.name
    names = list(studies)
    if asked is not None:
        if asked not in names:
            raise ValueError(f"There is no study.name={asked}; the record has {', '.join(names) or 'none'}.")
        names = [name for name in names if name in (asked, confirmation_name(asked), audit_name(asked))]
    refusals: list[str] = []
    for name in names:
        folder = kept_folder(config.storage, name, noted=studies[name].folder)
        done, refused = sync_study(storage, name, folder, uri)
        print(f"{name}: {done}")
        refusals += refused
    return refusals
