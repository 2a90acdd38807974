"""The trainer on a GPU. Run where there is one; nothing here is imitated on a CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hpo.config.training import Precision, Schedule
from hpo.contracts.trainer import Reason, TrialRequest
from hpo.trainers.awd_lstm.trainer import AwdLstm
from tests.support.trial_requests import Listener, make_request, write_corpus

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small", n_train=300)


def make(folder: Path, corpus: Path, **changes: object) -> TrialRequest:
    return make_request(folder, corpus=corpus, device="cuda", **changes)


@pytest.mark.parametrize("precision", list(Precision))
def test_learns_and_tests(tmp_path: Path, corpus: Path, precision: Precision) -> None:
    request = make(tmp_path, corpus, precision=precision, epochs=5)
    listener = Listener()
    result = AwdLstm().train(request, listener)
    assert (result.n_epochs, result.reason) == (5, None)
    assert result.facts["precision"] == precision.value
    assert result.facts["device_name"] == torch.cuda.get_device_name()
    assert listener.reports[-1].metrics["accuracy"] > 0.8
    assert 0 < listener.reports[-1].metrics["peak_mb"] < 1000
    assert AwdLstm().test(request)["test_accuracy"] > 0.7


@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("schedule", list(Schedule))
def test_a_killed_trial_goes_on(tmp_path: Path, corpus: Path, schedule: Schedule, precision: Precision) -> None:
    changes = {"schedule": schedule, "precision": precision, "epochs": 4, "freeze_epochs": 2}
    undisturbed, resumed = Listener(), Listener()
    AwdLstm().train(make(tmp_path / "undisturbed", corpus, **changes), undisturbed)
    with pytest.raises(RuntimeError, match="killed"):
        AwdLstm().train(make(tmp_path / "killed", corpus, **changes), Listener(fail_at=3))
    AwdLstm().train(make(tmp_path / "killed", corpus, **changes), resumed)
    assert resumed.epochs == [3, 4]
    for report, expected in zip(resumed.reports, undisturbed.reports[2:], strict=True):
        assert report.metrics["valid_loss"] == pytest.approx(expected.metrics["valid_loss"], rel=0.05)


def test_lack_of_memory_is_a_result_and_leaves_none_behind(tmp_path: Path, corpus: Path) -> None:
    total_bytes = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(200 * 2**20 / total_bytes)
    try:
        huge = make(tmp_path / "huge", corpus, model={"n_hid": 3000}, precision=Precision.fp16)
        assert AwdLstm().train(huge, Listener()).reason is Reason.OOM
        assert not torch.is_autocast_enabled("cuda")
        assert torch.cuda.memory_allocated() < 100 * 2**20
        assert AwdLstm().train(make(tmp_path / "small", corpus), Listener()).reason is None
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
