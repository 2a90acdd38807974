"""Which texts form the train, valid and test parts.

Splits are seeded and stratified; what the source has already split stays as it is.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.config.schema import DataConfig, Labels
from hpo.contracts.seeds import derive_seed
from hpo.data.texts import PARTS, Texts

Rows = NDArray[np.int64]
MAX_FOLDS = 20


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
    groups = None if texts.groups is None else np.array(texts.groups, dtype=object)
    parts = {name: np.flatnonzero(given == name) for name in PARTS}
    _check_groups(parts, groups)
    if not len(parts["train"]):
        raise ValueError(f"data={config.name} has no text in its train part; give it some.")
    test = config.test
    left = 1.0
    if not len(parts["test"]):
        parts["train"], parts["test"] = _cut(parts["train"], labels, test, config, "test", groups)
        left -= test
    if not len(parts["valid"]):
        parts["train"], parts["valid"] = _cut(parts["train"], labels, config.valid / left, config, "valid", groups)
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


def _cut(
    rows: Rows,
    labels: NDArray[np.object_],
    fraction: float,
    config: DataConfig,
    name: str,
    groups: NDArray[np.object_] | None = None,
) -> tuple[Rows, Rows]:
    """Returns (the rest, a stratified share of `fraction`) of `rows`, both in ascending order; no group is in both.

    If `data.labels=clean`, classes that are too small for the share stay in the rest.
    """
    from sklearn.model_selection import train_test_split

    refusal = _too_small(list(labels[rows]), getattr(config, name), name, are_grouped=groups is not None)
    seed = derive_seed(config.split_seed, name)
    stay = rows[:0]
    if config.labels is Labels.clean and groups is None and name != "train_fraction":
        counts = Counter(labels[rows])
        is_rare = np.array([counts[label] * fraction < 1 for label in labels[rows]])
        rows, stay = rows[~is_rare], rows[is_rare]
    try:
        if groups is not None:
            rest, share = _cut_groups(rows, labels[rows], groups[rows], fraction, seed)
        else:
            rest, share = train_test_split(rows, test_size=fraction, stratify=labels[rows], random_state=seed)
    except ValueError as error:
        raise ValueError(refusal) from error
    if not set(labels[rest]) == set(labels[share]) == set(labels[rows]):
        raise ValueError(refusal)
    return np.sort(np.concatenate([rest, stay])), np.sort(share)


def absent_classes(parts: Mapping[str, Rows], labels: Sequence[str]) -> Iterator[str]:
    """Yields a sentence for each part that has no text of some classes: nothing is measured of those there."""
    found = np.array(labels, dtype=object)
    for name in PARTS[1:]:
        absent = sorted(set(labels) - set(found[parts[name]]))
        if absent:
            classes = f"class {absent[0]!r}" if len(absent) == 1 else f"{len(absent)} classes, the first {absent[0]!r}"
            yield f"The {name} part has no text of {classes}: what is measured there says nothing of them."


def _cut_groups(
    rows: Rows, labels: NDArray[np.object_], groups: NDArray[np.object_], fraction: float, seed: int
) -> tuple[Rows, Rows]:
    """Returns (the rest, a share) of `rows` in whole groups, their size and classes as near to `fraction` as may be.

    The share is some of the folds of sklearn's StratifiedGroupKFold.

    Raises:
        ValueError: If there are too few groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    n_folds = max(2, min(len(set(groups)), MAX_FOLDS))
    taken: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a class smaller than the number of folds: seen afterwards
        for _, fold in StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(rows, labels, groups):
            is_nearer = abs(len(taken) + len(fold) - fraction * len(rows)) < abs(len(taken) - fraction * len(rows))
            taken += fold.tolist() if is_nearer or not taken else []
    share = rows[taken]
    return np.setdiff1d(rows, share), share


def _check_groups(parts: dict[str, Rows], groups: NDArray[np.object_] | None) -> None:
    if groups is None:
        return
    part_of: dict[str, str] = {}
    for name, rows in parts.items():
        for group in dict.fromkeys(groups[rows]):
            other = part_of.setdefault(group, name)
            if other != name:
                raise ValueError(
                    f"data.group_column has {group!r} in {other} and in {name}; a group is of one part: mend "
                    "the parts, or leave out what says them."
                )


def _too_small(labels: Sequence[str], fraction: float, name: str, *, are_grouped: bool) -> str:
    whole = " and every group of data.group_column is in one part" if are_grouped else ""
    rarest, n_texts = min(Counter(labels).items(), key=lambda item: (item[1], item[0]))
    or_clean = ", or give data.labels=clean, which leaves small classes to the train part"
    return (
        f"data.{name}={fraction} cannot be cut from {len(labels)} texts of {len(set(labels))} classes so that every "
        f"class has its share{whole} (the smallest, {rarest!r}, has {n_texts}); add texts, leave the class out or "
        f"raise data.{name}{'' if are_grouped or name == 'train_fraction' else or_clean}."
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
