"""Configurations that would take hours or all memory to read: refused in a moment, with the limit."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hpo.commands.console import main
from hpo.config.bounds import MAX_DEPTH, MAX_VALUES, TooMuch, check_yaml

LINES = ["a0: &a0 {x: 1, y: 2}", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))]
CHOICES = "train:\n  lr: {type: categorical, choices: [%s]}\n"
FILES = {
    "bomb": ("\n".join(LINES), f"stands for more than {MAX_VALUES:,} values. A configuration holds settings"),
    "deep": ("[" * 3000 + "]" * 3000, f"is nested more than {MAX_DEPTH} deep"),
    "long": ("x: " + "y" * 1_000_001, "has more than 1,000,000 bytes"),
    "many": (CHOICES % ",".join(map(str, range(200_000))), "has more than 1,000,000 bytes"),
    "wide": (CHOICES % ",".join(map(str, range(1, 100_000))), f"stands for more than {MAX_VALUES:,} values"),
    "some": (
        CHOICES % ",".join(map(str, range(1, 1_500))),
        "space.train.lr.choices has 1,499 choices, at most 1,000 are",
    ),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
def test_a_file_past_the_limits_is_refused_in_a_moment(
    workdir: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workdir / "conf" / "space"
    folder.mkdir(parents=True)
    (folder / "odd.yaml").write_text(content)
    began = time.process_time()
    assert main(["space=odd", "trainer=synthetic", "tracking=none", "executor=inline"]) == 2
    assert time.process_time() - began < 10  # on a busy machine; without the limits it is minutes, or for ever
    (sentence,) = capsys.readouterr().err.splitlines()
    assert said in sentence
    assert [path.name for path in workdir.iterdir()] == ["conf"]


def test_a_word_past_the_limit_is_refused(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"space.train.lr.choices=[{','.join(map(str, range(20_000)))}]"]) == 2
    assert capsys.readouterr().err.startswith(
        "hpo: space.train.lr.choices=… has 108,914 characters, at most 20,000 are"
    )


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner)))
def test_what_is_small_is_let_through(content: object) -> None:
    check_yaml(yaml.safe_dump(content).encode(), "x.yaml")


@pytest.mark.parametrize("content", [b"a: &a [*a]", b"[*nobody]", b"\xff\xfe", b"a: [", b"&x a: &x b\nc: *x"])
def test_what_is_no_yaml_is_left_to_whoever_reads_it(content: bytes) -> None:
    check_yaml(content, "x.yaml")


def test_the_limit_counts_what_aliases_stand_for() -> None:
    base = "a: &a [" + ",".join("1" * 1000) + "]\n"
    check_yaml((base + "b: [" + ",".join(["*a"] * 15) + "]").encode(), "x.yaml")
    with pytest.raises(TooMuch):
        check_yaml((base + "b: [" + ",".join(["*a"] * 25) + "]").encode(), "x.yaml")
