"""What several test modules need: a working directory of their own and a composed configuration."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest

import hpo.machine.download
from hpo.commands.sync import main as sync
from tests.support.background_studies import Started
from tests.support.databases import Server
from tests.support.encoder_studies import WORDS
from tests.support.ray_nodes import TwoNodes
from tests.support.studies import TINY, run_study

if TYPE_CHECKING:
    from tests.chaos.server import MlflowServer

MEMORY_BYTES = 2 * 2**30  # more than all the databases of the tests


@pytest.fixture
def signals_of_a_terminal() -> Iterator[None]:
    """Processes that the test starts obey signals, also where the tests run under `nohup` or in the background."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    for number, handler in before.items():
        if handler == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    """A real MLflow server, with no experiment yet."""
    from tests.chaos.server import MlflowServer
    from tests.support.mlflow_contents import new_db  # imports MLflow, which few tests need

    new_db(tmp_path / "server")
    server = MlflowServer(tmp_path / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for all tests: whoever stops it starts it again."""
    memory = Path("/dev/shm")  # seconds quicker than a disk
    is_roomy = memory.is_dir() and os.access(memory, os.W_OK) and disk_usage(memory).free > MEMORY_BYTES
    where = str(memory) if is_roomy else None
    with TemporaryDirectory(prefix="hpo-postgres-", dir=where) as folder:  # pytest's own is closed to other users
        server = Server(Path(folder) / "data")
        yield server
        server.stop("immediate")


@pytest.fixture
def database(postgres: Server) -> str:
    """The address of a new database."""
    return postgres.make()


@pytest.fixture(scope="session")
def kept_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a study on real text that ended while MLflow was away; nobody may change it."""
    folder, before = tmp_path_factory.mktemp("kept"), Path.cwd()
    os.chdir(folder)
    try:
        run_study(*TINY, f"data.cache={folder}/cache", "tracking=none")
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(scope="session")
def synced(kept_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `kept_study` after MLflow was brought up to date; nobody may change it."""
    folder = tmp_path_factory.mktemp("synced") / "work"
    shutil.copytree(kept_study, folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert sync([]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def start(workdir: Path) -> Iterator[Started]:
    started = Started(workdir)
    yield started
    started.end()


@pytest.fixture
def two_nodes() -> Iterator[TwoNodes]:
    cluster = TwoNodes()
    yield cluster
    cluster.close()


@pytest.fixture
def texts(workdir: Path) -> Path:
    rng = random.Random(0)
    rows = [
        f"{label},{' '.join(rng.choices(own, k=rng.randint(5, 15)))}" for label, own in WORDS.items() for _ in range(40)
    ]
    (workdir / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    return workdir


@pytest.fixture
def models(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where `untar_data` puts fastai's language model, and texts to match it with; no network."""
    rng = random.Random(0)
    rows = [f"{label},{' '.join(rng.choices([label, 'the', 'bone', 'nap'], k=9))}" for label in ("cat", "dog") * 30]
    (workdir / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    monkeypatch.setenv("FASTAI_HOME", str(workdir / "fastai"))

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(hpo.machine.download.urllib.request, "urlopen", unreachable)
    return workdir / "fastai" / "models" / "wt103-fwd"
