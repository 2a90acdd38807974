"""What MLflow says of a study in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hpo.contracts.records import RUNNING
from hpo.tracking.note import study_note
from tests.support.mlflow_contents import make_study, make_trial, make_trials

STUDY = make_study(Path("studies/x"), command="hpo sampler=tpe seed=1", words="experiment=docs")


def test_it_says_what_came_out_what_it_is_held_against_and_how_to_go_on() -> None:
    test = {"trial": 3.0, "test_accuracy": 0.51, "test_baseline_accuracy": 0.7}
    study = replace(STUDY, test=test, corpus={**STUDY.corpus, "baseline_accuracy": 0.75})
    note = study_note(study, make_trials(), is_finished=True)
    assert note.split("\n\n")[:3] == [
        "**docs-tpe-1**: maximize accuracy, 4 trials (2 complete, 1 pruned, 1 failed).",
        "Best accuracy **0.53** in trial 3, **0.51** on the test part. A linear model of the words has 0.75, "
        "0.7 on the test part.",
        "To search on, with a larger budget (`study.n_trials=…`):",
    ]
    assert "\n\n    hpo sampler=tpe seed=1\n\n" in note
    assert f"| train.lr | {make_trial(3).params['train.lr']} |" in note
    assert f"\n\n    hpo experiment=docs train.lr={make_trial(3).params['train.lr']}" in note


def test_an_interrupted_study_says_so_and_how_it_continues() -> None:
    note = study_note(STUDY, [make_trial(0), make_trial(1, RUNNING)], is_finished=False)
    assert note.startswith("**docs-tpe-1**, interrupted: maximize accuracy, 2 trials (1 complete, 1 to be continued).")
    assert "To continue:\n\n    hpo sampler=tpe seed=1" in note


def test_a_study_of_a_comparison_names_its_report() -> None:
    note = study_note(replace(STUDY, tags={**STUDY.tags, "strategy": "tpe"}), make_trials(), is_finished=True)
    assert "Part of the comparison **docs tests**" in note
    assert "`reports/docs tests/report.html`" in note


def test_a_study_without_a_command_line_or_a_value_has_a_note_too() -> None:
    assert study_note(replace(STUDY, command=""), [], is_finished=False).split("\n\n") == [
        "**docs-tpe-1**, interrupted: maximize accuracy, 0 trials.",
        "No trial is complete.",
        "Tables and figures: the artifacts `trials.csv` and `plots`.",
    ]


def test_names_are_no_markup() -> None:
    note = study_note(replace(STUDY, name="<b>x*", metric="a_b"), make_trials(), is_finished=True)
    assert note.startswith("**\\<b\\>x\\***: maximize a\\_b,")
