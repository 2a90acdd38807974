"""Which studies an experiment is made of."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.compare.design import card_hash
from hpo.report.reading.membership import Chosen, Found, choose
from hpo.storage.record import DESIGN
from tests.support.study_records import recorded_study

CARD = {"tasks": {"docs": {}}, "strategies": {"tpe": {}, "random": {}}, "seeds": [1, 0]}


def design(*amendments: str, **changes: Any) -> dict[str, Any]:
    card = {**CARD, **changes}
    return {"hash": card_hash(card), "card": card, "amendments": list(amendments)}


def found(name: str, registered: dict[str, Any] | None = None, *, created_ms: int = 0, **tags: str) -> Found:
    study = recorded_study(name, tags=tags, created_ms=created_ms)
    return Found(study, {DESIGN: registered} if registered else {})


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


def comparison(strategy: str, first: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Returns a design of a comparison that was begun with the card of `first`, else with its own."""
    made = design(*(["After trials."] if first else []), strategies={strategy: {}}, **changes)
    return {**made, "first_hash": (first or made)["hash"]}


def test_the_newest_comparison_is_reported_without_the_others() -> None:
    old, new = comparison("tpe", budget=9), comparison("tpe", budget=10)
    given = [member("tpe", 0, old), member("tpe", 1, old), found("new", new, strategy="tpe", task="docs", seed="1")]
    chosen = choose(given, "e")
    assert (names(chosen), chosen.design) == (["new"], new)
    assert chosen.deviations == [
        "Of another comparison in this experiment and left out: docs-tpe-0, docs-tpe-1; its own command reports on it "
        "again, and with name=NAME a comparison is an experiment of its own."
    ]
    assert names(choose(given, "e", design=old)) == ["docs-tpe-1", "docs-tpe-0"]


def test_a_comparison_that_was_amended_is_not_another() -> None:
    first = comparison("tpe")
    amended = comparison("tpe", first, seeds=[0, 1, 2])
    chosen = choose([member("tpe", 0, first), member("tpe", 1, amended), member("tpe", 2, amended)], "e")
    assert names(chosen) == ["docs-tpe-0", "docs-tpe-1", "docs-tpe-2"]
    assert (chosen.design, chosen.deviations) == (amended, [])


def test_of_doubles_those_of_the_design_count() -> None:
    old, new = design(budget=9), design(budget=10)
    doubles = [found(f"new-{seed}", new, strategy="tpe", task="docs", seed=str(seed)) for seed in (0, 1)]
    chosen = choose([member("tpe", 0, old), member("tpe", 1, old), *doubles], "e")
    assert names(chosen) == ["new-1", "new-0"]
    assert chosen.deviations == [
        "Left out, with settings and seed of another study: docs-tpe-1 (as new-1), docs-tpe-0 (as new-0)."
    ]


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
