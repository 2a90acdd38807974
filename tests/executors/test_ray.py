"""Ray itself: nodes that vanish, tokens, what its processes inherit, corpora on other nodes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpo.contracts.records import COMPLETE
from hpo.executors.options import RayConfig
from hpo.executors.ray_cluster import connect
from hpo.executors.ray_worker import pack
from hpo.machine.cache import DIGESTS
from hpo.machine.cores import n_cores
from tests.support.background_studies import Started, checkpoints, read, wait_for
from tests.support.executor_jobs import Reports, drain, make_config, make_job
from tests.support.ray_nodes import COMMAND, TwoNodes, run_while_a_node_is_lost
from tests.support.trial_requests import write_corpus

PASSWORD = "a-password-of-mlflow"


@pytest.fixture(scope="module")
def ray_started() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        before = signal.getsignal(signal.SIGTERM)
        cluster = connect("local")
        assert os.environ["MLFLOW_TRACKING_PASSWORD"] == PASSWORD
        assert signal.getsignal(signal.SIGTERM) is before
        yield
        cluster.close()
        assert signal.getsignal(signal.SIGTERM) is before


def build(*overrides: str) -> Any:
    config = make_config("ray", *overrides)
    return config.executor.build(config.trainer)


def test_no_process_of_ray_gets_a_password_and_strangers_need_a_token(ray_started: None, tmp_path: Path) -> None:
    pool = build()
    pool.submit(make_job(tmp_path))
    drain(pool, Reports(), 1)
    started = {child.name(): child.environ() for child in psutil.Process().children(recursive=True)}
    pool.close()
    for parent in ("raylet", "gcs_server"):  # of whatever Ray starts; others write their titles over their environment
        assert PASSWORD not in started[parent].values()
        assert len(started[parent]["RAY_AUTH_TOKEN"]) == 64
    assert "RAY_AUTH_TOKEN" not in os.environ


def test_a_killed_worker_leaves_the_terminal_alone(
    ray_started: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pool = build()

    class Killer(Reports):
        def __call__(self, key: Any, report: Any) -> Any:
            if report.epoch == 2:
                os.kill(pool._workers[0].pid, signal.SIGKILL)
            return super().__call__(key, report)

    pool.submit(make_job(tmp_path, epoch_s=0.05))
    (outcome,) = drain(pool, Killer(), 1)
    pool.wait(Reports(), timeout_s=2)  # what Ray has to say comes late
    pool.close()
    assert outcome.lost.startswith("Ray's worker process ")
    assert outcome.lost.endswith(" ended: The actor is dead because its worker process has died")
    assert capfd.readouterr() == ("", "")


def test_a_node_without_corpus_and_encoder_gets_them_from_the_store(ray_started: None, tmp_path: Path) -> None:
    import ray

    corpus, elsewhere = write_corpus(tmp_path / "corpus"), tmp_path / "elsewhere" / "corpus"
    pool, job = build(), make_job(tmp_path)
    encoder = elsewhere.with_name("encoder")
    pool._parcels |= {str(folder): ray.put(pack(corpus)) for folder in (elsewhere, encoder)}
    pool._parcels_of = lambda job: [pool._parcels[folder] for folder in job.request.prepared]
    for number in range(2):
        pool.submit(
            replace(job, request=replace(job.request, number=number, corpus=str(elsewhere), encoder=str(encoder)))
        )
        (outcome,) = drain(pool, Reports(), 1)
        assert outcome.result is not None
        assert outcome.result.reason is None
    pool.close()
    packed = [
        {name: content for name, content in pack(folder).items() if name != DIGESTS} for folder in (elsewhere, encoder)
    ]
    assert packed == [pack(corpus)] * 2
    assert [path.name for path in elsewhere.parent.iterdir() if path.name.startswith(".")] == []


def test_a_cluster_of_one_node_gets_no_copy_of_the_corpus(ray_started: None, tmp_path: Path) -> None:
    pool = build()
    assert pool._parcels_of(make_job(tmp_path)) == []
    pool.close()


NODES = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), 2),
        (("executor.gpus_per_trial=0.25",), 8),
        (("executor.gpus_per_trial=0.25", "executor.cpus_per_trial=2"), 4),
        (("executor.gpus_per_trial=0.3",), 6),
        (("executor.gpus_per_trial=2",), 1),
        (("executor.device=cpu",), 12),
        (("executor.device=cpu", "executor.threads=4"), 3),
        (("executor.n_workers=40",), 40),  # the cluster may grow
    ],
)
def test_there_are_as_many_workers_as_the_nodes_have_room_for(
    overrides: tuple[str, ...], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.executors.options.RayConfig._nodes", lambda _: NODES)
    config = make_config("ray", "executor.address=head:6379", "executor.n_workers=null", *overrides).executor
    assert config.count_workers() == expected


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ((f"executor.n_workers={n_cores() + 1}",), r"executor\.n_workers=.* is more than the .* that fit here"),
        (("executor.cpus_per_trial=999",), r"executor\.cpus_per_trial=999, .* is more than any node has"),
        (("executor.gpus_per_trial=1.5",), r"executor\.gpus_per_trial=1\.5 is no share of a GPU"),
        (("executor.address=ray://head:10001",), r"executor\.address=ray://head:10001 is for Ray's client"),
    ],
)
def test_what_cannot_be_is_refused(overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_config("ray", "executor.n_workers=null", *overrides).executor.count_workers()


def test_the_folder_of_a_cluster_whose_command_was_killed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hpo.executors.ray_cluster

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        (tmp_path / f"hpo-ray-{pid}-x").mkdir()
    (tmp_path / "hpo-ray-of-somebody").mkdir()
    hpo.executors.ray_cluster._clear_abandoned()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"hpo-ray-{os.getpid()}-x", "hpo-ray-of-somebody"]


@pytest.mark.slow
def test_a_study_loses_a_node_and_ends_complete(
    two_nodes: TwoNodes, start: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def n_begun() -> int:
        return len({path.parent for path in checkpoints(start.folder)})

    trials = run_while_a_node_is_lost(two_nodes, start, monkeypatch, n_begun=n_begun)
    assert sorted(trial.attempt for trial in trials) == [1, 1, 1, 2]


@pytest.mark.slow
def test_a_cluster_that_asks_for_a_token_is_explained(two_nodes: TwoNodes, workdir: Path) -> None:
    address = two_nodes.address
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-m", "hpo", *COMMAND, f"executor.address={address}"]
    for told in ({}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "u" * 64}):
        ran = subprocess.run(command, env=environment | told, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 2
        assert ran.stderr == (
            f"hpo: executor.address={address} asks for its token; export RAY_AUTH_MODE=token here and on every node, "
            "and its token in RAY_AUTH_TOKEN or ~/.ray/auth_token.\n"
        )
        assert list(workdir.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_a_driver_that_started_ray_and_the_study_goes_on(start: Started, number: int) -> None:
    driver = start(*COMMAND, "study.n_trials=4")
    wait_for(lambda: checkpoints(start.folder))
    children = psutil.Process(driver.pid).children(recursive=True)
    assert len(children) > 4
    driver.send_signal(number)
    driver.wait(40)
    _, alive = psutil.wait_procs(children, timeout=150)  # after a kill, two idle ones look for the others for a minute
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    again = start(*COMMAND, "study.n_trials=4")
    _, err = again.communicate(timeout=120)
    assert (again.returncode, err) == (0, "")
    trials = read(start.folder)
    assert [trial.state for trial in trials] == [COMPLETE] * 4
    assert max(trial.attempt for trial in trials) == 2


def test_the_settings_are_those_of_the_section() -> None:
    assert make_config("ray", "executor.n_workers=null").executor == RayConfig(
        device="auto", threads=1, address="local"
    )
