"""The section on what was learned as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.figures.figure import Figure
from hpo.figures.geometry import check_figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.document.content import Report, Table, Text
from hpo.report.document.json import report_json
from hpo.report.sections.learned import build_learned
from tests.support.search_experiments import make_experiment, make_study, several


def texts(section) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_the_section_has_its_parts() -> None:
    section = build_learned(Analysis(several()))
    assert section is not None
    assert list(section.numbers) == ["importances", "agreement", "coverage"]
    assert section.clock == {}
    keys = [block.key for block in section.blocks if isinstance(block, Figure | Table)]
    assert {"learned_importance", "learned_slice", "learned_parallel", "learned_best", "learned_coverage"} <= set(keys)
    assert "biases fANOVA" in texts(section)
    for block in section.blocks:
        if isinstance(block, Figure):
            check_figure(block)
            assert block.caption


def test_it_is_the_same_each_time() -> None:
    built = [report_json(Report("r", "", (), (build_learned(Analysis(several(n_seeds=2))),))) for _ in range(2)]
    assert built[0] == built[1]


def test_without_params_there_is_none() -> None:
    study = make_study("random", 0)
    bare = replace(study, trials=tuple(replace(trial, params={}) for trial in study.trials))
    assert build_learned(Analysis(make_experiment([bare]))) is None
    assert build_learned(Analysis(make_experiment([bare], spaces={}))) is None
    assert build_learned(Analysis(make_experiment([replace(study, trials=())]))) is None


def test_params_without_a_known_space_are_said() -> None:
    section = build_learned(Analysis(make_experiment([make_study("random", 0, n_trials=30)], spaces={})))
    assert section is not None
    assert "The space is not known" in texts(section)
    assert section.numbers["importances"]["all trials"]["random"]["fANOVA"]["shares"]["train.lr"] > 0.5  # type: ignore[index]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_awkward_experiments_are_built(direction) -> None:
    study = make_study("random", 0, sign=1.0 if direction == "minimize" else -1.0)
    one = replace(study, trials=study.trials[:1])
    equal = replace(study, trials=tuple(replace(trial, value=0.5) for trial in study.trials))
    failed = replace(study, trials=tuple(replace(t, state="FAIL", value=None) for t in study.trials))
    for given in (one, equal, failed):
        section = build_learned(Analysis(make_experiment([given], direction=direction)))
        assert section is not None
        assert "Importances are not given" in texts(section)


def test_fanova_is_trusted_on_random_trials_only() -> None:
    adaptive = build_learned(Analysis(make_experiment([make_study("tpe", 0, n_trials=30)])))
    mixed = build_learned(Analysis(several(n_seeds=2)))
    assert "no random trials enough" in texts(adaptive)
    assert "trust it on the random trials" in texts(mixed)
