"""Quality against cost: fronts by hand, seconds under the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.figures.figure import Figure
from hpo.figures.geometry import check_figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Study, Trial
from hpo.report.document.content import Table, Text
from hpo.report.sections.cost import build_cost, find_quality, pareto_front
from tests.support.search_experiments import make_experiment, several


def study(strategy: str, seed: int, *trials: Trial, **facts: str) -> Study:
    return Study(f"{strategy}{seed}", "", strategy, seed, trials, facts=facts)


def trial(number: int, value: float | None, epochs: float, seconds: float) -> Trial:
    return Trial(number, "FAIL" if value is None else "COMPLETE", value, epochs, seconds, seconds)


def test_a_front_is_what_nobody_beats() -> None:
    assert pareto_front([(3, 0.1), (1, 0.5), (2, 0.5), (2, 0.3), (4, 0.1), (5, 0.05)]) == [1, 3, 0, 5]
    assert pareto_front([(1, 0.5), (1, 0.5), (1, 0.4)]) == [2]
    assert pareto_front([]) == []


STUDIES = (
    study("a", 0, trial(0, 0.5, 2, 10.0), trial(1, None, 1, 5.0)),
    study("a", 1, trial(0, 0.2, 4, 40.0)),
    study("b", 0, trial(0, 0.4, 5, 12.0)),
)


def test_epochs_are_numbers_and_seconds_are_under_the_clock() -> None:
    section = build_cost(Analysis(make_experiment(STUDIES)))
    assert section is not None
    assert section.numbers["quality"] == "best valid_loss in the search"
    epochs, seconds = (part["tasks"]["all trials"] for part in (section.numbers, section.clock))  # type: ignore[index]
    assert epochs["a"] == {"epochs_a_study": 3.5, "epochs_a_trial": pytest.approx(7 / 3), "seeds_on_front": [0, 1]}
    assert epochs["b"]["seeds_on_front"] == []
    assert seconds["a"] == {"seconds_a_study": 27.5, "seconds_a_trial": pytest.approx(55 / 3), "seeds_on_front": [1]}
    assert seconds["b"] == {"seconds_a_study": 12.0, "seconds_a_trial": 12.0, "seeds_on_front": [0]}
    assert "seconds" not in str(section.numbers)


def test_maximising_turns_the_front() -> None:
    section = build_cost(Analysis(make_experiment(STUDIES, direction="maximize")))
    assert section is not None
    epochs = section.numbers["tasks"]["all trials"]  # type: ignore[index]
    assert (epochs["a"]["seeds_on_front"], epochs["b"]["seeds_on_front"]) == ([0], [])


def test_quality_is_the_best_that_every_study_has() -> None:
    whole = several(n_seeds=2)
    assert find_quality(whole)[0] == "test valid_loss of the confirmed params"
    untested = replace(
        whole, studies=tuple(replace(s, confirmed=(replace(s.confirmed[0], tests=()),)) for s in whole.studies)
    )
    title, quality = find_quality(untested)
    assert title == "valid_loss of the confirmed params (mean)"
    first = untested.studies[0]
    assert quality(first) == pytest.approx(sum(first.confirmed[0].values) / 3)
    one_less = (replace(untested.studies[0], confirmed=()), *untested.studies[1:])
    assert find_quality(replace(untested, studies=one_less))[0] == "best valid_loss in the search"


def test_only_what_ended_within_the_budget_is_charged() -> None:
    section = build_cost(Analysis(replace(make_experiment(STUDIES), unit="trials", budget=1)))
    assert section is not None
    assert section.numbers["tasks"]["all trials"]["a"]["epochs_a_study"] == 3  # type: ignore[index]
    assert build_cost(Analysis(replace(make_experiment(STUDIES), budget=0))) is None


def test_unknown_seconds_are_left_out_and_said() -> None:
    timeless = [replace(s, trials=tuple(replace(t, seconds=0.0) for t in s.trials)) for s in STUDIES]
    section = build_cost(Analysis(make_experiment(timeless)))
    assert section is not None
    figures = [block for block in section.blocks if isinstance(block, Figure)]
    assert {view.label for figure in figures for view in figure.views} == {"epochs"}
    assert section.clock["tasks"]["all trials"]["a"]["seconds_a_study"] is None  # type: ignore[index]
    assert any("Seconds are not known" in block.text for block in section.blocks if isinstance(block, Text))


def test_models_of_known_size_have_a_view() -> None:
    sized = [replace(s, facts={"n_params": size}) for s, size in zip(STUDIES, ("1000", "2e3", "x"), strict=True)]
    section = build_cost(Analysis(make_experiment(sized)))
    assert section is not None
    figure = next(block for block in section.blocks if isinstance(block, Figure))
    view = next(view for view in figure.views if view.label == "parameters")
    assert [list(series.x) for series in view.series[1:]] == [[1000.0, 2000.0]]


def test_every_figure_has_a_caption_and_can_be_drawn() -> None:
    section = build_cost(Analysis(several(tasks=("a", "b"))))
    assert section is not None
    for block in section.blocks:
        if isinstance(block, Figure):
            check_figure(block)
            assert block.caption
        if isinstance(block, Table):
            assert len(block.rows) == 8


def test_a_study_whose_trials_all_failed_is_charged() -> None:
    failed = study("c", 0, trial(0, None, 3, 9.0))
    section = build_cost(Analysis(make_experiment([*STUDIES, failed])))
    assert section is not None
    assert section.numbers["tasks"]["all trials"]["c"]["epochs_a_study"] == 3  # type: ignore[index]
