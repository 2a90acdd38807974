"""Which studies of the record an experiment is made of: those registered in its design card, else all, without doubles.

Their trials are read in `record`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.contracts.records import StudyRecord
from hpo.report.analysis.labels import Label, label_studies
from hpo.report.reading.deviations import join_names
from hpo.storage.record import DESIGN

SEARCH = "search"
FIRST_HASH = "first_hash"  # in a design: of the card that its comparison was begun with
Json = Mapping[str, Any]
Search = tuple["Found", Label]


@dataclass(frozen=True)
class Found:
    """A study of the record before its trials are read."""

    study: StudyRecord
    attrs: Json

    @property
    def role(self) -> str:
        """What it is for: search, confirmation or audit."""
        return self.study.tags.get("role", SEARCH)


@dataclass(frozen=True)
class Chosen:
    """The searches that are reported, by label in the order of the design, and what is to be said of the choice."""

    searches: Sequence[Search]
    design: Json
    deviations: Sequence[str]


def choose(mine: Sequence[Found], name: str, *, design: Json | None = None) -> Chosen:
    """Returns the searches to report: those of the design card if there is one, else all.

    Args:
        mine: The experiment's studies, in the order in which the record got them.
        name: The experiment's.
        design: What was registered; None for that of the newest comparison.

    Raises:
        ValueError: if none is left.
    """
    searches = [each for each in mine if each.role == SEARCH]
    design = design or _newest_design(searches)
    chosen = _registered(searches, design) if design else _casual(searches)
    if not chosen.searches:
        raise ValueError(f"Experiment '{name}' is registered, but none of its studies has begun; run the comparison.")
    return chosen


def _registered(searches: Sequence[Found], design: Json) -> Chosen:
    """Returns the studies that the design card names, in its order."""
    card = design["card"]
    places = [{item: place for place, item in enumerate(card[key])} for key in ("tasks", "strategies", "seeds")]
    inside: list[tuple[list[int], Search]] = []
    outside, others, early = [], [], []
    for each in searches:
        own = each.attrs.get(DESIGN)
        if own and first_hash(own) != first_hash(design):
            others.append(each.study.name)
            continue
        label = _label_in_card(each.study, card)
        keys = (label.task, label.strategy, _seed(each))
        if not own or any(key not in known for key, known in zip(keys, places, strict=True)):
            outside.append(each.study.name)
            continue
        is_older = own["hash"] != design["hash"]
        inside.append(([*(known[key] for key, known in zip(keys, places, strict=True)), is_older], (each, label)))
        early += [each.study.name] if "strategy" not in each.study.tags else []
    chosen, doubles = _without_doubles([search for _, search in sorted(inside, key=lambda pair: pair[0])])
    return Chosen(chosen, design, [*_broken_seal(design), *_membership(outside, early), *_of_another(others), *doubles])


def _broken_seal(design: Json) -> list[str]:
    """Returns a sentence if the card is not the one whose hash was written down (SHA-256 of its canonical JSON)."""
    canonical = json.dumps(design["card"], sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(canonical.encode()).hexdigest() == design["hash"]:
        return []
    return ["The design card is not the one that was registered: its hash is another."]


def _casual(searches: Sequence[Found]) -> Chosen:
    """Returns all studies, by the names their settings give them."""
    labels = label_studies([each.study for each in searches])
    oldest = sorted(zip(searches, labels, strict=True), key=lambda pair: (pair[0].study.created_ms, pair[0].study.name))
    chosen, deviations = _without_doubles(oldest)
    return Chosen(sorted(chosen, key=lambda search: _casual_order(*search)), {}, deviations)


def _membership(outside: Sequence[str], early: Sequence[str]) -> list[str]:
    sentences = []
    if outside:
        sentences.append(f"Not in the design card and left out: {join_names(sorted(outside))}.")
    if early:
        sentences.append(f"Begun before the design was registered: {join_names(sorted(early))}.")
    return sentences


def _of_another(others: Sequence[str]) -> list[str]:
    if not others:
        return []
    return [
        f"Of another comparison in this experiment and left out: {join_names(sorted(others))}; its own command reports "
        "on it again, and with name=NAME a comparison is an experiment of its own."
    ]


def _newest_design(searches: Sequence[Found]) -> Json:
    """Returns the design of the comparison that has the newest study.

    It is the one with the most amendments; of equal ones the one most studies have, then the newest.
    """
    designs = [each.attrs[DESIGN] for each in searches if DESIGN in each.attrs]
    designs = [design for design in designs if first_hash(design) == first_hash(designs[-1])]
    n_studies = Counter(design["hash"] for design in designs)
    return max(reversed(designs), key=lambda design: (len(design["amendments"]), n_studies[design["hash"]]), default={})


def first_hash(design: Json) -> str:
    """Returns the hash of the card that a comparison was begun with; "" where an older version did not note it."""
    return str(design.get(FIRST_HASH, ""))


def _label_in_card(study: StudyRecord, card: Json) -> Label:
    """Returns a study's label; one that was begun before the comparison is called by its sampler on the only task."""
    tasks = list(card["tasks"])
    task = study.tags.get("task") or (tasks[0] if len(tasks) == 1 else "")
    return Label(task, study.tags.get("strategy") or study.tags.get("sampler", ""))


def _seed(found: Found) -> int:
    return int(found.study.tags["seed"])


def _casual_order(found: Found, label: Label) -> tuple[str, str, int]:
    return (label.task, label.strategy, _seed(found))


def _without_doubles(labelled: Sequence[Search]) -> tuple[list[Search], list[str]]:
    """Keeps of studies with one task, strategy and seed the first."""
    kept: dict[tuple[Label, int], Search] = {}
    doubles = []
    for each, label in labelled:
        first = kept.setdefault((label, _seed(each)), (each, label))
        if first[0] is not each:
            doubles.append(f"{each.study.name} (as {first[0].study.name})")
    if not doubles:
        return list(kept.values()), []
    return list(kept.values()), [f"Left out, with settings and seed of another study: {join_names(doubles)}."]
