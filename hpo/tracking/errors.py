"""What went wrong with MLflow, read from its exceptions: refused for ever or only now, and why in a few words.

When to try again is `mirror`'s business.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import ssl
from http import HTTPStatus

from hpo.machine.errors import causes, first_line
from hpo.tracking.bounded import NeverEnds

# What a repetition may get through: credentials, permissions and a proxy's moods change.
_NOT_FOR_EVER = {401, 403, 407, 408, 409, 421, 423, 425, 429, 499}
_WRITTEN_TWICE = re.compile(r"UNIQUE constraint failed|UniqueViolation|Duplicate entry")
_OTHER_SCHEMA = re.compile(r"(?:out-of-date database schema|Can't locate revision)[^(]*\(?((?<=\()[^)]*|.*)")
_ANY_ERROR = "INTERNAL_ERROR"  # the code of every exception that has none of its own
_MAX_CHARS = 300


class Told(Exception):
    """What went wrong with MLflow, told by another process: the end of a sentence as `explain` gives it."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


class NoArtifacts(Exception):
    """All of a run is in MLflow but its artifacts; the words say where those would lie, its cause why they do not."""


def is_permanent(error: Exception) -> bool:
    """Tells whether MLflow refuses what was sent, as opposed to being away, busy or misconfigured."""
    if isinstance(error, Told):
        return error.is_permanent
    if is_written_twice(error):
        return False
    status = _status(error)
    return status is not None and 400 <= status < 500 and status not in _NOT_FOR_EVER


def is_written_twice(error: Exception) -> bool:
    """Tells whether another process wrote the same row at that moment; MLflow calls the later request a bad one."""
    return getattr(error, "error_code", "") == "BAD_REQUEST" and _WRITTEN_TWICE.search(str(error)) is not None


def explain(error: Exception, uri: str = "") -> str:
    """Returns the end of a sentence that begins with "MLflow at" and its address, `uri` where it is known."""
    if isinstance(error, Told | NeverEnds):
        return str(error)
    if isinstance(error, NoArtifacts):
        return _explain_place(error, uri)
    if (versions := _OTHER_SCHEMA.search(str(error))) is not None:
        return (
            f"is a database of another version of MLflow ({versions[1]}); take a copy of it, then type: "
            f"mlflow db upgrade {shlex.quote(uri or 'ITS_ADDRESS')}"
        )
    if (status := _answer(error)) is not None:
        return f"answers {status} ({_said(error) or _phrase(status)})"
    *_, root = causes(error)
    match root:
        case ConnectionRefusedError():
            return "refuses connections"
        case TimeoutError():
            limit_s = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "")
            return f"does not answer within MLFLOW_HTTP_REQUEST_TIMEOUT={limit_s} s"
        case socket.gaierror():
            return "has a host name that nobody knows"
        case ssl.SSLCertVerificationError():
            return (
                f"shows a certificate that nobody here vouches for ({root.verify_message}); if it is yours, name its "
                "file, or that of who signed it, by MLFLOW_TRACKING_SERVER_CERT_PATH=FILE"
            )
        case ssl.SSLError():
            return "does not speak https"
        case ConnectionError():
            return "breaks connections off"
    if type(root).__name__ in ("ProtocolError", "IncompleteRead"):
        return "breaks answers off"
    if re.search(r"OperationalError\) (table .* already exists|duplicate column)", str(error)):
        return "is a database that was cut off while its tables were made; delete that file and call again"
    return f"cannot be written ({type(error).__name__}: {first_line(error)[:_MAX_CHARS]})"


def _explain_place(error: NoArtifacts, uri: str) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    help_ = "`mlflow server --serve-artifacts` or credentials for that place help"
    if not uri.startswith("http"):
        help_ = "give it room, or yourself its permissions"
    return (
        f"keeps artifacts at {error}, which this machine cannot write to ({type(cause).__name__}: "
        f"{first_line(cause)[:_MAX_CHARS]}); params, metrics and states are written; {help_}, then hpo sync brings "
        "the artifacts"
    )


def _status(error: Exception) -> int | None:
    """Returns the HTTP status that stands for an error; a file or a database raises what a server would answer."""
    code = getattr(error, "error_code", _ANY_ERROR)
    is_known = code != _ANY_ERROR and _answer(error) is None
    return int(error.get_http_status_code()) if is_known else _answer(error)  # type: ignore[attr-defined]


def _answer(error: Exception) -> int | None:
    """Returns the HTTP status of a server's answer; None where there was no answer."""
    response = getattr(error, "response", None)
    if response is not None:
        return int(response.status_code)
    told = re.search(r"failed with error code (\d{3})\b|too many (\d{3}) error responses", str(error))
    if told:
        return int(told[1] or told[2])
    is_rest = hasattr(error, "json")
    return int(error.get_http_status_code()) if is_rest else None  # type: ignore[attr-defined]


def _said(error: Exception) -> str:
    """Returns the server's own words, if it has any."""
    if getattr(error, "response", None) is not None or "error responses" in str(error):
        return ""
    _, is_quoted, body = str(error).partition("Response body: '")
    if not is_quoted:
        return first_line(error)[:_MAX_CHARS]
    text = body.removesuffix("'").strip()
    return "" if text.startswith("<") else text.partition("\n")[0][:_MAX_CHARS]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no standard status"
