"""Studies in a real PostgreSQL: the ones they would be in a file, whatever becomes of drivers and of the server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from hpo.commands.sync import main as sync
from hpo.config.schema import StorageConfig
from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord
from hpo.space.space import canonical
from hpo.storage.address import Address
from hpo.storage.claims import Claims
from hpo.storage.enduring import disconnect
from hpo.storage.options import PostgresConfig, SqliteConfig
from hpo.storage.postgres import open_postgres
from hpo.storage.record import open_record, read_study
from hpo.study.session import Report
from tests.support import ROOT
from tests.support.canary_commands import Commands
from tests.support.databases import IN_ADDRESS, PASSWORD, Server
from tests.support.mortal_storage import facts
from tests.support.studies import SYNTHETIC, run_study

DYING = ROOT / "tests/support/kill_point.py"
STUDY = ("trainer=synthetic", "tracking=none", "study.name=x", "sampler.n_startup_trials=3", "pruner=asha")
SHORT = (*STUDY, "executor.n_workers=1", "study.n_trials=5", "trainer.epoch_s=0.02")
LONG = (*STUDY, "executor.n_workers=1", "study.n_trials=8", "trainer.epoch_s=0.15")
ENDLESS = "study.n_trials=200"  # more than anybody waits for
SLOW = pytest.mark.slow
IN_DATABASE = "storage=postgres"


def start(folder: Path, url: str, *words: str, point: str = "") -> subprocess.Popen[str]:
    """Starts the command in `folder`, or one that kills itself at `point`."""
    folder.mkdir(exist_ok=True)
    program = [str(DYING), point] if point else ["-m", "hpo"]
    return subprocess.Popen(
        [sys.executable, *program, IN_DATABASE, *words],
        cwd=folder,
        env={**os.environ, "HPO_STORAGE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, url: str, *words: str, point: str = "") -> tuple[int, str, str]:
    process = start(folder, url, *words, point=point)
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def read(url: str, name: str = "x") -> tuple[StudyRecord, list[TrialRecord]]:
    storage = open_postgres(url)
    found = read_study(storage, name)
    disconnect(storage)
    return found


def wait_for_trials(postgres: Server, url: str, n_ended: int) -> None:
    """Waits until so many trials have ended."""
    deadline, database = time.monotonic() + 60, url.rpartition("/")[2]
    while True:
        try:
            if postgres.run("SELECT 1 FROM trials WHERE state <> 'RUNNING'", database=database)[n_ended - 1 :]:
                return
        except psycopg.errors.UndefinedTable:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Report]:
    """Runs a command over a file, once, and returns what it left."""
    done: dict[tuple[str, ...], Report] = {}

    def of(*words: str) -> Report:
        if words not in done:
            path = tmp_path_factory.mktemp("undisturbed") / "hpo.db"
            done[words] = run_study(*words, f"storage.path={path}", "executor=inline", "trainer.epoch_s=0.0001")
        return done[words]

    return of


@pytest.mark.parametrize("sampler", [pytest.param("grid", marks=SLOW), pytest.param("random", marks=SLOW), "tpe"])
def test_a_study_is_the_same_in_a_database_as_in_a_file(sampler: str, database: str, workdir: Path) -> None:
    command = (*SYNTHETIC, f"sampler={sampler}", "pruner=hyperband", "study.n_trials=8", "study.ordered=true")
    command += ("study.confirm.top_k=1", "study.confirm.n_seeds=2")
    in_file = run_study(*command)
    in_database = run_study(*command, IN_DATABASE, f"storage.url={database}")
    assert facts(in_database.trials) == facts(in_file.trials)
    assert in_database.study.test == in_file.study.test
    name = in_file.study.name
    assert facts(read(database, f"{name}-confirm")[1]) == facts(
        read_study(open_record(SqliteConfig(folder="studies", path="hpo.db")), f"{name}-confirm")[1]
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_is_read_back_is_what_was_run(kind: str, request: pytest.FixtureRequest, workdir: Path) -> None:
    words: tuple[str, ...] = ()
    config: StorageConfig = SqliteConfig(folder="studies", path="hpo.db")
    if kind == "postgres":
        config = PostgresConfig(folder="studies", url=request.getfixturevalue("database"))
        words = (IN_DATABASE, f"storage.url={config.url}")
    first = run_study(*SYNTHETIC, *words, "study.n_trials=3")
    report = run_study(*SYNTHETIC, *words, "study.n_trials=5")
    assert report.trials[:3] == first.trials
    storage = open_record(config)
    assert read_study(storage, report.study.name) == (report.study, report.trials)
    disconnect(storage)


@pytest.mark.slow
def test_several_workers_lose_and_double_nothing(database: str, tmp_path: Path) -> None:
    code, _, err = run(
        tmp_path, database, *STUDY, "pruner=none", "executor.n_workers=2", "study.n_trials=10", "trainer.epoch_s=0.02"
    )
    assert (code, err) == (0, "")
    trials = read(database)[1]
    assert [trial.number for trial in trials] == list(range(10))
    assert {trial.state for trial in trials} == {COMPLETE}
    assert len({canonical(trial.params) for trial in trials}) == 10


POINTS = {
    "between ask and submit": "hpo.storage.store:StudyStore.ask:after:2",
    "an epoch about to be noted": "hpo.storage.store:StudyStore.add_epoch:before:4",
    "between the end noted and told": "hpo.storage.store:StudyStore.note_end:after:2",
    "told": "hpo.storage.store:StudyStore.tell:after:3",
}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_driver_goes_on_as_if_nothing_had_happened(
    point: str, database: str, tmp_path: Path, undisturbed: Callable[..., Report]
) -> None:
    assert run(tmp_path, database, *SHORT, point=POINTS[point])[0] == -signal.SIGKILL
    code, _, err = run(tmp_path, database, *SHORT)
    assert (code, err) == (0, "")
    assert facts(read(database)[1]) == facts(undisturbed(*STUDY, "study.n_trials=5").trials)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_study_outlasts_a_restart_of_the_server(
    mode: str, postgres: Server, database: str, tmp_path: Path, undisturbed: Callable[..., Report]
) -> None:
    driver = start(tmp_path, database, *LONG)
    wait_for_trials(postgres, database, 2)
    postgres.stop(mode)
    postgres.start()
    wait_for_trials(postgres, database, 4)
    postgres.stop(mode)
    time.sleep(4)
    postgres.start()
    out, err = driver.communicate(timeout=120)
    assert (driver.returncode, err) == (0, "")
    assert "storage.url=env:HPO_STORAGE_URL does not answer (" in out
    assert "storage.url=env:HPO_STORAGE_URL answers again." in out
    study, trials = read(database)
    assert facts(trials) == facts(undisturbed(*STUDY, "study.n_trials=8").trials)
    assert {trial.attempt for trial in trials} == {1}
    assert study.test


@pytest.mark.slow
def test_a_study_pauses_when_the_server_stays_away(
    postgres: Server, database: str, tmp_path: Path, undisturbed: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = tmp_path / "patient"
    patient.mkdir()
    (patient / "sitecustomize.py").write_text("import hpo.storage.enduring\nhpo.storage.enduring.PATIENCE_S = 3.0\n")
    monkeypatch.setenv("PYTHONPATH", f"{patient}:{ROOT}")
    driver = start(tmp_path, database, *LONG)
    wait_for_trials(postgres, database, 2)
    postgres.stop()
    try:
        out, err = driver.communicate(timeout=60)
    finally:
        postgres.start()
    assert (driver.returncode, err) == (4, "")
    assert re.search(r"was waited for \d s; when it does, the same command goes on\.", " ".join(out.split()))
    assert "x: paused" in out
    code, _, err = run(tmp_path, database, *LONG)
    assert (code, err) == (0, "")
    assert facts(read(database)[1]) == facts(undisturbed(*STUDY, "study.n_trials=8").trials)


@pytest.mark.slow
def test_ctrl_c_is_heard_while_the_server_is_away(postgres: Server, database: str, tmp_path: Path) -> None:
    driver = start(tmp_path, database, *LONG)
    wait_for_trials(postgres, database, 1)
    postgres.stop()
    try:
        time.sleep(2)
        driver.send_signal(signal.SIGINT)
        out, err = driver.communicate(timeout=30)
    finally:
        postgres.start()
    assert (driver.returncode, err) == (130, "")
    assert re.search(r"^next +hpo storage=postgres ", out, re.MULTILINE)


@pytest.mark.slow
def test_a_second_driver_is_refused_from_anywhere(postgres: Server, database: str, tmp_path: Path) -> None:
    driver = start(tmp_path / "here", database, *LONG, ENDLESS)
    wait_for_trials(postgres, database, 1)
    for folder in ("here", "there"):
        began = time.monotonic()
        code, out, err = run(tmp_path / folder, database, *LONG, ENDLESS)
        assert (code, out) == (3, ""), err
        assert err.startswith(f"hpo: Study 'x' is held by process {driver.pid} on ")
        assert time.monotonic() - began < 10  # on a busy machine; a start that imports everything takes longer
    assert list((tmp_path / "there").iterdir()) == []
    driver.kill()
    driver.communicate()


def test_mlflow_is_left_to_a_driver_on_another_machine(
    database: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(*SYNTHETIC, IN_DATABASE, f"storage.url={database}", "study.n_trials=1", "study.name=x")
    driver = Claims(Address(database))
    driver.take("x")
    assert sync([IN_DATABASE, f"storage.url={database}"]) == 0
    assert f"x: left to its driver (Study 'x' is held by process {os.getpid()} on " in capsys.readouterr().out
    driver.let_go("x")


@pytest.mark.slow
def test_a_driver_whose_study_was_taken_over_stops(postgres: Server, database: str, tmp_path: Path) -> None:
    name = database.rpartition("/")[2]
    driver = start(tmp_path, database, *LONG)
    wait_for_trials(postgres, database, 1)
    os.kill(driver.pid, signal.SIGSTOP)  # its machine sleeps; its connections end
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    rival = Claims(Address(database))
    rival.take("x")
    before = postgres.run("SELECT count(*) FROM trial_system_attributes", database=name)
    os.kill(driver.pid, signal.SIGCONT)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 3
    assert err.startswith(f"hpo: Study 'x' is held by process {os.getpid()} on ")
    assert postgres.run("SELECT count(*) FROM trial_system_attributes", database=name) == before
    rival.let_go("x")


@pytest.mark.slow
def test_a_study_is_continued_where_its_folder_is(database: str, tmp_path: Path) -> None:
    words = (*STUDY, "executor=inline", "trainer.epoch_s=0.0001")
    assert run(tmp_path / "here", database, *words, "study.n_trials=1")[0] == 0
    code, _, err = run(tmp_path / "there", database, *words, "study.n_trials=2")
    assert code == 2
    assert f"has its weights and checkpoints in {tmp_path}/here/studies/x (on " in err
    assert f"there is no {tmp_path}/there/studies/x here" in err
    (tmp_path / "here" / "studies").rename(tmp_path / "there" / "studies")  # as another machine would mount it
    assert run(tmp_path / "there", database, *words, "study.n_trials=2")[0] == 0


@pytest.fixture
def small_disk(postgres: Server) -> Iterator[Path]:
    """A disk of its own for the database called `small`; `mount -o remount` makes it larger."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with TemporaryDirectory(prefix="hpo-small-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small disk cannot be mounted here")
        try:
            Path(folder).chmod(0o755)
            (Path(folder) / "space").mkdir()
            shutil.chown(Path(folder) / "space", postgres.user)
            postgres.run(f"CREATE TABLESPACE small LOCATION '{folder}/space'")
            postgres.run("CREATE DATABASE small TABLESPACE small")
            yield Path(folder)
            postgres.run("DROP DATABASE small WITH (FORCE)")
            postgres.run("DROP TABLESPACE small")
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
def test_a_full_disk_of_the_server_pauses_the_study(
    postgres: Server, small_disk: Path, tmp_path: Path, undisturbed: Callable[..., Report]
) -> None:
    url, words = postgres.url("small"), (*LONG, "study.n_trials=30", "trainer.epoch_s=0.02")
    driver = start(tmp_path, url, *words)
    wait_for_trials(postgres, url, 2)
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    out, err = driver.communicate(timeout=60)
    subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    assert (driver.returncode, err) == (4, "")
    assert "There is no room left to write (could not extend file" in " ".join(out.split())
    code, _, err = run(tmp_path, url, *words)
    assert (code, err) == (0, "")
    assert facts(read(url)[1]) == facts(undisturbed(*STUDY, "study.n_trials=30").trials)


