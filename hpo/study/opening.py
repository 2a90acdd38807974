"""Opens studies: folder, locks, store, facts. What is there was checked in `resume`.

A search comes from a plan, its confirmation and its audit from the search; driving them is `driver`'s business.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage

from hpo.config.schema import Config, ModelLog
from hpo.contracts.records import Budget, StudyRecord, TrialRecord
from hpo.contracts.seeds import derive_seed
from hpo.data.corpus import Corpus, open_corpus
from hpo.machine.locks import StudyLock
from hpo.machine.signals import StopRequest
from hpo.search.options import NoPrunerConfig
from hpo.search.samplers import build_sampler
from hpo.storage.enduring import held
from hpo.storage.storage import DESIGN, FINGERPRINT, STUDY, TEST
from hpo.storage.store import StudyStore
from hpo.study.assignment import Assignment, Surroundings
from hpo.study.audit import AuditSampler, audited_sentence, draw_sample, is_auditable
from hpo.study.confirmation import ReplicateSampler, chosen_trials, confirmed_sentence, to_test
from hpo.study.driver import Driver
from hpo.study.plan import Plan
from hpo.study.provenance import new_study
from hpo.study.resume import AUDIT, CONFIRMATION, Beside, asked_fingerprint
from hpo.study.trial_cache import TrialCache
from hpo.terminal.display import Display
from hpo.tracking.tracker import Tracker
from hpo.trainers.awd_lstm.encoders.catalogue import Bank


@dataclass(frozen=True)
class Site:
    """What all studies of one command share.

    Attributes:
        storage, tracker, stop, cache: As their names say.
        display_of: The display of the study with a name.
        corpora: Folder of the prepared corpus by study name; absent for studies without data.
        design: The registered design; None outside comparisons.
        banks: The encoders by study name; absent for studies without data.
    """

    storage: BaseStorage
    tracker: Tracker
    stop: StopRequest
    cache: TrialCache
    display_of: Callable[[str], Display]
    corpora: Mapping[str, Path]
    design: Mapping[str, object] | None = None
    banks: Mapping[str, Bank] = field(default_factory=dict)


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
        """Returns the driver of a planned study, new or continued; see `continuation`.

        Raises:
            StudyHeld: if another driver works on it.
        """
        config = planned.config
        self._hold(planned.name, folder)
        sampler = build_sampler(config.sampler, planned.space, config.seed)
        max_epochs = planned.space.max_of("train.epochs", config.train.epochs)
        direction = config.study.metric.direction
        pruner = config.pruner.build(max_epochs=max_epochs)
        store = StudyStore(self._site.storage, planned.name, direction=direction, sampler=sampler, pruner=pruner)
        study = self._open_record(planned, store, folder)

        def keeps(trials: Sequence[TrialRecord]) -> list[int]:
            best = None if config.study.confirm.top_k else study.best(list(trials))
            return [best.number] if best else []

        assignment = Assignment(
            config,
            planned.space,
            corpus=self._site.corpora.get(planned.name),
            budget=_budget(config),
            n_concurrent=planned.n_workers,
            seed_of=lambda number: derive_seed(config.seed, number),
            to_test=lambda trials: keeps(trials) if config.study.test else [],
            to_keep=keeps,
            keeps_weights="all" if config.model.log is ModelLog.all else "best",
            encoders_of=self._site.banks.get(planned.name, Bank()).folders_of,
        )
        return Driver(study, assignment, self._surroundings(study, config, store=store, sampler=sampler))

    def open_confirmation(self, search: Driver) -> Driver | None:
        """Returns the driver that confirms a search that is done; None if nothing of it is to be confirmed."""
        asked = search.assignment.config.study
        chosen = chosen_trials(search.study, _counted(search), top_k=asked.confirm.top_k)
        if not chosen:
            return None
        sampler = ReplicateSampler(chosen, asked.confirm.n_seeds, search.assignment.config.seed)
        assignment = replace(
            search.assignment,
            to_test=lambda trials: to_test(search.study, trials, sampler.wanted) if asked.test else [],
            to_keep=lambda trials: to_test(search.study, trials, sampler.wanted),
            keeps_weights="all",
            sum_up=lambda study, trials: confirmed_sentence(study, trials, sampler.wanted),
        )
        return self._open_beside(search, CONFIRMATION, sampler, assignment)

    def open_audit(self, search: Driver) -> Driver | None:
        """Returns the driver that audits what a search that is done has pruned; None if there is nothing to audit."""
        config, counted = search.assignment.config, _counted(search)
        sample = draw_sample(counted, share=config.study.audit, seed=config.seed)
        if not sample:
            return None
        sampler = AuditSampler(sample, [trial for trial in search.trials if is_auditable(trial)])
        assignment = replace(
            search.assignment,
            to_test=lambda _: [],
            to_keep=lambda _: [],
            keeps_weights="none",
            sum_up=lambda _, trials: audited_sentence(search.study, counted, trials),
        )
        return self._open_beside(search, AUDIT, sampler, assignment)

    def _open_beside(self, search: Driver, beside: Beside, sampler: ReplicateSampler, assignment: Assignment) -> Driver:
        """Returns the driver of a study beside a search, new or continued: no pruner, no budget, all workers."""
        name, folder = beside.name_of(search.study.name), Path(beside.name_of(search.study.folder))
        self._hold(name, folder)
        config = replace(assignment.config, pruner=NoPrunerConfig(same_epochs=False))
        pruner, direction = config.pruner.build(max_epochs=1), config.study.metric.direction
        store = StudyStore(self._site.storage, name, direction=direction, sampler=sampler, pruner=pruner)
        study = _open_record_beside(search, beside, store, folder, now_ms=self._now_ms())
        assignment = replace(
            assignment,
            config=config,
            budget=Budget(),
            n_concurrent=self._n_workers,
            seed_of=sampler.seed_of,
            facts_of=sampler.facts_of,
        )
        return Driver(study, assignment, self._surroundings(study, config, store=store, sampler=sampler))

    def _hold(self, study: str, folder: Path) -> None:
        self._held.enter_context(StudyLock(folder, study))
        self._held.enter_context(held(self._site.storage, study))

    def _surroundings(
        self, study: StudyRecord, config: Config, *, store: StudyStore, sampler: BaseSampler
    ) -> Surroundings:
        site, now_ms = self._site, _going_on(self._now_ms, store.trials())
        # A table is as quick as the cache, and it alone knows how a trial that is stopped would have gone on.
        cache = TrialCache(is_on=False) if config.trainer.is_recorded else site.cache
        return Surroundings(store, sampler, site.tracker, site.display_of(study.name), site.stop, now_ms, cache)

    def _open_record(self, planned: Plan, store: StudyStore, folder: Path) -> StudyRecord:
        """Returns the study's facts, written when it is new."""
        if self._site.design is not None:
            store.set(DESIGN, dict(self._site.design))
        store.set_space(planned.space)
        if store.get(FINGERPRINT) is not None:
            return _read_record(store, folder)
        corpus = self._site.corpora.get(planned.name)
        facts = _facts(open_corpus(corpus)) if corpus else {}
        given = asked_fingerprint(planned, corpus, self._site.banks.get(planned.name))
        study = new_study(planned, corpus=facts, fingerprint=given, folder=folder, now_ms=self._now_ms())
        _write_record(store, study, given)
        return study


