"""`hpo reproduce` as typed: trials of a report trained again, and its digits checked."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo.commands.compare import main as compare
from hpo.commands.reproduce import main

COMPARED = (
    *("trainer=synthetic", "samplers=[random,tpe]", "seeds=[0,1]", "study.n_trials=4", "study.test=false"),
    *("pruner=median", "pruner.n_startup_trials=1", "executor=inline", "name=few", "tracking=none", "train.epochs=4"),
)
REPORT = "reports/few/report.json"


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    """Returns a folder with the record and the report of a comparison."""
    folder, before = tmp_path_factory.mktemp("compared"), Path.cwd()
    os.chdir(folder)
    try:
        assert compare([*COMPARED]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def report(compared: Path, tmp_path: Path, monkeypatch) -> Path:
    """Returns a report of the comparison that may be changed; its record is in the working directory."""
    monkeypatch.chdir(compared)
    shutil.copytree(compared / "reports" / "few", tmp_path / "few")
    return tmp_path / "few" / "report.json"


def changed(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def pruned(path: Path) -> str:
    studies = json.loads(path.read_text())["studies"]
    found = [(s, t) for s in studies for t in s["trials"] if t["state"] == "PRUNED"]
    return f"{found[0][0]['strategy']}/{found[0][0]['seed']}/{found[0][1]['number']}"


def test_trials_come_out_equal_in_every_epoch_and_leave_nothing_behind(report: Path, capsys) -> None:
    assert main([str(report), f"trial=[tpe/1/2,{pruned(report)}]", "executor=inline"]) == 0
    printed = capsys.readouterr().out
    assert "tpe/1/2: trained again, 4 epochs equal bit for bit (accuracy, macro_f1, train_loss, valid_loss" in printed
    assert "2 of 2 trials equal in every epoch." in printed
    assert not (report.parent / "reproduced").exists()


def test_another_seed_or_digit_of_an_epoch_is_told(report: Path, capsys) -> None:
    def digit(content) -> None:
        trial = content["studies"][0]["trials"][1]
        trial["epochs"][-1][0] += 1e-15

    changed(report, digit)
    assert main([str(report), "trial=random/0/1", "executor=inline"]) == 5
    assert re.search(r"random/0/1: epoch \d: accuracy was 0\.\d+ and is now 0\.\d+", capsys.readouterr().out)


def test_what_an_interrupted_command_had_done_is_not_done_again(report: Path, capsys) -> None:
    from hpo.machine.files import hash_bytes

    folder = report.parent / "reproduced"
    folder.mkdir()
    done = {"report": hash_bytes(report.read_bytes())[:12], "done": {"tpe/0/0": True}}
    (folder / "done.json").write_text(json.dumps(done))
    assert main([str(report), "trial=[tpe/0/0,tpe/0/1]", "executor=inline"]) == 0
    printed = capsys.readouterr().out
    assert "tpe/0/0: done before the interruption, equal." in printed
    assert "tpe/0/1: trained again" in printed


def test_a_report_that_nobody_changed_is_told_by_its_page_and_its_record(report: Path, capsys) -> None:
    assert main([str(report), "check=true", "tracking=none"]) == 0
    page, mlflow, record = capsys.readouterr().out.splitlines()
    assert page.endswith("prints the hash of this report.json.")
    assert mlflow == "MLflow: not asked, with tracking=none."
    assert record.startswith("record: it has the design and ")


def set_param(content) -> None:
    content["studies"][0]["trials"][0]["params"]["train.lr"] *= 1.0000001


def set_seed(content) -> None:
    content["studies"][1]["trials"][0]["seed"] += 1


def set_epoch(content) -> None:
    content["studies"][2]["trials"][0]["epochs"][0][1] += 1e-12


def set_card(content) -> None:
    content["sections"]["design"]["card"]["budget"] += 1


def set_setting(content) -> None:
    content["studies"][0]["settings"]["train"]["weight_decay"] = 0.02


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (set_param, r"trials\.0\.params\.train\.lr"),
        (set_seed, r"trials\.0\.seed"),
        (set_epoch, r"trials\.0\.epochs\[0\]\[1\]"),
        (set_card, r"design\.card\.budget"),
        (set_setting, r"settings\.train\.weight_decay"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_changed_digit_is_found_by_the_page_and_by_the_record(report: Path, capsys, change, path) -> None:
    changed(report, change)
    assert main([str(report), "check=true", "tracking=none"]) == 5
    page, _, record = capsys.readouterr().out.splitlines()
    assert page.endswith("one of them changed.")
    assert re.search(rf"{path} is \S+ in the report and \S+ in the record", record)


def of_older_version(content) -> None:
    content["format"] = 1


def of_other_hpo(content) -> None:
    content["studies"][2]["versions"]["hpo"] = "0.0.1"


def with_other_data(content) -> None:
    content["studies"][2]["fingerprint"]["data"] = "feedbeef"


def with_other_settings(content) -> None:
    content["studies"][2]["settings"]["train"]["weight_decay"] = 0.02


def with_function(content) -> None:
    content["studies"][2]["settings"]["trainer"]["call"] = "os:system"


def with_code(content) -> None:
    content["studies"][2]["words"] += " plugins=[evil] trainer.call=os:system storage.path=/etc/x hydra.run.dir=/x"


def without_studies(content) -> None:
    content["studies"] = []


@pytest.mark.parametrize(
    ("change", "words", "sentence"),
    [
        (None, [], "Say what to do"),
        (None, ["trial=tpe/0/0", "trials=3"], "give one of them"),
        (None, ["trial=tpe/0/99"], "is not in this report; the study tpe/0 has 0 to "),
        (None, ["trial=cmaes/0/1"], "its studies are random/0, random/1, tpe/0, tpe/1"),
        (None, ["trials=99"], "trials=99 is more than the"),
        (None, ["trials=many"], "trials=many is no whole number"),
        (None, ["check=yes"], "check=yes is neither true nor false."),
        (of_older_version, ["trial=tpe/0/0"], "another version of hpo (format 1; this one reads 2)"),
        (of_other_hpo, ["trial=tpe/0/0"], "hpo was 0.0.1 and is now"),
        (with_other_data, ["trial=tpe/0/0"], "The data have changed since"),
        (with_other_settings, ["trial=tpe/0/0"], "train.weight_decay was 0.02 and is now 0.01"),
        (with_function, ["trial=tpe/0/0"], "no report brings code to run; if it is yours, type it behind the command"),
        (without_studies, ["trial=tpe/0/0"], "This report carries no trial that could be trained again"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(report: Path, capsys, change, words, sentence) -> None:
    if change:
        changed(report, change)
    assert main([str(report), *words, *([] if not change else ["executor=inline"])]) == 2
    assert sentence in capsys.readouterr().err


def test_words_of_a_report_that_name_code_and_places_are_left_out(report: Path, capsys) -> None:
    changed(report, with_code)
    assert main([str(report), "trial=tpe/0/0", "executor=inline"]) == 0
    assert "trained again" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00", '{"format": 2}'])
def test_what_is_no_report_is_refused(tmp_path: Path, capsys, content) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    assert main([str(path), "trial=a/0/0"]) == 2
    assert "is no report.json" in capsys.readouterr().err
    assert main([str(tmp_path / "none.json"), "trial=a/0/0"]) == 2
    assert "There is no" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_training_goes_on_from_its_last_epoch(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert compare([*COMPARED, "seeds=[0]", "study.n_trials=2", "trainer.epoch_s=0.3", "executor.threads=1"]) == 0
    words = [sys.executable, "-m", "hpo", "reproduce", REPORT, "trial=tpe/0/0"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(Path("reports").rglob("*.safetensors")) and not list(Path("reports").rglob("*checkpoint*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "continued" in again.stdout or "goes on" in again.stdout, again.stdout
    assert "equal bit for bit" in again.stdout
    assert again.returncode == 0
