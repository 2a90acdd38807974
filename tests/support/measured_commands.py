"""Commands whose CPU and memory are measured."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# VmHWM, not ru_maxrss: the latter counts what the process that started this one had.
_CODE = """
import pathlib, re, resource, sys
from hpo.commands.console import main
code = main(sys.argv[1:])
sys.stdout.flush()
used = resource.getrusage(resource.RUSAGE_SELF)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())
print(f"\\n{used.ru_utime + used.ru_stime} {int(peak[1]) * 1024}", file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class MeasuredCommand:
    returncode: int
    stdout: str
    stderr: str
    cpu_s: float
    peak_bytes: int


def measured_command(*words: str, folder: Path | None = None) -> MeasuredCommand:
    """Runs `hpo WORDS` in a process of its own, in `folder`."""
    command = [sys.executable, "-c", _CODE, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    stderr, _, measured = done.stderr.rstrip().rpartition("\n")
    cpu_s, peak_bytes = measured.split()
    return MeasuredCommand(done.returncode, done.stdout, stderr, float(cpu_s), int(peak_bytes))
