"""What `hpo best` refuses before it does anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.commands.best import main


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ((), "Give either hours=2, what it may take in all, or trials=24"),
        (("hours=0",), "hours=0 must be a number of hours above 0"),
        (("hours=1", "trainer=linear"), "trainer=linear is chosen by hpo best for each of its steps"),
        (("hours=1", "space.params.C.low=1"), "space.params.C.low=1 is chosen by hpo best"),
        (("hours=1", "study.n_trials=3"), "study.n_trials=3 is chosen by hpo best"),
        (("hours=1", "-m"), "leave out -m"),
        (("trials=1", "data=table", "data.path=nowhere.csv"), "nowhere.csv"),
        (("trials=1", "data.n_per_clas=3"), "n_per_clas"),
    ],
)
def test_it_is_refused_in_a_sentence(
    argv: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*argv]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert sentence in said
    assert not (tmp_path / "studies").exists()


def test_its_usage_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name}=" in said for name in ("hours", "trials", "shares", "steps", "name"))
