"""What every trainer promises, on each of them."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.artifacts.checkpoint import delete_checkpoints
from hpo.config.metric import OTHERS
from hpo.contracts.trainer import Reason, Trainer, TrialRequest
from hpo.trainers.awd_lstm.trainer import AwdLstm
from hpo.trainers.linear.options import LinearConfig
from hpo.trainers.linear.settings import Weighting
from hpo.trainers.linear.trainer import Linear
from hpo.trainers.synthetic import Synthetic, SyntheticConfig
from tests.support.trial_requests import CLOCKED, Listener, PauseAfter, make_request, repeatable, write_corpus

METRICS = {"train_loss", "valid_loss", "accuracy", "macro_f1", *CLOCKED}
Build = Callable[..., TrialRequest]
N_VALID_BATCHES = 5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


@pytest.fixture(params=[AwdLstm, Linear, Synthetic], ids=lambda trainer: trainer.__name__)
def trainer(request: pytest.FixtureRequest) -> Trainer:
    made: Trainer = request.param()
    return made


@pytest.fixture
def build(trainer: Trainer, corpus: Path, tmp_path: Path) -> Build:
    """Builds a request for the trainer under test; the first argument names the trial's folder."""

    def build_request(name: str = "trial", **changes: object) -> TrialRequest:
        if isinstance(trainer, Synthetic):
            changes.setdefault("trainer", SyntheticConfig(noise=0.01, epoch_s=0.001))
        if isinstance(trainer, Linear):
            changes.setdefault("trainer", LinearConfig(words=2, chars=3, min_df=1, weighting=Weighting.both, C=3.0))
        return make_request(tmp_path / name, corpus=corpus, **changes)

    return build_request


def test_reports_every_epoch_with_finite_metrics(trainer: Trainer, build: Build) -> None:
    listener = Listener()
    result = trainer.train(build(), listener)
    assert listener.epochs == [1, 2, 3]
    assert (result.n_epochs, result.stopped, result.reason, result.error) == (3, False, None, None)
    for report in listener.reports:
        assert set(report.metrics) == METRICS
        assert all(type(value) is float and math.isfinite(value) for value in report.metrics.values())


def test_says_what_was_really_used(trainer: Trainer, build: Build) -> None:
    facts = trainer.train(build(), Listener()).facts
    assert {"device", "precision", "threads", "n_params", "resumed_from"} <= set(facts)
    assert facts["resumed_from"] == "0"
    assert all(type(value) is str for value in facts.values())


def test_same_request_same_metrics(trainer: Trainer, build: Build) -> None:
    first, second, other = Listener(), Listener(), Listener()
    trainer.train(build("first"), first)
    trainer.train(build("other", seed=2), other)
    trainer.train(build("second"), second)
    assert repeatable(first.reports) == repeatable(second.reports)
    assert repeatable(first.reports) != repeatable(other.reports)


def test_stops_when_told(trainer: Trainer, build: Build) -> None:
    listener = Listener(stop_at=2)
    result = trainer.train(build(), listener)
    assert listener.epochs == [1, 2]
    assert (result.n_epochs, result.stopped, result.reason) == (2, True, None)


def test_a_killed_trial_goes_on_as_if_nothing_had_happened(trainer: Trainer, build: Build) -> None:
    undisturbed = Listener()
    trainer.train(build("undisturbed"), undisturbed)
    for killed_at in (1, 2, 3):
        before, after = Listener(fail_at=killed_at), Listener()
        with pytest.raises(RuntimeError, match="killed"):
            trainer.train(build(f"{killed_at}"), before)
        result = trainer.train(build(f"{killed_at}"), after)
        assert after.epochs == [1, 2, 3]  # whoever listens may have lost any of them
        assert repeatable(after.reports) == repeatable(undisturbed.reports)
        assert result.n_epochs == 3
        assert result.facts["resumed_from"] == str(killed_at)


def test_a_paused_trial_goes_on_from_the_very_batch(trainer: Trainer, build: Build) -> None:
    """Paused again and again, after ever more batches, in the middle of training and of validation."""
    undisturbed, whole = Listener(), PauseAfter(10**6)
    trainer.train(build("undisturbed"), undisturbed, whole)
    heard, pauses = Listener(), []
    for n_batches in range(1, 99):
        heard, pause = Listener(), PauseAfter(n_batches)
        result = trainer.train(build("paused"), heard, pause)
        pauses.append(pause)
        if not result.paused:
            break
        assert (result.reason, result.stopped) == (None, False)
    assert len(pauses) > 2
    assert repeatable(heard.reports) == repeatable(undisturbed.reports)
    # validation begins anew, training does not
    assert sum(pause.n_asked for pause in pauses) <= whole.n_asked + len(pauses) * N_VALID_BATCHES
    assert trainer.test(build("paused")) == trainer.test(build("undisturbed"))


