"""Which settings a moving learning rate goes with, as a study is planned; what it does is tested in its own module."""

from __future__ import annotations

import pytest

from hpo.config.training import LrAdapt, Schedule
from tests.support.studies import plan_typed

MOVES = "train.lr_adapt=hypergradient"
FLAT = (MOVES, "train.schedule=flat")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ((MOVES,), "train.schedule=one_cycle, as a schedule would take the rate back; give train.schedule=flat."),
        ((*FLAT, "model.bidir=true"), "model.bidir=true, as two classifiers have two losses; give model.bidir=false."),
        ((*FLAT, "train.unfreeze=gradual"), "give train.unfreeze=all."),
        ((*FLAT, "model.encoder=wt103", "model.n_hid=1152"), "give train.unfreeze=all."),
        ((*FLAT, "train.precision=bf16"), "give train.precision=fp32."),
        ((*FLAT, "train.lr_bounds=[0.1,0.01]"), "two numbers, the lower first, both above 0."),
        ((*FLAT, "train.lr_bounds=[0,0.01]"), "two numbers, the lower first, both above 0."),
        ((*FLAT, "train.lr_bounds=[0.1]"), "two numbers, the lower first, both above 0."),
        ((*FLAT, "train.lr_bounds=[1,2]"), "is not within train.lr_bounds=[1.0, 2.0]"),
        ((*FLAT, "train.drop_bounds=[0,2]"), "from 0 to below 2."),
        ((*FLAT, "train.drop_bounds=[0.9,1]"), "is not within train.drop_bounds=[0.9, 1.0]"),
        (("train.drop_bounds=[0,1]",), "that needs train.lr_adapt=hypergradient."),
        ((*FLAT, "trainer=synthetic"), "trainer=synthetic has its own."),
        (
            ("+space.train={lr_adapt: {type: categorical, choices: [none, hypergradient]}}",),
            "does not go with train.schedule=one_cycle",
        ),
    ],
)
def test_says_what_a_moving_rate_does_not_go_with(overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match="train") as refused:
        plan_typed(*overrides)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_moves_within_the_range_that_is_searched() -> None:
    train = plan_typed(*FLAT).config.train
    assert train.lr_bounds == [0.001, 0.1]  # of space=awd_lstm_small
    assert train.drop_bounds is None
    assert plan_typed(*FLAT, "train.lr=0.5").config.train.lr_bounds == [1e-6, 1.0]
    assert plan_typed(*FLAT, "train.lr_bounds=[0.0001,0.5]").config.train.lr_bounds == [0.0001, 0.5]


def test_the_gradient_sampler_lets_rate_and_dropout_move() -> None:
    planned = plan_typed("sampler=gradient")
    train = planned.config.train
    assert (train.lr_adapt, train.schedule) == (LrAdapt.hypergradient, Schedule.flat)
    assert train.drop_bounds == [0.05, 1.0]
    assert "train.lr_adapt=hypergradient" in planned.differences.retraining
    assert plan_typed("sampler=gradient", "sampler.dropout=false").config.train.drop_bounds is None
    assert plan_typed("sampler=gradient", *FLAT).config.train == train


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("trainer=synthetic",), "trainer=synthetic trains by itself: choose another sampler, as in sampler=tpe."),
        (("train.lr=0.01",), "sampler=gradient searches train.lr, which is not in the space"),
        (("train.precision=bf16",), "give train.precision=fp32."),
    ],
)
def test_the_gradient_sampler_says_where_it_cannot_search(overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match="gradient") as refused:
        plan_typed("sampler=gradient", *overrides)
    assert sentence in str(refused.value)


PRODIGY = "train.lr_adapt=prodigy"


def test_prodigy_trains_with_the_whole_of_the_rate_that_it_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.trainers.awd_lstm.adaptation.find_spec", lambda _: True)
    for word in ("train.lr=1", "~space.train.lr"):
        assert plan_typed(PRODIGY, "train.schedule=flat", word).config.train.lr == 1


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ((), "so train.lr cannot be searched; give train.lr=1."),
        (("train.lr=0.01",), "from train.lr=1; give that instead of train.lr=0.01."),
        (("train.lr=1", "train.schedule=one_cycle"), "give train.schedule=flat."),
        (("train.lr=1", "train.unfreeze=gradual"), "give train.unfreeze=all."),
        (("train.lr=1", "model.bidir=true"), "give model.bidir=false."),
        (("train.lr=1", "train.lr_decay=2"), "leave out train.lr_decay."),
        (("train.lr=1", "train.lr_bounds=[0.1,1]"), "need train.lr_adapt=hypergradient."),
        (("train.lr=1", "trainer=synthetic"), "trainer=synthetic has its own way."),
        (("sampler=gradient",), "leave out train.lr_adapt=prodigy."),
        (
            ("train.lr=1", "+space.train={lr_adapt: {type: categorical, choices: [none, prodigy]}}"),
            "so train.lr_adapt cannot be searched; give train.lr_adapt=prodigy.",
        ),
    ],
)
def test_says_what_prodigy_does_not_go_with(
    overrides: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.trainers.awd_lstm.adaptation.find_spec", lambda _: True)
    adapt = () if any("lr_adapt" in word for word in overrides) else (PRODIGY,)
    with pytest.raises(ValueError, match="train") as refused:
        plan_typed(*adapt, *FLAT[1:], *overrides)
    assert sentence in str(refused.value)


def test_says_which_package_prodigy_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.trainers.awd_lstm.adaptation.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"needs the package prodigyopt: pip install 'hpo-studies\[prodigy\]'"):
        plan_typed(PRODIGY, "train.lr=1")
