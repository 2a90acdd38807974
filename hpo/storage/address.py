"""The address of a PostgreSQL database: checked, connected to, and what went wrong with it said without it.

Knows psycopg alone, so that a held study is refused before anything heavy is imported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from hpo.machine.paths import HINT
from hpo.machine.secrets import mask, reveal

if TYPE_CHECKING:
    from psycopg import Connection

SETTING = "storage.url"
SCHEME = re.compile(r"(?:postgresql|postgres)(?:\+\w+)?://")
APPLICATION = "hpo"
DEFAULTS = {  # of libpq: a connection whose other end is gone is noticed within a minute
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "client_encoding": "utf8",
}
NO_DRIVER = 'storage=postgres needs the package psycopg; pip install "psycopg[binary]>=3.2" installs it.'
REMEDIES = {  # what servers say, in the language most of them speak
    "password authentication failed": "the server does not take the password: give the right one, or put it into "
    "~/.pgpass (chmod 600)",
    "no password supplied": "the server asks for a password: put it into the address or into ~/.pgpass (chmod 600)",
    "no pg_hba.conf entry": "the server does not let this user in from here: its pg_hba.conf decides",
    'database "[^"]*" does not exist': "the server has no such database: make it with createdb, or correct the name",
    'role "[^"]*" does not exist': "the server has no such user: make it with createuser, or correct the name",
}


class Address:
    """Where a PostgreSQL database is.

    It cannot be pickled, so that no worker is ever sent it.

    Attributes:
        shown: The setting as it may be shown.
    """

    def __init__(self, given: str) -> None:
        """Takes the setting `storage.url`.

        Raises:
            ValueError: if it is no address of a PostgreSQL database, or psycopg is missing.
        """
        url = reveal(given, SETTING)  # first: what it finds secret is masked from then on
        self.shown = f"{SETTING}={mask(given)}"
        self._check(url)
        try:
            from psycopg import Error
            from psycopg.conninfo import conninfo_to_dict, make_conninfo
        except ImportError as error:
            raise ValueError(f"{NO_DRIVER} ({mask(str(error))})" if "libpq" in str(error) else NO_DRIVER) from None
        plain = SCHEME.sub("postgresql://", url, count=1)
        try:
            asked = conninfo_to_dict(plain)
            self._conninfo = make_conninfo(plain, **{key: text for key, text in DEFAULTS.items() if key not in asked})
        except Error:
            raise self._refusal() from None

    def __getstate__(self) -> NoReturn:
        raise TypeError("the address of a database stays in the driver")

    def connect(self, *, application: str = APPLICATION, autocommit: bool = False) -> Connection:
        """Returns a new connection; `application` is the name that other sessions see.

        Raises:
            psycopg.OperationalError: see `explain`.
        """
        import psycopg

        return psycopg.connect(self._conninfo, application_name=application, autocommit=autocommit)

    def explain(self, error: BaseException) -> str:
        """Returns one sentence on why the database cannot be connected to."""
        said = reason(error)
        for words, remedy in REMEDIES.items():
            if re.search(words, said):
                return f"{self.shown}: {remedy} ({said})."
        return f"{self.shown}: the database cannot be reached ({said}); is the server up, and the address right? {HINT}"

    def _check(self, url: str) -> None:
        """Refuses what libpq would read otherwise than it was meant; its message would show a part of the password."""
        scheme = SCHEME.match(url)
        if scheme is None:
            raise self._refusal()
        place, _, query = url[scheme.end() :].partition("?")
        user, at, rest = place.rpartition("@")
        hosts = (rest if at else place).partition("/")[0]
        is_clear = not re.search(r"[@/#?\s]", user) and "#" not in rest and user.count(":") <= 1
        has_ports = all(re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?", host) for host in hosts.split(","))
        if not (is_clear and has_ports and all("=" in each for each in query.split("&") if each)):
            raise self._refusal()

    def _refusal(self) -> ValueError:
        return ValueError(
            f"{self.shown} is no address of a PostgreSQL database; it looks like postgresql://HOST:5432/DATABASE "
            "with USER:PASSWORD@ before HOST; in a password @ is written %40, : %3A, / %2F, # %23, ? %3F and % %25."
        )


def reason(error: BaseException) -> str:
    """Returns the first line of what `error`, or what it was raised for, says; without secrets."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return mask(lines[0].removeprefix("connection failed: ")).rstrip(".") if lines else type(error).__name__
