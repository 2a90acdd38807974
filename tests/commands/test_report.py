"""`hpo report` as typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import create_trial

from hpo.commands.report import as_overrides, main
from tests.support.studies import SYNTHETIC, run_study

HEADER = "experiment,task,strategy,seed,trial,value,state,epochs,seconds"
QUICK = ("tracking=none", "report.n_resamples=20")


def write_csv(path: Path, *, experiment: str = "mine", strategies: tuple[str, ...] = ("random", "tpe")) -> None:
    rows = [
        f"{experiment},docs,{strategy},{seed},{trial},{0.1 * trial + 0.01 * seed},ok,1,1"
        for strategy in strategies
        for seed in range(2)
        for trial in range(3)
    ]
    path.write_text("\n".join([HEADER, *rows]) + "\n")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_printed(flag, capsys) -> None:
    assert main([flag]) == 0
    assert "records=FILE.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "override"),
    [
        ("experiment=smoke", "name='smoke'"),
        ("experiment=two words", "name='two words'"),
        ("experiment='quoted'", "name='quoted'"),
        ("experiment=it's", r"name='it\'s'"),
        ("experiment=a${b}", r"name='a\${b}'"),
        ("experiment=a=b", "name='a=b'"),
        ("experiment=", "name=''"),
        ("records=a,b.csv", "records='a,b.csv'"),
        ("records=[a.csv,b.csv]", "records=[a.csv,b.csv]"),
        ("records=null", "records=null"),
        ("report.study_names={task}-{seed}", "report.study_names='{task}-{seed}'"),
        ("report.rope=0.1", "report.rope=0.1"),
        ("+experiment=smoke", "+experiment=smoke"),
    ],
)
def test_names_of_experiments_and_files_are_kept_from_hydra(word, override) -> None:
    assert as_overrides([word]) == [override]


def test_a_csv_file_becomes_a_report(workdir: Path, capsys) -> None:
    write_csv(workdir / "my trials (1).csv", experiment="it's ${mine}")
    assert main(["records=my trials (1).csv", "experiment=it's ${mine}", *QUICK]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("No winner")
    assert printed[-1] == "Report: reports/it's ${mine}/report.html"
    assert (workdir / "reports" / "it's ${mine}" / "records.csv").is_file()
    assert not (workdir / "hpo.db").exists()


def test_several_files_and_terms_by_hand(workdir: Path, capsys) -> None:
    write_csv(workdir / "a.csv", strategies=("random",))
    write_csv(workdir / "b.csv", strategies=("tpe",))
    given = ["report.direction=maximize", "report.unit=trials", "report.budget=2", "report.rope=0.5"]
    assert main(["records=[a.csv,b.csv]", "report.folder=out", *given, *QUICK]) == 0
    report = (workdir / "out" / "mine" / "summary.md").read_text()
    assert "2 strategies × 2 seeds × 1 task, 2 trials each; value, higher is better" in report


def test_the_record_is_read_while_nothing_else_is_named(workdir: Path, capsys) -> None:
    run_study(*SYNTHETIC, "study.n_trials=2", "study.test=false")
    capsys.readouterr()
    assert main([*QUICK]) == 0
    assert capsys.readouterr().out.startswith("tpe alone: nothing to compare.")
    assert (workdir / "reports" / "synthetic" / "report.html").is_file()
    shutil.rmtree(workdir / "reports")
    assert main(["experiment=smoke", *QUICK]) == 2
    assert "no experiment 'smoke' in the record; it has synthetic" in capsys.readouterr().err
    run_study(*SYNTHETIC, "study.n_trials=1", "study.test=false", "experiment=smoke")
    assert main([*QUICK]) == 2
    assert "2 experiments; choose one: experiment=smoke, experiment=synthetic" in capsys.readouterr().err
    assert not (workdir / "reports").exists()


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "There is no record at storage.path=hpo.db"),
        (["records=nowhere.csv"], "records=nowhere.csv does not exist"),
        (["records=[]"], "names no file"),
        (["records={a: b}"], "does not exist"),
        (["-m"], "leave out -m"),
        (["report.unit=hours"], "report.unit"),
        (["report.rope=-1"], "report.rope=-1 must be at least 0"),
        (["report.n_resamples=0"], "report.n_resamples=0 must be at least 1"),
        (["report.seed=-1"], "report.seed=-1 must be at least 0"),
        (["report.fodler=x"], "did you mean folder"),
    ],
)
def test_mistakes_end_in_a_sentence(workdir: Path, capsys, argv, sentence) -> None:
    assert main(["tracking=none", *argv]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.strip().splitlines()) == 1
    assert list(workdir.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(workdir: Path, capsys) -> None:
    write_csv(workdir / "a.csv")
    (workdir / "taken").write_text("a file")
    assert main(["records=a.csv", "report.folder=taken", *QUICK]) == 2
    assert "report.folder=taken cannot be written: Not a directory." in capsys.readouterr().err


def test_words_of_another_tuner_are_explained_by_a_setting(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"e,t,{name},0,{i},0.{i + 1},TERMINATED" for name in "ab" for i in range(2)]
    (workdir / "rays.csv").write_text("\n".join(["experiment,task,method,seed,trial,objective,status", *rows]) + "\n")
    assert main(["records=rays.csv"]) == 2
    assert "state 'TERMINATED' is ambiguous" in capsys.readouterr().err
    assert main(["records=rays.csv", "report.states=nothing"]) == 2
    assert "report.states=nothing must say what words mean" in capsys.readouterr().err
    assert main(["records=rays.csv", "report.states={terminated: COMPLETE}", "report.n_resamples=50"]) == 0


def test_a_storage_of_optunas_becomes_a_report(workdir: Path, capsys) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = RDBStorage("sqlite:///x.db")
    for strategy, offset in (("random", 0.5), ("tpe", 0.0)):
        for seed in range(6):
            study = optuna.create_study(storage=storage, study_name=f"{strategy}-digits-{seed}")
            study.add_trials([create_trial(value=offset + 0.01 * seed)])
    storage.engine.dispose()
    assert main(["records=sqlite:///x.db", *QUICK]) == 2
    assert "has studies called 'random-digits-0', 'random-digits-1'" in capsys.readouterr().err
    assert not (workdir / "reports").exists()
    assert main(["records=sqlite:///x.db", "report.study_names={strategy}-{task}-{seed}", *QUICK]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Winner: tpe, better than random (6 seeds a pair")
    assert "Report: reports/x/report.html" in printed


def test_best_so_far_values_are_not_taken_for_evaluations(workdir: Path, capsys) -> None:
    rows = [
        f"mine,{task},{strategy},{seed},{trial},{max(0.5, 0.9 - 0.1 * trial) + 0.01 * seed},ok,1,1"
        for task in ("docs", "code")
        for strategy in ("random", "tpe")
        for seed in range(2)
        for trial in range(8)
    ]
    Path("best.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    assert main(["records=best.csv", *QUICK]) == 0
    said = Path("reports/mine/summary.md").read_text()
    assert "Values are the best so far of each study, no evaluations" in said
    assert "normalised regret" not in said
    assert "In none of 8 studies is a value worse than one before it" in Path("reports/mine/report.html").read_text()
    numbers = json.loads(Path("reports/mine/report.json").read_text())["sections"]
    assert numbers["regret"].keys() == {"final_mean_rank_of_incumbents"}
    assert numbers["statistics"]["random_with_twice_the_budget"] == {}
    assert not {"targets", "learned", "noise"} & numbers.keys()
    assert main(["records=best.csv", "report.value_is=evaluation", *QUICK]) == 0
    numbers = json.loads(Path("reports/mine/report.json").read_text())["sections"]
    assert numbers["regret"]["scales"]["docs"]["reference_is_median_of"] == "random search"
    assert "targets" in numbers


def test_values_of_the_record_are_evaluations(workdir: Path, capsys) -> None:
    run_study(*SYNTHETIC, "storage=sqlite", "study.n_trials=1", "study.name=x")
    assert main(["report.value_is=incumbent", *QUICK]) == 2
    assert "report.value_is=incumbent is for records of others" in capsys.readouterr().err
