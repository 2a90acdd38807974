"""The schedules that were found inside the trainings of the best trials."""

from __future__ import annotations

from dataclasses import replace

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.incumbents import best_trial
from hpo.report.document.content import Table
from hpo.report.sections.learned import build_learned
from tests.support.search_experiments import several


def test_the_best_trials_schedules_are_shown_and_no_others() -> None:
    experiment = several(n_seeds=2)
    found = experiment.studies[0]
    best = best_trial(experiment, found)
    assert best is not None
    trials = tuple(
        replace(trial, schedule={"lr": (0.01, 0.02, 0.03 if trial == best else 0.5), "drop_mult": (0.5, 0.4, 0.3)})
        for trial in found.trials
    )
    section = build_learned(
        Analysis(replace(experiment, studies=(replace(found, trials=trials), *experiment.studies[1:])))
    )
    assert section is not None
    (shown,) = [block for block in section.blocks if isinstance(block, Table) and block.key == "learned_schedules"]
    assert [column.title for column in shown.columns] == [
        *("Strategy", "Seed", "Best trial"),
        *("learning rate after its first epoch", "learning rate after its last"),
        *("drop_mult after its first epoch", "drop_mult after its last"),
    ]
    assert shown.rows == [[found.strategy, found.seed, best.number, 0.01, 0.03, 0.5, 0.3]]
    assert "which was not run" in shown.note
    (of_strategy,) = section.numbers["schedules"].values()
    assert of_strategy[found.strategy][str(found.seed)]["lr last"] == 0.03
