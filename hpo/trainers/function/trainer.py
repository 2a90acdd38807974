"""Calls a user's training function and listens to it: an epoch a yield, or a call of `on_epoch`.

What it writes into its folder is kept with the epoch it stands at, so that a killed trial goes on from there.
Finding the function is `find`'s business.
"""

from __future__ import annotations

import math
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING, Array, Checkpoint, read_checkpoint, write_checkpoint
from hpo.artifacts.folders import FILES, FUNCTION, WEIGHTS
from hpo.contracts.trainer import Decision, EpochReport, OnEpoch, Reason, TrialRequest, TrialResult
from hpo.machine.files import hash_bytes, write_atomically, write_json
from hpo.machine.signals import MustPause, never
from hpo.trainers.function.files import packed, unpack
from hpo.trainers.function.find import SHAPES, Call, Stop, find_call


class Function:
    """Trains by calling a function of the user's.

    Args:
        name: Which one, as MODULE:FUNCTION.
        path: Where modules are looked for, beside where Python finds them.
        metric: What every epoch has to report.
    """

    def __init__(self, name: str, *, path: str, metric: str) -> None:
        self._name, self._path, self._metric = name, path, metric

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Calls the function, from its newest checkpoint on if it can `resume`. See `Trainer.train`."""
        try:
            call = find_call(self._name, self._path)
        except ValueError as error:  # it was found where the study was begun
            return TrialResult(0, paused=True, obstacle=f"{error}")
        checkpoint, refused = read_checkpoint(request) if call.resumes else (None, [])
        listener = _Listener(request, call, self._metric, on_epoch, must_pause)
        facts = {
            "device": request.device,
            "precision": "its own",
            "threads": str(request.threads),
            "n_params": "0",
            "resumed_from": str(checkpoint.epoch if checkpoint else 0),
            **({CHECKPOINT_WARNING: " ".join(refused)} if refused else {}),
        }
        with _files(request, checkpoint.tensors if checkpoint else {}) as folder:
            _seed(request)
            try:
                if not listener.is_told_to_end(checkpoint.history if checkpoint else []):
                    _run(call, listener, _offered(request, folder, listener))
            except Exception as error:
                if not _lacks_memory(error):
                    raise
                return TrialResult(listener.n_epochs, reason=Reason.OOM, error=str(error), facts=facts)
            result = listener.result(facts)
            if result.reason is None and not result.paused:
                _keep(request, folder, n_epochs=result.n_epochs)
        return result

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns what the user's `test` measures on the files that the function left. See `Trainer.test`."""
        weights, description = (Path(request.folder) / name for name in WEIGHTS)
        if not description.is_file():
            raise FileNotFoundError(f"{request.folder} holds nothing that was trained.")
        call = find_call(self._name, self._path)
        assert call.test is not None
        with _files(request, load_file(weights)) as folder:
            _seed(request)
            measured = call.test(**call.given(call.test, _offered(request, folder, None)))
        metrics = _numbers(f"The test beside {call.name}", measured)
        return {name if name.startswith("test_") else f"test_{name}": value for name, value in metrics.items()}


