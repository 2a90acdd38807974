"""fastai's own text tutorial, its learning rate and dropout searched: five lines more than without hpo.

    python examples/fastai_tutorial.py [study.n_trials=8] [any other override]

The texts are the docstrings of numpy and of torch.nn, in folders as fastai wants them.
"""

import sys
from pathlib import Path

import numpy
import torch
from fastai.text.all import AWD_LSTM, TextDataLoaders, accuracy, text_classifier_learner

import hpo


def train(lr, drop_mult, seed, epochs, on_epoch, path="texts"):
    dls = TextDataLoaders.from_folder(path, valid="valid", bs=32, seed=seed, n_workers=0)
    # pretrained=True begins with what fastai learnt from Wikipedia, which it downloads
    learn = text_classifier_learner(dls, AWD_LSTM, drop_mult=drop_mult, metrics=accuracy, pretrained=False)
    with learn.no_bar(), learn.no_logging():
        learn.fine_tune(epochs, lr, cbs=hpo.fastai_callback(on_epoch))


def write_texts(folder: Path) -> None:
    for label, module in (("numpy", numpy), ("torch", torch.nn)):
        docs = [str(getattr(module, name).__doc__)[:400] for name in sorted(dir(module)) if name[0].isalpha()]
        for number, text in enumerate(docs[:150]):
            place = folder / ("valid" if number % 4 == 0 else "train") / label
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.txt").write_text(text.replace("numpy", "").replace("torch", ""))


if __name__ == "__main__":
    write_texts(Path("texts"))
    study = hpo.search(
        train,
        {"lr": hpo.Float(1e-3, 1e-1, log=True), "drop_mult": hpo.Float(0.1, 1.0)},
        metric="accuracy",
        n_trials=4,
        epochs=2,
        pruner="median",
        overrides=sys.argv[1:],
    )
    print(study, study.best_params)
