"""Tables in every shape that people have them: each is read as the plain file is, or refused in its sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from hpo.data.table import read_table
from tests.support.data_sources import table

TEXTS = ["good, really", 'so "so"', "größer als gut", "two\nlines", "3,5 stars; or 4"]
LABELS = ["up", "down", "up", "down", "up"]
FRAME = pd.DataFrame({"text": TEXTS, "label": LABELS})
PLAIN = FRAME.to_csv(index=False)

Write = Callable[[Path], object]


def written(name: str, content: str | bytes, **settings: object) -> tuple[str, Write, dict[str, object]]:
    data = content.encode() if isinstance(content, str) else content
    return name, lambda path: path.write_bytes(data), settings


def csv(
    name: str, sep: str, *, header: str | None = None, encoding: str = "utf-8", start: str = "", **settings: object
):
    lines = FRAME.to_csv(index=False, sep=sep)
    content = start + (lines if header is None else header + lines[lines.index("\n") :])
    return written(name, content.encode(encoding), **settings)


def arrow(name: str, *types: pa.DataType, **settings: object):
    def write(path: Path) -> None:
        parquet.write_table(
            pa.table([pa.array(v).cast(t) for v, t in zip((TEXTS, LABELS), types, strict=True)], ["text", "label"]),
            path,
        )

    return name, write, settings


def zipped(*members: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def excel(*sheets: tuple[str, pd.DataFrame], **settings: object):
    def write(path: Path) -> None:
        with pd.ExcelWriter(path) as file:
            for name, frame in sheets:
                frame.to_excel(file, sheet_name=name, index=False)

    return "t.xlsx", write, settings


def zstd(content: str) -> bytes:
    return bytes(pa.Codec("zstd").compress(content.encode(), asbytes=True))


ROWS = [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]
JSONL = "\n".join(json.dumps(row) for row in ROWS)
SIMPLE = "\n".join(["text\tlabel", *["a b\tup", "c d\tdown"] * 2])
NESTED = "\n".join(json.dumps({"data": {"text": row["text"], "by": {"label": row["label"]}}}) for row in ROWS)
BELOW_HEADER = "string\tdiscrete\ninclude=True\tclass\n\t\n"
ORANGE = FRAME.to_csv(index=False, sep="\t").replace("\n", f"\n{BELOW_HEADER}", 1)
READ = {
    "commas": csv("t.csv", ","),
    "semicolons": csv("t.csv", ";"),
    "tabs called csv": csv("t.csv", "\t"),
    "strokes": csv("t.csv", "|"),
    "tabs": csv("t.tsv", "\t"),
    "commas called tsv": csv("t.tsv", ","),
    "tab file called txt": csv("t.txt", "\t"),
    "commas called txt": csv("t.txt", ","),
    "sep line": csv("t.csv", ";", start="sep=;\n"),
    "sep line in quotes": csv("t.csv", ";", start='"sep=;"\r\n'),
    "sep line of another sign": csv("t.csv", "^", start="sep=^\n"),
    "given delimiter": csv("t.csv", "^", delimiter="^"),
    "given tab": csv("t.csv", "\t", delimiter="\\t"),
    "mark": csv("t.csv", ",", encoding="utf-8-sig"),
    "mark and semicolons": csv("t.csv", ";", encoding="utf-8-sig"),
    "mark and sep line": csv("t.csv", ";", encoding="utf-8-sig", start="sep=;\n"),
    "utf-16": csv("t.csv", ";", encoding="utf-16"),
    "utf-16 tabs": csv("t.txt", "\t", encoding="utf-16"),
    "utf-32": csv("t.csv", ",", encoding="utf-32"),
    "blanks in the header": csv("t.csv", ",", header="text, label"),
    "capitals in the header": csv("t.csv", ";", header="Text;LABEL"),
    "usual names": csv("t.csv", ";", header="Review;Sentiment"),
    "given names": csv("t.csv", ";", header="Was;Wie", text_column="Was", label_column="Wie"),
    "no header": written("t.csv", PLAIN.partition("\n")[2], columns=["text", "label"]),
    "line ends of Windows": written("t.csv", PLAIN.replace("down\n", "down\r\n").replace("up\n", "up\r\n")),
    "mixed line ends": written("t.csv", PLAIN.replace("down\n", "down\r\n").replace("label\n", "label\r")),
    "blank lines": written("t.csv", PLAIN.replace("up\n", "up\n\n") + "\n\n"),
    "empty rows": written("t.csv", PLAIN + ",\n , \n"),
    "types and roles of Orange": written("t.tab", ORANGE),
    "objects in json lines": written("t.jsonl", NESTED, text_column="data.text", label_column="data.by.label"),
    "gz": written("t.csv.gz", gzip.compress(PLAIN.encode())),
    "gz of semicolons": written("t.csv.gz", gzip.compress(FRAME.to_csv(index=False, sep=";").encode())),
    "gz of tabs": written("t.tsv.gz", gzip.compress(FRAME.to_csv(index=False, sep="\t").encode())),
    "gz in two members": written("t.csv.gz", gzip.compress(PLAIN[:30].encode()) + gzip.compress(PLAIN[30:].encode())),
    "gz that is none": written("t.csv.gz", PLAIN),
    "csv that is gz": written("t.csv", gzip.compress(PLAIN.encode())),
    "bz2": written("t.csv.bz2", bz2.compress(PLAIN.encode())),
    "xz": written("t.csv.xz", lzma.compress(PLAIN.encode())),
    "zst": written("t.csv.zst", zstd(PLAIN)),
    "zip": written("t.zip", zipped(("in/t.csv", PLAIN), ("__MACOSX/._t.csv", "x"))),
    "json lines": written("t.jsonl", JSONL),
    "json lines with a mark": written("t.jsonl", JSONL.encode("utf-8-sig")),
    "json lines called json": written("t.json", JSONL + "\n\n"),
    "json lines gz": written("t.jsonl.gz", gzip.compress(JSONL.encode())),
    "json array": written("t.json", json.dumps(ROWS)),
    "json array, indented": written("t.json", json.dumps(ROWS, indent=2)),
    "json in one list": written("t.json", json.dumps({"version": "1", "data": ROWS})),
    "json columns": written("t.json", FRAME.to_json()),
    "json columns, indented": written("t.json", FRAME.to_json(indent=2)),
    "json lists": written("t.json", json.dumps({"text": TEXTS, "label": LABELS})),
    "excel": excel(("Sheet1", FRAME)),
    "excel with an empty sheet": excel(("a", FRAME), ("b", pd.DataFrame())),
    "excel with another sheet": excel(("about", pd.DataFrame({"by": ["me"]})), ("texts", FRAME)),
    "excel with a sheet given": excel(("a", FRAME.iloc[::-1]), ("b", FRAME), sheet="b"),
    "parquet": arrow("t.parquet", pa.string(), pa.string()),
    "parquet of large strings": arrow("t.parquet", pa.large_string(), pa.large_string()),
    "parquet of categories": arrow("t.parquet", pa.string(), pa.dictionary(pa.int32(), pa.string())),
    "parquet of text views": arrow("t.pq", pa.string_view(), pa.string_view()),
    "parquet called csv": arrow("t.csv", pa.string(), pa.string()),
}  # fmt: skip


@pytest.mark.parametrize("shape", READ)
def test_a_shape_is_read_as_the_plain_file_is(tmp_path: Path, shape: str) -> None:
    name, write, settings = READ[shape]
    write(tmp_path / name)
    given: dict[str, object] = {"text_column": None, "label_column": None, **settings}
    found = read_table(table(tmp_path / name, **given))
    assert (found.texts, found.labels, found.given) == (TEXTS, LABELS, None)


REFUSED = {
    "empty": (written("t.csv", ""), r"t\.csv is empty; give a file whose first row names its columns\.$"),
    "no header": (
        written("t.csv", "a good film indeed,up\na bad film indeed,down\n"),
        r"has no column with a usual name for texts: .* 'a good film indeed', 'up'; name .*data\.columns",
    ),
    "one column": (written("t.csv", "text\na\nb\n"), r"a usual name for labels: it has the columns 'text'"),
    "a list of texts": (written("t.txt", "a b\nc d\n"), r"no column with a usual name for labels"),
    "two columns of one name": (
        written("t.csv", "text,label,label\na,b,c\n"), r"may have its labels in 'label' or 'label'; say in which by"
    ),
    "two usual names": (
        written("t.csv", "review,sentence,class\na,b,c\n"), r"its texts in 'review' or 'sentence'; say in"
    ),
    "uneven rows": (
        written("t.csv", "text,label\na, b,up\n"),
        r"3 fields in line 2 and 2 in its header, separated by commas; .* quotes around those that hold",
    ),
    "broken quotes": (written("t.csv", 'text;label\n"a;up\n'), r"is not well-formed from line 2 on"),
    "delimiter of two": (csv("t.csv", ";", delimiter="::"), r"^data\.delimiter='::' is no single character; give ','"),
    "not utf-8": (csv("t.csv", ";", encoding="cp1252"), r"line 4 has byte 0xf6 \(byte \d+ of .*data\.encoding=cp1252"),
    "utf-16 without a mark": (
        csv("t.csv", ";", encoding="utf-16-be"),
        r"not utf-8 throughout: .*; try data\.encoding=utf-16-be, or convert the file\.$",
    ),
    "gz cut off": (written("t.csv.gz", gzip.compress(PLAIN.encode())[:-9]), r"cannot be unpacked: .* gzip file"),
    "gz broken": (written("t.csv.gz", gzip.compress(b"x" * 9)[:12] + b"\0" * 40), r"cannot be unpacked: .* gzip file"),
    "zst cut off": (written("t.csv.zst", zstd(PLAIN * 9)[:40]), r"cannot be unpacked: .* zstd file"),
    "xz cut off": (written("t.csv.xz", lzma.compress(PLAIN.encode())[:-30]), r"cannot be unpacked: .* xz file"),
    "bz2 cut off": (written("t.csv.bz2", bz2.compress(PLAIN.encode())[:-30]), r"cannot be unpacked: .* bzip2 file"),
    "zip of two": (written("t.zip", zipped(("a.csv", PLAIN), ("b.csv", PLAIN))), r"archive of 2 files \(a\.csv, b\."),
    "zip of none": (written("t.zip", zipped(("a/", ""))), r"zip archive of no file"),
    "tar": (written("t.tar.gz", gzip.compress(b"x")), r"ends in '\.tar'; allowed are \.csv, .*"),
    "old excel": (written("t.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 90), r"'\.xls'; allowed are .*Save an old Excel"),
    "encrypted excel": (written("t.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 90), r"an old or encrypted Excel"),
    "no excel": (written("t.xlsx", "text,label\n"), r"is no readable Excel file \(.*\); save it anew"),
    "two sheets": (excel(("a", FRAME), ("b", FRAME)), r"several sheets; .* 'a', 'b': say which by data\.sheet="),
    "no such sheet": (excel(("a", FRAME), sheet="b"), r"^data\.sheet=b is no sheet of .*; there are 'a'\.$"),
    "pointer": (written("t.csv", "version https://git-lfs.github.com/spec/v1\n"), r"pointer of Git LFS, .* lfs pull"),
    "json broken": (
        written("t.jsonl", '{"text": "a", "label": 1}\n{"text": "b" "label": 2}\n'), r"no JSON in line 2, character 14"
    ),
    "json array broken": (written("t.json", '[\n{"text": "a"},\n{"text"}]'), r"is no JSON in line 3, character 8"),
    "json of one": (written("t.json", '{"a": 1}'), r"usual name for texts: it has the columns 'a'"),
    "json of a text": (written("t.json", '"a"'), r"holds a text, no rows"),
    "json of texts": (written("t.json", '["a", "b"]'), r"has a text in row 1, where an object with a text and a label"),
    "json too deep": (written("t.json", "[" * 100_000), r"is nested too deeply"),
    "nested json": (
        written("t.jsonl", '{"text": {"en": "a"}, "label": 1}\n'), r"text_column=text holds {'en': 'a'} in line 1"
    ),
    "json half a character": (
        written("t.jsonl", '{"text": "a\\ud800", "label": 1}\n'), r"text_column=text has half a character in line 1"
    ),
    "several labels before": (
        written("t.txt", "__label__a x\n__label__b __label__c y\n"), r"has several labels before the text of line 2"
    ),
    "parquet of bytes": (arrow("t.parquet", pa.binary(), pa.string()), r"text_column=text holds b'good.* no text"),
    "parquet broken": (written("t.parquet", b"PAR1 and nothing"), r"is no readable Parquet file"),
    "numbers for texts": (written("t.jsonl", '{"text": 1, "label": 1}'), r"holds 1 in line 1, which is no text"),
}  # fmt: skip


@pytest.mark.parametrize("shape", REFUSED)
def test_a_shape_that_cannot_be_read_has_its_sentence(tmp_path: Path, shape: str) -> None:
    (name, write, settings), sentence = REFUSED[shape]
    write(tmp_path / name)
    given: dict[str, object] = {"text_column": None, "label_column": None, **settings}
    with pytest.raises(ValueError, match=sentence) as refusal:
        read_table(table(tmp_path / name, **given))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("__label__up good film\n__label__down bad film\n", ["up", "down"]),
        ("DESC:manner good film\nENTY:cremat bad film\n", ["DESC", "ENTY"]),
    ],
)
def test_labels_before_texts(tmp_path: Path, content: str, labels: list[str]) -> None:
    (tmp_path / "t.txt").write_text(content)
    found = read_table(table(tmp_path / "t.txt", text_column=None, label_column=None))
    assert (found.texts, found.labels, found.places) == (["good film", "bad film"], labels, ["line 1", "line 2"])


def test_a_header_without_rows_holds_no_texts(tmp_path: Path) -> None:
    for name, content in (("t.csv", "text,label\n"), ("t.tsv", "text\tlabel")):
        (tmp_path / name).write_text(content)
        assert len(read_table(table(tmp_path / name))) == 0


def test_places_count_lines_behind_a_sep_line_and_rows_as_excel_does(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('sep=;\ntext;label\n"a\nb";up\nc;down\n')
    assert read_table(table(tmp_path / "t.csv")).places == ["line 3", "line 5"]
    FRAME.to_excel(tmp_path / "t.xlsx", index=False, startrow=2)
    assert read_table(table(tmp_path / "t.xlsx")).places == [f"row {i}" for i in range(4, 9)]


def test_numbers_among_texts_are_texts(tmp_path: Path) -> None:
    FRAME.astype(object).assign(text=["1776", 1776, 2.5, "a", "b"]).to_excel(tmp_path / "t.xlsx", index=False)
    assert read_table(table(tmp_path / "t.xlsx")).texts == ["1776", "1776", "2.5", "a", "b"]
    FRAME.assign(text=[1, 2, 3, 4, 5]).to_excel(tmp_path / "t.xlsx", index=False)
    with pytest.raises(ValueError, match="holds 1 in row 2, which is no text"):
        read_table(table(tmp_path / "t.xlsx"))


def test_numbers_of_excel_are_labels(tmp_path: Path) -> None:
    FRAME.assign(label=[1, 0, 1, 0, 1]).to_excel(tmp_path / "t.xlsx", index=False)
    assert read_table(table(tmp_path / "t.xlsx")).labels == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("broken", [None, b"no JSON", b"[]", b'{"info": null}'])
def test_numbers_of_hugging_face_have_their_names(tmp_path: Path, broken: bytes | None) -> None:
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "text": {"dtype": "string"}}
    described = broken or json.dumps({"info": {"features": features}}).encode()
    rows = pa.table({"text": ["a", "b", "c"], "label": [1, 0, 1]}).replace_schema_metadata({"huggingface": described})
    parquet.write_table(rows, tmp_path / "t.parquet")
    assert read_table(table(tmp_path / "t.parquet")).labels == ([1, 0, 1] if broken else ["pos", "neg", "pos"])
    if not broken:
        parquet.write_table(rows.set_column(1, "label", [[1, -1, 0]]), tmp_path / "t.parquet")
        assert read_table(table(tmp_path / "t.parquet")).labels == ["pos", None, "neg"]
