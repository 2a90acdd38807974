"""What stands before a storage of Optuna's answers as one: Optuna's own contract of storages, over each of them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.testing.pytest_storages import StorageTestCase

from hpo.storage.enduring import disconnect
from hpo.storage.sqlite import open_sqlite
from hpo.storage.views import StudyView


def view(_: Path) -> BaseStorage:
    return StudyView(InMemoryStorage(), 0)


def file(folder: Path) -> BaseStorage:
    return open_sqlite(folder / "hpo.db")


def view_of_file(folder: Path) -> BaseStorage:
    return StudyView(file(folder), 1)


@pytest.fixture(params=[view, file, view_of_file], ids=lambda make: make.__name__)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    storage: BaseStorage = request.param(tmp_path)
    yield storage
    disconnect(storage)


class TestStorages(StorageTestCase):
    """Optuna's tests, each over each."""

    def test_pickle_storage(self, storage: BaseStorage, request: pytest.FixtureRequest) -> None:
        if request.node.callspec.id == "view":
            super().test_pickle_storage(storage)
            return
        with pytest.raises((AttributeError, TypeError), match="pickle"):  # a database stays in the driver
            pickle.dumps(storage)
