"""The mirror over HTTP: a real `mlflow server` that is killed, restarted and stopped in its tracks."""

from __future__ import annotations

import signal
import time
import urllib.request
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution

from hpo.tracking.client import open_client
from hpo.tracking.mirror import Mirror
from tests.chaos.server import MlflowServer
from tests.support.mlflow_contents import make_study, make_trial, new_db, shown

SPACE = {"train.lr": FloatDistribution(1e-4, 0.1, log=True)}


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_dies_and_returns(
    tmp_path: Path, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    study, trials = make_study(tmp_path), [make_trial(number) for number in range(12)]
    mirror = Mirror(server.uri, SPACE)
    mirror.study(study)
    longest_s = 0.0
    for trial in trials:
        started_s = time.monotonic()
        mirror.trial(study, trial)
        longest_s = max(longest_s, time.monotonic() - started_s)
        time.sleep(0.15)
        match trial.number:
            case 3:
                server.kill()
            case 6:
                server.start()
            case 8:
                server.send(signal.SIGSTOP)
                time.sleep(3)
                server.send(signal.SIGCONT)
    mirror.finish(study, trials, tmp_path)
    assert mirror.close(90) == 0
    assert longest_s < 0.5

    runs = shown(server.uri)
    assert len(runs) == 13
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    rebuilt = new_db(tmp_path / "rebuilt")
    assert Mirror(rebuilt, SPACE).sync(study, trials, tmp_path, is_finished=True) == 13
    assert shown(rebuilt) == runs
    assert Mirror(server.uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 0
    assert_a_server_shows_what_was_written_without_it(tmp_path, server)


def assert_a_server_shows_what_was_written_without_it(tmp_path: Path, server: MlflowServer) -> None:
    """The default way: studies write to the file, `mlflow ui` is started beside it now and then."""
    study, trial = make_study(tmp_path, experiment="a/b ü", uid="e1" * 16), make_trial(0)
    direct = Mirror(f"sqlite:///{tmp_path}/server/mlflow.db", SPACE)
    assert direct.sync(study, [trial], tmp_path, is_finished=True) == 2
    assert "train:" in shown(server.uri, "a/b ü")[f"{study.uid}/0"]["artifacts"]["config.yaml"]
    run = open_client(server.uri).search_runs(["2"], filter_string="tags.`hpo.trial` = '0'")[0]
    with urllib.request.urlopen(f"{server.uri}/get-artifact?path=config.yaml&run_uuid={run.info.run_id}") as page:
        assert b"train:" in page.read()
