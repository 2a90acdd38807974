"""Ray on two nodes, one of which is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from hpo.contracts.records import COMPLETE, TrialRecord
from tests.support.background_studies import Started, read, wait_for

COMMAND = ("executor=ray", "trainer=synthetic", "tracking=none", "study.name=x", "trainer.epoch_s=0.4")


class TwoNodes:
    """A cluster of two nodes with a core each that asks for a token: in a process of its own, which Ray would change.

    Attributes:
        address, environment: What a driver needs.
    """

    PROGRAM = """
from ray.cluster_utils import Cluster
cluster = Cluster()
cluster.add_node(num_cpus=1, include_dashboard=False, object_store_memory=80 * 2**20)
second = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
print(cluster.address, flush=True)
if input() == "lose":
    cluster.remove_node(second, allow_graceful=False)
    input()
cluster.shutdown()
"""

    def __init__(self) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 64}
        self.environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **token}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([sys.executable, "-c", self.PROGRAM], env=self.environment, text=True, **pipes)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self.tell("end")
        self._process.communicate(timeout=60)


def run_while_a_node_is_lost(
    two_nodes: TwoNodes, start: Started, monkeypatch: pytest.MonkeyPatch, *words: str, n_begun: Callable[[], int]
) -> list[TrialRecord]:
    """Runs four trials; a node is lost when two have a checkpoint. All must be complete, one by a second attempt."""
    for name, value in two_nodes.environment.items():
        monkeypatch.setenv(name, value)
    driver = start(*COMMAND, f"executor.address={two_nodes.address}", "study.n_trials=4", *words)
    wait_for(lambda: n_begun() == 2)
    two_nodes.tell("lose")
    out, err = driver.communicate(timeout=120)
    assert (driver.returncode, err) == (0, "")
    assert "trying again (attempt 2)" in out
    trials = read(start.folder)
    assert [trial.state for trial in trials] == [COMPLETE] * 4
    return trials
