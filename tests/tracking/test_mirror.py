"""The live mirror and its rebuild over a real MLflow in a SQLite file."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import FloatDistribution

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, StudyRecord, TrialRecord
from hpo.tracking.client import open_client, prepare_import
from hpo.tracking.mirror import Mirror
from tests.support import ROOT
from tests.support.mlflow_contents import make_encoder, make_study, make_trial, make_trials, new_db, shown

SPACE = {"docs-tpe-1": {"train.lr": FloatDistribution(1e-4, 0.1, log=True)}}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.tracking.mirror.REFRESH_S", 0.2)
    prepare_import()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return new_db(tmp_path)


@pytest.fixture
def other_uri(tmp_path: Path) -> str:
    return new_db(tmp_path / "other")


def run_live(mirror: Mirror, study: StudyRecord, trials: list[TrialRecord]) -> None:
    """Tells the mirror what a driver tells it: asked, every epoch, ended."""
    mirror.study(study)
    for trial in trials:
        for n_epochs in range(trial.n_epochs + 1):
            mirror.trial(study, at_epoch(trial, n_epochs))
        mirror.trial(study, trial)


def at_epoch(trial: TrialRecord, n_epochs: int) -> TrialRecord:
    return replace(
        trial,
        state=RUNNING,
        epochs=trial.epochs[:n_epochs],
        value=None,
        ended_ms=None,
        reason=None,
        error=None,
        facts={},
    )


def wait_for(condition: Any, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_every_trial_is_shown_with_its_state(tmp_path: Path, uri: str) -> None:
    study, trials = make_study(tmp_path), make_trials()
    mirror = Mirror(uri, SPACE)
    run_live(mirror, study, trials)
    mirror.finish(replace(study, test={"test_accuracy": 0.4}), trials, tmp_path)
    assert mirror.close(60) == 0

    runs = shown(uri)
    assert len(runs) == 5
    parent = runs[study.uid]
    assert (parent["name"], parent["status"]) == (study.name, "FINISHED")
    assert parent["tags"]["best.train.lr"] == repr(trials[3].params["train.lr"])
    assert set(parent["metrics"]) == {"best_accuracy"}  # a metric of one point would be a chart of one point
    assert [value for _, _, value in parent["metrics"]["best_accuracy"]] == [0.5, 0.5, 0.5, 0.53]
    assert (parent["tags"]["test.accuracy"], parent["tags"]["hpo.state"]) == ("0.4", "finished")
    assert parent["tags"]["mlflow.loggedArtifacts"] == '[{"path": "test.json", "type": "table"}]'
    assert parent["params"] == {"sampler": "tpe", "pruner": "none", "data": "docs", "seed": "1", "train.epochs": "3"}
    assert (parent["inputs"][0]["name"], parent["inputs"][0]["digest"]) == ("docs", "9a" * 4)
    assert {"config.yaml", "space.yaml", "trials.csv", "plots/slice.html"} <= set(parent["artifacts"])

    children = [runs[f"{study.uid}/{number}"] for number in range(4)]
    assert [child["status"] for child in children] == ["FINISHED", "KILLED", "FAILED", "FINISHED"]
    assert [child["tags"]["hpo.state"] for child in children] == [COMPLETE, PRUNED, FAIL, COMPLETE]
    assert all(child["tags"]["sampler"] == "tpe" for child in children)
    assert all(child["tags"]["mlflow.parentRunId"] == study.uid for child in children)
    assert float(children[0]["params"]["train.lr"]) == trials[0].params["train.lr"]
    assert len(children[0]["metrics"]["accuracy"]) == 3
    assert children[0]["metrics"]["duration_s"][0][2] == 5.0
    assert "loss is not finite" in children[2]["artifacts"]["error.txt"]
    assert children[2]["tags"]["hpo.error"] == "RuntimeError: loss is not finite"
    assert "value" not in children[2]["metrics"]


def test_rebuild_equals_what_was_written_live(tmp_path: Path, uri: str, other_uri: str) -> None:
    study, trials = make_study(tmp_path), make_trials()
    mirror = Mirror(uri, SPACE)
    run_live(mirror, study, trials)
    wait_for(lambda: not mirror._queue.left())  # so that all but the ending is written live
    mirror.finish(study, trials, tmp_path)
    assert mirror.close(60) == 0

    assert Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 0
    assert Mirror(other_uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 5
    assert Mirror(other_uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 0
    assert shown(other_uri) == shown(uri)


def test_a_continued_study_keeps_its_runs(tmp_path: Path, uri: str, other_uri: str) -> None:
    study, trials = make_study(tmp_path), make_trials()
    cut = [*trials[:2], at_epoch(trials[2], 1)]
    first = Mirror(uri, SPACE)
    run_live(first, study, trials[:2])
    first.trial(study, cut[2])
    first.finish(study, cut, tmp_path, is_finished=False)
    assert first.close(60) == 0
    interrupted = shown(uri)
    for uid in (study.uid, f"{study.uid}/2"):
        assert (interrupted[uid]["status"], interrupted[uid]["tags"]["hpo.state"]) == ("SCHEDULED", "interrupted")

    second = Mirror(uri, SPACE)
    second.study(study)
    adopted = replace(at_epoch(trials[2], 2), attempt=2)
    second.trial(study, adopted)
    wait_for(lambda: shown(uri)[f"{study.uid}/2"]["status"] == "RUNNING")
    resumed = shown(uri)
    assert resumed[study.uid]["status"] == "RUNNING"
    assert resumed[f"{study.uid}/2"]["tags"]["hpo.state"] == RUNNING
    trials[2] = replace(trials[2], attempt=2)
    second.trial(study, trials[2])
    second.trial(study, trials[3])
    second.finish(study, trials, tmp_path)
    assert second.close(60) == 0

    Mirror(other_uri, SPACE).sync(study, trials, tmp_path, is_finished=True)
    assert shown(uri) == shown(other_uri)


def showing(uri: str, study: StudyRecord, trial: TrialRecord) -> Mirror:
    """Returns the mirror of a driver at work, its study and a trial of it in MLflow."""
    mirror = Mirror(uri, SPACE)
    mirror.study(study)
    mirror.trial(study, trial)
    wait_for(lambda: not mirror._queue.left())
    return mirror


def test_a_run_that_an_earlier_version_named_otherwise_is_renamed(tmp_path: Path, uri: str) -> None:
    study, trials = make_study(tmp_path), make_trials()
    Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True)
    client = open_client(uri)
    (run,) = [run for run in client.search_runs(["1"]) if run.info.run_name == study.name]
    client.update_run(run.info.run_id, name="an older name")
    client.set_tag(run.info.run_id, "hpo.digest", "an older one")
    assert Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 1
    assert shown(uri)[study.uid]["name"] == study.name


def test_sync_closes_what_a_dead_driver_left_running(tmp_path: Path, uri: str) -> None:
    study, trial = make_study(tmp_path), make_trial(0)
    mirror = showing(uri, study, at_epoch(trial, 2))
    assert {run["status"] for run in shown(uri).values()} == {"RUNNING"}
    mirror.close(0)

    assert Mirror(uri, SPACE).sync(study, [trial], tmp_path, is_finished=True) == 2
    assert {run["status"] for run in shown(uri).values()} == {"FINISHED"}


def test_a_trial_that_was_closed_while_it_ran_is_not_said_to_be_interrupted_for_ever(tmp_path: Path, uri: str) -> None:
    study, trial = make_study(tmp_path), make_trial(0)
    driver = showing(uri, study, at_epoch(trial, 1))
    Mirror(uri, SPACE).sync(study, [at_epoch(trial, 1)], tmp_path, is_finished=False)
    driver.trial(study, trial)
    driver.finish(study, [trial], tmp_path)
    assert driver.close(60) == 0

    assert Mirror(uri, SPACE).sync(study, [trial], tmp_path, is_finished=True) in (0, 1)
    run = shown(uri)[f"{study.uid}/0"]
    assert (run["status"], run["tags"].get("hpo.reason"), run["tags"]["hpo.state"]) == ("FINISHED", None, COMPLETE)
    assert Mirror(uri, SPACE).sync(study, [trial], tmp_path, is_finished=True) == 0


class Killed(BaseException):
    """Ends everything, as SIGKILL does."""


@pytest.mark.parametrize("method", ["log_inputs", "log_artifacts", "log_batch", "set_terminated"])
def test_a_driver_killed_anywhere_leaves_no_doubles(
    tmp_path: Path, uri: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    study, trials = make_study(tmp_path), make_trials()[:1]
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, method, lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True)
    Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True)
    assert [run["status"] for run in shown(uri).values()] == ["FINISHED", "FINISHED"]


def test_doubles_of_a_late_server_are_removed(tmp_path: Path, uri: str) -> None:
    study, trials = make_study(tmp_path), make_trials()
    Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True)
    client = open_client(uri)
    experiment_id = client.get_experiment_by_name(study.experiment).experiment_id
    client.create_run(experiment_id, tags={"hpo.study_uid": study.uid, "hpo.trial_uid": f"{study.uid}/1"})
    Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True)
    assert len(shown(uri)) == 5


def test_what_mlflow_refuses_is_set_aside_and_the_rest_goes_on(
    tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    create_run = MlflowClient.create_run

    def refuse_one(self: Any, experiment_id: str, **run: Any) -> Any:
        if run["run_name"] == "trial 001":
            raise MlflowException.invalid_parameter_value("no such thing")
        return create_run(self, experiment_id, **run)

    monkeypatch.setattr(MlflowClient, "create_run", refuse_one)
    study, trials = make_study(tmp_path), make_trials()
    mirror = Mirror(uri, SPACE)
    run_live(mirror, study, trials)
    mirror.finish(study, trials, tmp_path)
    assert mirror.close(60) == 1
    assert len(shown(uri)) == 4
    lines = (tmp_path / "mlflow-refused.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert "trial 001" in lines[0]
    assert "no such thing" in lines[0]
    (warning,) = [message for message in caplog.messages if "refuses trial 001" in message]
    assert f"see {tmp_path}/mlflow-refused.jsonl" in warning

    monkeypatch.undo()
    assert Mirror(uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 1
    assert len(shown(uri)) == 5
    assert not (tmp_path / "mlflow-refused.jsonl").exists()


def test_an_absent_server_costs_the_study_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mirror = Mirror(f"http://me:CANARY@127.0.0.1:{free.getsockname()[1]}", SPACE)
        study, trials = make_study(tmp_path), make_trials()
        started_s = time.monotonic()
        run_live(mirror, study, trials)
        mirror.finish(study, trials, tmp_path)
        assert time.monotonic() - started_s < 1
        assert mirror.close(3) == 5
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "CANARY" not in caplog.text
    assert "***" in warnings[0].getMessage()


@pytest.fixture
def silent_uri() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.parametrize(("request_timeout_s", "flush_timeout_s", "longest_s"), [(60, 1, 2.5), (1, 60, 10)])
def test_the_wait_at_the_end_is_bounded(
    tmp_path: Path,
    silent_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    request_timeout_s: int,
    flush_timeout_s: int,
    longest_s: float,
) -> None:
    """By the time that was set; and once it is known that nobody answers, by `AWAY_S`."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", str(request_timeout_s))
    monkeypatch.setattr("hpo.tracking.mirror.AWAY_S", 2.0)
    mirror = Mirror(silent_uri, SPACE)
    mirror.finish(make_study(tmp_path), make_trials(), tmp_path)
    began_s = time.monotonic()
    assert mirror.close(flush_timeout_s) == 5
    assert time.monotonic() - began_s < longest_s


