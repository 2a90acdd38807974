"""What a study leaves on the terminal: true, complete, and ready to be pasted."""

from __future__ import annotations

import io
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console

from hpo.config.schema import StorageConfig
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, EpochRecord, StudyRecord, TrialRecord
from hpo.storage.options import MemoryConfig, PostgresConfig, SqliteConfig
from hpo.terminal.summary import print_summary
from tests.support.mlflow_contents import make_study, make_trial

STUDY = make_study(Path("/runs/studies/docs"))
RECORD, MEMORY = SqliteConfig(folder="studies", path="hpo.db"), MemoryConfig(folder="studies")


def summary(study: StudyRecord, trials: Sequence[TrialRecord], *, width: int = 100, **changes: Any) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    given: dict[str, Any] = {
        "outcome": "the budget is reached",
        "storage": RECORD,
        "tracking": "sqlite:///mlflow.db",
        "n_unmirrored": 0,
        "next_command": "hpo sampler=tpe",
    }
    print_summary(console, study, trials, **(given | changes))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def table_of(text: str) -> list[str]:
    """Returns the first cells of the table's rows: trial numbers, best first."""
    rows = text.split("trial  accuracy")[1].split("\n\n")[0].splitlines()[1:]
    return [row.split()[0] for row in rows]


def test_best_params_can_be_pasted_whatever_the_width() -> None:
    params = {
        "model.drop_mult": 0.1 + 0.2,
        "train.lr": 1.23456789e-05,
        "train.schedule": "one_cycle",
        "model.emb_sz": None,
    }
    text = summary(replace(STUDY, space={}, words="data=table"), [make_trial(0, params=params)], width=30)
    line = "model.drop_mult=0.30000000000000004 train.lr=1.23456789e-05 train.schedule=one_cycle model.emb_sz=null"
    assert f"data=table {line} study.n_trials=1" in text.splitlines()


def test_no_line_ends_in_blanks() -> None:
    text = summary(STUDY, [make_trial(0, params={"train.lr": 0.1, "a": 1}), make_trial(1, FAIL)], width=40)
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_what_is_recorded_is_not_trained_again() -> None:
    study = replace(STUDY, tags={**STUDY.tags, "table": "curves"})
    text = summary(study, [make_trial(0, facts={"row": "7"})])
    assert "trial 0, row 7 of curves: it is trained already" in text
    assert "paste behind" not in text


@pytest.mark.parametrize(("n_there", "is_said"), [(2, True), (3, False)])
def test_a_search_that_has_had_its_whole_table_is_told(n_there: int, is_said: bool) -> None:
    study = replace(STUDY, tags={**STUDY.tags, "table": "curves", "n_configurations": str(n_there)})
    trials = [make_trial(0, params={"lr": 0.1}), make_trial(1, params={"lr": 0.2}), make_trial(2, params={"lr": 0.1})]
    text = summary(study, trials, width=200)
    assert ("has had all 2 configurations of its table: its best is the table's, however found" in text) is is_said


@pytest.mark.parametrize(
    ("own", "held", "said"),
    [
        (0.90, 0.80, "0.8000 on test: beaten by trial 0 (difference 0.1000, 95 % interval 0.0536 to 0.1464)"),
        (
            0.81,
            0.80,
            "0.8000 on test: not told apart from trial 0 (difference 0.0100, 95 % interval -0.0418 to 0.0618)",
        ),
        (0.70, 0.80, "0.8000 on test: not beaten by trial 0 (difference -0.1000, 95 % interval -0.1557 to -0.0435)"),
    ],
)
def test_the_best_trials_test_is_held_against_that_of_a_linear_model(own: float, held: float, said: str) -> None:
    test = {"trial": 0.0, "test_accuracy": own, "test_baseline_accuracy": held, "n_test": 450.0}
    study = replace(STUDY, corpus={"baseline_accuracy": 0.99}, test=test)  # whatever valid says
    text = summary(study, [make_trial(0, value=0.5)], width=200)
    assert f"compare a linear model of the words has accuracy {said}\n" in text


def test_without_a_test_no_word_is_said_of_the_two() -> None:
    study = replace(STUDY, corpus={"baseline_accuracy": 0.8})
    text = summary(study, [make_trial(0, value=0.9)], width=200)
    assert "accuracy 0.8000 on valid, trial 0, which was chosen there, 0.9000\n" in text
    assert "beaten" not in text
    tested = {"test_macro_f1": 0.9, "test_baseline_macro_f1": 0.8, "n_test": 450.0}
    study = replace(study, metric="macro_f1", test=tested)
    assert "macro_f1 0.8000 on test, trial 0 0.9000 (difference 0.1000)\n" in summary(study, [make_trial(0)], width=200)


