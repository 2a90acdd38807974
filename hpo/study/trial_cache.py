"""The trainings a comparison has already been through, so that equal trials of several studies are trained once.

Lives as long as the command; what it knows comes from the record.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from hpo import __version__
from hpo.artifacts.folders import copy_weights
from hpo.artifacts.remote import copy_remote_weights
from hpo.contracts.records import COMPLETE, TrialRecord
from hpo.contracts.trainer import Reason, TrialRequest


@dataclass(frozen=True)
class Original:
    """A finished trial that equal ones may be taken from, the name of its study, and where its weights are, if kept."""

    study: str
    trial: TrialRecord
    folder: str
    remote: str = ""


class TrialCache:
    """Trials by what decides their training: params, seed, fidelity, data, trainer and its version.

    Only whole trainings are kept: complete ones and diverged ones. A pruned one says nothing of
    the epochs it did not see.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._originals: dict[str, Original] = {}
        self._taken: dict[str, tuple[str, int]] = {}

    def find(self, request: TrialRequest) -> Original | None:
        """Returns a finished trial equal to `request`, if there is one."""
        return self._originals.get(cache_key(request)) if self._is_on else None

    def forget(self, request: TrialRequest) -> None:
        """Lets trials equal to `request` be trained again: what there was of them is of no use."""
        self._originals.pop(cache_key(request), None)

    def take(self, request: TrialRequest, study: str) -> bool:
        """Returns whether `request` may be trained now: nobody else trains an equal one."""
        if not self._is_on:
            return True
        owner = (study, request.number)
        return self._taken.setdefault(cache_key(request), owner) == owner

    def is_open(self, request: TrialRequest, study: str) -> bool:
        """Returns whether `request` need not wait for an equal trial elsewhere."""
        key, owner = cache_key(request), (study, request.number)
        return key in self._originals or self._taken.get(key, owner) == owner

    def release(self, request: TrialRequest, study: str) -> None:
        """Lets whoever waits for a trial of `study` go on, though it has not ended."""
        if self._is_on and self._taken.get(key := cache_key(request)) == (study, request.number):
            del self._taken[key]

    def settle(self, request: TrialRequest, study: str, trial: TrialRecord) -> None:
        """Keeps a trial that ended for those equal to it, and lets whoever waited for it go on."""
        if not self._is_on:
            return
        key = cache_key(request)
        self.release(request, study)
        if trial.state == COMPLETE or trial.reason == Reason.DIVERGED.value:
            self._originals.setdefault(key, Original(study, trial, request.folder, request.remote))


def cache_key(request: TrialRequest) -> str:
    """Returns a text equal for requests whose trainings are equal, whoever runs them and wherever."""
    plain = replace(request, number=0, attempt=0, folder="", remote="", params=dict(sorted(request.params.items())))
    return hashlib.sha256(f"{__version__}:{plain!r}".encode()).hexdigest()


def share_weights(original: Original, request: TrialRequest) -> bool:
    """Gives a trial the final weights of one it equals; returns whether there were any."""
    if request.remote:
        return copy_remote_weights(original.remote, request.remote)
    return copy_weights(Path(original.folder), Path(request.folder))
