"""What `hpo doctor` looks at before a study does: each check says in a line what it found.

Nothing is started, and nothing left behind; how findings are shown is `doctor`'s business.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from hpo import __version__

if TYPE_CHECKING:
    from hpo.config.compose import Composition
    from hpo.config.schema import Config
    from hpo.executors.torch_probe import Torch, TorchProbe
    from hpo.study.plan import Plan

GB = 1e9
ENOUGH_MEMORY, ENOUGH_DISK, LEAST_DISK = 1 * GB, 2 * GB, 0.1 * GB  # the first of each worker
TORCH = 'pip install "torch>=2.11" "fastai>=2.8.12,<2.9"'


class State(Enum):
    """What a finding means for a study: nothing, something to know, or that it would not run."""

    ok = "ok"
    warning = "warning"
    error = "error"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    subject: str
    state: State
    text: str


@dataclass
class Case:
    """What is looked at, and what a check found that later ones build on.

    Attributes:
        job: The settings.
        probe: Torch, looked at meanwhile.
        plan: What a study would do; None until that is known.
        torch: What torch can do; None until that is known.
    """

    job: Composition
    probe: TorchProbe
    plan: Plan | None = None
    torch: Torch | None = None

    @property
    def n_workers(self) -> int:
        return self.plan.n_workers if self.plan else 1

    @property
    def config(self) -> Config:
        return self.job.config


Check = Callable[[Case], tuple[State, str]]
"""Returns what it found; a ValueError or OSError is an error that says why."""


def look(case: Case) -> Iterator[Finding]:
    """Yields what each check found, in their order; whatever one stumbles over is a finding, too."""
    said: set[str] = set()
    for subject, check in CHECKS.items():
        try:
            state, text = check(case)
        except ModuleNotFoundError as error:
            state, text = State.error, f"the package {error.name} is not installed; pip install brings it"
        except Exception as error:  # whatever a library raises on a machine where it does not work
            state, text = State.error, _sentence(error)
        if text not in said:
            yield Finding(subject, state, text)
        said.add(text)


def _sentence(error: Exception) -> str:
    from hpo.machine.files import lack_of_room
    from hpo.machine.paths import HINT, os_sentence

    said = lack_of_room(error) or (os_sentence(error) if isinstance(error, OSError) else str(error))
    first = said.strip().partition("\n")[0].removesuffix(HINT).rstrip(" .")
    is_sentence = isinstance(error, ValueError | OSError) or type(error).__module__ != "builtins"
    return first if is_sentence and first else f"{type(error).__name__}: {first}"


def _python(_: Case) -> tuple[State, str]:
    return State.ok, f"{platform.python_version()}, with hpo {__version__}"


def _settings(case: Case) -> tuple[State, str]:
    from hpo.study.plan import plan

    case.plan = plan(case.job)
    return State.ok, f"study {case.plan.name}"


def _cores(case: Case) -> tuple[State, str]:
    from hpo.machine.capacity import core_limit
    from hpo.machine.cores import n_cores

    cores, limit, threads = n_cores(), core_limit(), case.config.executor.threads
    asked = f"{case.n_workers} worker{'s' * (case.n_workers > 1)} of {threads} thread{'s' * (threads > 1)}"
    if limit is None or limit >= case.n_workers * threads:
        return State.ok, f"{cores} for this process; {asked}"
    fitting = max(1, int(limit) // threads)
    advice = f"executor.n_workers={fitting} is as fast" if fitting < case.n_workers else "they wait for each other"
    return State.warning, f"{cores}, but a control group gives the time of {limit:g} to {asked}; {advice}"


def _memory(case: Case) -> tuple[State, str]:
    from hpo.machine.capacity import memory_room

    free, total = memory_room()
    text = f"{free / GB:.1f} of {total / GB:.1f} GB free"
    if free >= ENOUGH_MEMORY * case.n_workers:
        return State.ok, text
    return State.warning, f"{text}, little for {case.n_workers} workers; fewer (executor.n_workers) need less"


def _disk(case: Case) -> tuple[State, str]:
    from hpo.artifacts.folders import studies_folder
    from hpo.machine.paths import expanded, nearest_folder

    places = {"studies": studies_folder(case.config.storage), "data.cache": expanded(case.config.data.cache)}
    free = {name: shutil.disk_usage(nearest_folder(place)).free for name, place in places.items()}
    text = ", ".join(f"{n_bytes / GB:.1f} GB free for {name}" for name, n_bytes in free.items())
    least = min(free.values())
    if least < LEAST_DISK:
        return State.error, f"{text}; free some, or a study pauses at once"
    return (State.ok, text) if least >= ENOUGH_DISK else (State.warning, f"{text}, little for weights and checkpoints")


def _folder(case: Case) -> tuple[State, str]:
    from hpo.artifacts.folders import studies_folder
    from hpo.machine.paths import check_folder
    from hpo.machine.remote import check_remote, is_remote
    from hpo.storage.checks import check_storage

    storage = case.config.storage
    check_storage(storage, "any")
    check_folder(f"data.cache={case.config.data.cache}", _cache(case))
    if is_remote(storage.folder):
        check_remote(storage.folder)
        return State.ok, f"storage.folder={storage.folder} takes files and gives them back"
    return State.ok, f"{studies_folder(storage)} can be written"


def _locks(case: Case) -> tuple[State, str]:
    from hpo.artifacts.folders import studies_folder
    from hpo.machine.locks import check_locks
    from hpo.machine.paths import nearest_folder

    check_locks(nearest_folder(studies_folder(case.config.storage)))
    return State.ok, "files can be locked there"


def _record(case: Case) -> tuple[State, str]:
    from hpo.artifacts.folders import study_folder
    from hpo.storage.checks import NoRecord
    from hpo.storage.claims import check_free
    from hpo.storage.enduring import disconnect
    from hpo.storage.record import open_record, study_names

    storage = case.config.storage
    if not storage.is_kept:
        return State.ok, f"storage={storage.option}: gone when a command ends"
    try:
        record = open_record(storage)
    except NoRecord:
        return State.ok, f"{storage.place}: the first study makes it"
    n_studies = len(study_names(record))
    disconnect(record)
    if case.plan:
        check_free(storage, {case.plan.name: study_folder(storage, case.plan.name)})
    return State.ok, f"{storage.place}: {n_studies} stud{'y' if n_studies == 1 else 'ies'}"


def _mlflow(case: Case) -> tuple[State, str]:
    from hpo.machine.secrets import mask
    from hpo.tracking.reach import Away, reach

    tracking = case.config.tracking
    if not tracking.is_shown:
        return State.ok, f"tracking={tracking.option}: not used"
    shown = f"tracking.uri={mask(tracking.uri)}"
    tracking.check(case.config.storage)
    try:
        return State.ok, f"{shown}: {reach(tracking.uri)}"
    except Away as away:
        return State.warning, f"{shown} {away}; studies run, and hpo sync brings what it misses"


def _data(case: Case) -> tuple[State, str]:
    from hpo.data.corpus import MustDownload, find_prepared, prepared_names

    data, trainer = case.config.data, case.config.trainer
    cached = f"in the cache: {', '.join(prepared_names(data.cache)) or 'nothing'}"
    if not trainer.reads_texts:
        return State.ok, f"trainer={trainer.option} reads none; {cached}"
    try:
        is_there = find_prepared(data) is not None
    except MustDownload:
        return State.warning, f"data={data.option} is downloaded by the first study; {cached}"
    return State.ok, f"data={data.option} is prepared{'' if is_there else ' by the first study'}; {cached}"


def _torch(case: Case) -> tuple[State, str]:
    from hpo.machine.cores import visible_gpus

    try:
        case.torch = found = case.probe.result()
    except ValueError as error:
        is_needed = case.config.trainer.needs_torch
        return State.error if is_needed else State.warning, f"{str(error).rstrip('.')}; {TORCH}"
    text = f"{found.version}, fastai {found.fastai}; {found.shown}"
    n_gpus = len(visible_gpus())
    if n_gpus > found.n_gpus and case.config.executor.device != "cpu":
        built = f"for CUDA {found.cuda}: is the driver too old?" if found.cuda else "without CUDA"
        return State.warning, f"{text}, but there are {n_gpus} GPUs; it is built {built}"
    return State.ok, text


def _precision(case: Case) -> tuple[State, str]:
    asked, found = case.config.train.precision.value, case.torch
    if found is None:
        return State.warning, f"train.precision={asked} cannot be tried without torch"
    if found.precision != asked:
        return State.warning, f"{found.precision}: train.precision={asked} has no effect on a CPU"
    if not found.total_bytes:
        return State.ok, f"{asked}; bf16 and fp16 need a GPU"
    if asked == "bf16" and not found.has_bf16:
        return State.warning, f"bf16, which {found.device} only imitates; train.precision=fp16 is faster there"
    return State.ok, f"{asked}; the GPU {'computes in' if found.has_bf16 else 'only imitates'} bf16"


def _cache(case: Case) -> Path:
    from hpo.machine.paths import expanded

    return expanded(case.config.data.cache)


CHECKS: Mapping[str, Check] = {
    "python": _python,
    "settings": _settings,
    "cores": _cores,
    "memory": _memory,
    "disk": _disk,
    "folder": _folder,
    "locks": _locks,
    "record": _record,
    "mlflow": _mlflow,
    "data": _data,
    "torch": _torch,
    "precision": _precision,
}
