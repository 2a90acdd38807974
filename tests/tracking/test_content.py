"""What a run shows, derived from records without any MLflow."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hpo.contracts.records import FAIL, PRUNED, RUNNING, EpochRecord
from hpo.tracking.client import artifact_location, resolve_uri
from hpo.tracking.content import legal_tags, to_text
from hpo.tracking.study import ended_study_content, run_name, study_content, trials_csv
from hpo.tracking.trial import trial_content
from tests.support.mlflow_contents import make_study, make_trial, make_trials

STUDY = make_study(Path("studies/x"))


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.booleans(), st.none()))
def test_a_param_reads_back_as_the_same_value(value: object) -> None:
    assert yaml.safe_load(to_text(value)) == value or float(to_text(value)) == value


def test_a_trial_s_config_has_its_params_and_not_the_budget() -> None:
    config = yaml.safe_load(trial_content(STUDY, make_trial(1), is_live=True).texts["config.yaml"])
    assert config["train"] == {"lr": make_trial(1).params["train.lr"], "epochs": 3}
    assert config["study"] == {"name": None, "metric": "accuracy"}
    assert "tracking" not in config
    assert STUDY.config["train"] == {"lr": 0.01, "epochs": 3}


def test_a_larger_budget_does_not_touch_finished_trials() -> None:
    larger = replace(STUDY, config={**STUDY.config, "study": {"n_trials": 99, "metric": "accuracy", "name": None}})
    before, after = (trial_content(study, make_trial(0), is_live=True) for study in (STUDY, larger))
    assert before.digest == after.digest
    assert study_content(STUDY).params == study_content(larger).params


def test_nonfinite_numbers_are_named_not_shown() -> None:
    trial = make_trial(0, FAIL, epochs=(EpochRecord(1, {"valid_loss": math.inf, "accuracy": 0.5}, 7),))
    content = trial_content(STUDY, trial, is_live=True)
    assert {point.key for point in content.metrics} == {"accuracy", "duration_s"}
    assert content.tags["nonfinite"] == "true"


def test_digest_changes_with_anything_shown() -> None:
    trial = make_trial(0)
    digests = {
        trial_content(STUDY, changed, is_live=True).digest
        for changed in (
            trial,
            replace(trial, value=0.1),
            replace(trial, state=PRUNED),
            replace(trial, attempt=2),
            replace(trial, epochs=trial.epochs[:1]),
            replace(trial, facts={"device": "cuda"}),
        )
    }
    assert len(digests) == 6


def test_a_finished_trial_shows_the_same_whoever_writes_it() -> None:
    for trial in make_trials():
        assert trial_content(STUDY, trial, is_live=True) == trial_content(STUDY, trial, is_live=False)


def test_an_open_trial_has_no_end_while_a_driver_lives() -> None:
    trial = make_trial(0, RUNNING)
    assert trial_content(STUDY, trial, is_live=True).end_ms is None
    closed = trial_content(STUDY, trial, is_live=False)
    assert (closed.status, closed.end_ms) == ("SCHEDULED", trial.epochs[-1].ended_ms)


def test_best_value_is_the_best_so_far_in_the_order_of_ending() -> None:
    late = replace(make_trial(0, value=0.9), ended_ms=1_700_000_900_000)
    content = ended_study_content(STUDY, [late, make_trial(1, value=0.2), make_trial(2, value=0.1)], is_finished=True)
    assert [(point.step, point.value) for point in content.metrics] == [(1, 0.2), (2, 0.2), (3, 0.9)]
    assert content.tags["best.trial"] == "0"


def test_a_study_without_trials_or_data_can_be_shown() -> None:
    content = ended_study_content(replace(STUDY, corpus={}), [], is_finished=False)
    assert (content.status, content.end_ms, content.corpus) == ("SCHEDULED", STUDY.created_ms, {})
    assert "0 trials" in content.tags["mlflow.note.content"]


def named(name: str, *, asked: str | None = None, experiment: str = "smoke", **tags: str) -> str:
    config = {**STUDY.config, "study": {"name": asked}}
    return run_name(replace(STUDY, name=name, experiment=experiment, tags={"seed": "0", **tags}, config=config))


def test_the_beginnings_of_run_names_tell_studies_apart() -> None:
    """MLflow's list shows some fifteen characters of a name."""
    shown = [
        named("smoke-random-awd_lstm_small-none-s0"),
        named("smoke-awd_lstm_small-tpe-none-s0"),
        named("smoke-s1-awd_lstm_small-tpe-none"),
        named("smoke-x-confirm", role="confirmation", confirms="smoke-random-awd_lstm_small-none-s0"),
        named("smoke-x-audit", role="audit", audits="smoke-random-awd_lstm_small-none-s0"),
        *(named("any", strategy=strategy, seed=seed, task="smoke") for strategy in ("tpe", "random") for seed in "01"),
        named("any", strategy="tpe", task="smoke", role="confirmation"),
        named("any", strategy="tpe", task="imdb"),
    ]
    assert shown[:5] == [
        "random-awd_lstm_small-none-s0",
        "awd_lstm_small-tpe-none-s0",
        "s1-awd_lstm_small-tpe-none",
        "confirm random-awd_lstm_small-none-s0",
        "audit random-awd_lstm_small-none-s0",
    ]
    assert shown[5:] == ["tpe s0", "tpe s1", "random s0", "random s1", "tpe s0 confirm", "tpe s0 imdb"]
    assert len({name[:15] for name in shown}) == len(shown)


