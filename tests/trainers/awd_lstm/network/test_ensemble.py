"""The ensemble of a forward and a backward classifier: what it computes, and that it trains as any network does."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import hpo.trainers.awd_lstm.network.classifier as classifier
import hpo.trainers.awd_lstm.trainer as module
from hpo.artifacts.checkpoint import hash_request
from hpo.config.training import Precision, Unfreeze
from hpo.contracts.trainer import EpochReport, TrialRequest
from hpo.data.corpus import open_corpus
from hpo.data.vocabulary import Part
from hpo.machine.fastai_import import fastai_import
from hpo.machine.signals import never
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.ensemble import EachAlone, Ensemble, ensemble_loss, log_mean, reverse_texts
from hpo.trainers.awd_lstm.network.outputs import class_probabilities
from hpo.trainers.awd_lstm.network.weights import load_weights, named_tensors
from hpo.trainers.awd_lstm.trainer import AwdLstm, ClassifierTraining
from tests.support.trial_requests import (
    Listener,
    PauseAfter,
    make_request,
    repeatable,
    with_valid_as_test,
    write_corpus,
)

BIDIR = {"bidir": True}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


def train(request: TrialRequest, **listener: object) -> list[EpochReport]:
    heard = Listener(**listener)
    assert AwdLstm().train(request, heard).reason is None
    return heard.reports


def forget_seeds() -> None:
    random.seed(9), np.random.seed(9), torch.manual_seed(9)  # as another process would have it


def reversed_part(part: Part) -> Part:
    """Returns the part with each text reversed by fastai's own function."""
    with fastai_import():
        from fastai.text.data import reverse_text
    ends = zip(part.offsets[:-1], part.offsets[1:], strict=True)
    texts = [reverse_text(torch.from_numpy(part.ids[a:b].astype(np.int64))).numpy() for a, b in ends]
    return replace(part, ids=np.concatenate(texts).astype(np.uint16))


def reversed_corpus(corpus: Path, folder: Path) -> Path:
    shutil.copytree(corpus, folder)
    opened = open_corpus(corpus)
    for name in ("train", "valid", "test"):
        np.save(folder / f"{name}.ids.npy", reversed_part(opened.part(name)).ids)
    return folder


def test_texts_are_reversed_each_by_itself_and_padding_stays(corpus: Path) -> None:
    part = open_corpus(corpus).train
    pairs = (Batches(some, batch_size=8, bptt=12) for some in (part, reversed_part(part)))
    for (ids, _), (backwards, _) in zip(*pairs, strict=True):
        assert not torch.equal(ids, backwards)
        assert torch.equal(reverse_texts(ids), backwards)
        assert torch.equal(reverse_texts(backwards), ids)


def test_a_token_that_is_padding_stays_in_its_text() -> None:
    ids = torch.tensor([[1, 1, 5, 1, 7, 8, 1], [1, 1, 1, 1, 1, 1, 1]])
    assert reverse_texts(ids).tolist() == [[1, 1, 8, 7, 1, 5, 1], [1] * 7]


def test_its_probabilities_are_the_mean_of_both(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path, corpus=corpus, model=BIDIR, epochs=1)
    train(request)
    network, architecture = load_weights(request.folder)
    assert isinstance(network, Ensemble)
    part = open_corpus(corpus).valid
    forwards = class_probabilities(network.forwards, architecture, part, batch_size=8)
    backwards = class_probabilities(network.backwards, architecture, reversed_part(part), batch_size=8)
    found = class_probabilities(network, architecture, part, batch_size=8)
    assert np.abs(forwards - backwards).max() > 1e-3
    np.testing.assert_allclose(found, (forwards + backwards) / 2, rtol=0, atol=1e-6)


def test_its_shown_loss_is_that_of_the_mean_and_its_gradient_that_of_the_sum() -> None:
    logits, targets = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 1])
    mean = logits.softmax(1).unflatten(0, (2, 3)).mean(0)
    torch.testing.assert_close(log_mean(logits).exp(), mean)
    both = EachAlone()
    losses = [torch.nn.functional.cross_entropy(part, targets) for part in logits.chunk(2)]
    both.learn = SimpleNamespace(pred=logits, yb=(targets,), loss_grad=ensemble_loss(logits, targets))
    both.after_loss()
    torch.testing.assert_close(both.learn.loss_grad, losses[0] + losses[1])
    torch.testing.assert_close(both.learn.loss, -mean[range(3), targets].log().mean())