@pytest.mark.slow
def test_the_password_is_nowhere(postgres: Server, tmp_path: Path) -> None:
    url = postgres.make(owner="hpo").replace("postgres@", f"hpo:{IN_ADDRESS}@")
    commands = Commands(tmp_path)
    try:
        words = (IN_DATABASE, "trainer=synthetic", "executor.n_workers=1", "study.n_trials=3", "study.name=x")
        commands.run("hpo", *words, env={"HPO_STORAGE_URL": url})
        (tmp_path / "address").write_text(f"{url}\n")
        elsewhere = f"storage.url=file:{tmp_path / 'address'}"
        commands.run("hpo", *words, "study.n_trials=4", elsewhere)
        bare = f"storage.url={url.replace(f':{IN_ADDRESS}', '')}"
        commands.run("hpo", *words, "study.n_trials=5", bare, env={"PGPASSWORD": PASSWORD})
        commands.run("hpo", *words, "study.n_trials=6", f"storage.url='{url}'")
        commands.run("hpo.sync", IN_DATABASE, elsewhere)
        commands.run("hpo.report", IN_DATABASE, "report.n_resamples=50", env={"HPO_STORAGE_URL": url})
        commands.run("hpo.copy", f"from={url}", "to=copy.db", "to.folder=copies")
        wrong = url.replace("CANARY", "CANARY2")
        assert "does not take the password" in commands.run("hpo", *words, env={"HPO_STORAGE_URL": wrong}, code=2)
        assert commands.leaks() == []
        rows = subprocess.run(
            [sys.executable, "-c", _DUMP, url], check=True, capture_output=True, text=True, env={**os.environ}
        )
        assert "hpo:study" in rows.stdout
        assert "CANARY" not in rows.stdout
    finally:
        commands.stop()


_DUMP = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
        print(connection.execute('SELECT * FROM "' + table + '"').fetchall())
"""
