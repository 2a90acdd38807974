from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hpo.config.training import LrAdapt, Schedule
from hpo.contracts.records import COST
from hpo.contracts.trainer import TrialRequest
from hpo.data.corpus import open_corpus
from hpo.data.vocabulary import Part
from hpo.trainers.awd_lstm.hypergradient import MAX_STEP, N_WARMUP, Hypergradient, Knob, halve
from hpo.trainers.awd_lstm.network.optimizer import FusedAdamW
from hpo.trainers.awd_lstm.trainer import AwdLstm, ClassifierTraining
from tests.support.trial_requests import Listener, PauseAfter, make_request, repeatable, write_corpus

BOUNDS = [0.05, 1.5]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other would be most of what these small sums take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


def adapting(folder: Path, corpus: Path, *, both: bool = True, **train: Any) -> TrialRequest:
    given = {"lr_adapt": LrAdapt.hypergradient, "hyper_every": 3, "drop_bounds": BOUNDS if both else None, **train}
    return make_request(folder, corpus=corpus, schedule=Schedule.flat, **given)


def run(request: TrialRequest, **listener: Any) -> list[dict[str, float]]:
    heard = Listener(**listener)
    AwdLstm().train(request, heard)
    return repeatable(heard.reports)


class Toy:
    """A loss of plain numbers trained by the very optimizer and callback of a network, batch by batch."""

    def __init__(
        self, weights: Tensor, loss: Any, held_loss: Any, *, lr: float, knob: Any = None, rate: float = 0.1
    ) -> None:
        self.model = nn.Module()
        self.model.weights = nn.Parameter(weights.clone())
        self.loss = loss
        texts = Part(np.arange(8, dtype=np.uint16), np.arange(9, dtype=np.int64), np.zeros(8, dtype=np.int64))
        self.hyper = Hypergradient(
            texts,
            seed=1,
            batch_size=2,
            bptt=4,
            device=torch.device("cpu"),
            lr=(lr, (1e-9, 10.0)),
            dropout=knob,
            loss=lambda model, *_: loss(model.weights),
            held_loss=lambda model, *_: held_loss(model.weights),
            every=1,
            rate=rate,
        )
        optimizer = FusedAdamW([[self.model.weights]], lr=lr, wd=0.0)
        batch: Any = [torch.zeros(1)]
        self.learn = SimpleNamespace(model=self.model, opt=optimizer, training=True, xb=batch, yb=batch)
        self.hyper.learn = self.learn
        self.hyper.before_fit()

    def step(self) -> None:
        self.hyper.before_batch()
        self.learn.opt.zero_grad()
        self.loss(self.model.weights).backward()
        self.hyper.before_step()
        self.learn.opt.step()
        self.hyper.after_step()


class Decay:
    """Weighs a penalty as dropout's multiplier weighs dropout."""

    def __init__(self, start: float) -> None:
        self.start = self.value = start

    def set(self, value: float) -> None:
        self.value = value


def test_the_gradient_by_the_rate_is_that_of_the_loss_after_the_step() -> None:
    """Against the central difference of the loss by the logarithm of the rate, through a real step of Adam."""
    target = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float32)

    def loss(weights: Tensor) -> Tensor:
        return (torch.tensor([1.0, 3.0, 0.2]) * (weights - target) ** 2).sum()

    def held(weights: Tensor) -> Tensor:
        return ((weights - 0.9 * target) ** 2).sum()

    def loss_after(factor: float) -> float:
        toy = Toy(torch.zeros(3), loss, held, lr=0.05, rate=0.0)
        for _ in range(9):
            toy.step()
        toy.hyper.log_lr.place = math.log(factor)
        toy.step()
        return float(held(toy.model.weights.detach().double()))

    toy = Toy(torch.zeros(3), loss, held, lr=0.05, rate=0.0)
    for _ in range(10):
        toy.step()
    brute = (loss_after(math.exp(0.01)) - loss_after(math.exp(-0.01))) / 0.02
    assert brute < 0  # a larger step would have been better
    assert toy.hyper.log_lr.seen[-1] == pytest.approx(brute, rel=2e-3)


