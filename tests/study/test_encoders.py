"""Encoders from the command's settings to its trials: which there are, where they lie, who is told, what is refused."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hpo.trainers.awd_lstm.encoders.training as training
from hpo.config.schema import Config
from hpo.config.training import Sizes
from hpo.contracts.trainer import EpochReport
from hpo.executors.inline import InlineExecutor
from hpo.machine.signals import StopRequest
from hpo.space.read import read_space
from hpo.storage.record import open_record
from hpo.study.mirroring import sync_study
from hpo.study.refusal import NoRoom, Refused
from hpo.tracking.client import open_client
from hpo.trainers.awd_lstm.encoders.needed import NeededEncoder, check_encoders
from hpo.trainers.awd_lstm.encoders.record import read_progress
from hpo.trainers.awd_lstm.encoders.training import EncoderEvents, EncoderTraining, work_folder
from hpo.trainers.awd_lstm.network.encoder import DESCRIPTION, WEIGHTS, read_encoder
from tests.support.encoder_studies import DOMAIN, SIX, SMALL, domain_encoders
from tests.support.mlflow_contents import new_db
from tests.support.studies import compose_config, plan_study, run_study


def pretrain(
    config: Config,
    needed: list[NeededEncoder],
    stop: StopRequest | None = None,
    told: list[tuple[str, int, int]] | None = None,
) -> list[str]:
    notes: list[str] = []
    heard = [] if told is None else told
    audience = EncoderEvents(notes.append, lambda *stage: heard.append(stage), lambda *_: None)
    stop = stop or StopRequest()
    EncoderTraining(config, InlineExecutor(lambda: stop.is_set), stop, audience).run(needed)
    return notes


def kept() -> list[Path]:
    return sorted(Path("cache").glob("encoder-*"))


def test_trials_start_from_encoders_that_all_studies_share(texts: Path) -> None:
    report = run_study(*DOMAIN)
    assert [trial.state for trial in report.trials] == ["COMPLETE", "COMPLETE"]
    assert [str(read_encoder(folder).sizes) for folder in kept()] == ["6-6x2", "6-8x2"]
    before = {folder: (folder / WEIGHTS).stat().st_mtime_ns for folder in kept()}
    run_study(*DOMAIN, "sampler=random", "seed=7")
    assert {folder: (folder / WEIGHTS).stat().st_mtime_ns for folder in kept()} == before
    assert not list(Path("cache").glob(".training-*"))
    encoder = read_encoder(kept()[0])
    assert [set(epoch) >= {"perplexity", "valid_loss"} for epoch in encoder.history] == [True, True]
    assert encoder.facts["data"] == "table"


def test_a_trial_from_an_encoder_differs_from_one_from_scratch(texts: Path) -> None:
    from_domain, from_scratch = (
        run_study(*given, "study.n_trials=1") for given in (DOMAIN, (*SMALL, "study.name=scratch"))
    )
    first, second = (report.trials[0] for report in (from_domain, from_scratch))
    assert first.params == second.params
    assert first.epochs[0].metrics["train_loss"] != second.epochs[0].metrics["train_loss"]


def test_an_encoder_is_known_by_all_that_makes_it(texts: Path) -> None:
    _, encoders = domain_encoders()
    names = {each.name for each in encoders.needed}
    for path in (
        "epochs=3",
        "lr=0.1",
        "batch_size=3",
        "bptt=9",
        "drop_mult=0.1",
        "weight_decay=0",
        "valid=0.3",
        "seed=1",
    ):
        assert not names & {each.name for each in domain_encoders(f"encoder.{path}")[1].needed}, path
    assert not names & {each.name for each in domain_encoders("encoder.use_all_texts=true")[1].needed}
    assert not names & {each.name for each in domain_encoders("data.max_vocab=12")[1].needed}
    assert not names & {each.name for each in domain_encoders("model.emb_sz=7")[1].needed}
    same = domain_encoders("seed=5", "train.lr=0.5", "model.drop_mult=0.9", "executor.threads=1", "study.n_trials=9")
    assert names == {each.name for each in same[1].needed}


def test_a_grid_trains_no_encoder_that_it_does_not_visit(texts: Path) -> None:
    grid = ("sampler=grid", "space.model.n_hid.levels=[8]")
    assert [each.sizes for each in domain_encoders(*grid)[1].needed] == [Sizes(6, 8, 2)]


def test_scratch_and_domain_can_be_searched_together(texts: Path) -> None:
    both = "+space.model={encoder: {type: categorical, choices: [scratch, domain]}}"
    report = run_study(*SMALL, both, "sampler=grid", "study.n_trials=null", "space.train.lr.n_levels=1", *FEW)
    assert {trial.params["model.encoder"] for trial in report.trials} == {"scratch", "domain"}
    assert all(trial.state == "COMPLETE" for trial in report.trials)


FEW = ("space.model.drop_mult.n_levels=1", "space.model.n_hid.levels=[6]")


def test_an_encoder_of_ones_own_is_given_by_its_folder(texts: Path) -> None:
    run_study(*DOMAIN)
    given = f"model.encoder={kept()[0].absolute()}"
    report = run_study(*SMALL, given, *SIX, "study.name=mine")
    assert all(trial.state == "COMPLETE" for trial in report.trials)


def test_a_killed_training_goes_on_and_gives_the_same_encoder(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, encoders = domain_encoders("encoder.epochs=3")
    needed = encoders.needed[0]
    pretrain(config, [needed])
    undisturbed = (needed.folder / WEIGHTS).read_bytes()
    shutil.rmtree(needed.folder)

    class Killed(BaseException):
        pass

    def die(self: EncoderTraining, key: object, report: EpochReport) -> object:
        if report.epoch == 3:
            raise Killed
        return noted(self, key, report)  # type: ignore[arg-type]

    noted = EncoderTraining._on_report
    monkeypatch.setattr(EncoderTraining, "_on_report", die)
    with pytest.raises(Killed):
        pretrain(config, [needed])
    monkeypatch.setattr(EncoderTraining, "_on_report", noted)
    progress = read_progress(work_folder(needed))
    assert progress is not None
    assert progress.n_epochs == 2
    assert not needed.folder.exists()
    pretrain(config, [needed])
    assert (needed.folder / WEIGHTS).read_bytes() == undisturbed
    encoder = read_encoder(needed.folder)
    assert list(encoder.ended_ms[:2]) == list(progress.ended_ms)  # what was shown of it is not shown again
    assert encoder.started_ms == progress.started_ms
    assert len(encoder.history) == len(encoder.ended_ms) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["processes", "ray", "slurm"])
def test_every_executor_trains_the_same_encoders(texts: Path, name: str) -> None:
    run_study(*DOMAIN)
    inline = {folder.name: read_encoder(folder).sha256 for folder in kept()}
    shutil.rmtree("cache")
    alone = {"ray": ("executor.cpus_per_trial=1",), "slurm": ("executor.cluster=local",)}.get(name, ())
    given = [override for override in DOMAIN if override != "executor=inline"]
    run_study(*given, f"executor={name}", "executor.n_workers=1", *alone, "study.name=elsewhere")
    assert {folder.name: read_encoder(folder).sha256 for folder in kept()} == inline
    assert len(inline) == 2


def test_how_far_it_is_is_told_in_batches(texts: Path) -> None:
    config, encoders = domain_encoders()
    told: list[tuple[str, int, int]] = []
    pretrain(config, list(encoders.needed), told=told)
    assert [stage for stage, _, _ in told] == [f"encoder {each.label} (batches)" for each in encoders.needed]
    assert all(done == total > config.encoder.epochs for _, done, total in told)


@pytest.mark.parametrize("name", [WEIGHTS, DESCRIPTION])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"{")])
def test_a_damaged_one_is_trained_anew(texts: Path, name: str, damage: Callable[[Path], object]) -> None:
    config, encoders = domain_encoders()
    needed = [encoders.needed[0]]
    pretrain(config, needed)
    before = read_encoder(needed[0].folder)
    damage(needed[0].folder / name)
    notes = pretrain(config, needed)
    assert notes[0] == f"The encoder 6-6x2 in {needed[0].folder} is damaged; it is trained anew."
    assert read_encoder(needed[0].folder).sha256 == before.sha256
    assert len(pretrain(config, needed)) == 0


def test_a_full_disk_pauses_it_and_a_cache_that_cannot_be_written_is_refused(
    texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, refusal in ((errno.ENOSPC, NoRoom), (errno.EACCES, Refused)):

        def fail(path: Path, content: object, number: int = number) -> None:
            raise OSError(number, os.strerror(number), str(path))

        monkeypatch.setattr("hpo.trainers.awd_lstm.encoders.record.write_json", fail)
        with pytest.raises(refusal, match=os.strerror(number)) as refused:
            run_study(*DOMAIN)
        assert type(refused.value) is refusal


def test_the_evaluation_tells_of_test_texts_that_an_encoder_has_read(texts: Path) -> None:
    given = [override for override in DOMAIN if override != "study.test=false"]
    for name, is_told in (("true", True), ("false", False)):
        report = run_study(*given, f"encoder.use_all_texts={name}", f"study.name=all-{name}", "study.n_trials=1")
        model = Path(report.study.folder) / "model"
        assert ("trained on the test texts, too" in (model / "README.md").read_text()) is is_told
        assert ("encoder.use_all_texts=true" in (model / "evaluation.html").read_text()) is is_told


def test_a_signal_pauses_it(texts: Path) -> None:
    config, encoders = domain_encoders()
    stop = StopRequest()
    stop.signal = 2
    pretrain(config, list(encoders.needed), stop)
    assert not kept()


def test_another_command_that_trains_it_is_waited_for(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, encoders = domain_encoders()
    needed = encoders.needed[0]
    pretrain(config, [needed])
    done = shutil.move(needed.folder, "done")
    code = (
        "import sys, time; from pathlib import Path; from hpo.machine.locks import StudyLock;"
        f"lock = StudyLock(Path({str(work_folder(needed))!r}), 'x'); lock.__enter__(); print('held', flush=True);"
        "sys.stdin.readline(); lock.__exit__(None, None, None)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"

        def arrive(_: float) -> None:
            if not needed.folder.exists():
                shutil.copytree(done, needed.folder)

        monkeypatch.setattr(training.time, "sleep", arrive)
        notes = pretrain(config, [needed])
        other.stdin.write("\n")
    assert notes == ["Another command trains the encoder 6-6x2; waiting for it."]


@pytest.mark.slow
def test_mlflow_shows_each_encoder_as_a_run_of_its_own(texts: Path) -> None:
    uri = new_db(texts / "mlflow")
    tracked = [override for override in DOMAIN if override != "tracking=none"]
    for seed in ("0", "1"):
        report = run_study(*tracked, f"tracking.uri={uri}", f"seed={seed}")
        assert report.n_unmirrored == 0
    client = open_client(uri)
    experiment = client.get_experiment_by_name("texts")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], filter_string="tags.`hpo.role` = 'encoder'")
    assert sorted(run.info.run_name for run in runs) == [folder.name for folder in kept()]
    for run in runs:
        points = client.get_metric_history(run.info.run_id, "perplexity")
        assert [point.step for point in points] == [1, 2]
        assert run.info.status == "FINISHED"
        assert run.data.params["encoder.epochs"] == "2"
        assert "mlflow.parentRunId" not in run.data.tags


@pytest.mark.slow
def test_an_mlflow_that_is_away_does_no_harm_and_gets_them_later(texts: Path) -> None:
    tracked = [override for override in DOMAIN if override != "tracking=none"]
    report = run_study(*tracked, "tracking.uri=http://127.0.0.1:9", "tracking.flush_timeout_s=0")
    assert all(trial.state == "COMPLETE" for trial in report.trials)
    used = {trial.facts["encoder"] for trial in report.trials}
    uri, storage = new_db(texts / "mlflow"), open_record(compose_config()[0].storage)
    n_runs = len(report.trials) + 1 + len(used)
    for done in (f"{n_runs} of {n_runs} runs created or changed", "already complete"):
        assert sync_study(storage, report.study.name, Path(report.study.folder), uri) == (done, [])
    client = open_client(uri)
    experiment = client.get_experiment_by_name("texts")
    runs = client.search_runs([experiment.experiment_id], filter_string="tags.`hpo.role` = 'encoder'")
    assert {run.info.run_name for run in runs} == used


def test_one_that_diverges_is_refused_before_the_first_trial(texts: Path) -> None:
    with pytest.raises(Refused, match=r"diverged in epoch 1; lower encoder\.lr"):
        run_study(*DOMAIN, "encoder.lr=1e6")
    assert not kept()


REFUSED = [
    (("model.encoder=wt103",), "space.model.n_hid is searched; .* or choose model.encoder=domain"),
    (("model.encoder=domain", "encoder.start=wt103"), "encoder.start=wt103 has sizes of its own"),
    (("model.encoder=nowhere", "~space.model.n_hid"), "not scratch, wt103, domain or the folder of an encoder"),
    (("model.encoder=domain", "+space.model={n_layers: {type: int, low: 1, high: 40}}"), "more than 32 of them"),
    (("train.schedule=fine_tune", "train.unfreeze=gradual"), "train.unfreeze=fine_tune"),
    (("train.lr_decay=0.5",), "train.lr_decay=0.5 must be at least 1"),
    (("encoder.valid=1",), "encoder.valid=1 must be above 0 and below 1"),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_a_mistake_is_one_sentence(workdir: Path, given: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refusal:
        plan_study("tracking=none", *given)
    assert str(refusal.value).count("\n") == 0
    assert not list(workdir.iterdir())


def test_sizes_may_be_searched_where_the_encoder_does_not_fix_them(workdir: Path) -> None:
    config, _ = compose_config(
        "+space.model={encoder: {type: categorical, choices: [domain, wt103]}}",
        "+space.model.n_hid.when={param: model.encoder, in: [domain]}",
    )
    check_encoders(config, read_space(config))


def test_an_encoder_of_other_sizes_or_words_is_refused(texts: Path) -> None:
    run_study(*DOMAIN)
    given = f"model.encoder={kept()[0].absolute()}"
    with pytest.raises(ValueError, match=r"other sizes than model\.n_hid=8; give model\.emb_sz=6 model\.n_hid=6"):
        plan_study(*SMALL, given, "~space.model.n_hid", "model.n_hid=8")
    with pytest.raises(Refused, match="another vocabulary"):
        run_study(*SMALL, given, *SIX, "data.max_vocab=12", "study.name=other")
    data = bytearray((kept()[0] / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (kept()[0] / WEIGHTS).write_bytes(bytes(data))
    with pytest.raises(Refused, match=r"is damaged: encoder\.safetensors does not match its hash"):
        run_study(*SMALL, given, *SIX, "study.name=damaged")
