"""Records that are not as they were written: every command that reads one says so, names the file, leaves nothing."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hpo.commands.console import main
from tests.support.studies import SYNTHETIC, run_study

STUDY = (*SYNTHETIC, "sampler=tpe", "study.name=x", "trainer.epoch_s=0.0001")
COMMANDS = (
    ("copy", "from=hpo.db", "to=new.db", "to.folder=new"),
    ("report", "experiment=synthetic", "tracking=none", "report.n_resamples=20"),
    ("curves", "experiment=synthetic", "path=c.parquet"),
    (*STUDY, "study.n_trials=4"),
)
SPOILT = {
    "state": "UPDATE trials SET state = 'NOPE' WHERE number = 1",
    "direction": "UPDATE study_directions SET direction = 'SIDEWAYS'",
    "value type": "UPDATE trial_values SET value_type = 'X'",
    "intermediate type": "UPDATE trial_intermediate_values SET intermediate_value_type = 'X'",
    "json cut off": "UPDATE study_system_attributes SET value_json = substr(value_json, 1, 40) WHERE key = 'hpo:study'",
    "json of a trial": "UPDATE trial_system_attributes SET value_json = '[' WHERE key = 'hpo:end'",
    "another kind": "UPDATE trial_system_attributes SET value_json = '[]' WHERE key = 'hpo:begin'",
    "no epochs": "UPDATE trial_system_attributes SET value_json = '{}' WHERE key = 'hpo:epoch:1'",
    "a number for a text": "UPDATE study_system_attributes SET value_json = '3' WHERE key = 'hpo:study'",
    "another distribution": 'UPDATE trial_params SET distribution_json = \'{"name": "Odd"}\'',
    "a table gone": "DROP TABLE trial_values",
    "a column gone": "ALTER TABLE trials RENAME COLUMN state TO statte",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_study(*STUDY, "study.n_trials=3")
    return folder


Try = Callable[..., list[tuple[str, int, str]]]


@pytest.fixture
def try_all(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Try:
    """Spoils a copy of a record and returns, of each command, its name, exit code and what it said on stderr."""

    def run(spoil: Callable[[Path], object]) -> list[tuple[str, int, str]]:
        monkeypatch.chdir(shutil.copytree(made, tmp_path / "spoilt", dirs_exist_ok=True))
        spoil(Path("hpo.db"))
        answers = []
        for words in COMMANDS:
            answers.append((words[0], main(list(words)), capsys.readouterr().err))
            assert not list(Path().glob("new*")), words
        shutil.rmtree(tmp_path / "spoilt")
        return answers

    return run


@pytest.mark.parametrize("statement", SPOILT.values(), ids=SPOILT)
def test_a_record_that_was_changed_is_told_by_every_command(try_all: Try, statement: str) -> None:
    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    answers = try_all(spoil)
    assert all("Traceback" not in said for _, _, said in answers)
    assert [code for _, code, _ in answers] == [2] * len(COMMANDS), answers
    for _, _, said in answers:
        assert "=hpo.db is damaged (" in said or "is no record that can be read" in said, said
        assert said.count("\n") == 1


@pytest.mark.parametrize("seed", range(3))
def test_a_record_of_other_bytes_is_told_or_read(try_all: Try, seed: int) -> None:
    rng = random.Random(seed)

    def spoil(path: Path) -> None:
        data = bytearray(path.read_bytes())
        if seed == 0:
            del data[rng.randrange(len(data) // 2, len(data)) :]
        for _ in range(60 * seed):
            data[rng.randrange(100, len(data))] = rng.randrange(256)
        path.write_bytes(data)

    for name, code, said in try_all(spoil):
        assert "Traceback" not in said, said
        assert code in (0, 2), (name, code, said)
