"""Opens studies: folder, lock, store, facts; what is there is checked against what is asked for.

A search comes from a plan, its confirmation from the search; driving them is `study`'s business.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study._frozen import FrozenStudy

from hpo.assignment import Assignment, Surroundings
from hpo.config import Config, MemoryConfig
from hpo.confirmation import (
    ReplicateSampler,
    chosen_trials,
    confirmation_fingerprint,
    confirmation_name,
    confirmed_sentence,
    to_test,
)
from hpo.corpus import open_corpus
from hpo.display import Display
from hpo.fingerprint import check_fingerprint, fingerprint
from hpo.lock import StudyLock
from hpo.plan import Plan
from hpo.provenance import new_study
from hpo.pruners import build_pruner
from hpo.record import Budget, StudyRecord, TrialRecord
from hpo.samplers import build_sampler
from hpo.search_config import NoPrunerConfig
from hpo.seeds import derive_seed
from hpo.stop import StopRequest
from hpo.storage import DESIGN, FINGERPRINT, STUDY, TEST, StudyStore, studies_folder
from hpo.study import Driver
from hpo.tracking import Tracker
from hpo.trial_cache import TrialCache


@dataclass(frozen=True)
class Site:
    """What all studies of one command share.

    Attributes:
        storage, tracker, stop, cache: As their names say.
        display_of: The display of the study with a name.
        corpora: Folder of the prepared corpus by study name; absent for studies without data.
        design: The registered design; None outside comparisons.
    """

    storage: BaseStorage
    tracker: Tracker
    stop: StopRequest
    cache: TrialCache
    display_of: Callable[[str], Display]
    corpora: Mapping[str, Path]
    design: Mapping[str, object] | None = None


def study_folder(planned: Plan) -> Path:
    """Returns the study's folder; one of its own each time when the record is kept in memory."""
    studies = studies_folder(planned.config.storage).absolute()
    is_kept = not isinstance(planned.config.storage, MemoryConfig)
    return studies / (planned.name if is_kept else f"{planned.name}-{uuid.uuid4().hex[:8]}")


def check_record(plans: Sequence[Plan], storage: BaseStorage, corpora: Mapping[str, Path]) -> None:
    """Refuses to continue studies as something else than they are; changes nothing.

    Args:
        plans: What is asked for.
        storage: The record.
        corpora: Folder of the prepared corpus by study name.

    Raises:
        ValueError: naming the first such study and what differs.
    """
    there = {study.study_name: study for study in storage.get_all_studies()}
    for planned in plans:
        if planned.name in there:
            _check_search(planned, there[planned.name], storage, corpora.get(planned.name))
        confirmation = there.get(confirmation_name(planned.name))
        if planned.config.study.confirm.top_k and confirmation is not None:
            _check_confirmation(planned, confirmation, storage)


def _check_search(planned: Plan, there: FrozenStudy, storage: BaseStorage, corpus: Path | None) -> None:
    stored = there.system_attrs.get(FINGERPRINT)
    if stored is None and storage.get_n_trials(there._study_id):
        raise ValueError(f"Study '{planned.name}' was not made by hpo; choose another study.name.")
    if stored is not None and stored.get("role") == "confirmation":
        raise ValueError(f"Study '{planned.name}' is the confirmation of another; choose another study.name.")
    if stored is not None:
        check_fingerprint(planned.name, stored, _fingerprint(planned, corpus))


def _check_confirmation(planned: Plan, there: FrozenStudy, storage: BaseStorage) -> None:
    tags = there.system_attrs.get(STUDY, {}).get("tags", {})
    if tags.get("confirms") != planned.name and (tags or storage.get_n_trials(there._study_id)):
        raise ValueError(
            f"Study '{there.study_name}' is there already and does not confirm '{planned.name}'; "
            "choose another study.name, or study.confirm.top_k=0."
        )


def _fingerprint(planned: Plan, corpus: Path | None) -> dict[str, str]:
    data = open_corpus(corpus).fingerprint if corpus else ""
    return fingerprint(planned.config, planned.space, data, n_workers=planned.n_workers)


