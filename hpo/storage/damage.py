"""What a record says that no driver wrote: told in one sentence with the file and the way out, not in a traceback.

It is noticed where it is read; nothing is mended here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from types import UnionType
from typing import get_args, get_origin, get_type_hints

from sqlalchemy.exc import DBAPIError

from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord
from hpo.machine.errors import causes, first_line
from hpo.machine.files import lack_of_room

# What reading raises over texts and numbers that are not what was written; KeyError is also that a study is not there.
ODD = (JSONDecodeError, TypeError, AttributeError, IndexError, AssertionError, UnicodeDecodeError, OverflowError)
BROKEN = (
    "malformed",
    "not a database",
    "no such table",
    "no such column",
    "unsupported file format",
    "file is encrypted",
)


class Damaged(ValueError):
    """The record is not as it was written; the sentence says where it is and what helps."""


def damage(error: Exception, shown: str, *, is_written: bool) -> Damaged | None:
    """Returns what `error`, raised by a database or over what it held, says of the record `shown`; None if nothing."""
    if isinstance(error, Damaged) or lack_of_room(error):
        return None
    for each in causes(error):
        inner = each.orig if isinstance(each, DBAPIError) else each
        if isinstance(inner, sqlite3.Error) and any(sign in str(inner) for sign in BROKEN):
            return damaged(shown, inner)
    # An enumeration lacks that member, a distribution that name; who writes is also told what may not be written.
    is_odd = isinstance(error, ODD) or type(error) in (LookupError, *(() if is_written else (ValueError,)))
    return damaged(shown, error) if is_odd else None


def damaged(shown: str, error: BaseException) -> Damaged:
    """Returns the sentence for a record that is `shown` as "storage.path=hpo.db"."""
    path = shown.removeprefix("storage.path=")
    ways = "restore that database from its backup"
    if path != shown:
        ways = (
            f"put a copy of it in its place, or save what can be read by: sqlite3 {path} .recover | sqlite3 saved.db, "
            "and give storage.path=saved.db"
        )
    return Damaged(f"{shown} is damaged ({type(error).__name__}: {first_line(error)[:200]}); {ways}.")


@contextmanager
def reading(shown: str) -> Iterator[None]:
    """Turns what reading the record `shown` raises over what nobody wrote into `Damaged`."""
    try:
        yield
    except (KeyError, *ODD) as error:
        raise damaged(shown, error) from error


def check_types(record: StudyRecord | TrialRecord) -> None:
    """Refuses a record whose parts are not of the kinds that it declares.

    Raises:
        TypeError: naming the first such part.
    """
    for name, kinds in KINDS[type(record)].items():
        value = getattr(record, name)
        if not isinstance(value, kinds):
            raise TypeError(f"{name} is {value!r}"[:120])
    if isinstance(record, TrialRecord) and record.state == COMPLETE and record.value is None:
        raise TypeError(f"trial {record.number} is complete without a value")
    if isinstance(record, TrialRecord):
        for epoch in record.epochs:
            if not isinstance(epoch.metrics, Mapping) or not set(map(type, epoch.metrics.values())) <= NUMBERS:
                raise TypeError(f"epoch {epoch.epoch} has metrics {epoch.metrics!r}"[:120])


def _kinds(hint: object) -> tuple[type, ...]:
    kinds = [get_origin(each) or each for each in get_args(hint)] if get_origin(hint) is UnionType else [hint]
    kinds = [get_origin(kind) or kind for kind in kinds]
    if float in kinds:
        kinds.append(int)
    return tuple(kind for kind in kinds if isinstance(kind, type))


NUMBERS = {int, float}
KINDS = {
    kind: {name: _kinds(hint) for name, hint in get_type_hints(kind).items()} for kind in (StudyRecord, TrialRecord)
}
