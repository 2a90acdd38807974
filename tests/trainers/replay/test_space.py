"""The space of a table, and what a study takes over from one: epochs, hash, metric, tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.space.read import read_space
from hpo.study.fingerprint import fingerprint
from hpo.study.plan import Plan
from tests.support.curve_tables import make_columns, write_table
from tests.support.studies import compose_config, plan_study, run_study


def make(folder: Path, *overrides: str, columns: dict[str, Any] | None = None, **card: Any) -> Plan:
    path = write_table(folder / "curves.parquet", columns, **card)
    return plan_study("experiment=replay", f"trainer.path={path}", *overrides)


def test_the_space_is_what_was_recorded(tmp_path: Path) -> None:
    space, rates = make(tmp_path).space, make_columns()["rate"]
    assert space.distributions() == {
        "rate": FloatDistribution(min(rates), max(rates), log=True),
        "size": IntDistribution(32, 128),
        "kind": CategoricalDistribution(("a", "b")),
    }
    assert len(space.candidates) == 24


def test_the_card_may_widen_a_range_and_free_the_proposals(workdir: Path) -> None:
    params = {"rate": {"log": True, "low": 1e-6, "high": 1}, "size": {}, "kind": {}}
    space = make(workdir, params=params, matching="nearest").space
    assert space.distributions()["rate"] == FloatDistribution(1e-6, 1, log=True)
    assert space.candidates == ()
    report = run_study(
        "experiment=replay", f"trainer.path={workdir}/curves.parquet", "study.n_trials=20", "storage=memory"
    )
    recorded = {tuple(params) for params in zip(*(make_columns()[n] for n in ("rate", "size", "kind")), strict=True)}
    assert not recorded & {tuple(trial.params.values()) for trial in report.trials}
    assert all(float(trial.facts["matched"]) > 0 for trial in report.trials)
    assert report.study.tags["mapping"] == "every proposal takes the curve of the nearest of 24 recorded configurations"


def test_epochs_follow_from_the_longest_curve_unless_they_are_a_param(workdir: Path) -> None:
    assert make(workdir).config.train.epochs == 5
    columns = make_columns() | {"train.epochs": [1 + i % 5 for i in range(24)]}
    columns["loss"] = [curve[:n] for curve, n in zip(columns["loss"], columns["train.epochs"], strict=True)]
    planned = make(workdir, columns=columns, params={"rate": {}, "train.epochs": {"type": "int"}})
    assert planned.space.max_of("train.epochs", 0) == 5
    report = run_study("experiment=replay", f"trainer.path={workdir}/curves.parquet", "study.n_trials=24")
    assert all(trial.n_epochs == trial.params["train.epochs"] for trial in report.trials)
    assert {trial.state for trial in report.trials} == {"COMPLETE"}


def test_what_is_recorded_is_in_the_record(tmp_path: Path) -> None:
    planned = make(tmp_path, "sampler=random")
    assert planned.name == "curves-table-random-none-s0"
    assert planned.experiment == "curves"
    assert planned.tags["n_configurations"] == "24"
    assert planned.tags["mapping"].startswith("random visits the 24")
    assert planned.config.study.test
    assert not make(tmp_path, test=None).config.study.test


def test_a_moved_table_is_the_same_a_changed_one_another(tmp_path: Path) -> None:
    def found(planned: Plan) -> dict[str, str]:
        return fingerprint(planned.config, planned.space, "", n_workers=1)

    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    first, moved = make(tmp_path / "a"), make(tmp_path / "b", "model.n_hid=7", "train.batch_size=3")
    assert found(first) == found(moved)
    assert found(first) != found(make(tmp_path / "c", columns=make_columns(25)))
    assert found(first) != found(make(tmp_path / "a", first=1))


def test_a_table_of_our_own_params_sets_them(tmp_path: Path) -> None:
    columns = make_columns() | {"train.lr": make_columns()["rate"]}
    assert make(tmp_path, columns=columns, params={"train.lr": {"log": True}, "size": {}}).space.params
    columns["train.lr"] = [f"rate {i}" for i in range(24)]
    with pytest.raises(ValueError, match=r"train\.lr='rate 0' is not a number"):
        make(tmp_path, columns=columns, params={"train.lr": {}, "size": {}})


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["space=awd_lstm_small"], "not space=awd_lstm_small; choose space=table"),
        (["+space.train={lr: {type: float, low: 0.1, high: 0.2}}"], "takes its params from the table"),
        (["study.metric=accuracy"], r"study\.metric=accuracy is not in the table curves, which has valid_loss"),
        (["trainer.sha256=0"], "is not the table it was"),
        (["trainer.path=none.parquet"], r"trainer\.path=.*none\.parquet cannot be read"),
        (["trainer.card=none.yaml"], "There is no card"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, overrides: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make(tmp_path, *overrides)


def test_a_metric_of_the_other_direction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"study\.metric=valid_loss is to minimize, but the card .* maximize"):
        make(tmp_path, direction="maximize")


def test_a_grid_needs_a_finite_list(tmp_path: Path) -> None:
    columns = make_columns(40)
    with pytest.raises(ValueError, match="sampler=grid finds more than 32 values of rate"):
        make(tmp_path, "sampler=grid", columns=columns, matching="nearest")
    assert make(tmp_path, "sampler=grid", columns=make_columns(12), matching="nearest").space.cells()


def test_the_tables_space_needs_its_trainer() -> None:
    with pytest.raises(ValueError, match=r"space=table is the space of recorded curves; choose trainer=replay"):
        plan_study("space=table", "trainer=synthetic")
    with pytest.raises(ValueError, match="space is empty"):
        read_space(compose_config("space=table")[0])