class Opener:
    """Opens the studies of one executor.

    Args:
        site: What all studies of the command share.
        held: Keeps the locks until they may be let go.
        now_ms: The clock the executor's jobs run on.
        n_workers: Retrainings at once.
    """

    def __init__(self, site: Site, held: ExitStack, *, now_ms: Callable[[], int], n_workers: int) -> None:
        self._site = site
        self._held = held
        self._now_ms = now_ms
        self._n_workers = n_workers

    def open_search(self, planned: Plan, folder: Path) -> Driver:
        """Returns the driver of a planned study, new or continued; see `check_record`.

        Raises:
            StudyHeld: if another driver works on it.
        """
        config = planned.config
        self._held.enter_context(StudyLock(folder, planned.name))
        sampler = build_sampler(config.sampler, planned.space, config.seed)
        max_epochs = planned.space.max_of("train.epochs", config.train.epochs)
        direction = config.study.metric.direction
        pruner = build_pruner(config.pruner, max_epochs=max_epochs)
        store = StudyStore(self._site.storage, planned.name, direction=direction, sampler=sampler, pruner=pruner)
        study = self._open_record(planned, store, folder)

        def tests(trials: Sequence[TrialRecord]) -> list[int]:
            best = study.best(list(trials)) if config.study.test and not config.study.confirm.top_k else None
            return [best.number] if best else []

        assignment = Assignment(
            config,
            planned.space,
            corpus=self._site.corpora.get(planned.name),
            budget=_budget(config),
            n_concurrent=planned.n_workers,
            seed_of=lambda number: derive_seed(config.seed, number),
            to_test=tests,
        )
        return Driver(study, assignment, self._surroundings(store, sampler, study.name))

    def open_confirmation(self, search: Driver) -> Driver | None:
        """Returns the driver that confirms a search that is done; None if nothing of it was completed."""
        asked, work = search.assignment.config.study, search.assignment
        counted = work.budget.counted(search.trials, is_ordered=asked.ordered)
        chosen = chosen_trials(search.study, counted, top_k=asked.confirm.top_k)
        if not chosen:
            return None
        name, folder = confirmation_name(search.study.name), Path(f"{search.study.folder}-confirm")
        self._held.enter_context(StudyLock(folder, name))
        config = replace(work.config, pruner=NoPrunerConfig(same_epochs=False))
        sampler = ReplicateSampler(chosen, asked.confirm.n_seeds, config.seed)
        pruner = build_pruner(config.pruner, max_epochs=1)
        store = StudyStore(self._site.storage, name, direction=asked.metric.direction, sampler=sampler, pruner=pruner)
        study = _open_confirmation_record(search, store, folder, now_ms=self._now_ms())
        assignment = replace(
            work,
            config=config,
            budget=Budget(),
            n_concurrent=self._n_workers,
            seed_of=sampler.seed_of,
            facts_of=sampler.facts_of,
            to_test=lambda trials: to_test(study, trials, sampler.wanted) if asked.test else [],
            keeps_all_weights=True,
            sum_up=lambda study, trials: confirmed_sentence(study, trials, sampler.wanted),
        )
        return Driver(study, assignment, self._surroundings(store, sampler, name))

    def _surroundings(self, store: StudyStore, sampler: BaseSampler, name: str) -> Surroundings:
        site, now_ms = self._site, _going_on(self._now_ms, store.trials())
        return Surroundings(store, sampler, site.tracker, site.display_of(name), site.stop, now_ms, site.cache)

    def _open_record(self, planned: Plan, store: StudyStore, folder: Path) -> StudyRecord:
        """Returns the study's facts, written when it is new."""
        if self._site.design is not None:
            store.set(DESIGN, dict(self._site.design))
        store.set_space(planned.space)
        if store.get(FINGERPRINT) is not None:
            return _read_record(store, folder)
        corpus = self._site.corpora.get(planned.name)
        facts = {str(key): value for key, value in open_corpus(corpus).facts.items()} if corpus else {}
        given = _fingerprint(planned, corpus)
        study = new_study(planned, corpus=facts, fingerprint=given, folder=folder, now_ms=self._now_ms())
        _write_record(store, study, given)
        return study


def _going_on(now_ms: Callable[[], int], trials: Sequence[TrialRecord]) -> Callable[[], int]:
    """Returns a clock that is never behind the record: a simulated one begins at 0 with every command."""
    ends = [trial.ended_ms or (trial.epochs[-1].ended_ms if trial.epochs else trial.started_ms) for trial in trials]
    behind_ms = max(0, max(ends, default=0) - now_ms())
    return lambda: now_ms() + behind_ms


def _budget(config: Config) -> Budget:
    study = config.study
    return Budget(study.n_trials, study.timeout_s, study.n_epochs, study.trials_s)


def _open_confirmation_record(search: Driver, store: StudyStore, folder: Path, *, now_ms: int) -> StudyRecord:
    store.set_space(search.assignment.space)
    if store.get(FINGERPRINT) is not None:
        return _read_record(store, folder)
    tags = {**search.study.tags, "role": "confirmation", "confirms": search.study.name, "pruner": "none"}
    study = replace(
        search.study,
        name=confirmation_name(search.study.name),
        uid=uuid.uuid4().hex,
        tags=tags,
        folder=str(folder),
        created_ms=now_ms,
        test={},
    )
    _write_record(store, study, confirmation_fingerprint({}))
    return study


def _write_record(store: StudyStore, study: StudyRecord, given: Mapping[str, str]) -> None:
    store.show(study.tags)
    store.set(STUDY, {key: value for key, value in asdict(study).items() if key != "test"})
    store.set(FINGERPRINT, dict(given))


def _read_record(store: StudyStore, folder: Path) -> StudyRecord:
    return StudyRecord(**{**store.get(STUDY), "folder": str(folder), "test": store.get(TEST) or {}})
