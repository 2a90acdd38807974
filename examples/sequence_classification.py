"""Classification of numeric sequences, whose length in epochs is searched, too, and a library that calls back.

    python examples/sequence_classification.py [study.n_trials=10] [sampler=random] [any other override]

The sequences are scikit-learn's digits read row by row: eight steps of eight numbers each.
"""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn

import hpo


class Classifier(nn.Module):
    def __init__(self, hidden, dropout):
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * hidden, 10))

    def forward(self, x):
        return self.head(self.lstm(x)[0].mean(1))


def fit(model, data, *, epochs, lr, when_done):
    """Stands for a library with a loop of its own: it calls `when_done` after every epoch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(1200).split(64):
            loss = nn.functional.cross_entropy(model(data["x"][batch]), data["y"][batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        when_done(model.eval())


def train(lr, hidden, dropout, *, seed, epochs, threads, on_epoch):
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    x, y = (torch.tensor(part) for part in load_digits(return_X_y=True))
    data = {"x": x.float().view(-1, 8, 8) / 16, "y": y}

    def report(model):
        with torch.no_grad():
            logits = model(data["x"][1200:1500])
        on_epoch({"valid_loss": nn.functional.cross_entropy(logits, y[1200:1500])})  # raises hpo.Stop when pruned

    fit(Classifier(hidden, dropout), data, epochs=epochs, lr=lr, when_done=report)


if __name__ == "__main__":
    space = {"lr": hpo.Float(1e-3, 1e-1, log=True), "hidden": hpo.Int(8, 32), "dropout": hpo.Float(0.0, 0.6)}
    space["train.epochs"] = hpo.Int(3, 9, step=3)
    study = hpo.search(train, space, metric="valid_loss", n_trials=8, pruner="median", overrides=sys.argv[1:])
    print(study, study.best_params, sep="\n")
