"""`hpo ui`: MLflow's pages on what `tracking.uri` holds, for the browsers of this machine.

Starts MLflow's own server and ends it again; what it shows was written by studies.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from hpo.commands.command import DONE, MISTAKE, command, compose_and_call, refuse, split_words
from hpo.machine.escaping import printable
from hpo.machine.modules import main_aside
from hpo.machine.signals import die_with_parent

if TYPE_CHECKING:
    from hpo.config.schema import TrackingConfig

USAGE = """hpo ui [port=5000] [tracking.uri=sqlite:///mlflow.db]

Shows in the browser what studies have told MLflow: every trial, the tables and figures of each study. Listens on
127.0.0.1 alone, until Ctrl-C.

  port=5001            another port, for a second one
  tracking.uri=…       the database to show, as studies were given it; a server (http://…) has pages of its own"""

HOST = "127.0.0.1"
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "PYTHONWARNINGS": "ignore",  # Starlette's to MLflow
}
PAGE = "#/experiments/{}/runs?workflowType=machine_learning"  # the list of runs, not the pages on language models
N_LINKS = 5
PATIENCE_S = 10.0  # what the server gets to end by itself


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    values, overrides = split_words(argv, ("port",))
    return compose_and_call(overrides, lambda job: _show(job.config.tracking, values.get("port", "5000")))


def _show(tracking: TrackingConfig, given: str) -> int:
    try:
        port, uri = _read_port(given), _find(tracking)
    except ValueError as error:
        return refuse(error)
    print(f"http://{HOST}:{port} shows {tracking.uri}; Ctrl-C ends it.", flush=True)
    words = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    words += ["--uvicorn-opts", "--log-level=warning"]  # or every click is a line
    places = {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_REGISTRY_STORE_URI": uri}  # no password among the processes
    environ = {**os.environ, **ENVIRONMENT, **places}
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(words, environ), name="hpo-ui")
    try:
        with main_aside():
            server.start()
        _print_links(server, f"http://{HOST}:{port}")
        server.join()
    except KeyboardInterrupt:
        return DONE
    finally:
        _end(server)
    return refuse(f"MLflow ended by itself, with exit code {server.exitcode}; what it printed says why.", code=MISTAKE)


def _serve(words: list[str], environ: dict[str, str]) -> None:
    """Runs the server in a group of processes of its own, which ends with the command, however that ends."""
    os.setsid()
    signal.signal(signal.SIGTERM, _wait_for_server)
    die_with_parent(with_group=True)
    with subprocess.Popen(words, env=environ, stdout=2) as server:
        sys.exit(server.wait())


def _wait_for_server(*_: object) -> None:
    """Goes on until the server, which was told to end, too, has ended."""


def _print_links(server: SpawnProcess, address: str) -> None:
    """Prints where the studies of each experiment are, the newest first, once the server answers."""
    while server.is_alive():
        with suppress(OSError, ValueError):
            found = _ask(f"{address}/api/2.0/mlflow/experiments/search", max_results=1000).get("experiments", [])
            break
        time.sleep(0.2)
    else:
        return
    ours = [each for each in found if each["experiment_id"] != "0"]  # MLflow's own
    ours.sort(key=lambda each: -int(each["last_update_time"]))
    for each in ours[:N_LINKS]:
        print(f"{printable(each['name'])}: {address}/{PAGE.format(each['experiment_id'])}", flush=True)
    if len(ours) > N_LINKS:
        print(f"and {len(ours) - N_LINKS} more experiments", flush=True)


def _ask(address: str, **question: object) -> dict[str, Any]:
    import json
    import urllib.request

    request = urllib.request.Request(address, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE_S) as answer:
        return dict(json.load(answer))


def _read_port(given: str) -> int:
    """Returns the port, on which nobody listens yet.

    Raises:
        ValueError: if it is none, or somebody does.
    """
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise ValueError(f"port={given} is no port; give a number from 1 to 65535, as in port=5001.")
    with suppress(OSError), socket.create_connection((HOST, int(given)), timeout=2):
        raise ValueError(
            f"port={given} is occupied: something listens at http://{HOST}:{given} already, maybe another hpo ui; "
            f"give another, as in port={int(given) % 65535 + 1}."
        )
    return int(given)


def _find(tracking: TrackingConfig) -> str:
    """Returns the address of the database to show.

    Raises:
        ValueError: if there is none that MLflow can show.
    """
    from hpo.machine.secrets import mask
    from hpo.tracking.client import is_server, resolve_uri, sqlite_path
    from hpo.tracking.reach import Away, reach

    if not tracking.is_shown:
        raise ValueError(f"tracking={tracking.option} shows nothing; leave it out, or give tracking.uri=…")
    shown, uri = f"tracking.uri={mask(tracking.uri)}", resolve_uri(tracking.uri)
    if is_server(uri):
        raise ValueError(f"{shown} is a server with pages of its own; open that address in a browser.")
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise ValueError(
            f"{shown} is not there yet: a study makes it; go to the folder where studies ran, or call hpo sync."
        )
    try:
        reach(tracking.uri)
    except ModuleNotFoundError as error:
        raise ValueError(f"The package {error.name} is not installed; install hpo and all it needs again.") from error
    except Away as away:
        raise ValueError(f"{shown} {away}.") from away
    return uri


def _end(server: SpawnProcess) -> None:
    """Ends the server with the processes that it has started."""
    if server.pid is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        server.join(PATIENCE_S)
    server.kill()  # where it had no group yet
