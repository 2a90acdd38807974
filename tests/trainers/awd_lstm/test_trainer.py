from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import hpo.trainers.awd_lstm.trainer as module
from hpo.artifacts.checkpoint import read_checkpoint
from hpo.config.metric import OTHERS
from hpo.config.training import ClassWeights, Precision, Schedule, Unfreeze
from hpo.contracts.trainer import EpochReport, TrialRequest, TrialResult
from hpo.data.corpus import open_corpus
from hpo.machine.signals import never
from hpo.trainers.awd_lstm.trainer import AwdLstm
from tests.support import ROOT
from tests.support.trial_requests import (
    Listener,
    PauseAfter,
    make_request,
    repeatable,
    with_valid_as_test,
    write_corpus,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


def train(request: TrialRequest, **listener: object) -> tuple[TrialResult, list[EpochReport]]:
    heard = Listener(**listener)
    return AwdLstm().train(request, heard), heard.reports


def kill_and_resume(request: TrialRequest, *, killed_at: int) -> tuple[TrialResult, list[EpochReport]]:
    with pytest.raises(RuntimeError, match="killed"):
        train(request, fail_at=killed_at)
    random.seed(9), np.random.seed(9), torch.manual_seed(9)  # as another process would have it
    return train(request)


def test_learns(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_train=300)
    request = make_request(tmp_path / "trial", corpus=corpus, epochs=5)
    _, reports = train(request)
    assert reports[-1].metrics["accuracy"] > 0.8
    assert reports[-1].metrics["valid_loss"] < reports[0].metrics["valid_loss"]
    assert AwdLstm().test(request)["test_accuracy"] > 0.7


def test_measures_the_metric_of_the_study_and_tests_all(tmp_path: Path, corpus: Path) -> None:
    both = with_valid_as_test(corpus, tmp_path / "both")
    request = replace(make_request(tmp_path / "trial", corpus=both), metric="roc_auc", positive="class1")
    _, reports = train(request)
    plain = make_request(tmp_path / "plain", corpus=both)
    _, others = train(plain)
    assert all({"roc_auc", "f1"} <= set(report.metrics) for report in reports)
    measured = reports[-1].metrics
    tested = AwdLstm().test(request)
    assert [tested[f"test_{name}"] for name in ("roc_auc", "f1")] == [measured["roc_auc"], measured["f1"]]
    assert {f"test_{name}" for name in OTHERS} <= set(tested)
    less = [{name: value for name, value in metrics.items() if name not in OTHERS} for metrics in repeatable(reports)]
    assert less == repeatable(others)
    assert "test_f1" not in AwdLstm().test(plain)
    assert request.identity() != plain.identity()


@pytest.mark.parametrize("bidir", [False, True])
def test_balanced_weights_make_up_for_rare_classes_and_resume(tmp_path: Path, bidir: bool) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    labels = np.load(corpus / "train.labels.npy")
    labels[labels == 2] = np.where(np.arange((labels == 2).sum()) < 4, 2, 0)
    np.save(corpus / "train.labels.npy", labels)
    changes = {"corpus": corpus, "model": {"bidir": bidir}, "class_weights": ClassWeights.balanced}
    request = make_request(tmp_path / "undisturbed", **changes)
    _, undisturbed = train(request)
    killed = make_request(tmp_path / "killed", **changes)
    _, reports = kill_and_resume(killed, killed_at=2)
    assert repeatable(reports) == repeatable(undisturbed)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("undisturbed", "killed")]
    assert weights[0] == weights[1]
    plain = make_request(tmp_path / "plain", corpus=corpus, model={"bidir": bidir})
    assert repeatable(train(plain)[1]) != repeatable(undisturbed)
    assert request.identity() != plain.identity()
    assert "class_weights" not in str(plain.identity())

    training = module.ClassifierTraining(request)
    counts = np.bincount(labels)
    expected = torch.tensor(len(labels) / (3 * counts), dtype=torch.float32)
    logits, targets = torch.randn(30 * (1 + bidir), 3), torch.arange(30) % 3
    loss = torch.nn.functional.cross_entropy(logits, targets.repeat(1 + bidir), weight=expected)
    assert training.learner.loss_func(logits, targets) == loss
    assert (expected[torch.from_numpy(labels)].mean() - 1).abs() < 1e-6


