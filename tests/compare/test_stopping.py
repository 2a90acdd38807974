"""`hpo compare stop=decided`: refusals in a sentence, seed by seed, and the same decision after every kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpo.commands.compare import main
from hpo.commands.report import main as report
from hpo.executors.inline import InlineExecutor
from tests.support.comparisons import watch

TINY = ("trainer=synthetic", "tracking=none", "executor=inline", "samplers=[random,tpe]", "study.n_trials=2")
TINY += ("study.confirm.top_k=0", "study.test=false", "study.audit=0", "name=tiny")
DECIDED = (*TINY, "stop=decided", "seeds=12", "rope=0")
REFUSALS = {
    "seeds=5": "stop=decided needs at least 6 seeds, as fewer cannot show any difference; 5 were given",
    "seeds=[3,4]": "stop=decided needs at least 6 seeds",
    "samplers=[tpe]": "stop=decided needs at least two strategies",
    "samplers=[random,tpe,gp,grid,cmaes,qmc] seeds=7": "cannot tell 6 strategies apart with 7 seeds",
    "tasks={a: {}, b: {train.epochs: 3}} budget.size=9": "on one task; 2 were given (a, b)",
    "looks=often": "looks=often must be a list of ascending numbers of seeds",
    "looks=[8,8,12]": "must be a list of ascending numbers",
    "looks=[5,12]": "looks=[5, 12] must begin with 6 seeds or more and end with all 12",
    "looks=[8,11]": "end with all 12",
    "stop=planned looks=[8,12]": "looks=[8, 12] are those of stop=decided",
    "stop=soon": "expected one of [planned, decided]",
    "futility=1": "futility=1 must be at least 0 and below 1",
}


@pytest.mark.parametrize("words", REFUSALS)
def test_what_cannot_be_decided_is_one_sentence(words: str, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = words.replace(", ", ",\0").replace(": ", ":\0").split()
    assert main([*DECIDED, *(override.replace("\0", " ") for override in overrides)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert REFUSALS[words] in captured.err
    assert list(workdir.iterdir()) == []


def test_it_goes_seed_by_seed_says_its_looks_and_keeps_to_its_design(
    workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(monkeypatch, InlineExecutor)
    words = [*DECIDED, "looks=[7,12]", "futility=0", "strategies=null"]
    assert main(words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Look 1 of 2, after 7 of 12 seeds: nothing is decided yet; tiny goes on." in said
    assert "were told apart (look 2 of 2, 12 of 12 seeds" in said
    seeds = [int(job.study.rpartition("-s")[2]) for job in watched.trained]
    assert seeds == sorted(seeds)
    card = yaml.safe_load(Path("reports/tiny/design.yaml").read_text())
    assert card["stop"]["looks"] == [7, 12]
    assert card["stop"]["rejects_up_to"][1] > card["stop"]["rejects_up_to"][0] == 1
    kept = json.loads(Path("reports/tiny/report.json").read_text())
    assert kept["sections"]["verdict"]["sequential"]["stages"][1]["seeds"] == 12

    assert main([*words[:-3], "looks=[8,12]", "futility=0"]) == 2
    assert "stop cannot change after 60 trials" in capsys.readouterr().err
    assert main([*TINY, "seeds=12", "rope=0"]) == 2
    assert "name=NAME for a new comparison" in capsys.readouterr().err
    assert report(["experiment=tiny", "tracking=none", "report.rope=0.1"]) == 2
    assert "on other terms it would have stopped elsewhere" in capsys.readouterr().err
    assert report(["experiment=tiny", "tracking=none", "report.folder=again"]) == 0
    assert json.loads(Path("again/tiny/report.json").read_text())["verdict"] == kept["verdict"]


MOMENTS = (
    "hpo.compare.running:write_card:after:1",
    "hpo.study.session:_run_group:after:1",
    "hpo.compare.stopping:follow:after:1",
    "hpo.storage.store:StudyStore.tell:after:50",
    "hpo.study.session:_run_group:after:2",
    "hpo.report.document.files:write_report:before:1",
)


@pytest.mark.slow
def test_killed_at_any_moment_it_comes_to_the_same_decision(workdir: Path) -> None:
    words = [
        "experiment=smoke",
        "storage=sqlite",
        "study.n_trials=3",
        "study.confirm.n_seeds=1",
        "samplers=[random,qmc]",
    ]
    words += ["stop=decided", "seeds=12", "rope=0", "futility=0"]
    kill_point = Path(__file__).parent.parent / "support" / "kill_point.py"
    environment = {**os.environ, "DYING_COMMAND": "hpo.commands.compare", "PYTHONPATH": str(kill_point.parents[2])}
    assert main([*words, "name=whole"]) == 0
    whole = _decision("whole")
    assert len(whole[1]["stages"]) > 1
    for number, moment in enumerate(MOMENTS):
        name = f"name=mortal{number}"
        killed = subprocess.run([sys.executable, str(kill_point), moment, *words, name], env=environment, check=False)
        assert killed.returncode == -9, moment
        assert main([*words, name]) == 0
        assert _decision(f"mortal{number}") == whole, moment


def _decision(name: str) -> Any:
    numbers = json.loads(Path(f"reports/{name}/report.json").read_text())
    return numbers["verdict"]["headline"], numbers["sections"]["verdict"]["sequential"]
