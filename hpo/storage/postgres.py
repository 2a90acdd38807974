"""The record in a PostgreSQL database: Optuna's storage over connections whose address it never sees.

Its URL is a template to Optuna, and clear text in each pickled storage; so it gets none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hpo.storage.address import Address
from hpo.storage.checks import NoRecord, check_owner, owner
from hpo.storage.claims import Claims, creating
from hpo.storage.enduring import EnduringStorage

DIALECT = "postgresql+psycopg://"


def open_postgres(url: str, *, must_exist: bool = False) -> BaseStorage:
    """Returns the storage in the database that `storage.url` names, its tables created if need be.

    Raises:
        ValueError: if it cannot be used, in one sentence.
    """
    address = Address(url)
    logging.getLogger("optuna.storages._rdb.storage").setLevel(logging.ERROR)  # it prints what `outage` says shorter
    with _explaining(address):
        asking = create_engine(DIALECT, creator=address.connect, poolclass=NullPool)
        if not check_owner(owner(asking), address.shown, must_exist=must_exist) and must_exist:
            raise NoRecord(f"There is no record in the database of {address.shown} yet.")
        with creating(address):
            storage = RDBStorage(DIALECT, engine_kwargs={"creator": address.connect, "pool_pre_ping": True})
    return EnduringStorage(get_storage(storage), storage.engine, Claims(address), address.shown)


@contextmanager
def _explaining(address: Address) -> Iterator[None]:
    from psycopg import Error

    try:
        yield
    except (SQLAlchemyError, StorageInternalError, RuntimeError, Error) as error:
        raise ValueError(address.explain(error)) from None
