"""Rules that end a search before its budget: when they fire, that they stay met, and which are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.machine.signals import Ending
from tests.support.studies import SYNTHETIC, plan_study, run_study

SMOKE = ("experiment=smoke", *SYNTHETIC, "study.name=s")


def test_a_search_ends_once_its_target_is_reached_and_stays_ended(workdir: Path) -> None:
    values = [trial.value or 0.0 for trial in run_study(*SMOKE, "study.n_trials=12", "study.name=whole").trials]
    target = sorted(values)[6]
    n = next(i for i, value in enumerate(values, start=1) if value >= target)
    for _ in range(2):
        report = run_study(*SMOKE, "study.n_trials=12", f"study.stop.target={target}")
        assert (len(report.trials), report.ending) == (n, Ending.STOPPED)
    assert len(run_study(*SMOKE, "study.n_trials=12").trials) == 12  # the rule is no part of what the study is


def test_a_search_ends_after_so_many_trials_without_a_gain_beyond_the_noise(workdir: Path) -> None:
    whole = run_study(*SMOKE, "study.n_trials=20", "study.name=whole").trials
    for noise in (0.0, 0.05):
        best, since, n = None, 0, 0
        while n < len(whole) and since < 5:
            value = whole[n].value or 0.0
            is_gain = best is None or value > best + noise
            best, since, n = (value, 0, n + 1) if is_gain else (best, since + 1, n + 1)
        words = ["study.n_trials=20", "study.stop.stagnation=5", f"study.stop.noise={noise}", f"study.name=n{noise}"]
        assert len(run_study(*SMOKE, *words).trials) == n
    assert len(run_study(*SMOKE, "study.n_trials=20", "study.stop.stagnation=5").trials) <= 20


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["study.stop.target=1.5"], "study.stop.target=1.5 can never be reached"),
        (["study.stop.target=0"], "study.stop.target=0 is always reached"),
        (["study.stop.target=-1", "study.metric=valid_loss"], "valid_loss is at least 0"),
        (["study.stop.stagnation=12", "study.n_trials=12"], "study.stop.stagnation=12 can never be reached"),
        (["study.stop.noise=0.1"], "study.stop.noise says what is no gain"),
    ],
)
def test_rules_that_never_or_always_fire_are_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        plan_study("experiment=smoke", *words)
