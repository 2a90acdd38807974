"""Jobs of Slurm: who may connect, jobs that never do, sites where there is no Slurm. The rest: executor contract."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import AuthenticationError, connection
from pathlib import Path

import pytest

import hpo.executors.slurm
from hpo.contracts.executor import NoWorkers
from hpo.executors.slurm import SlurmConfig, SlurmExecutor
from tests.support.executor_jobs import Reports, drain, make_config, make_job, no_preload

COMMAND = ("executor=slurm", "trainer=synthetic", "tracking=none")


def make_section(*overrides: str) -> SlurmConfig:
    config = make_config("slurm", *overrides).executor
    assert isinstance(config, SlurmConfig)
    return config


@pytest.fixture
def pool(workdir: Path) -> Iterator[SlurmExecutor]:
    executor = SlurmExecutor(make_section(), preload=no_preload)
    yield executor
    executor.close()


def test_who_has_no_key_is_sent_away_and_the_work_goes_on(
    pool: SlurmExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hpo.executors.slurm, "GREETING_S", 1)
    address = pool._server.getsockname()
    silent = socket.create_connection(address)
    rude = socket.create_connection(address)
    rude.sendall(b"GET / HTTP/1.1\r\n\r\n")
    pool.submit(make_job(tmp_path))
    (outcome,) = drain(pool, Reports(), 1)
    assert outcome.result is not None
    assert outcome.result.n_epochs == 4
    for stranger in (silent, rude):
        stranger.settimeout(5)
        with suppress(ConnectionResetError):
            while stranger.recv(1000):  # the challenge, then the end
                pass
        stranger.close()


def test_a_wrong_key_is_refused(pool: SlurmExecutor, tmp_path: Path) -> None:
    from threading import Thread

    refused: list[BaseException] = []

    def knock() -> None:
        try:
            connection.Client(pool._server.getsockname(), authkey=b"guessed")
        except (AuthenticationError, EOFError, OSError) as error:
            refused.append(error)

    knocking = Thread(target=knock)
    knocking.start()
    pool.submit(make_job(tmp_path))
    drain(pool, Reports(), 1)
    knocking.join(timeout=10)
    assert len(refused) == 1


def test_the_folder_of_the_jobs_is_its_users_alone_and_goes_with_them(pool: SlurmExecutor, tmp_path: Path) -> None:
    pool.submit(make_job(tmp_path))
    drain(pool, Reports(), 1)
    (folder,) = Path("slurm").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    pool.close()
    assert not Path("slurm").exists()


def test_jobs_that_end_before_they_connect_are_noticed_and_their_logs_kept(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = SlurmExecutor(make_section(), preload=no_preload)
    submit = pool._submitter.submit
    monkeypatch.setattr(pool._submitter, "submit", lambda *_: submit(sys.exit, 1))
    pool.submit(make_job(workdir))
    with pytest.raises(NoWorkers, match=r"^job \d+ of Slurm ended \(its log is .*\) before its first trial") as told:
        drain(pool, Reports(), 1)
    pool.close()
    log = Path(str(told.value).partition("its log is ")[2].partition(")")[0])
    assert log.exists()


def test_where_there_is_no_slurm_nothing_is_left(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hpo.executors.slurm, "_listen", lambda _: socket.create_server(("127.0.0.1", 0)))
    with pytest.raises(ValueError, match=r"executor\.cluster=slurm finds no srun here; .* executor\.cluster=local"):
        SlurmExecutor(make_section("executor.cluster=slurm"), preload=no_preload)
    assert list(workdir.iterdir()) == []


def test_an_address_no_node_can_reach_is_refused(workdir: Path) -> None:
    with pytest.raises(
        ValueError, match=r"executor\.address=localhost is 127\..*, which no other machine reaches; give"
    ):
        SlurmExecutor(make_section("executor.cluster=slurm", "executor.address=localhost"), preload=no_preload)
    with pytest.raises(ValueError, match=r"executor\.address=nowhere\.invalid is no address of this machine \("):
        SlurmExecutor(make_section("executor.address=nowhere.invalid"), preload=no_preload)
    assert list(workdir.iterdir()) == []


def test_the_command_says_it_in_a_sentence(workdir: Path) -> None:
    command = [sys.executable, "-m", "hpo", *COMMAND, "executor.address=localhost"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert ran.stderr.startswith("hpo: executor.address=localhost is 127.")
    assert not (workdir / "studies").exists()