class _Listener:
    """Hears of the epochs of one call, and remembers how it has to end."""

    def __init__(
        self, request: TrialRequest, call: Call, metric: str, on_epoch: OnEpoch, must_pause: MustPause
    ) -> None:
        self._request, self._call, self._metric = request, call, metric
        self._on_epoch, self._must_pause = on_epoch, must_pause
        self._history: list[dict[str, float]] = []
        self._end: dict[str, Any] = {}
        self._began = time.perf_counter()

    @property
    def n_epochs(self) -> int:
        return len(self._history)

    def is_told_to_end(self, history: list[dict[str, float]]) -> bool:
        """Reports the epochs of a checkpoint again; returns whether the call is to end with one of them."""
        for metrics in history:
            self._history.append(metrics)
            if self._report():
                return True
        self._began = time.perf_counter()
        return False

    def _report(self) -> bool:
        """Reports the newest epoch; returns whether the call is to end with it."""
        match self._on_epoch(EpochReport(self.n_epochs, self._history[-1])):
            case Decision.STOP:
                self._end = {"stopped": True}
            case Decision.PAUSE:
                self._end = {"paused": True}
        return bool(self._end)

    def __call__(self, metrics: Any) -> None:
        """Takes what an epoch measured.

        Raises:
            Stop: if the training is to end.
        """
        if not self._end:
            self._take(metrics)
            self._began = time.perf_counter()  # what the driver and the disk take is no training
        if self._end:
            raise Stop("hpo ends this training here: let hpo.Stop pass.")

    def _take(self, metrics: Any) -> None:
        number = self.n_epochs + 1
        try:
            measured = _numbers(f"Epoch {number} of {self._call.name}", metrics)
            if self._metric not in measured:
                self._lack(number, measured)
                return
            epoch = measured.pop("epoch", number)
            if epoch > number:
                raise ValueError(
                    f"{self._call.name} reports epoch {epoch:g} after {self.n_epochs}; report every epoch."
                )
        except ValueError as error:
            self._end = {"reason": Reason.ERROR, "error": str(error)}
            return
        if epoch < number:  # done again after a kill
            return
        if not math.isfinite(measured[self._metric]):
            sentence = f"Epoch {number}: {self._metric}={measured[self._metric]} is not finite."
            self._end = {"reason": Reason.DIVERGED, "error": sentence}
            return
        seconds = {"seconds": time.perf_counter() - self._began}
        self._history.append(seconds | {name: value for name, value in measured.items() if math.isfinite(value)})
        if self._call.resumes:
            write_checkpoint(self._request, Checkpoint(self._history, packed(Path(self._request.folder) / FILES)))
        if not self._report() and number < self._request.train.epochs and self._must_pause():
            self._end = {"paused": True}

    def _lack(self, number: int, measured: Mapping[str, float]) -> None:
        """Ends a training that does not report the metric: of its first epoch the study, as no trial will."""
        what, metric = f"Epoch {number} of {self._call.name}", self._metric
        there = ", ".join(measured) or "nothing"
        sentence = f"{what} has no {metric}; it has {there}: report {metric}, or give study.metric=NAME."
        is_first = not self.n_epochs
        self._end = {"paused": True, "obstacle": sentence} if is_first else {"reason": Reason.ERROR, "error": sentence}

    def result(self, facts: Mapping[str, str]) -> TrialResult:
        """Returns how the training ended, once the function has."""
        if not self.n_epochs and not self._end:
            error = f"{self._call.name} ended without an epoch: it has to {SHAPES}."
            self._end = {"reason": Reason.ERROR, "error": error}
        return TrialResult(self.n_epochs, facts=facts, **self._end)


def _offered(request: TrialRequest, folder: Path, listener: _Listener | None) -> dict[str, object]:
    """Returns all that a function can be given, by name: its params, then the reserved words."""
    return {
        **request.arguments,
        "seed": request.seed,
        "epochs": request.train.epochs,
        "device": request.device,
        "threads": request.threads,
        "folder": folder,
        "resume": listener.n_epochs if listener else 0,
        "on_epoch": listener,
    }


def _run(call: Call, listener: _Listener, values: Mapping[str, object]) -> None:
    """Calls the function, and each epoch's metrics are told to `listener`, until one of them ends it."""
    try:
        epochs = call.train(**call.given(call.train, values))
        if isinstance(epochs, Iterator):
            for metrics in epochs:
                try:
                    listener(metrics)
                except Stop:
                    close = getattr(epochs, "close", None)
                    if close is not None:
                        close()
                    return
    except Stop:  # from within on_epoch
        return
    except SystemExit as end:
        raise RuntimeError(f"{call.name} called sys.exit({end.code!r}), which ends no trial: return instead.") from end


def _numbers(what: str, measured: Any) -> dict[str, float]:
    """Returns metrics as floats, whatever kind of numbers they are.

    Raises:
        ValueError: if they are no dict of numbers.
    """
    if not isinstance(measured, Mapping):
        raise ValueError(f"{what} is {_shown(measured)}; it must be a dict of metrics, as in {{'accuracy': 0.9}}.")
    return {str(name): _number(what, name, value) for name, value in measured.items()}


def _number(what: str, name: object, value: Any) -> float:
    item = getattr(value, "item", None)
    try:
        plain = item() if callable(item) else value  # numpy's and torch's scalars
    except (ValueError, RuntimeError, TypeError):
        plain = None
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise ValueError(f"{what}: {name}={_shown(value)} is no number; report one, as in float({name}).")
    return float(plain)


def _shown(value: object) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."


@contextmanager
def _files(request: TrialRequest, contents: Mapping[str, Array]) -> Iterator[Path]:
    """Gives the function its folder, with the files it had; all else in it is gone, and so is it afterwards."""
    folder = Path(request.folder) / FILES
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    unpack(contents, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep(request: TrialRequest, folder: Path, *, n_epochs: int) -> None:
    """Leaves what the function left, as weights are left: the description last."""
    weights, description = (Path(request.folder) / name for name in WEIGHTS)
    content = save(packed(folder))
    write_atomically(weights, content)
    write_json(description, {"architecture": FUNCTION, "n_epochs": n_epochs, "sha256": hash_bytes(content)})


def _seed(request: TrialRequest) -> None:
    """Seeds the generators that a function may use without a word; torch's and its threads where it is loaded."""
    random.seed(request.seed)
    np.random.seed(request.seed)
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(request.seed)
        torch.set_num_threads(request.threads)


def _lacks_memory(error: Exception) -> bool:
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)
