"""A seeded driver of the real command: it kills workers, drivers and MLflow at random moments, then checks the study.

    python -m tests.chaos.driver synthetic 0 20      seeds 0 to 19 with closed-form trials
    python -m tests.chaos.driver awd_lstm 0 3        seeds 0 to 2 with real training
    python -m tests.chaos.driver team 0 3            the same on Ray, the record in the PostgreSQL at HPO_STORAGE_URL

Each seed runs in a folder of its own, once undisturbed and once with two kills of a worker, two of the driver
and one outage of MLflow. A line for each seed goes to stdout and to results.csv.
"""

from __future__ import annotations

import csv
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from hpo.contracts.records import RUNNING, StudyRecord, TrialRecord
from hpo.storage.options import PostgresConfig, SqliteConfig
from hpo.storage.record import open_storage, read_study
from tests.chaos.invariants import n_repeated, violations
from tests.chaos.server import MlflowServer

N_TRIALS, N_EPOCHS = 12, 8
OUTAGE_EPOCHS = 10  # how long MLflow is away, in epochs of the study
POLL_S = 0.02
TIMEOUT_S = 900.0
URL = "HPO_STORAGE_URL"
WORKER = re.compile("spawn_main|^ray::TrialActor")
COLUMNS = (
    "trainer",
    "seed",
    "undisturbed_s",
    "disturbed_s",
    "ratio",
    "events",
    "repeated",
    "runs_synced",
    "violations",
)


@dataclass
class Ordeal:
    """What happened to one study on its way.

    Attributes:
        starts_s: For each driver, the seconds until it noted an epoch: its process and its workers starting.
        cuts: For each kill and each trial that was running: its number, its attempt, and its epochs in the record.
        events: What was done, in order, with the number of epochs noted then.
    """

    starts_s: list[float] = field(default_factory=list)
    cuts: list[tuple[int, int, int]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    seconds: float = 0.0


SYNTHETIC = ["trainer=synthetic", "trainer.epoch_s=0.25", "space=awd_lstm_small"]
TEAM = ["executor=ray", "storage=postgres", f"storage.url=env:{URL}"]


def command(trainer: str, seed: int, uri: str) -> list[str]:
    words = {
        "synthetic": [*SYNTHETIC],
        "team": [*SYNTHETIC],
        "awd_lstm": [
            "data.n_per_class=200",
            "data.tokenizer=words",
            "data.cache=../cache",
            "space.model.n_hid.choices=[64,96]",
        ],
    }[trainer]
    epochs = f"[{N_EPOCHS // 2},{N_EPOCHS}]"
    words += [f"space.train.epochs.low={N_EPOCHS // 2}", f"space.train.epochs.high={N_EPOCHS}"]
    words += ["data.cache=../cache"]
    words += [f"space.train.epochs.levels={epochs}", "sampler.n_startup_trials=4", "executor.n_workers=2"]
    words += [f"study.n_trials={N_TRIALS}", "study.ordered=true", "study.name=x", f"seed={seed}", f"tracking.uri={uri}"]
    return [sys.executable, "-m", "hpo", *words]


class Record:
    """Where a study is recorded: a file in its folder, or the database of a team."""

    def __init__(self, folder: Path, *, is_shared: bool) -> None:
        self._path = folder / "hpo.db"
        self._is_shared = is_shared
        self._url = os.environ.get(URL, "")  # hpo takes it out of the environment

    def read(self, study: str = "x") -> tuple[StudyRecord, list[TrialRecord]]:
        if self._is_shared:
            return read_study(open_storage(PostgresConfig(folder="studies", url=self._url)), study)
        return read_study(open_storage(SqliteConfig(folder="studies", path=str(self._path))), study)

    def count_epochs(self) -> int:
        """Returns how many epochs it holds; asked often, so without Optuna."""
        if not self._is_shared and not self._path.exists():
            return 0
        with suppress(sqlite3.OperationalError, psycopg.errors.UndefinedTable), closing(self._connect()) as connection:
            found = connection.execute("SELECT COUNT(*) FROM trial_system_attributes WHERE key LIKE 'hpo:epoch:%'")
            return int(found.fetchone()[0])
        return 0  # no tables yet

    def _connect(self) -> Any:
        if self._is_shared:
            return psycopg.connect(self._url)
        return sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)


