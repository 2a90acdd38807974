"""Passwords and tokens among the settings: named instead of given, covered where they were given, never shown.

A setting keeps the form `env:NAME`, `file:PATH`, or a URL whose password is covered; only whoever opens the connection
asks `reveal` for the value. That nothing else gets out on the terminal is `secrets`'s business.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TextIO, TypeVar, cast
from urllib.parse import quote, unquote

from hpo.machine.cores import environment

T = TypeVar("T")
SETTINGS = ("tracking.uri", "storage.url")  # settings that may hold a secret
USERNAME = "MLFLOW_TRACKING_USERNAME"
PASSWORDS = (  # environment variables that libraries read by themselves
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
DRIVERS_OWN = (USERNAME, *(name for name in PASSWORDS if name.startswith(("MLFLOW_", "PG"))))  # no worker's business
MIN_CHARS = 4  # a shorter password is covered inside a URL only: alone it would be found in every other word
COVER = re.compile(r"\*\*\*\d*")
_WORDS = r"(?:passw(?:or)?d|pwd|token|secret|api_?key)"
_STORES = re.compile(rf"{_WORDS}|KEY$", re.IGNORECASE)  # in what fsspec reads: FSSPEC_S3_SECRET
_SPOTS = (
    re.compile(r"(?<=://)(?P<secret>[^/\s]+)(?=@)"),
    re.compile(rf"(?<=[?&])(?P<name>[\w.-]*{_WORDS}[\w.-]*=)(?P<secret>[^&#\s'\"]+)", re.IGNORECASE),
)
_DATABASE = re.compile(r"postgres(?:ql)?(?:\+\w+)?://$")  # before a user, who needs no password
_BROKEN = re.compile(r"(?<=://)(?P<secret>[^/].*)(?=@)", re.DOTALL)  # its password should have been percent-encoded

_covered: dict[str, str] = {}  # what stands in the settings -> the secret
_words: dict[str, str] = {}  # a secret as it may be written -> what is shown instead
_taken: dict[str, str] = {}  # value of each environment variable that was taken


def is_named(given: str) -> bool:
    """Returns whether a setting says where its value is, as `env:NAME` or `file:PATH`, instead of the value."""
    return given.startswith("env:") or (given.startswith("file:") and not given.startswith("file://"))


def reveal(given: str, setting: str) -> str:
    """Returns the value behind a setting; from now on it is known as a secret.

    An environment variable is taken out of the environment, so that no process started later inherits it.

    Args:
        given: `env:NAME`, `file:PATH` (its first line), a URL whose secrets are covered, or a plain one.
        setting: Its config path, for the sentences.

    Raises:
        ValueError: if the variable is not set, the file cannot be read, or the value is not known here.
    """
    if not is_named(given):
        value = COVER.sub(lambda found: _uncover(found[0], given, setting), given)
        _remember_secrets(value, setting)
        return value
    kind, _, name = given.partition(":")
    value = _from_environment(name, setting) if kind == "env" else _from_file(name, setting)
    _remember_secrets(value, setting)
    _remember(value, shown=given)
    return value


def cover(text: str, *, setting: str = "") -> str:
    """Returns `text` with the secrets of its URLs covered; `reveal` knows them.

    Args:
        text: A setting's value, or a word of the command line.
        setting: Its config path, if it is one of `SETTINGS` that as a whole is a URL.
    """
    covered = text
    for spot in _spots(text, setting):
        covered = spot.sub(_cover_spot, covered)
    return covered


def cover_word(word: str) -> str:
    """Returns a word of a command line, `path=value`, with its secrets covered."""
    return cover(word, setting=word.lstrip("+").partition("=")[0])


def cover_settings(settings: T) -> T:
    """Returns dataclasses, mappings and lists with the secrets of their texts covered."""
    return cast(T, _cover_node(settings, ""))


def mask(text: str) -> str:
    """Returns `text` as it may be shown and stored: without any secret that is known, or that a URL carries."""
    of_stores = [name for name in os.environ if name.startswith("FSSPEC_") and _STORES.search(name)]
    from_environment = {os.environ.get(name, ""): "***" for name in (*PASSWORDS, *of_stores)}
    words = {word: shown for word, shown in (from_environment | _words).items() if len(word) >= MIN_CHARS}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, words[word])
    for spot in _SPOTS:
        text = spot.sub(lambda found: f"{found.groupdict().get('name') or ''}***", text)
    return text


def forget_credentials() -> None:
    """Takes the credentials of MLflow and the database out of the environment of a process that talks to neither."""
    for name in DRIVERS_OWN:
        os.environ.pop(name, None)


def credentials_aside() -> AbstractContextManager[None]:
    """Starts processes without those credentials in the environment they inherit."""
    return environment(dict.fromkeys(DRIVERS_OWN))


def _cover_node(node: object, path: str) -> object:
    if type(node) is str:  # an enum of words is none
        return cover(node, setting=path)
    if isinstance(node, list):
        return [_cover_node(each, path) for each in node]
    if isinstance(node, dict):
        return {key: _cover_node(value, f"{path}.{key}" if path else str(key)) for key, value in node.items()}
    if is_dataclass(node) and not isinstance(node, type):
        names = [field.name for field in fields(node)]
        inner = {name: _cover_node(getattr(node, name), f"{path}.{name}" if path else name) for name in names}
        return replace(node, **inner)
    return node


def _spots(text: str, setting: str) -> Iterator[re.Pattern[str]]:
    """Yields what finds the secrets of `text`."""
    yield from _SPOTS
    if setting in SETTINGS and not _SPOTS[0].search(text):
        yield _BROKEN


def _cover_spot(found: re.Match[str]) -> str:
    name, secret = found.groupdict().get("name") or "", found["secret"]
    if COVER.fullmatch(secret) or _is_user(found):
        return found[0]
    _remember_forms(secret)
    known = next((shown for shown, held in _covered.items() if held == secret), None)
    shown = known or f"***{len(_covered) + 1 if _covered else ''}"
    _covered[shown] = secret
    return f"{name}{shown}"


def _uncover(shown: str, given: str, setting: str) -> str:
    if shown not in _covered:
        raise ValueError(
            f"{setting}={given} has its password covered; give it in full, or say where it is: "
            f"{setting}=env:NAME or {setting}=file:PATH."
        )
    return _covered[shown]


def _from_environment(name: str, setting: str) -> str:
    value = os.environ.pop(name, None) if name else None
    if value is not None:
        _taken[name] = value
    value = _taken.get(name)
    if value is None or not value.strip():
        state = "is empty" if value is not None else "is not set"
        raise ValueError(
            f"{setting}=env:{name} names an environment variable that {state}; export {name or 'NAME'} with the "
            f"address, or give it by {setting}=file:PATH."
        )
    return value.strip()


def _from_file(path: str, setting: str) -> str:
    what = f"{setting}=file:{path} names a file that"
    advice = f"write the address into its first line, or give it by {setting}=env:NAME."
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ValueError(f"{what} cannot be read ({reason}); {advice}") from None
    if not lines or not lines[0].strip():
        raise ValueError(f"{what} has nothing in its first line; {advice}")
    return lines[0].strip()


def _remember_secrets(uri: str, setting: str) -> None:
    """Remembers whatever in a URL is secret."""
    for spot in _spots(uri, setting):
        for found in spot.finditer(uri):
            if not _is_user(found):
                _remember_forms(found["secret"])


def _is_user(found: re.Match[str]) -> bool:
    """Returns whether what stands before a host is a name alone; elsewhere than at databases it may be a token."""
    return ":" not in found["secret"] and bool(_DATABASE.search(found.string[: found.start("secret")]))


def _remember_forms(secret: str) -> None:
    """Remembers a user with a password, or either alone, in all the forms that messages may give them."""
    password = secret.partition(":")[2] or secret
    for plain in {secret, password, unquote(secret), unquote(password)}:
        for form in (plain, quote(plain, safe=""), json.dumps(plain)[1:-1], repr(plain)[1:-1]):
            _remember(form)


def _remember(word: str, *, shown: str = "***") -> None:
    _words[word] = shown


@contextmanager
def masked_output() -> Iterator[None]:
    """Masks the secrets in all that Python code prints, that of libraries and of an uncaught exception included."""
    try:
        out, err = cast(TextIO, _Masked(_there(sys.stdout))), cast(TextIO, _Masked(_there(sys.stderr)))
        with redirect_stdout(out), redirect_stderr(err):
            yield
    except Exception:
        sys.excepthook = _show_masked  # Python shows it when the streams are its own again
        raise


def _there(stream: TextIO | None) -> TextIO:
    """Returns `stream`, or one that drops everything where the command was started without it, as by `>&-`."""
    return stream or Path(os.devnull).open("w")


class _Masked:
    """A stream, all of it, with what is written to it masked."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._stream.write(mask(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


def _show_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(mask("".join(traceback.format_exception(kind, error, trace))))
