"""Which texts form the train, valid and test parts.

Splits are seeded and stratified; what the source has already split stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.config.schema import DataConfig
from hpo.contracts.seeds import derive_seed
from hpo.data.texts import PARTS, Texts

Rows = NDArray[np.int64]


def split_texts(texts: Texts, config: DataConfig) -> dict[str, Rows]:
    """Returns the rows of each part in ascending order.

    A part the source names is taken as it is; a missing one is cut from the train part, as a
    fraction of it: data.test first, then data.valid. At last data.train_fraction of the train part
    is kept.

    Raises:
        ValueError: If a fraction is out of range or a class is too small for it.
    """
    check_fractions(config)
    labels = np.array(texts.labels, dtype=object)
    given = np.array(texts.given if texts.given is not None else ["train"] * len(texts), dtype=object)
    parts = {name: np.flatnonzero(given == name) for name in PARTS}
    if not len(parts["train"]):
        raise ValueError(f"data={config.name} has no text in its train part; give it some.")
    test = config.test
    left = 1.0
    if not len(parts["test"]):
        parts["train"], parts["test"] = _cut(parts["train"], labels, test, config, "test")
        left -= test
    if not len(parts["valid"]):
        parts["train"], parts["valid"] = _cut(parts["train"], labels, config.valid / left, config, "valid")
    if config.train_fraction < 1:
        _, parts["train"] = _cut(parts["train"], labels, config.train_fraction, config, "train_fraction")
    _check_classes(parts, labels)
    return parts


def check_fractions(config: DataConfig) -> None:
    """Refuses fractions that leave a part without texts."""
    test = config.test
    for name, value in (("valid", config.valid), ("test", test)):
        if not 0 < value < 1:
            raise ValueError(f"data.{name}={value} is no fraction; give a number above 0 and below 1, such as 0.15.")
    if config.valid + test >= 1:
        raise ValueError(f"data.valid={config.valid} and data.test={test} leave nothing to train on; lower them.")
    if not 0 < config.train_fraction <= 1:
        raise ValueError(f"data.train_fraction={config.train_fraction} is not above 0 and at most 1; 1.0 keeps all.")


def _cut(rows: Rows, labels: NDArray[np.object_], fraction: float, config: DataConfig, name: str) -> tuple[Rows, Rows]:
    """Returns (the rest, a stratified share of `fraction`) of `rows`, both in ascending order."""
    from sklearn.model_selection import train_test_split

    refusal = _too_small(list(labels[rows]), getattr(config, name), name)
    try:
        rest, share = train_test_split(
            rows, test_size=fraction, stratify=labels[rows], random_state=derive_seed(config.split_seed, name)
        )
    except ValueError as error:
        raise ValueError(refusal) from error
    if not set(labels[rest]) == set(labels[share]) == set(labels[rows]):
        raise ValueError(refusal)
    return np.sort(rest), np.sort(share)


def _too_small(labels: Sequence[str], fraction: float, name: str) -> str:
    rarest, n_texts = min(Counter(labels).items(), key=lambda item: (item[1], item[0]))
    return (
        f"data.{name}={fraction} cannot be cut from {len(labels)} texts of {len(set(labels))} classes so that every "
        f"class has its share (the smallest, {rarest!r}, has {n_texts}); add texts, leave the class out or raise "
        f"data.{name}."
    )


def _check_classes(parts: dict[str, Rows], labels: NDArray[np.object_]) -> None:
    trained = set(labels[parts["train"]])
    for name, rows in parts.items():
        unseen = sorted(set(labels[rows]) - trained)
        if unseen:
            raise ValueError(
                f"the {name} part has class {unseen[0]!r}, the train part has not (after data.train_fraction); "
                "every class must be trained on: add texts of it or leave it out."
            )