def test_metrics_are_those_of_the_ensemble(tmp_path: Path, corpus: Path) -> None:
    request = make_request(tmp_path / "trial", corpus=corpus, model=BIDIR)
    reports = train(request)
    swapped = with_valid_as_test(corpus, tmp_path / "swapped")
    tested = AwdLstm().test(replace(request, corpus=str(swapped)))
    assert tested["test_loss"] == pytest.approx(reports[-1].metrics["valid_loss"])
    assert tested["test_accuracy"] == reports[-1].metrics["accuracy"]
    assert json.loads((tmp_path / "trial" / "evaluation.json").read_text())["is_ensemble"] is True


@pytest.mark.parametrize("changes", [{}, {"unfreeze": Unfreeze.gradual, "lr_decay": 2.6, "epochs": 4}])
def test_each_learns_as_it_would_alone(
    tmp_path: Path, corpus: Path, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without dropout: the forward one as the only classifier of a trial, the backward one on reversed texts."""
    monkeypatch.setattr(classifier, "_HEAD_DROPOUT", 0.0)
    request = make_request(tmp_path, corpus=corpus, model={"drop_mult": 0.0}, **changes)
    other = replace(request, corpus=str(reversed_corpus(corpus, tmp_path / "reversed")))
    both = ClassifierTraining(replace(request, model=replace(request.model, bidir=True)))
    parts = both.model.forwards, both.model.backwards
    alone = ClassifierTraining(request), ClassifierTraining(other)
    for single, part in zip(alone, parts, strict=True):
        single.model.load_state_dict(part.state_dict())
    for training in (both, *alone):
        training.fit(training.monitor(Listener(), never, []), None)
    for single, part in zip(alone, parts, strict=True):
        torch.testing.assert_close(named_tensors(part), named_tensors(single.model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("killed_at", [1, 3])
def test_killed_and_continued_it_is_the_same(tmp_path: Path, corpus: Path, killed_at: int) -> None:
    changes = {"model": BIDIR, "epochs": 4, "unfreeze": Unfreeze.gradual}
    undisturbed = train(make_request(tmp_path / "undisturbed", corpus=corpus, **changes))
    request = make_request(tmp_path / "killed", corpus=corpus, **changes)
    with pytest.raises(RuntimeError, match="killed"):
        train(request, fail_at=killed_at)
    forget_seeds()
    assert repeatable(train(request)) == repeatable(undisturbed)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("undisturbed", "killed")]
    assert weights[0] == weights[1]


def test_pausing_at_any_batch_changes_no_bit(tmp_path: Path, corpus: Path) -> None:
    undisturbed = train(make_request(tmp_path / "undisturbed", corpus=corpus, model=BIDIR, epochs=2))
    for after in (1, 9, 14, 22):
        request = make_request(tmp_path / f"{after}", corpus=corpus, model=BIDIR, epochs=2)
        assert AwdLstm().train(request, Listener(), PauseAfter(after)).paused
        forget_seeds()
        assert repeatable(train(request)) == repeatable(undisturbed)


@pytest.mark.filterwarnings("ignore:.*CUDA is not available", "ignore:torch.cuda.amp.GradScaler", "ignore:.*autocast")
def test_mixed_precision_fits_in(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU fastai's mixed precision computes in fp32: its events run, the numbers stay."""
    expected = train(make_request(tmp_path / "fp32", corpus=corpus, model=BIDIR, epochs=1))
    monkeypatch.setattr("hpo.trainers.awd_lstm.learner.effective_precision", lambda _request: Precision.fp16)
    found = train(make_request(tmp_path / "mixed", corpus=corpus, model=BIDIR, epochs=1))
    assert repeatable(found) == repeatable(expected)


def test_what_is_written_says_how_many_classifiers_there_are(tmp_path: Path, corpus: Path) -> None:
    one, two = (make_request(tmp_path / name, corpus=corpus, epochs=1) for name in ("one", "two"))
    two = replace(two, model=replace(two.model, **BIDIR))
    train(one), train(two)
    found = [json.loads((tmp_path / name / "model.json").read_text()) for name in ("one", "two")]
    assert [written["architecture"]["bidir"] for written in found] == [False, True]
    assert found[1]["n_params"] == 2 * found[0]["n_params"]
    assert hash_request(one) != hash_request(two)


def test_a_forward_classifier_begins_as_one_alone_does(tmp_path: Path, corpus: Path) -> None:
    alone = module.ClassifierTraining(make_request(tmp_path, corpus=corpus)).model
    both = module.ClassifierTraining(make_request(tmp_path, corpus=corpus, model=BIDIR)).model
    for name, tensor in named_tensors(alone).items():
        assert torch.equal(tensor, named_tensors(both.forwards)[name])
    assert not torch.equal(both.forwards[0].module.encoder.weight, both.backwards[0].module.encoder.weight)