def test_a_name_that_somebody_chose_is_left_as_it_is() -> None:
    assert named("smoke-1", asked="smoke-1") == "smoke-1"


def test_the_test_is_one_table_beside_tags() -> None:
    test = {"trial": 3.0, "test_accuracy": 0.75, "test_loss": math.inf, "test_baseline_accuracy": 0.8}
    content = ended_study_content(replace(STUDY, test=test), make_trials(), is_finished=True)
    assert json.loads(content.texts["test.json"]) == {
        "columns": ["metric", "best trial", "linear model"],
        "data": [["accuracy", 0.75, 0.8], ["loss", None, None], ["trial", 3.0, None]],
    }
    assert content.tags["test.accuracy"] == "0.75"
    assert not [point for point in content.metrics if "test" in point.key]


def test_csv_has_a_column_for_every_param_any_trial_has() -> None:
    trials = [make_trial(0), make_trial(1, params={"model.n_hid": 64})]
    header, first, second = trials_csv(trials).splitlines()
    assert header.endswith(",model.n_hid,train.lr")
    assert first.endswith(f",,{trials[0].params['train.lr']}")
    assert second.endswith(",64,")


def test_over_long_texts_are_cut_visibly_and_keys_made_legal() -> None:
    tags = legal_tags({"a@b": "x" * 9000})
    assert len(tags["a_b"]) == 8000
    assert tags["a_b"].endswith("…")
    content = study_content(replace(STUDY, config={"data": {"path": "y" * 7000}}))
    assert "data.path" not in content.params
    assert "y" * 7000 in content.texts["config.yaml"]


@pytest.mark.parametrize(
    "uri",
    ["mlruns", "file:///tmp/mlruns", "./x", "", "redis://h", "sqlite://", "sqlite:///:memory:", "sqlite://mlflow.db"],
)
def test_an_impossible_uri_is_refused_in_a_sentence(uri: str) -> None:
    with pytest.raises(ValueError, match=r"tracking\.uri=.*sqlite:///mlflow\.db"):
        resolve_uri(uri)


@pytest.mark.parametrize(
    "uri", ["http://", "http://[", "http://h:99999", "http://h:x", "http://a b", "https://u:p[w@h", "http://h\n"]
)
def test_what_is_no_address_is_refused_and_keeps_its_password(uri: str) -> None:
    with pytest.raises(ValueError, match=r"tracking\.uri=.* is no address") as error:
        resolve_uri(uri)
    assert "p[w" not in str(error.value)


def test_addresses_are_left_as_they_are() -> None:
    for uri in (
        "http://h",
        "https://u:p%40w@h:1/path",
        "postgresql:///db",
        "postgresql://u@h:1/db",
        "http://[::1]:5000",
    ):
        assert resolve_uri(uri) == uri


def test_a_relative_file_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_uri("sqlite:///mlflow.db") == f"sqlite:///{tmp_path}/mlflow.db"
    assert resolve_uri("sqlite:////data/mlflow.db") == "sqlite:////data/mlflow.db"
    assert resolve_uri("http://h:5000") == "http://h:5000"


def test_artifacts_lie_beside_the_file_or_where_the_server_says() -> None:
    assert artifact_location("sqlite:////data/mlflow.db", "a/b ü") == "file:///data/mlartifacts/a_b%20%C3%BC-df2cd2d5a3"
    assert artifact_location("http://h:5000", "a") is None


def test_the_duration_of_a_trial_leaves_out_the_night_in_which_nobody_drove_it() -> None:
    night_ms = 8 * 3_600_000
    trial = make_trial(0, n_epochs=0)
    late = replace(trial, ended_ms=trial.ended_ms + night_ms, began_ms=trial.started_ms + night_ms)
    assert trial.duration_s == late.duration_s == late.seconds == 5.0
    timed = EpochRecord(1, {"valid_loss": 0.1, "accuracy": 0.5, "seconds": 2.5}, trial.started_ms + night_ms)
    assert replace(late, epochs=(timed, replace(timed, epoch=2))).duration_s == 5.0
    assert replace(trial, ended_ms=None).duration_s == 0.0
