"""Whether what the record holds may be continued as what is asked for; the studies there may be beside a search.

Changes nothing; opening is `opening`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

from hpo.artifacts.folders import check_place
from hpo.config.schema import Config
from hpo.data.corpus import open_corpus
from hpo.storage.record import FINGERPRINT, MOVED, STUDY, n_trials, study_attrs
from hpo.study.audit import Audit
from hpo.study.confirmation import Confirmation
from hpo.study.fingerprint import check_fingerprint, fingerprint
from hpo.study.plan import Plan
from hpo.study.repeating import Repeating
from hpo.trainers.awd_lstm.encoders.needed import StudyEncoders


def _beside(config: Config) -> list[type[Repeating]]:
    """Returns the studies that there may be beside a search."""
    return [*([Confirmation] if config.study.confirm.top_k else []), *([Audit] if config.study.audit else [])]


def check_record(
    plans: Sequence[Plan],
    storage: BaseStorage,
    corpora: Mapping[str, Path],
    encoders: Mapping[str, StudyEncoders] | None = None,
) -> None:
    """Refuses to continue studies as something else than they are; changes nothing.

    Args:
        plans: What is asked for.
        storage: The record.
        corpora: Folder of the prepared corpus by study name.
        encoders: The encoders by study name.

    Raises:
        ValueError: naming the first such study and what differs.
    """
    there = study_attrs(storage)
    for planned in plans:
        if planned.name in there:
            _check_search(
                planned, there[planned.name], storage, corpora.get(planned.name), (encoders or {}).get(planned.name)
            )
        for beside in _beside(planned.config):
            found = there.get(planned.name + beside.suffix)
            if found is not None:
                _check_beside(planned, beside, found, storage)


def _check_search(
    planned: Plan, there: Mapping[str, Any], storage: BaseStorage, corpus: Path | None, encoders: StudyEncoders | None
) -> None:
    stored, study = there.get(FINGERPRINT), there.get(STUDY)
    if stored is None and n_trials(storage, planned.name):
        raise ValueError(f"Study '{planned.name}' was not made by hpo; choose another study.name.")
    if stored is not None and "role" in stored:
        raise ValueError(f"Study '{planned.name}' is the {stored['role']} of another; choose another study.name.")
    if MOVED in there:
        raise ValueError(f"Study '{planned.name}' has moved to {there[MOVED]}, with its folder; continue it there.")
    if stored is not None:
        asked = asked_fingerprint(planned, corpus, encoders)
        check_fingerprint(planned.name, stored, asked, accepts_code=planned.config.study.accept_code)
    if study is not None:
        check_place(planned.config.storage, planned.name, noted=study["folder"], machine=study["tags"].get("host", ""))


def _check_beside(planned: Plan, beside: type[Repeating], there: Mapping[str, Any], storage: BaseStorage) -> None:
    name = planned.name + beside.suffix
    tags = there.get(STUDY, {}).get("tags", {})
    if tags.get(beside.verb) != planned.name and (tags or n_trials(storage, name)):
        raise ValueError(
            f"Study '{name}' is there already and does not {beside.verb.removesuffix('s')} "
            f"'{planned.name}'; choose another study.name, or {beside.off}."
        )


def asked_fingerprint(planned: Plan, corpus: Path | None, encoders: StudyEncoders | None = None) -> dict[str, str]:
    """Returns what the results of a planned study depend on."""
    data = open_corpus(corpus).fingerprint if corpus else ""
    found = fingerprint(planned.config, planned.space, data, n_workers=planned.n_workers)
    return found | ({"encoder.texts": Path(encoders.more_texts).name} if encoders and encoders.more_texts else {})
