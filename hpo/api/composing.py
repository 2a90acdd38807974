"""Turns what Python was given into settings, as a command line would give them, and faults into one exception.

What the settings mean is the business of `config` and `study.plan`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.config.compose import Composition
    from hpo.config.schema import Config


class Refused(ValueError):
    """What was given cannot be used; the sentence is the one that the command line prints."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turns what is refused on the way into `Refused`; refuses workers, that import a script for its function."""
    if parent_process() is not None:
        raise Refused("A worker imported this script, too: put the calls of hpo below `if __name__ == '__main__':`.")
    from hpo.machine.locks import StudyHeld
    from hpo.machine.paths import os_sentence
    from hpo.study.refusal import Refused as RefusedStudy

    try:
        yield
    except Refused:
        raise
    except OSError as error:
        raise Refused(os_sentence(error)) from None
    except (ValueError, StudyHeld, RefusedStudy) as error:
        raise Refused(str(error)) from None


@contextmanager
def composed(words: Sequence[str], *, name: str = "config", root: type[Config] | None = None) -> Iterator[Composition]:
    """Gives the settings of a command line; within it, they can be composed again with more words.

    Args:
        words: What was given, as it would be typed.
        name: Which file of conf/ is the primary one.
        root: The type of the whole; None means `Config`.

    Raises:
        ValueError: in a sentence, if they cannot be composed.
    """
    from hpo.config.compose import compose_job, hydra_initialized, register_schemas, search_path
    from hpo.config.overrides import read_arguments, split_jobs
    from hpo.config.schema import Config
    from hpo.machine.secrets import cover_word

    register_schemas(root or Config)
    with hydra_initialized():
        arguments = read_arguments([cover_word(word) for word in words])
        (job,) = split_jobs(arguments, name)
        yield compose_job(name, [*search_path(arguments.config_dir), *job], may_lack=name == "compare")


def words_of(settings: Mapping[str, Any]) -> list[str]:
    """Returns an override for each setting that is given; None leaves it as it is."""
    return [f"{path}={as_word(value)}" for path, value in settings.items() if value is not None]


def as_word(value: Any) -> str:
    """Returns a value as Hydra's grammar writes it.

    Raises:
        ValueError: for what no setting can be.
    """
    from hpo.config.override_text import override_value

    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {as_word(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple | range):
        return "[" + ", ".join(map(as_word, value)) + "]"
    if isinstance(value, Path):
        value = str(value)
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value  # numpy's scalars
    if not isinstance(plain, str | int | float | bool | None):
        raise Refused(f"{value!r} can be no setting; give numbers, texts, booleans, lists or dicts of them.")
    return override_value(plain)


def _key(key: object) -> str:
    from hpo.config.override_text import override_value

    return override_value(str(key))
