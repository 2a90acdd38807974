"""A trainer that replays recorded learning curves instead of training.

Reading the table is `table`'s business; the seconds it reports are the table's, and nobody waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.config.limits import MISSING
from hpo.config.registry import option
from hpo.config.schema import TrainerConfig
from hpo.contracts.records import CONTINUED, TEST_VALUE, UNREPORTED_S, test_name
from hpo.contracts.trainer import Decision, EpochReport, OnEpoch, Reason, TrialRequest, TrialResult
from hpo.machine.paths import as_name
from hpo.machine.signals import MustPause, never

if TYPE_CHECKING:
    from hpo.trainers.replay.table import Curve, CurveTable

MATCHED = "matched"  # fact of a trial: "exact", or the distance of its configuration from the recorded one


@option("trainer", "replay")
@dataclass
class ReplayConfig(TrainerConfig):
    """A table of recorded curves; `card: null` is the YAML file beside it, `sha256: null` whatever they hold."""

    path: str = MISSING
    card: str | None = None
    sha256: str | None = None
    metric: str = MISSING

    is_recorded = True
    is_simulated = True
    metrics = ()

    @property
    def subject(self) -> str:
        return as_name(Path(self.path).stem)

    def build(self) -> Replay:
        return Replay()

    def read_table(self) -> CurveTable:
        """Returns the table, read once per process.

        Raises:
            ValueError: in one sentence, if it or its card cannot be used, or is not the table that was asked for.
        """
        from hpo.trainers.replay.table import read_table

        return read_table(self.path, card=self.card, sha256=self.sha256)


class Replay:
    """Answers like the training that was recorded for the params, or for the ones nearest to them.

    A training is as long as its curve, at most `train.epochs`, and diverges where the curve ceases to be finite.
    It leaves nothing in the trial's folder.
    """

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Reports the recorded epochs, from the first one on whatever was reported before. See `Trainer.train`."""
        curve, distance = _find(request)
        n_epochs = min(curve.n_epochs, request.train.epochs)
        facts = {
            "device": "none",
            "precision": "recorded",
            "threads": "0",
            "n_params": "0",
            "resumed_from": "0",
            "row": str(curve.row),
            MATCHED: "exact" if distance == 0 else repr(distance),
        }
        names, columns = list(curve.metrics), [curve.metrics[name].tolist() for name in curve.metrics]
        seconds = curve.seconds.tolist()
        n_done, decision = 0, Decision.CONTINUE
        while n_done < min(n_epochs, curve.n_finite) and decision is Decision.CONTINUE:
            metrics = {name: column[n_done] for name, column in zip(names, columns, strict=True)}
            metrics["seconds"] = seconds[n_done]
            n_done += 1
            decision = on_epoch(EpochReport(n_done, metrics))
        if n_done < n_epochs and decision is Decision.CONTINUE:
            facts[UNREPORTED_S] = repr(seconds[n_done] if seconds[n_done] >= 0 else 0.0)  # nan, too, is not
            error = f"Epoch {n_done + 1}: the recorded training diverged there."
            return TrialResult(n_done, reason=Reason.DIVERGED, error=error, facts=facts)
        facts |= _test_value(request, curve, n_done)
        if decision is not Decision.CONTINUE:
            facts[CONTINUED] = _continued(request, curve, n_epochs)
        is_stopped, is_paused = decision is Decision.STOP, decision is Decision.PAUSE
        return TrialResult(n_done, stopped=is_stopped, paused=is_paused, facts=facts)

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns the test metrics that were recorded after the last epoch of the whole training, maybe none."""
        curve, _ = _find(request)
        return curve.test_after(min(curve.n_epochs, request.train.epochs))


def settings_of(trainer: object) -> ReplayConfig:
    """Returns the settings of a trainer that is known to replay."""
    assert isinstance(trainer, ReplayConfig)
    return trainer


def _find(request: TrialRequest) -> tuple[Curve, float]:
    """Returns the curve of a trial, and how far its configuration is from the trial's."""
    table = settings_of(request.trainer).read_table()
    index, distance = table.find(request.params)
    return table.curve(index, seed=request.seed), distance


def _continued(request: TrialRequest, curve: Curve, n_epochs: int) -> str:
    """Returns the metric that the study optimises at the end of a training of `n_epochs`, or that it diverges."""
    if curve.n_finite < n_epochs:
        return Reason.DIVERGED.value
    return repr(float(curve.metrics[settings_of(request.trainer).metric][n_epochs - 1]))


def _test_value(request: TrialRequest, curve: Curve, n_epochs: int) -> dict[str, str]:
    """Returns the test metric that belongs to what the study optimises, after `n_epochs`, if it was recorded."""
    value = curve.test_after(n_epochs).get(test_name(settings_of(request.trainer).metric))
    return {} if value is None else {TEST_VALUE: repr(value)}
