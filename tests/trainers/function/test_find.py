"""What makes one function another: what its study may be continued with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from hpo.trainers.function.find import find_call, name_call

Train = Callable[..., Iterator[dict[str, float]]]


def train(lr: float, *, k: int = 0) -> Iterator[dict[str, float]]:
    yield {"auc": lr + k}


def make(k: int) -> Train:
    def inner(lr: float) -> Iterator[dict[str, float]]:
        yield {"auc": lr + k}

    return inner


class Model:
    def __init__(self, k: int) -> None:
        self.k = k

    def train(self, lr: float) -> Iterator[dict[str, float]]:
        yield {"auc": lr + self.k}


def from_shell(k: int) -> Train:
    names: dict[str, Train] = {}
    exec(f"def train(lr):\n    yield {{'auc': lr + {k}}}", names)
    return names["train"]


def digest(function: Train) -> str:
    name, _ = name_call(function, None, is_inline=True)
    return name + find_call(name, "").sha256


@pytest.mark.parametrize("bound", [lambda k: partial(train, k=k), make, lambda k: Model(k).train, from_shell])
def test_what_a_function_is_bound_to_makes_it_another(bound: Callable[[int], Train]) -> None:
    assert digest(bound(1)) != digest(bound(2))
    assert digest(bound(1)) == digest(bound(1))


def test_a_partial_function_has_the_name_of_what_it_calls() -> None:
    assert name_call(partial(train, k=1), None, is_inline=True)[0].endswith("test_find:train")


def test_the_script_around_a_function_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "scripted.py").write_text("def train(lr):\n    yield {'auc': lr}\nn_trials = 2\n")
    import scripted  # type: ignore[import-not-found]  # written just now

    before = digest(scripted.train)
    (tmp_path / "scripted.py").write_text("def train(lr):\n    yield {'auc': lr}\nn_trials = 3\n")
    assert digest(scripted.train) == before


@pytest.mark.parametrize("function", [Model(1).train, make(1), partial(train, k=1)])
def test_other_processes_are_not_asked_for_what_they_cannot_find(function: Train) -> None:
    assert name_call(train, None, is_inline=False)[0].endswith("test_find:train")
    with pytest.raises(ValueError, match="is bound to something, or defined in a notebook"):
        name_call(function, None, is_inline=False)
