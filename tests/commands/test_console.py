"""`hpo` and its words, as a user types them: each reaches its command, and what is misspelt is told the nearest."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import hpo
from hpo.commands.console import WORDS, main
from tests.support.console_script import write_console_script

STUDY = ("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=1")
ALL = ", ".join(WORDS)


def run(*command: str | Path, folder: Path) -> tuple[int, str, str]:
    """Returns a process's exit code, output and errors."""
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("word", WORDS)
def test_a_word_reaches_its_command(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"hpo {word} ")


@pytest.mark.parametrize("word", ["compare", "report", "predict", "show", "curves", "sync", "copy"])
def test_a_word_is_the_same_as_the_module_of_its_name(word: str, tmp_path: Path) -> None:
    typed = run(sys.executable, "-m", "hpo", word, "--help", folder=tmp_path)
    assert typed == run(sys.executable, "-m", f"hpo.{word}", "--help", folder=tmp_path)
    assert typed[0] == 0


def test_the_script_is_the_same_as_the_module(tmp_path: Path) -> None:
    script = write_console_script(tmp_path / "bin")
    for words in (["--help"], ["--version"], ["show", "--help"], ["comapre"]):
        assert run(script, *words, folder=tmp_path) == run(sys.executable, "-m", "hpo", *words, folder=tmp_path)


@pytest.mark.parametrize("executor", ["executor=inline", "executor=processes"])
def test_the_script_runs_a_study(executor: str, workdir: Path) -> None:
    code, out, err = run(write_console_script(workdir / "bin"), *STUDY, executor, folder=workdir)
    assert (code, err) == (0, "")
    assert "1 trial" in out
    assert (workdir / "hpo.db").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("comapre", "There is no command 'comapre'; did you mean hpo compare?"),
        ("seed=1 comapre seeds=3", "There is no command 'comapre'; did you mean hpo compare?"),
        ("reprot x", "There is no command 'reprot'; did you mean hpo report?"),
        ("Predict model=x text", "There is no command 'Predict'; did you mean hpo predict?"),
        ("help", "There is no command 'help'; did you mean hpo --help?"),
        ("version", "There is no command 'version'; did you mean hpo --version?"),
        (
            "run sampler=tpe",
            f"There is no command 'run'; there are {ALL}, and a study needs none: hpo sampler=tpe.",
        ),
        ("sampler tpe", "'sampler tpe' are two words; write sampler=tpe."),
    ],
)
def test_a_misspelt_word_is_told_the_nearest(
    words: str, sentence: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr() == ("", f"hpo: {sentence}\n")
    assert list(workdir.iterdir()) == []


def test_a_command_may_stand_behind_overrides(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*STUDY[:3], "study.n_trials=2", "compare", "seeds=1", "samplers=[random]", "name=it"]) == 0
    assert "reports/it" in capsys.readouterr().out
    assert main(["tracking=none", "report", "experiment=it"]) == 0


def test_a_word_with_a_value_is_an_override(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["comapre=3"]) == 2
    assert capsys.readouterr().err.startswith("hpo: comapre is not a setting; the configuration has seed, ")


def test_it_knows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hpo {hpo.__version__}\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    shell = f"{shlex.quote(sys.executable)} -m hpo --help | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
