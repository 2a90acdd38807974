"""The least that trains such a classifier: nn.LSTM in fp32, on ids that are ready, and nothing beside it.

Two nn.LSTM layers between an embedding and a linear head on the mean of the outputs; no dropout, no regularisation, no
schedule, no seed, no record, no checkpoint; AdamW; batches of texts of similar length, padded; one pass over the train
part, then the accuracy on the valid part. Called as: bare N_TRIALS [emb hidden layers batch epochs].
"""

import sys

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

PAD = 1


class Network(nn.Module):
    def __init__(self, n_vocab, n_classes, emb, hidden, layers):
        super().__init__()
        self.embedding = nn.Embedding(n_vocab, emb, padding_idx=PAD)
        self.lstm = nn.LSTM(emb, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, n_classes)

    def forward(self, ids):
        outputs, _ = self.lstm(self.embedding(ids))
        mask = (ids != PAD).unsqueeze(-1)
        return self.head((outputs * mask).sum(1) / mask.sum(1))


def batches(ids, offsets, labels, batch, rng=None):
    """Yields (ids, labels), texts of similar length together; in another order every time if there is an `rng`."""
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    groups = [order[start : start + batch] for start in range(0, len(order), batch)]
    for index in rng.permutation(len(groups)) if rng else range(len(groups)):
        rows = groups[index]
        padded = np.full((len(rows), lengths[rows].max()), PAD, dtype=np.int64)
        for line, row in enumerate(rows):
            padded[line, : lengths[row]] = ids[offsets[row] : offsets[row + 1]]
        yield torch.from_numpy(padded), torch.from_numpy(labels[rows])


def train(data, *, emb, hidden, layers, batch, epochs, lr=0.01):
    labels = {part: data[f"{part}_labels"].astype(np.int64) for part in ("train", "valid")}
    parts = {part: (data[f"{part}_ids"].astype(np.int64), data[f"{part}_offsets"], labels[part]) for part in labels}
    network = Network(int(data["train_ids"].max()) + 1, int(labels["train"].max()) + 1, emb, hidden, layers)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, fused=True)
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        network.train()
        for ids, targets in batches(*parts["train"], batch, rng):
            optimizer.zero_grad()
            cross_entropy(network(ids), targets).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            hits = [
                (network(ids).argmax(1) == targets).float().sum().item()
                for ids, targets in batches(*parts["valid"], batch)
            ]
    return sum(hits) / len(labels["valid"])


def main(n_trials, emb=64, hidden=64, layers=2, batch=32, epochs=1):
    torch.set_num_threads(1)
    with np.load("ids.npz") as loaded:
        data = dict(loaded)
    for number in range(n_trials):
        accuracy = train(data, emb=emb, hidden=hidden, layers=layers, batch=batch, epochs=epochs)
        print(f"trial {number}: {accuracy:.3f}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
