"""`hpo doctor`: whatever is wrong with a machine is a line that says what to do."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from hpo.commands.console import main
from hpo.commands.doctor import _print
from hpo.commands.doctor_checks import CHECKS, Finding, State
from hpo.executors.torch_probe import Torch, TorchProbe
from tests.support import ROOT, requirements
from tests.support.terminals import make_console

if TYPE_CHECKING:
    from tests.chaos.server import MlflowServer

LINE = re.compile(r"(?P<state>ok|warning|error) +(?P<subject>\w+) +(?P<text>.+)")
WELL = "Nothing here would stop a study."


def read(printed: str) -> dict[str, tuple[str, str]]:
    """Returns the state and the text of each subject that lines speak of; the last line is the sum."""
    *lines, _ = printed.splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    return {match["subject"]: (match["state"], match["text"]) for match in matches if match}


@cache
def probed(device: str, precision: str) -> Torch:
    with TorchProbe(device, precision) as probe:
        return probe.result()


@pytest.fixture(autouse=True)
def _probed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets what is examined in this process ask torch itself once, not once a test."""

    def known(device: str, precision: str) -> object:
        return nullcontext(SimpleNamespace(result=lambda: probed(device, precision)))

    monkeypatch.setattr("hpo.executors.torch_probe.TorchProbe", known)


