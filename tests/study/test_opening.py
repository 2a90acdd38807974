"""A study whose folder is taken away under its driver: it pauses, and goes on as if nothing had been."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hpo.machine.locks import StudyLock
from hpo.machine.signals import Ending
from hpo.storage.store import StudyStore
from tests.support.mortal_storage import facts
from tests.support.studies import SYNTHETIC, run_study

COMMAND = (*SYNTHETIC, "sampler=tpe", "study.n_trials=5", "train.epochs=3", "study.name=x")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_driver_whose_folder_is_deleted_pauses_and_the_same_command_goes_on(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, is_replaced: bool
) -> None:
    real = StudyStore.tell

    def tell(store: StudyStore, number: int) -> object:
        told = real(store, number)
        if number == 2:
            shutil.rmtree("studies")
            if is_replaced:
                Path("studies/x").mkdir(parents=True)
                Path("studies/x/lock").write_text("another driver's")
        return told

    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "tell", tell)
        paused = run_study(*COMMAND)
    assert paused.ending is Ending.PAUSED
    assert paused.obstacle == (
        f"The folder of study 'x', {workdir}/studies/x, was deleted or replaced under its driver, which pauses. "
        "What was recorded is whole in storage.path=hpo.db: the same command goes on from there; trials that were "
        "under way begin anew, unless the folder is put back first."
    )
    assert Path("studies/x/lock").exists() == is_replaced  # nobody takes another driver's lock away
    report = run_study(*COMMAND)
    assert report.ending is Ending.BUDGET
    assert facts(report.trials) == facts(run_study(*COMMAND[:-1], "study.name=y").trials)


def test_a_lock_that_another_took_the_place_of_is_not_taken_away(tmp_path: Path) -> None:
    with StudyLock(tmp_path, "x") as lock:
        assert lock.is_in_place
        (tmp_path / "lock").unlink()
        assert not lock.is_in_place
        (tmp_path / "lock").write_text("another's")
        assert not lock.is_in_place
    assert (tmp_path / "lock").read_text() == "another's"
