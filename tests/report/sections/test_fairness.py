"""Section 2: budgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment, Trial
from hpo.report.document.content import Section, Table, Text
from hpo.report.sections.fairness import build_fairness
from tests.support.noise_experiments import confirmed, experiment, normal


def made() -> Experiment:
    return experiment({"random": normal(), "tpe": normal()}, rng=np.random.default_rng(0), n_seeds=2, n_trials=6)


def with_first(of: Experiment, **changes) -> Experiment:
    return replace(of, studies=(replace(of.studies[0], **changes), *of.studies[1:]))


def mixed() -> Experiment:
    """The first study of random has a trial of each state, a cached one, and one after the budget of five."""
    first = made().studies[0].trials
    trials: tuple[Trial, ...] = (
        replace(first[0], is_cached=True),
        replace(first[1], state="PRUNED", epochs=0.5),
        replace(first[2], state="FAIL", value=None, reason="oom"),
        *first[3:],
        replace(first[5], number=6, state="RUNNING", value=None, ended_s=None),
    )
    return replace(with_first(made(), trials=trials), budget=5)


def table(section: Section, key: str) -> dict[object, list[object]]:
    tables = {block.key: block for block in section.blocks if isinstance(block, Table)}
    return {row[0]: list(row[1:]) for row in tables[key].rows}


def test_trials_are_counted_by_state_and_charged() -> None:
    section = build_fairness(Analysis(mixed()))
    studies, started, complete, pruned, failed, running, within, epochs, least, most = table(
        section, "fairness_trials"
    )["random"]
    assert (studies, started, complete, pruned, failed, running) == (2, 13, 10, 1, 1, 1)
    assert (within, epochs, least, most) == (10, 11.5, 5, 5)
    numbers = section.numbers["strategies"]
    assert isinstance(numbers, dict)
    assert numbers["random"]["fail"] == 1


def test_seconds_and_cached_trials_are_kept_from_the_numbers() -> None:
    section = build_fairness(Analysis(mixed()))
    assert section.clock["strategies"]["random"]["cached"] == 1
    assert section.clock["strategies"]["random"]["trained"] == 11
    assert section.clock["strategies"]["tpe"]["seconds"] == 24.0
    plain = with_first(mixed(), trials=tuple(replace(t, is_cached=False) for t in mixed().studies[0].trials))
    slower = with_first(plain, trials=tuple(replace(t, seconds=99.0) for t in plain.studies[0].trials))
    assert build_fairness(Analysis(slower)).numbers == section.numbers
    assert build_fairness(Analysis(slower)).clock != section.clock


def test_budgets_are_checked_to_within_one_trial() -> None:
    def check(of: Experiment) -> Text:
        block = build_fairness(Analysis(of)).blocks[0]
        assert isinstance(block, Text)
        return block

    assert check(made()).tone == "normal"
    assert "equal to within one trial" in check(made()).text
    short = with_first(made(), trials=made().studies[0].trials[:3])
    assert (check(short).tone, build_fairness(Analysis(short)).numbers["equal_to_within_one_trial"]) == (
        "warning",
        {"task": False},
    )


def test_confirmation_is_charged_apart() -> None:
    assert "fairness_confirmation" not in str(build_fairness(Analysis(made())).blocks)
    section = build_fairness(Analysis(with_first(made(), confirmed=(confirmed(1.0, [1.0, 2.0], n_failed=1),))))
    assert table(section, "fairness_confirmation") == {"random": [1, 3, 1, 5.0, 10.0], "tpe": [0, 0, 0, 0, 0]}
    assert section.numbers["strategies"]["random"]["epochs"] == 12


def test_what_was_no_plain_trial_is_counted_where_there_is_any() -> None:
    assert "fairness_origins" not in str(build_fairness(Analysis(made())).blocks)
    first = made().studies[0]
    trials = (
        replace(first.trials[0], origin="enqueued"),
        replace(first.trials[1], n_promotions=2),
        replace(first.trials[2], n_promotions=1, is_waiting=True, state="PRUNED", origin="repeated"),
        *first.trials[3:],
    )
    section = build_fairness(Analysis(with_first(made(), trials=trials, facts={"learn_from": "old, older"})))
    assert table(section, "fairness_origins") == {"random": [1, 1, 3, 1, 2], "tpe": [0, 0, 0, 0, 0]}
    assert section.numbers["origins"]["random"]["prior"] == 0
