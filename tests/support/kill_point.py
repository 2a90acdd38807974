"""The real command, killed with SIGKILL at the n-th call of one of its own functions.

    python tests/support/kill_point.py hpo.storage.store:StudyStore.tell:after:3 trainer=synthetic …

dies right after the third trial was told. DYING_COMMAND=hpo.copy kills another command than hpo.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any


def arm(point: str) -> None:
    """Replaces the function that `point` names by one that kills this process at the call it names."""
    module, path, moment, n_left = point.split(":")
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    real, left = getattr(owner, name), int(n_left)

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if left == 0 and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)


if __name__ == "__main__":
    command = importlib.import_module(os.environ.get("DYING_COMMAND", "hpo.commands.study"))
    arm(sys.argv[1])
    sys.exit(command.main(sys.argv[2:]))
