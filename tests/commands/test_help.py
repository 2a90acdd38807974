"""`hpo --help`: there at once, and every command it shows works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.commands.console import WORDS
from hpo.commands.help import help_text, read_groups
from hpo.config.registry import options
from hpo.machine.paths import conf_folder
from hpo.space.read import read_space
from tests.support.manual import study_commands
from tests.support.studies import compose_config

HEAVY = {"hydra", "omegaconf", "optuna", "mlflow", "torch", "fastai", "numpy", "pandas", "rich"}


def commands(text: str) -> list[str]:
    """Returns the overrides behind each `hpo` without a command of a text."""
    words = "|".join(["COMMAND", *WORDS])
    return re.findall(rf"^ {{2,}}hpo (?!-|(?:{words})\b)(.*?)(?: {{2,}}.*)?$", text, re.M)


def test_it_says_all_without_a_heavy_import() -> None:
    program = f"import sys; from hpo.commands.console import main; main(['--help']); print({HEAVY} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == help_text(conf_folder(), WORDS) + "\nset()\n"


def test_every_group_names_its_default_and_its_options() -> None:
    groups = {group.name: group for group in read_groups(conf_folder())}
    assert set(options()) <= set(groups)
    for name, group in groups.items():
        assert set(group.options) == {path.stem for path in (conf_folder() / name).glob("*.yaml")}
        assert group.purpose, f"conf/config.yaml: say in a comment what {name} is"
        assert all(group.options.values()), f"conf/{name}: begin each file with a comment that says what it is"
        assert group.default in {"", *group.options}
    assert groups["sampler"].default == "tpe"
    assert "* tpe " in help_text(conf_folder(), WORDS)
    assert "@package" not in help_text(conf_folder(), WORDS)


@pytest.mark.parametrize(
    "command", sorted({*commands(help_text(conf_folder(), WORDS)), *(c for c in study_commands() if c[0] != "-")})
)
def test_every_command_shown_composes(command: str) -> None:
    config, _ = compose_config(*shlex.split(command))
    assert read_space(config).params


def test_the_space_edits_shown_do_what_is_said() -> None:
    edits = [line.split("  ")[1] for line in help_text(conf_folder(), WORDS).split("search space")[1].splitlines()[1:4]]
    config, _ = compose_config(*shlex.split(" ".join(edits[:1])))
    assert config.space.train["lr"].high == 0.05
    config, _ = compose_config(*shlex.split(" ".join(edits[1:])))
    assert set(config.space.train) == {"epochs", "weight_decay"}


def test_an_installed_package_reads_its_own_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "hpo"
    (installed / "conf").mkdir(parents=True)
    monkeypatch.setattr("hpo.machine.paths.__file__", str(installed / "machine" / "paths.py"))
    assert conf_folder() == installed / "conf"
