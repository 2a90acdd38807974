"""How an AWD-LSTM trial may end, and what it leaves behind."""

from __future__ import annotations

import gc
import math
import weakref
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

import hpo.trainers.awd_lstm.trainer as module
from hpo.config.training import Schedule
from hpo.contracts.trainer import EpochReport, Reason, TrialRequest, TrialResult
from hpo.trainers.awd_lstm.options import AwdLstmConfig
from hpo.trainers.awd_lstm.trainer import AwdLstm
from tests.support.trial_requests import Listener, make_request, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


def train(request: TrialRequest, **listener: object) -> tuple[TrialResult, list[EpochReport]]:
    heard = Listener(**listener)
    return AwdLstm().train(request, heard), heard.reports


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 21.0])
def test_diverging_losses_end_the_trial_at_once(
    tmp_path: Path, corpus: Path, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, n_calls = module.score, 0

    def score(*args: object, **options: object) -> object:
        nonlocal n_calls
        n_calls += 1
        scores = real(*args, **options)  # type: ignore[arg-type]
        return replace(scores, loss=bad) if n_calls == 2 else scores

    monkeypatch.setattr(module, "score", score)
    result, reports = train(make_request(tmp_path, corpus=corpus))
    assert result.reason is Reason.DIVERGED
    assert "Epoch 2: the validation loss" in str(result.error)
    assert [report.epoch for report in reports] == [1]
    assert result.n_epochs == 1


def test_a_loss_that_is_not_a_number_ends_the_trial_within_the_epoch(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, n_seen = module.build_classifier, 0

    def build(*args: object) -> torch.nn.Module:
        model = real(*args)  # type: ignore[arg-type]

        def spoil(_module: object, _ids: object, output: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            nonlocal n_seen
            n_seen += 1
            return (output[0] * (math.nan if n_seen == 3 else 1), *output[1:])

        model.register_forward_hook(spoil)
        return model

    monkeypatch.setattr(module, "build_classifier", build)
    result, reports = train(make_request(tmp_path, corpus=corpus))
    assert result.reason is Reason.DIVERGED
    assert "Epoch 1: the training loss is not finite" in str(result.error)
    assert (reports, n_seen) == ([], 3)


def test_the_divergence_threshold_is_a_setting(tmp_path: Path, corpus: Path) -> None:
    result, _ = train(make_request(tmp_path, corpus=corpus, trainer=AwdLstmConfig(divergence_loss=0.5)))
    assert result.reason is Reason.DIVERGED
    assert "trainer.divergence_loss=0.5" in str(result.error)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_lack_of_memory_is_a_result(
    tmp_path: Path, corpus: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, n_calls = module.score, 0

    def score(*args: object, **options: object) -> object:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            raise error
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "score", score)
    result, reports = train(make_request(tmp_path, corpus=corpus))
    assert result.reason is Reason.OOM
    assert "Epoch 2" in str(result.error)
    assert (result.n_epochs, len(reports)) == (1, 1)
    assert {"n_params", "device"} <= set(result.facts)


def test_a_network_beyond_all_memory_is_a_result(tmp_path: Path, corpus: Path) -> None:
    result, _ = train(make_request(tmp_path, corpus=corpus, model={"n_hid": 2_000_000}))  # 64 TB of weights
    assert result.reason is Reason.OOM


def test_other_errors_are_raised(tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no prepared corpus"):
        train(make_request(tmp_path, corpus=tmp_path / "nothing"))
    with pytest.raises(RuntimeError, match="killed"):
        train(make_request(tmp_path, corpus=corpus), fail_at=1)


@pytest.mark.parametrize("ending", ["complete", "stopped", "diverged", "raised"])
def test_a_trial_leaves_no_network_behind(
    tmp_path: Path, corpus: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, networks = module.build_classifier, []

    def build(*args: object) -> torch.nn.Module:
        model = real(*args)  # type: ignore[arg-type]
        networks.append(weakref.ref(model))
        return model

    monkeypatch.setattr(module, "build_classifier", build)
    request = make_request(tmp_path, corpus=corpus, epochs=2, lr=50.0 if ending == "diverged" else 1e-2)
    gc.collect()
    gc.disable()  # reference counts alone must do
    try:
        if ending == "raised":
            with pytest.raises(RuntimeError, match="killed"):
                train(request, fail_at=1)
        else:
            train(request, stop_at=1 if ending == "stopped" else None)
        assert [network() for network in networks] == [None]
    finally:
        gc.enable()


@pytest.mark.slow
def test_memory_does_not_grow_from_trial_to_trial(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_train=300, n_vocab=20_000)
    endings = [{}, {"lr": 50.0}, {"schedule": Schedule.fine_tune, "epochs": 2}]
    rss_mb = []
    for number in range(30):
        changes = {"model": {"n_hid": 200, "emb_sz": 100}, "batch_size": 32, "epochs": 1, **endings[number % 3]}
        train(make_request(tmp_path / f"{number}", corpus=corpus, seed=number, **changes))
        rss_mb.append(psutil.Process().memory_info().rss / 2**20)
    assert rss_mb[29] < 1.1 * rss_mb[4], rss_mb
