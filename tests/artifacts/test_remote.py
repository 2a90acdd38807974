"""Trials kept behind a URL: whoever has a trial goes on from there, and what is left there is what is needed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING
from hpo.artifacts.folders import MODEL_FOLDER, check_place
from hpo.artifacts.remote import SCRATCH, copy_remote_weights, fetch_weights
from hpo.commands.compare import main as compare
from hpo.commands.copy import main as copy
from hpo.commands.predict import main as predict
from hpo.contracts.executor import Job, Task
from hpo.contracts.trainer import OnEpoch, TrialRequest, TrialResult
from hpo.executors.worker import run_job
from hpo.machine.remote import RemoteFolder
from hpo.machine.signals import Ending, MustPause, never
from hpo.storage.options import PostgresConfig
from hpo.storage.record import open_storage, read_study, study_names
from hpo.study.session import Report
from hpo.trainers.awd_lstm.trainer import AwdLstm
from hpo.trainers.synthetic import Synthetic, SyntheticConfig
from tests.support.background_studies import losses
from tests.support.studies import SYNTHETIC, TINY, compose_config, run_study
from tests.support.trial_requests import Listener, PauseAfter, make_request, repeatable, write_corpus

SEARCH = (*SYNTHETIC, "trainer.epoch_s=0.001", "study.name=x", "study.n_trials=5")


class Killed(BaseException):
    """Ends a job as nothing else does."""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, which must be as it was in the end."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert [path.name for path in folder.iterdir() if path.name.startswith(SCRATCH)] == []


def remotely(request: TrialRequest, folder: Path) -> TrialRequest:
    """Returns the request of a worker that has no such folder, its trial kept in another."""
    return replace(request, folder="/nowhere/at/all", remote=f"file://{folder}/0000")


def names(folder: Path) -> list[str]:
    return RemoteFolder(f"file://{folder}").names()


def run(
    request: TrialRequest, listener: OnEpoch, must_pause: MustPause = never, task: Task = Task.TRAIN
) -> TrialResult:
    return run_job(Job(task, "x", request), listener, must_pause=must_pause)


@pytest.mark.parametrize("how", ["killed", pytest.param("paused", marks=pytest.mark.slow)])
def test_a_trial_goes_on_where_another_worker_left_it(how: str, tmp_path: Path) -> None:
    corpus, kept = write_corpus(tmp_path / "corpus"), tmp_path / "kept"
    request = make_request(tmp_path / "undisturbed", corpus=corpus, epochs=4)
    undisturbed, before, after = Listener(), Listener(fail_at=3, error=Killed()), Listener()  # type: ignore[arg-type]
    AwdLstm().train(request, undisturbed)
    if how == "killed":
        with pytest.raises(Killed):
            run(remotely(request, kept), before)
        n_done = 3
    else:
        paused = run(remotely(request, kept), Listener(), PauseAfter(40))
        assert (paused.paused, paused.obstacle) == (True, "")
        assert "_" in names(kept)[-1].rpartition("/")[2]  # in the middle of an epoch
        n_done = paused.n_epochs
    left = names(kept)
    assert len(left) == 4
    assert all(name.startswith("0000/checkpoints/") for name in left)
    result = run(remotely(request, kept), after)
    assert result.facts["resumed_from"] == str(n_done)
    assert CHECKPOINT_WARNING not in result.facts
    assert repeatable(after.reports) == repeatable(undisturbed.reports)
    weights = (kept / "0000" / "model.safetensors").read_bytes()
    assert weights == (tmp_path / "undisturbed" / "model.safetensors").read_bytes()
    tested = run(remotely(request, kept), after, task=Task.TEST)
    assert tested.test == AwdLstm().test(request)
    assert {"0000/evaluation.json", "0000/test.npy"} < set(names(kept))


@pytest.mark.parametrize("harm", ["truncated", "without its hash"])
def test_a_checkpoint_that_is_not_whole_is_passed_over(harm: str, tmp_path: Path) -> None:
    request = make_request(tmp_path / "x", trainer=SyntheticConfig(noise=0.01, epoch_s=0.001), epochs=5)
    kept, undisturbed, after = tmp_path / "kept", Listener(), Listener()
    Synthetic().train(request, undisturbed)
    with pytest.raises(Killed):
        run(remotely(request, kept), Listener(fail_at=4, error=Killed()))  # type: ignore[arg-type]
    newest = kept / "0000" / "checkpoints" / "000004.safetensors"
    if harm == "truncated":
        newest.write_bytes(newest.read_bytes()[:-3])
    else:
        newest.with_suffix(".sha256").unlink()
    result = run(remotely(request, kept), after)
    assert result.facts["resumed_from"] == "3"
    assert "000004.safetensors is not used" in result.facts[CHECKPOINT_WARNING]
    assert repeatable(after.reports) == repeatable(undisturbed.reports)


def test_wherever_an_upload_is_cut_off_at_most_one_epoch_is_repeated(tmp_path: Path) -> None:
    request = make_request(tmp_path / "x", trainer=SyntheticConfig(noise=0.01, epoch_s=1e-9), epochs=4)
    undisturbed = Listener()
    Synthetic().train(request, undisturbed)
    put, delete, n_done = RemoteFolder.put, RemoteFolder.delete, 0

    def dying(call: Any, at: int) -> Any:
        def step(self: RemoteFolder, *args: Any) -> None:
            nonlocal n_done
            n_done += 1
            if n_done != at:
                return call(self, *args)
            if call is put:
                half = tmp_path / "half"
                half.write_bytes(args[0].read_bytes()[: len(args[0].read_bytes()) // 2])
                put(self, half, args[1])
            raise Killed

        return step

    for at in range(1, 14):
        kept, before, after, n_done = tmp_path / f"kept{at}", Listener(), Listener(), 0
        patch = pytest.MonkeyPatch()
        patch.setattr(RemoteFolder, "put", dying(put, at))
        patch.setattr(RemoteFolder, "delete", dying(delete, at))
        with pytest.raises(Killed):
            run(remotely(request, kept), before)
        patch.undo()
        result = run(remotely(request, kept), after)
        assert int(result.facts["resumed_from"]) >= len(before.reports), at
        assert repeatable(after.reports) == repeatable(undisturbed.reports)
        stems = {Path(name).stem for name in names(kept) if "checkpoints" in name}
        assert stems == {"000003", "000004"}, at


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The study with its trials in folders."""
    return run_study(*SEARCH, f"storage.path={tmp_path_factory.mktemp('plain')}/hpo.db")


