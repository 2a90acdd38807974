"""The body is fastai's: the same outputs and gradients of the same masks, chunk after chunk, as more texts begin."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hpo.config.training import Sizes
from hpo.trainers.awd_lstm.network.body import build_body
from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM

DROPOUTS = {"hidden_p": 0.3, "input_p": 0.4, "embed_p": 0.0, "weight_p": 0.5}


def bodies(dropouts: dict[str, float], n_layers: int) -> tuple[Any, Any]:
    built = []
    for build in (
        lambda: build_body(30, Sizes(6, 10, n_layers), dropouts),
        lambda: AWD_LSTM(30, 6, 10, n_layers, pad_token=1, **dropouts),
    ):
        torch.manual_seed(3)
        built.append(build().train())
    return built[0], built[1]


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_the_same_masks_give_the_same_outputs_and_gradients(n_layers: int) -> None:
    ours, fastais = bodies(DROPOUTS, n_layers)
    vectors = torch.randn(7, 12, 6)
    found = []
    for body in (ours, fastais):
        torch.manual_seed(5)
        body.reset()
        outputs = [
            body(vectors[:rows, start : start + 4], from_embeds=True) for rows, start in ((3, 0), (5, 4), (7, 8))
        ]
        sum((output**2).mean() for output in outputs).backward()
        found.append((outputs, [(name, p.grad) for name, p in body.named_parameters()]))
    (outputs, gradients), (expected, theirs) = found
    for output, other in zip(outputs, expected, strict=True):
        assert torch.equal(output, other)
    for (name, gradient), (other_name, other) in zip(gradients, theirs, strict=True):
        assert name == other_name
        assert (gradient is None) == (other is None), name
        if gradient is not None:
            assert torch.allclose(gradient, other, atol=1e-7), name


def test_ids_are_read_as_their_vectors() -> None:
    ours, fastais = bodies(DROPOUTS, 2)
    ids = torch.randint(2, 30, (4, 9))
    for body in (ours, fastais):
        body.eval()
        body.reset()
    with torch.no_grad():
        assert torch.equal(ours(ids), fastais(ids))


def test_the_hidden_state_goes_on_and_is_forgotten() -> None:
    ours, _ = bodies(dict.fromkeys(DROPOUTS, 0.0), 2)
    vectors = torch.randn(3, 8, 6)
    ours.reset()
    whole = ours(vectors, from_embeds=True)
    ours.reset()
    halves = torch.cat([ours(vectors[:, :4], from_embeds=True), ours(vectors[:, 4:], from_embeds=True)], dim=1)
    assert torch.allclose(whole, halves, atol=1e-6)
    assert not torch.allclose(ours(vectors, from_embeds=True), whole, atol=1e-4)