def examine(*overrides: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Returns the exit code, and what is found, in this process."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["doctor", *overrides])
    return _read_all(code, out.getvalue(), err.getvalue())


def examine_in_process(
    *overrides: str, folder: Path, path: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[int, dict[str, tuple[str, str]]]:
    """Returns the exit code of a process, and what it finds; modules in `path` hide others."""
    paths = os.pathsep.join(map(str, filter(None, [path, ROOT])))
    ran = subprocess.run(
        [sys.executable, "-m", "hpo", "doctor", *overrides],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return _read_all(ran.returncode, ran.stdout, ran.stderr)


def _read_all(code: int, out: str, err: str) -> tuple[int, dict[str, tuple[str, str]]]:
    assert err == ""
    found = read(out)
    n_errors = sum(state == "error" for state, _ in found.values())
    assert out.splitlines()[-1] == (f"{n_errors} of these would stop a study." if n_errors else WELL)
    assert code == (1 if n_errors else 0)
    return code, found


def errors(found: Mapping[str, tuple[str, str]]) -> set[str]:
    return {subject for subject, (state, _) in found.items() if state == "error"}


def test_a_machine_that_is_well_is_told_so_and_nothing_is_left_there(workdir: Path) -> None:
    code, found = examine_in_process(f"data.cache={workdir}/cache", folder=workdir)
    assert code == 0
    assert list(found) == list(CHECKS)
    assert found["settings"] == ("ok", "study docstrings-awd_lstm_small-tpe-none-s0")
    assert found["record"] == ("ok", "storage.path=hpo.db: the first study makes it")
    assert found["mlflow"] == ("ok", "tracking.uri=sqlite:///mlflow.db: the first study makes it")
    assert found["data"] == ("ok", "data=docstrings is prepared by the first study; in the cache: nothing")
    assert found["torch"][1].startswith("2.")
    assert list(workdir.iterdir()) == []


def test_what_is_there_is_told(workdir: Path) -> None:
    study = ["trainer=synthetic", "executor=inline", "study.n_trials=1"]
    assert main(study) == 0
    assert main(["show", "data=table", "data.path=texts.csv", "data.cache=cache"]) == 2
    (workdir / "texts.csv").write_text("label,text\n" + "".join(f"{i % 2},text {i}\n" for i in range(60)))
    table = ["data=table", "data.path=texts.csv", "data.cache=cache", "data.tokenizer=words"]
    assert main(["show", *table]) == 0
    _, found = examine(*study)
    assert found["record"] == ("ok", "storage.path=hpo.db: 1 study")
    assert found["mlflow"] == ("ok", "tracking.uri=sqlite:///mlflow.db: it is there")
    _, found = examine(*table)
    assert found["data"] == ("ok", "data=table is prepared; in the cache: table")


@pytest.mark.parametrize(
    ("module", "program", "said"),
    [
        ("torch", "raise ImportError('libtorch_cpu.so: undefined symbol: x')", "libtorch_cpu.so: undefined symbol: x"),
        ("torch", "raise ModuleNotFoundError('No module named torch', name='torch')", "No module named torch"),
        ("torch", "import os; os.kill(os.getpid(), 4)", "torch ends Python by signal 4"),
        ("fastai", "raise ImportError('cannot import name x')", "cannot import name x"),
    ],
)
def test_a_broken_torch_is_told_with_the_remedy(module: str, program: str, said: str, workdir: Path) -> None:
    (workdir / "broken").mkdir()
    (workdir / "broken" / f"{module}.py").write_text(program)
    code, found = examine_in_process("executor.device=cpu", folder=workdir, path=workdir / "broken")
    assert (code, errors(found)) == (1, {"torch"})
    assert said in found["torch"][1]
    torch, fastai = (next(line for line in requirements() if line.startswith(name)) for name in ("torch>", "fastai>"))
    assert found["torch"][1].endswith(f'; pip install "{torch}" "{fastai}"')
    code, found = examine_in_process("trainer=synthetic", folder=workdir, path=workdir / "broken")
    assert (code, found["torch"][0]) == (0, "warning")


@pytest.mark.parametrize("module", ["hydra", "omegaconf", "optuna", "mlflow"])
def test_a_package_that_is_missing_is_named(module: str, workdir: Path) -> None:
    (workdir / "broken").mkdir()
    (workdir / "broken" / f"{module}.py").write_text(f"raise ModuleNotFoundError('gone', name='{module}')")
    env = {**os.environ, "PYTHONPATH": f"{workdir / 'broken'}:{ROOT}"}
    command = [sys.executable, "-m", "hpo", "doctor", "tracking.uri=http://127.0.0.1:1"]
    ran = subprocess.run(command, cwd=workdir, env=env, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1
    assert f"package {module} is not installed" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_record_that_cannot_be_reached_stops_a_study(workdir: Path) -> None:
    address = "storage.url=postgresql://me:CANARY@127.0.0.1:1/x"
    code, found = examine("storage=postgres", address)
    assert (code, errors(found)) == (1, {"record"})
    assert "Connection refused" in found["record"][1]
    assert "CANARY" not in str(found)
    assert found["record"][1].endswith("is the server up, and the address right?")


def test_a_database_that_is_there_is_told(database: str, workdir: Path) -> None:
    code, found = examine_in_process("storage=postgres", folder=workdir, env={"HPO_STORAGE_URL": database})
    assert code == 0
    assert found["record"] == ("ok", "storage.url=env:HPO_STORAGE_URL: the first study makes it")


def test_an_mlflow_that_is_away_is_a_warning(workdir: Path) -> None:
    code, found = examine("tracking.uri=http://127.0.0.1:1")
    text = "tracking.uri=http://127.0.0.1:1 refuses connections; studies run, and hpo sync brings what it misses"
    assert (code, found["mlflow"]) == (0, ("warning", text))


def test_an_mlflow_server_answers(server: MlflowServer, workdir: Path) -> None:
    _, found = examine(f"tracking.uri={server.uri}")
    assert found["mlflow"] == ("ok", f"tracking.uri={server.uri}: it answers")


@pytest.mark.parametrize(
    ("override", "subject", "said"),
    [
        ("tracking.uri=sqlite:///hpo.db", "settings", "tracking.uri=sqlite:///hpo.db is the record"),
        ("storage.folder=/proc/studies", "folder", "storage.folder=/proc/studies cannot be written"),
        ("storage.path=no.db", "folder", "storage.path=no.db cannot hold the record: file is not a database"),
        ("data.packages=[numpy,nobody]", "data", "data.packages names 'nobody', which is not installed"),
        ("executor.n_workers=999", "settings", "executor.n_workers=999 x executor.threads=1 is more than the"),
        ("executor.device=cuda:77", "settings", "executor.device=cuda:77 is not on this machine"),
    ],
)
def test_what_would_stop_a_study_is_an_error(
    override: str, subject: str, said: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "no.db").write_text("no database at all, but long enough to have a header" * 9)
    code, found = main(["doctor", override]), read(capsys.readouterr().out)
    assert (code, found[subject][0]) == (1, "error")
    assert found[subject][1].startswith(said)


def test_a_study_that_is_held_is_told(workdir: Path) -> None:
    study = ["trainer=synthetic", "tracking=none", "study.name=x"]
    slow = [*study, "trainer.epoch_s=0.2", "study.n_trials=200"]
    with subprocess.Popen([sys.executable, "-m", "hpo", *slow], cwd=workdir, stdout=subprocess.DEVNULL) as driver:
        while not (workdir / "studies" / "x" / "trials").exists():
            assert driver.poll() is None
        code, found = examine(*study)
        driver.kill()
    assert (code, errors(found)) == (1, {"record"})
    assert found["record"][1].startswith(f"Study 'x' is held by process {driver.pid} on ")


def test_a_mistake_is_one_sentence(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "pruner=bayes"]) == 2
    out, error = capsys.readouterr()
    assert (out, error[:34]) == ("", "hpo: pruner=bayes does not exist; ")


def test_data_to_download_and_a_precision_in_vain_are_warnings(workdir: Path) -> None:
    home = {"FASTAI_HOME": str(workdir / "fastai")}
    overrides = ("data=imdb", "data.cache=cache", "train.precision=bf16", "executor.device=cpu")
    code, found = examine_in_process(*overrides, folder=workdir, env=home)
    assert code == 0
    assert found["data"] == ("warning", "data=imdb is downloaded by the first study; in the cache: nothing")
    assert found["precision"] == ("warning", "fp32: train.precision=bf16 has no effect on a CPU")


def said_here(capsys: pytest.CaptureFixture[str], *overrides: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Returns the exit code, and what is found, in this process."""
    code = main(["doctor", "trainer=synthetic", "tracking=none", *overrides])
    return code, read(capsys.readouterr().out)


def test_too_little_of_the_machine_is_told(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hpo.machine.cores.n_cores", lambda: 64)
    monkeypatch.setattr("hpo.executors.options.n_cores", lambda: 64)
    monkeypatch.setattr("hpo.machine.capacity.core_limit", lambda: 2.5)
    monkeypatch.setattr("hpo.machine.capacity.memory_room", lambda: (1_500_000_000, 2_000_000_000))
    code, found = said_here(capsys, "executor.device=cpu", "executor.n_workers=8")
    advice = "executor.n_workers=2 is as fast"
    text = f"64, but a control group gives the time of 2.5 to 8 workers of 1 thread; {advice}"
    assert (code, found["cores"]) == (0, ("warning", text))
    text = "1.5 of 2.0 GB free, little for 8 workers; fewer (executor.n_workers) need less"
    assert found["memory"] == ("warning", text)


def test_a_full_disk_and_missing_locks_are_errors(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5e7))
    monkeypatch.setattr("hpo.machine.locks.fcntl.flock", refuse)
    code, found = said_here(capsys, "storage=memory")
    assert (code, errors(found)) == (1, {"disk", "locks"})
    assert found["disk"][1].endswith("; free some, or a study pauses at once")
    assert found["locks"][1].startswith(f"The file system of {workdir} gives no locks (No locks available); keep ")


def test_it_fits_a_terminal_of_80_columns() -> None:
    console = make_console(width=80)
    _print(console, Finding("mlflow", State.warning, "word " * 30 + "x" * 90))
    lines = re.sub(r"\x1b\[[\d;]*m", "", console.file.getvalue()).splitlines()  # type: ignore[attr-defined]  # a StringIO
    assert lines[0].startswith("warning  mlflow     word word")
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(" " * 20) for line in lines[1:])
