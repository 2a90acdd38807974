"""Copies studies from one record into another: their rows, then their folders, under the locks of both places.

Which ones and where to is `hpo copy`'s business. A copy that was broken off is finished by the next.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from optuna.storages import BaseStorage

from hpo.artifacts.folders import study_folder
from hpo.config.schema import StorageConfig
from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.machine.files import sync, write_json
from hpo.machine.locks import StudyLock
from hpo.storage.enduring import held
from hpo.storage.record import FINGERPRINT, MOVED, STUDY, moved_to, read_studies, read_study, study_names
from hpo.storage.transfer import transfer

MARK = "copying.json"  # in a folder that is being copied into
LOCK = "lock"


@dataclass(frozen=True)
class Place:
    """A record, open, the settings it was opened with, and how they were given, as it may be shown."""

    config: StorageConfig
    storage: BaseStorage
    shown: str

    def folder(self, study: str) -> Path:
        return study_folder(self.config, study)


@dataclass(frozen=True)
class Group:
    """A search, and what confirms and audits it: they are copied together or not at all."""

    studies: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.studies[0]


def find_groups(storage: BaseStorage) -> tuple[list[Group], list[str]]:
    """Returns the searches of a record with what belongs to them, and the studies that are not ours."""
    found = read_studies(storage)
    beside: dict[str, list[str]] = {}
    for name, study in found.items():
        search = study.tags.get("confirms") or study.tags.get("audits")
        if search in found:
            beside.setdefault(search, []).append(name)
    taken = {name for names in beside.values() for name in names}
    groups = [Group((name, *beside.get(name, ()))) for name in found if name not in taken]
    return groups, [name for name in study_names(storage) if name not in found]


def check_copy(group: Group, source: Place, target: Place) -> bool:
    """Returns whether the target lacks the studies of `group`, or has but what they left when they moved away from it.

    Changes nothing.

    Raises:
        ValueError: if it has others of their names, or these in another state, or folders where theirs would be.
    """
    there, left = set(study_names(target.storage)), _left(group, target)
    lacking = [name for name in group.studies if name not in there or name in left]
    for name in lacking:
        _check_here(source, target, name)
    for name in group.studies:
        ours = read_study(source.storage, name)
        if name in left:
            _check_own(ours[0], target, name)
        elif name in there:
            _check_same(ours, target, name)
        if name in lacking and not _is_shared(source, target, name):
            _check_vacant(target.folder(name), ours[0].uid)
    if lacking and len(lacking) < len(group.studies):
        raise ValueError(
            f"{target.shown} has {', '.join(sorted({*group.studies} - {*lacking}))} already, but not "
            f"{', '.join(lacking)}, which belongs to it; copy to another record."
        )
    return bool(lacking)


def copy_group(group: Group, source: Place, target: Place) -> str:
    """Copies a search with what belongs to it; returns what was done, in a few words.

    Raises:
        StudyHeld: if a driver works on one of the studies.
        ValueError: see `check_copy`.
    """
    with ExitStack() as locks:
        for name in group.studies:
            for place in (source, target):
                if place is source or not _is_shared(source, target, name):
                    locks.enter_context(StudyLock(place.folder(name), name))
                locks.enter_context(held(place.storage, name))
        is_lacking = check_copy(group, source, target)
        facts = read_studies(source.storage)
        apart = [name for name in group.studies if not _is_shared(source, target, name)]
        for name in apart:
            _copy_folder(source.folder(name), target.folder(name), facts[name].uid)
        if is_lacking:
            _clear(group, source, target)
            settings = target.config.folder
            edit = _Edit(settings, {name: target.folder(name) for name in apart})
            transfer(source.storage, target.storage, group.studies, edit=edit)
        for name in group.studies:
            (target.folder(name) / MARK).unlink(missing_ok=True)
            if name not in apart and not moved_to(source.storage, name):
                _mark_moved(source, target.config.place, name)
        n_trials = sum(len(read_study(target.storage, name)[1]) for name in group.studies)
    done = f"{n_trials} trial{'s' if n_trials != 1 else ''} {'copied' if apart else 'moved'}"
    return done if is_lacking else "already there"


class _Edit:
    """What a copy says otherwise than the original: where its folder is, if that is another one."""

    def __init__(self, setting: str, folders: dict[str, Path]) -> None:
        self._setting = setting
        self._folders = folders

    def __call__(self, key: str, text: str) -> str:
        content = json.loads(text)
        if key == FINGERPRINT and self._folders and "storage.folder" in content:
            return json.dumps({**content, "storage.folder": self._setting})
        if key == STUDY and content["name"] in self._folders:
            return json.dumps({**content, "folder": str(self._folders[content["name"]])})
        return text


def _is_shared(source: Place, target: Place, study: str) -> bool:
    return source.folder(study).resolve() == target.folder(study).resolve()


def _left(group: Group, place: Place) -> list[str]:
    """Returns the studies of which a record holds no more than what they were when they moved elsewhere."""
    return [name for name in group.studies if moved_to(place.storage, name)]


def _clear(group: Group, source: Place, target: Place) -> None:
    """Makes room in the target for studies that come back to it; the source is theirs until they have."""
    for name in _left(group, target):
        _mark_moved(source, "", name)
        target.storage.delete_study(target.storage.get_study_id_from_name(name))


def _check_here(source: Place, target: Place, name: str) -> None:
    place = moved_to(source.storage, name)
    is_mutual = place == target.config.place and moved_to(target.storage, name) == source.config.place
    if place and not is_mutual:
        raise ValueError(f"Study '{name}' has moved to {place}, with its folder; copy it from there.")


def _check_same(ours: tuple[StudyRecord, list[TrialRecord]], target: Place, name: str) -> None:
    _check_own(ours[0], target, name)
    if read_study(target.storage, name)[1] != ours[1]:
        raise ValueError(
            f"{target.shown} has study '{name}' already, and one of the two has gone on since; "
            "continue that one, or copy to another record."
        )


def _check_own(ours: StudyRecord, target: Place, name: str) -> None:
    theirs = read_studies(target.storage).get(name)
    if theirs is None or theirs.uid != ours.uid:
        raise ValueError(f"{target.shown} has another study '{name}'; copy to another record.")


def _check_vacant(folder: Path, uid: str) -> None:
    if _entries(folder) and _marked(folder) != uid:
        raise ValueError(f"{folder} has files of another study; move it away, or give another to.folder=….")


def _copy_folder(source: Path, target: Path, uid: str) -> None:
    """Makes `target` hold what `source` does; marked until the copy is whole, so that the next one begins anew."""
    if _entries(target) and _marked(target) != uid:  # there since an earlier copy
        return
    write_json(target / MARK, {"uid": uid})
    for leftover in _entries(target):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    for entry in _entries(source):
        if entry.is_dir():
            shutil.copytree(entry, target / entry.name)
        else:
            shutil.copy2(entry, target / entry.name)
    for path in [*target.rglob("*"), target]:
        sync(path)


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if path.name not in (LOCK, MARK)] if folder.is_dir() else []


def _marked(folder: Path) -> str:
    """Returns the study that a copy into `folder`, broken off, was of; "" if there is none."""
    try:
        return str(json.loads((folder / MARK).read_text())["uid"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _mark_moved(source: Place, place: str, name: str) -> None:
    """Notes in the source that a study has gone on with its folder, which two records must not share."""
    source.storage.set_study_system_attr(source.storage.get_study_id_from_name(name), MOVED, place)


def chosen_groups(groups: Sequence[Group], study: str | None) -> Iterator[Group]:
    """Yields all groups, or the one that `study` is in."""
    return (group for group in groups if study is None or study in group.studies)
