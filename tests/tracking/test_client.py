"""Opening MLflow: its database is made whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.tracking.client import open_client

DYING = """
import os, signal, sys
from pathlib import Path
import sqlalchemy.event, sqlalchemy.engine
from hpo.tracking.client import open_client

def die(connection, cursor, statement, *rest):
    if "CREATE TABLE" in statement and "logged_model_params" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

sqlalchemy.event.listen(sqlalchemy.engine.Engine, "after_cursor_execute", die)
open_client(f"sqlite:///{Path.cwd() / 'mlflow.db'}")
"""


@pytest.mark.slow
def test_a_database_whose_maker_was_killed_is_made_anew(workdir: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", DYING], cwd=workdir, timeout=120, env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (workdir / "mlflow.db").exists()
    client = open_client(f"sqlite:///{workdir / 'mlflow.db'}")
    assert client.search_experiments()
    assert [path.name for path in workdir.iterdir()] == ["mlflow.db"]


def test_a_database_that_is_there_is_kept(workdir: Path) -> None:
    made = open_client(f"sqlite:///{workdir / 'mlflow.db'}").create_experiment("x")
    inode = (workdir / "mlflow.db").stat().st_ino
    assert open_client(f"sqlite:///{workdir / 'mlflow.db'}").get_experiment(made).name == "x"
    assert (workdir / "mlflow.db").stat().st_ino == inode
