"""What a session refuses: faults of its set-up turned into one sentence each.

Saying it, with an exit code, is the business of `command`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from hpo.config.schema import StorageConfig
from hpo.contracts.executor import NoWorkers
from hpo.machine.errors import first_line
from hpo.machine.files import lack_of_room
from hpo.machine.paths import os_sentence
from hpo.machine.remote import RemoteAway
from hpo.storage.enduring import StorageAway


class Refused(Exception):
    """The data or the study cannot be used as they are; the sentence says why."""


class NoRoom(Refused):
    """Nothing is wrong but that the disk is full, the URL that trials are kept at away, or no worker begins."""


def refused_by(error: Exception) -> Refused:
    """Returns the refusal that a fault of set-up amounts to."""
    if obstacle := lack_of_room(error):
        return NoRoom(obstacle)
    if isinstance(error, RemoteAway | NoWorkers):
        return NoRoom(str(error))
    return Refused(os_sentence(error) if isinstance(error, OSError) else str(error))


@contextmanager
def refusing(config: StorageConfig) -> Iterator[None]:
    """Turns what set-up raises for bad input into a refusal; bugs in driving stay visible as such."""
    try:
        yield
    except (ValueError, OSError, StorageAway, RemoteAway) as error:
        raise refused_by(error) from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        if obstacle := lack_of_room(error):
            raise NoRoom(obstacle) from error
        if not config.place:
            raise
        # Optuna wraps what the database said in a guess
        raise Refused(f"{config.place} cannot hold the record: {first_line(error.__cause__ or error)}.") from error
