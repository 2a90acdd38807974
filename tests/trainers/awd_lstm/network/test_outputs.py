from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import Tensor, nn

from hpo.data.corpus import Part
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.classifier import Architecture, build_classifier
from hpo.trainers.awd_lstm.network.outputs import class_probabilities, score


class Oracle(nn.Module):
    """Answers with the logits it was given for the text whose first id is the row's number + 2."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, ids: Tensor) -> tuple[Tensor]:
        return (self.logits[ids[:, 0] - 2],)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n_seen", [5, 3])
def test_equals_scikit_learn(seed: int, n_seen: int) -> None:
    rng = np.random.default_rng(seed)
    n_rows, n_classes = 41, 5
    labels = rng.integers(0, n_seen, n_rows)  # some classes are never met
    logits = rng.normal(size=(n_rows, n_classes))
    logits[:, 4] -= 10 * (seed % 2)  # nor ever predicted
    part = Part(np.arange(2, 2 + n_rows).astype(np.uint16), np.arange(n_rows + 1), labels)
    scores = score(Oracle(torch.tensor(logits, dtype=torch.float32)), Batches(part, batch_size=8, bptt=4))
    predicted = logits.argmax(1)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert scores.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert scores.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    assert scores.loss == pytest.approx(log_loss(labels, probabilities, labels=range(n_classes)), rel=1e-5)


def test_leaves_the_network_evaluating_and_without_gradients() -> None:
    part = Part(np.arange(2, 12).astype(np.uint16), np.arange(11), np.arange(10) % 2)
    model = Oracle(torch.randn(10, 2, requires_grad=True)).train()
    score(model, Batches(part, batch_size=4, bptt=4))
    assert not model.training
    assert model.logits.grad is None


@pytest.mark.parametrize("bidir", [False, True])
def test_no_digit_of_an_answer_depends_on_what_is_asked_beside_it(bidir: bool) -> None:
    torch.manual_seed(0)
    architecture = Architecture(50, 3, 24, 32, 2, 0.5, 12, 100, bidir)
    network, rng = build_classifier(architecture), np.random.default_rng(0)
    texts = [rng.integers(9, 50, n) for n in [*range(1, 40, 3), 50, 60, 61, 95, 130, 130]]

    def answers(rows: list[int]) -> np.ndarray:
        some = [texts[row] for row in rows]
        ends = np.cumsum([0, *map(len, some)])
        part = Part(np.concatenate(some).astype(np.uint32), ends, np.zeros(len(some), dtype=np.int64))
        return class_probabilities(network, architecture, part, batch_size=4, alone=True)

    every = answers([*range(len(texts))])
    for _ in range(8):
        rows = rng.permutation(len(texts))[: rng.integers(1, 12)].tolist()
        assert np.array_equal(answers(rows), every[rows])
    for row in range(len(texts)):
        assert np.array_equal(answers([row])[0], every[row])
    part = Part(np.concatenate(texts).astype(np.uint32), np.cumsum([0, *map(len, texts)]), np.zeros(len(texts)))
    usual = class_probabilities(network, architecture, part, batch_size=4)
    np.testing.assert_allclose(every, usual, rtol=0, atol=1e-6)