def test_trials_of_earlier_drivers_count_as_missing_unless_mlflow_showed_them(
    tmp_path: Path, uri: str, silent_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    study, trials = make_study(tmp_path), make_trials()
    unknown = Mirror(silent_uri, SPACE)
    unknown.finish(study, trials, tmp_path)
    assert unknown.close(0) == 5

    Mirror(uri, SPACE).sync(study, trials[:3], tmp_path, is_finished=False)
    known = Mirror(uri, SPACE)
    known.study(study)
    wait_for(lambda: not known._queue.left())
    monkeypatch.setattr(MlflowClient, "log_batch", lambda *_, **__: (_ for _ in ()).throw(OSError("away")))
    known.trial(study, trials[3])
    known.finish(study, trials, tmp_path)
    assert known.close(1) == 2  # the study and its newest trial


@pytest.mark.slow
def test_two_processes_may_use_a_new_file_at_once_and_print_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from tests.support import mlflow_contents as shown;"
        "from hpo.tracking.mirror import Mirror;"
        "folder = pathlib.Path(sys.argv[1]); study = shown.make_study(folder, uid=sys.argv[2]);"
        "trials = shown.make_trials()[:2]; mirror = Mirror('sqlite:///mlflow.db', {}); mirror.study(study);"
        "[mirror.trial(study, trial) for trial in trials]; mirror.finish(study, trials, folder);"
        "sys.exit(mirror.close(120))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    drivers = [
        subprocess.Popen(
            [*command, uid], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for uid in ("a" * 32, "b" * 32)
    ]
    outputs = [driver.communicate(timeout=120)[0] for driver in drivers]
    assert outputs == ["", ""]
    assert [driver.returncode for driver in drivers] == [0, 0]
    assert len(shown(f"sqlite:///{tmp_path}/mlflow.db")) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlartifacts", "mlflow.db"]


def test_an_encoder_that_grows_is_one_run_without_a_parent(tmp_path: Path, uri: str) -> None:
    done = make_encoder(tmp_path)
    running = replace(done, epochs=done.epochs[:1], ended_ms=None, state=RUNNING)
    for records in ([running, done], [done]):  # the second command finds it there
        mirror = Mirror(uri, {})
        for record in records:
            mirror.encoder(record)
            time.sleep(0.3)
        assert mirror.close(60) == 0
    client = open_client(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("docs tests").experiment_id])
    assert (run.info.run_name, run.info.status) == (done.name, "FINISHED")
    assert [point.value for point in client.get_metric_history(run.info.run_id, "perplexity")] == [100.0, 50.0]
    assert run.data.params == {"model.n_hid": "8", "encoder.epochs": "2"}
    assert run.data.tags["hpo.role"] == "encoder"
    assert "mlflow.parentRunId" not in run.data.tags


def test_an_encoder_that_failed_says_why(tmp_path: Path, uri: str) -> None:
    mirror = Mirror(uri, {})
    mirror.encoder(make_encoder(tmp_path, state=FAIL, error="diverged"))
    assert mirror.close(60) == 0
    client = open_client(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("docs tests").experiment_id])
    assert run.info.status == "FAILED"
    assert [artifact.path for artifact in client.list_artifacts(run.info.run_id)] == ["error.txt"]


def test_an_import_of_mlflow_says_nothing_of_packages_that_lack() -> None:
    """Whatever another thread does with the filters of warnings meanwhile: requests' own may be gone by then."""
    code = (
        "import sys, warnings; from hpo.tracking.client import prepare_import; sys.modules['socks'] = None\n"
        "prepare_import()\n"
        "with warnings.catch_warnings():\n    import requests\n"  # its filter goes with the block
        "sys.modules.pop('urllib3.contrib.socks', None)\n"
        "try:\n    import urllib3.contrib.socks\nexcept ImportError:\n    print('lacks')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("lacks\n", "")