@pytest.mark.parametrize(
    ("direction", "best"), [("maximize", ["4", "3", "2", "1", "0"]), ("minimize", ["0", "1", "2", "3", "4"])]
)
def test_the_table_begins_with_the_best_complete_trials(direction: str, best: list[str]) -> None:
    study = make_study(Path("x"), direction=direction)
    trials = [make_trial(n) for n in range(5)] + [make_trial(9, PRUNED, value=0.0), make_trial(8, PRUNED, value=1.0)]
    assert table_of(summary(study, trials)) == best
    assert len(table_of(summary(study, [make_trial(n) for n in range(20)]))) == 5


def test_ties_go_to_the_earlier_trial() -> None:
    text = summary(STUDY, [make_trial(n, value=0.5) for n in (2, 0, 1)])
    assert table_of(text) == ["0", "1", "2"]
    assert "best    trial 0;" in text


def test_without_a_complete_trial_nothing_is_recommended() -> None:
    text = summary(STUDY, [make_trial(0, PRUNED), make_trial(1, FAIL), make_trial(2, RUNNING)])
    assert "best    none: no trial is complete, so no params can be recommended" in text
    assert "train.lr=" not in text
    assert "1 to go on with, 1 pruned, 1 failed (diverged)" in text
    assert "best    none" in summary(STUDY, [])


def test_every_reason_of_failure_is_named_with_its_trials() -> None:
    many = [make_trial(n, FAIL, reason="oom", error="out of memory\x1b[2J") for n in range(2, 12)]
    text = summary(STUDY, [make_trial(0), make_trial(1, FAIL), *many])
    assert "failed  diverged: trial 1 - RuntimeError: loss is not finite" in text
    assert "failed  oom: trial 2, 3, 4, 5, 6, 7, 8, 9 and 2 more - out of memory [2J" in text
    assert "11 failed (10 oom, 1 diverged)" in text


def test_spend_is_counted_over_all_trials() -> None:
    epochs = tuple(EpochRecord(n, {"accuracy": 0.5, "seconds": 1.5}, 1_700_000_000_000) for n in (1, 2))
    trials = [make_trial(0, epochs=epochs), make_trial(1, PRUNED, epochs=epochs[:1]), make_trial(2, FAIL, epochs=())]
    text = summary(STUDY, trials)
    assert "4 epochs, 9.5 s of training\n" in text  # the failed one is charged an epoch, and its 5 s by the clock
    assert "3.0 s" in text.split("trial  accuracy")[1]
    assert "3 epochs\n" in summary(STUDY, [make_trial(0)]), "no epoch of it says how long it took"


def test_test_metrics_name_their_trial() -> None:
    study = make_study(Path("x"), test={"trial": 1.0, "test_accuracy": 0.8125, "n_test": 450.0})
    text = summary(study, [make_trial(0), make_trial(1)])
    assert "test    accuracy 0.8125 on 450 texts\n" in text
    assert "(trial 1, best before the newest trials)" in summary(study, [make_trial(0), make_trial(1), make_trial(2)])
    assert "test  " not in summary(STUDY, [make_trial(0, COMPLETE)])


def first_study() -> tuple[StudyRecord, list[TrialRecord]]:
    params = {"model.drop_mult": 0.2607717461815363, "model.n_hid": 128, "train.lr": 0.0055403, "train.epochs": 6}
    test = {"trial": 11.0, "test_loss": 0.6, "test_accuracy": 0.79, "test_macro_f1": 0.79, "n_test": 450.0}
    test["test_baseline_accuracy"] = 0.82
    study = replace(
        STUDY,
        name="docstrings-awd_lstm_small-tpe-none-s0",
        folder=str(Path.cwd() / "studies/docstrings-awd_lstm_small-tpe-none-s0"),
        tags={**STUDY.tags, "data": "docstrings"},
        corpus={"baseline_accuracy": 0.8559},
        test=test,
    )
    epochs = tuple(EpochRecord(n, {"accuracy": 0.5, "seconds": 34.0}, 1_700_000_000_000) for n in range(1, 7))
    return study, [make_trial(number, params=params, epochs=epochs) for number in range(12)]