class Study:
    """One study, driven by the real command, started again whenever its driver was killed."""

    def __init__(self, words: list[str], folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.record = Record(folder, is_shared=TEAM[1] in words)
        self.ordeal = Ordeal()
        self.environment = dict(os.environ)
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, plan: list[tuple[int, str]], server: MlflowServer) -> None:
        """Runs the study to its end; does each thing of `plan` once so many epochs are noted."""
        began, plan = time.monotonic(), list(plan)
        self._start()
        while (process := self._process) is not None and process.poll() is None:
            assert time.monotonic() - began < TIMEOUT_S, f"{self.folder} hangs"
            n_noted = self.record.count_epochs()
            self._note_start(n_noted)
            while plan and n_noted >= plan[0][0]:
                self._do(plan.pop(0)[1], n_noted, server)
            time.sleep(POLL_S)
        self.ordeal.seconds = time.monotonic() - began
        assert process is not None
        assert process.returncode == 0, (self.folder / "log.txt").read_text()[-3000:]
        server.start()  # if it is still away

    def _start(self) -> None:
        log = (self.folder / "log.txt").open("ab")
        self._started, self._n_before = time.monotonic(), self.record.count_epochs()
        self._process = subprocess.Popen(self._words, cwd=self.folder, stdout=log, stderr=log, env=self.environment)
        log.close()

    def _note_start(self, n_noted: int) -> None:
        if n_noted > self._n_before and self._started:
            self.ordeal.starts_s.append(time.monotonic() - self._started)
            self._started = 0.0

    def _do(self, event: str, n_noted: int, server: MlflowServer) -> None:
        self.ordeal.events.append(f"{event}@{n_noted}")
        match event:
            case "worker":
                self._kill_worker()
            case "driver":
                self._kill_driver()
            case "outage":
                server.kill()
            case "return":
                server.launch()  # the study goes on meanwhile

    def _kill_worker(self) -> None:
        assert self._process is not None
        if workers := self._workers():  # none while the driver starts
            random.Random(len(self.ordeal.events)).choice(workers).kill()
            self._note_cut()

    def _kill_driver(self) -> None:
        assert self._process is not None
        workers = self._workers()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        psutil.wait_procs(workers, timeout=20)
        self._note_cut()
        self._start()

    def _workers(self) -> list[psutil.Process]:
        assert self._process is not None
        found = []
        for child in psutil.Process(self._process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # a zombie is one, too
                if WORKER.search(" ".join(child.cmdline())):
                    found.append(child)
        return found

    def _note_cut(self) -> None:
        if self.record.count_epochs():
            running = [trial for trial in self.record.read()[1] if trial.state == RUNNING]
            self.ordeal.cuts += [(trial.number, trial.attempt, trial.n_epochs) for trial in running]


def noted_when_cut(trials: Sequence[TrialRecord], ordeal: Ordeal) -> dict[int, int]:
    """Returns the epochs in the record of each trial when its last attempt but one was cut short."""
    cuts = {(number, attempt): n_epochs for number, attempt, n_epochs in ordeal.cuts}  # the last of each attempt
    return {t.number: cuts[t.number, t.attempt - 1] for t in trials if (t.number, t.attempt - 1) in cuts}


def draw_plan(seed: int, n_epochs: int) -> list[tuple[int, str]]:
    """Returns when to do what, by the number of epochs noted: all at different moments, in order."""
    rng = random.Random(f"chaos {seed}")
    moments = rng.sample(range(1, n_epochs - 2), 5)
    events = ["worker", "worker", "driver", "driver", "outage"]
    plan = list(zip(moments, events, strict=True))
    return sorted([*plan, (moments[-1] + OUTAGE_EPOCHS, "return")])


def run_seed(trainer: str, seed: int, folder: Path, server: MlflowServer) -> dict[str, object]:
    """Runs one seed, undisturbed and disturbed; returns its line of the table."""
    server.start()
    words, shared = command(trainer, seed, server.uri), TEAM if trainer == "team" else []
    calm, wild = Study(words, folder / "undisturbed"), Study([*words, *shared], folder / "disturbed")
    calm.run([], server)  # of a team's, too, on one machine: the numbers are the same
    undisturbed = calm.record.read()[1]
    wild.run(draw_plan(seed, sum(trial.n_epochs for trial in undisturbed)), server)
    sync = [sys.executable, "-m", "hpo.sync", "study.name=x", f"tracking.uri={server.uri}", *shared[1:]]
    synced = subprocess.run(
        sync, cwd=wild.folder, capture_output=True, text=True, check=True, env=wild.environment
    ).stdout
    study, trials = wild.record.read()
    noted = noted_when_cut(trials, wild.ordeal)
    found = violations(
        trials,
        undisturbed=undisturbed,
        noted=noted,
        folder=wild.folder,
        tracking_uri=server.uri,
        study_uid=study.uid,
    )
    without_start = [own.ordeal.seconds - sum(own.ordeal.starts_s) for own in (calm, wild)]
    return {
        "trainer": trainer,
        "seed": seed,
        "undisturbed_s": round(without_start[0], 1),
        "disturbed_s": round(without_start[1], 1),
        "ratio": round(without_start[1] / without_start[0], 2),
        "events": " ".join(wild.ordeal.events),
        "repeated": n_repeated(trials, noted),
        "runs_synced": synced.strip().partition(": ")[2].partition(" of ")[0],
        "violations": "; ".join(found) or "none",
    }


def main(trainer: str, first: int, last: int, folder: Path) -> int:
    """Runs the seeds from `first` to before `last`; returns how many broke an invariant."""
    folder.mkdir(parents=True, exist_ok=True)
    results, n_broken = folder / "results.csv", 0
    server = MlflowServer(folder / "mlflow")
    try:
        for seed in range(first, last):
            row = run_seed(trainer, seed, folder / f"{trainer}-{seed}", server)
            is_new = not results.exists()
            with results.open("a", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writerows([dict(zip(COLUMNS, COLUMNS, strict=True)), row] if is_new else [row])
            print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)
            n_broken += row["violations"] != "none"
    finally:
        server.kill()
    return n_broken


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[0], int(arguments[1]), int(arguments[2]), Path(*arguments[3:4] or ["runs"]).absolute()))