def test_the_gradient_by_dropout_is_that_of_the_loss_after_the_step(tmp_path: Path, corpus: Path) -> None:
    """Against the central difference of the one-step loss, over 200 draws of masks, within three standard errors."""
    trial = ClassifierTraining(adapting(tmp_path / "t", corpus, epochs=1, hyper_every=1, hyper_rate=0.0))
    trial.learner.create_opt()
    hyper, model, optimizer = trial.hyper, trial.model, trial.learner.opt
    assert hyper is not None
    assert hyper.dropout is not None
    optimizer.set_hyper("lr", 0.01)
    optimizer.set_hyper("mom", 0.7)
    batches = list(trial.train)
    learn = SimpleNamespace(model=model, opt=optimizer, training=True)
    hyper.learn = learn
    hyper.before_fit()

    def step(number: int) -> None:
        ids, labels = batches[number % len(batches)]
        learn.xb, learn.yb = [ids], [labels]
        hyper.before_batch()
        optimizer.zero_grad()
        hyper.loss(model, ids, labels).backward()
        hyper.before_step()
        optimizer.step()

    model.train()
    for number in range(30):
        step(number)
    params = [param for group in optimizer.param_lists for param in group]
    kept = [param.detach().clone() for param in params]
    state = [
        {name: value.clone() for name, value in optimizer.state[p].items() if isinstance(value, Tensor)} for p in params
    ]
    buffers = [buffer.clone() for buffer in model.buffers()]

    def rewind() -> None:
        with torch.no_grad():
            for param, value, moments in zip(params, kept, state, strict=True):
                param.copy_(value)
                for name, moment in moments.items():
                    optimizer.state[param][name].copy_(moment)
            for buffer, value in zip(model.buffers(), buffers, strict=True):
                buffer.copy_(value)

    def held_loss() -> float:
        ids, labels = hyper.held.batch_of(np.arange(hyper.held.n_rows))
        model.eval()
        with torch.no_grad():
            found = float(hyper.held_loss(model, ids, labels))
        model.train()
        return found

    def slope(*_: object) -> list[Tensor]:
        ids, labels = hyper.held.batch_of(np.arange(hyper.held.n_rows))
        model.eval()
        found = torch.autograd.grad(hyper.held_loss(model, ids, labels), params)
        model.train()
        return list(found)

    hyper.slope = slope  # type: ignore[method-assign]  # all of V_h: no noise of its own
    place, step_size = hyper.dropout.place, 0.05
    said, brute = [], []
    for draw in range(200):
        rewind()
        torch.manual_seed(draw)
        step(draw)
        hyper.after_step()
        said.append(hyper.dropout.seen[-1])
        ends = []
        for end in (place - step_size, place + step_size):
            rewind()
            hyper.dropout.place = end
            torch.manual_seed(draw)
            step(draw)
            ends.append(held_loss())
            hyper.dropout.place = place
        brute.append((ends[1] - ends[0]) / (2 * step_size))
    difference = np.array(said) - np.array(brute)
    error = difference.std(ddof=1) / math.sqrt(len(difference))
    assert abs(difference.mean()) <= 3 * error
    assert np.corrcoef(said, brute)[0, 1] > 0.7  # and draw by draw


def test_finds_the_ridge_penalty_that_is_best_for_the_validation_part() -> None:
    """With an orthonormal design the weights are b / (1 + penalty), so the best penalty is known in closed form."""
    learned, true = torch.tensor([2.0, 1.2, -0.8]), torch.tensor([1.3, 0.9, -0.5])
    decay = Decay(0.02)
    best = float(learned @ learned / (learned @ true)) - 1

    def loss(weights: Tensor) -> Tensor:
        return 0.5 * ((weights - learned) ** 2).sum() + 0.5 * decay.value * (weights**2).sum()

    def held(weights: Tensor) -> Tensor:
        return 0.5 * ((weights - true) ** 2).sum()

    toy = Toy(torch.zeros(3), loss, held, lr=0.5, knob=(decay, (0.0, 2.0)), rate=0.04)
    toy.hyper.log_lr.low = toy.hyper.log_lr.high = 0.0  # the rate stays
    toy.learn.opt.set_hyper("eps", 1.0)  # Adam's steps are then nearly those of gradient descent
    mults = []
    for _ in range(1500):
        toy.step()
        mults.append(toy.hyper.mult)
    # drawn differences keep it on the move about where it settles
    assert np.mean(mults[1000:]) == pytest.approx(best, abs=0.03)


