"""Corpora are prepared once, whole, and the same whoever prepares them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.config.schema import DataConfig, Empty, Keep, Labels, Tokenizer
from hpo.data.corpus import find_prepared, open_corpus, prepare
from hpo.data.table import TableConfig
from tests.support.data_sources import class_folders, folder, reviews, table, with_cache, write_folder, write_tsv

SCRIPT = """
import pickle, sys, time
from hpo.data.corpus import prepare

def wait(stage, done, total):
    if stage == "texts" and done == total:
        print("ready", flush=True)
        sys.stdin.readline()

print(prepare(pickle.loads(sys.stdin.buffer.read(int(sys.argv[1]))), on_progress=wait))
"""


@pytest.fixture
def config(tmp_path: Path) -> TableConfig:
    """The configuration of 40 short reviews in a TSV."""
    return table(write_tsv(tmp_path / "reviews.tsv", reviews(20)))


def start(config: DataConfig) -> subprocess.Popen[bytes]:
    """Returns a process preparing `config` that stops, everything tokenized, before it writes."""
    content = pickle.dumps(config)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCRIPT, str(len(content))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    process.stdin.write(content)
    process.stdin.flush()
    return process


def ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"


def published(path: Path) -> TableConfig:
    """Returns the configuration of 24 reviews with their parts: no time is spent on importing sklearn."""
    parts = ["train", "valid", "test"] * 8
    rows = [(*row, part) for row, part in zip(reviews(12), parts, strict=True)]
    return table(write_tsv(path, rows, header="label\ttext\tpart"), split_column="part")


def folders(config: DataConfig) -> list[str]:
    return sorted(path.name for path in Path(config.cache).iterdir() if path.name != "index")


def test_a_corpus_holds_ids_labels_and_facts(config: TableConfig) -> None:
    corpus = open_corpus(prepare(config))
    assert [len(corpus.part(name)) for name in ("train", "valid", "test")] == [24, 8, 8]
    assert isinstance(corpus.train.ids, np.memmap)
    assert corpus.train.offsets[-1] == len(corpus.train.ids) == 24 * 8
    assert corpus.classes == ["neg", "pos"]
    first = [corpus.vocab[i] for i in corpus.train.ids[: corpus.train.offsets[1]]]
    assert first == ["xxbos", "review", first[2], "is", "neg", ",", "truly", "."]
    assert sorted(corpus.valid.labels) == [0] * 4 + [1] * 4
    assert corpus.facts == {
        "fingerprint": corpus.fingerprint,
        "name": "small",
        "source": "table",
        "tokenizer": "words",
        "n_train": 24,
        "n_valid": 8,
        "n_test": 8,
        "n_classes": 2,
        "n_vocab": len(corpus.vocab),
        "n_tokens": sum(len(corpus.part(name).ids) for name in ("train", "valid", "test")),
    }
    with pytest.raises(ValueError, match="no part 'dev'; allowed are train, valid, test"):
        corpus.part("dev")


def test_the_second_time_nothing_is_read(config: TableConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepare(config)
    monkeypatch.setattr("hpo.data.table.read_table", lambda _: pytest.fail("read again"))
    assert prepare(config) == folder


@pytest.mark.parametrize("name", ["corpus.json", "train.labels.npy", "valid.ids.npy", "test.texts.jsonl"])
def test_a_damaged_corpus_is_prepared_anew_bit_for_bit(
    config: TableConfig, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.data.baseline.time.process_time", lambda: 0.0)  # the seconds of the baseline differ
    folder = prepare(config)
    sound = {path.name: path.read_bytes() for path in folder.iterdir()}
    damaged = bytearray((folder / name).read_bytes())
    damaged[-8] ^= 1
    (folder / name).write_bytes(damaged)
    notes: list[str] = []
    assert find_prepared(config) is None
    assert prepare(config, on_note=notes.append) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == sound
    assert notes == [f"{folder} is damaged ({name} is not what was written); it is made anew."]
    assert prepare(config, on_note=pytest.fail) == folder


def test_same_content_elsewhere_is_not_tokenized_again(
    config: TableConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepare(config)
    moved = Path(config.path).rename(tmp_path / "moved.tsv")
    monkeypatch.setattr("hpo.data.vocabulary.tokenize_texts", lambda *_, **__: pytest.fail("tokenized again"))
    assert prepare(replace(config, path=str(moved))) == folder


@pytest.mark.parametrize(
    "settings",
    [
        {"tokenizer": Tokenizer.spacy},
        {"min_freq": 2},
        {"max_vocab": 12},
        {"max_tokens": 3},
        {"split_seed": 1},
        {"valid": 0.3},
        {"train_fraction": 0.5},
    ],
)
def test_whatever_changes_the_corpus_changes_its_fingerprint(config: TableConfig, settings: dict[str, object]) -> None:
    other = replace(config, **settings)
    assert open_corpus(prepare(config)).fingerprint != open_corpus(prepare(other)).fingerprint
    assert len(folders(config)) == 2


def test_the_tokenizer_of_texts_without_blanks_is_chosen_once_and_recorded(tmp_path: Path) -> None:
    rows = [
        (label, f"第{i}部电影{word}。") for label, word in (("neg", "太无聊"), ("pos", "很好看")) for i in range(20)
    ]
    path = write_tsv(tmp_path / "zh.tsv", rows)
    auto = open_corpus(prepare(table(path, tokenizer=Tokenizer.auto)))
    assert auto.facts["tokenizer"] == "unicode"
    assert auto.folder == prepare(table(path, tokenizer=Tokenizer.unicode))
    assert {"电影", "很好", "无聊"} <= set(auto.vocab)
    assert auto.baseline.valid["accuracy"] == 1.0


def test_english_is_cut_as_without_a_choice(config: TableConfig) -> None:
    assert prepare(replace(config, tokenizer=Tokenizer.auto)) == prepare(replace(config, tokenizer=Tokenizer.spacy))


def test_a_part_whose_words_are_mostly_unknown_is_said(tmp_path: Path) -> None:
    rows = [(label, f"w{i}x w{i}y w{i}z {label}") for label in ("neg", "pos") for i in range(20)]
    config = table(write_tsv(tmp_path / "t.tsv", rows), min_freq=3)
    notes = [note for note in open_corpus(prepare(config)).notes if "unknown" in note]
    assert notes[0].startswith("75% of the words of the train part are unknown, being rarer in the train part")
    assert [note.split(" part")[0].split()[-1] for note in notes] == ["train", "valid", "test"]
    assert not any("unknown" in note for note in open_corpus(prepare(table(config.path, min_freq=1))).notes)


def test_slips_of_labels_are_said(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "t.tsv", [*reviews(20), ("Pos", "Review 20 is pos, truly.")])
    with pytest.raises(ValueError, match=r"^data\.label_column=label of data\.path=.* 'pos' and 'Pos' \(line 42\), "):
        prepare(table(path))
    corpus = open_corpus(prepare(table(path, labels=Labels.clean)))
    assert corpus.notes[0].endswith("differ in the case or width of letters only: read as 'pos', 21 texts.")
    assert corpus.classes == ["neg", "pos"]


def test_changed_texts_are_another_corpus(config: TableConfig) -> None:
    before = prepare(config)
    write_tsv(Path(config.path), reviews(21))
    assert prepare(config) != before


def test_folder_and_table_give_the_same_ids(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "reviews", {f"{label}/{text[7:12]}": text for label, text in reviews(20)})
    rows = sorted(reviews(20), key=lambda row: (row[0], row[1][7:12]))
    tables = table(write_tsv(tmp_path / "reviews.tsv", rows))
    first, second = open_corpus(prepare(folder(root))), open_corpus(prepare(tables))
    assert first.fingerprint == second.fingerprint
    assert first.folder != second.folder


def test_long_texts_are_cut(config: TableConfig) -> None:
    corpus = open_corpus(prepare(replace(config, max_tokens=3, keep=Keep.tail)))
    assert set(np.diff(corpus.train.offsets)) == {3}
    assert {corpus.vocab[i] for i in corpus.train.ids} == {"xxbos", "truly", "."}


def test_progress_is_reported(tmp_path: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    config = folder(write_folder(tmp_path / "t", class_folders(10)))
    prepare(config, on_progress=lambda *report: reports.append(report))
    assert reports == [("files", 20, 20), ("texts", 0, 20), ("texts", 20, 20)]


def test_two_preparations_at_once_make_one_corpus(tmp_path: Path) -> None:
    config = published(tmp_path / "reviews.tsv")
    processes = [start(config), start(config)]
    for process in processes:
        ready(process)
    outputs = [process.communicate(b"\n")[0].decode().strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(set(outputs)) == len(folders(config)) == 1
    alone = prepare(with_cache(config, tmp_path / "alone"))
    assert open_corpus(outputs[0]).fingerprint == open_corpus(alone).fingerprint


def test_a_killed_preparation_leaves_nothing(tmp_path: Path) -> None:
    config = published(tmp_path / "reviews.tsv")
    process = start(config)
    ready(process)
    assert [name.startswith(".making-") for name in folders(config)] == [True]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = prepare(config)
    assert folders(config) == [folder.name]
    assert len(open_corpus(folder).train) == 8


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"min_freq": 0}, r"^data\.min_freq=0 is too low; the lowest allowed is 1"),
        ({"max_vocab": 9}, r"^data\.max_vocab=9 is too low; the lowest allowed is 10"),
        ({"max_tokens": 1}, r"^data\.max_tokens=1 is too low; the lowest allowed is 2"),
        ({"valid": 2.0}, r"^data\.valid=2\.0 is no fraction"),
    ],
)
def test_settings_out_of_range_are_refused(config: TableConfig, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        prepare(replace(config, **settings))


def test_data_that_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    blank = table(write_tsv(tmp_path / "blank.tsv", [*reviews(5), ("pos", " ")]))
    with pytest.raises(
        ValueError,
        match=r"^data\.path=.*blank\.tsv has 1 empty text in line 12; fill them",
    ):
        prepare(blank)
    with pytest.raises(ValueError, match="has one class only, 'pos'"):
        prepare(table(write_tsv(tmp_path / "one.tsv", reviews(5, ["pos"]))))
    with pytest.raises(ValueError, match=r"holds no texts; data=small needs at least two per class"):
        prepare(table(write_tsv(tmp_path / "none.tsv", [])))


def test_a_text_that_is_too_long_for_its_tokenizer_is_named(tmp_path: Path) -> None:
    texts = [*reviews(12), ("neg", "a" + " b c" * 250_000), *reviews(12)]
    config = table(write_tsv(tmp_path / "long.tsv", texts), tokenizer=Tokenizer.spacy)
    with pytest.raises(ValueError, match=r"^The text in line 26 has 1,000,001 characters; data\.tokenizer=spacy takes"):
        prepare(config)
    assert open_corpus(prepare(replace(config, tokenizer=Tokenizer.words))).facts["n_classes"] == 2


def test_a_folder_without_a_corpus_is_refused(config: TableConfig, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no prepared corpus \(corpus\.json is missing\); delete"):
        open_corpus(tmp_path)
    folder = prepare(config)
    (folder / "valid.ids.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"\(valid\.ids\.npy is missing\)"):
        open_corpus(folder)


def test_opening_and_finding_import_nothing_heavy(config: TableConfig) -> None:
    prepare(config)
    content = pickle.dumps(config)
    code = (
        "import pickle, sys; from hpo.data.corpus import open_corpus, prepare;"
        f"open_corpus(prepare(pickle.loads({content!r})));"
        "print(sorted({'torch', 'fastai', 'spacy', 'pandas', 'pyarrow', 'sklearn'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_empty_texts_are_left_out_if_that_is_asked_for(tmp_path: Path) -> None:
    rows = [("up", f"good film {i}") for i in range(10)] + [("down", f"bad film {i}") for i in range(10)]
    path = write_tsv(tmp_path / "t.tsv", [*rows, ("up", " "), ("down", "")])
    corpus = open_corpus(prepare(table(path, empty=Empty.drop)))
    assert sum(len(corpus.part(name)) for name in ("train", "valid", "test")) == 20
    assert corpus.notes == ("2 of 22 texts are empty and left out, the first in line 22 (data.empty=drop).",)
    with pytest.raises(ValueError, match=r"has 2 empty texts, the first in line 22; fill them, or leave them out by"):
        prepare(table(path))


def test_equal_texts_and_those_with_two_labels_are_noted(tmp_path: Path) -> None:
    rows = [("up", f"good film {i}", "train") for i in range(9)] + [
        ("down", f"bad film {i}", "train") for i in range(9)
    ]
    rows += [("up", "bad film 1", "valid"), ("down", "bad  film 2", "valid"), ("up", "good film unheard", "test")]
    rows += [("down", "dull film unheard", "test")]
    path = write_tsv(tmp_path / "t.tsv", [*rows, ("down", "good film 3", "train")], header="label\ttext\tpart")
    corpus = open_corpus(prepare(table(path, split_column="part")))
    assert corpus.notes == (
        "Also in train, token by token: 2 of 2 texts of valid; what is measured on them is too good.",
        "Also in train under another label, token by token: 2 of 19 texts of train and 1 of 2 texts of valid; no model "
        "can learn both.",
    )


def test_rows_of_one_group_stay_in_one_part(tmp_path: Path) -> None:
    words = ["up" if i % 2 else "down" for i in range(120)]
    rows = [(word, f"by author {i // 6} was {word}", f"author {i // 6}") for i, word in enumerate(words)]
    path = write_tsv(tmp_path / "t.tsv", rows, header="label\ttext\tauthor")
    corpus = open_corpus(prepare(table(path, group_column="author")))
    assert not [note for note in corpus.notes if "Also in train, token" in note]
    assert [len(corpus.part(name)) for name in ("train", "valid", "test")] == [72, 24, 24]
    without = open_corpus(prepare(table(path)))
    assert [note for note in without.notes if "Also in train, token" in note]
