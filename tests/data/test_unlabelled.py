"""Texts without labels: found by every source that has them, read by language models, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.config.schema import DataConfig, Tokenizer
from hpo.data.corpus import Corpus, open_corpus, prepare
from hpo.data.unlabelled import open_unlabelled, prepare_unlabelled
from tests.support.data_sources import folder, imdb, table

LABELLED = {"a": ["one two three", "one one two"] * 6, "b": ["two four four", "three four four"] * 6}
MORE = ["one four", "three words unheard"]


def lay_out_folder(root: Path, more: str, parts: tuple[str, ...] = ("train",)) -> None:
    for part in parts:
        for label, texts in LABELLED.items():
            (root / part / label).mkdir(parents=True)
            for number, text in enumerate(texts):
                (root / part / label / f"{number}.txt").write_text(text)
    (root / more).mkdir()
    for number, text in enumerate(MORE):
        (root / more / f"{number}.txt").write_text(text)


def of_table(path: Path) -> DataConfig:
    rows = [f"{label},train,{text}" for label, texts in LABELLED.items() for text in texts]
    rows[3:3] = [f",unlabelled,{text}" for text in [MORE[0], "  ", MORE[1]]]
    (path / "texts.csv").write_text("label,split,text\n" + "\n".join(rows) + "\n")
    return table(path / "texts.csv", split_column="split")


def of_folder(path: Path) -> DataConfig:
    lay_out_folder(path / "texts", "unlabelled")
    return folder(path / "texts")


def of_imdb(path: Path) -> DataConfig:
    classes = {"neg": LABELLED["a"], "pos": LABELLED["b"]}
    for part in ("train", "test"):
        for label, texts in classes.items():
            (path / "imdb" / part / label).mkdir(parents=True)
            for number, text in enumerate(texts):
                (path / "imdb" / part / label / f"{number}.txt").write_text(text)
    (path / "imdb" / "unsup").mkdir()
    for number, text in enumerate(MORE):
        (path / "imdb" / "unsup" / f"{number}.txt").write_text(text)
    return imdb(path / "cache", path=str(path / "imdb"))


SOURCES = [of_table, of_folder, of_imdb]


def words(corpus: Corpus, ids: np.ndarray) -> str:  # type: ignore[type-arg]
    return " ".join(corpus.vocab[i] for i in ids)


def none(_done: int, _total: int) -> None:
    pass


@pytest.mark.parametrize("source", SOURCES)
def test_they_are_numbered_with_the_words_of_the_train_part(
    tmp_path: Path, source: Callable[[Path], DataConfig]
) -> None:
    config = source(tmp_path)
    corpus = open_corpus(prepare(config))
    made = prepare_unlabelled(config, corpus, on_progress=none)
    assert made is not None
    assert [words(corpus, ids) for ids in open_unlabelled(made)] == ["xxbos one four", "xxbos three xxunk xxunk"]
    assert "unheard" not in corpus.vocab
    assert corpus.classes == sorted({"neg": 0, "pos": 0} if source is of_imdb else LABELLED)
    assert prepare_unlabelled(config, corpus, on_progress=none) == made


@pytest.mark.parametrize("source", SOURCES)
def test_they_change_no_corpus(
    tmp_path: Path, source: Callable[[Path], DataConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = source(tmp_path)
    with_them = open_corpus(prepare(config)).fingerprint
    monkeypatch.setitem(globals(), "MORE", ["other", "texts"])
    (tmp_path / "again").mkdir()
    assert open_corpus(prepare(source(tmp_path / "again"))).fingerprint == with_them


def test_other_texts_are_others(tmp_path: Path) -> None:
    config = of_folder(tmp_path)
    corpus = open_corpus(prepare(config))
    first = prepare_unlabelled(config, corpus, on_progress=none)
    (tmp_path / "texts" / "unlabelled" / "2.txt").write_text("one more")
    assert prepare_unlabelled(config, corpus, on_progress=none) not in (None, first)


def test_most_data_have_none(tmp_path: Path) -> None:
    rows = [f"{label},{text}" for label, texts in LABELLED.items() for text in texts]
    (tmp_path / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    config = table(tmp_path / "texts.csv")
    assert prepare_unlabelled(config, open_corpus(prepare(config)), on_progress=none) is None


def test_one_that_is_too_long_is_named(tmp_path: Path) -> None:
    config = replace(of_folder(tmp_path), tokenizer=Tokenizer.spacy)
    corpus = open_corpus(prepare(config))
    (tmp_path / "texts" / "unlabelled" / "00.txt").write_text("  ")
    (tmp_path / "texts" / "unlabelled" / "9.txt").write_text("a" + " b c" * 250_000)
    with pytest.raises(ValueError, match=r"^The text in unlabelled/9\.txt has 1,000,001 characters; data\.tokenizer"):
        prepare_unlabelled(config, corpus, on_progress=none)


def test_an_empty_split_column_is_refused_before_any_text_is_taken_for_unlabelled(tmp_path: Path) -> None:
    config = replace(of_table(tmp_path), split_column="")
    for read in (lambda: prepare(config), config.open_unlabelled):
        with pytest.raises(ValueError, match=r"^data\.split_column is empty; name a column .* or give null\.$"):
            read()
