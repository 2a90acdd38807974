"""The Ray cluster a command works on: started on this machine, or joined; how much room it has, and its silence.

What runs there is `ray`'s business. A cluster of this machine cannot be kept to the loopback address, so it gets a
token that nobody else knows.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import ray
import ray._private.worker
import ray.exceptions

from hpo.machine.cores import environment, n_cores
from hpo.machine.errors import causes, first_line
from hpo.machine.secrets import credentials_aside
from hpo.machine.signals import SIGNALS

LOCAL = "local"
PREFIX = "hpo-ray-"  # of the folders of clusters, then the process that started it
SETTINGS = {  # of a cluster that is started here
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # without RAY_AUTH_MODE, Ray asks for it by itself; read once a process
}
OBJECT_STORE_BYTES = 128 * 2**20  # of a cluster of one machine, where everybody reads the files themselves


def connect(address: str, *, n_gpus: int = 0) -> ExitStack:
    """Connects this process to the cluster at `address`, or to one that is started here.

    Args:
        address: "local", or where a cluster is.
        n_gpus: GPUs of this machine, for a cluster that is started.

    Returns:
        What lets go of the cluster when it is closed; one that was started here ends.

    Raises:
        ValueError: if there is none, or it lets nobody in; the sentence says what to do.
    """
    given = f"executor.address={address}"
    if address.startswith("ray://"):
        raise ValueError(
            f"{given} is for Ray's client, which knows no streams; join the cluster on this machine with "
            "ray start --address=HOST:6379 --num-cpus=0, and give executor.address=HOST:6379."
        )
    try:
        return _connect(address, n_gpus)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError, OSError) as error:
        raise ValueError(_refusal(given, error)) from error


def nodes() -> list[dict[str, float]]:
    """Returns what each node of the cluster has, by Ray's names: CPU, GPU."""
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # ray left it untyped
    return [dict(node["Resources"]) for node in found if node["Alive"]]


def _connect(address: str, n_gpus: int) -> ExitStack:
    if ray.is_initialized():  # by whoever embeds this in a program of theirs
        return ExitStack()
    with ExitStack() as connection:
        if address == LOCAL:
            _clear_abandoned()
            folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
            connection.callback(shutil.rmtree, folder, ignore_errors=True)
        connection.callback(_shut_down)
        with _signals_kept(), credentials_aside():
            if address == LOCAL:
                _start(folder, n_gpus=n_gpus)
            else:
                _init(address=address)
        return connection.pop_all()


def _shut_down() -> None:
    with _signals_kept():
        ray.shutdown()


def _start(folder: str, *, n_gpus: int) -> None:
    with environment({"RAY_AUTH_MODE": None, **SETTINGS}):
        _init(
            address=LOCAL,
            num_cpus=n_cores(),
            num_gpus=n_gpus,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=folder,
        )


def _init(**options: Any) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray._private.worker.print_to_stdstream = _say_nothing
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    with _stderr_aside():  # where Ray's C++ writes until it has its log file
        ray.init(log_to_driver=False, configure_logging=False, logging_level=logging.CRITICAL, **options)


@contextmanager
def _stderr_aside() -> Iterator[None]:
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _say_nothing(*_args: object, **_options: object) -> None:
    """Takes what Ray prints of a worker's death, which the driver says itself; there is no setting for it."""


def _clear_abandoned() -> None:
    """Removes the folders of clusters whose command was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Puts back the handlers of signals, of which Ray takes SIGTERM."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refusal(given: str, error: BaseException) -> str:
    if any(isinstance(each, ray.exceptions.AuthenticationError) or "token" in str(each) for each in causes(error)):
        return (
            f"{given} asks for its token; export RAY_AUTH_MODE=token here and on every node, and its token in "
            "RAY_AUTH_TOKEN or ~/.ray/auth_token."
        )
    reason = first_line(error)
    if given.endswith(f"={LOCAL}"):
        return f"Ray cannot be started on this machine: {reason}."
    return f"{given} cannot be joined: {reason}; start it with ray start --head, and join it from this machine."
