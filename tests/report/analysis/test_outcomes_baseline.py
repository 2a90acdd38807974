"""How the strategies stand to the linear model: the rows, the dashed line, and the sentence nobody may miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.figures.palette import build_styles
from hpo.figures.plotly import build_plots
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.outcomes import BASELINE, all_outcomes, baseline_values, standings
from hpo.report.analysis.records import Baseline, Experiment, Study
from hpo.report.assemble import build_report, headlines, make_report
from hpo.report.document.content import Section, Text
from hpo.report.mlflow import _tags
from hpo.report.sections.performance import build_performance
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import confirmed, study, trial

SAYS = "No strategy's networks beat a linear model of the words"
OPEN = "No strategy's networks are known to beat a linear model of the words"
HELD = Baseline(0.85, 0.8)
Tested = Mapping[str, Sequence[float]]


def made(tested: Tested, *, held: Baseline | None = HELD, tasks: tuple[str, ...] = ("task",)) -> Experiment:
    """Returns seeds of strategies with these test values on each task; retrained networks have 0.05 more."""
    studies = [
        study(name, seed, [0.7], task=task, baseline=held, confirmed=(confirmed(0.7, [test + 0.05], [test]),))
        for task in tasks
        for name, tests in tested.items()
        for seed, test in enumerate(tests)
    ]
    return Experiment("made up", "accuracy", "maximize", "trials", 1, 0.005, tuple(studies))


def around(mean: float, n: int = 6) -> list[float]:
    """Returns test values of seeds that differ from 0.8 in one direction."""
    return [mean + 0.001 * (seed - (n - 1) / 2) for seed in range(n)]


def untested(of: Experiment) -> Experiment:
    return replace(of, studies=tuple(replace(each, confirmed=()) for each in of.studies))


def said(section: Section, tone: str) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Text) and block.tone == tone)


def block(section: Section, key: str):
    return next(each for each in section.blocks if getattr(each, "key", None) == key)


def test_networks_that_lost_to_it_are_not_celebrated(tmp_path: Path) -> None:
    of = made({"random": around(0.71), "tpe": around(0.77)})
    sentence = (
        f"{SAYS}: it reaches accuracy 0.8 on the test texts, the best networks, those of tpe, 0.77 "
        "there (means over seeds; difference −0.0300, 95 % interval −0.0325 to −0.0275)."
    )
    assert sentence in said(build_verdict(Analysis(of, n_resamples=50)), "warning")
    report = make_report(of, tmp_path, n_resamples=50)
    assert sentence in headlines(report, tmp_path)
    assert sentence in _tags(report, "made up")["mlflow.note.content"].replace("\\", "")
    for name in ("report.html", "summary.md"):
        assert SAYS in (tmp_path / name).read_text().replace("&#39;", "'"), name
    assert f'"{BASELINE}"' in (tmp_path / "report.json").read_text()


def test_who_beats_it_and_who_does_not_is_named() -> None:
    of = made({"random": around(0.71), "tpe": around(0.82), "gp": around(0.8)})
    assert said(build_verdict(Analysis(of, n_resamples=50)), "warning") == ""
    assert (
        "A linear model of the words reaches accuracy 0.8 on the test texts: the networks of tpe (0.82; difference "
        "0.0200, 95 % interval 0.0175 to 0.0225) beat it there, those of random (0.71; difference −0.0900, 95 % "
        "interval −0.0925 to −0.0875) fall behind it, those of gp (0.8; difference 0.0000, 95 % interval "
        "−0.0025 to 0.0025) are not told apart from it."
    ) in said(build_performance(Analysis(of)), "note")


def test_what_no_interval_shows_is_not_said() -> None:
    for few in ({"a": (0.9, 0.9)}, {"a": (0.7, 0.7)}):
        assert f"{OPEN}: it reaches" in (text := said(build_verdict(Analysis(made(few), n_resamples=50)), "warning"))
        assert "no 95 % interval exists" in text
    wavering = made({"a": [0.7, 0.9, 0.75, 0.86, 0.79, 0.82]})
    assert f"{OPEN}: it reaches" in said(build_verdict(Analysis(wavering, n_resamples=50)), "warning")
    (standing,) = standings(wavering, all_outcomes(wavering))
    assert (standing.beaten_by, standing.ahead_of) == ([], [])


def test_validation_values_that_chose_the_network_never_beat_it_but_may_fall_behind() -> None:
    for held, beaten in ((0.6, False), (0.85, True)):
        of = untested(made({"a": around(0.9)}, held=Baseline(held, None)))
        (standing,) = standings(of, all_outcomes(of))
        assert (standing.beaten_by, standing.ahead_of) == ([], ["a"] if beaten else [])
        text = said(build_verdict(Analysis(of, n_resamples=50)), "warning")
        assert (SAYS if beaten else f"{OPEN}, as they were not tested") in text


def test_it_is_lower_losses_that_beat_it_where_lower_is_better() -> None:
    of = replace(made({"a": around(0.7), "b": around(0.9)}), metric="valid_loss", direction="minimize")
    assert [each.beaten_by for each in standings(of, all_outcomes(of))] == [["a"]]


def test_an_equal_value_does_not_beat_it() -> None:
    assert OPEN in said(build_verdict(Analysis(made({"a": [0.8] * 6}), n_resamples=50)), "warning")


def test_without_tests_the_valid_texts_decide() -> None:
    of = untested(made({"a": (0.9, 0.9)}))
    assert "0.85 on the valid texts, the networks of a 0.7 at the best of their searches (" in said(
        build_verdict(Analysis(of, n_resamples=50)), "warning"
    )
    retrained = tuple(replace(each, confirmed=(confirmed(0.7, [0.8]),)) for each in of.studies)
    assert standings(replace(of, studies=retrained), all_outcomes(of))[0].part == "valid"


def test_the_table_and_the_figures_show_it_on_the_same_texts() -> None:
    section = build_performance(Analysis(made({"a": (0.7, 0.7), "b": (0.6, 0.6)})))
    rows = block(section, "performance").rows
    assert [list(row) for row in rows[:2]] == [
        [BASELINE, "valid", 0.85, 0.85, 0.0, 2],
        [BASELINE, "test", 0.8, 0.8, 0.0, 2],
    ]
    assert not any(row[0] == BASELINE for row in block(section, "performance-gaps").rows)
    assert section.numbers["task"][BASELINE]["test"] == {"mean": 0.8, "IQM": 0.8, "n": 2}  # type: ignore[index]
    for key in ("performance-seeds", "performance-pairs"):
        assert block(section, key).views[0].lines == [("y", 0.8, f"{BASELINE} 0.8")]
    seen = build_performance(Analysis(untested(made({"a": (0.7, 0.7)}))))
    assert block(seen, "performance-seeds").views[0].lines == [("y", 0.85, f"{BASELINE} 0.85")]


def test_a_line_above_every_mark_has_room_for_its_label() -> None:
    figure = block(build_performance(Analysis(made({"a": (0.7, 0.6)}))), "performance-seeds")
    layout = build_plots(figure, build_styles(["a"]))[0]["layout"]
    assert layout["yaxis"]["autorangeoptions"]["include"][0] == pytest.approx(0.82)  # type: ignore[index]
    assert layout["shapes"][0]["label"]["textposition"] == "start"  # type: ignore[index]
    low = block(build_performance(Analysis(made({"a": (0.9, 0.6)}))), "performance-seeds")
    assert "autorangeoptions" not in build_plots(low, build_styles(["a"]))[0]["layout"]["yaxis"]  # type: ignore[index]


def test_where_nothing_is_known_of_it_nothing_is_said() -> None:
    of = made({"a": (0.7, 0.7), "b": (0.6, 0.6)}, held=None)
    report = build_report(of, n_resamples=50)
    texts = " ".join(b.text for section in report.sections for b in section.blocks if isinstance(b, Text))
    assert "bag" not in texts
    assert "baseline" not in next(section for section in report.sections if section.key == "verdict").numbers
    assert block(build_performance(Analysis(of)), "performance-seeds").views[0].lines == []
    assert not any(row[0] == BASELINE for row in block(build_performance(Analysis(of)), "performance").rows)


def test_each_task_has_its_own() -> None:
    of = made({"a": around(0.82), "b": around(0.7)}, tasks=("short", "long"))
    hard = tuple(replace(s, baseline=Baseline(0.9, 0.9)) if s.task == "long" else s for s in of.studies)
    of = replace(of, studies=hard)
    assert "on long" in said(build_verdict(Analysis(of, n_resamples=50)), "warning")
    assert "on short" not in said(build_verdict(Analysis(of, n_resamples=50)), "warning")
    assert "on the test texts on short" in said(build_performance(Analysis(of)), "note")
    numbers = build_verdict(Analysis(of, n_resamples=50)).numbers["baseline"]
    assert numbers["short"]["beaten_by"] == ["a"]  # type: ignore[index]
    assert numbers["long"]["beaten_by"] == []  # type: ignore[index]


def test_a_study_that_was_never_tested_is_held_against_that_of_its_seed() -> None:
    of = made({"a": (0.9, 0.75), "b": (0.7, 0.7)})
    failed = replace(of.studies[0], trials=(trial(0, None, state="FAIL"),), confirmed=(), baseline=Baseline(0.85, None))
    of = replace(of, studies=(failed, *of.studies[1:]))
    assert standings(of, all_outcomes(of))[0].means["a"] == pytest.approx(0.725)  # charged the worst test value


def test_splits_of_their_own_are_averaged_over_seeds() -> None:
    of = made({"a": (0.7, 0.7), "b": (0.7, 0.7)})
    own: tuple[Study, ...] = tuple(replace(s, baseline=Baseline(0.8 + 0.1 * s.seed, None)) for s in of.studies)
    assert baseline_values(replace(of, studies=own), "task", "valid") == pytest.approx({0: 0.8, 1: 0.9})
    assert baseline_values(replace(of, studies=own), "task", "test") == {}
