"""Writes studies and trials to one MLflow: opens it when needed, sets aside what it refuses.

Raises when MLflow is away; waiting and trying again is the business of `mirror`.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.artifacts.folders import MODEL_FOLDER
from hpo.contracts.records import EncoderRecord, StudyRecord, TrialRecord
from hpo.machine.files import write_atomically
from hpo.machine.secrets import mask
from hpo.tracking.client import open_client, open_experiment
from hpo.tracking.content import RunContent
from hpo.tracking.errors import NoArtifacts, explain, is_permanent
from hpo.tracking.model_process import ModelProcess
from hpo.tracking.models import write_models
from hpo.tracking.runs import StudyRuns
from hpo.tracking.study import ended_study_content, study_content
from hpo.tracking.trial import encoder_content, last_ms, trial_content, trial_uid

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from hpo.space.space import Distributions

_log = logging.getLogger("hpo.tracking.mirror")


@dataclass(frozen=True)
class Ending:
    """What is known when no driver works on a study any more."""

    trials: tuple[TrialRecord, ...]
    folder: Path
    is_finished: bool


class Writer:
    """Writes what `mlflow_study` and `mlflow_trial` say should be shown.

    Attributes:
        refused: Uids of the runs MLflow would not take; each has a line in the file of `mlflow_refused`.
    """

    def __init__(self, uri: str, spaces: Mapping[str, Distributions]) -> None:
        self.refused: set[str] = set()
        self._uri = uri
        self._spaces = spaces
        self._client: MlflowClient | None = None
        self._runs: dict[str, StudyRuns] = {}
        self._models: ModelProcess | None = None

    def expect_model(self) -> None:
        """Begins to load what it takes to log a model."""
        if self._models is None or not self._models.is_alive:
            self._models = ModelProcess(self._uri)

    def close(self) -> None:
        """Ends what was begun for models."""
        if self._models is not None:
            self._models.close()
            self._models = None

    def _model_process(self) -> ModelProcess:
        self.expect_model()
        assert self._models is not None
        return self._models

    def write_study(self, study: StudyRecord) -> None:
        """Writes a study whose trials run."""
        self._write(study, study_content(study))

    def write_trial(self, study: StudyRecord, trial: TrialRecord) -> None:
        """Writes a trial some driver works on, or has just ended."""
        self._write(study, trial_content(study, trial, is_live=True))

    def write_encoder(self, encoder: EncoderRecord) -> bool:
        """Writes an encoder, a run of its own; returns whether that was needed."""
        return self._write(encoder, encoder_content(encoder))

    def write_ended(self, study: StudyRecord, ending: Ending, *, is_fresh: bool = False) -> int:
        """Makes all runs of a study equal to its record; returns how many were created or changed.

        Args:
            study: The study.
            ending: Its trials and how it ended.
            is_fresh: Look up what exists even if this process wrote it.
        """
        runs = self._open(study, is_fresh=is_fresh)
        runs.try_artifacts_again()
        if not runs.is_alive(study.uid):  # it is new, or somebody has deleted it: its trials are hung below another
            runs.forget()
        changed = set() if runs.has(study.uid) else {study.uid}
        for trial in ending.trials:
            content = trial_content(study, trial, is_live=False)
            if self._write(study, content):
                changed.add(content.uid)
        content = ended_study_content(study, ending.trials, is_finished=ending.is_finished)
        if self._write(study, content, plots_of=ending):
            changed.add(content.uid)
        if ending.is_finished and self._write_models(study, ending.folder):
            changed.add(content.uid)
        return len(changed - self.refused)

    def _write_models(self, study: StudyRecord, folder: Path) -> bool:
        """Shows the models of a study unless that is done; returns whether there was anything to do."""
        uid = f"{study.uid}/{MODEL_FOLDER}"
        runs = self._open(study, is_fresh=False)
        if study.uid in self.refused or not runs.takes_artifacts:
            return False
        try:
            is_changed = write_models(study, runs, folder, process=self._model_process)
        except ValueError as error:
            _log.warning("A model of %s is not logged: %s", study.name, error)
            return False
        except Exception as error:
            if not is_permanent(error):
                raise
            self._refuse(study, uid, name=MODEL_FOLDER, status="FINISHED", error=error)
            return False
        self._take_back_refusal(study, uid)
        return is_changed

    def lacks(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> set[str]:
        """Returns the uids of the trials that are not known to be shown as ended, without asking MLflow."""
        runs = self._runs.get(study.uid)
        uids = {trial_uid(study, trial.number): trial for trial in trials}
        return {uid for uid, trial in uids.items() if runs is None or runs.end_ms(uid) != last_ms(trial)}

    def _write(
        self, study: StudyRecord | EncoderRecord, content: RunContent, *, plots_of: Ending | None = None
    ) -> bool:
        """Writes one run if it needs it; what MLflow refuses twice is set aside."""
        for is_fresh in (False, True):
            try:
                runs = self._open(study, is_fresh=is_fresh)
                if isinstance(study, StudyRecord) and not runs.has(study.uid) and content.uid != study.uid:
                    self._write_parent(runs, study)
                is_needed = runs.needs(content)
                if is_needed:
                    self._write_with_plots(runs, study, content, plots_of)
                self._take_back_refusal(study, content.uid)
                return is_needed
            except NoArtifacts as error:
                self._refuse(study, content.uid, name=content.name, status=content.status, error=error)
                return True
            except Exception as error:
                self._forget(study)
                if not is_permanent(error):
                    raise
                refusal = error
        self._refuse(study, content.uid, name=content.name, status=content.status, error=refusal)
        return False

    def _write_parent(self, runs: StudyRuns, study: StudyRecord) -> None:
        """Makes the run of a study, below which those of its trials hang."""
        content = study_content(study)
        try:
            runs.write(content)
        except NoArtifacts as error:
            self._refuse(study, content.uid, name=content.name, status=content.status, error=error)

    def _write_with_plots(
        self, runs: StudyRuns, study: StudyRecord | EncoderRecord, content: RunContent, plots_of: Ending | None
    ) -> None:
        if isinstance(study, EncoderRecord):
            return runs.write(content)
        if plots_of is None:
            return runs.write(content)
        from hpo.tracking.plots import write_plots

        with tempfile.TemporaryDirectory() as folder:
            plots = Path(folder) / "plots"
            write_plots(study, plots_of.trials, self._spaces.get(study.name, {}), plots)
            return runs.write(content, files=plots)

    def _open(self, study: StudyRecord | EncoderRecord, *, is_fresh: bool) -> StudyRuns:
        if self._client is None:
            self._client = open_client(self._uri)
        if is_fresh or study.uid not in self._runs:
            experiment_id = open_experiment(self._client, self._uri, study.experiment)
            self._runs[study.uid] = StudyRuns(self._client, experiment_id, study.uid)
        return self._runs[study.uid]

    def _forget(self, study: StudyRecord | EncoderRecord) -> None:
        if study.uid in self._runs:
            self._runs[study.uid].forget()

    def _refuse(
        self, study: StudyRecord | EncoderRecord, uid: str, *, name: str, status: str, error: Exception
    ) -> None:
        reason = mask(explain(error, self._uri))
        path = note_refusal(Path(study.folder), uid, name=name, status=status, error=reason)
        if isinstance(error, NoArtifacts):
            if not self.refused:
                _log.warning("MLflow at %s %s.", mask(self._uri), reason)
        elif not self.refused:
            what = f"study {study.name}" if uid == study.uid else f"{name} of {study.name}"
            _log.warning("MLflow refuses %s: it %s; see %s.", what, reason, path)
        self.refused.add(uid)

    def _take_back_refusal(self, study: StudyRecord | EncoderRecord, uid: str) -> None:
        self.refused.discard(uid)
        clear_refusal(Path(study.folder), uid)


REFUSED_FILE = "mlflow-refused.jsonl"


def note_refusal(folder: Path, uid: str, **facts: str) -> Path:
    """Writes the line of the run `uid`, in the place of an older one; returns the file."""
    path = folder / REFUSED_FILE
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, [*_lines(path, without=uid), json.dumps({"uid": uid, **facts})])
    return path


def clear_refusal(folder: Path, uid: str) -> None:
    """Removes the line of the run `uid`, and the file with its last line."""
    path = folder / REFUSED_FILE
    if path.exists() and uid in path.read_text(encoding="utf-8"):
        _write(path, _lines(path, without=uid))


def _lines(path: Path, *, without: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if f'"uid": {json.dumps(without)}' not in line]


def _write(path: Path, lines: list[str]) -> None:
    if lines:
        write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
    else:
        path.unlink()
