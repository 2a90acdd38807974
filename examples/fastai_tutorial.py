"""fastai's own text tutorial, its learning rate and dropout searched: five lines more than without hpo.

    python examples/fastai_tutorial.py [study.n_trials=8] [any other override]

The texts are made with a seed, reviews of a few phrases, in folders as fastai wants them.
"""

import itertools
import random
import sys
from pathlib import Path

from fastai.text.all import AWD_LSTM, TextDataLoaders, accuracy, text_classifier_learner

import hpo


def train(lr, drop_mult, seed, epochs, on_epoch, path="texts"):
    dls = TextDataLoaders.from_folder(path, valid="valid", bs=16, seed=seed, num_workers=0)
    # without pretrained=False it begins with what fastai learnt from Wikipedia, which it downloads
    learn = text_classifier_learner(dls, AWD_LSTM, drop_mult=drop_mult, metrics=accuracy, pretrained=False)
    with learn.no_bar(), learn.no_logging():
        learn.fine_tune(epochs, lr, cbs=hpo.fastai_callback(on_epoch))


def write_texts(folder: Path, n: int = 40) -> None:
    rng = random.Random(0)
    said = {"good": ["a delight", "moved me", "well played"], "bad": ["a bore", "made no sense", "badly cut"]}
    for label, number in itertools.product(said, range(n)):
        things = rng.sample(["the plot", "the music", "this film", "the cast", "every scene", "the end"], 4)
        text = ", ".join(f"{thing} was {rng.choice(said[label])}" for thing in things)
        place = folder / ("valid" if number % 4 == 0 else "train") / label
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(text)


if __name__ == "__main__":
    write_texts(Path("texts"))
    study = hpo.search(
        train,
        {"lr": hpo.Float(1e-2, 2e-1, log=True), "drop_mult": hpo.Float(0.1, 1.0)},
        metric="accuracy",
        n_trials=3,
        epochs=2,
        pruner="median",
        overrides=sys.argv[1:],
    )
    print(study, study.best_params)
