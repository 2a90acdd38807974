"""What several test modules need: a working directory of their own and a composed configuration."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import open_dict

from hpo.compose import register_schemas, to_config
from hpo.config import Config
from hpo.display import build_display
from hpo.paths import conf_folder
from hpo.plan import Plan, plan
from hpo.session import Report, run
from hpo.sync import main as sync

from databases import Server

if TYPE_CHECKING:
    from server import MlflowServer

MEMORY_BYTES = 2 * 2**30  # more than all the databases of the tests
Composer = Callable[..., tuple[Config, dict[str, str]]]


def compose_config(*overrides: str) -> tuple[Config, dict[str, str]]:
    """Returns the configuration of a command line and the chosen option of every group."""
    register_schemas()
    with initialize_config_dir(str(conf_folder().absolute()), version_base="1.3"):
        composed = compose("config", overrides=list(overrides), return_hydra_config=True)
    chosen = composed.hydra.runtime.choices
    choices = {str(group): str(option) if option else "" for group, option in chosen.items()}
    with open_dict(composed):
        del composed["hydra"]
    return to_config(composed), choices


def plan_study(*overrides: str) -> Plan:
    config, choices = compose_config(*overrides)
    return plan(config, choices)


def run_study(*overrides: str) -> Report:
    """Runs a study in this process as `python -m hpo` would and returns what it left to say."""
    display = build_display()
    try:
        return run(plan_study(*overrides), display)
    finally:
        display.close()


SYNTHETIC = ("trainer=synthetic", "tracking=none", "executor=inline")


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
    from server import MlflowServer

    from shown import new_db  # imports MLflow, which few tests need

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


TINY = (
    "study.name=tiny",
    "data.n_per_class=60",
    "executor=inline",
    "space.model.n_hid.choices=[16]",
    "space.train.lr.low=0.05",
    "train.epochs=4",
    "train.batch_size=16",
    "study.n_trials=2",
)


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
