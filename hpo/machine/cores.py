"""The cores and GPUs this process may use, and the variables that tell numeric libraries which to take.

Read by torch and others when they are imported, so they are set before a process is started, here or for that long.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

VISIBLE = "CUDA_VISIBLE_DEVICES"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def n_cores() -> int:
    """Returns how many cores this process may use (its affinity, not the machine's size)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Returns the GPUs this process may use, by the names CUDA_VISIBLE_DEVICES takes; torch is slow to ask."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [part.strip() for part in visible.split(",") if part.strip() not in ("", "-1")]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=20, check=False)
    return [str(number) for number in range(sum(line.startswith("GPU ") for line in listed.stdout.splitlines()))]


def name_gpu(device: str) -> str:
    """Returns the name of a torch device, as "cuda:1", among all GPUs of the machine."""
    index = int(device.partition(":")[2] or 0)
    visible = os.environ.get(VISIBLE, "").split(",")
    return visible[index].strip() if index < len(visible) and visible[index].strip() else str(index)


@contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Gives variables other values until the end of the `with`; one that becomes None is not there."""
    before = {name: os.environ.get(name) for name in changes}
    _change(changes)
    try:
        yield
    finally:
        _change(before)


def _change(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
