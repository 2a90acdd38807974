"""The unit cube over recorded configurations: which of them is nearest to given params.

Distances only; where configurations come from and what is done with the nearest is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.config.search import ParamValue

Key = tuple[object, ...]


@dataclass(frozen=True)
class Axis:
    """One dimension of the cube: a range, or choices, all of which are equally far from each other.

    Attributes:
        name: The param's name.
        low, high, log: The range that becomes [0, 1], and whether on a log scale.
        choices: The values of a categorical param; None for a number.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[ParamValue, ...] | None = None

    def place(self, value: ParamValue) -> float:
        """Returns where `value` lies: in [0, 1] for a number within the range, else the index of the choice.

        Raises:
            ValueError: if it is none of the choices, or no number.
        """
        if self.choices is not None:
            keys = [_key(choice) for choice in self.choices]
            if _key(value) not in keys:
                raise ValueError(f"{self.name}={value!r} is none of {', '.join(map(repr, self.choices))}.")
            return float(keys.index(_key(value)))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.name}={value!r} is no number.")
        if self.low == self.high:
            return 0.0
        scale = math.log if self.log else float
        return (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))


class Cube:
    """Configurations as points, to be asked which is nearest. Found exactly by equality, not by distance.

    Attributes:
        points: Places of all configurations, shape (n_configurations, n_axes).
    """

    def __init__(self, axes: Sequence[Axis], configurations: Sequence[Mapping[str, ParamValue]]) -> None:
        self._axes = tuple(axes)
        self._is_choice = np.array([axis.choices is not None for axis in axes], dtype=bool)
        self._indices = {self._key(params): index for index, params in reversed(list(enumerate(configurations)))}
        places = [self._places(params) for params in configurations]
        self.points: NDArray[np.float64] = np.array(places, dtype=np.float64).reshape(-1, len(self._axes))

    def find(self, params: Mapping[str, ParamValue]) -> int | None:
        """Returns the first configuration with these params exactly, or None."""
        return self._indices.get(self._key(params))

    def nearest(
        self, params: Mapping[str, ParamValue], *, closed: NDArray[np.bool_] | None = None
    ) -> tuple[int, float]:
        """Returns the nearest configuration and its Euclidean distance; another choice counts as 1.

        Args:
            params: A value for every axis.
            closed: Which configurations may not be chosen, shape (n_configurations,); not all of them.
        """
        gaps = self.points - np.array(self._places(params))
        gaps[:, self._is_choice] = gaps[:, self._is_choice] != 0
        squares = np.einsum("ij,ij->i", gaps, gaps)
        if closed is not None:
            squares[closed] = np.inf
        index = int(squares.argmin())  # the first one on ties
        return index, math.sqrt(squares[index])

    def _places(self, params: Mapping[str, ParamValue]) -> list[float]:
        return [axis.place(params[axis.name]) for axis in self._axes]

    def _key(self, params: Mapping[str, ParamValue]) -> Key:
        return tuple(_key(params[axis.name]) for axis in self._axes)


def _key(value: ParamValue) -> Key:
    """Returns what is equal for equal values: 1 and 1.0 are, 1 and True are not."""
    return (isinstance(value, bool), value)
