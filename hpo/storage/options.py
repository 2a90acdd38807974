"""The storages one can choose: where a record lives, and what is to be known of it before it is opened.

How a record is opened is in `sqlite` and `postgres`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.config.limits import MISSING
from hpo.config.registry import option
from hpo.config.schema import StorageConfig
from hpo.machine.secrets import mask

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


@option("storage", "sqlite")
@dataclass
class SqliteConfig(StorageConfig):
    path: str = MISSING

    @property
    def file(self) -> Path:
        return Path(self.path)

    @property
    def place(self) -> str:
        return f"storage.path={self.path}"

    @property
    def description(self) -> str:
        return f"{self.path} ({Path(self.path).absolute()})"

    @property
    def settings(self) -> Mapping[str, str]:
        return {"storage.path": self.path} if self.path != "hpo.db" else {}

    def open(self, *, must_exist: bool = False) -> BaseStorage:
        from hpo.storage.sqlite import open_sqlite, read_sqlite

        return read_sqlite(self.path) if must_exist else open_sqlite(self.file)

    def check_claims(self, studies: Collection[str]) -> None:
        from hpo.storage.file_claims import check_file_claims

        check_file_claims(self.file, studies)


@option("storage", "postgres")
@dataclass
class PostgresConfig(StorageConfig):
    """`url` says where the address is: env:NAME or file:PATH; or gives it."""

    url: str = MISSING

    is_shared = True

    @property
    def place(self) -> str:
        return f"storage.url={mask(self.url)}"

    @property
    def description(self) -> str:
        return f"the database at {mask(self.url)}"

    @property
    def settings(self) -> Mapping[str, str]:
        return {"storage": "postgres", "storage.url": mask(self.url)}

    def open(self, *, must_exist: bool = False) -> BaseStorage:
        from hpo.storage.postgres import open_postgres

        return open_postgres(self.url, must_exist=must_exist)

    def check_claims(self, studies: Collection[str]) -> None:
        from hpo.storage.address import Address
        from hpo.storage.claims import check_claims

        check_claims(Address(self.url), list(studies))


@option("storage", "memory")
@dataclass
class MemoryConfig(StorageConfig):
    is_kept = False

    def open(self, *, must_exist: bool = False) -> BaseStorage:
        from optuna.storages import InMemoryStorage

        if must_exist:
            raise ValueError("storage=memory is gone when its command ends; give storage.path=… of a record on disk.")
        return InMemoryStorage()
