"""How much of the computer this process may take, where a container or a scheduler allows less than there is.

Linux control groups, both versions. Which cores it may run on is in `cores`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

GROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def core_limit(groups: Path = GROUPS, own: Path = OWN) -> float | None:
    """Returns the cores' worth of time that this process gets, as 1.5; None where nothing limits it."""
    limits = []
    for folder in _folders(groups, own, "cpu"):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdigit() for word in words):  # not "max", nor -1
            limits.append(int(words[0]) / int(words[1]))
    return min(limits, default=None)


def memory_room(groups: Path = GROUPS, own: Path = OWN) -> tuple[int, int]:
    """Returns the bytes of memory that are free, and those that there are, for this process."""
    machine = psutil.virtual_memory()
    free, total = int(machine.available), int(machine.total)
    for folder in _folders(groups, own, "memory"):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        used = _words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes")
        if limit and limit[0].isdigit() and used and int(limit[0]) < machine.total:
            total = min(total, int(limit[0]))
            free = min(free, max(0, int(limit[0]) - int(used[0]) + _droppable(folder)))
    return free, total


def _droppable(folder: Path) -> int:
    """Returns what a group's use counts of files that are only kept in case somebody reads them again."""
    words = _words(folder / "memory.stat")
    return int(words[words.index("inactive_file") + 1]) if "inactive_file" in words else 0


def _folders(groups: Path, own: Path, kind: str) -> Iterator[Path]:
    """Yields the folders of the control groups this process is in, from its own to the root."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:  # no Linux
        return
    for _, controllers, path in lines:
        if controllers and kind not in controllers.split(","):
            continue
        root = groups / kind if controllers else groups
        group = root / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root) and folder.is_dir())


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
