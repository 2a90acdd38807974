"""A user's function as a trainer: listened to, stopped, killed and gone on with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hpo.artifacts.folders import FILES
from hpo.contracts.trainer import Decision, EpochReport, Reason, TrialRequest, TrialResult
from hpo.trainers.function.find import Call, give_call
from hpo.trainers.function.options import FunctionConfig
from hpo.trainers.function.trainer import Function
from tests.support.functions import MODULE
from tests.support.trial_requests import Listener, make_request

Build = Callable[..., tuple[Function, TrialRequest]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds the trainer of a function of the support module, and a request for it."""

    def build_function(name: str, folder: str = "trial", **changes: object) -> tuple[Function, TrialRequest]:
        settings = FunctionConfig(call=name if ":" in name else f"{MODULE}:{name}", path="", metric="auc")
        request = make_request(tmp_path / folder, trainer=settings, arguments={"lr": 0.5}, **changes)
        return Function(settings.call, path="", metric="auc"), request

    return build_function


def train(build: Build, name: str, listener: Listener | None = None, **changes: object) -> TrialResult:
    function, request = build(name, **changes)
    return function.train(request, listener or Listener())


@pytest.mark.parametrize("name", ["steps", "walk", "calls_back"])
def test_every_epoch_is_reported_with_its_seconds(build: Build, name: str) -> None:
    listener = Listener()
    result = train(build, name, listener)
    assert (result.n_epochs, result.stopped, result.reason) == (3, False, None)
    assert listener.epochs == [1, 2, 3]
    assert all(report.metrics["seconds"] >= 0 and "auc" in report.metrics for report in listener.reports)


@pytest.mark.parametrize("name", ["steps", "walk", "calls_back", "swallows"])
def test_it_stops_when_told_even_if_the_function_does_not_care(build: Build, name: str) -> None:
    listener = Listener(stop_at=2)
    result = train(build, name, listener)
    assert (result.n_epochs, result.stopped, listener.epochs) == (2, True, [1, 2])


class Killed(BaseException):
    pass


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_killed_walk_goes_on_from_the_epoch_that_was_told(build: Build, killed_at: int) -> None:
    undisturbed, again = Listener(), Listener()
    train(build, "walk", undisturbed, folder="undisturbed", epochs=4)
    function, request = build("walk", epochs=4)

    def kill(report: EpochReport) -> Decision:
        if report.epoch == killed_at:
            raise Killed
        return Decision.CONTINUE

    with pytest.raises(Killed):
        function.train(request, kill)
    (Path(request.folder) / FILES).mkdir(exist_ok=True)  # what a killed process leaves, half written
    (Path(request.folder) / FILES / "walk.json").write_text("[")
    result = function.train(request, again)
    assert [r.metrics["auc"] for r in again.reports] == [r.metrics["auc"] for r in undisturbed.reports]
    assert result.facts["resumed_from"] == str(killed_at)


def test_a_function_that_cannot_resume_begins_again(build: Build) -> None:
    function, request = build("steps")
    first, second = Listener(stop_at=2), Listener()
    function.train(request, first)
    result = function.train(request, second)
    assert second.epochs == [1, 2, 3]
    assert result.facts["resumed_from"] == "0"


def test_a_pause_leaves_a_checkpoint_behind(build: Build) -> None:
    function, request = build("walk")
    paused = function.train(request, Listener(), lambda: True)
    assert (paused.n_epochs, paused.paused) == (1, True)
    listener = Listener()
    result = function.train(request, listener)
    assert (result.n_epochs, listener.epochs, result.facts["resumed_from"]) == (3, [1, 2, 3], "1")


def test_what_it_left_in_its_folder_is_there_for_the_test(build: Build, tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    def left(lr: float, folder: Path, epochs: int):  # type: ignore[no-untyped-def]
        (folder / "weights.npy").write_bytes(b"1234")
        for _ in range(epochs):
            yield {"auc": np.float32(lr)}

    def test(folder: Path, lr: float, seed: int) -> dict[str, object]:
        seen.update(content=(folder / "weights.npy").read_bytes(), seed=seed)
        return {"auc": np.float64(lr), "test_n": 7}

    give_call(Call("__main__:left", left, test))
    function, request = build("__main__:left")
    assert function.train(request, Listener()).reason is None
    assert function.test(request) == {"test_auc": 0.5, "test_n": 7.0}
    assert seen == {"content": b"1234", "seed": request.seed}
    assert not (Path(request.folder) / FILES).exists()


def test_nothing_trained_is_nothing_to_test(build: Build) -> None:
    function, request = build("steps")
    with pytest.raises(FileNotFoundError):
        function.test(request)


FAULTS = {
    "is_silent": "is_silent ended without an epoch: it has to yield a dict of metrics after every epoch, or take",
    "lists": "Epoch 1 of .*:lists is \\[0.5\\]; it must be a dict of metrics, as in {'accuracy': 0.9}.",
    "words": "Epoch 1 of .*:words: auc='high' is no number; report one, as in float\\(auc\\).",
    "skips": "skips reports epoch 3 after 0; report every epoch.",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_function_is_one_sentence(build: Build, name: str) -> None:
    result = train(build, name)
    assert result.reason is Reason.ERROR
    assert result.error is not None
    assert "\n" not in result.error
    assert re.search(FAULTS[name], result.error)


def test_a_metric_that_no_trial_will_report_is_an_obstacle(build: Build) -> None:
    result = train(build, "lacks_the_metric")
    assert result.paused
    assert "has no auc; it has accuracy, loss: report auc, or give study.metric=NAME." in result.obstacle
    late = train(build, "loses_the_metric")
    assert (late.n_epochs, late.reason) == (1, Reason.ERROR)
    assert "Epoch 2 of" in str(late.error)


def test_its_own_errors_pass(build: Build) -> None:
    with pytest.raises(ZeroDivisionError, match="as a user's code does"):
        train(build, "breaks")


def test_a_function_that_exits_fails_its_trial_alone(build: Build) -> None:
    with pytest.raises(RuntimeError, match=r"exits called sys.exit\(3\), which ends no trial: return instead"):
        train(build, "exits")


def test_a_metric_that_is_not_finite_is_divergence_and_others_are_left_out(build: Build) -> None:
    listener = Listener()
    result = train(build, "ends_in_nan", listener)
    assert (result.reason, result.n_epochs) == (Reason.DIVERGED, 1)
    assert set(listener.reports[0].metrics) == {"auc", "seconds"}
    assert all(math.isfinite(value) for value in listener.reports[0].metrics.values())


def test_a_worker_that_cannot_import_the_module_waits_instead_of_failing(build: Build) -> None:
    result = train(build, "no_such_module_anywhere:train")
    assert (result.paused, result.reason) == (True, None)
    assert "no_such_module_anywhere cannot be imported" in result.obstacle
