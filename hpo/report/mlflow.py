"""The report in MLflow: one run per experiment that carries the files, the verdict and the main numbers.

What the report says is decided before; studies and trials are shown by `mirror`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from hpo.machine.escaping import for_markdown
from hpo.machine.files import hash_bytes
from hpo.machine.secrets import mask
from hpo.report.document.content import Report
from hpo.report.document.files import written_files
from hpo.report.document.json import find_verdict, find_warnings, flat_numbers
from hpo.tracking.client import check_uri, open_client, open_experiment
from hpo.tracking.content import MAX_TAG_CHARS, legal_key, legal_tags, shorten
from hpo.tracking.errors import explain

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ROLE_TAG, ROLE, EXPERIMENT_TAG = "hpo.role", "comparison", "hpo.experiment"
HASH_TAG, NUMBERS = "hpo.report_sha256", "report.json"
NOTE_TAG = "mlflow.note.content"  # MLflow shows it as the run's description
KINDS = ("better", "equivalent", "undecided", "underpowered")
N_METRICS = 500  # a page of MLflow with more is no longer read
RECORDS = "records.csv"  # written beside the report by whoever read the records


def log_report(folder: Path, *, experiment: str, uri: str, report: Report) -> None:
    """Brings the comparison run of `experiment` up to date with the report in `folder`.

    The run is found again by its tags, so there is one however often the report is made; artifacts
    that the report no longer has are removed from it.

    Args:
        folder: Where `write_report` wrote the report.
        experiment: Name of the experiment, in MLflow and in the record.
        uri: MLflow's tracking URI, as `tracking.uri` gives it.
        report: The same report; its headline and numbers are shown in tables of runs.

    Raises:
        ValueError: if MLflow cannot keep runs at `uri`.
        ConnectionError: if MLflow cannot be reached or does not answer properly.
    """
    uri = check_uri(uri)
    try:
        client = open_client(uri)
        run = _find_run(client, open_experiment(client, uri, experiment), experiment)
        _write_values(client, run, _tags(report, experiment) | _hash(folder), _metrics(report))
        _write_files(client, run, folder, uri)
        client.set_terminated(run.info.run_id, "FINISHED")
    except Exception as error:
        sentence = f"MLflow at {uri} does not take the report: it {explain(error)}; the report lies in {folder}."
        raise ConnectionError(mask(sentence)) from None


def logged_hash(experiment: str, *, uri: str) -> str:
    """Returns the SHA-256 of the report.json that MLflow was shown last; "" if it was shown none.

    Raises:
        ConnectionError: if MLflow cannot be reached or does not answer properly.
    """
    uri = check_uri(uri)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        return ""
    try:
        client = open_client(uri)
        there = client.get_experiment_by_name(experiment)
        of_role = f"tags.`{ROLE_TAG}` = '{ROLE}'"
        runs = client.search_runs([there.experiment_id], filter_string=of_role) if there else []
    except Exception as error:
        raise ConnectionError(mask(f"MLflow at {uri} {explain(error)}.")) from None
    return next((str(run.data.tags[HASH_TAG]) for run in runs if HASH_TAG in run.data.tags), "")


def _hash(folder: Path) -> dict[str, str]:
    """Returns the tag that says what report.json was."""
    path = folder / NUMBERS
    return {HASH_TAG: hash_bytes(path.read_bytes())} if path.is_file() else {}


def _find_run(client: MlflowClient, experiment_id: str, experiment: str) -> Run:
    """Returns the comparison run, created if need be; of several the first is kept, the others are deleted."""
    runs = client.search_runs(
        [experiment_id], filter_string=f"tags.`{ROLE_TAG}` = '{ROLE}'", order_by=["attributes.start_time ASC"]
    )
    ours = [run for run in runs if run.data.tags.get(EXPERIMENT_TAG) == shorten(experiment, MAX_TAG_CHARS)]
    for double in ours[1:]:
        client.delete_run(double.info.run_id)
    if ours:
        return ours[0]
    tags = legal_tags({ROLE_TAG: ROLE, EXPERIMENT_TAG: experiment})
    return client.create_run(experiment_id, tags=tags, run_name=ROLE)


def _tags(report: Report, experiment: str) -> dict[str, str]:
    tags = {ROLE_TAG: ROLE, EXPERIMENT_TAG: experiment, "hpo.title": report.title}
    tags["hpo.strategies"] = ", ".join(report.strategies)
    verdict = find_verdict(report)
    if verdict is not None:
        claims = "\n".join(f"- {for_markdown(claim.text)}" for claim in verdict.claims)
        said = [f"**{for_markdown(verdict.headline)}**", claims]
        said += [f"> {for_markdown(text)}" for text in find_warnings(report)] + [for_markdown(verdict.reading)]
        note = "\n\n".join(said)
        tags |= {"hpo.verdict": verdict.headline, NOTE_TAG: note}
    return legal_tags(tags)


def _metrics(report: Report) -> dict[str, float]:
    """Returns how many claims there are of each kind, and the numbers of the sections by their path."""
    verdict = find_verdict(report)
    kinds = Counter[str](claim.kind for claim in verdict.claims) if verdict else Counter[str]()
    metrics = {f"verdict.n_{kind}": float(kinds[kind]) for kind in KINDS}
    sections = (flat_numbers(section.numbers, name=section.key) for section in report.sections)
    for path, number in chain.from_iterable(sections):
        if len(metrics) >= N_METRICS:
            break
        metrics.setdefault(legal_key(path), number)
    return metrics


def _write_values(client: MlflowClient, run: Run, tags: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    """Writes what differs; a metric's newest point is the one MLflow shows, so its time must be now."""
    from mlflow.entities import Metric, RunTag

    now_ms = int(time.time() * 1000)
    changed = {key: value for key, value in metrics.items() if run.data.metrics.get(key) != value}
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, now_ms, 0) for key, value in changed.items()],
        tags=[RunTag(key, text) for key, text in tags.items() if run.data.tags.get(key) != text],
    )
    for key in run.data.tags:
        if key.startswith("hpo.") and key not in tags:
            client.delete_tag(run.info.run_id, key)


def _write_files(client: MlflowClient, run: Run, folder: Path, uri: str) -> None:
    records = folder / RECORDS
    paths = [path.relative_to(folder) for path in [*written_files(folder), *([records] if records.is_file() else [])]]
    for path in paths:
        parent = path.parent.as_posix()
        client.log_artifact(run.info.run_id, str(folder / path), None if parent == "." else parent)
    stale = set(_artifacts(client, run.info.run_id)) - {path.as_posix() for path in paths}
    for name in sorted(stale):
        _delete_artifact(run, name, uri)


def _delete_artifact(run: Run, name: str, uri: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    location = urlsplit(run.info.artifact_uri)
    if location.scheme == "file":  # MLflow looks for a folder with %20 in its name in one with a space
        (Path(url2pathname(location.path)) / name).unlink(missing_ok=True)
    else:
        get_artifact_repository(run.info.artifact_uri, tracking_uri=uri).delete_artifacts(name)


def _artifacts(client: MlflowClient, run_id: str, folder: str | None = None) -> Iterator[str]:
    for artifact in client.list_artifacts(run_id, folder):
        if artifact.is_dir:
            yield from _artifacts(client, run_id, artifact.path)
        else:
            yield artifact.path