def test_trains_as_fastai_does(tmp_path: Path, corpus: Path) -> None:
    """Without dropout, fastai's own learner, optimizer, callbacks and fit give the same losses."""
    from fastai.callback.core import TrainEvalCallback
    from fastai.data.core import DataLoaders
    from fastai.learner import AvgLoss, CastToTensor, Recorder
    from fastai.losses import CrossEntropyLossFlat
    from fastai.metrics import accuracy
    from fastai.optimizer import Adam
    from fastai.text.learner import TextLearner
    from fastai.text.models.awdlstm import awd_lstm_clas_split

    for schedule in (Schedule.one_cycle, Schedule.fine_tune):  # fastai has no slanted triangle
        request = make_request(
            tmp_path / schedule.value, corpus=corpus, schedule=schedule, model={"drop_mult": 0.0}, freeze_epochs=2
        )
        _, reports = train(request)
        trial = module.ClassifierTraining(request)
        trial.valid.generator = None
        loaders = DataLoaders(trial.train, trial.valid)
        loaders._device = torch.device("cpu")
        learner = TextLearner(
            loaders,
            trial.model,
            loss_func=CrossEntropyLossFlat(),
            opt_func=Adam,
            splitter=awd_lstm_clas_split,
            metrics=accuracy,
            wd=0.01,
            cbs=[TrainEvalCallback(), Recorder(train_metrics=False), CastToTensor()],
            default_cbs=False,
        )
        assert isinstance(learner.recorder.loss, AvgLoss)
        rows = []
        with learner.no_logging():
            if schedule is Schedule.one_cycle:
                learner.fit_one_cycle(3, 1e-2)
                rows += learner.recorder.values
            else:
                learner.freeze()
                learner.fit_one_cycle(2, slice(1e-2), pct_start=0.99)
                rows += learner.recorder.values
                learner.unfreeze()
                learner.fit_one_cycle(1, slice(5e-5, 5e-3), pct_start=0.3, div=5.0)
                rows += learner.recorder.values
        for report, (_, valid_loss, accuracy_) in zip(reports, rows, strict=True):
            assert report.metrics["valid_loss"] == pytest.approx(valid_loss, rel=2e-4)
            assert report.metrics["accuracy"] == pytest.approx(accuracy_, abs=0.031)  # one text of 33


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": Schedule.fine_tune, "freeze_epochs": 2},
        {"schedule": Schedule.slanted, "unfreeze": Unfreeze.gradual, "lr_decay": 2.6},
    ],
    ids=["fine_tune", "gradual"],
)
def test_fine_tuning_resumes_in_either_stage(
    tmp_path: Path, corpus: Path, killed_at: int, changes: dict[str, object]
) -> None:
    changes = {**changes, "epochs": 4}
    _, undisturbed = train(make_request(tmp_path / "undisturbed", corpus=corpus, **changes))
    request = make_request(tmp_path / "killed", corpus=corpus, **changes)
    result, reports = kill_and_resume(request, killed_at=killed_at)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert repeatable(reports) == repeatable(undisturbed)
    assert result.n_epochs == 4
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("undisturbed", "killed")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("schedule", [Schedule.one_cycle, Schedule.fine_tune])
def test_pausing_at_any_batch_changes_no_bit(tmp_path: Path, corpus: Path, schedule: Schedule) -> None:
    changes = {"schedule": schedule, "epochs": 3, "freeze_epochs": 1}
    request = make_request(tmp_path / "undisturbed", corpus=corpus, **changes)
    _, undisturbed = train(request)
    n_batches = PauseAfter(10**6)
    AwdLstm().train(make_request(tmp_path / "counted", corpus=corpus, **changes), Listener(), n_batches)
    for after in range(1, n_batches.n_asked, 4):
        request = make_request(tmp_path / f"{after}", corpus=corpus, **changes)
        assert AwdLstm().train(request, Listener(), PauseAfter(after)).paused
        random.seed(9), np.random.seed(9), torch.manual_seed(9)  # as another process would have it
        _, reports = train(request)
        assert repeatable(reports) == repeatable(undisturbed)
        weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("undisturbed", f"{after}")]
        assert weights[0] == weights[1], f"paused after {after} batches"


