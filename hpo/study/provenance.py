"""Where a study comes from: the facts written down when it is new.

Settings without secrets, versions, host, commit; what happens to the study later is not known here.
"""

from __future__ import annotations

import platform
import shlex
import socket
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from functools import cache
from pathlib import Path

from hpo import __version__
from hpo.contracts.records import StudyRecord
from hpo.machine.secrets import cover_settings, mask
from hpo.study.plan import Plan


def new_study(
    planned: Plan, *, corpus: Mapping[str, str | int | float], fingerprint: Mapping[str, str], folder: Path, now_ms: int
) -> StudyRecord:
    """Returns what is written down of a study that does not exist yet.

    Args:
        planned: What it is going to be.
        corpus: Facts of the prepared data; empty without data.
        fingerprint: What its results depend on.
        folder: The study's folder.
        now_ms: Milliseconds since 1970, UTC.
    """
    config, choices = cover_settings(planned.config), planned.choices
    tags = {group: choices[group] for group in ("sampler", "pruner", "space", "trainer", "executor")}
    tags |= {
        **planned.tags,
        "seed": str(config.seed),
        "data": str(corpus.get("name", "none")),
        "data_fingerprint": fingerprint.get("data", "none"),
        "git_commit": git_commit(),
        "host": socket.gethostname(),
        "hpo_version": __version__,
        "python": platform.python_version(),
    }
    return StudyRecord(
        name=planned.name,
        uid=uuid.uuid4().hex,
        experiment=planned.experiment,
        metric=config.study.metric,
        direction=config.study.goal.value,
        tags=tags,
        config=plain(asdict(config)),
        space=plain(asdict(config.space)),
        corpus=corpus,
        folder=str(folder),
        created_ms=now_ms,
        words=planned.differences.retraining,
        command="" if "strategy" in planned.tags else shlex.join(["hpo", *map(mask, planned.typed)]),
    )


def plain(node: dict[str, object]) -> dict[str, object]:
    """Returns `node` with enums as their names, ready for JSON."""
    return {key: _plain_value(value) for key, value in node.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain_value(inner) for key, inner in value.items() if inner is not None or key == "name"}
    if isinstance(value, list | tuple):
        return [_plain_value(inner) for inner in value]
    return value.name if isinstance(value, Enum) else value


@cache
def git_commit() -> str:
    """Returns the commit of the working directory's repository, or "none"."""
    try:
        process = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return process.stdout.strip() if process.returncode == 0 else "none"
