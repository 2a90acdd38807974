"""The command that asks a kept model: texts, files, formats, and every input that gets no answer."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import hpo
from hpo.commands.predict import main
from hpo.model.answers import TextModel
from tests.support.kept_models import described
from tests.support.measured_commands import measured_command
from tests.support.studies import run_study

TEXTS = ["Compute the eigenvalues of an array.", "Plot a figure with two axes", "a column of the data frame"]


@pytest.fixture
def model(kept_study: Path, tmp_path: Path) -> Path:
    """A copy of its model's folder, alone."""
    return Path(shutil.copytree(kept_study / "studies" / "tiny" / "model", tmp_path / "model"))


def ask(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Returns the one sentence a command ends with."""
    assert main(list(argv)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (sentence,) = said.err.splitlines()
    return sentence


def test_a_function_has_files_and_no_answers(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = workdir / "studies" / "own" / "best"
    best.mkdir(parents=True)
    (best / "hpo.json").write_text("{}")
    for name in ("own", "studies/own"):
        assert main([f"model={name}", "some text"]) == 2
        said = capsys.readouterr().err
        assert "The study 'own' trained a function of yours: hpo keeps what it wrote in" in said
        assert "studies/own/best and cannot answer with it" in said
    with pytest.raises(hpo.Refused, match="trained a function of yours"):
        hpo.load_model("own")


def test_a_function_that_wrote_nothing_has_no_answers_either(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_study(
        "trainer=function",
        "trainer.call=tests.support.functions:steps",
        "space=function",
        "study.metric=auc",
        "study.direction=maximize",
        "+space.params={lr: {type: float, low: 0.1, high: 1}}",
        "study.n_trials=1",
        "study.name=own",
        "tracking=none",
        "executor=inline",
    )
    assert main(["model=own", "some text"]) == 2
    assert "trained a function of yours, which wrote nothing into its folder" in capsys.readouterr().err
    with pytest.raises(hpo.Refused, match="which wrote nothing into its folder"):
        hpo.load_model("own")


def test_the_model_is_that_of_the_study_and_needs_nothing_of_it(
    kept_study: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = ask(capsys, "model=tiny", f"storage.path={kept_study}/hpo.db", "format=jsonl", *TEXTS)
    monkeypatch.chdir(model.parent)
    assert ask(capsys, f"model={model}", "format=jsonl", *TEXTS) == by_name
    rows = [json.loads(line) for line in by_name.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["probabilities"][row["label"]] == row["probability"] == max(row["probabilities"].values())


def test_the_formats_say_the_same(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in ask(capsys, f"model={model}", "format=jsonl", *TEXTS).splitlines()]
    cells = list(csv.DictReader(io.StringIO(ask(capsys, f"model={model}", "format=csv", *TEXTS))))
    table = ask(capsys, f"model={model}", *TEXTS).splitlines()
    for row, cell, line in zip(rows, cells, table[1:], strict=True):
        assert (cell["label"], float(cell["probability"])) == (row["label"], row["probability"])
        assert {name: float(cell[f"probability.{name}"]) for name in row["probabilities"]} == row["probabilities"]
        assert line.split()[:2] == [row["label"], f"{row['probability']:.4f}"]


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(model: Path) -> None:
    asked = TextModel(model)
    rng = np.random.default_rng(0)
    words = asked.description.vocab[9:200]
    texts = [" ".join(rng.choice(words, size=n)) for n in (3, 80, 200, 249, 400, 5)]
    together = asked.answer(texts)
    for text, answer in zip(texts, together, strict=True):
        (alone,) = asked.answer([text])
        assert answer.note == alone.note
        assert answer.probabilities is not None
        assert alone.probabilities is not None
        np.testing.assert_allclose(answer.probabilities, alone.probabilities, atol=1e-6)


def test_files_are_read_in_their_order_and_rows_without_an_answer_are_marked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "the array " * 50_000
    rows = [TEXTS[0], "", long, "qwxyz zyxwq", TEXTS[1], 'a "quoted" text,\nin two lines of an array']
    with (tmp_path / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["number", "text"], *enumerate(rows)])
    with (tmp_path / "texts.csv").open("ab") as file:
        file.write(b"6,bytes \xff that are none\n")
    parquet.write_table(pa.table({"text": [*rows, None]}), tmp_path / "texts.parquet")
    assert main([f"model={model}", "format=jsonl", f"{tmp_path}/texts.csv"]) == 0
    said = capsys.readouterr()
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [row["place"] for row in found] == [f"line {line}" for line in (2, 3, 4, 5, 6, 7, 9)]
    assert [row["note"] for row in found] == [
        "",
        "empty",
        "250 of 100,001 tokens read, as in training",
        "no known word",
        "",
        "",
        "bytes that are not text",
    ]
    assert [row["label"] is None for row in found] == [False, True, False, True, False, False, True]
    assert "3 of 7 texts have no answer" in said.err
    again = [
        json.loads(x) for x in ask(capsys, f"model={model}", "format=jsonl", f"{tmp_path}/texts.parquet").splitlines()
    ]
    assert [row["probabilities"] for row in again[:6]] == [row["probabilities"] for row in found[:6]]


@pytest.mark.slow
def test_a_long_file_needs_no_more_memory_than_a_short_one(model: Path, tmp_path: Path) -> None:
    peaks = []
    for n_rows in (1_000, 25_000):
        path = tmp_path / f"{n_rows}.csv"
        path.write_text("text\n" + "".join(f"row {i} of the array and its shape\n" for i in range(n_rows)))
        done = measured_command("predict", f"model={model}", "format=csv", str(path))
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == n_rows + 1
        peaks.append(done.peak_bytes)
    assert peaks[1] - peaks[0] < 30_000_000  # the long file's answers alone would be more


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.unlink()  # it may share its bytes with another
    path.write_bytes(data)


@pytest.mark.parametrize("at", [0, 200, -1])
@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_flipped_byte_is_noticed(model: Path, name: str, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    flip(model / name, at)
    assert name in (sentence := refused(capsys, f"model={model}", *TEXTS))
    assert "copy the model's folder again" in sentence


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_missing_file_is_named(model: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (model / name).unlink()
    assert name in refused(capsys, f"model={model}", *TEXTS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "is of format 2, this version of hpo reads format 1"),
        ({"format": None}, "is of format None"),
        ({"classes": ["a", "b"]}, "is not as it was written"),
        ({"vocab": ["xxunk"]}, "is not as it was written"),
    ],
)
def test_a_changed_description_is_refused(
    model: Path, change: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (model / "model.json").write_text(json.dumps({**described(model), **change}))
    assert said in refused(capsys, f"model={model}", *TEXTS)


def test_classes_in_another_order_are_refused(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = described(model)
    classes = content["classes"]
    assert isinstance(classes, list)
    (model / "model.json").write_text(json.dumps({**content, "classes": classes[::-1]}))
    assert "is not as it was written" in refused(capsys, f"model={model}", *TEXTS)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["text"], "model=… is missing"),
        (["model={model}"], "There is no text"),
        (["model=nobody", "text"], "model=nobody is neither a study"),
        (["model={model}", ""], "no answer: empty"),
        (["model={model}", " \n"], "no answer: empty"),
        (["model={model}", "qwxyz zyxwq"], "no answer: no known word"),
        (["model={model}", "\udcff\udcfe"], "no answer: bytes that are not text"),
        (["model={model}", "a" * 1_000_001], "too long: 1,000,001 characters, at most 1,000,000"),
        (["model={model}", "format=xml", "text"], "format=xml is unknown; allowed are table, csv, jsonl"),
        (["model={model}", "device=tpu", "text"], "hpo: device=tpu is not a device"),
        (["model={model}", "device=cuda:99", "text"], "hpo: device=cuda:99 is not on this machine"),
        (["model={model}", "--fast", "text"], "--fast is no option"),
        (["model={model}", "missing.csv"], "missing.csv is no file"),
        (
            ["model={model}", "{folder}/no-column.csv"],
            "usual name for texts: it has the columns 'content of mine'; name",
        ),
        (
            ["model={model}", "column=review", "{folder}/no-column.csv"],
            "which has the columns 'content of mine'; give another column=….",
        ),
        (["model={model}", "{folder}/picture.csv"], "no column with a usual name for texts"),
        (["model={model}", "{folder}/utf-16.csv"], "(is it encoding=utf-16?)"),
        (["model={model}", "{folder}/two.xlsx"], "there are 'a', 'b': say which by sheet=…."),
        (["model={model}", "delimiter=ab", "{folder}/ragged.csv"], "delimiter='ab' is no single character"),
        (["model={model}", "{folder}/empty.csv"], "is empty; give a file whose first row names its columns."),
        (["model={model}", "{folder}/ragged.csv"], "has 2 fields in line 2 and 1 in its header"),
        (["model={model}", "{folder}/quotes.csv"], "is not well-formed from line 2 on"),
        (["model={model}", "{folder}/no.parquet"], "is no readable Parquet file"),
        (["model={model}", "{folder}"], "is a folder; give the files in it, as in "),
        (["model={model}", "{folder}/texts.pdf"], "allowed are .csv, .tsv, .txt, .jsonl"),
        (
            ["model={model}", "encoding=utf-99", "{folder}/ragged.csv"],
            "encoding='utf-99' is no text encoding Python knows",
        ),
        (["model={folder}", "text"], "holds no model"),
    ],
)
def test_bad_input_is_one_sentence(
    model: Path, tmp_path: Path, argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "no-column.csv": b"content of mine\nsome text\n",
        "picture.csv": bytes(range(256)),
        "utf-16.csv": "text\nplot\n".encode("utf-16-le"),
        "empty.csv": b"",
        "ragged.csv": b"text\none,two\n",
        "quotes.csv": b'text\n"one" two\n',
        "no.parquet": b"PAR1 not",
        "texts.pdf": b"%PDF",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pd.ExcelWriter(tmp_path / "two.xlsx") as file:
        for sheet in ("a", "b"):
            pd.DataFrame({"text": ["x"]}).to_excel(file, sheet_name=sheet, index=False)
    assert said in refused(capsys, *(word.format(model=model, folder=tmp_path) for word in argv))


def test_a_device_may_be_left_to_the_machine(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, f"model={model}", "device=auto", *TEXTS).splitlines()[1:]


def test_a_file_without_rows_has_its_heading(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none.csv").write_text("text\n")
    assert ask(capsys, f"model={model}", "format=csv", f"{tmp_path}/none.csv").startswith("place,label,probability")
    assert ask(capsys, f"model={model}", "format=jsonl", f"{tmp_path}/none.csv") == ""


def test_a_study_without_a_model_says_so(kept_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "studies" / "young").mkdir(parents=True)
    assert "has no model yet" in refused(capsys, "model=young", f"storage.path={tmp_path}/hpo.db", "text")
    trial = next((kept_study / "studies" / "tiny" / "trials").iterdir())
    assert "describes no model" in refused(capsys, f"model={trial}", "text")


def test_another_version_of_the_tokenizer_is_told(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    from hpo.model.folder import from_json, to_json

    known = from_json(described(model), model)
    older = replace(known, tokenizer=replace(known.tokenizer, versions={**known.tokenizer.versions, "spacy": "3.0.0"}))
    (model / "model.json").write_text(json.dumps(to_json(older)))
    assert main([f"model={model}", TEXTS[0]]) == 0
    assert "was 3.0.0" in capsys.readouterr().err


def test_simultaneous_questions_have_the_answers_of_questions_one_by_one(model: Path) -> None:
    asked = TextModel(model)
    words = asked.description.vocab[9:200]
    rng = np.random.default_rng(0)
    questions = [[" ".join(rng.choice(words, size=200)) for _ in range(n)] for n in (1, 3) * 10]
    alone = [found(asked, question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: found(asked, question), questions))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def found(model: TextModel, texts: list[str]) -> np.ndarray:
    return np.array([answer.probabilities for answer in model.answer(texts)])


def test_a_byte_order_mark_before_quoted_names_is_none_of_them(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "exported.csv"
    path.write_text(f'"text","a, b"\n"{TEXTS[0]}","1"\n', encoding="utf-8-sig")
    (row,) = ask(capsys, f"model={model}", "format=jsonl", str(path)).splitlines()
    assert json.loads(row)["text"] == TEXTS[0]


def test_every_line_of_a_file_of_texts_alone_has_its_row(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts.csv").write_text(f"text\n{TEXTS[0]}\n\n{TEXTS[1]}\n")
    rows = [
        json.loads(line) for line in ask(capsys, f"model={model}", "format=jsonl", f"{tmp_path}/texts.csv").splitlines()
    ]
    assert [(row["place"], row["text"], row["note"]) for row in rows] == [
        ("line 2", TEXTS[0], ""),
        ("line 3", "", "empty"),
        ("line 4", TEXTS[1], ""),
    ]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends_within_a_text_end_no_row(
    model: Path, tmp_path: Path, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"an array{end}of two lines"
    parquet.write_table(pa.table({"text": [text, TEXTS[0]]}), tmp_path / "texts.parquet")
    written = ask(capsys, f"model={model}", "format=csv", f"{tmp_path}/texts.parquet")
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [row["text"] for row in rows] == [text, TEXTS[0]]
    assert written.splitlines()[0].startswith("place,label")


def test_bytes_that_are_no_text_are_marked_in_parquet_too(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    column = pa.array([b"an array", b"bytes \xff"], pa.binary()).view(pa.string())
    parquet.write_table(pa.table({"text": column}), tmp_path / "texts.parquet")
    rows = [
        json.loads(x) for x in ask(capsys, f"model={model}", "format=jsonl", f"{tmp_path}/texts.parquet").splitlines()
    ]
    assert [row["note"] for row in rows] == ["", "bytes that are not text"]


def test_a_full_disk_is_a_sentence(model: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\n" + f"{TEXTS[0]}\n" * 300)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hpo.predict", f"model={model}", f"{tmp_path}/texts.csv"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "hpo: The answers cannot be written: No space left on device.\n"


def test_a_name_that_is_none_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is neither a study" in refused(capsys, f"model={'x' * 300}", "text")
    assert "is neither a study" in refused(capsys, f"model=models/{'x' * 300}", "text")


def test_a_damaged_page_of_parquet_names_its_file(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "texts.parquet"
    parquet.write_table(
        pa.table({"text": [f"array {i}" for i in range(600)]}), path, compression="gzip", use_dictionary=False
    )
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    assert "texts.parquet is no readable Parquet file" in refused(capsys, f"model={model}", str(path))


@pytest.mark.parametrize("word", ["modle=x", "colum=text", "storage=postgres"])
def test_a_misspelt_setting_is_no_text(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model=x", word, "a text"]) == 2
    said = f"{word} is no setting; those are model, format, column, encoding, "
    said += "delimiter, sheet, device, storage.path, storage.folder, and a text has a space in it."
    assert capsys.readouterr().err == f"hpo: {said}\n"


def test_texts_are_read_in_the_shapes_that_data_come_in(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"id": [1, 2], "Review": TEXTS[:2]})
    shapes = {
        "t.csv": frame.to_csv(index=False, sep=";").encode("utf-16"),
        "t.tsv": frame.to_csv(index=False, sep="\t").encode(),
        "t.jsonl.gz": gzip.compress(frame.to_json(orient="records", lines=True).encode()),
        "t.json": frame.to_json(orient="records").encode(),
        "t.txt": "\n".join(TEXTS[:2]).encode(),
        "rt-polarity.pos": "\n".join(TEXTS[:2]).encode(),
        "labelled.txt": "".join(f"__label__x {text}\n" for text in TEXTS[:2]).encode(),
    }
    for name, content in shapes.items():
        (tmp_path / name).write_bytes(content)
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    for name in [*shapes, "t.xlsx"]:
        rows = ask(capsys, f"model={model}", "format=jsonl", str(tmp_path / name)).splitlines()
        assert [json.loads(row)["text"] for row in rows] == TEXTS[:2], name
