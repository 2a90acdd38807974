"""The process that logs models in MLflow: begun early, it has loaded what that takes when one comes.

It imports torch and MLflow's model code, which the driver does without and which takes longer than the rest; what is
logged, and how, is the business of `registered_models`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import connection

from hpo.machine.modules import main_aside
from hpo.machine.signals import die_with_parent
from hpo.tracking.client import prepare_import
from hpo.tracking.errors import Told, explain, is_permanent
from hpo.tracking.registered_models import ModelJob, log_model

MODEL_TIMEOUT_S = 1800
UPLOAD_TIMEOUT_S = 60  # weights are larger than what is usually sent


class ModelProcess:
    """The process that logs models. Begun before there is a model, it has loaded what it needs when one comes.

    It writes nothing before it is given a job, and ends with this process at the latest.

    Args:
        uri: MLflow's resolved address.
    """

    def __init__(self, uri: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, uri), daemon=True, name="hpo-model")
        with main_aside():
            self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def log(self, jobs: Sequence[ModelJob]) -> Iterator[dict[str, str]]:
        """Logs models and yields, for each in turn, what its run is to say of it: where it is, whether it is champion.

        Raises:
            Told: if MLflow does not take one, or gives back another one; those behind it are not logged.
        """
        is_whole = False
        try:
            for job in jobs:
                self._ours.send(job)
                if not self._ours.poll(MODEL_TIMEOUT_S):
                    raise Told("has not ended taking a model after half an hour", is_permanent=False)
                answer = self._ours.recv()
                if not isinstance(answer, dict):
                    reason, is_refused = answer
                    is_whole = True
                    raise Told(reason, is_permanent=is_refused)
                yield answer
            is_whole = True
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise Told("cannot be given the model: the process that logs it died", is_permanent=False) from None
        finally:
            if not is_whole:
                self.close()

    def close(self) -> None:
        """Ends it; it has nothing under way that anybody waits for."""
        self._ours.close()
        self._process.kill()
        self._process.join(5)


def _serve(pipe: connection.Connection, uri: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # reaches the whole group; the driver decides
    die_with_parent()
    prepare_import()
    warnings.showwarning = _drop  # filters do not hold: MLflow sets its own around what it calls
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"  # forced: a model is loaded here
    given_s = float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(int(max(given_s, UPLOAD_TIMEOUT_S)))
    with suppress(Exception):  # it is said when it matters
        _load()
    with suppress(EOFError):
        while True:
            job = pipe.recv()
            try:
                pipe.send(log_model(uri, job))
            except Exception as error:
                pipe.send((explain(error), is_permanent(error)))


def _load() -> None:
    """Imports what logging a model takes, and has MLflow look over what is installed, which takes it a second."""
    import mlflow.pyfunc  # noqa: F401
    import pandas  # noqa: F401
    import spacy  # noqa: F401
    from mlflow.utils import requirements_utils

    from hpo.model.answers import load

    load()
    if look := getattr(requirements_utils, "_init_modules_to_packages_map", None):
        look()


def _drop(*_: object, **__: object) -> None:
    """Shows no warning: MLflow's are for those who write models, as that `predict` has no type hints."""
