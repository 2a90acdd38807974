"""hpo's trainer alone, no driver, record or MLflow. Called as: trainer N_TRIALS [emb hidden layers batch epochs]."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from hpo.api.composing import composed
from hpo.contracts.trainer import Decision, TrialRequest


def main(n_trials: int, emb: int = 64, hidden: int = 64, layers: int = 2, batch: int = 32, epochs: int = 1) -> None:
    corpus = Path("corpus.txt").read_text()
    with composed([f"train.batch_size={batch}", f"train.epochs={epochs}"]) as composition:
        config = composition.config
    trainer = config.trainer.build()
    model = replace(config.model, emb_sz=emb, n_hid=hidden, n_layers=layers)
    for number in range(n_trials):
        folder = Path("trainer", str(number))
        folder.mkdir(parents=True)
        request = TrialRequest(
            number=number,
            attempt=1,
            seed=number,
            device="cpu",
            threads=1,
            folder=str(folder),
            corpus=corpus,
            params={},
            model=model,
            train=config.train,
            trainer=config.trainer,
            metric="accuracy",
        )
        result = trainer.train(request, lambda _: Decision.CONTINUE)
        print(f"trial {number}: {result.n_epochs} epochs", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
