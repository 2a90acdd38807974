"""Holds what MLflow shows of a study against the record."""

from __future__ import annotations

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, TrialRecord
from hpo.study.session import Report
from hpo.tracking.client import open_client, resolve_uri

STATUS = {COMPLETE: "FINISHED", PRUNED: "KILLED", FAIL: "FAILED"}


URI = "sqlite:///mlflow.db"


def compare_with_mlflow(report: Report) -> None:
    """Asserts that MLflow holds every trial of the record once, with equal params, states and curves."""
    client = open_client(resolve_uri(URI))
    experiment = client.get_experiment_by_name(report.study.experiment)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], f"tags.`hpo.study_uid` = '{report.study.uid}'")
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert [parent.data.tags["hpo.study"] for parent in parents] == [report.study.name]
    assert parents[0].info.status == "FINISHED"
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parents[0].info.run_id}
    by_number = {int(child.data.tags["hpo.trial"]): child for child in children}
    assert sorted(by_number) == [trial.number for trial in report.trials]
    assert len(children) == len(report.trials)
    for trial in report.trials:
        child = by_number[trial.number]
        assert child.info.status == STATUS[trial.state]
        assert child.data.params == {path: str(value) for path, value in trial.params.items()}
        for name in ("valid_loss", "accuracy", "macro_f1"):
            assert curve(client.get_metric_history(child.info.run_id, name)) == record_curve(trial, name)


def curve(points: list) -> list[tuple[int, float, int]]:  # type: ignore[type-arg]  # mlflow is untyped
    return [(point.step, point.value, point.timestamp) for point in points]


def record_curve(trial: TrialRecord, name: str) -> list[tuple[int, float, int]]:
    return [(epoch.epoch, epoch.metrics[name], epoch.ended_ms) for epoch in trial.epochs]