def test_a_pause_does_not_wait_for_the_validation(tmp_path: Path, corpus: Path) -> None:
    request, listener = make_request(tmp_path, corpus=corpus), Listener()
    n_train_batches = len(module.ClassifierTraining(request).train)
    assert AwdLstm().train(request, listener, PauseAfter(n_train_batches + 2)).paused
    assert listener.epochs == []
    checkpoint, _ = read_checkpoint(request)
    assert checkpoint is not None
    assert (checkpoint.epoch, checkpoint.n_batches) == (0, n_train_batches)


def test_a_kill_after_a_pause_costs_no_more_than_the_pause_saved(tmp_path: Path, corpus: Path) -> None:
    """The checkpoint in the middle of an epoch is damaged: the one at its beginning is used."""
    request = make_request(tmp_path / "trial", corpus=corpus)
    _, undisturbed = train(make_request(tmp_path / "undisturbed", corpus=corpus))
    n_batches = PauseAfter(10**6)
    AwdLstm().train(make_request(tmp_path / "counted", corpus=corpus), Listener(), n_batches)
    AwdLstm().train(request, Listener(), PauseAfter(n_batches.n_asked // 2))
    newest = sorted((tmp_path / "trial" / "checkpoints").glob("*.safetensors"))[-1]
    assert "_" in newest.name
    newest.write_bytes(newest.read_bytes()[:-1])
    result, reports = train(request)
    assert repeatable(reports) == repeatable(undisturbed)
    assert newest.name in result.facts["checkpoint_warning"]


def test_frozen_epochs_train_the_head_only(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path, corpus=corpus, schedule=Schedule.fine_tune, epochs=2, freeze_epochs=2)
    trial = module.ClassifierTraining(request)
    before = {name: param.clone() for name, param in trial.model.named_parameters()}
    trial.fit(trial.monitor(Listener(), never, []), None)
    moved = {name for name, param in trial.model.named_parameters() if not torch.equal(param, before[name])}
    assert moved == {name for name in before if name.startswith("1.")}


def test_stopping_in_the_first_fit_leaves_out_the_second(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path, corpus=corpus, schedule=Schedule.fine_tune, epochs=4, freeze_epochs=2)
    result, reports = train(request, stop_at=1)
    assert [report.epoch for report in reports] == [1]
    assert (result.n_epochs, result.stopped) == (1, True)


def test_other_processes_and_an_odd_past_change_nothing(tmp_path: Path, corpus: Path) -> None:
    _, here = train(make_request(tmp_path / "here", corpus=corpus))
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r});"
        "from pathlib import Path; from tests.support.trial_requests import *; import json, random, torch;"
        "from hpo.trainers.awd_lstm.trainer import AwdLstm;"
        "random.random(), torch.rand(3); listener = Listener();"
        f"AwdLstm().train(make_request(Path({str(tmp_path / 'there')!r}), corpus={str(corpus)!r}), listener);"
        "print(json.dumps(repeatable(listener.reports)))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == repeatable(here)


@pytest.mark.parametrize("precision", list(Precision))
def test_a_cpu_computes_in_fp32_and_says_so(tmp_path: Path, corpus: Path, precision: Precision) -> None:
    result, _ = train(make_request(tmp_path, corpus=corpus, precision=precision, epochs=1))
    assert result.facts["precision"] == "fp32"


