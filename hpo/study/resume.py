"""Whether what the record holds may be continued as what is asked for; the studies there may be beside a search.

Changes nothing; opening is `opening`'s business.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

from hpo.artifacts.folders import check_place, study_folder
from hpo.config.override_text import override_value
from hpo.config.schema import Config
from hpo.data.corpus import open_corpus
from hpo.storage.damage import reading
from hpo.storage.learnt import check_sources
from hpo.storage.record import FINGERPRINT, MOVED, STUDY, n_trials, read_study, shown, study_attrs
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
    with reading(shown(storage)):
        _check_plans(plans, there, storage, corpora, encoders)


def _check_plans(
    plans: Sequence[Plan],
    there: Mapping[str, Mapping[str, Any]],
    storage: BaseStorage,
    corpora: Mapping[str, Path],
    encoders: Mapping[str, StudyEncoders] | None,
) -> None:
    for planned in plans:
        name, free = planned.name, free_name(planned, list(there))
        if name in there:
            now = asked_fingerprint(planned, corpora.get(name), (encoders or {}).get(name))
            _check_search(planned, there[name], storage, now, free)
            if STUDY in there[name]:
                read_study(storage, name)  # all of it: what is damaged is told before anything is done
        elif sources := planned.config.study.learn_from:
            study, space = planned.config.study, planned.space.distributions()
            check_sources(storage, name, sources, space, metric=study.metric, direction=study.goal.value)
        for beside in _beside(planned.config):
            if name + beside.suffix in there:
                _check_beside(planned, beside, there[name + beside.suffix], storage, free)


def free_name(planned: Plan, names: Sequence[str]) -> str:
    """Returns the override that gives a study, or its comparison, a name that nothing has yet.

    Args:
        planned: The study.
        names: Those of the studies that there are.
    """
    is_compared = "strategy" in planned.tags
    key, name = ("name", planned.experiment) if is_compared else ("study.name", planned.name)
    for n in itertools.count(2):
        free = f"{name}-{n}"
        is_taken = any(other == free or (is_compared and other.startswith(f"{free}-")) for other in names)
        if not is_taken and not study_folder(planned.config.storage, free).exists():
            return f"{key}={override_value(free)}"
    raise AssertionError("There are more numbers than names.")


def _check_search(
    planned: Plan, there: Mapping[str, Any], storage: BaseStorage, now: Mapping[str, str], free: str
) -> None:
    stored, study = there.get(FINGERPRINT), there.get(STUDY)
    if stored is None and n_trials(storage, planned.name):
        raise ValueError(f"Study '{planned.name}' was not made by hpo; give another name: {free}.")
    if stored is not None and "role" in stored:
        raise ValueError(f"Study '{planned.name}' is the {stored['role']} of another; give another name: {free}.")
    if there.get(MOVED):
        raise ValueError(f"Study '{planned.name}' has moved to {there[MOVED]}, with its folder; continue it there.")
    if stored is not None:
        check_fingerprint(planned.name, stored, now, free=free, accepts_code=planned.config.study.accept_code)
    if study is not None:
        check_place(planned.config.storage, planned.name, noted=study["folder"], machine=study["tags"].get("host", ""))


def _check_beside(
    planned: Plan, beside: type[Repeating], there: Mapping[str, Any], storage: BaseStorage, free: str
) -> None:
    name = planned.name + beside.suffix
    tags = there.get(STUDY, {}).get("tags", {})
    if tags.get(beside.verb) != planned.name and (tags or n_trials(storage, name)):
        raise ValueError(
            f"Study '{name}' is there already and does not {beside.verb.removesuffix('s')} "
            f"'{planned.name}'; give another name, {free}, or {beside.off}."
        )


def asked_fingerprint(planned: Plan, corpus: Path | None, encoders: StudyEncoders | None = None) -> dict[str, str]:
    """Returns what the results of a planned study depend on."""
    data = open_corpus(corpus).fingerprint if corpus else ""
    settings = fingerprint(planned.config, planned.space, data, n_workers=planned.n_workers)
    return settings | ({"encoder.texts": Path(encoders.more_texts).name} if encoders and encoders.more_texts else {})
