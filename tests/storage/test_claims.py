"""Claims on studies in a real PostgreSQL: one driver a study, from whatever machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from hpo.machine.locks import StudyHeld
from hpo.storage.address import Address
from hpo.storage.claims import Claims, check_claims, creating
from tests.support.databases import Server

HOLD = (
    "import sys, time; from hpo.storage.address import Address; from hpo.storage.claims import Claims\n"
    "claims = Claims(Address(sys.argv[1])); claims.take(sys.argv[2]); print('held', flush=True); time.sleep(60)"
)
SESSIONS = "FROM pg_stat_activity WHERE application_name LIKE 'hpo %' AND datname = current_database()"


@contextmanager
def holder(url: str, study: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a study."""
    with subprocess.Popen([sys.executable, "-c", HOLD, url, study], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_holder_is_refused_and_told_who_holds(database: str) -> None:
    ours, theirs = Claims(Address(database)), Claims(Address(database))
    ours.take("x")
    theirs.take("y")  # another study
    said = f"Study 'x' is held by process {os.getpid()} on {socket.gethostname()[:36]}; wait for it"
    with pytest.raises(StudyHeld) as refusal:
        theirs.take("x")
    assert said in str(refusal.value)
    third = Claims(Address(database))
    with pytest.raises(StudyHeld):
        third.take("x")
    assert third._connection is None  # nothing is left of it
    with pytest.raises(StudyHeld) as refusal:
        check_claims(Address(database), ["z", "x"])
    assert said in str(refusal.value)
    ours.let_go("x")
    check_claims(Address(database), ["x"])
    theirs.take("x")
    theirs.let_go("x")
    theirs.let_go("y")


def test_studies_of_one_name_in_two_schemas_or_databases_are_two(postgres: Server, database: str) -> None:
    name = database.rpartition("/")[2]
    postgres.run("CREATE SCHEMA team", database=name)
    ours = Claims(Address(database))
    ours.take("x")
    check_claims(Address(f"{database}?options=-csearch_path%3Dteam"), ["x"])
    check_claims(Address(postgres.make()), ["x"])
    ours.let_go("x")


def test_a_dead_holder_does_not_block(database: str) -> None:
    with holder(database, "x") as process:
        with pytest.raises(StudyHeld, match=f"held by process {process.pid} on"):
            check_claims(Address(database), ["x"])
        process.send_signal(signal.SIGKILL)
        process.wait()
        ours, deadline = Claims(Address(database)), time.monotonic() + 5
        while True:  # the server notices within milliseconds
            try:
                ours.take("x")
                break
            except StudyHeld:
                assert time.monotonic() < deadline
        ours.let_go("x")


def test_looking_takes_nothing(database: str) -> None:
    """One that looked by taking would refuse whoever comes in between."""
    ours = Claims(Address(database))
    for _ in range(20):
        check_claims(Address(database), ["x"])
        ours.take("x")
        ours.let_go("x")


def test_claims_are_taken_again_when_their_connection_was_lost(postgres: Server, database: str) -> None:
    ours = Claims(Address(database))
    ours.take("x")
    ours.take("y")
    assert postgres.run(
        f"SELECT count(*), sum(pg_terminate_backend(pid)::int) {SESSIONS}", database=database.rpartition("/")[2]
    ) == [(1, 1)]
    time.sleep(0.2)
    check_claims(Address(database), ["x", "y"])  # lost indeed
    ours.ensure()
    for name in ("x", "y"):
        with pytest.raises(StudyHeld):
            check_claims(Address(database), [name])
    ours.let_go("x")
    ours.let_go("y")
    assert postgres.run(f"SELECT count(*) {SESSIONS}", database=database.rpartition("/")[2]) == [(0,)]


def test_a_server_that_ends_silent_sessions_leaves_claims_alone(postgres: Server, database: str) -> None:
    postgres.run(f"ALTER DATABASE {database.rpartition('/')[2]} SET idle_session_timeout = '200ms'")
    ours, other = Claims(Address(database)), Address(database).connect()
    ours.take("x")
    time.sleep(0.6)
    with pytest.raises(StudyHeld):
        check_claims(Address(database), ["x"])
    with pytest.raises(psycopg.OperationalError):  # it does end the others
        other.execute("SELECT 1")
    ours.let_go("x")


def test_whoever_took_a_lost_study_over_keeps_it(postgres: Server, database: str) -> None:
    ours = Claims(Address(database))
    ours.take("x")
    postgres.run(f"SELECT pg_terminate_backend(pid) {SESSIONS}", database=database.rpartition("/")[2])
    time.sleep(0.2)
    with holder(database, "x") as process:
        for _ in range(2):
            with pytest.raises(StudyHeld, match=f"held by process {process.pid} on"):
                ours.ensure()
    ours.let_go("x")


def test_our_own_session_that_the_server_has_not_missed_is_no_rival(postgres: Server, database: str) -> None:
    """The network went away, and with it our end of the connection; the server's end lives on for a minute."""
    ours = Claims(Address(database))
    ours.take("x")
    assert ours._connection is not None
    kept = os.dup(ours._connection.fileno())  # the server sees no end of it
    try:
        ours._connection.pgconn.finish()
        ours.ensure()
    finally:
        os.close(kept)
    with pytest.raises(StudyHeld):
        check_claims(Address(database), ["x"])
    assert postgres.run(f"SELECT count(*) {SESSIONS}", database=database.rpartition("/")[2]) == [(1,)]
    ours.let_go("x")


def test_a_database_that_is_away_is_an_error_of_the_connection(postgres: Server, database: str) -> None:
    ours = Claims(Address(database))
    ours.take("x")
    postgres.stop()
    try:
        with pytest.raises(psycopg.OperationalError):
            ours.ensure()
        with pytest.raises(ValueError, match="cannot be reached"):
            check_claims(Address(database), ["x"])
    finally:
        postgres.start()
    ours.ensure()
    with pytest.raises(StudyHeld):
        check_claims(Address(database), ["x"])
    ours.let_go("x")


def test_tables_are_created_by_one_at_a_time(database: str) -> None:
    impatient = Address(f"{database}?options=-clock_timeout%3D200")
    with creating(Address(database)), impatient.connect(autocommit=True) as rival:
        key = rival.execute("SELECT objid, classid FROM pg_locks WHERE locktype = 'advisory'").fetchone()
        assert key is not None
        with pytest.raises(psycopg.Error, match="lock timeout"):
            rival.execute("SELECT pg_advisory_lock((%s::bigint << 32) | %s::bigint)", (key[1], key[0]))