@pytest.mark.filterwarnings("ignore:.*CUDA is not available", "ignore:torch.cuda.amp.GradScaler", "ignore:.*autocast")
@pytest.mark.parametrize("precision", [Precision.bf16, Precision.fp16])
def test_mixed_precision_fits_in(
    tmp_path: Path, corpus: Path, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU fastai's mixed precision computes in fp32: its events run, the numbers stay."""
    _, expected = train(make_request(tmp_path / "fp32", corpus=corpus))
    monkeypatch.setattr("hpo.trainers.awd_lstm.learner.effective_precision", lambda _request: precision)
    _, reports = train(make_request(tmp_path / "mixed", corpus=corpus))
    assert repeatable(reports) == repeatable(expected)


def test_no_dropout_at_all(tmp_path: Path, corpus: Path) -> None:
    result, _ = train(make_request(tmp_path, corpus=corpus, model={"drop_mult": 0.0}, epochs=2))
    assert result.n_epochs == 2


def test_describes_the_weights_it_leaves(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path, corpus=corpus, model={"n_hid": 20, "emb_sz": None}, epochs=1)
    result, _ = train(request)
    described = json.loads((tmp_path / "model.json").read_text())
    architecture = described["architecture"]
    assert (architecture["emb_sz"], architecture["n_classes"], architecture["n_vocab"]) == (10, 3, 60)
    assert result.facts["n_params"] == str(described["n_params"])
    n_params = sum(param.numel() for param in module.load_weights(request.folder)[0].parameters())
    assert described["n_params"] == n_params


def test_tests_on_the_test_part_what_validation_would_say(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path / "trial", corpus=corpus)
    _, reports = train(request)
    swapped = with_valid_as_test(corpus, tmp_path / "swapped")
    metrics = AwdLstm().test(replace(request, corpus=str(swapped)))
    assert metrics["test_loss"] == pytest.approx(reports[-1].metrics["valid_loss"])
    assert metrics["test_accuracy"] == reports[-1].metrics["accuracy"]
    assert metrics["n_test"] == len(open_corpus(corpus).valid)


def test_refuses_weights_that_are_not_its_own(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path, corpus=corpus, epochs=1)
    train(request)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"????")
    with pytest.raises(ValueError, match="does not match its hash"):
        AwdLstm().test(request)


def test_a_slanted_triangle_rises_for_a_tenth_and_falls(tmp_path: Path, corpus: Path) -> None:
    """Howard & Ruder, 2018, equation 3: cut_frac 0.1, ratio 32."""
    from hpo.trainers.awd_lstm.learner import run_fit
    from hpo.trainers.awd_lstm.network.fastai import Callback

    class Rates(Callback):  # type: ignore[misc]  # fastai is untyped
        order, start_epoch = 70, 0

        def after_batch(self) -> None:
            rates.append([hyper["lr"] for hyper in self.learn.opt.hypers])

    rates: list[list[float]] = []
    request = make_request(tmp_path, corpus=corpus, schedule=Schedule.slanted, epochs=5, lr=0.032, lr_decay=2.0)
    training = module.ClassifierTraining(request)
    run_fit(training.learner, training.plan()[0], Rates())  # type: ignore[arg-type]
    head = [each[-1] for each in rates]
    peak = head.index(max(head))
    assert peak == pytest.approx(len(head) / 10, abs=1)
    assert head[0] == pytest.approx(0.001)
    assert head[peak] == pytest.approx(0.032, rel=0.1)
    falls = [a - b for a, b in zip(head[peak:-1], head[peak + 1 :], strict=True)]
    assert falls == [pytest.approx(falls[0])] * len(falls)
    assert head[-1] < 0.002
    assert [rate / head[peak] for rate in rates[peak]] == [pytest.approx(2.0**-n) for n in (3, 2, 1, 0)]