def test_a_study_is_the_same_and_leaves_the_best_weights_alone(workdir: Path, plain: Report) -> None:
    kept = workdir / "kept"
    remote = run_study(*SEARCH, f"storage.folder=file://{kept}")
    assert losses(remote.trials) == losses(plain.trials)
    assert [trial.state for trial in remote.trials] == [trial.state for trial in plain.trials]
    assert remote.study.test == plain.study.test
    best = remote.study.best(remote.trials)
    assert best is not None
    assert names(kept) == [f"x-{remote.study.uid[:8]}/{best.number:04d}/model.json"]
    assert [path.name for path in next(kept.iterdir()).iterdir()] == [f"{best.number:04d}"]
    assert Path(remote.study.folder) == workdir / "studies" / "x"


def test_what_an_earlier_driver_did_not_come_to_delete_is_deleted(workdir: Path) -> None:
    kept, study = workdir / "kept", (*SEARCH, f"storage.folder=file://{workdir}/kept")
    run_study(*study)
    (before,) = kept.iterdir()
    for number in range(5):
        for name in ("checkpoints/000001.safetensors", "checkpoints/000001.sha256", "model.json"):
            (before / f"{number:04d}" / name).parent.mkdir(parents=True, exist_ok=True)
            (before / f"{number:04d}" / name).touch()
    (before / "9999").mkdir()
    (before / "9999" / "model.json").touch()  # of no trial
    shutil.rmtree(workdir / "studies")  # as on another machine
    report = run_study(*study)
    best = report.study.best(report.trials)
    assert best is not None
    assert [name.partition("/")[2] for name in names(kept)] == [f"{best.number:04d}/model.json", "9999/model.json"]


