"""What comes before any driving: data, encoders and the record are prepared, and each study checked, for a command.

Whatever can be refused is refused here, before a study is created; driving is `session`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from optuna.storages import BaseStorage

from hpo.artifacts.folders import study_folder
from hpo.config.schema import Config
from hpo.data.corpus import Corpus, open_corpus, prepare
from hpo.data.metrics import find_class, obstacle_to, shown
from hpo.machine.remote import check_remote, is_remote
from hpo.space.space import Distributions
from hpo.storage.checks import check_storage
from hpo.storage.claims import check_free
from hpo.storage.record import open_storage
from hpo.study.audit import audit_name
from hpo.study.confirmation import confirmation_name
from hpo.study.encoders import open_all_encoders
from hpo.study.plan import Plan
from hpo.study.refusal import refusing
from hpo.study.resume import check_record
from hpo.terminal.display import Announcer
from hpo.tracking.tracker import Tracker
from hpo.trainers.awd_lstm.encoders.needed import StudyEncoders


@dataclass(frozen=True)
class Prepared:
    """The studies of one command, checked: nothing is left that could be refused, and no study is on disk.

    Attributes:
        plans: Studies with one storage, tracking and executor.
        folders: Those of the studies, by name.
        corpora, encoders: Prepared corpora and encoders by study name, where there are any.
        storage: The record.
        tracker: Shows them in MLflow.
    """

    plans: Sequence[Plan]
    folders: Mapping[str, Path]
    corpora: Mapping[str, Path]
    encoders: Mapping[str, StudyEncoders]
    storage: BaseStorage
    tracker: Tracker


def prepare_all(plans: Sequence[Plan], display: Announcer, *, storage: BaseStorage | None = None) -> Prepared:
    """Prepares what all planned studies need and checks that each may begin or go on.

    Args:
        plans: Studies with one storage, tracking and executor.
        display: Shows the preparation.
        storage: Where the record lives, if it is open already.

    Raises:
        Refused: if the data or a study cannot be used as they are.
        StudyHeld: if another driver works on one of the studies.
    """
    config = plans[0].config
    folders = {planned.name: study_folder(planned.config.storage, planned.name) for planned in plans}
    for note in dict.fromkeys(note for planned in plans for note in planned.notes):
        display.note(note)
    with refusing(config.storage):
        for planned in plans:
            check_storage(config.storage, planned.name)
        if is_remote(config.storage.folder):
            check_remote(config.storage.folder)
        tracker: Tracker = config.tracking.build(_distributions(plans))
        check_free(config.storage, folders)
        corpora = prepare_corpora(plans, display)
        storage = storage or open_storage(config.storage)
        config.tracking.check_unshared()  # again: a new database is Optuna's now
        encoders = open_all_encoders(plans, corpora, display)
        check_record(plans, storage, corpora, encoders)
    return Prepared(plans, folders, corpora, encoders, storage, tracker)


def _distributions(plans: Sequence[Plan]) -> dict[str, Distributions]:
    """Returns the space of every study there may be, by its name."""
    spaces: dict[str, Distributions] = {}
    for planned in plans:
        names = (planned.name, confirmation_name(planned.name), audit_name(planned.name))
        spaces |= dict.fromkeys(names, planned.space.distributions())
    return spaces


def prepare_corpora(plans: Sequence[Plan], display: Announcer) -> dict[str, Path]:
    """Prepares every corpus once; returns each study's folder of it."""
    prepared: dict[str, Path] = {}
    corpora: dict[str, Path] = {}
    for planned in plans:
        if planned.config.trainer.reads_texts:
            asked = repr(planned.config.data)
            if asked not in prepared:
                prepared[asked] = prepare(planned.config.data, on_progress=display.preparing, on_note=display.note)
                for note in open_corpus(prepared[asked]).notes:
                    display.note(note)
            corpora[planned.name] = prepared[asked]
            _check_metric(planned.config, open_corpus(prepared[asked]))
    return corpora


def _check_metric(config: Config, corpus: Corpus) -> None:
    """Refuses a metric that is not defined on the valid part, and a class that there is not."""
    metric, positive, classes = config.study.metric, config.study.positive, corpus.classes
    if metric == "f1" and positive is None:
        raise ValueError(f"study.metric=f1 is about one class: give study.positive=CLASS, one of {shown(classes)}.")
    number = None if positive is None else find_class(positive, classes, setting="study.positive")
    obstacle = obstacle_to(metric, number, np.asarray(corpus.valid.labels))
    if obstacle:
        raise ValueError(
            f"study.metric={metric} is not defined on the valid part of data={corpus.facts['name']}: {obstacle}; give "
            "the part others, or study.metric=accuracy."
        )
