from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch

from hpo.contracts.trainer import Decision, EpochReport
from hpo.trainers.awd_lstm.monitor import Diverged, Monitor, Stopped

MEASURED = {"valid_loss": 0.5, "accuracy": 0.75, "macro_f1": 0.7}


class Heard:
    """Notes what a monitor saves and reports, in order."""

    def __init__(self, answer: Decision = Decision.CONTINUE) -> None:
        self.events: list[tuple[str, int]] = []
        self.reports: list[EpochReport] = []
        self.answer = answer

    def save(self, history: list[dict[str, float]], done: Mapping[str, float]) -> None:
        self.events.append(("saved", len(history)))

    def report(self, report: EpochReport) -> Decision:
        self.events.append(("reported", report.epoch))
        self.reports.append(report)
        return self.answer


def make_monitor(heard: Heard) -> Monitor:
    return Monitor(
        n_tokens=1000, divergence_loss=20.0, device=torch.device("cpu"), save=heard.save, on_epoch=heard.report
    )


def run_epoch(monitor: Monitor, *batches: tuple[float, int], measured: Mapping[str, float] = MEASURED) -> None:
    monitor.start_epoch({})
    for loss, n_rows in batches:
        monitor.add_batch(loss, n_rows)
    monitor.end_training()
    monitor.end_epoch(measured)


def test_measures_means_over_the_part() -> None:
    heard = Heard()
    run_epoch(make_monitor(heard), (1.0, 8), (2.0, 8), (4.0, 4))
    (report,) = heard.reports
    assert report.metrics["train_loss"] == pytest.approx((8 + 16 + 16) / 20)
    assert (report.metrics["valid_loss"], report.metrics["accuracy"], report.metrics["macro_f1"]) == (0.5, 0.75, 0.7)
    assert report.metrics["tokens_per_s"] >= 1000 / report.metrics["seconds"]  # validation is not counted
    assert report.metrics["peak_mb"] > 1


def test_saves_before_it_reports() -> None:
    heard = Heard()
    monitor = make_monitor(heard)
    for _ in range(2):
        run_epoch(monitor, (1.0, 8))
    assert heard.events == [("saved", 1), ("reported", 1), ("saved", 2), ("reported", 2)]


def test_each_epoch_is_measured_afresh() -> None:
    heard = Heard()
    monitor = make_monitor(heard)
    run_epoch(monitor, (3.0, 8))
    run_epoch(monitor, (1.0, 8))
    assert [report.metrics["train_loss"] for report in heard.reports] == [3.0, 1.0]


def test_raises_when_told_to_stop() -> None:
    heard = Heard(Decision.STOP)
    with pytest.raises(Stopped):
        run_epoch(make_monitor(heard), (1.0, 8))
    assert heard.events == [("saved", 1), ("reported", 1)]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 20.001])
def test_raises_when_a_loss_diverges(loss: float) -> None:
    heard = Heard()
    monitor = make_monitor(heard)
    run_epoch(monitor, (20.0, 8))
    with pytest.raises(Diverged, match="Epoch 2: the training loss"):
        run_epoch(monitor, (1.0, 8), (loss, 8))
    with pytest.raises(Diverged, match="Epoch 2: the validation loss"):
        run_epoch(monitor, (1.0, 8), measured={**MEASURED, "valid_loss": loss})
    assert heard.events == [("saved", 1), ("reported", 1)]