def test_a_pause_leaves_a_checkpoint_newer_than_itself(trainer: Trainer, build: Build) -> None:
    request = build()
    assert trainer.train(request, Listener(), PauseAfter(2)).paused
    assert list(Path(request.folder).glob("checkpoints/*.safetensors"))


def test_a_stop_answered_to_the_repeated_report_counts(trainer: Trainer, build: Build) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        trainer.train(build(), Listener(fail_at=2))
    listener = Listener(stop_at=2)
    result = trainer.train(build(), listener)
    assert listener.epochs == [1, 2]
    assert (result.n_epochs, result.stopped) == (2, True)
    assert trainer.test(build())["n_test"] > 0


def test_a_finished_trial_is_not_trained_again(trainer: Trainer, build: Build) -> None:
    trainer.train(build(), Listener())
    listener = Listener()
    result = trainer.train(build(), listener)
    assert listener.epochs == [1, 2, 3]
    assert result.n_epochs == 3


def test_checkpoints_of_other_trials_are_not_used(trainer: Trainer, build: Build) -> None:
    trainer.train(build(), Listener())
    for other in (build(seed=2), build(lr=2e-2), replace(build(), params={"train.lr": 3e-2})):
        result = trainer.train(other, Listener())
        assert result.facts["resumed_from"] == "0"
        assert "other params, seed or settings" in result.facts["checkpoint_warning"]
        trainer.train(build(), Listener())


def test_another_attempt_elsewhere_uses_the_checkpoint(trainer: Trainer, build: Build) -> None:
    trainer.train(build(), Listener())
    assert trainer.train(replace(build(), attempt=2, number=7), Listener()).facts["resumed_from"] == "3"


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:200] + b"?" + data[201:], lambda _: b""])
def test_falls_back_from_damaged_checkpoints(trainer: Trainer, build: Build, damage: Callable[[bytes], bytes]) -> None:
    undisturbed = Listener()
    trainer.train(build("undisturbed"), undisturbed)
    request = build()
    trainer.train(request, Listener())
    files = sorted((Path(request.folder) / "checkpoints").glob("*.safetensors"))
    files[1].write_bytes(damage(files[1].read_bytes()))
    listener = Listener()
    result = trainer.train(request, listener)
    assert result.facts["resumed_from"] == "2"
    assert "does not match its hash" in result.facts["checkpoint_warning"]
    assert repeatable(listener.reports) == repeatable(undisturbed.reports)
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    listener = Listener()
    assert trainer.train(request, listener).facts["resumed_from"] == "0"
    assert repeatable(listener.reports) == repeatable(undisturbed.reports)


def test_a_far_too_high_learning_rate_diverges(trainer: Trainer, build: Build) -> None:
    if isinstance(trainer, Linear):
        pytest.skip("its problem is convex, and its solver has no rate")
    listener = Listener()
    result = trainer.train(build(lr=50.0), listener)
    assert result.reason is Reason.DIVERGED
    assert "Epoch 1" in str(result.error)
    assert "train.lr" in str(result.error)
    assert (listener.reports, result.n_epochs, result.stopped) == ([], 0, False)


def test_tests_what_it_trained(trainer: Trainer, build: Build) -> None:
    with pytest.raises(FileNotFoundError):
        trainer.test(build())
    trainer.train(build(), Listener())
    metrics = trainer.test(build())
    assert set(metrics) - {f"test_{name}" for name in OTHERS} == {
        "test_loss",
        "test_accuracy",
        "test_macro_f1",
        "n_test",
    }
    assert all(math.isfinite(value) for value in metrics.values())
    assert trainer.test(build()) == metrics
    assert (Path(build().folder) / "model.json").is_file()


def test_the_driver_can_delete_checkpoints(trainer: Trainer, build: Build) -> None:
    delete_checkpoints(build().folder)
    trainer.train(build(), Listener())
    delete_checkpoints(build().folder)
    assert not (Path(build().folder) / "checkpoints").exists()
    assert trainer.test(build())["n_test"] > 0


def test_exceptions_of_the_listener_arrive_unchanged(trainer: Trainer, build: Build) -> None:
    class Gone(Exception):
        pass

    error = Gone()  # without arguments: fastai would turn it into an IndexError
    with pytest.raises(Gone) as caught:
        trainer.train(build(), Listener(fail_at=2, error=error))
    assert caught.value is error


def test_results_travel_between_processes(trainer: Trainer, build: Build) -> None:
    result = trainer.train(build(), Listener())
    assert pickle.loads(pickle.dumps(result)) == result
