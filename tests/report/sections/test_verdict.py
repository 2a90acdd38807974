"""The verdict: its words, its error rate, and what it does without enough to go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment, Study
from hpo.report.document.content import Section, Text, Verdict
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import confirmed, experiment, normal, study, trial


def verdict(of: Experiment, *, n_resamples: int = 500) -> Verdict:
    block = build_verdict(Analysis(of, n_resamples=n_resamples)).blocks[0]
    assert isinstance(block, Verdict)
    return block


def texts(section: Section) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def says_better(box: Verdict) -> bool:
    cells = [str(cell) for row in box.looks.rows for cell in row]
    return any("better" in text for text in [box.headline, *(claim.text for claim in box.claims), *cells])


def made(seed: int = 0, **changes) -> Experiment:
    strategies = {"random": normal(), "tpe": normal(-3), "gp": normal(-6)}
    return experiment(strategies, rng=np.random.default_rng(seed), n_seeds=10, **changes)


def with_tests(of: Experiment, *, noise: np.random.Generator | None = None) -> Experiment:
    """Returns the experiment with its studies' best configurations confirmed and tested."""
    studies = []
    for each in of.studies:
        best = min(t.value for t in each.complete if t.value is not None)
        test = best + 1 + (0.0 if noise is None else noise.normal())
        studies.append(replace(each, confirmed=(confirmed(best, [best + 0.5], [test]),)))
    return replace(of, studies=tuple(studies))


