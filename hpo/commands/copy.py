"""`hpo copy`: studies from one record into another, from a laptop's file to the team's database.

What a copy is, is decided in `storage.copies`; nothing is changed at either place before everything is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, HELD, command, compose_and_call, refuse, split_words
from hpo.commands.sync import show_in_mlflow

if TYPE_CHECKING:
    from hpo.config.schema import Config, StorageConfig
    from hpo.storage.copies import Group, Place

USAGE = """hpo copy from=hpo.db to=env:HPO_STORAGE_URL [study.name=NAME] [tracking.uri=URI]

Copies studies into another record: trials, epochs and states to the last digit, with what confirms and audits
them. Nothing is copied while a driver works on a study, nor over a study that is there. The same command again
finishes what was broken off.

  from=hpo.db to=…         a file, or a PostgreSQL database: env:NAME or file:PATH, which say where its address
                           is, or postgresql://USER@HOST/DATABASE
  study.name=NAME          this study alone; otherwise all
  from.folder=studies      the folder of the studies, as in storage.folder: beside a record that is a file,
  to.folder=studies        in the working directory for a database. Where both are one folder, the study moves:
                           the old record refuses to continue it. Otherwise the folder is copied too
  tracking.uri=URI         show the copies in this MLflow, as hpo sync does"""

KEYS = ("from", "to", "from.folder", "to.folder")  # keys of this command alone
EXAMPLE = "as in from=hpo.db to=env:HPO_STORAGE_URL"


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    values, overrides = split_words(argv, KEYS)
    missing = [key for key in ("from", "to") if not values.get(key)]
    if missing:
        return refuse(f"{missing[0]}=… is missing; say where the studies are and where they shall be, {EXAMPLE}.")
    is_shown = any(word.startswith(("tracking.uri=", "tracking=")) for word in overrides)
    return compose_and_call(overrides, lambda job: _copy(job.config, values, is_shown=is_shown))


def _copy(config: Config, values: dict[str, str], *, is_shown: bool) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    from hpo.machine.locks import StudyHeld
    from hpo.storage.address import reason
    from hpo.storage.claims import check_free
    from hpo.storage.copies import check_copy, copy_group
    from hpo.storage.damage import Damaged, damage
    from hpo.storage.enduring import StorageAway
    from hpo.storage.record import read_study

    made: list[Path] = []
    try:
        if is_shown:
            config.tracking.check(config.storage)
            config.tracking.check_unshared()
        with ExitStack() as opened:
            source = _open_place("from", config, values, opened)
            groups = _choose(source, config.study.name)
            names = [name for group in groups for name in group.studies]
            check_free(source.config, {name: source.folder(name) for name in names})
            for name in names:
                read_study(source.storage, name)  # all of it: nothing is made for what is damaged
            made = _not_there("to", config, values, names)
            target = _open_place("to", config, values, opened, names)
            if _is_one_record(source, target):
                raise ValueError(f"{source.shown} and {target.shown} are one record; give another.")
            for group in groups:
                check_copy(group, source, target)
            for group in groups:
                print(f"{', '.join(group.studies)}: {copy_group(group, source, target)}")
            if is_shown and config.tracking.is_shown:
                folders = {name: target.folder(name) for name in names}
                return show_in_mlflow(target.storage, folders, config.tracking.uri, where=" in MLflow")
    except StudyHeld as error:
        return refuse(str(error), code=HELD)
    except (SQLAlchemyError, StorageAway) as error:
        if (spoilt := damage(error, f"from={values['from']}", is_written=False)) is not None:
            _take_back(made)
            return refuse(spoilt)
        return refuse(f"The copy was broken off ({reason(error)}); the same command again finishes it.")
    except (ValueError, OSError) as error:
        if isinstance(error, Damaged):
            _take_back(made)
        return refuse(str(error))
    return DONE


def _open_place(
    key: str, config: Config, values: dict[str, str], opened: ExitStack, names: Sequence[str] = ()
) -> Place:
    """Opens the record where the studies are, "from", or the one where they shall be, "to", until `opened` ends.

    Nothing is created where no record or no folders can be, or where one of the studies called `names` is held.

    Raises:
        StudyHeld: naming the host and process of the holder.
        ValueError: if there is none in the first place, or it cannot be used, naming what is in the way.
    """
    from hpo.artifacts.folders import study_folder
    from hpo.machine.secrets import mask
    from hpo.storage.checks import check_storage
    from hpo.storage.claims import check_free
    from hpo.storage.copies import Place
    from hpo.storage.enduring import disconnect
    from hpo.storage.record import open_record, open_storage

    settings = _storage_config(key, config, values)
    with _naming(key):
        for name in names:
            check_storage(settings, name)
        check_free(settings, {name: study_folder(settings, name) for name in names})
        storage = open_record(settings) if key == "from" else open_storage(settings)
    opened.callback(disconnect, storage)
    return Place(settings, storage, f"{key}={mask(values[key])}")


def _not_there(key: str, config: Config, values: dict[str, str], names: Sequence[str]) -> list[Path]:
    """Returns what a copy would make: the file of the record, the folders of its studies and what they lie in."""
    from hpo.artifacts.folders import study_folder

    settings = _storage_config(key, config, values)
    folders = [study_folder(settings, name) for name in names]
    paths = [*([settings.file] if settings.file else []), *folders, *(folder.parent for folder in folders)]
    return [path for path in paths if not path.exists()]


def _take_back(made: Sequence[Path]) -> None:
    """Removes what was made for a copy of something damaged, of which nothing came."""
    from shutil import rmtree

    for path in made:
        if path.is_dir():
            rmtree(path)
        for file in path.parent.glob(f"{path.name}*"):  # a database has files beside it
            if file.name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                file.unlink()


def _storage_config(key: str, config: Config, values: dict[str, str]) -> StorageConfig:
    from hpo.machine.remote import is_remote
    from hpo.machine.secrets import cover, is_named, mask
    from hpo.storage.options import PostgresConfig, SqliteConfig

    place, folder = values[key], values.get(f"{key}.folder", config.storage.folder)
    if is_remote(folder):
        raise ValueError(
            f"{key}.folder={mask(folder)} is a URL; only folders are copied: give that of the studies' own "
            "files, studies. Trials that run begin anew in a copy."
        )
    if is_named(place) or "://" in place:
        return PostgresConfig(folder=folder, url=cover(place, setting="storage.url"))
    return SqliteConfig(folder=folder, path=place)


def _is_one_record(source: Place, target: Place) -> bool:
    """Returns whether two addresses lead to one record: databases are told by a claim that the other one sees."""
    from secrets import token_hex

    from hpo.machine.locks import StudyHeld
    from hpo.storage.claims import check_free
    from hpo.storage.enduring import held

    if source.config.file and target.config.file:
        return source.config.file.resolve() == target.config.file.resolve()
    if source.config.is_shared and target.config.is_shared:
        name = token_hex()
        try:
            with held(source.storage, name):
                check_free(target.config, {name: target.folder(name)})
        except StudyHeld:
            return True
    return False


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Lets sentences on a record name the setting that was given here."""
    try:
        yield
    except ValueError as error:
        sentence = str(error).replace("storage.folder=", f"{key}.folder=")
        for setting in ("storage.url=", "storage.path="):
            sentence = sentence.replace(setting, f"{key}=")
        raise ValueError(sentence) from None


def _choose(source: Place, study: str | None) -> list[Group]:
    from hpo.storage.copies import chosen_groups, find_groups

    groups, others = find_groups(source.storage)
    chosen = list(chosen_groups(groups, study))
    if not chosen:
        what = f"study.name={study}" if study else "study of hpo's"
        names = ", ".join(group.name for group in groups) or "none"
        raise ValueError(f"There is no {what} in the record; it has {names}.")
    if others and study is None:
        print(f"left out, not made by hpo: {', '.join(others)}")
    return chosen
