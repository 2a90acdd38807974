"""`hpo predict`: what the model of a study says of texts.

Reads the model's folder alone: neither the record nor the data the model was trained on.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, INTERRUPTED, command, give_up_output, refuse, split_words
from hpo.machine.paths import is_file, is_folder

if TYPE_CHECKING:
    from hpo.model.answers import TextModel
    from hpo.model.texts_file import TextRow

USAGE = """hpo predict model=STUDY_OR_FOLDER ["some text" ...] [file.csv ...] [format=table]

Says which class each text belongs to, and how probable that is. The model is that of a study, by its name, or a
folder: the folder 'model' of a study works anywhere, without the study, its record or its data.

  model=NAME           a study's name, or the folder of a model
  format=table         table, csv or jsonl (one JSON object a line); the last two give all probabilities
  column=NAME          the column of texts in files, unless it has a usual name (text, review, sentence, ...)
  encoding=utf-8       of text files, delimiter=';' of their columns, sheet=NAME of .xlsx: unless they tell it
  device=cpu           or cuda, cuda:1, auto (a GPU if there is one)
  storage.path=hpo.db, storage.folder=studies
                       where studies are, if not in the working directory

Files are read row by row. A text without an answer is marked: an empty one, one without a known word, bytes that are
no text. If none of the texts that are typed has an answer, that ends with a sentence and exit code 2."""

SETTINGS = {
    "model": "",
    "format": "table",
    "column": "",
    "encoding": "utf-8",
    "delimiter": "",
    "sheet": "",
    "device": "cpu",
    "storage.path": "hpo.db",
    "storage.folder": "studies",
}
FILES = (".csv", ".parquet", ".tsv", ".json", ".jsonl", ".txt", ".xlsx", ".gz", ".zip")  # names no text would end in
N_AT_ONCE = 256


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    try:
        settings, inputs = _read(argv)
        folder = _model_folder(settings)
        return _predict(settings, folder, inputs)
    except ValueError as error:
        return refuse(error)
    except BrokenPipeError:  # nobody reads any more, as behind `| head`
        give_up_output()
        return DONE
    except KeyboardInterrupt:
        return refuse("interrupted.", code=INTERRUPTED)


def _read(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Returns the settings, and the words that are texts or files."""
    values, inputs = split_words(argv, SETTINGS)
    settings = SETTINGS | values
    for word in inputs:
        if word.startswith("-") and not word.strip("-").isspace() and " " not in word:
            raise ValueError(f"{word} is no option; settings are given as in format=csv, and a text has a space in it.")
        if re.fullmatch(r"[a-z_.]+=\S*", word) and not is_file(word):
            raise ValueError(f"{word} is no setting; those are {', '.join(SETTINGS)}, and a text has a space in it.")
    if not settings["model"]:
        raise ValueError(
            "model=… is missing; give a study's name or the folder of a model, as in model=studies/x/model."
        )
    if not inputs:
        raise ValueError('There is no text; give some in quotes, or files: "I liked it" reviews.csv.')
    return settings, inputs


def _model_folder(settings: dict[str, str]) -> Path:
    """Returns the folder of the model: that of the study with the name, or the one given."""
    from hpo.artifacts.folders import function_refusal, studies_folder
    from hpo.storage.options import SqliteConfig

    name = settings["model"]
    studies = studies_folder(SqliteConfig(path=settings["storage.path"], folder=settings["storage.folder"]))
    if "\0" in name:
        raise ValueError("model=… holds a NUL, which is in no name; give a study's name or a folder.")
    for folder in (studies / name, Path(name)):
        if sentence := function_refusal(folder):
            raise ValueError(sentence)
    is_name = Path(name).name == name and name not in ("", ".", "..")
    of_study = studies / name / "model"
    if is_name and not is_folder(of_study) and is_folder(studies / name):
        raise ValueError(
            f"The study '{name}' has no model yet: one is kept when it ends, is confirmed if it is to be, and a trial "
            "that trains a network is complete; let it end, or continue it with a larger study.n_trials."
        )
    if is_name and is_folder(of_study):
        return of_study
    if is_folder(Path(name)):
        return Path(name)
    names = sorted(path.parent.name for path in studies.glob("*/model"))
    raise ValueError(
        f"model={name} is neither a study in {studies} nor a folder; there are models of {', '.join(names) or 'none'}."
    )


