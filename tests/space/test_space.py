"""One space serves every strategy: distributions, grid levels and the unit cube agree."""

from __future__ import annotations

from functools import cache

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.machine.paths import conf_folder
from hpo.space.read import read_space
from hpo.space.space import Param, Space, canonical, evenly
from tests.support.studies import compose_config

SPACES = sorted(
    {path.stem for path in (conf_folder() / "space").glob("*.yaml")} - {"table", "function"}
)  # has no params of its own


@cache
def read(*overrides: str) -> Space:
    return read_space(compose_config(*overrides)[0])


def param(space: Space, path: str) -> Param:
    return next(p for p in space.params if p.path == path)


@pytest.mark.parametrize("name", SPACES)
def test_each_level_lies_inside_its_distribution(name: str) -> None:
    space = read(f"space={name}")
    for p in space.params:
        assert p.levels
        for level in p.levels:
            assert p.distribution._contains(p.distribution.to_internal_repr(level)), (p.path, level)


@pytest.mark.parametrize("name", SPACES)
@settings(deadline=None)
@given(unit=st.floats(0, 1))
def test_unit_cube_round_trip(name: str, unit: float) -> None:
    for p in read(f"space={name}").params:
        value = p.from_unit(unit)
        assert p.distribution._contains(p.distribution.to_internal_repr(value))
        assert p.from_unit(p.to_unit(value)) == pytest.approx(value)
        assert 0.0 <= p.to_unit(value) <= 1.0 + 1e-12


def test_shipped_full_space_reaches_the_published_size_inside_the_open_dropout_range() -> None:
    space = read("space=awd_lstm")
    assert 1152 in param(space, "model.n_hid").levels
    drop = param(space, "model.drop_mult").distribution
    assert isinstance(drop, optuna.distributions.FloatDistribution)
    assert 0 < drop.low < drop.high < 2


def test_a_deleted_param_leaves_the_space() -> None:
    assert "train.lr" not in read("~space.train.lr").distributions()


def test_an_edited_range_is_used() -> None:
    lr = param(read("space.train.lr.high=0.05"), "train.lr").distribution
    assert isinstance(lr, optuna.distributions.FloatDistribution)
    assert lr.high == 0.05


@pytest.mark.parametrize(
    ("low", "high", "step", "last"), [(0.1, 1.0, 0.3, 1.0), (0.05, 1.0, 0.765362479714734, 0.815362479714734)]
)
def test_a_range_ends_on_its_last_step_without_a_word_of_optuna(
    low: float, high: float, step: float, last: float
) -> None:
    given = (f"space.model.drop_mult.{key}={value}" for key, value in (("low", low), ("high", high), ("step", step)))
    found = param(read(*given), "model.drop_mult").distribution
    assert isinstance(found, optuna.distributions.FloatDistribution)
    assert (found.high, found.step) == (last, step)


def test_an_added_param_is_in_the_space() -> None:
    space = read("+space.train={weight_decay: {type: float, low: 0.001, high: 0.1, log: true, n_levels: 3}}")
    assert param(space, "train.weight_decay").levels == (0.001, 0.01, 0.1)


CONDITIONAL = (
    "+space.train={schedule: {type: categorical, choices: [one_cycle, fine_tune]}, freeze_epochs: "
    "{type: int, low: 1, high: 2, when: {param: train.schedule, in: [fine_tune]}}}"
)


def alternatives(n_levels: int) -> str:
    levels = f"n_levels: {n_levels}, when: {{param: train.schedule, in: "
    return (
        "+space.train={schedule: {type: categorical, choices: [one_cycle, slanted]}, "
        f"weight_decay: {{type: float, low: 0.001, high: 0.1, {levels}[slanted]}}}}, "
        f"lr_decay: {{type: float, low: 1, high: 3, {levels}[one_cycle]}}}}}}"
    )


def test_a_grid_of_alternatives_has_the_cells_that_there_are() -> None:
    rest = ("~space.model.n_hid", "~space.model.drop_mult", "~space.train.lr", "~space.train.epochs")
    assert len(read(alternatives(1000), *rest).cells()) == 2000  # and not a million
    with pytest.raises(ValueError, match=r"^space makes a grid of more than 100,000 cells; give fewer levels, 100,000"):
        read(alternatives(60_000), *rest).cells()


def test_inactive_params_are_left_out_of_cells_and_no_cell_comes_twice() -> None:
    cells = read(CONDITIONAL, "~space.model.drop_mult", "~space.train.lr", "~space.train.epochs").cells()
    assert len(cells) == 3 * (1 + 2)  # hidden sizes x (one_cycle + fine_tune with two freezes)
    assert len({canonical(cell) for cell in cells}) == len(cells)
    assert all(("train.freeze_epochs" in cell) == (cell["train.schedule"] == "fine_tune") for cell in cells)


