"""The section on pruning as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.figures.figure import Figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.document.content import Report, Table
from hpo.report.document.json import report_json
from hpo.report.sections.pruning import build_pruning
from tests.support.search_experiments import make_experiment, make_study, several


def test_the_section_has_its_parts_in_order() -> None:
    section = build_pruning(Analysis(several()))
    assert section is not None
    assert list(section.numbers) == ["correlation", "saved", "audit", "factorial", "fates"]
    assert section.clock == {}
    keys = [block.key for block in section.blocks if isinstance(block, Table | Figure)]
    assert len(keys) == len(set(keys)) + 1  # the table and the figure of the correlations share theirs
    for block in section.blocks:
        if isinstance(block, Figure):
            assert block.caption


def test_it_is_the_same_each_time() -> None:
    def built() -> str:
        section = build_pruning(Analysis(several(tasks=("a", "b"))))
        assert section is not None
        return report_json(Report("r", "", (), (section,)))

    assert built() == built()


def test_without_curves_and_pruned_trials_there_is_none() -> None:
    study = make_study("random", 0)
    bare = replace(study, trials=tuple(replace(trial, curve=()) for trial in study.trials))
    assert build_pruning(Analysis(make_experiment([bare]))) is None
    assert build_pruning(Analysis(make_experiment([study]))) is not None
    assert build_pruning(Analysis(make_experiment([make_study("random", 0, pruner="asha")]))) is not None


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_awkward_experiments_are_built(direction) -> None:
    study = make_study("random", 0, sign=1.0 if direction == "minimize" else -1.0)
    one = replace(study, trials=study.trials[:1])
    equal = replace(study, trials=tuple(replace(t, value=0.5, curve=(0.5,) * 3, params={}) for t in study.trials))
    failed = replace(study, trials=tuple(replace(t, state="FAIL", value=None) for t in study.trials), confirmed=())
    for given in (one, equal, failed):
        assert build_pruning(Analysis(make_experiment([given], direction=direction))) is not None
