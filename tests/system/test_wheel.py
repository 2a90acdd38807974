"""The wheel that would be published, in an environment of its own: what it lacks or forgets to ask for shows here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import hpo
from tests.support import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

STUDY = ("sampler=tpe", "study.n_trials=1", "executor=inline")


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command that sees no other environment and not this repository."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environ, check=False)


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """The folder of the programs of a fresh environment with the wheel."""
    with TemporaryDirectory(prefix="hpo-wheel-") as folder:  # pytest's own stay, and this one is of gigabytes
        yield make_environment(Path(folder))


def make_environment(folder: Path) -> Path:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    built = run(*build, folder=folder)
    if "hatchling" in built.stderr:  # the first that pip has to fetch
        pytest.skip("pip reaches no package index here: it cannot fetch hatchling")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.name.startswith(f"hpo_studies-{hpo.__version__}-")
    programs = folder / "env" / "bin"
    run(sys.executable, "-m", "venv", folder / "env", folder=folder)
    install = [programs / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel]
    installed = run(*install, folder=folder)
    assert installed.returncode == 0, installed.stderr
    return programs


def test_it_runs_a_study_in_an_empty_folder(programs: Path, workdir: Path) -> None:
    ran = run(programs / "hpo", *STUDY, "trainer=synthetic", folder=workdir)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert {path.name for path in workdir.iterdir()} >= {"hpo.db", "mlflow.db", "studies"}


def test_it_trains_a_network(programs: Path, workdir: Path) -> None:
    ran = run(programs / "hpo", *STUDY, f"data.cache={workdir / 'cache'}", folder=workdir)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert len(list(workdir.glob("studies/*/model/*.safetensors"))) == 1


def test_it_brings_its_settings_its_documents_and_its_version(programs: Path, workdir: Path) -> None:
    assert run(programs / "hpo", "--version", folder=workdir).stdout == f"hpo {hpo.__version__}\n"
    module = run(programs / "python", "-m", "hpo", "--help", folder=workdir)
    assert run(programs / "hpo", "--help", folder=workdir).stdout == module.stdout
    assert "* tpe " in module.stdout
    compared = run(programs / "hpo", "compare", "experiment=smoke", "seeds=2", "study.n_trials=4", folder=workdir)
    assert compared.returncode == 0, compared.stderr
    assert len(list(workdir.glob("reports/*/report.html"))) == 1


@pytest.mark.parametrize(
    ("override", "package"), [("executor=ray", "ray"), ("executor=slurm", "submitit"), ("storage=postgres", "psycopg")]
)
def test_what_is_not_installed_with_it_is_named(override: str, package: str, programs: Path, workdir: Path) -> None:
    address = ["storage.url=postgresql://me@127.0.0.1:1/x"] if package == "psycopg" else []
    ran = run(programs / "hpo", "trainer=synthetic", override, *address, folder=workdir)
    assert ran.returncode == 2
    assert f"{override} needs the package {package}; pip install " in ran.stderr
