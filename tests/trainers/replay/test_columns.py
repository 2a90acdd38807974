"""Columns of every kind a Parquet file may have, as arrays or as a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hpo.trainers.replay.columns import Columns

PATH = Path("curves.parquet")


def make(tmp_path: Path, **columns: Any) -> Columns:
    pq.write_table(pa.table(columns), tmp_path / PATH, row_group_size=1)  # several chunks
    return Columns(PATH, (tmp_path / PATH).read_bytes())


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.int64()), pa.list_(pa.float64())])
def test_lists_of_any_length_become_one_array(tmp_path: Path, kind: pa.DataType) -> None:
    lists = make(tmp_path, a=pa.array([[1, 2, 3], [], None, [4, None]], kind)).lists("a")
    assert lists.lengths.tolist() == [3, 0, 0, 2]
    assert [lists.row(index).tolist() for index in range(3)] == [[1, 2, 3], [], []]
    assert lists.row(3)[0] == 4
    assert np.isnan(lists.row(3)[1])


def test_lists_of_one_length_are_lists(tmp_path: Path) -> None:
    lists = make(tmp_path, a=pa.array([[1, 2], [3, 4]], pa.list_(pa.float64(), 2))).lists("a")
    assert [lists.row(index).tolist() for index in range(2)] == [[1, 2], [3, 4]]


def test_numbers_and_values(tmp_path: Path) -> None:
    columns = make(tmp_path, n=[1, None, 3], t=["x", None, "y"], b=[True, False, None])
    assert np.isnan(columns.numbers("n")[1])
    assert columns.values("n") == [1, None, 3]
    assert columns.values("t") == ["x", None, "y"]
    assert columns.values("b") == [True, False, None]


def test_what_is_not_there_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    columns = make(tmp_path, loss=[[1.0], [2.0]], words=[["a"], ["b"]], lr=[1.0, 2.0], t=["x", "y"])
    with pytest.raises(
        ValueError, match=r"no column 'los' \(did you mean loss\?\); its columns are loss, words, lr, t"
    ):
        columns.lists("los")
    with pytest.raises(ValueError, match="column 'lr' is double, not lists"):
        columns.lists("lr")
    with pytest.raises(ValueError, match="column 'words' holds string where numbers"):
        columns.lists("words")
    with pytest.raises(ValueError, match="column 't' holds string where numbers"):
        columns.numbers("t")
    with pytest.raises(ValueError, match="params are numbers, texts or booleans"):
        columns.values("loss")


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"PAR1", b"learning_rate,loss\n1,2\n"):
        with pytest.raises(ValueError, match=r"curves\.parquet is not a Parquet file"):
            Columns(PATH, content)
    with pytest.raises(ValueError, match=r"curves\.parquet has no rows"):
        make(tmp_path, a=pa.array([], pa.float64()))
