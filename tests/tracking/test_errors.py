"""What is read from the errors that MLflow's client raises, over HTTP and over a file."""

from __future__ import annotations

import shlex
import sqlite3
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hpo.tracking.client import open_client, prepare_import
from hpo.tracking.errors import explain, is_permanent, is_written_twice
from tests.chaos.server import free_port
from tests.support.mlflow_contents import new_db
from tests.support.mlflow_proxy import Proxy


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy with nothing behind it."""
    prepare_import()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    proxy = Proxy(free_port())
    yield proxy
    proxy.close()


def error_of(call: Any, *args: object) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one is MLflow's choice
        call(*args)
    assert isinstance(raised.value, Exception)
    return raised.value


@pytest.mark.parametrize(
    ("mode", "reason", "is_for_ever"),
    [
        ("refuse", "refuses connections", False),
        ("hang", "does not answer within MLFLOW_HTTP_REQUEST_TIMEOUT=1 s", False),
        ("pass", "breaks answers off", False),  # the proxy has nobody to ask
        ("500", "answers 500 (Internal Server Error)", False),
        ("503", "answers 503 (Service Unavailable)", False),
        ("429 .", "answers 429 (Too Many Requests)", False),
        ("401 .", "answers 401 (the proxy says no)", False),
        ("403 .", "answers 403 (the proxy says no)", False),
        ("400 .", "answers 400 (the proxy says no)", True),
        ("404 .", "answers 404 (the proxy says no)", True),
        ("413 .", "answers 413 (the proxy says no)", True),
    ],
)
def test_what_a_server_does_is_told_in_a_few_words(proxy: Proxy, mode: str, reason: str, is_for_ever: bool) -> None:
    proxy.switch(mode)
    error = error_of(open_client(proxy.uri).get_experiment_by_name, "x")
    assert (explain(error), is_permanent(error)) == (reason, is_for_ever)


@pytest.mark.parametrize(
    ("mode", "reason", "is_for_ever"),
    [
        ("413 PUT", "answers 413 (Request Entity Too Large)", True),
        ("403 PUT", "answers 403 (Forbidden)", False),
        ("503", "answers 503 (Service Unavailable)", False),
        ("hang", "does not answer within MLFLOW_HTTP_REQUEST_TIMEOUT=1 s", False),
    ],
)
def test_artifacts_are_refused_like_anything_else(
    proxy: Proxy, tmp_path: Path, mode: str, reason: str, is_for_ever: bool
) -> None:
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    (tmp_path / "a.txt").write_text("a")
    proxy.switch(mode)
    error = error_of(HttpArtifactRepository(f"{proxy.uri}/artifacts").log_artifacts, str(tmp_path))
    assert (explain(error), is_permanent(error)) == (reason, is_for_ever)


def test_an_unknown_host_and_a_wrong_scheme_are_told(proxy: Proxy) -> None:
    unknown = error_of(open_client("http://nowhere.invalid:5000").get_experiment_by_name, "x")
    assert explain(unknown) == "has a host name that nobody knows"
    proxy.switch("500")
    plain = error_of(open_client(proxy.uri.replace("http:", "https:")).get_experiment_by_name, "x")
    assert explain(plain) == "does not speak https"
    assert not is_permanent(unknown)
    assert not is_permanent(plain)


def test_a_file_refuses_as_a_server_does(tmp_path: Path) -> None:
    client = open_client(new_db(tmp_path))
    client.create_experiment("x")
    for call, said in [((client.create_experiment, "x"), "already exists"), ((client.get_run, "0" * 32), "not found")]:
        error = error_of(*call)
        assert is_permanent(error)
        assert explain(error).startswith("cannot be written (MlflowException: ")
        assert said in explain(error)


def test_what_is_no_error_of_mlflow_is_not_for_ever() -> None:
    assert not is_permanent(OSError("killed\nby whom"))
    assert explain(OSError("killed\nby whom")) == "cannot be written (OSError: killed)"


def test_a_database_that_was_never_finished_is_named_with_its_remedy(tmp_path: Path) -> None:
    uri = new_db(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:  # as a kill among its migrations leaves it
        connection.execute("DROP TABLE alembic_version")
        connection.execute("DROP TABLE runs")
        connection.commit()
    assert explain(error_of(open_client, uri)).startswith("is a database that was cut off while its tables were made")


def test_a_database_of_another_version_is_named_with_the_whole_command(tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 40)
    uri = new_db(folder)
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()
    said = explain(error_of(open_client, uri), uri)
    assert said.startswith("is a database of another version of MLflow (found version 451aebb31d03, but expected ")
    assert said.endswith(f"take a copy of it, then type: mlflow db upgrade {shlex.quote(uri)}")


def test_a_certificate_of_ones_own_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    prepare_import()
    with self_signed(tmp_path) as uri:
        error = error_of(open_client(uri).get_experiment_by_name, "x")
    assert not is_permanent(error)
    assert explain(error).startswith("shows a certificate that nobody here vouches for (self-signed certificate")
    assert explain(error).endswith("by MLFLOW_TRACKING_SERVER_CERT_PATH=FILE")


@contextmanager
def self_signed(folder: Path) -> Iterator[str]:
    """A server with a certificate that it signed itself."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client turns away
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_row_that_another_process_wrote_at_that_moment_is_not_refused_for_ever(tmp_path: Path) -> None:
    """The other process writes between the two statements of MLflow: its select and its insert."""
    import sqlalchemy

    client = open_client(new_db(tmp_path))
    client.create_registered_model("m")
    client.create_model_version("m", source="file:///x")
    engine = client._get_registry_client().store.engine
    insert = "INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES ('default', 'm', 'a', 1)"

    @sqlalchemy.event.listens_for(engine, "before_cursor_execute")
    def write_first(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO registered_model_aliases"):
            cursor.execute(insert)

    error = error_of(client.set_registered_model_alias, "m", "a", "1")
    assert "UNIQUE constraint failed" in str(error)
    assert is_written_twice(error)
    assert not is_permanent(error)
