"""What each section finds, in one line."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.report.assemble import build_report
from hpo.report.document.content import Section
from tests.support.noise_experiments import experiment, normal
from tests.support.search_experiments import several


@pytest.fixture(scope="module")
def found() -> dict[str, Section]:
    return {section.key: section for section in build_report(several(tasks=("docs",)), n_resamples=20).sections}


def test_every_section_but_the_verdict_says_what_it_finds(found: dict[str, Section]) -> None:
    assert not found["verdict"].finding
    lines = {key: section.finding for key, section in found.items() if key != "verdict"}
    assert all(line and "\n" not in line for line in lines.values()), lines


def test_the_line_is_that_of_the_numbers(found: dict[str, Section]) -> None:
    ranks = found["regret"].numbers["final_mean_rank_of_incumbents"]
    best = min(ranks, key=lambda name: ranks[name])  # type: ignore[attr-defined,no-any-return]
    assert found["regret"].finding.startswith(f"mean rank at the end: {best} ")
    shares = found["learned"].numbers["importances"]
    assert found["learned"].finding.split(" matters most")[0] in str(shares)
    assert found["fairness"].finding == "budgets are equal"


def test_the_first_screen_has_the_pairs_and_the_incumbents() -> None:
    of = experiment({"a": normal(), "b": normal()}, rng=np.random.default_rng(0), n_seeds=6, n_trials=4)
    verdict, *others = build_report(of, n_resamples=20).sections
    keys = [getattr(block, "key", "") for block in verdict.blocks]
    assert keys[1:3] == ["verdict-differences", "anytime"]
    assert not any(getattr(block, "key", "") == "anytime" for section in others for block in section.blocks)
