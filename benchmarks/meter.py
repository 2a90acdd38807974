"""What a command costs: the processor time of all its processes, and the time on the wall.

Commands say in a line when a trial has ended, "trial 3…" or "[4/24] trial 3…"; what comes before is their start.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = re.compile(r"^(?:\[\d+/\d+\] )?trial \w+(?: \w+)?: ")
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass
class Cost:
    """What a command cost, in seconds.

    Attributes:
        cpu_s, wall_s: In all.
        marks: Wall and processor time when each trial ended, since the start of the command.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0
    marks: list[tuple[float, float]] = field(default_factory=list)

    def of_a_trial(self, *, n_first: int, clock: str) -> float:
        """Returns the seconds of a trial behind the first `n_first`, in which processes start; `clock`: cpu or wall."""
        index = 1 if clock == "cpu" else 0
        begin, end = self.marks[n_first - 1][index], self.marks[-1][index]
        return (end - begin) / (len(self.marks) - n_first)

    @property
    def after_last_s(self) -> float:
        """Seconds on the wall from the end of the last trial to the end of the command."""
        return self.wall_s - self.marks[-1][0]


def measure(commands: Sequence[Sequence[str]], folder: Path) -> Cost:
    """Runs commands side by side in `folder`.

    Raises:
        RuntimeError: if one of them fails; with the end of what it said.
    """
    before = _children_s()
    began, cost, said = time.perf_counter(), Cost(), []
    reading, writing = os.pipe()
    environment = {**os.environ, **ENVIRONMENT}
    processes = [
        subprocess.Popen(command, cwd=folder, stdout=writing, stderr=subprocess.STDOUT, env=environment)
        for command in commands
    ]
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            said.append(line)
            if MARK.match(line):
                cost.marks.append((time.perf_counter() - began, _running_s(processes)))
    codes = [process.wait() for process in processes]
    cost.wall_s, cost.cpu_s = time.perf_counter() - began, _children_s() - before
    if any(codes):
        raise RuntimeError(f"{' '.join(commands[0])} ended with {codes}:\n{''.join(said[-20:])}")
    return cost


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _running_s(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """Returns the processor time of processes, those they started, and those of these that have ended."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(process.pid)
            for each in [root, *root.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    total += sum(each.cpu_times()[:4])
    return total