def test_a_condition_on_a_fixed_setting_reads_that_setting() -> None:
    entry = "+space.train={{freeze_epochs: {{type: int, low: 1, high: 2, when: {{param: train.schedule, in: [{}]}}}}}}"
    assert all("train.freeze_epochs" in cell for cell in read(entry.format("one_cycle")).cells())
    assert not any("train.freeze_epochs" in cell for cell in read(entry.format("fine_tune")).cells())


def test_a_condition_may_name_a_setting_that_is_null() -> None:
    assert "train.lr" in read("+space.train.lr.when={param: train.unfreeze, in: [null, gradual]}").cells()[0]


def test_levels_are_even_on_their_scale() -> None:
    assert evenly(0.001, 0.1, log=True, n=3) == [0.001, 0.01, 0.1]
    assert evenly(0.0, 1.0, log=False, n=5) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert evenly(0.0, 1.0, log=False, n=1) == [0.5]


REFUSALS = {
    "space.train.lr.low=1": "space.train.lr has low=1 above high=0.1",
    "space.train.lr.low=-1": "log scale with low=-1",
    "space.train.lr.low=0": "log scale with low=0",
    "space.train.lr.high=inf": "space.train.lr.high=inf is no bound",
    "space.train.lr.high=null": "space.train.lr.high=None is no bound",
    "space.train.lr.step=0.1": "both log and step",
    "space.train.lr.levels=[0.5]": "as null, as in space.train.lr.n_levels=null",
    "space.train.epochs.levels=[1,2]": "has 1, which lies outside its range 2 to 6",
    "space.train.epochs.levels=[2.5]": "has 2.5, which lies outside",
    "space.train.epochs.levels=[]": "levels is empty",
    "space.train.epochs.low=1.5": "space.train.epochs.low=1.5 is not a whole number",
    "space.train.epochs.step=0": "must be above 0",
    "space.train.lr.n_levels=0": "n_levels=0 must be at least 1",
    "space.train.lr.n_levels=100001": "n_levels=100001 must be at least 1 and at most 100,000",
    "space.model.drop_mult.step=1e-300": "makes too many steps of 0.05 to 1",
    "space.model.drop_mult={low: 0.13436424411240122, step: 0.002550690257394217}": "has too many digits to count by",
    "space.train.epochs.high=1e300": "is too large a whole number",
    "space.model.n_hid.choices=[a,b]": "model.n_hid='a' is not a whole number",
    "space.model.n_hid.choices=[]": "categorical without choices",
    "space.model.n_hid.choices=[64,64]": "names a choice twice",
    "space.model.n_hid.choices=[64,64.0]": "names a choice twice",
    "space.model.n_hid.low=3": "makes no sense for a categorical param",
    "space.model.n_hid.n_levels=2": "makes no sense for a categorical param",
    "space.model.drop_mult.high=2": "model.drop_mult=2 must be at least 0 and below 2",
    "space.model.drop_mult.choices=[1]": "has choices but type float",
    "+space.train={wd: {type: float, low: 0.1, high: 1}}": "there is no train.wd",
    "+space.train={momentum: {type: float, low: 0.1, high: 1}}": "searchable are model.bidir, model.drop_mult",
    "+space.train={bptt: {type: float, low: 60.5, high: 80}}": "train.bptt=60.5 is not a whole number",
    "+space.train.lr.when={param: train.lr, in: [1]}": "refers to itself",
    "+space.train.lr.when={param: model.n_hid, in: [7]}": "has 7, which lies outside its choices",
    "+space.train.lr.when={param: model.nhid, in: [96]}": "space.train.lr.when.param=model.nhid names no setting; give",
    "+space.train.lr.when={param: trainer.name, in: [a]}": "when.param=trainer.name names no setting; give one of",
    "+space.train.lr.when={param: train.unfreeze, in: [gradul]}": "lr.when.in has 'gradul': train.unfreeze='gradul' is",
    "+space.train.lr.when={param: model.bidir, in: [1]}": "space.train.lr.when.in has 1: model.bidir=1 is not true or",
    "+space.train.lr.when={param: model.n_layers, in: [inf]}": "lr.when.in has inf: model.n_layers=inf is not a whole",
    "+space.train.lr.when={given: 1}": "must be {param: <path>, in: [<values>]}",
}


@pytest.mark.parametrize("override", REFUSALS)
def test_nonsense_is_refused_in_a_sentence_that_names_the_path(override: str) -> None:
    with pytest.raises(ValueError, match=r"^space") as refusal:
        read(override)
    assert REFUSALS[override] in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(ValueError, match="space is empty"):
        read("~space.train.lr", "~space.train.epochs", "~space.model.n_hid", "~space.model.drop_mult")


def test_a_circle_of_conditions_is_refused() -> None:
    with pytest.raises(ValueError, match="in a circle"):
        read(
            "+space.train.lr.when={param: train.epochs, in: [2]}",
            "+space.train.epochs.when={param: train.lr, in: [0.01]}",
        )


def test_a_grid_over_a_continuous_param_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"space\.train\.lr has too many values for a grid"):
        read("space.train.lr.n_levels=null").cells()
