"""Command lines are read word by word: options anywhere, a job for each combination, a sentence for what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from hpo.config.compose import hydra_initialized
from hpo.config.overrides import Arguments, read_arguments, split_jobs, unreadable
from hpo.machine.paths import conf_folder


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
    samplers = sorted(path.stem for path in (conf_folder() / "sampler").glob("*.yaml"))
    assert split("-m", "sampler=glob(*)") == [[f"sampler={name}"] for name in samplers]
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
        (["data.path='a b"], "two pairs of quotes"),
        (["data.path=[a,b"], "two pairs of quotes"),
        (["data.path={a b: ö}"], "The override 'data.path={a b: ö}' cannot be read"),
        (["study.name=a\nb"], "cannot be read"),
        (["-m", "data.path=ö.csv,'a b"], "cannot be read"),
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


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/My Texts/größe.csv",
        "~/texts.csv",
        "~/My Texts/a&b; #1 (copy).csv",
        "C:\\Users\\Jörg\\t.csv",
        "C:\\Users\\Jörg\\",
        "it's.csv",
        'so "so".csv',
        "数据.csv",
        "a=b.csv",
        "<x>!.csv",
        "texts (1).csv",
        "50 %.csv",
        "*/größe [12].csv",
    ],
)
def test_a_path_is_typed_with_the_quotes_of_the_shell_alone(path: str) -> None:
    ((word,),) = split(f"data.path={path}")
    assert OverridesParser.create().parse_override(word).value() == path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[größe.csv, My Texts/b.csv]", ["größe.csv", "My Texts/b.csv"]),
        ("[größe.csv,'a, b.csv']", ["größe.csv", "a, b.csv"]),
        ("{train: ~/My Texts/ä.csv, test: b.csv}", {"train": "~/My Texts/ä.csv", "test": "b.csv"}),
        ("{train: [ä.csv, b.csv], test: C:\\ü.csv}", {"train": ["ä.csv", "b.csv"], "test": "C:\\ü.csv"}),
        ("{train: ä.csv, n: 3}", {"train": "ä.csv", "n": 3}),
    ],
)
def test_paths_in_lists_and_mappings_are_typed_so_too(value: str, expected: object) -> None:
    ((word,),) = split(f"data.path={value}")
    assert OverridesParser.create().parse_override(word).value() == expected


def test_paths_are_values_of_a_multirun() -> None:
    assert split("-m", "data.path=größe.csv,b.csv") == [["data.path='größe.csv'"], ["data.path=b.csv"]]


def test_the_way_to_write_it_is_named() -> None:
    assert unreadable("a") == "The override 'a' cannot be read; write path=value."
    assert """'a="b c"'""" in unreadable("a=b c")