@pytest.mark.parametrize("task", ["train", pytest.param("test", marks=pytest.mark.slow)])
def test_a_store_that_goes_away_pauses_the_study(
    workdir: Path, task: str, plain: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, real = workdir / "kept", getattr(Synthetic, task)
    study = (*SEARCH, f"storage.folder=file://{kept}")
    is_harmed = False

    def harming(self: Synthetic, request: TrialRequest, *args: Any) -> Any:
        nonlocal is_harmed
        if (request.number == 3 or task == "test") and not is_harmed:
            is_harmed = True
            kept.rename(workdir / "away")
            kept.write_text("no folder")
        if task == "test":
            (Path(request.folder) / "evaluation.json").write_text("{}")
        return real(self, request, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Synthetic, task, harming)
        paused = run_study(*study)
    assert is_harmed
    assert paused.ending is Ending.PAUSED
    assert "cannot be used from" in paused.obstacle
    assert paused.obstacle.endswith("mend that, and the same command goes on.")
    kept.unlink()
    (workdir / "away").rename(kept)
    report = run_study(*study)
    assert losses(report.trials) == losses(plain.trials)
    assert report.study.test == plain.study.test
    assert all(trial.reason is None for trial in report.trials)


@pytest.mark.slow
def test_a_driver_that_cannot_delete_pauses_and_keeps_the_result(
    workdir: Path, plain: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = (*SEARCH, f"storage.folder=file://{workdir}/kept")
    with monkeypatch.context() as patch:

        def refuse(self: RemoteFolder, name: str) -> None:
            self._endure(lambda _files, _root: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))

        patch.setattr("hpo.study.preparation.check_remote", lambda _: None)
        patch.setattr(RemoteFolder, "delete", refuse)
        patch.setattr(Synthetic, "train", without_checkpoints(Synthetic.train))
        paused = run_study(*study)
    assert (paused.ending, "(Permission denied)" in paused.obstacle) == (Ending.PAUSED, True)
    assert any(trial.is_finished for trial in paused.trials)
    report = run_study(*study)
    assert losses(report.trials) == losses(plain.trials)
    assert len(names(workdir / "kept")) == 1


def without_checkpoints(train: Any) -> Any:
    def quick(self: Synthetic, request: TrialRequest, *args: Any) -> TrialResult:
        return train(self, replace(request, trainer=replace(request.trainer, epoch_s=0.0)), *args)  # type: ignore[no-any-return, type-var]

    return quick


@pytest.mark.slow
def test_the_model_is_kept_here_and_answers(
    workdir: Path, kept_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(kept_study / "cache", workdir / "cache")
    report = run_study(*TINY, f"data.cache={workdir}/cache", "tracking=none", f"storage.folder=file://{workdir}/kept")
    model = Path(report.study.folder) / MODEL_FOLDER
    local = kept_study / "studies" / report.study.name / MODEL_FOLDER
    assert (model / "model.safetensors").read_bytes() == (local / "model.safetensors").read_bytes()
    assert (model / "evaluation.json").read_bytes() == (local / "evaluation.json").read_bytes()
    assert predict([f"model={report.study.name}", "Compute the eigenvalues of an array."]) == 0
    assert "Compute the eigenvalues" in capsys.readouterr().out
    stamp = (model / "model.json").stat().st_ino
    run_study(*TINY, f"data.cache={workdir}/cache", "tracking=none", f"storage.folder=file://{workdir}/kept")
    assert (model / "model.json").stat().st_ino == stamp


def test_weights_of_an_equal_trial_are_shared(tmp_path: Path) -> None:
    one, other = (f"file://{tmp_path}/{name}" for name in ("one", "other"))
    assert not copy_remote_weights(one, other)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "model.safetensors").write_bytes(b"weights")
    assert not copy_remote_weights(one, other)  # nothing vouches for them
    (tmp_path / "one" / "model.json").write_text(json.dumps({"sha256": "x"}))
    assert copy_remote_weights(one, other)
    assert RemoteFolder(other).names() == ["model.json", "model.safetensors"]
    for content in (b"weights", b"others"):  # those here are not what is described
        (tmp_path / "one" / "model.safetensors").write_bytes(content)
        fetch_weights(one, tmp_path / "here")
        assert (tmp_path / "here" / "model.safetensors").read_bytes() == content


@pytest.mark.slow
def test_equal_trials_of_a_comparison_share_their_weights(workdir: Path) -> None:
    words = [*SYNTHETIC, "seeds=2", "strategies={none: {pruner: none}, median: {pruner: median}}", "sampler=random"]
    words += ["study.n_trials=3", f"storage.folder=file://{workdir}/kept"]
    assert compare(words) == 0
    storage = open_storage(compose_config()[0].storage)
    confirmed = [read_study(storage, name) for name in study_names(storage) if "confirm" in name]
    assert any("cached_from" in trial.facts for _, trials in confirmed for trial in trials)
    for study, trials in confirmed:
        assert study.test["n_test"]
        for trial in trials:
            assert list((workdir / "kept").glob(f"*-{study.uid[:8]}/{trial.number:04d}/model.json")), study.name


def test_a_study_at_a_url_goes_on_from_any_machine(workdir: Path) -> None:
    config = PostgresConfig(folder="s3://bucket/studies", url="env:X")
    check_place(config, "x", noted="/elsewhere/studies/x", machine="another")
    with pytest.raises(ValueError, match="has its weights and checkpoints in /elsewhere"):
        check_place(replace(config, folder="studies"), "x", noted="/elsewhere/studies/x", machine="another")


@pytest.mark.parametrize(("word", "key"), [("from.folder=", "from"), ("storage.folder=", "from"), ("to.folder=", "to")])
def test_copies_are_made_of_folders(
    word: str, key: str, workdir: Path, plain: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Path(plain.study.folder).parents[1] / "hpo.db"
    assert copy([f"from={record}", "to=other/hpo.db", f"{word}s3://bucket/studies"]) == 2
    assert f"{key}.folder=s3://bucket/studies is a URL" in capsys.readouterr().err
    assert list(workdir.glob("other*")) == []


def test_the_folder_of_a_job_that_was_killed_is_removed(tmp_path: Path, scratch: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    abandoned = scratch / f"{SCRATCH}-{host}-{ended.pid}-1-x"
    others = [scratch / f"{SCRATCH}-elsewhere-{ended.pid}-1-x", scratch / "of-somebody"]
    for folder in (abandoned, *others):
        folder.mkdir()
    request = make_request(tmp_path / "x", trainer=SyntheticConfig(noise=0.01, epoch_s=0.0))
    run(remotely(request, tmp_path / "kept"), Listener())
    assert sorted(scratch.iterdir()) == sorted(others)
    others[0].rmdir()