def _facts(corpus: Corpus) -> dict[str, str | int | float]:
    """Returns what the record says of prepared data: its facts, and what the baseline scores on its valid part."""
    return {**corpus.facts, **{f"baseline_{metric}": value for metric, value in corpus.baseline.items()}}


def _going_on(now_ms: Callable[[], int], trials: Sequence[TrialRecord]) -> Callable[[], int]:
    """Returns a clock that is never behind the record: a simulated one begins at 0 with every command."""
    ends = [trial.ended_ms or (trial.epochs[-1].ended_ms if trial.epochs else trial.started_ms) for trial in trials]
    behind_ms = max(0, max(ends, default=0) - now_ms())
    return lambda: now_ms() + behind_ms


def _budget(config: Config) -> Budget:
    study = config.study
    return Budget(study.n_trials, study.timeout_s, study.n_epochs, study.trials_s)


def _counted(search: Driver) -> list[TrialRecord]:
    """Returns the trials of a search within its budget, in the order of their ends."""
    work = search.assignment
    return work.budget.counted(search.trials, is_ordered=work.config.study.ordered)


def _open_record_beside(search: Driver, beside: Beside, store: StudyStore, folder: Path, *, now_ms: int) -> StudyRecord:
    store.set_space(search.assignment.space)
    if store.get(FINGERPRINT) is not None:
        return _read_record(store, folder)
    tags = {**search.study.tags, "role": beside.role, beside.verb: search.study.name, "pruner": "none"}
    study = replace(
        search.study,
        name=beside.name_of(search.study.name),
        uid=uuid.uuid4().hex,
        tags=tags,
        folder=str(folder),
        created_ms=now_ms,
        test={},
    )
    _write_record(store, study, {"role": beside.role})
    return study


def _write_record(store: StudyStore, study: StudyRecord, given: Mapping[str, str]) -> None:
    store.show({"experiment": study.experiment, **study.tags}, metric=study.metric)
    store.set(STUDY, {key: value for key, value in asdict(study).items() if key != "test"})
    store.set(FINGERPRINT, dict(given))


def _read_record(store: StudyStore, folder: Path) -> StudyRecord:
    return StudyRecord(**{**store.get(STUDY), "folder": str(folder), "test": store.get(TEST) or {}})
