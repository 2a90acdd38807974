"""Opens MLflow: its environment, quiet imports, the experiment.

Knows nothing of records: `content` says what a run shows, `runs` writes it.
"""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import suppress
from glob import escape
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from hpo.machine.locks import folder_locked
from hpo.machine.paths import file_name
from hpo.machine.secrets import is_named, mask, reveal
from hpo.storage.checks import check_for_runs
from hpo.tracking.bounded import BoundedClient

if TYPE_CHECKING:
    from mlflow import MlflowClient

SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql")
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_LOG_UV_FILES": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
MAKES_FOLDERS = "_make_parent_dirs_if_sqlite"
QUICK_S = 3  # what a database gets to say whose it is


def resolve_uri(given: str) -> str:
    """Returns MLflow's address behind `tracking.uri`; a relative SQLite path absolute, so that no later chdir matters.

    Raises:
        ValueError: if there is none, or MLflow cannot keep runs there (its file store is gone since 3.17).
    """
    uri = reveal(given, "tracking.uri")
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme.split("+")[0] not in SCHEMES:
        raise ValueError(
            f"tracking.uri={mask(given)!r} {'names' if is_named(given) else 'is'} nothing MLflow can write to; "
            "give sqlite:///mlflow.db, or the http:// address of a running `mlflow server`."
        )
    if scheme.split("+")[0] != "sqlite":
        _check_address(uri)
        return uri
    path, mark, query = rest.removeprefix("/").partition("?")
    if not rest.startswith("/") or not path or path == ":memory:":
        raise ValueError(f"tracking.uri={mask(given)!r} names no file; give one as in sqlite:///mlflow.db.")
    return f"{sqlite_uri(Path(unquote(path)).absolute(), scheme=scheme)}{mark}{query}"


def sqlite_uri(path: Path, *, scheme: str = "sqlite") -> str:
    """Returns the address of a database in the file `path`; what would end its path, or be decoded, is quoted."""
    return f"{scheme}:///{str(path).replace('%', '%25').replace('?', '%3F')}"


def sqlite_path(uri: str) -> Path | None:
    """Returns the file behind a resolved `uri`; None where there is none of ours."""
    scheme, _, rest = uri.partition(":///")
    return Path(unquote(rest.partition("?")[0])) if scheme.split("+")[0] == "sqlite" else None


def check_uri(given: str) -> str:
    """Returns MLflow's address behind `tracking.uri`; a database that is away is not waited for.

    Raises:
        ValueError: if MLflow cannot keep runs there, or would break the record there.
    """
    from sqlalchemy.exc import SQLAlchemyError

    uri = resolve_uri(given)
    with suppress(SQLAlchemyError, ImportError, TypeError):  # away, damaged or without a driver: the mirror says so
        check_tables(uri, given)
    return uri


def is_server(uri: str) -> bool:
    """Returns whether MLflow's own server is behind a resolved `uri`, and no database."""
    return uri.startswith(("http://", "https://"))


def check_tables(uri: str, given: str) -> None:
    """Connects to the database behind a resolved `uri`, if there is one, and refuses that of a record.

    Raises:
        ValueError: if it is one, naming what was `given`.
        sqlalchemy.exc.SQLAlchemyError, ImportError, TypeError: if it cannot be connected to.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    path = sqlite_path(uri)
    if is_server(uri) or (path and not path.exists()):
        return
    options = {} if path else {"connect_args": {"connect_timeout": QUICK_S}}
    check_for_runs(create_engine(uri, poolclass=NullPool, **options), f"tracking.uri={mask(given)}")


def open_client(uri: str) -> MlflowClient:
    """Returns a client of the MLflow behind a resolved `uri`, its tables created if need be."""
    prepare_import()
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _make_no_folders()
    path = sqlite_path(uri)
    if path is None:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        return cast("MlflowClient", BoundedClient(client)) if is_server(uri) else client
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_locked(path.parent):
        if not path.exists():
            _create(path)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        return client


def _create(path: Path) -> None:
    """Makes MLflow's database beside its place, then renames it; the caller holds the folder.

    It takes seconds, and what is left where they are cut short is of no use to MLflow ever again: it does not find
    all its tables, begins anew, and trips over those that are there.
    """
    from mlflow import MlflowClient

    for abandoned in path.parent.glob(f".{escape(path.name)}.*"):
        rmtree(abandoned, ignore_errors=True)
    folder = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        uri = sqlite_uri(folder / path.name)
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
        (folder / path.name).rename(path)
    finally:
        rmtree(folder, ignore_errors=True)


def _make_no_folders() -> None:
    """Keeps MLflow from making the folder of a database, which is there: it would make it of the address as it is."""
    from mlflow.store.db import utils

    setattr(utils, MAKES_FOLDERS, lambda _: None)


def prepare_import() -> None:
    """Sets what MLflow reads once, when imported, and silences the warnings of its own modules.

    Called before the thread that imports it is there: whoever leaves `catch_warnings` meanwhile puts the filters back
    that were there when he entered, and so takes away what requests has set against urllib3.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Forced, because the client repeats even POST: a repeated create_run makes two runs.
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    warnings.filterwarnings("ignore", module=r"(mlflow|alembic)(\.|$)")
    warnings.filterwarnings("ignore", message="SOCKS support in urllib3 requires")


def open_experiment(client: MlflowClient, uri: str, name: str) -> str:
    """Returns the id of the experiment called `name`, created or restored if need be."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifact_location(uri, name)))
        except Exception as error:
            if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = client.get_experiment_by_name(name)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def artifact_location(uri: str, experiment: str) -> str | None:
    """Returns where the artifacts of an experiment lie; None where a server decides.

    Beside the SQLite file, so that `hpo ui` started there shows them and the working directory
    stays clean.
    """
    if is_server(uri):
        return None
    path = sqlite_path(uri)
    folder = path.parent if path else Path.cwd()
    return (folder / "mlartifacts" / file_name(experiment)).as_uri()


def _check_address(uri: str) -> None:
    """Refuses what is no address; whether somebody answers there is found out later."""
    try:
        parts = urlsplit(uri)
        is_whole = bool(parts.hostname or not parts.scheme.startswith("http")) and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        is_whole = False
    if not is_whole or not uri.isprintable() or " " in uri:
        raise ValueError(
            f"tracking.uri={mask(uri)!r} is no address; give one as in http://127.0.0.1:5000, signs in "
            "names and passwords written as %40 and the like."
        )
