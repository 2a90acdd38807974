"""Which studies of the record an experiment is made of: those registered in its design card, else all, without doubles.

Their trials are read in `stored`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.record import StudyRecord
from hpo.report.deviations import join_names
from hpo.report.labels import Label, label_studies
from hpo.storage import DESIGN

SEARCH = "search"
Json = Mapping[str, Any]
Search = tuple["Found", Label]


@dataclass(frozen=True)
class Found:
    """A study of the record before its trials are read."""

    study: StudyRecord
    number: int
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


def choose(mine: Sequence[Found], name: str) -> Chosen:
    """Returns the searches to report: those of the design card if there is one, else all.

    Raises:
        ValueError: if none is left.
    """
    searches = [each for each in mine if each.role == SEARCH]
    design = _newest_design(searches)
    chosen = _registered(searches, design) if design else _casual(searches)
    if not chosen.searches:
        raise ValueError(f"Experiment '{name}' is registered, but none of its studies has begun; run the comparison.")
    return chosen


def _registered(searches: Sequence[Found], design: Json) -> Chosen:
    """Returns the studies that the design card names, in its order."""
    card = design["card"]
    places = [{item: place for place, item in enumerate(card[key])} for key in ("tasks", "strategies", "seeds")]
    inside: list[tuple[list[int], Search]] = []
    outside, early = [], []
    for each in searches:
        label = _label_in_card(each.study, card)
        keys = (label.task, label.strategy, _seed(each))
        if DESIGN not in each.attrs or any(key not in known for key, known in zip(keys, places, strict=True)):
            outside.append(each.study.name)
            continue
        inside.append(([known[key] for key, known in zip(keys, places, strict=True)], (each, label)))
        early += [each.study.name] if "strategy" not in each.study.tags else []
    chosen = [search for _, search in sorted(inside, key=lambda pair: pair[0])]
    return Chosen(chosen, design, [*_broken_seal(design), *_membership(outside, early)])


def _broken_seal(design: Json) -> list[str]:
    """Returns a sentence if the card is not the one whose hash was written down (SHA-256 of its canonical JSON)."""
    canonical = json.dumps(design["card"], sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(canonical.encode()).hexdigest() == design["hash"]:
        return []
    return ["The design card is not the one that was registered: its hash is another."]


def _casual(searches: Sequence[Found]) -> Chosen:
    """Returns all studies, by the names their settings give them."""
    labels = label_studies([each.study for each in searches])
    chosen, deviations = _without_doubles(list(zip(searches, labels, strict=True)))
    return Chosen(sorted(chosen, key=lambda search: _casual_order(*search)), {}, deviations)


def _membership(outside: Sequence[str], early: Sequence[str]) -> list[str]:
    sentences = []
    if outside:
        sentences.append(f"Not in the design card and left out: {join_names(sorted(outside))}.")
    if early:
        sentences.append(f"Begun before the design was registered: {join_names(sorted(early))}.")
    return sentences


def _newest_design(searches: Sequence[Found]) -> Json:
    """Returns the design with the most amendments; of equal ones the one most studies have, then the newest."""
    designs = [(each.attrs[DESIGN], each.study.created_ms) for each in searches if DESIGN in each.attrs]
    n_studies = {design["hash"]: sum(d["hash"] == design["hash"] for d, _ in designs) for design, _ in designs}
    if not designs:
        return {}
    newest = max(designs, key=lambda pair: (len(pair[0]["amendments"]), n_studies[pair[0]["hash"]], pair[1]))
    return dict(newest[0])


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
    """Keeps of studies with one task, strategy and seed the oldest."""
    kept: dict[tuple[Label, int], Search] = {}
    doubles = []
    for each, label in sorted(labelled, key=lambda pair: (pair[0].study.created_ms, pair[0].study.name)):
        first = kept.setdefault((label, _seed(each)), (each, label))
        if first[0] is not each:
            doubles.append(f"{each.study.name} (as {first[0].study.name})")
    if not doubles:
        return list(kept.values()), []
    return list(kept.values()), [f"Left out, with settings and seed of another study: {join_names(doubles)}."]
