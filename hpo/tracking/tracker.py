"""Who is shown the record while it grows: the contract, the choice, and the tracker that shows nothing.

MLflow's side of it is `mirror`. No tracker is ever read by a study or a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hpo.config.schema import (
    Config,
    MlflowConfig,
    NoTrackingConfig,
    SqliteConfig,
    TrackingConfig,
)
from hpo.contracts.records import EncoderRecord, StudyRecord, TrialRecord
from hpo.machine.paths import check_file
from hpo.tracking.client import resolve_uri, sqlite_path

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

    def finish(
        self, study: StudyRecord, trials: Sequence[TrialRecord], folder: Path, *, is_finished: bool = True
    ) -> None:
        pass

    def close(self, timeout_s: float) -> int:
        return 0


def check_unshared(config: TrackingConfig) -> None:
    """Refuses a database of MLflow that is the record's.

    Raises:
        ValueError: if MLflow cannot keep runs at `tracking.uri`, or would break the record there.
    """
    if isinstance(config, MlflowConfig):
        from hpo.tracking.client import check_uri

        check_uri(config.uri)


def build_tracker(config: TrackingConfig, spaces: Mapping[str, Distributions]) -> Tracker:
    """Returns the tracker that `config` asks for.

    Args:
        config: The section `tracking`.
        spaces: The space of each study, for the plots.

    Raises:
        ValueError: if MLflow cannot keep runs at `tracking.uri`.
    """
    match config:
        case NoTrackingConfig():
            return NoTracker()
        case MlflowConfig():
            from hpo.tracking.mirror import Mirror

            return Mirror(config.uri, spaces)
        case _:
            raise ValueError(f"tracking={type(config).__name__} is unknown; use mlflow or none.")


def check_tracking(config: Config) -> None:
    """Refuses a place where MLflow can keep nothing, and the record's own.

    MLflow itself would try for minutes.

    Raises:
        ValueError: in one sentence.
    """
    if not isinstance(config.tracking, MlflowConfig):
        return
    uri = config.tracking.uri
    path = sqlite_path(resolve_uri(uri))
    if path is not None:
        if isinstance(config.storage, SqliteConfig) and path == Path(config.storage.path).absolute():
            raise ValueError(
                f"tracking.uri={uri} is the record, storage.path={config.storage.path}; give MLflow another."
            )
        check_file(f"tracking.uri={uri}", path, example="tracking.uri=sqlite:///mlflow.db")
