"""`hpo compare plan=true`: a pilot that survives a kill, noise from the record, refusals in a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.commands.compare import main

TINY = ("trainer=synthetic", "trainer.noise=0.01", "tracking=none", "executor=inline", "samplers=[random,qmc]")
TINY += ("name=tiny", "study.n_trials=3", "study.confirm.n_seeds=2")
PLAN = (*TINY, "plan=true", "pilot=6")
REFUSALS = {
    "samplers=[tpe]": "plan=true is about the difference of two strategies",
    "difference=0.001": "difference=0.001 is not above the ROPE of 0.005 accuracy",
    "rope=0": "With rope=0 a difference is not above the ROPE of 0",
    "noise=lost": "noise=lost names no experiment of the record; it has none yet",
    "pilot=3": "pilot=3 must be at least 4",
    "plan=maybe": "plan",
}


@pytest.mark.parametrize("word", REFUSALS)
def test_what_cannot_be_planned_is_one_sentence(word: str, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PLAN, word]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert REFUSALS[word] in captured.err
    assert not Path("reports").exists()


def test_a_pilot_says_how_many_seeds_and_leaves_the_comparison_alone(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*PLAN, "difference=0.2", "storage=memory"]) == 0
    said = capsys.readouterr().out
    assert "seek    a difference of 0.2 accuracy, found with 80 % power and above the ROPE of 0.005\n" in said
    assert "seeds   6 (6 at the upper limit of the noise): " in said  # as few as can reject at all
    assert {path.name for path in Path("reports").iterdir()} == {"tiny", "tiny-pilot"}
    assert [path.name for path in Path("reports/tiny").iterdir()] == ["plan.json"]


@pytest.mark.slow
def test_a_killed_pilot_goes_on_and_a_comparison_takes_its_place(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_point = Path(__file__).parent.parent / "support" / "kill_point.py"
    environment = {**os.environ, "DYING_COMMAND": "hpo.commands.compare", "PYTHONPATH": str(kill_point.parents[2])}
    words = [*PLAN, "difference=0.05"]
    moment = "hpo.storage.store:StudyStore.tell:after:3"
    killed = subprocess.run([sys.executable, str(kill_point), moment, *words], env=environment, check=False)
    assert killed.returncode == -9
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "6 trials of the pilot 'tiny-pilot' and 2 retrainings" in said
    assert "one strategy only" not in said
    first = json.loads(Path("reports/tiny/plan.json").read_text())
    assert main(words) == 0
    assert json.loads(Path("reports/tiny/plan.json").read_text()) == first
    assert first["fixed"]["n"] <= first["fixed_upper"]["n"]
    assert f"next    hpo compare {' '.join(map(_quoted, TINY))} stop=decided seeds={first['decided']['n']}\n" in said

    assert main([*TINY, "seeds=3"]) == 0
    capsys.readouterr()
    assert main([*words, "budget.size=24"]) == 0
    said = capsys.readouterr().out
    assert (
        "1 pair of 'tiny' with 3 seeds, test value of the confirmed configuration (accuracy); its studies had 12"
        in said
    )
    assert "not 24 epochs" in said


def _quoted(word: str) -> str:
    return f"'{word}'" if "[" in word else word
