"""The MLflow runs of one study: finds them, creates what is missing, writes only what differs.

What a run shows comes as a `RunContent`; when to write is `mirror`'s business.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.tracking.bounded import NeverEnds
from hpo.tracking.content import MetricPoint, RunContent
from hpo.tracking.errors import NoArtifacts, is_permanent

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PARENT_TAG, DIGEST_TAG = "mlflow.parentRunId", "hpo.digest"
OUR_TAGS = ("hpo.", "best.", "test.", "trial.", "nonfinite")
_PAGE_SIZE = 250  # a slow server takes 6 ms for a run, and the answer must come in time


@dataclass
class _Known:
    """What is known to be in one run."""

    run_id: str
    name: str
    status: str
    end_ms: int | None
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    metrics: set[MetricPoint] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)
    has_corpus: bool = False


class StudyRuns:
    """The runs of one study, the study's own and its trials', by uid.

    `write` may be repeated at will, also by another process after a crash: runs are searched for
    before any is created, params and tags are compared, and equal metric points are one in MLflow.
    """

    def __init__(self, client: MlflowClient, experiment_id: str, study_uid: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._study_uid = study_uid
        self._known: dict[str, _Known] = {}
        self._is_loaded = False
        self._no_artifacts: Exception | None = None  # why one could not be written; others are not tried

    def load(self) -> None:
        """Reads which runs exist. Of several with one uid the first is kept, the others are deleted.

        Doubles can appear when a request to create a run times out and is served late after all.
        """
        known: dict[str, _Known] = {}
        for run in self._search():
            uid = run.data.tags.get("hpo.trial_uid", self._study_uid)
            if uid in known:
                self._client.delete_run(run.info.run_id)
            else:
                known[uid] = _known_from(run)
        self._known = known
        self._is_loaded = True

    def is_alive(self, uid: str) -> bool:
        """Asks MLflow whether the run is there and was not deleted by hand."""
        return self.has(uid) and self._client.get_run(self._known[uid].run_id).info.lifecycle_stage == "active"

    def forget(self) -> None:
        """Makes the next write look again at what exists; to be called after any failure."""
        self._is_loaded = False

    def has(self, uid: str) -> bool:
        """Tells whether the run exists."""
        self._ensure_loaded()
        return uid in self._known

    def tags(self, uid: str) -> tuple[str, dict[str, str]]:
        """Returns the run's id and all of its tags, as MLflow has them now."""
        self._ensure_loaded()
        run_id = self._known[uid].run_id
        return run_id, dict(self._client.get_run(run_id).data.tags)

    def add_tags(self, uid: str, tags: dict[str, str]) -> None:
        """Sets tags that are not derived from the record."""
        from mlflow.entities import RunTag

        self._client.log_batch(self._known[uid].run_id, tags=[RunTag(key, text) for key, text in tags.items()])

    def add_file(self, uid: str, path: Path, folder: str) -> None:
        """Writes a file as an artifact in `folder`."""
        self._client.log_artifact(self._known[uid].run_id, str(path), folder)

    @property
    def experiment_id(self) -> str:
        return self._experiment_id

    def end_ms(self, uid: str) -> int | None:
        """Returns when the run ended, as far as that is known without looking; None for one that may be open."""
        known = self._known.get(uid)
        return None if known is None or known.status == "RUNNING" else known.end_ms

    def needs(self, content: RunContent) -> bool:
        """Tells whether `write` would change anything; cheap for a run that has ended."""
        self._ensure_loaded()
        known = self._known.get(content.uid)
        if known is None or content.end_ms is None:
            return True
        shown = (known.tags.get(DIGEST_TAG), known.status, known.end_ms, known.tags.get(PARENT_TAG))
        return shown != (content.digest, content.status, content.end_ms, self._parent_id(content)) or (
            content.is_whole and bool(_stale(known, keep=content.tags))
        )

    def write(self, content: RunContent, *, files: Path | None = None) -> None:
        """Brings one run up to date. Its end comes last: only then does `needs` believe the digest.

        Args:
            content: What it shows; the run of the study must have been written before its trials'.
            files: A folder whose files become artifacts too.

        Raises:
            NoArtifacts: if all but the artifacts was written; `needs` is true of that run until they are, too.
            Exception: whatever MLflow raises.
        """
        self._ensure_loaded()
        known = self._known.get(content.uid) or self._create(content)
        self._write_inputs(known, content)
        lacking = self._try_artifacts(known, content, files)
        try:
            self._write_values(known, content, is_complete=lacking is None)
            self._write_status(known, content)
        except Exception:  # it is not about artifacts
            self._no_artifacts = None
            raise
        if content.end_ms is not None:
            self._known[content.uid] = _reduced(known)
        if lacking is not None:
            self._no_artifacts = None if is_permanent(lacking) else lacking
            place = self._client.get_run(known.run_id).info.artifact_uri
            raise NoArtifacts(place.removesuffix(f"/{known.run_id}/artifacts")) from lacking

    def try_artifacts_again(self) -> None:
        """Lets the next write send artifacts, though those of an earlier run could not be."""
        self._no_artifacts = None

    @property
    def takes_artifacts(self) -> bool:
        """Whether artifacts are tried, as far as is known."""
        return self._no_artifacts is None

    def _ensure_loaded(self) -> None:
        if not self._is_loaded:
            self.load()

    def _search(self) -> Iterator[Run]:
        """Yields the runs of the study.

        Raises:
            NeverEnds: if the server repeats itself, or has nothing more and yet a next page.
        """
        token, seen = None, set[str]()
        while True:
            page = self._client.search_runs(
                [self._experiment_id],
                filter_string=f"tags.`hpo.study_uid` = '{self._study_uid}'",
                max_results=_PAGE_SIZE,
                order_by=["attributes.run_id"],
                page_token=token,
            )
            new = [run for run in page if run.info.run_id not in seen]
            seen.update(run.info.run_id for run in new)
            yield from new
            token = page.token
            if not token:
                return
            if not new:
                raise NeverEnds("gives pages of runs that repeat and never end")

    def _parent_id(self, content: RunContent) -> str | None:
        return None if content.uid == self._study_uid else self._known[self._study_uid].run_id

    def _tags(self, content: RunContent, *, is_complete: bool = True) -> dict[str, str]:
        parent_id = self._parent_id(content)
        tags = dict(content.tags) | ({PARENT_TAG: parent_id} if parent_id else {})
        return tags | ({DIGEST_TAG: content.digest} if content.end_ms is not None and is_complete else {})

    def _create(self, content: RunContent) -> _Known:
        tags = self._tags(content, is_complete=False)
        try:
            run = self._client.create_run(
                self._experiment_id, start_time=content.start_ms, tags=tags, run_name=content.name
            )
        except Exception:
            self._is_loaded = False
            raise
        known = _Known(run.info.run_id, content.name, "RUNNING", None, dict(run.data.tags))
        self._known[content.uid] = known
        return known

    def _write_inputs(self, known: _Known, content: RunContent) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if not content.corpus or known.has_corpus:
            return
        dataset = Dataset(source_type="local", **content.corpus)
        self._client.log_inputs(
            known.run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
        )
        known.has_corpus = True

    def _try_artifacts(self, known: _Known, content: RunContent, files: Path | None) -> Exception | None:
        """Returns why artifacts could not be written: they may lie where only others may write."""
        if self._no_artifacts is None:
            try:
                self._write_artifacts(known, content, files)
            except Exception as error:
                self._no_artifacts = error
        return self._no_artifacts

    def _write_artifacts(self, known: _Known, content: RunContent, files: Path | None) -> None:
        texts = {path: text for path, text in content.texts.items() if known.texts.get(path) != text}
        if texts:
            with tempfile.TemporaryDirectory() as folder:
                for path, text in texts.items():
                    (Path(folder) / path).write_text(text, encoding="utf-8")
                self._client.log_artifacts(known.run_id, folder)
        if files is not None:
            self._client.log_artifacts(known.run_id, str(files), files.name)
        known.texts |= texts

    def _write_values(self, known: _Known, content: RunContent, *, is_complete: bool) -> None:
        """Writes params, tags and metrics in one request; params are immutable, so only new ones."""
        from mlflow.entities import Metric, Param, RunTag

        tags = self._tags(content, is_complete=is_complete)
        new_tags = {key: text for key, text in tags.items() if known.tags.get(key) != text}
        new_params = {path: text for path, text in content.params.items() if path not in known.params}
        points = [point for point in content.metrics if point not in known.metrics]
        self._client.log_batch(
            known.run_id,
            metrics=[Metric(point.key, point.value, point.timestamp_ms, point.step) for point in points],
            params=[Param(path, text) for path, text in new_params.items()],
            tags=[RunTag(key, text) for key, text in new_tags.items()],
        )
        known.tags |= new_tags
        known.params |= new_params
        known.metrics |= set(points)
        for key in _stale(known, keep=tags) if content.is_whole else ():
            self._client.delete_tag(known.run_id, key)
            del known.tags[key]

    def _write_status(self, known: _Known, content: RunContent) -> None:
        if known.name != content.name:  # an earlier version gave it another
            self._client.update_run(known.run_id, name=content.name)
            known.name = content.name
        if content.end_ms is None:
            if known.status != content.status:
                self._client.update_run(known.run_id, status=content.status)
        elif (known.status, known.end_ms) != (content.status, content.end_ms):
            self._client.set_terminated(known.run_id, content.status, content.end_ms)
        known.status, known.end_ms = content.status, content.end_ms


def _stale(known: _Known, keep: Mapping[str, str]) -> list[str]:
    """Returns which tags of ours a run has and should not have: another process may have closed it too early."""
    return [key for key in known.tags if key.startswith(OUR_TAGS) and key not in keep and key != DIGEST_TAG]


def _known_from(run: Run) -> _Known:
    return _Known(
        run.info.run_id,
        run.info.run_name,
        run.info.status,
        run.info.end_time,
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        has_corpus=bool(run.inputs and run.inputs.dataset_inputs),
    )


def _reduced(known: _Known) -> _Known:
    """Returns what must be remembered of a run that has ended; thousands may have."""
    return _Known(
        known.run_id,
        known.name,
        known.status,
        known.end_ms,
        tags={key: known.tags[key] for key in (DIGEST_TAG, PARENT_TAG) if key in known.tags},
        params=known.params,
        has_corpus=known.has_corpus,
    )
