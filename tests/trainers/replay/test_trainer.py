"""The replaying trainer: recorded epochs in their order, tests of every trial, divergence where it was recorded."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.contracts.records import CONTINUED, TEST_VALUE, UNREPORTED_S
from hpo.contracts.trainer import Reason, TrialRequest
from hpo.trainers.replay.trainer import MATCHED, Replay, ReplayConfig
from tests.support.curve_tables import make_columns, write_table
from tests.support.trial_requests import Listener, make_request

ROW = 3


def make(folder: Path, columns: dict[str, list[Any]] | None = None, *, epochs: int = 5, **card: Any) -> TrialRequest:
    """Returns a request for the configuration in row 3."""
    columns = columns or make_columns()
    path = write_table(folder / "curves.parquet", columns, **card)
    trainer = ReplayConfig(path=str(path), metric="valid_loss")
    request = make_request(folder / "trial", trainer=trainer, epochs=epochs)
    return replace(request, params={name: columns[name][ROW] for name in ("rate", "size", "kind")})


def test_the_recorded_epochs_are_reported_in_their_order(tmp_path: Path) -> None:
    columns, listener = make_columns(), Listener()
    result = Replay().train(make(tmp_path), listener)
    assert listener.epochs == [1, 2, 3, 4, 5]
    assert [report.metrics["valid_loss"] for report in listener.reports] == columns["loss"][ROW]
    assert [report.metrics["seconds"] for report in listener.reports] == columns["seconds"][ROW]
    assert all(type(value) is float for report in listener.reports for value in report.metrics.values())
    assert (result.n_epochs, result.stopped, result.reason) == (5, False, None)
    assert {"device", "precision", "threads", "n_params", "resumed_from"} <= set(result.facts)
    assert result.facts[MATCHED] == "exact"
    assert pickle.loads(pickle.dumps(result)) == result


def test_a_trial_knows_its_test_value_wherever_it_ends(tmp_path: Path) -> None:
    test = make_columns()["test"][ROW]
    request = make(tmp_path)
    assert Replay().train(request, Listener()).facts[TEST_VALUE] == repr(test[4])
    stopped = Replay().train(request, Listener(stop_at=2))
    assert (stopped.n_epochs, stopped.stopped, stopped.facts[TEST_VALUE]) == (2, True, repr(test[1]))
    assert Replay().test(request) == {"test_loss": test[4]}
    assert TEST_VALUE not in Replay().train(make(tmp_path, test=None), Listener()).facts


def test_the_fidelity_shortens_a_curve_and_never_lengthens_it(tmp_path: Path) -> None:
    request = make(tmp_path, epochs=2)
    assert Replay().train(request, Listener()).n_epochs == 2
    assert Replay().test(request) == {"test_loss": make_columns()["test"][ROW][1]}
    long = Replay().train(make(tmp_path, epochs=99), Listener())
    assert (long.n_epochs, long.stopped, long.reason) == (5, False, None)


def test_a_stopped_trial_knows_what_it_would_have_come_to(tmp_path: Path) -> None:
    columns, request = make_columns(), make(tmp_path)
    for stop_at in (1, 4, 5):
        stopped = Replay().train(request, Listener(stop_at=stop_at))
        assert stopped.facts[CONTINUED] == repr(columns["loss"][ROW][4])
    shorter = Replay().train(make(tmp_path, epochs=3), Listener(stop_at=1))
    assert shorter.facts[CONTINUED] == repr(columns["loss"][ROW][2])
    assert CONTINUED not in Replay().train(request, Listener()).facts
    columns["loss"][ROW][3] = math.nan
    assert Replay().train(make(tmp_path, columns), Listener(stop_at=2)).facts[CONTINUED] == "diverged"
    assert CONTINUED not in Replay().train(make(tmp_path, columns), Listener()).facts
    short = Replay().train(make(tmp_path, columns, epochs=3), Listener(stop_at=2))
    assert short.facts[CONTINUED] == repr(columns["loss"][ROW][2])  # its end is before the divergence


@pytest.mark.parametrize("strange", [math.nan, None, math.inf])
def test_a_recorded_divergence_ends_the_trial_there(tmp_path: Path, strange: float | None) -> None:
    columns, listener = make_columns(), Listener()
    columns["loss"][ROW][2] = strange
    result = Replay().train(make(tmp_path, columns), listener)
    assert listener.epochs == [1, 2]
    assert (result.n_epochs, result.reason, result.stopped) == (2, Reason.DIVERGED, False)
    assert "Epoch 3" in str(result.error)
    assert float(result.facts[UNREPORTED_S]) == columns["seconds"][ROW][2]
    assert TEST_VALUE not in result.facts
    before = Replay().train(make(tmp_path, columns), Listener(stop_at=2))
    assert (before.stopped, before.reason) == (True, None)


def test_a_curve_that_never_was_finite_diverges_in_its_first_epoch(tmp_path: Path) -> None:
    columns = make_columns()
    columns["loss"][ROW] = [math.nan]
    columns["seconds"][ROW] = [math.nan]
    result = Replay().train(make(tmp_path, columns), Listener())
    assert (result.n_epochs, result.reason, result.facts[UNREPORTED_S]) == (0, Reason.DIVERGED, "0.0")


def test_the_nearest_configuration_says_how_far_it_is(tmp_path: Path) -> None:
    request = make(tmp_path, matching="nearest")
    moved = replace(request, params={**request.params, "rate": float(str(request.params["rate"])) * 1.01})
    result = Replay().train(moved, Listener())
    assert result.facts["row"] == str(ROW)
    assert 0 < float(result.facts[MATCHED]) < 0.01
    with pytest.raises(ValueError, match="no configuration with"):
        Replay().train(replace(make(tmp_path, matching="exact"), params=moved.params), Listener())


def test_every_epoch_is_reported_again_after_a_kill(tmp_path: Path) -> None:
    request, listener = make(tmp_path), Listener()
    with pytest.raises(RuntimeError, match="killed"):
        Replay().train(request, Listener(fail_at=3))
    Replay().train(replace(request, attempt=2), listener)
    assert listener.epochs == [1, 2, 3, 4, 5]


def test_the_trials_seed_chooses_among_recorded_ones(tmp_path: Path) -> None:
    columns = {name: [column[ROW]] * 5 for name, column in make_columns().items()}
    columns["loss"] = [[float(row)] for row in range(5)]
    columns["rng"] = list(range(5))
    request = make(tmp_path, columns, seed="rng", seconds=None, test=None)
    rows = [Replay().train(replace(request, seed=seed), Listener()).facts["row"] for seed in (4, 0, 13)]
    assert rows == ["4", "0", "3"]
