"""A trial's folder where `storage.folder` is a URL: kept there, worked on in a folder of whoever has the trial.

A worker fetches what is kept into a folder of its own before a job, and keeps what is new before each report of an
epoch goes out and after the job: an epoch that the driver knows of is an epoch that any other worker can go on from.
Trainers know nothing of it. Files are kept before those that vouch for them (a checkpoint's hash, the description of
weights), and only then is deleted what is older than the last two checkpoints: whoever is killed in between leaves at
worst a checkpoint that is passed over. The folder here lives for one job, so that nothing in it can be out of date.

The driver fetches the weights of the trials whose models it keeps, and deletes what is kept of trials that ended. Its
own files, the study's lock and model among them, stay on its disk (`folders`). A study's folder at the URL has its
uid in its name: records that do not know of each other may share a URL.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hpo.artifacts.checkpoint import CHECKPOINTS, N_KEPT
from hpo.artifacts.folders import EVALUATION, FILES, PROBABILITIES, WEIGHTS, weights_hash
from hpo.config.schema import StorageConfig
from hpo.contracts.executor import Job, Task
from hpo.contracts.records import StudyRecord
from hpo.contracts.trainer import Decision, EpochReport, OnEpoch
from hpo.machine.cache import is_abandoned, owner_name
from hpo.machine.files import hash_bytes
from hpo.machine.remote import RemoteFolder, is_remote
from hpo.machine.signals import MustPause, never

SCRATCH = "hpo-trial"
VOUCHERS = (".sha256", ".json")
KINDS = (".safetensors", ".sha256")  # what there is of a checkpoint
N_LOOKS = 8  # at single trials, instead of one at a study


def remote_study(config: StorageConfig, study: StudyRecord) -> str:
    """Returns the URL where the trials of a study are kept; "" where they are in its folder."""
    if not is_remote(config.folder):
        return ""
    name = re.sub(r"[^A-Za-z0-9_.+=-]", "_", study.name)  # the rest means something in URLs of some kind
    return f"{config.folder.rstrip('/')}/{name}-{study.uid[:8]}"


def remote_trial(config: StorageConfig, study: StudyRecord, number: int) -> str:
    """Returns the URL where trial `number` is kept; "" where it is in its folder."""
    root = remote_study(config, study)
    return root and f"{root}/{number:04d}"


class Scratch:
    """The folder of a trial on this machine, for one job; it is gone after the `with`.

    Args:
        job: Its request has a URL.
        must_pause: Ends the waiting for a store that is away.

    Attributes:
        job: The job, in this folder.
    """

    def __init__(self, job: Job, must_pause: MustPause = never) -> None:
        self._remote = RemoteFolder(job.request.remote, must_stop=must_pause)
        self._given = job
        self._kept: dict[str, tuple[int, int]] = {}  # times and sizes of what is kept as it is here

    def __enter__(self) -> Scratch:
        _clear_abandoned()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{owner_name(SCRATCH)}-"))
        self.job = replace(self._given, request=replace(self._given.request, folder=str(self._folder), remote=""))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def fetch(self) -> None:
        """Brings here what the job goes on from: a training its checkpoints, a test the weights."""
        for name in self._remote.names():
            is_wanted = name in WEIGHTS if self.job.task is Task.TEST else _is_checkpoint(name)
            if is_wanted:
                (self._folder / name).parent.mkdir(exist_ok=True)
                if self._remote.get(name, self._folder / name):
                    self._kept[name] = _stamp(self._folder / name)

    def keep(self) -> None:
        """Keeps what is new here, then deletes the checkpoints before the last two."""
        files = {
            path.relative_to(self._folder).as_posix(): _stamp(path)
            for path in self._folder.rglob("*")
            if path.is_file() and not path.name.startswith(".") and self._folder / FILES not in path.parents
        }
        new = [name for name, stamp in files.items() if self._kept.get(name) != stamp]
        for name in sorted(new, key=lambda name: (name.endswith(VOUCHERS), name)):
            self._remote.put(self._folder / name, name)
            self._kept[name] = files[name]
        checkpoints = sorted(name for name in self._kept if _is_checkpoint(name) and name.endswith(KINDS[0]))
        for name in checkpoints[:-N_KEPT]:
            for each in (name.removesuffix(KINDS[0]) + KINDS[1], name):
                self._remote.delete(each)
                self._kept.pop(each, None)

    def keeping(self, on_epoch: OnEpoch) -> OnEpoch:
        """Returns `on_epoch`, which hears of no epoch that is not kept."""

        def keep_and_report(report: EpochReport) -> Decision:
            self.keep()
            return on_epoch(report)

        return keep_and_report


def fetch_weights(url: str, folder: Path) -> None:
    """Brings the final weights of a trial, and how it was tested, into its folder here; no more where none are kept.

    Raises:
        RemoteAway: if the store is.
    """
    remote = RemoteFolder(url, must_stop=lambda: True)
    there = set(remote.names())
    for name in (WEIGHTS[-1], EVALUATION, WEIGHTS[0]):
        is_here = name == WEIGHTS[0] and _is_sound(folder)
        if name in there and not is_here:
            folder.mkdir(parents=True, exist_ok=True)
            remote.get(name, folder / name)


def copy_remote_weights(source: str, target: str) -> bool:
    """Gives a trial the final weights of an equal one, by their URLs; returns whether there were any."""
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}s-") as folder:
        came = [name for name in WEIGHTS if RemoteFolder(source).get(name, Path(folder) / name)]
        if WEIGHTS[-1] not in came:
            return False
        for name in came:
            RemoteFolder(target).put(Path(folder) / name, name)
    return True


def tidy_remote(url: str, keeps_weights: Mapping[int, bool], *, keep_checkpoints: bool, must_stop: MustPause) -> None:
    """Deletes what is kept of trials that ended and nobody will read again.

    Args:
        url: Of the study.
        keeps_weights: By the number of each trial that ended, whether its weights are to stay.
        keep_checkpoints: Whether checkpoints are.
        must_stop: Ends the waiting for a store that is away.

    Raises:
        RemoteAway: if the store is.
    """
    remote = RemoteFolder(url, must_stop=must_stop)
    folders = {f"{number:04d}": number for number in keeps_weights}
    # one look at all of them, if they are many
    found = [name for folder in (folders if len(folders) <= N_LOOKS else [""]) for name in remote.names(folder)]
    emptied: set[str] = set()
    for name in found:
        folder, _, rest = name.partition("/")
        is_weights = rest in (*WEIGHTS, EVALUATION, PROBABILITIES) and not keeps_weights.get(
            folders.get(folder, -1), True
        )
        if (is_weights or (_is_checkpoint(rest) and not keep_checkpoints)) and folder in folders:
            remote.delete(name)
            emptied |= {str(Path(name).parent), folder}
    for folder in sorted(emptied, key=len, reverse=True):
        remote.delete_empty(folder)


def _is_checkpoint(name: str) -> bool:
    return name.startswith(f"{CHECKPOINTS}/") and name.endswith(KINDS)


def _is_sound(folder: Path) -> bool:
    """Returns whether the weights in a folder here are those that are described there."""
    path = folder / WEIGHTS[0]
    return path.is_file() and hash_bytes(path.read_bytes()) == weights_hash(folder)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _clear_abandoned() -> None:
    """Removes the folders of jobs whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}-*"):
        if is_abandoned(folder.name, SCRATCH):
            shutil.rmtree(folder, ignore_errors=True)
