"""What a command prints, by whatever means, has its secrets masked."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from rich.console import Console

from hpo.machine import secrets as secret
from hpo.machine.secrets import (
    cover,
    cover_settings,
    cover_word,
    forget_credentials,
    is_named,
    mask,
    masked_output,
    reveal,
)
from hpo.terminal.display import LiveLines

PRINTING = """
import logging, sys, threading, warnings
from rich.console import Console
from hpo.machine.secrets import masked_output
from hpo.machine.secrets import reveal

def fail():
    raise OSError("thread CANARY-8")

with masked_output():
    uri = reveal("http://me:CANARY-8@host/", "tracking.uri")
    logging.warning("logged %s", uri)
    warnings.warn("warned " + uri)
    Console().print("shown", uri, soft_wrap=True)
    sys.stderr.writelines(["lines ", uri])
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    raise ValueError("raised " + uri)
"""


def test_no_way_of_printing_shows_a_secret() -> None:
    ran = subprocess.run([sys.executable, "-c", PRINTING], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert "CANARY" not in ran.stdout + ran.stderr
    for word in ("shown http://***@host/", "logged http", "warned http", "lines http", "thread ***", "raised http"):
        assert word in ran.stdout + ran.stderr


def test_the_streams_are_what_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with masked_output():
        assert sys.stdout.encoding == before[0].encoding
        assert not sys.stdout.isatty()
        print(reveal("http://me:CANARY-9@host", "tracking.uri"))
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "http://***@host\n"


def test_a_command_shows_no_password_it_was_given(workdir: Path) -> None:
    given = ["trainer=synthetic", "tracking.uri=http://me:CANARY-10@127.0.0.1:9"]
    for ask in (["--cfg", "job"], ["--cfg", "all"], ["samplr=tpe"]):
        ran = subprocess.run([sys.executable, "-m", "hpo", *ask, *given], capture_output=True, text=True, timeout=120)
        assert "CANARY" not in ran.stdout + ran.stderr
        assert (ran.returncode == 0) == (ask == ["--cfg", "job"])


def test_a_command_runs_without_standard_output(workdir: Path) -> None:
    command = f"exec {sys.executable} -m hpo trainer=synthetic tracking=none executor=inline study.n_trials=1 >&-"
    ran = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=120, cwd=workdir)
    assert (ran.returncode, ran.stderr) == (0, "")


URL = "http://me:CANARY-1@host:5000"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_covered", "_words", "_taken"):
        monkeypatch.setattr(secret, name, {})


def test_a_variable_is_taken_out_of_the_environment_and_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_TRACKING", URL)
    assert reveal("env:HPO_TRACKING", "tracking.uri") == URL
    assert "HPO_TRACKING" not in os.environ
    assert reveal("env:HPO_TRACKING", "tracking.uri") == URL
    assert mask(f"POST {URL}/api: CANARY-1") == "POST env:HPO_TRACKING/api: ***"


@pytest.mark.parametrize("content", [f"{URL}\n", f"\ufeff{URL}\r\nmore\n", f"  {URL} "])
def test_the_first_line_of_a_file_is_the_value(content: str, workdir: Path) -> None:
    (workdir / "uri.txt").write_text(content, encoding="utf-8")
    assert reveal("file:uri.txt", "tracking.uri") == URL
    assert mask(URL) == "file:uri.txt"


@pytest.mark.parametrize(
    ("given", "sentence"),
    {
        "env:HPO_UNSET": "tracking.uri=env:HPO_UNSET names an environment variable that is not set; export HPO_UNSET",
        "env:HPO_EMPTY": "tracking.uri=env:HPO_EMPTY names an environment variable that is empty",
        "env:": "tracking.uri=env: names an environment variable that is not set; export NAME",
        "file:none.txt": r"tracking.uri=file:none.txt names a file that cannot be read (No such file or directory)",
        "file:": "tracking.uri=file: names a file that cannot be read",
        "file:empty.txt": "tracking.uri=file:empty.txt names a file that has nothing in its first line",
        "file:binary": "cannot be read (it is no text in UTF-8)",
        "http://***@host": "tracking.uri=http://***@host has its password covered; give it in full",
    }.items(),
)
def test_what_cannot_be_revealed_is_said_in_a_sentence(
    given: str, sentence: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_EMPTY", " ")
    (workdir / "empty.txt").write_text("\nhttp://second.line")
    (workdir / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match=r".") as refused:
        reveal(given, "tracking.uri")
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("given", ["file:///tmp/mlruns", "sqlite:///mlflow.db", "http://env:5000", "environment"])
def test_other_values_are_their_own(given: str) -> None:
    assert not is_named(given)
    assert reveal(given, "tracking.uri") == given
    assert cover(given, setting="tracking.uri") == given


def test_a_covered_url_is_revealed_and_two_are_told_apart() -> None:
    one, two = URL, "postgresql://you:CANARY-2@db/x?sslmode=require&sslpassword=CANARY-3"
    covered = cover_word(f"tracking.uri={one}"), cover_word(f"+storage.url={two}")
    assert covered[0] == "tracking.uri=http://***@host:5000"
    assert "CANARY" not in covered[1]
    assert "you" not in covered[1]
    assert "sslmode=require" in covered[1]
    assert reveal(covered[0].partition("=")[2], "tracking.uri") == one
    assert reveal(covered[1].partition("=")[2], "storage.url") == two
    assert cover(cover(one)) == cover(one)


def test_every_text_of_the_settings_is_covered() -> None:
    @dataclass
    class Inner:
        uri: str = URL
        n: int = 3

    @dataclass
    class Outer:
        tracking: Inner = field(default_factory=Inner)
        tasks: dict[str, list[str]] = field(default_factory=lambda: {"a": [URL, "b"]})

    covered = cover_settings(Outer())
    assert covered == Outer(Inner("http://***@host:5000"), {"a": ["http://***@host:5000", "b"]})


@pytest.mark.parametrize("password", ["CANARY", "CAN@RY", "CAN/RY", "C%40NARY", "CAN RY", 'CAN"RY', "CAN#RY", "CANÄRY"])
def test_passwords_are_masked_wherever_and_however_they_appear(password: str) -> None:
    uri = f"http://me:{password}@host:5000"
    covered = cover(uri, setting="tracking.uri")
    assert covered == "http://***@host:5000"
    assert reveal(covered, "tracking.uri") == uri
    forms = [password, quote(password, safe=""), json.dumps(password), repr(password)]
    text = mask(f"POST {uri}/api failed; {'; '.join(forms)}; http://a:other@b/c")
    for form in (*forms, "other"):
        assert form.strip("\"'") not in text
    assert "host:5000/api failed" in text


def test_what_libraries_read_from_the_environment_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "CANARY-4")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "CANARY-5")
    monkeypatch.setenv("PGPASSWORD", "CANARY-9")
    monkeypatch.setenv("PGUSER", "")
    assert mask("CANARY-4 and CANARY-5, then CANARY-9 were wrong") == "*** and ***, then *** were wrong"
    forget_credentials()
    assert not [name for name in os.environ if name.startswith(("MLFLOW_TRACKING_", "PGPASS"))]


def test_the_user_of_a_database_is_no_secret() -> None:
    """Else `postgres`, the usual one, would be covered in `storage=postgres` and everywhere."""
    uri = "postgresql://postgres@host/db"
    assert cover(uri, setting="storage.url") == uri
    assert reveal(uri, "storage.url") == uri
    assert mask("storage=postgres") == "storage=postgres"
    assert cover("postgresql+psycopg://me:CANARY-8@host/db", setting="storage.url") != uri
    assert mask("CANARY-8") == "***"
    assert "CANARY-7" not in cover("https://CANARY-7@host", setting="tracking.uri")  # a token may stand there


def test_a_short_password_does_not_blot_out_words() -> None:
    reveal("http://hpo:hpo@host", "tracking.uri")
    assert mask("python -m hpo tracking.uri=http://hpo:hpo@host") == "python -m hpo tracking.uri=http://***@host"


def test_a_long_note_is_masked_before_it_is_cut_into_lines() -> None:
    reveal("http://me:CANARY-6 with spaces@host", "tracking.uri")
    shown = io.StringIO()
    lines = LiveLines(Console(file=shown, force_terminal=True, width=24))
    lines.note("a sentence that ends with CANARY-6 with spaces")
    lines.close()
    assert "CANARY" not in shown.getvalue()
    assert "spaces" not in shown.getvalue()
    assert "***" in shown.getvalue()
