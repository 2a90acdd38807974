"""Runs in an MLflow where somebody was at work, that keeps artifacts elsewhere, or lies under a strange name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from hpo.contracts.records import StudyRecord
from hpo.tracking.client import artifact_location, open_client, sqlite_path, sqlite_uri
from hpo.tracking.mirror import Mirror
from hpo.tracking.writer import Ending, Writer
from tests.support.mlflow_contents import make_study, make_trials, new_db, shown

STRANGE = ("feature%2Fx", "a?b=c", "a#b", "a b", "é {x}", "100%")


def runs_of(uri: str, study: StudyRecord) -> list[Any]:
    client = open_client(uri)
    found = client.get_experiment_by_name(study.experiment)
    return list(client.search_runs([found.experiment_id]))


def run_of_study(uri: str, study: StudyRecord) -> Any:
    return next(run for run in runs_of(uri, study) if "mlflow.parentRunId" not in run.data.tags)


def sync(uri: str, study: StudyRecord, folder: Path) -> tuple[int, frozenset[str]]:
    mirror = Mirror(uri, {})
    return mirror.sync(study, make_trials(), folder, is_finished=True), mirror.refused


def test_a_run_of_a_study_deleted_by_hand_comes_back_above_those_of_its_trials(tmp_path: Path) -> None:
    uri, study = new_db(tmp_path), make_study(tmp_path / "studies")
    assert sync(uri, study, tmp_path) == (5, frozenset())
    before = shown(uri)
    open_client(uri).delete_run(run_of_study(uri, study).info.run_id)
    assert sync(uri, study, tmp_path) == (5, frozenset())
    assert shown(uri) == before
    assert sync(uri, study, tmp_path) == (0, frozenset())


def test_a_run_of_a_study_deleted_while_its_trials_run_comes_back_as_well(tmp_path: Path) -> None:
    uri, study, trials = new_db(tmp_path), make_study(tmp_path / "studies"), make_trials()
    writer = Writer(uri, {})
    writer.write_study(study)
    writer.write_trial(study, trials[0])
    open_client(uri).delete_run(run_of_study(uri, study).info.run_id)
    for trial in trials[1:]:
        writer.write_trial(study, trial)
    writer.write_ended(study, Ending(tuple(trials), tmp_path, is_finished=True))
    assert len(shown(uri)) == 5
    assert sync(uri, study, tmp_path) == (0, frozenset())


def test_artifacts_that_cannot_be_written_keep_nothing_else_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uri, study, wall = new_db(tmp_path), make_study(tmp_path / "studies"), tmp_path / "wall"
    wall.touch()  # no folder can be made below a file
    open_client(uri).create_experiment(study.experiment, artifact_location=(wall / "artifacts").as_uri())
    with caplog.at_level(logging.WARNING):
        assert len(sync(uri, study, tmp_path)[1]) == 5
    for run in runs_of(uri, study):
        assert run.data.params
        assert run.data.metrics
        assert run.info.status != "RUNNING"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert f"keeps artifacts at {(wall / 'artifacts').as_uri()}, which this machine cannot write to (NotADir" in told[0]
    assert told[0].endswith(
        "params, metrics and states are written; give it room, or yourself its permissions, then "
        "hpo sync brings the artifacts."
    )
    wall.unlink()
    assert sync(uri, study, tmp_path) == (5, frozenset())
    assert all("config.yaml" in run["artifacts"] for run in shown(uri).values())
    assert sync(uri, study, tmp_path) == (0, frozenset())


@pytest.mark.parametrize("folder", STRANGE)
def test_a_folder_may_be_called_anything(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    new_db(place)
    study = make_study(place / "studies")
    assert sync(sqlite_uri(place / "mlflow.db"), study, place) == (5, frozenset())
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert sorted(path.name for path in place.iterdir()) == ["mlartifacts", "mlflow.db"]
    assert all("config.yaml" in run["artifacts"] for run in shown(sqlite_uri(place / "mlflow.db")).values())


@pytest.mark.parametrize("name", ["..", ".", "客服工单分类" * 20, "a/b", "Ω" * 200, "x" * 400])
def test_an_experiment_may_be_called_anything(tmp_path: Path, name: str) -> None:
    uri, study = new_db(tmp_path / "work"), make_study(tmp_path / "work", experiment=name)
    assert sync(uri, study, tmp_path / "work") == (5, frozenset())
    assert len(shown(uri, name)) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert sum(path.name == "config.yaml" for path in (tmp_path / "work" / "mlartifacts").rglob("*")) == 5


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=500))
def test_any_path_is_what_its_address_leads_to(text: str) -> None:
    path = Path("/", text)
    assert sqlite_path(sqlite_uri(path)) == path
    assert make_url(sqlite_uri(path)).database == str(path)
    location = artifact_location(sqlite_uri(path / "x.db"), text)
    assert location is not None
    from mlflow.utils.file_utils import local_file_uri_to_path

    assert Path(local_file_uri_to_path(location)).parent == path / "mlartifacts"
