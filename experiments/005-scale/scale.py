"""What a driver costs: processor and clock time of each ask, epoch message and tell, at several sizes of the record.

    python scale.py STORAGE SAMPLER N_TRIALS N_MORE N_WORKERS

lets the real command continue a study of N_TRIALS finished trials by N_MORE on simulated workers, and appends a line
for each call to costs.csv and one for the run to runs.csv. STORAGE is memory, sqlite or postgres (a server started for
the run); SAMPLER is random or tpe. Of the trials that are there before, a hundred were run and the others are copies.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import hpo.executors.simulated
from hpo.commands.copy import main as copy_hpo
from hpo.commands.study import main as run_hpo
from hpo.contracts.executor import Task
from hpo.storage.transfer import OF_TRIALS
from hpo.study.driver import Driver

CALLS = ("ask", "epoch", "tell")
SIZES = (100, 1000, 10_000)  # ended trials; counted are the calls until a tenth more, or a hundred, have ended
PROCESS = psutil.Process()


@dataclass
class Sum:
    n: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    def row(self) -> dict[str, object]:
        cpu_ms, wall_ms = (round(1e3 * seconds / self.n, 2) for seconds in (self.cpu_s, self.wall_s))
        return {"n": self.n, "cpu_ms": cpu_ms, "wall_ms": wall_ms}


@dataclass
class Meter:
    """Times the calls of a driver, and apart from them the simulation of its workers."""

    size: int  # trials there are before
    sums: dict[tuple[int, str], Sum] = field(default_factory=lambda: defaultdict(Sum))
    totals: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    rss_mb: dict[int, int] = field(default_factory=dict)
    first_s: float = 0.0

    def install(self) -> None:
        Driver.next_job = self._timed(Driver.next_job, self._note_ask)  # type: ignore[method-assign]
        Driver.on_report = self._timed(Driver.on_report, self._note_epoch)  # type: ignore[method-assign]
        Driver.on_end = self._timed(Driver.on_end, self._note_tell)  # type: ignore[method-assign]
        executor = hpo.executors.simulated.SimulatedExecutor
        executor._foresee = self._timed(executor._foresee, self._note_simulated)  # type: ignore[method-assign]
        hpo.executors.simulated._end = self._timed(hpo.executors.simulated._end, self._note_simulated)

    def _timed(self, call: Callable[..., Any], note: Callable[[Any, float, float], None]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            cpu, wall = time.process_time(), time.perf_counter()
            result = call(*args, **kwargs)
            note(result, time.process_time() - cpu, time.perf_counter() - wall)
            return result

        return timed

    def _note_ask(self, job: Any, cpu_s: float, wall_s: float) -> None:
        if job is not None and job.task is Task.TRAIN:
            self.first_s = self.first_s or time.monotonic()
            self._note("ask", cpu_s, wall_s)

    def _note_epoch(self, _: Any, cpu_s: float, wall_s: float) -> None:
        self._note("epoch", cpu_s, wall_s)

    def _note_tell(self, _: Any, cpu_s: float, wall_s: float) -> None:
        self._note("tell", cpu_s, wall_s)

    def _note_simulated(self, _: Any, cpu_s: float, wall_s: float) -> None:
        self._add(self.totals["simulated"], cpu_s, wall_s)

    def _note(self, call: str, cpu_s: float, wall_s: float) -> None:
        self._add(self.totals[call], cpu_s, wall_s)
        n_told = self.size + self.totals["tell"].n
        for at in SIZES:
            if at <= n_told < max(at + 100, 1.1 * at):
                self._add(self.sums[at, call], cpu_s, wall_s)
        if call == "tell" and n_told in (100, 1000, 2500, 5000, 7500, 10_000):
            self.rss_mb[n_told] = PROCESS.memory_info().rss >> 20

    @staticmethod
    def _add(to: Sum, cpu_s: float, wall_s: float) -> None:
        to.n, to.cpu_s, to.wall_s = to.n + 1, to.cpu_s + cpu_s, to.wall_s + wall_s


@contextmanager
def server(storage: str) -> Iterator[Callable[[], float]]:
    """Starts a PostgreSQL if that is what the record is kept in; gives a clock of its processor seconds."""
    if storage != "postgres":
        yield lambda: 0.0
        return
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.support.databases import Server

    with tempfile.TemporaryDirectory(prefix="hpo-postgres-") as folder:
        running = Server(Path(folder) / "data")
        os.environ["HPO_STORAGE_URL"] = running.make()
        try:
            yield lambda: _cpu_of(int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0]))
        finally:
            running.stop("immediate")


def _cpu_of(pid: int) -> float:
    """Returns the processor seconds of a process, of those it started, and of those of them that have ended."""
    parent = psutil.Process(pid)
    times = [each.cpu_times() for each in (parent, *parent.children(recursive=True))]
    return float(sum(t.user + t.system for t in times) + times[0].children_user + times[0].children_system)


def fill(folder: Path, words: list[str], size: int) -> None:
    """Makes a finished study of `size` trials in `folder`: a hundred that were run, and rows equal to theirs."""
    assert run_hpo([*words, "storage=sqlite", "study.n_trials=100", "executor.n_workers=16"]) == 0
    with closing(sqlite3.connect(folder / "hpo.db")) as database, database:
        for table in ("trials", *OF_TRIALS):
            names = [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})") if row[5] == 0]
            names += ["trial_id"] if table == "trials" else []
            taken = [f"{name} + :more" if name in ("trial_id", "number") else name for name in names]
            copy = (
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(taken)} FROM {table} WHERE trial_id <= 100"
            )
            for more in range(100, size, 100):
                database.execute(copy, {"more": more})


def append(path: Path, row: dict[str, object]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)


def measure(storage: str, sampler: str, size: int, n_more: int, n_workers: int) -> None:
    """Lets a study that has `size` trials run `n_more` on `n_workers`; 0 is a new study."""
    words = ["experiment=smoke", "executor=simulated", "tracking=none", f"sampler={sampler}", "study.name=scale"]
    results, meter, folder = Path.cwd(), Meter(size), Path(f"{storage}-{sampler}-{size}").absolute()
    folder.mkdir()
    os.chdir(folder)
    with server(storage) as server_cpu_s:
        if size:
            fill(folder, words, size)
        if size and storage == "postgres":
            assert copy_hpo(["from=hpo.db", "to=env:HPO_STORAGE_URL"]) == 0
        meter.install()
        words += [f"storage={storage}", f"study.n_trials={size + n_more}", f"executor.n_workers={n_workers}"]
        began, cpu, wall, served_s = time.monotonic(), time.process_time(), time.perf_counter(), server_cpu_s()
        assert run_hpo(words) == 0
        cpu, wall, served_s = time.process_time() - cpu, time.perf_counter() - wall, server_cpu_s() - served_s
    os.chdir(results)
    named = {"storage": storage, "sampler": sampler, "n_workers": n_workers}
    for (at, call), found in sorted(meter.sums.items()):
        append(results / "costs.csv", {**named, "n_trials": at, "call": call, **found.row()})
    totals = meter.totals
    append(
        results / "runs.csv",
        {
            **named,
            "n_trials": f"{size}+{n_more}",
            "messages": sum(totals[call].n for call in CALLS),
            "cpu_s": round(cpu - totals["simulated"].cpu_s, 1),
            "of_it_calls_cpu_s": round(sum(totals[call].cpu_s for call in CALLS), 1),
            "wall_s": round(wall - totals["simulated"].wall_s, 1),
            "to_first_ask_s": round(meter.first_s - began, 1),
            "server_cpu_s": round(served_s, 1),
            "rss_mb": " ".join(f"{n}:{mb}" for n, mb in meter.rss_mb.items()),
        },
    )


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:6]))