@pytest.mark.parametrize("start", [1e-6, 1e-1])
def test_a_bad_rate_becomes_a_good_one(start: float) -> None:
    """A noisy bowl: what is reached from either end is near the best of the constant rates."""
    target = torch.linspace(-1, 1, 20)

    def train(lr: float, rate: float) -> tuple[float, float]:
        noise = torch.Generator().manual_seed(3)

        def loss(weights: Tensor) -> Tensor:
            return ((weights - target + 0.3 * torch.randn(20, generator=noise)) ** 2).sum()

        toy = Toy(torch.zeros(20), loss, lambda weights: ((weights - target) ** 2).sum(), lr=lr, rate=rate)
        for _ in range(400):
            toy.step()
        return float(((toy.model.weights.detach() - target) ** 2).sum()), toy.hyper.lr

    constant = {lr: train(lr, 0.0)[0] for lr in (1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1)}
    reached, lr = train(start, 0.1)
    assert reached < min(constant[start], 0.03 * constant[1e-6])
    assert 5e-3 < lr < 5e-2  # between the best constant rates


def test_equal_seeds_give_equal_schedules_and_other_seeds_others(tmp_path: Path, corpus: Path) -> None:
    a, b = (run(adapting(tmp_path / name, corpus)) for name in "ab")
    c = run(adapting(tmp_path / "c", corpus, both=False))
    assert a == b
    assert a[-1]["lr"] != 1e-2
    assert a[-1]["drop_mult"] != 0.3
    assert a[-1]["lr"] != c[-1]["lr"]
    assert a[-1]["lr_snr"] > 0
    assert -1 <= a[-1]["lr_agreement"] <= 1
    assert 0 <= a[-1]["lr_clipped"] <= 1


def test_without_a_rate_of_its_own_the_training_is_the_plain_one_bit_for_bit(tmp_path: Path, corpus: Path) -> None:
    still = adapting(tmp_path / "still", corpus, hyper_rate=0.0)
    plain = adapting(tmp_path / "plain", corpus, lr_adapt=LrAdapt.none)
    found, expected = run(still), run(plain)
    assert [epoch["train_loss"] for epoch in found] == [epoch["train_loss"] for epoch in expected]
    assert [epoch["whole_valid_loss"] for epoch in found] == [epoch["valid_loss"] for epoch in expected]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("still", "plain")]
    assert weights[0] == weights[1]
    assert found[-1]["lr"] == 1e-2
    assert found[-1]["drop_mult"] == 0.3


@pytest.mark.parametrize("n_batches", [2, 12, 20])
def test_a_pause_anywhere_changes_no_bit(tmp_path: Path, corpus: Path, n_batches: int) -> None:
    straight, cut = adapting(tmp_path / "straight", corpus), adapting(tmp_path / "cut", corpus)
    expected = run(straight)
    assert AwdLstm().train(cut, Listener(), PauseAfter(n_batches)).paused
    torch.manual_seed(5)
    assert run(cut) == expected
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("straight", "cut")]
    assert weights[0] == weights[1]


def test_says_what_an_epoch_cost(tmp_path: Path, corpus: Path) -> None:
    n_batches = len(ClassifierTraining(adapting(tmp_path / "n", corpus)).train)
    due = sum(number > N_WARMUP and number % 3 == 0 for number in range(1, n_batches + 1))
    both = run(adapting(tmp_path / "both", corpus, epochs=1))
    one = run(adapting(tmp_path / "one", corpus, both=False, epochs=1))
    assert both[0][COST] == pytest.approx(1 + 3 * due / n_batches)
    assert one[0][COST] == pytest.approx(1 + due / n_batches)
    assert "drop_mult" not in one[0]


def test_stays_within_its_bounds() -> None:
    knob = Knob(0.0, -0.25, 0.25)
    for _ in range(20):
        before = knob.place
        knob.move(-1.0, rate=0.5)
        assert abs(knob.place - before) <= MAX_STEP + 1e-12
    assert knob.place == 0.25
    assert knob.sum_up("lr") == {"lr_clipped": 1.0, "lr_snr": pytest.approx(1e12), "lr_agreement": 1.0}
    knob.move(math.nan, rate=0.5)
    assert knob.place == 0.25


def test_halves_hold_all_classes_and_all_texts_once(corpus: Path) -> None:
    part = open_corpus(corpus).valid
    held, rest = halve(part)
    assert len(held) + len(rest) == len(part)
    texts = [
        half.ids[a:b].tobytes() for half in (held, rest) for a, b in zip(half.offsets, half.offsets[1:], strict=False)
    ]
    whole = [part.ids[a:b].tobytes() for a, b in zip(part.offsets, part.offsets[1:], strict=False)]
    assert sorted(texts) == sorted(whole)
    counts = [np.bincount(half.labels, minlength=3) for half in (held, rest)]
    assert abs(counts[0] - counts[1]).max() <= 1
