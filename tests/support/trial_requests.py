"""Requests for small trials on a small corpus with something to learn; used by the trainers' tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpo.config.schema import ModelConfig, TrainConfig, TrainerConfig
from hpo.config.training import Precision, Schedule
from hpo.contracts.trainer import Decision, EpochReport, TrialRequest
from hpo.trainers.awd_lstm.options import AwdLstmConfig

CLOCKED = ("seconds", "tokens_per_s", "peak_mb")  # the metrics that may differ between equal trials


def write_corpus(folder: Path, *, n_train: int = 90, n_classes: int = 3, n_vocab: int = 60) -> Path:
    """Writes a corpus in the format of `hpo.data.corpus`: each class prefers its own words."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n_texts in (("train", n_train), ("valid", 33), ("test", 21)):
        labels = rng.integers(0, n_classes, n_texts)
        lengths = rng.integers(4, 40, n_texts)
        own = rng.random(lengths.sum()) < 0.4
        ids = np.where(own, 3 + np.repeat(labels, lengths), rng.integers(3, n_vocab, lengths.sum()))
        np.save(folder / f"{part}.ids.npy", ids.astype(np.uint16))
        np.save(folder / f"{part}.offsets.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        np.save(folder / f"{part}.labels.npy", labels.astype(np.int64))
        for kind in ("ids", "offsets", "labels"):
            shutil.copy(folder / f"{part}.{kind}.npy", folder / f"whole.{part}.{kind}.npy")
    (folder / "words.json").write_text(json.dumps([f"word{i}" for i in range(n_vocab)]))
    described = {
        "vocab": [f"word{i}" for i in range(n_vocab)],
        "classes": [f"class{i}" for i in range(n_classes)],
        "facts": {"fingerprint": "small", "name": "small"},
        "baseline": {"valid": {}, "test": {}, "settings": "none"},
        "notes": [],
    }
    (folder / "corpus.json").write_text(json.dumps(described))
    return folder


def with_valid_as_test(corpus: Path, folder: Path) -> Path:
    """Copies a corpus to `folder`, its test part replaced by its valid part."""
    swapped = shutil.copytree(corpus, folder)
    for path in corpus.glob("*valid.*"):
        shutil.copy(path, swapped / path.name.replace("valid", "test"))
    return Path(swapped)


def make_request(
    folder: Path,
    *,
    corpus: Path | str = "",
    trainer: TrainerConfig | None = None,
    seed: int = 1,
    device: str = "cpu",
    model: dict[str, object] | None = None,
    arguments: dict[str, object] | None = None,
    **train: object,
) -> TrialRequest:
    """Returns a request that trains in about a second; keywords change fields of `train`."""
    folder.mkdir(parents=True, exist_ok=True)
    train_config = TrainConfig(
        lr=1e-2,
        epochs=3,
        batch_size=8,
        weight_decay=0.01,
        schedule=Schedule.one_cycle,
        freeze_epochs=1,
        bptt=12,
        max_len=1440,
        precision=Precision.fp32,
    )
    model_config = ModelConfig(drop_mult=0.3, n_hid=12, emb_sz=8, n_layers=2)
    return TrialRequest(
        number=0,
        attempt=1,
        params={"train.lr": 1e-2},
        model=replace(model_config, **(model or {})),
        train=replace(train_config, **train),
        trainer=trainer or AwdLstmConfig(divergence_loss=20.0),
        corpus=str(corpus),
        seed=seed,
        device=device,
        threads=1,
        folder=str(folder),
        arguments=arguments or {},
    )


class PauseAfter:
    """Asks a trial to pause from the n-th question on; counts the questions, of which there is one a batch."""

    def __init__(self, n_batches: int) -> None:
        self.n_left = n_batches
        self.n_asked = 0

    def __call__(self) -> bool:
        self.n_asked += 1
        self.n_left -= 1
        return self.n_left <= 0


class Listener:
    """Keeps the reports it is sent; asks to stop at `stop_at`, raises `error` at `fail_at`."""

    def __init__(
        self, *, stop_at: int | None = None, fail_at: int | None = None, error: Exception | None = None
    ) -> None:
        self.reports: list[EpochReport] = []
        self.stop_at, self.fail_at, self.error = stop_at, fail_at, error or RuntimeError("killed")

    def __call__(self, report: EpochReport) -> Decision:
        if report.epoch == self.fail_at:
            raise self.error
        self.reports.append(report)
        return Decision.STOP if report.epoch == self.stop_at else Decision.CONTINUE

    @property
    def epochs(self) -> list[int]:
        return [report.epoch for report in self.reports]


def repeatable(reports: Sequence[EpochReport]) -> list[dict[str, float]]:
    """Returns the metrics that equal trials share."""
    return [{name: value for name, value in r.metrics.items() if name not in CLOCKED} for r in reports]
