"""Which studies an experiment is made of."""

from __future__ import annotations

from typing import Any

import pytest
from recorded_studies import recorded_study

from hpo.design import card_hash
from hpo.report.membership import Chosen, Found, choose
from hpo.storage import DESIGN

CARD = {"tasks": {"docs": {}}, "strategies": {"tpe": {}, "random": {}}, "seeds": [1, 0]}


def design(*amendments: str, **changes: Any) -> dict[str, Any]:
    card = {**CARD, **changes}
    return {"hash": card_hash(card), "card": card, "amendments": list(amendments)}


def found(name: str, registered: dict[str, Any] | None = None, *, created_ms: int = 0, **tags: str) -> Found:
    study = recorded_study(name, tags=tags, created_ms=created_ms)
    return Found(study, 0, {DESIGN: registered} if registered else {})


def member(strategy: str, seed: int, registered: dict[str, Any] | None = None, task: str = "docs") -> Found:
    name = f"{task}-{strategy}-{seed}"
    return found(name, registered or design(), strategy=strategy, task=task, seed=str(seed))


def names(chosen: Chosen) -> list[str]:
    return [each.study.name for each, _ in chosen.searches]


def test_registered_studies_come_in_the_order_of_the_card() -> None:
    given = [member(strategy, seed) for seed in (0, 1) for strategy in ("random", "tpe")]
    chosen = choose(given, "e")
    assert names(chosen) == ["docs-tpe-1", "docs-tpe-0", "docs-random-1", "docs-random-0"]
    assert chosen.deviations == []


def test_others_are_left_out_and_named() -> None:
    given = [
        member("tpe", 0),
        member("grid", 0),
        member("tpe", 7),
        member("tpe", 0, task="imdb"),
        found("casual", sampler="tpe"),
    ]
    chosen = choose(given, "e")
    assert names(chosen) == ["docs-tpe-0"]
    assert chosen.deviations == ["Not in the design card and left out: casual, docs-grid-0, docs-tpe-7, imdb-tpe-0."]


def test_the_amended_card_counts() -> None:
    amended = design("After trials had run: seeds.", seeds=[0, 1, 2])
    chosen = choose([member("tpe", 2, amended), member("tpe", 0), member("tpe", 1)], "e")
    assert chosen.design == amended
    assert len(chosen.searches) == 3


def test_a_study_begun_before_it_was_registered_belongs_and_is_named() -> None:
    chosen = choose([found("early", design(), sampler="random", seed="0"), member("tpe", 0)], "e")
    assert names(chosen) == ["docs-tpe-0", "early"]
    assert [label.strategy for _, label in chosen.searches] == ["tpe", "random"]
    assert chosen.deviations == ["Begun before the design was registered: early."]


@pytest.mark.parametrize("beside", [{"role": "confirmation", "confirms": "x"}, {"role": "audit", "audits": "x"}])
def test_confirmations_and_audits_are_no_searches(beside: dict[str, str]) -> None:
    chosen = choose([member("tpe", 0), found("tpe-beside", **beside)], "e")
    assert names(chosen) == ["docs-tpe-0"]


def test_a_card_that_was_changed_behind_its_hash_is_told() -> None:
    forged = {**design(), "card": {**CARD, "rope": 0.0}}
    assert choose([member("tpe", 0, forged)], "e").deviations == [
        "The design card is not the one that was registered: its hash is another."
    ]


def test_a_card_without_studies_is_refused() -> None:
    with pytest.raises(ValueError, match="registered, but none of its studies has begun"):
        choose([member("grid", 0)], "e")


def test_without_a_card_all_count_but_of_equal_ones_the_oldest() -> None:
    given = [
        found("new", created_ms=5, seed="0"),
        found("old", created_ms=1, seed="0"),
        found("other", created_ms=2, seed="1"),
        found("grid", created_ms=3, seed="0", sampler="grid"),
    ]
    chosen = choose(given, "e")
    assert names(chosen) == ["grid", "old", "other"]
    assert chosen.design == {}
    assert chosen.deviations == ["Left out, with settings and seed of another study: new (as old)."]
