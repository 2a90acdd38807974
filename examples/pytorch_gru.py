"""A plain PyTorch loop that survives kills: its state goes into `folder` before each yield, and comes back on `resume`.

    python examples/pytorch_gru.py [study.n_trials=8] [executor=processes] [any other override]

The sequences are made with a seed: which of two letters comes last among others decides the class.
"""

import sys

import torch
from torch import nn

import hpo

N_LETTERS, LENGTH = 8, 20


def train(lr, hidden, *, seed, epochs, folder, resume):
    (x, y), (valid_x, valid_y) = make_sequences(600, 1), make_sequences(300, 2)
    torch.manual_seed(seed)
    network = nn.ModuleDict({"letters": nn.Embedding(N_LETTERS, 16), "gru": nn.GRU(16, hidden, batch_first=True)})
    network["head"] = nn.Linear(hidden, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    began = 0
    if resume:
        state = torch.load(folder / "state.pt", weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        began = state["epoch"]
    for epoch in range(began, epochs):
        torch.manual_seed(seed + epoch)  # of this epoch alone, so that it is the same after a kill
        for batch in torch.randperm(len(x)).split(50):
            loss = nn.functional.cross_entropy(logits(network, x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}
        torch.save(state, folder / "state.pt")
        with torch.no_grad():
            accuracy = (logits(network, valid_x).argmax(1) == valid_y).float().mean()
        yield {"accuracy": accuracy, "train_loss": loss.detach()}


def logits(network, x):
    return network["head"](network["gru"](network["letters"](x))[1][0])


def make_sequences(n, seed):
    x = torch.randint(0, N_LETTERS, (n, LENGTH), generator=torch.Generator().manual_seed(seed))
    places = torch.arange(1, LENGTH + 1)
    return x, (((x == 1) * places).amax(1) > ((x == 0) * places).amax(1)).long()


if __name__ == "__main__":
    space = {"lr": hpo.Float(1e-3, 1e-1, log=True), "hidden": hpo.Categorical([8, 16, 32])}
    study = hpo.search(train, space, metric="accuracy", n_trials=6, epochs=5, pruner="median", overrides=sys.argv[1:])
    print(study, study.best_params, "its weights:", study.folder / "best" / "state.pt", sep="\n")
