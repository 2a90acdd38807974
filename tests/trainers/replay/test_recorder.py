"""Tables made of trials: which of them, with which columns, described by which card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.contracts.records import EpochRecord, StudyRecord, TrialRecord
from hpo.trainers.replay.recorder import Recording, Source, record_curves, write_recording
from hpo.trainers.replay.table import CurveTable, read_table

SPACE: dict[str, BaseDistribution] = {"train.lr": FloatDistribution(1e-3, 1e-1, log=True)}


def make_study(**config: Any) -> StudyRecord:
    settings = {"model": {"n_hid": 64}, "train": {"lr": 0.5, "batch_size": 8}, **config}
    return StudyRecord("s", "u", "e", "accuracy", "maximize", {}, settings, {}, {}, "f", 0)


def make_trial(
    number: int, lr: float | None, losses: list[float], *, state: str = "COMPLETE", **changes: Any
) -> TrialRecord:
    epochs = tuple(
        EpochRecord(i + 1, {"valid_loss": loss, "accuracy": 1 - loss, "seconds": 2.0}, 2000 * (i + 1))
        for i, loss in enumerate(losses)
    )
    params: Mapping[str, Any] = {} if lr is None else {"train.lr": lr}
    fields: dict[str, Any] = {
        "value": None, "seed": number, "attempt": 1, "started_ms": 0, "ended_ms": 2000 * len(losses) + 500,
        "reason": None, "error": None, "facts": {},
    }  # fmt: skip
    return TrialRecord(number=number, state=state, params=params, epochs=epochs, **{**fields, **changes})


def record(*trials: TrialRecord, space: dict[str, BaseDistribution] | None = None) -> Recording:
    return record_curves([Source(make_study(), trials, space or SPACE, {})])


def write(recording: Recording, folder: Path) -> CurveTable:
    write_recording(recording, folder / "curves.parquet", title="A test.")
    return read_table(str(folder / "curves.parquet"))


def test_complete_and_diverged_trials_are_recorded_and_the_others_counted(tmp_path: Path) -> None:
    recording = record(
        make_trial(0, 0.01, [0.5, 0.4]),
        make_trial(1, 0.02, [0.6], state="PRUNED"),
        make_trial(2, 0.03, [0.7], state="FAIL", reason="diverged"),
        make_trial(3, 0.04, [], state="FAIL", reason="oom"),
        make_trial(4, 0.05, [], state="RUNNING"),
        make_trial(0, 0.01, [0.5, 0.4]),
    )
    assert recording.left_out == {"pruned": 1, "failed (oom)": 1, "running": 1, "double": 1}
    assert recording.columns["valid_loss"][0] == [0.5, 0.4]
    assert recording.columns["valid_loss"][1][0] == 0.7
    assert math.isnan(recording.columns["valid_loss"][1][1])
    assert recording.columns["seconds"] == [[2.0, 2.0], [2.0, 0.5]]
    table = write(recording, tmp_path)
    assert [table.curve(i, seed=0).n_finite for i in range(2)] == [2, 1]


def test_several_seeds_of_one_configuration_stand_beside_each_other(tmp_path: Path) -> None:
    recording = record(make_trial(0, 0.01, [0.5]), make_trial(1, 0.01, [0.4]), make_trial(2, 0.02, [0.3]))
    assert (recording.n_rows, recording.n_configurations) == (3, 2)
    table = write(recording, tmp_path)
    assert [table.curve(0, seed=seed).metrics["valid_loss"][0] for seed in (0, 1)] == [0.5, 0.4]


def test_settings_in_which_studies_differ_become_params() -> None:
    wide: dict[str, BaseDistribution] = {
        "train.lr": FloatDistribution(1e-4, 1e-2, log=True),
        "model.n_hid": IntDistribution(8, 96),
    }
    wider = make_trial(0, None, [0.2])
    sources = [
        Source(make_study(), [make_trial(0, 0.05, [0.5])], SPACE, {}),
        Source(make_study(train={"lr": 0.5, "batch_size": 16}), [make_trial(1, 0.05, [0.4])], SPACE, {}),
        Source(make_study(), [make_trial(2, 0.005, [0.3]), wider], wide, {}),
    ]
    recording = record_curves(sources)
    assert recording.columns["train.batch_size"] == [8, 16, 8, 8]
    assert recording.columns["model.n_hid"] == [64, 64, 64, 64]  # that of the configuration where it was not searched
    assert recording.columns["train.lr"] == [0.05, 0.05, 0.005, 0.5]
    assert recording.card["params"] == {
        "model.n_hid": {"type": "int", "low": 8, "high": 96},
        "train.batch_size": {"type": "int", "low": 8, "high": 16},
        "train.lr": {"type": "float", "low": 1e-4, "high": 0.5, "log": True},
    }


def test_choices_are_kept_with_those_never_tried(tmp_path: Path) -> None:
    space: dict[str, BaseDistribution] = {"model.emb_sz": CategoricalDistribution([None, 4, 8])}
    recording = record_curves([Source(make_study(model={"emb_sz": 4}), [make_trial(0, None, [0.5])], space, {})])
    assert recording.card["params"]["model.emb_sz"] == {"type": "categorical", "choices": [None, 4, 8]}
    assert write(recording, tmp_path).axes[0].choices == (None, 4, 8)


def test_tests_are_recorded_where_they_are_known(tmp_path: Path) -> None:
    trials = [make_trial(0, 0.01, [0.5]), make_trial(1, 0.02, [0.4])]
    recording = record_curves([Source(make_study(), trials, SPACE, {1: {"test_accuracy": 0.7, "n_test": 9.0}})])
    table = write(recording, tmp_path)
    assert table.card.test == {"test_accuracy": "test_accuracy"}
    assert [table.curve(i, seed=0).test_after(1) for i in range(2)] == [{}, {"test_accuracy": 0.7}]


def test_without_a_complete_trial_there_is_nothing_to_record() -> None:
    with pytest.raises(ValueError, match=r"no trial was completed \(1 pruned\)"):
        record(make_trial(0, 0.01, [0.5], state="PRUNED"))
    with pytest.raises(ValueError, match=r"no trial was completed \(none was begun\)"):
        record()


def test_params_with_the_name_of_a_column_are_refused() -> None:
    with pytest.raises(ValueError, match="the params seed have the names of columns"):
        record(make_trial(0, 0.1, [0.5]), space={"seed": IntDistribution(0, 9)})