def _predict(settings: dict[str, str], folder: Path, inputs: Sequence[str]) -> int:
    from hpo.model.formats import FORMATS

    if settings["format"] not in FORMATS:
        raise ValueError(f"format={settings['format']} is unknown; allowed are {', '.join(FORMATS)}.")
    texts = [(word, _is_file(word)) for word in inputs]
    from hpo.executors.options import check_device
    from hpo.model.answers import TextModel, refusal

    check_device(settings["device"], setting="device")
    if all(not in_file and refusal(word) for word, in_file in texts):
        raise ValueError(f"A text has no answer: {refusal(texts[0][0])}.")
    model = TextModel(folder, device=settings["device"])
    for sentence in model.warnings:
        refuse(sentence)
    return _write(model, settings, _rows(texts, settings), are_typed=not any(in_file for _, in_file in texts))


def _write(model: TextModel, settings: dict[str, str], rows: Iterator[TextRow], *, are_typed: bool) -> int:
    from hpo.model.formats import row_writer

    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # a stream of the system's
    heading, as_line = row_writer(settings["format"], model.classes)
    n_rows, n_marked = 0, 0
    while chunk := list(itertools.islice(rows, N_AT_ONCE)):
        answers = model.answer([row.text for row in chunk])
        unanswered = [answer.note for answer in answers if answer.probabilities is None]
        if are_typed and len(unanswered) == len(chunk):
            raise ValueError(f"A text has no answer: {unanswered[0]}.")
        lines = (as_line(row.place, row.text, answer) for row, answer in zip(chunk, answers, strict=True))
        _put(("" if n_rows else heading) + "".join(lines))
        n_rows, n_marked = n_rows + len(chunk), n_marked + len(unanswered)
    _put("" if n_rows else heading)  # of a file without rows
    if n_marked:
        print(f"hpo: {n_marked:,} of {n_rows:,} texts have no answer; each says why.", file=sys.stderr)
    return DONE


def _put(text: str) -> None:
    """Writes answers.

    Raises:
        ValueError: If they cannot be written, for the disk is full.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_output()
        raise ValueError(f"The answers cannot be written: {error.strerror}.") from error


def _rows(inputs: Sequence[tuple[str, bool]], settings: dict[str, str]) -> Iterator[TextRow]:
    from hpo.data.tabular import Reading
    from hpo.model.texts_file import TextRow, read_rows

    column, encoding = settings["column"], settings["encoding"]
    delimiter, sheet = settings["delimiter"] or None, settings["sheet"] or None
    wanted = [column] if column else []
    reading = Reading("", encoding, delimiter, None, sheet, wanted, is_strict=False)
    several = sum(in_file for _, in_file in inputs) > 1
    for word, in_file in inputs:
        if not in_file:
            yield TextRow("", word)
            continue
        for row in read_rows(Path(word), column, reading):
            yield TextRow(f"{word} {row.place}", row.text) if several else row


def _is_file(word: str) -> bool:
    """Returns whether `word` names a file; a name of a file that is not there is no text."""
    if is_file(word):
        return True
    if word and is_folder(Path(word)):
        raise ValueError(
            f"{word} is a folder; give the files in it, as in {word.rstrip('/')}/*.csv, or a text in quotes."
        )
    if word.lower().endswith(FILES) and len(word.split()) == 1:
        raise ValueError(f"{word} is no file; give one that is there, or a text in quotes.")
    return False
