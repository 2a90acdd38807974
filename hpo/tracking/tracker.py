"""Who is shown the record while it grows: the contract, the choice, and the tracker that shows nothing.

MLflow's side of it is `mirror`. No tracker is ever read by a study or a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hpo.config.limits import MAX_S, MISSING, setting
from hpo.config.registry import option
from hpo.config.schema import StorageConfig, TrackingConfig
from hpo.contracts.records import EncoderRecord, StudyRecord, TrialRecord
from hpo.machine.paths import check_file
from hpo.tracking.client import check_uri, resolve_uri, sqlite_path

if TYPE_CHECKING:
    from hpo.space.space import Distributions


class Tracker(Protocol):
    """Shows studies and trials to people.

    The calls come in this order: `study`; `trial` after each ask, each epoch and each end, with the
    newest record of that trial; `finish`; `close`. All but `close` return at once and never raise
    because of whoever is shown the record.
    """

    def study(self, study: StudyRecord) -> None:
        """Shows a study that begins or continues."""
        ...

    def trial(self, study: StudyRecord, trial: TrialRecord) -> None:
        """Shows the newest state of a trial."""
        ...

    def encoder(self, encoder: EncoderRecord) -> None:
        """Shows the newest state of an encoder, which belongs to no study; may come at any time."""
        ...

    def expect_model(self) -> None:
        """Gets ready for the model of a study that will end soon; nothing is lost if none comes."""
        ...

    def finish(
        self, study: StudyRecord, trials: Sequence[TrialRecord], folder: Path, *, is_finished: bool = True
    ) -> None:
        """Shows what came out of a study.

        Args:
            study: Its newest record, with test metrics if there are any.
            trials: All of its trials, in the order of their numbers.
            folder: The study's folder.
            is_finished: Whether its budget is spent; False when it was interrupted.
        """
        ...

    def close(self, timeout_s: float) -> int:
        """Ends the showing, after at most `timeout_s`; returns how many runs are not shown completely."""
        ...


class NoTracker:
    """Shows nothing."""

    def study(self, study: StudyRecord) -> None:
        pass

    def trial(self, study: StudyRecord, trial: TrialRecord) -> None:
        pass

    def encoder(self, encoder: EncoderRecord) -> None:
        pass

    def expect_model(self) -> None:
        pass

    def finish(
        self, study: StudyRecord, trials: Sequence[TrialRecord], folder: Path, *, is_finished: bool = True
    ) -> None:
        pass

    def close(self, timeout_s: float) -> int:
        return 0


@option("tracking", "none")
@dataclass
class NoTrackingConfig(TrackingConfig):
    def build(self, spaces: Mapping[str, Distributions]) -> NoTracker:
        return NoTracker()


@option("tracking", "mlflow")
@dataclass
class MlflowConfig(TrackingConfig):
    uri: str = MISSING
    experiment: str | None = None
    flush_timeout_s: float = setting(low=0, high=MAX_S)

    is_shown = True

    def build(self, spaces: Mapping[str, Distributions]) -> Tracker:
        from hpo.tracking.mirror import Mirror

        return Mirror(self.uri, spaces)

    def check(self, storage: StorageConfig) -> None:
        """Refuses a place where MLflow, which would try for minutes, can keep nothing; see `TrackingConfig`."""
        path = sqlite_path(resolve_uri(self.uri))
        if path is None:
            return
        if storage.file is not None and path == storage.file.absolute():
            raise ValueError(f"tracking.uri={self.uri} is the record, {storage.place}; give MLflow another.")
        check_file(f"tracking.uri={self.uri}", path, example="tracking.uri=sqlite:///mlflow.db")

    def check_unshared(self) -> None:
        check_uri(self.uri)
