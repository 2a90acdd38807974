"""Studies copied between records: to the last digit, wholly or not at all, and never two at one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages._rdb.models import BaseModel
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from hpo.commands.copy import main
from hpo.commands.sync import main as sync
from hpo.machine.locks import StudyLock
from hpo.storage.address import Address
from hpo.storage.claims import Claims
from hpo.storage.record import FINGERPRINT, MOVED, STUDY
from hpo.storage.transfer import NOT_OURS, OF_STUDIES, OF_TRIALS
from hpo.study.refusal import Refused
from tests.support import ROOT
from tests.support.mlflow_contents import shown
from tests.support.mortal_storage import facts
from tests.support.owners import owner_at
from tests.support.studies import run_study

DYING = ROOT / "tests/support/kill_point.py"
SEARCH = ("trainer=synthetic", "study.name=x", "sampler.n_startup_trials=2", "pruner=asha", "trainer.epoch_s=0.0001")
HERE = (*SEARCH, "tracking=none", "executor=inline")
WITH_CONFIRMATION = ("study.confirm.top_k=1", "study.confirm.n_seeds=2")
KINDS = [
    "file to database",
    *(
        pytest.param(kind, marks=pytest.mark.slow)
        for kind in ("database to file", "file to file", "database to database")
    ),
]


@pytest.fixture(params=KINDS)
def places(request: pytest.FixtureRequest, workdir: Path) -> tuple[str, str]:
    """Where the studies are and where they shall be, in the words of the command."""
    kinds = request.param.split(" to ")
    found = [f"{key}/hpo.db" for key in ("one", "two")]
    if "database" in kinds:
        server = request.getfixturevalue("postgres")
        found = [server.make() if kind == "database" else path for kind, path in zip(kinds, found, strict=True)]
    return found[0], found[1]


def where(place: str, folder: str = "studies") -> tuple[str, ...]:
    """Returns the overrides with which `hpo` finds the record at a place."""
    if "://" in place:
        return ("storage=postgres", f"storage.url={place}", f"storage.folder={folder}")
    return (f"storage.path={place}", f"storage.folder={folder}")


def rows(place: str) -> dict[str, list[Any]]:
    """Returns all that Optuna keeps at a place, by table: without its own numbers, which follow from the order."""
    url = place.replace("postgresql://", "postgresql+psycopg://") if "://" in place else f"sqlite:///{place}"
    studies, trials = BaseModel.metadata.tables["studies"], BaseModel.metadata.tables["trials"]
    with create_engine(url, poolclass=NullPool).connect() as connection:
        names = dict(map(tuple, connection.execute(select(studies.c.study_id, studies.c.study_name))))
        owner = {
            trial_id: (names[study_id], number)
            for trial_id, study_id, number in connection.execute(
                select(trials.c.trial_id, trials.c.study_id, trials.c.number)
            )
        }
        found = {}
        for name, table in BaseModel.metadata.tables.items():
            (key,) = table.primary_key.columns
            content = connection.execute(select(table).order_by(key)).mappings().all()
            found[name] = [
                {
                    column: names[value] if column == "study_id" else owner[value] if column == "trial_id" else value
                    for column, value in row.items()
                    if column != key.name or name in NOT_OURS
                }
                for row in content
            ]
    return found


def copy(source: str, target: str, *words: str) -> int:
    return main([f"from={source}", f"to={target}", *words])


def test_a_copy_is_the_record_to_the_last_digit(places: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    source, target = places
    run_study(*HERE, *WITH_CONFIRMATION, *where(source), "study.n_trials=5")
    run_study(*HERE, *where(source), "study.n_trials=2", "study.name=other", "space.train.lr.high=5")
    before = rows(source)
    assert copy(source, target, "from.folder=studies", "to.folder=copies") == 0
    printed = capsys.readouterr().out.splitlines()[-2:]
    assert printed == ["other: 2 trials copied", "x, x-confirm: 7 trials copied"]
    copied = rows(target)
    edited = {STUDY, FINGERPRINT}  # they say where the folder is
    for table in before:
        assert len(copied[table]) == len(before[table])
        for ours, theirs in zip(sorted(before[table], key=str), sorted(copied[table], key=str), strict=True):
            assert ours == theirs or ours["key"] in edited
    assert {len(before[name]) > 0 for name in ("trials", "trial_params", "trial_intermediate_values")} == {True}
    assert rows(source) == before
    assert copy(source, target, "to.folder=copies") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["other: already there", "x, x-confirm: already there"]
    assert rows(target) == copied


@pytest.mark.slow
def test_a_copied_study_goes_on_as_if_it_had_begun_there(places: tuple[str, str]) -> None:
    source, target = places
    first = run_study(*HERE, *where(source), "study.n_trials=4")
    assert copy(source, target, "to.folder=copies") == 0
    gone_on = run_study(*HERE, *where(target, "copies"), "study.n_trials=8")
    assert facts(gone_on.trials) == facts(run_study(*HERE, "storage=memory", "study.n_trials=8").trials)
    assert gone_on.study.uid == first.study.uid
    assert gone_on.study.test
    kept = [str(path.parent.name) for path in Path(gone_on.study.folder).glob("trials/*/model.json")]
    best = gone_on.study.best(gone_on.trials)
    assert best is not None
    assert kept == [f"{best.number:04d}"]
    with pytest.raises(Refused, match=r"storage.folder was copies and is now studies"):
        run_study(*HERE, *where(target), "study.n_trials=9")
    assert run_study(*HERE, *where(source), "study.n_trials=4").trials == first.trials  # the original is as it was


def test_with_one_folder_the_study_moves(database: str, workdir: Path) -> None:
    run_study(*HERE, "study.n_trials=3")
    assert copy("hpo.db", database) == 0
    with pytest.raises(Refused, match=r"Study 'x' has moved to storage.url=.*, with its folder; continue it there."):
        run_study(*HERE, "study.n_trials=4")
    gone_on = run_study(*HERE, *where(database), "study.n_trials=6")
    assert facts(gone_on.trials) == facts(run_study(*HERE, "storage=memory", "study.n_trials=6").trials)


@pytest.mark.slow
def test_what_was_left_running_goes_on_from_its_checkpoint_there(database: str, workdir: Path) -> None:
    command = (*SEARCH, "tracking=none", "executor.n_workers=1", "study.n_trials=4", "trainer.epoch_s=0.2")
    driver = subprocess.Popen([sys.executable, "-m", "hpo", *command], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(workdir.glob("studies/x/trials/0001/checkpoints/*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    assert copy("hpo.db", database, "to.folder=copies") == 0
    for folder in ("studies", "copies"):
        assert list((workdir / folder).rglob("checkpoints/*"))
    report = run_study(*command, *where(database, "copies"))
    assert facts(report.trials) == facts(run_study(*command, "storage=memory", "trainer.epoch_s=0.0001").trials)
    assert max(trial.attempt for trial in report.trials) == 2


@pytest.mark.slow
def test_one_study_can_be_chosen(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x", "y"):
        run_study(*HERE, f"study.name={name}", "study.n_trials=1", *WITH_CONFIRMATION)
    assert copy("hpo.db", "copies/hpo.db", "study.name=y-confirm") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "y, y-confirm: 3 trials copied"
    assert {row["study_name"] for row in rows("copies/hpo.db")["studies"]} == {"y", "y-confirm"}


@pytest.mark.slow
def test_the_copies_are_shown_in_an_mlflow(workdir: Path) -> None:
    run_study(*SEARCH, "executor=inline", "study.n_trials=2", *WITH_CONFIRMATION, "tracking.flush_timeout_s=60")
    assert copy("hpo.db", "copies/hpo.db", "tracking.uri=sqlite:///copies/mlflow.db") == 0
    copied, original = (shown(f"sqlite:///{workdir}{path}/mlflow.db", "synthetic") for path in ("/copies", ""))
    assert copied == original


def refusal(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 2) -> str:
    capsys.readouterr()
    assert main(list(argv)) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("hpo: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_mistakes_are_one_sentence(database: str, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "from=… is missing" in refusal(capsys, "to=b.db")
    assert "to=… is missing" in refusal(capsys, "from=a.db", "to=")
    assert "There is no record at from=a.db" in refusal(capsys, "from=a.db", "to=b.db")
    assert list(workdir.iterdir()) == []
    assert "There is no record in the database of from=" in refusal(capsys, f"from={database}", "to=b.db")
    run_study(*HERE, "study.n_trials=1")
    assert "There is no study.name=y in the record; it has x." in refusal(
        capsys, "from=hpo.db", "to=b.db", "study.name=y"
    )
    Path("text").write_text("no database")
    assert "to=text cannot hold the record: file is not a database" in refusal(capsys, "from=hpo.db", "to=text")
    assert "from=text is no record that can be read: file" in refusal(capsys, "from=text", "to=b.db")
    assert "to.folder=text cannot be written" in refusal(capsys, "from=hpo.db", "to=b.db", "to.folder=text")
    assert sorted(path.name for path in workdir.iterdir()) == ["hpo.db", "studies", "text"]
    assert "are one record" in refusal(capsys, "from=hpo.db", "to=./hpo.db")
    assert "to=env:HPO_UNSET names an environment variable that is not set" in refusal(
        capsys, "from=hpo.db", "to=env:HPO_UNSET"
    )
    wrong = refusal(capsys, "from=hpo.db", "to=postgresql://me:CANARY@127.0.0.1:1/db")
    assert "to=postgresql://***@127.0.0.1:1/db: the database cannot be reached" in wrong
    assert "storage." not in wrong
    assert copy("hpo.db", database) == 0
    same = database.replace("127.0.0.1", "localhost")
    assert "are one record" in refusal(capsys, f"from={database}", f"to={same}")


@pytest.mark.slow
def test_nothing_is_copied_over_what_is_there(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("one/hpo.db", "two/hpo.db"):
        run_study(*HERE, *where(place), "study.n_trials=1")
    before = rows("two/hpo.db")
    assert "to=two/hpo.db has another study 'x'" in refusal(capsys, "from=one/hpo.db", "to=two/hpo.db")
    assert rows("two/hpo.db") == before
    assert copy("one/hpo.db", "three/hpo.db") == 0
    run_study(*HERE, *where("three/hpo.db"), "study.n_trials=2")
    assert "one of the two has gone on since" in refusal(capsys, "from=one/hpo.db", "to=three/hpo.db")
    (workdir / "four" / "studies" / "x").mkdir(parents=True)
    (workdir / "four" / "studies" / "x" / "precious").touch()
    assert "has files of another study" in refusal(capsys, "from=one/hpo.db", "to=four/hpo.db")
    assert rows("four/hpo.db")["studies"] == []


@pytest.mark.slow
def test_a_study_that_has_moved_is_copied_from_where_it_is(
    workdir: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(*HERE, "study.n_trials=1")
    assert copy("hpo.db", database) == 0
    assert "has moved to storage.url=" in refusal(capsys, "from=hpo.db", "to=b/hpo.db")
    assert copy("hpo.db", database) == 0  # there it is already
    assert copy(database, "b/hpo.db") == 0
    assert MOVED not in {row["key"] for row in rows("b/hpo.db")["study_system_attributes"]}
    run_study(*HERE, *where("b/hpo.db"), "study.n_trials=2")


@pytest.mark.slow
def test_the_record_that_a_study_has_left_shows_it_no_more(
    workdir: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(*HERE, "study.n_trials=1")
    assert copy("hpo.db", database) == 0
    words = ("study.name=x", "tracking.uri=sqlite:///mlflow.db")
    assert sync(list(words)) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("x: left to the record it has moved to (storage.url=")
    assert not (workdir / "mlflow.db").exists()


@pytest.mark.slow
def test_studies_of_other_programs_are_left_alone(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_study(*HERE, "study.n_trials=1")
    optuna.create_study(storage="sqlite:///hpo.db", study_name="theirs")
    assert copy("hpo.db", "copies/hpo.db") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["left out, not made by hpo: theirs", "x: 1 trial copied"]
    assert "There is no study.name=theirs in the record; it has x." in refusal(
        capsys, "from=hpo.db", "to=b.db", "study.name=theirs"
    )
    assert sync(["tracking.uri=http://127.0.0.1:1"]) == 2  # it came as far as MLflow


def test_a_study_that_a_driver_works_on_is_refused(
    workdir: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(*HERE, "study.n_trials=1")
    with StudyLock(workdir / "studies" / "x", "x"):
        assert "is held by process" in refusal(capsys, "from=hpo.db", f"to={database}", code=3)
    rival = Claims(Address(database))
    rival.take("x")
    assert "is held by process" in refusal(capsys, "from=hpo.db", f"to={database}", code=3)
    rival.let_go("x")
    assert list((workdir / "studies" / "x").iterdir()) == [workdir / "studies" / "x" / "trials"]
    assert owner_at(database) == ""  # no tables were made
    assert copy("hpo.db", database) == 0


POINTS = {
    "the folder half copied": "shutil:copystat:after:1",
    "the folder copied, not noted": "hpo.storage.copies:_copy_folder:after:2",
    "rows half written": "hpo.storage.transfer:_insert:after:9",
    "all rows written, not committed": "hpo.storage.transfer:_insert:after:18",
    "committed": "hpo.storage.copies:transfer:after:1",
    "in the middle of unmarking": "hpo.storage.copies:read_study:before:5",
}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_copy_that_was_killed_is_finished_by_the_next(point: str, database: str, workdir: Path) -> None:
    run_study(*HERE, *WITH_CONFIRMATION, "study.n_trials=2")
    words = ("from=hpo.db", f"to={database}", "to.folder=copies")
    killed = subprocess.run(
        [sys.executable, str(DYING), POINTS[point], *words],
        env={**os.environ, "DYING_COMMAND": "hpo.copy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(rows(database)["studies"]) in (0, 2)
    assert len(rows(database)["trials"]) in (0, 4)
    assert main(list(words)) == 0
    assert len(rows(database)["trials"]) == 4
    for name in ("x", "x-confirm"):
        assert tree(workdir / "copies" / name) == tree(workdir / "studies" / name)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_table_is_copied() -> None:
    """A table that a newer Optuna has must be dealt with."""
    assert set(BaseModel.metadata.tables) == {"studies", "trials", *OF_STUDIES, *OF_TRIALS, *NOT_OURS}


def test_there_and_back_a_study_goes_on_where_it_is(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run_study(*HERE, *WITH_CONFIRMATION, "study.n_trials=3")
    assert copy("hpo.db", "other.db") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "x, x-confirm: 5 trials moved"
    moved = rows("other.db")
    assert copy("hpo.db", "other.db") == 0  # it lacks nothing, and stays where it is
    assert capsys.readouterr().out.splitlines()[-1] == "x, x-confirm: already there"
    assert rows("other.db") == moved
    run_study(*HERE, *WITH_CONFIRMATION, *where("other.db"), "study.n_trials=4")
    assert copy("other.db", "hpo.db") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("x, x-confirm: ")
    with pytest.raises(Refused, match=r"Study 'x' has moved to storage.path=hpo.db"):
        run_study(*HERE, *where("other.db"), "study.n_trials=5")
    last = run_study(*HERE, *WITH_CONFIRMATION, "study.n_trials=5")
    assert (last.study.uid, len(last.trials)) == (first.study.uid, 5)
    assert facts(last.trials) == facts(run_study(*HERE, "storage=memory", "study.n_trials=5").trials)
    assert copy("hpo.db", "other.db") == 0  # and there again
    run_study(*HERE, *where("other.db"), "study.n_trials=6")


def test_a_study_that_two_records_send_to_each_other_goes_where_it_is_copied_to(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(*HERE, "study.n_trials=2")
    assert copy("hpo.db", "other.db") == 0
    storage = optuna.storages.RDBStorage("sqlite:///other.db")
    storage.set_study_system_attr(storage.get_study_id_from_name("x"), MOVED, "storage.path=hpo.db")
    storage.engine.dispose()
    with pytest.raises(Refused, match="has moved to"):
        run_study(*HERE, "study.n_trials=3")
    assert copy("other.db", "hpo.db") == 0
    assert len(run_study(*HERE, "study.n_trials=3").trials) == 3
    assert "has moved to storage.path=hpo.db" in refusal(capsys, "from=other.db", "to=third.db", "to.folder=third")
