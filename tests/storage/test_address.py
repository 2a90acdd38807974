"""Addresses of PostgreSQL databases: those that libpq would misread are refused, and none is shown or sent."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.storage.address import NO_DRIVER, Address
from tests.support import ROOT, extras
from tests.support.databases import IN_ADDRESS, PASSWORD, Server

GOOD = (
    "postgresql://me@host/db",
    "postgres://me:pw@host:5432/db",
    "postgresql+psycopg://me:pw@host/db",
    "postgresql+psycopg2://me:pw@[::1]:5432/db?sslmode=require",
    "postgresql://host1:1,host2/db?target_session_attrs=read-write",
    "postgresql:///db?host=/var/run/postgresql&user=me%40corp",
    f"postgresql://hpo:{IN_ADDRESS}@host/db",
)
BAD = (
    "CANARY",
    "sqlite:///CANARY.db",
    "postgresql://me:CANARY@ry@host/db",
    "postgresql://me:12/CANARY@host/db",
    "postgresql://me:CANARY/x@host/db",
    "postgresql://me:CANARY#x@host/db",
    "postgresql://me:CANARY?x@host/db",
    "postgresql://me:12?CANARY@host/db",
    "postgresql://me:CA:NARY@host/db",
    "postgresql://me:CANARY%zz@host/db",
    "postgresql://me:CANARY@[::1/db",
    "postgresql://me:CANARY@host/db?nonsense=1",
    "postgresql://me:CA NARY@host/db",
)


@pytest.mark.parametrize("url", GOOD)
def test_addresses_are_taken_as_they_are_usually_written(url: str) -> None:
    assert "pw" not in Address(url).shown


@pytest.mark.parametrize("given", ["plain", "env", "file"])
@pytest.mark.parametrize("url", BAD)
def test_what_would_be_misread_is_refused_and_not_shown(
    url: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_URL", url)
    (tmp_path / "url").write_text(url)
    with pytest.raises(ValueError, match="is no address of a PostgreSQL database") as refusal:
        Address({"plain": url, "env": "env:HPO_URL", "file": f"file:{tmp_path}/url"}[given])
    if given != "plain" or "@" in url:  # as a plain word it may be no secret at all
        assert "CANARY" not in str(refusal.value)


def test_a_password_of_signs_opens_the_database(postgres: Server) -> None:
    address = Address(f"postgresql://hpo:{IN_ADDRESS}@127.0.0.1:{postgres.port}/postgres")
    with address.connect() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("hpo",)
        assert connection.info.password == PASSWORD


def test_pgpass_is_asked(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    (tmp_path / "pgpass").write_text(f"127.0.0.1:{postgres.port}:*:hpo:{escaped}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    Address(postgres.url("postgres", user="hpo")).connect().close()


def test_what_servers_say_comes_with_a_remedy(postgres: Server) -> None:
    place = f"127.0.0.1:{postgres.port}"
    cases = {
        f"postgresql://hpo:CANARY-wrong@{place}/postgres": "does not take the password",
        f"postgresql://hpo@{place}/postgres": "asks for a password",
        f"postgresql://postgres@{place}/nowhere": "no such database",
        f"postgresql://nobody@{place}/postgres": "no such user",
        "postgresql://me:CANARY@127.0.0.1:1/db": "cannot be reached (.*Connection refused.*is the server up",
        "postgresql://me:CANARY@nohost.invalid/db": "cannot be reached (.*is the server up",
    }
    import re

    import psycopg

    for url, said in cases.items():
        address = Address(url)
        with pytest.raises(psycopg.Error) as raised:
            address.connect()
        sentence = address.explain(raised.value)
        assert re.search(said.replace("(", "\\("), sentence), sentence
        assert sentence.startswith("storage.url=postgresql://")
        assert "CANARY" not in sentence
        assert "\n" not in sentence


def test_an_address_is_sent_to_no_other_process() -> None:
    with pytest.raises(TypeError, match="stays in the driver"):
        pickle.dumps(Address("postgresql://me:CANARY@host/db"))


def test_without_the_driver_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('No module named psycopg')")
    command = [sys.executable, "-m", "hpo", "storage=postgres", "trainer=synthetic", "tracking=none"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "HPO_STORAGE_URL": "postgresql://h/d"},
        capture_output=True,
        text=True,
        check=False,
    )
    (requirement,) = extras()["postgres"]
    assert f'; pip install "{requirement}" installs it.' in NO_DRIVER
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"hpo: {NO_DRIVER}\n")