def test_the_end_of_a_first_study_fits_one_screen_and_ends_with_what_to_do() -> None:
    study, trials = first_study()
    command = "hpo sampler=tpe study.n_trials=24"
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None, highlight=False)
    print_summary(
        console,
        study,
        trials,
        outcome="the budget is reached",
        storage=RECORD,
        tracking="sqlite:///mlflow.db",
        n_unmirrored=0,
        next_command=command,
    )
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().strip().splitlines()]
    assert len(lines) < 24
    assert all(len(line) <= 80 for line in lines)
    assert lines[-5:] == [
        "test    loss 0.6000, accuracy 0.7900, macro_f1 0.7900 on 450 texts",
        "compare a linear model of the words has accuracy 0.8200 on test: not told apart",
        "        from trial 11 (difference -0.0300, 95 % interval -0.0817 to 0.0218)",
        f"next    {command}",
        "texts   your own: hpo data=table data.path=YOURS.csv",
    ]
    assert f"folder  studies/{study.name}" in lines
    assert "trial  accuracy  epochs  params" in lines, "how long it trained gives way to the params"
    assert [line for line in lines if line.endswith("drop_mult=0.261 n_hid=128 lr=0.00554 epochs=6")]
    pasted = lines[lines.index("best    trial 11; to train it again, paste behind hpo:") + 1 :][:2]
    assert "\n".join(pasted).replace(" \\\n", " ") == study.retraining(trials[11].params)
    assert "training" in summary(study, trials, width=120).split("trial  accuracy")[1].splitlines()[0]
    assert "texts   " not in summary(STUDY, trials)


def test_places_and_commands_are_named() -> None:
    text = summary(STUDY, [make_trial(0)])
    assert f"record  hpo.db ({Path('hpo.db').absolute()})\n" in text
    assert "folder  /runs/studies/docs\n" in text
    assert "mlflow  hpo ui\n" in text
    assert text.endswith("next    hpo sampler=tpe\n")
    assert "hpo sync" not in text
    assert "in memory, gone now" in summary(STUDY, [], storage=MEMORY)
    shared = summary(STUDY, [], storage=PostgresConfig(folder="studies", url="postgresql://me:CANARY@team/hpo"))
    assert "record  the database at postgresql://***@team/hpo\n" in shared


QUOTED = "tracking.uri='sqlite:///a b.db'"  # as Hydra reads it


@pytest.mark.parametrize(
    ("tracking", "line"),
    [
        ("", "mlflow  not used (tracking=none)\n"),
        ("http://127.0.0.1:5000", "mlflow  open http://127.0.0.1:5000\n"),
        ("https://me:secret@mlflow.example", "mlflow  open https://***@mlflow.example\n"),
        ("env:HPO_TRACKING", "mlflow  at the address in env:HPO_TRACKING\n"),
        ("sqlite:///a b.db", f"mlflow  hpo ui {shlex.quote(QUOTED)}\n"),
    ],
)
def test_mlflow_is_reached_as_it_was_set_up(tracking: str, line: str) -> None:
    assert line in summary(STUDY, [make_trial(0)], tracking=tracking)


def test_a_model_is_named_with_the_command_that_asks_it(tmp_path: Path) -> None:
    study = replace(STUDY, folder=str(tmp_path / "my study"))
    assert "hpo predict" not in summary(study, [])
    (tmp_path / "my study/model").mkdir(parents=True)
    assert f"model   hpo predict model='{tmp_path}/my study/model' 'some text'\n" in summary(study, [])


def test_what_mlflow_lacks_is_said_with_the_remedy() -> None:
    text = summary(STUDY, [make_trial(0)], n_unmirrored=3)
    assert "3 runs are not in MLflow yet: hpo sync study.name=docs-tpe-1\n" in text
    assert "lost, as the record was in memory" in summary(STUDY, [], storage=MEMORY, n_unmirrored=1)
    assert "1 run is not in MLflow yet" in summary(STUDY, [make_trial(0)], n_unmirrored=1)


def test_the_files_of_what_mlflow_refuses_are_named() -> None:
    text = summary(STUDY, [make_trial(0)], n_unmirrored=2, refusals=["/runs/x/mlflow-refused.jsonl"], width=20)
    assert "MLflow refuses some of them: see /runs/x/mlflow-refused.jsonl\n" in text


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        (SqliteConfig(folder="all", path="runs/all.db"), {"storage.path": "runs/all.db", "storage.folder": "all"}),
        (
            PostgresConfig(folder="studies", url="env:HPO_STORAGE_URL"),
            {"storage": "postgres", "storage.url": "env:HPO_STORAGE_URL"},
        ),
    ],
)
def test_the_remedy_finds_a_record_and_an_mlflow_elsewhere(storage: StorageConfig, words: dict[str, str]) -> None:
    study = make_study(Path("x"), name="a study")
    text = summary(study, [], storage=storage, n_unmirrored=1, tracking="http://127.0.0.1:5000", width=20)
    command = text.split("hpo sync ")[1].splitlines()[0]
    overrides = OverridesParser.create().parse_overrides(shlex.split(command))
    assert {override.key_or_group: override.value() for override in overrides} == {
        "study.name": "a study",
        "tracking.uri": "http://127.0.0.1:5000",
    } | words
