"""Tables of recorded curves: what is found for params, and what a table may not be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.trainers.replay.table import CurveTable, read_table
from hpo.trainers.replay.trainer import ReplayConfig
from tests.support.curve_tables import TASKSET, TASKSET_CARD, make_columns, write_table


def open_table(folder: Path, columns: dict[str, Any] | None = None, **card: Any) -> CurveTable:
    path = write_table(folder / "curves.parquet", columns, **card)
    return read_table(str(path))


def test_every_configuration_is_found_with_its_own_curve(tmp_path: Path) -> None:
    columns, table = make_columns(), open_table(tmp_path)
    assert (table.name, table.n_epochs, table.n_skipped, table.n_recordings) == ("curves", 5, 0, 24)
    for row, params in enumerate(table.configurations):
        assert params == {name: columns[name][row] for name in ("rate", "size", "kind")}
        assert table.find(params) == (row, 0.0)
        curve = table.curve(row, seed=3)
        assert curve.metrics["valid_loss"].tolist() == columns["loss"][row]
        assert curve.seconds.tolist() == columns["seconds"][row]
        assert (curve.n_epochs, curve.n_finite) == (5, 5)
        assert curve.test_after(2) == {"test_loss": columns["test"][row][1]}


def test_without_an_exact_match_the_nearest_is_taken_only_if_the_card_says_so(tmp_path: Path) -> None:
    params = {"rate": 1.1e-4, "size": 32, "kind": "a"}
    with pytest.raises(ValueError, match=r"no configuration with rate=0\.00011, size=32, kind='a'"):
        open_table(tmp_path).find(params)
    index, distance = open_table(tmp_path, matching="nearest").find(params)
    assert index == 0
    assert distance == pytest.approx(math.log(1.1) / math.log(make_columns()["rate"][17] / 1e-4), rel=0.2)


def test_entries_before_the_first_usable_one_are_left_out(tmp_path: Path) -> None:
    columns = make_columns(3)
    columns["seconds"] = [column[1:] for column in columns["seconds"]]  # as some tables have it
    curve = open_table(tmp_path, columns, first=1).curve(2, seed=0)
    assert curve.metrics["valid_loss"].tolist() == columns["loss"][2][1:]
    assert curve.test["test_loss"].tolist() == columns["test"][2][1:]
    assert curve.seconds.tolist() == columns["seconds"][2]


def test_curves_of_different_lengths_end_where_they_end(tmp_path: Path) -> None:
    columns = make_columns(4)
    columns["loss"][1] = columns["loss"][1][:2]
    columns["loss"][2] = []
    columns["loss"][3] = None
    table = open_table(tmp_path, columns)
    assert (table.n_epochs, table.n_skipped, len(table.configurations)) == (5, 2, 2)
    assert table.curve(1, seed=0).n_epochs == 2


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf, None])
def test_a_curve_is_finite_up_to_its_first_strange_value(tmp_path: Path, strange: float | None) -> None:
    columns = make_columns(2)
    columns["loss"][1][2] = strange
    curve = open_table(tmp_path, columns).curve(1, seed=0)
    assert (curve.n_epochs, curve.n_finite) == (5, 2)


def test_seconds_are_a_list_a_number_for_each_row_or_one_for_all(tmp_path: Path) -> None:
    columns = make_columns(2)
    columns["each"] = [2, 3]
    assert open_table(tmp_path, columns, seconds="each").curve(1, seed=0).seconds.tolist() == [3.0] * 5
    assert open_table(tmp_path, columns, seconds=0.5).curve(1, seed=0).seconds.tolist() == [0.5] * 5
    assert open_table(tmp_path, columns, seconds=None).curve(1, seed=0).seconds.tolist() == [1.0] * 5


def test_tests_after_the_last_epoch_alone_are_known_there_alone(tmp_path: Path) -> None:
    columns = make_columns(2)
    columns["test"] = [0.5, None]
    table = open_table(tmp_path, columns)
    assert table.curve(0, seed=0).test_after(5) == {"test_loss": 0.5}
    assert table.curve(0, seed=0).test_after(4) == {}
    assert table.curve(1, seed=0).test_after(5) == {}


def test_of_several_seeds_the_trials_own_is_taken_else_one_chosen_by_it(tmp_path: Path) -> None:
    columns = {name: [column[0]] * 3 for name, column in make_columns(1).items()}
    columns["loss"] = [[1.0], [2.0], [3.0]]
    columns["rng"] = [30, 10, 20]
    table = open_table(tmp_path, columns, seed="rng", seconds=None, test=None)
    assert (len(table.configurations), table.n_recordings) == (1, 3)
    losses = {seed: float(table.curve(0, seed=seed).metrics["valid_loss"][0]) for seed in (30, 10, 20, 0, 1, 2, 3)}
    assert losses == {30: 1, 10: 2, 20: 3, 0: 2, 1: 3, 2: 1, 3: 2}  # seeds in order: 10, 20, 30


def test_params_of_every_type_keep_it(tmp_path: Path) -> None:
    columns = make_columns(4) | {
        "flag": [True, False, True, False],
        "name": ["x", None, "y", "x"],
        "n": [1.0, 2.0, 3.0, 4.0],
    }
    params = {"rate": {}, "flag": {}, "name": {}, "n": {"type": "int"}, "size": {"type": "categorical"}}
    table = open_table(tmp_path, columns, params=params)
    assert [type(value) for value in table.configurations[0].values()] == [float, bool, str, int, int]
    assert {axis.name: axis.choices for axis in table.axes} == {
        "rate": None, "flag": (False, True), "name": (None, "x", "y"), "n": None, "size": (32, 64, 96, 128),
    }  # fmt: skip
    assert [table.find(params)[0] for params in table.configurations] == [0, 1, 2, 3]


def test_numbers_are_choices_with_a_missing_one_where_the_card_says_so(tmp_path: Path) -> None:
    columns = make_columns(4) | {"n": [1.0, None, 2.0, 3.0]}
    table = open_table(tmp_path, columns, params={"rate": {}, "n": {"type": "categorical"}})
    assert table.axes[1].choices == (None, 1.0, 2.0, 3.0)


def test_one_row_is_a_table(tmp_path: Path) -> None:
    table = open_table(tmp_path, make_columns(1))
    assert table.find({"rate": 1e-4, "size": 32, "kind": "a"}) == (0, 0.0)


def test_the_hash_is_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    hashes = []
    for folder, card in (("a", {}), ("b", {}), ("c", {"first": 1})):
        (tmp_path / folder).mkdir()
        hashes.append(open_table(tmp_path / folder, **card).sha256)
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_table_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    first = open_table(tmp_path)
    config = ReplayConfig(path=str(tmp_path / "curves.parquet"), metric="valid_loss")
    assert config.read_table() is first
    changed = open_table(tmp_path, make_columns(9))
    assert changed.n_recordings == 9
    with pytest.raises(ValueError, match="is not the table it was"):
        read_table(config.path, sha256=first.sha256)


def refused(tmp_path: Path, changes: dict[str, Any], **card: Any) -> str:
    with pytest.raises(ValueError, match="a") as caught:
        open_table(tmp_path, {**make_columns(4), **changes}, **card)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_tables_that_make_no_sense_are_refused_in_a_sentence(tmp_path: Path) -> None:
    def param(**entry: Any) -> dict[str, Any]:
        return {"params": {"rate": entry, "size": {}, "kind": {}}}

    same = {name: [column[0]] * 4 for name, column in make_columns(4).items()}
    assert "rows 0 and 1 have the same params; leave one out" in refused(tmp_path, same)
    seeds = {**same, "rng": [1, 2, 2, 3]}
    assert "rows 1 and 2 have the same params and seed; leave one out." in refused(tmp_path, seeds, seed="rng")
    assert "no row has a curve" in refused(tmp_path, {"loss": [[], [], None, []]})
    assert "no row has a curve with an entry at index first=9" in refused(tmp_path, {}, first=9)
    assert "column 'rate' has None" in refused(tmp_path, {"rate": [None, 1.0, 2.0, 3.0]})
    assert "column 'n' has None where params.n needs a finite number." in refused(
        tmp_path, {"n": [1.0, None, 2.0, 3.0]}, params={"n": {}}
    )
    assert "column 'n' has None" in refused(tmp_path, {"n": [1, None, 2, 3]}, params={"n": {"log": True}})
    for entry in ({"log": True}, {"low": 0}, {"high": 9}):
        assert "column 'kind' holds no numbers, so params.kind is categorical" in refused(
            tmp_path, {}, params={"rate": {}, "kind": entry}
        )
    assert "column 'rate' has inf" in refused(tmp_path, {"rate": [math.inf, 1.0, 2.0, 3.0]})
    assert "column 'rate' has 'x'" in refused(tmp_path, {"rate": ["x", "y", "z", "w"]})
    assert "column 'size' has 1.5, but params.size is int" in refused(tmp_path, {"size": [1.5, 2.0, 3.0, 4.0]})
    assert "on a log scale but goes down to 0" in refused(tmp_path, {"rate": [0.0, 1.0, 2.0, 3.0]})
    assert "outside the card's 0.1 to 1; widen it" in refused(tmp_path, {}, **param(low=0.1, high=1))
    assert "kind='b' is none of 'a', 'c'" in refused(
        tmp_path, {}, params={"rate": {}, "size": {}, "kind": {"choices": ["a", "c"]}}
    )
    assert "column 'kind' has nan" in refused(tmp_path, {"kind": [1.0, math.nan, 2.0, 3.0]})
    assert "row 1 has no seconds for some of its 5 epochs" in refused(
        tmp_path, {"seconds": [[1.0] * 5, [1.0], *[[1.0] * 5] * 2]}
    )
    assert "row 0 has no seconds" in refused(tmp_path, {"seconds": [-1.0, 1.0, 1.0, 1.0]})
    assert "no column 'los' (did you mean loss?)" in refused(tmp_path, {}, metrics={"valid_loss": "los"})


def test_a_diverged_curve_needs_no_seconds_after_its_end(tmp_path: Path) -> None:
    columns = make_columns(2)
    columns["loss"][0][3] = columns["seconds"][0][3] = columns["seconds"][0][4] = math.nan
    assert open_table(tmp_path, columns).curve(0, seed=0).n_finite == 3


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"trainer\.path=.*cannot be read: No such file"):
        read_table(str(tmp_path / "none.parquet"))
    with pytest.raises(ValueError, match=r"trainer\.path=.*cannot be read: Is a directory"):
        read_table(str(tmp_path))


@pytest.mark.skipif(not TASKSET.is_dir(), reason="the recorded tables are not here")
def test_real_tables_are_read_whole() -> None:
    n_diverged = []
    for path in sorted(TASKSET.glob("*.parquet")):
        table = read_table(str(path), card=str(TASKSET_CARD))
        assert (len(table.configurations), table.n_epochs) == (1000, 50)
        curves = [table.curve(index, seed=0) for index in range(1000)]
        n_diverged.append(sum(curve.n_finite < 50 for curve in curves))
        assert all(np.isfinite(curve.metrics["valid_loss"][: curve.n_finite]).all() for curve in curves)
    assert sorted(n_diverged) == [1, 1, 1, 84, 99, 234]