@pytest.mark.parametrize("is_tested", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_identical_strategies_are_called_better_in_at_most_five_percent(is_tested: bool) -> None:
    """In the long run it is 4.3 % for three strategies and eight seeds: the chance of any Holm p of .023 or .047."""
    rng = np.random.default_rng(4)
    noise = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        null = experiment({"random": normal(), "tpe": normal(), "gp": normal()}, rng=rng, n_seeds=8)
        hits += says_better(verdict(with_tests(null, noise=noise) if is_tested else null))
    assert 0 < hits <= 10


def test_a_winner_is_better_than_every_other() -> None:
    box = verdict(made())
    assert box.headline.startswith("Winner: gp, better than random and tpe")
    assert [claim.kind for claim in box.claims] == ["better"] * 3
    assert box.claims[0].text.startswith("tpe better than random by ")
    assert box.looks.rows[0] == ["winner", "gp", "gp", "gp"]


def test_retrained_values_stand_where_a_test_value_would() -> None:
    of = with_tests(made())
    untested = [replace(each, confirmed=(replace(each.confirmed[0], tests=()),)) for each in of.studies]
    box = verdict(replace(of, studies=tuple(untested)))
    assert "trained again with fresh seeds" in box.headline
    assert box.looks.columns[-1].title == "retrained"
    assert "trained again with fresh seeds" in box.reading


def test_a_claim_on_a_strategy_that_never_learned_says_what_it_is_a_claim_on() -> None:
    of = made()
    facts = {"random": {}, "tpe": {"n_startup_trials": "12"}, "gp": {"n_startup_trials": "11"}}
    studies = [replace(each, facts={"sampler": each.strategy, **facts[each.strategy]}) for each in of.studies]
    claims = [claim.text for claim in verdict(replace(of, studies=tuple(studies))).claims]
    said = "tpe never left its 12 start-up trials, so it was random search throughout"
    assert [said in claim for claim in claims] == [True, False, True]
    assert not any("gp never left" in claim for claim in claims)


def test_two_equal_leaders_mean_no_winner() -> None:
    of = experiment({"random": normal(), "tpe": normal(-5), "gp": normal(-5)}, rng=np.random.default_rng(0), n_seeds=10)
    box = verdict(of)
    assert "No winner" in box.headline
    assert "tpe and gp" in box.headline
    assert [claim.kind for claim in box.claims] == ["better", "better", "undecided"]
    assert "smallest detectable difference" in box.claims[2].text
    assert "not distinguishable with 10 seeds" in box.claims[2].text


def test_higher_is_better_when_maximising() -> None:
    box = verdict(replace(made(), direction="maximize"))
    assert box.headline.startswith("Winner: random")


def test_an_effect_below_the_rope_is_not_better() -> None:
    box = verdict(made(rope=100.0))
    assert [claim.kind for claim in box.claims] == ["equivalent"] * 3
    assert box.claims[0].text.startswith("random and tpe practically equivalent with 10 seeds")
    assert not says_better(box)


def test_below_six_seeds_is_underpowered() -> None:
    box = verdict(experiment({"a": normal(), "b": normal(-50)}, rng=np.random.default_rng(0), n_seeds=5))
    assert [claim.kind for claim in box.claims] == ["underpowered"]
    assert "a ahead in 0, b in 5 of 5" in box.claims[0].text
    assert "(no 95 % interval exists with 5 seeds)" in box.claims[0].text
    assert "underpowered with 5 seeds" in box.headline


def test_too_few_seeds_for_so_many_pairs_say_how_many_it_takes() -> None:
    of = experiment({"a": normal(), "b": normal(-50), "c": normal()}, rng=np.random.default_rng(0), n_seeds=6)
    claim = verdict(of).claims[0]
    assert claim.kind == "undecided"
    assert "at least 7 seeds" in claim.text


def test_one_bad_seed_does_not_turn_the_verdict_round() -> None:
    of = experiment({"a": normal(), "b": normal(-3, 0.1)}, rng=np.random.default_rng(0), n_seeds=20)
    spoiled = tuple(study("b", 0, [500.0] * 12) if s.strategy == "b" and s.seed == 0 else s for s in of.studies)
    box = verdict(replace(of, studies=spoiled))
    assert box.headline.startswith("Winner: b")


def test_an_earlier_look_repeats_only_what_every_later_one_said() -> None:
    def early(rng, n):
        return np.full(n, 2.0) + 0.01 * rng.normal(size=n)

    def late(rng, n):
        return np.where(np.arange(n) < 6, 9.0, 2.0) + 0.01 * rng.normal(size=n)

    box = verdict(experiment({"early": early, "late": late}, rng=np.random.default_rng(5), n_seeds=10))
    assert box.claims[0].kind == "undecided"
    assert "early ahead by 7" in str(box.looks.rows[1][2])
    assert not says_better(box)


def test_a_reversed_earlier_look_is_not_called() -> None:
    def sprinter(rng, n):
        return np.full(n, 5.0) + 0.01 * rng.normal(size=n)

    def stayer(rng, n):
        return np.where(np.arange(n) < 9, 9.0, 1.0) + 0.01 * rng.normal(size=n)

    box = verdict(experiment({"sprinter": sprinter, "stayer": stayer}, rng=np.random.default_rng(0), n_seeds=10))
    pair = box.looks.rows[1]
    assert "stayer better" in str(pair[3])
    assert "sprinter ahead" in str(pair[2])
    assert "sprinter ahead" in str(pair[1])


def test_the_test_value_is_primary_once_every_pair_has_it() -> None:
    tested = with_tests(made())
    box = verdict(tested)
    assert "test value of the confirmed configuration" in box.reading
    assert [column.title for column in box.looks.columns][-1] == "test"
    missing = replace(tested, studies=(replace(tested.studies[0], confirmed=()), *tested.studies[1:]))
    assert "best validation value" in verdict(missing).reading
    assert "Only 29 of 30 studies have a confirmed test value of what they found" in texts(
        build_verdict(Analysis(missing))
    )
    cut = replace(tested, studies=tuple(_chosen_last(study) for study in tested.studies), budget=6)
    assert "best validation value" in verdict(cut).reading
    assert "None of 30 studies have a confirmed test value of what they found within the budget of 6 trials" in texts(
        build_verdict(Analysis(cut))
    )


def _chosen_last(study: Study) -> Study:
    """Returns the study with its last trial as the one that was confirmed."""
    return replace(study, confirmed=(replace(study.confirmed[0], trial=11),))


def test_missing_seeds_are_paired_out_and_named() -> None:
    of = made()
    without = replace(of, studies=tuple(s for s in of.studies if not (s.strategy == "tpe" and s.seed in (3, 4))))
    section = build_verdict(Analysis(without))
    assert "tpe has no value for seed 3 and seed 4; every pair with tpe is without." in texts(section)
    pairs = section.numbers["looks"]["100 %"]["pairs"]  # type: ignore[index]
    assert [pair["n"] for pair in pairs] == [8, 10, 8]


def test_a_study_without_a_complete_trial_is_ranked_worst() -> None:
    of = made()
    failed = replace(of.studies[-1], trials=tuple(trial(n, None, state="FAIL") for n in range(12)))
    section = build_verdict(Analysis(replace(of, studies=(*of.studies[:-1], failed))))
    assert "1 study of gp" in texts(section)
    box = section.blocks[0]
    assert isinstance(box, Verdict)
    assert "random ahead in 1, gp in 9 of 10" in box.claims[1].text


def test_a_strategy_that_often_has_nothing_to_show_loses_and_the_words_say_why() -> None:
    values = [0.900 + 0.0005 * seed for seed in range(12)]
    first = [study("a", seed, [value - 0.1]) for seed, value in enumerate(values)]
    failed = [replace(each, trials=(trial(0, None, state="FAIL"),)) for each in first[:8]]
    second = [study("b", seed, [value]) for seed, value in enumerate(values)]
    of = replace(made(rope=0.05), studies=(*failed, *first[8:], *second), budget=1)
    box = verdict(of)
    assert box.headline.startswith("Winner: b, better than a (12 seeds a pair")
    assert box.claims[0].text == (
        "b better than a: Holm p = 0.021, a with nothing to show in 8 of 12, a ahead in 4, b in 8 of 12 seeds."
    )
    assert box.looks.rows[1][-1] == "b better (n = 12)"
    assert "inf" not in str(build_verdict(Analysis(of)).blocks)
    none = replace(of, studies=(*(replace(each, trials=failed[0].trials) for each in first), *second))
    assert verdict(none).claims[0].text.startswith("b better than a: Holm p = 0.00049, a with nothing to show in 12 of")


def test_a_running_study_is_not_compared_beyond_where_it_is() -> None:
    of = made()
    running = replace(of.studies[0], trials=of.studies[0].trials[:7], is_ended=False)
    section = build_verdict(Analysis(replace(of, studies=(running, *of.studies[1:]))))
    looks = section.numbers["looks"]
    assert looks["100 %"]["pairs"][0]["n"] == 9  # type: ignore[index]
    assert looks["50 %"]["pairs"][0]["n"] == 10  # type: ignore[index]
    assert "Preliminary: 1 of 30 studies" in texts(section)


def test_over_several_tasks_the_unit_is_the_task() -> None:
    of = experiment(
        {"a": normal(), "b": normal(-3)}, rng=np.random.default_rng(0), n_seeds=3, tasks=[f"t{n}" for n in range(8)]
    )
    box = verdict(of)
    assert "8 tasks" in box.claims[0].text
    assert "normalised regret" in box.claims[0].text
    assert box.claims[0].kind == "better"
    few = verdict(replace(of, studies=of.of(task="t0") + of.of(task="t1")))
    assert "underpowered with 2 tasks" in few.claims[0].text


@pytest.mark.parametrize(("n_seeds", "words"), [(10, "not distinguishable"), (3, "underpowered")])
def test_studies_with_nothing_to_show_get_no_numbers(n_seeds: int, words: str) -> None:
    of = experiment({"a": normal(), "b": normal()}, rng=np.random.default_rng(0), n_seeds=n_seeds)
    failed = tuple(replace(s, trials=(trial(0, None, state="FAIL"),)) for s in of.studies)
    box = verdict(replace(of, studies=failed, budget=1))
    assert box.headline.startswith("No winner: no study has a COMPLETE trial")
    assert box.claims[0].text == f"a and b {words} with {n_seeds} seeds: neither has anything to show for its budget."


@pytest.mark.parametrize(
    "of",
    [
        experiment({"a": normal()}, rng=np.random.default_rng(0)),
        experiment({"a": normal(), "b": normal()}, rng=np.random.default_rng(0), n_seeds=1),
        experiment({}, rng=np.random.default_rng(0)),
        replace(
            made(),
            studies=tuple(replace(s, trials=(trial(0, None, state="FAIL"),)) for s in made().studies),
        ),
        replace(made(), studies=tuple(replace(s, trials=()) for s in made().studies)),
        replace(made(), studies=tuple(replace(s, trials=(), is_ended=False) for s in made().studies)),
    ],
)
def test_too_little_still_gives_a_verdict(of: Experiment) -> None:
    box = verdict(of)
    assert box.headline.endswith(".")
    assert not says_better(box)


def test_the_same_records_give_the_same_verdict() -> None:
    assert build_verdict(Analysis(made())) == build_verdict(Analysis(made()))


def test_a_search_that_exhausts_its_table_is_named() -> None:
    def of(n_trials: dict[str, int], n_there: int) -> Experiment:
        base, studies = made(), []
        for each in base.studies:
            trials = [replace(t, params={"lr": 0.1 * (t.number % 4)}) for t in each.trials[: n_trials[each.strategy]]]
            studies.append(replace(each, trials=tuple(trials), facts={**each.facts, "n_configurations": str(n_there)}))
        return replace(base, studies=tuple(studies))

    longest = {"random": 4, "tpe": 3, "gp": 4}
    said = texts(build_verdict(Analysis(of(longest, 4), n_resamples=20)))
    assert "every configuration of their recorded table (random in 10 of 10 and gp in 10 of 10)" in said
    assert "only a smaller budget can tell such strategies apart" in said
    assert "recorded table" not in texts(build_verdict(Analysis(of(longest, 5), n_resamples=20)))
