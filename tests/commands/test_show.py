"""The command that shows what is in the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.commands.show import main


@pytest.fixture
def table(workdir: Path) -> Path:
    rows = [f"{i % 2},{'good' if i % 2 else 'bad'} text number {i}" for i in range(60)]
    (workdir / "texts.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    return workdir


def test_it_shows_classes_lengths_words_a_sample_and_a_baseline(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["data=table", "data.path=texts.csv", "data.tokenizer=words", "data.cache=cache", "data.min_freq=2"]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines() if line.startswith(("0 ", "1 ", "all"))][:3] == [
        ["0", "24", "3", "3"],
        ["1", "24", "3", "3"],
        ["all", "48", "6", "6"],
    ]
    assert "xxbos good text number xxunk" in shown
    assert "75.00 %" in shown  # of four words, the number is unknown
    assert "accuracy 1.0000" in shown
    assert "Also in train" not in shown


def test_it_says_how_many_texts_are_in_train_too(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i % 2},train,text number {i}" for i in range(60)] + [f"{i % 2},valid,another text {i}" for i in range(9)]
    rows += [f"{i % 2},test,text number {i}" for i in (3, 4, 5)] + ["0,test,more", "1,test,most"]
    (workdir / "texts.csv").write_text("\n".join(["label,part,text", *rows]) + "\n")
    argv = ["data=table", "data.path=texts.csv", "data.split_column=part", "data.tokenizer=words", "data.cache=cache"]
    assert main(argv) == 0
    assert "Also in train, token by token: 3 of 5 texts of test; what is measured on them" in capsys.readouterr().out


def test_what_the_tokenizer_drops_makes_no_text_a_new_one(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i % 2},train,text number {i}" for i in range(60)] + [f"{i % 2},valid,another text {i}" for i in range(9)]
    rows += ["1,test,Text  Number 3", '0,test,"text number 4 \n"', "0,test,text number 99 and more"]
    (workdir / "texts.csv").write_text("\n".join(["label,part,text", *rows]) + "\n")
    argv = ["data=table", "data.path=texts.csv", "data.split_column=part", "data.tokenizer=words", "data.cache=cache"]
    assert main([*argv, "data.min_freq=1"]) == 0
    assert "Also in train, token by token: 2 of 3 texts of test; what is measured on them" in capsys.readouterr().out


def test_damaged_data_are_prepared_anew_with_one_note(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["data=table", "data.path=texts.csv", "data.tokenizer=words", "data.cache=cache", "data.min_freq=2"]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    (labels,) = Path("cache").glob("*/train.labels.npy")
    labels.write_bytes(labels.read_bytes()[:-1])
    assert main(argv) == 0
    again = capsys.readouterr()
    assert again.out == shown
    assert (
        again.err
        == f"hpo: {labels.parent.absolute()} is damaged ({labels.name} is not what was written); it is made anew.\n"
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["data=table", "data.path=nobody.csv"], "data.path=nobody.csv does not exist"),
        (["data=table", "data.path=texts.csv", "data.text_column=body"], "data.text_column=body"),
        (["data=films"], "films"),
        (["data.min_freq=0"], "data.min_freq=0"),
    ],
)
def test_bad_input_is_one_sentence(table: Path, argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    out = capsys.readouterr()
    assert said in out.err
    assert len(out.err.splitlines()) == 1
    assert out.out == ""
