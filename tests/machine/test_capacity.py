"""Limits of control groups, as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from hpo.machine.capacity import core_limit, memory_room

MIB = 2**20


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").write_text("0::/jobs/mine\n")
    return tmp_path / "own"


def test_the_smallest_limit_on_the_way_to_the_root_counts(tmp_path: Path, own: Path) -> None:
    write(tmp_path / "jobs" / "mine", cpu__max="max 100000\n")
    assert core_limit(tmp_path, own) is None
    write(tmp_path / "jobs", cpu__max="150000 100000\n")
    assert core_limit(tmp_path, own) == 1.5
    write(tmp_path / "jobs" / "mine", cpu__max="200000 100000\n")
    assert core_limit(tmp_path, own) == 1.5


def test_groups_of_the_first_version_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/docker/x\n")
    write(tmp_path / "cpu", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    write(tmp_path / "cpu" / "docker" / "x", cpu__cfs_quota_us="50000\n", cpu__cfs_period_us="100000\n")
    stat = f"cache 1\ninactive_file {MIB}\n"
    used = {"memory__limit_in_bytes": str(9 * MIB), "memory__usage_in_bytes": str(4 * MIB), "memory__stat": stat}
    write(tmp_path / "memory" / "docker" / "x", **used)
    write(tmp_path / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="5")
    assert core_limit(tmp_path, tmp_path / "own") == 0.5
    assert memory_room(tmp_path, tmp_path / "own") == (6 * MIB, 9 * MIB)


def test_memory_is_free_up_to_the_limit(tmp_path: Path, own: Path) -> None:
    write(tmp_path / "jobs", memory__max=str(100 * MIB), memory__current=str(70 * MIB))
    assert memory_room(tmp_path, own) == (30 * MIB, 100 * MIB)
    write(tmp_path / "jobs" / "mine", memory__max="max", memory__current=str(70 * MIB))
    assert memory_room(tmp_path, own) == (30 * MIB, 100 * MIB)


def test_without_groups_the_machine_is_the_limit(tmp_path: Path) -> None:
    assert core_limit(tmp_path, tmp_path / "none") is None
    free, total = memory_room(tmp_path, tmp_path / "none")
    assert 0 < free <= total == psutil.virtual_memory().total
