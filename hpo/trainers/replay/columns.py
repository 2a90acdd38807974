"""Columns of a Parquet file as arrays, or a sentence that says why they cannot be.

What a column means is `table`'s business.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpo.config.search import ParamValue
from hpo.machine.errors import first_line

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lists:
    """A list of numbers in every row; missing numbers are NaN.

    Attributes:
        values: The entries of all rows, one row after another.
        starts: Where each row begins, and the end of the last; shape (n_rows + 1,).
    """

    values: Floats
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    def row(self, index: int) -> Floats:
        return self.values[self.starts[index] : self.starts[index + 1]]


class Columns:
    """The columns of one file."""

    def __init__(self, path: Path, content: bytes) -> None:
        """Reads `content`, the bytes of the file `path`.

        Raises:
            ValueError: if it is no Parquet file or has no rows.
        """
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        self._path = path
        try:
            self._table: pa.Table = pq.read_table(BytesIO(content))
        except (ArrowException, OSError) as error:
            raise ValueError(f"{path} is not a Parquet file: {first_line(error)}.") from error
        self.n_rows = int(self._table.num_rows)
        if not self.n_rows:
            raise ValueError(f"{path} has no rows; a table needs one for each recorded configuration.")

    def is_list(self, name: str) -> bool:
        from pyarrow import types

        kind = self._column(name).type
        return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

    def lists(self, name: str) -> Lists:
        """Returns a column of lists of numbers; a missing list is an empty one."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self.is_list(name):
            raise ValueError(f"{self._path}: column '{name}' is {self._column(name).type}, not lists of numbers.")
        column = self._column(name)
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        flat = pc.list_flatten(column)
        return Lists(
            self._as_floats(name, flat if isinstance(flat, pa.ChunkedArray) else pa.chunked_array([flat])), starts
        )

    def numbers(self, name: str) -> Floats:
        """Returns a column of numbers; missing ones are NaN."""
        return self._as_floats(name, self._column(name))

    def values(self, name: str) -> list[ParamValue]:
        """Returns a column of numbers, texts or booleans as plain values."""
        found: list[ParamValue] = self._column(name).to_pylist()
        strange = next((value for value in found if not isinstance(value, int | float | str | bool | None)), None)
        if strange is not None:
            kind = self._column(name).type
            raise ValueError(f"{self._path}: column '{name}' is {kind}; params are numbers, texts or booleans.")
        return found

    def _as_floats(self, name: str, column: pa.ChunkedArray) -> Floats:
        import pyarrow as pa
        from pyarrow import types

        is_number = types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type)
        if not (is_number or types.is_null(column.type)):
            raise ValueError(f"{self._path}: column '{name}' holds {column.type} where numbers are needed.")
        numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy()
        return numbers

    def _column(self, name: str) -> pa.ChunkedArray:
        names: Sequence[str] = self._table.column_names
        if names.count(name) != 1:
            close = difflib.get_close_matches(name, names, n=1)
            meant = f" (did you mean {close[0]}?)" if close else ""
            wrong = "no" if name not in names else "more than one"
            raise ValueError(f"{self._path} has {wrong} column '{name}'{meant}; its columns are {', '.join(names)}.")
        return self._table.column(name)
