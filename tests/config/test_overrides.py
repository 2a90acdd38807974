"""Command lines are read word by word: options anywhere, a job for each combination, a sentence for what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.compose import hydra_initialized
from hpo.config.overrides import Arguments, read_arguments, split_jobs, unreadable


def split(*words: str) -> list[list[str]]:
    with hydra_initialized():
        return split_jobs(read_arguments(words))


def test_options_stand_anywhere_and_overrides_keep_their_order(workdir: Path) -> None:
    assert read_arguments(["a=1", "-m", "b=2"]) == Arguments(("a=1", "b=2"), is_multirun=True)
    assert read_arguments(["a=1", "--cfg", "job", "-p", "train", "b=2", "--resolve"]) == Arguments(
        ("a=1", "b=2"), is_shown=True, package="train", is_resolved=True
    )
    Path("mine").mkdir()
    for words in (["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"]):
        assert read_arguments(["a=1", *words]) == Arguments(("a=1",), config_dir=workdir / "mine")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sampler=tpe"], "Settings are given without dashes, as in sampler=tpe."),
        (["--experimental-rerun", "x"], "--experimental-rerun is no option"),
        (["--cfg", "all"], "--cfg all shows nothing; write --cfg job"),
        (["--cfg"], "write --cfg job"),
        (["--cfg", "job", "-m"], "leave out -m"),
        (["--package", "train"], "give it with --cfg job"),
        (["--config-dir"], "is no folder"),
        (["--config-dir", "x" * 300], "is no folder"),
    ],
)
def test_a_word_that_is_no_option_is_refused(words: list[str], sentence: str, workdir: Path) -> None:
    with pytest.raises(ValueError, match=r"option|--") as refusal:
        read_arguments(words)
    assert sentence in str(refusal.value)


def test_a_multirun_has_a_job_for_every_combination() -> None:
    assert split("study.n_trials=2", "sampler=grid,tpe", "-m", "seed=range(0,2)") == [
        ["study.n_trials=2", "sampler=grid", "seed=0"],
        ["study.n_trials=2", "sampler=grid", "seed=1"],
        ["study.n_trials=2", "sampler=tpe", "seed=0"],
        ["study.n_trials=2", "sampler=tpe", "seed=1"],
    ]
    assert split("-m", "sampler=glob(*)") == [["sampler=grid"], ["sampler=random"], ["sampler=tpe"]]
    assert split("sampler=tpe") == [["sampler=tpe"]]
    assert split() == [[]]
    assert split("experiment=null", "sampler={n_startup_trials: 3}") == [
        ["experiment=null", "sampler={n_startup_trials: 3}"]
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["seed=0,1"], "'seed=0,1' gives several values; put -m before it"),
        (["-m", "seed=range(0,1001)"], "-m makes more than 1,000 studies"),
        (["-m", "seed=range(0,40)", "trainer.noise=range(0,40)"], "-m makes more than 1,000 studies"),
        (["-m", "seed=range(0,0)"], "-m has no study to run"),
        (["-m", "seed=interval(0,1)"], "is no list of values"),
        (["sampler", "tpe"], "'sampler tpe' are two words; write sampler=tpe."),
        (["x y"], "The override 'x y' cannot be read; write path=value."),
        (["data.path=a b(1"], "two pairs of quotes"),
        (["=1"], "cannot be read"),
        (["hydra.run.dir=x"], "is about Hydra"),
        (["~study.n_trials"], "only params can be deleted"),
        (["~space.train.lr=1"], "only params can be deleted"),
        (["sampler@x=tpe"], "names a package"),
        (["sampler=[tpe]"], "names no option"),
        (["sampler=../tpe"], "names no option"),
        (["sampler=${seed}"], "names no option"),
        (["sampler=null"], "sampler=null names no option"),
        (["sampler=-5"], "sampler=-5 names no option"),
        ([""], "A word of the command line is empty"),
        (["+sampler=tpe"], "leave out the plus: sampler=tpe."),
    ],
)
def test_what_makes_no_job_is_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refusal:
        split(*words)
    assert sentence in str(refusal.value)


def test_the_way_to_write_it_is_named() -> None:
    assert unreadable("a") == "The override 'a' cannot be read; write path=value."
    assert """'a="b c"'""" in unreadable("a=b c")
