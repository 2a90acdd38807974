"""Prepared data: token ids, labels and vocabulary on disk, read by every trial of every study.

`prepare` makes them once per content; `open_corpus` maps them into memory. Reading texts is
`sources`'s concern.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

import numpy as np

from hpo.config.schema import DataConfig, LinearBaseline
from hpo.data.baseline import Baseline, fit_baseline
from hpo.data.segmentation import choose_tokenizer
from hpo.data.sources import Source
from hpo.data.splits import Rows, absent_classes, check_fractions, split_texts
from hpo.data.texts import PARTS, Texts, check_texts, drop_empty
from hpo.data.tokens import tokenizer_versions
from hpo.data.vocabulary import SPECIAL, Numbered, Part, coverage, number_texts
from hpo.machine.cache import Cache, digest
from hpo.machine.paths import expanded, is_folder

FORMAT = 8  # raised whenever the same config and texts would give other files

TEST_TEXTS = "test.texts.jsonl"
WHOLE, WORDS = "whole", "words.json"  # the parts before any cut of texts or words, and the word of each code
LOW_COVERAGE = 0.5  # of a part's words

__all__ = ["Corpus", "Part", "open_corpus", "prepare"]

Fact = str | int | float
OnProgress = Callable[[str, int, int], None]
OnNote = Callable[[str], None]


@dataclass(frozen=True)
class Corpus:
    """What a trial reads.

    Attributes:
        folder: Where it lies.
        vocab: Token of each id; xxunk is 0, xxpad 1, xxbos 2.
        classes: Class name of each label.
        fingerprint: Equal for equal ids, labels, vocabulary, classes and package versions.
        facts: fingerprint, name, source, tokenizer, n_train, n_valid, n_test, n_classes, n_vocab,
            n_tokens, and versions where the texts come from packages.
        baseline: What a linear model of words and word pairs scores, or why there is none.
        notes: What is to be said of them before anybody relies on them, a sentence each.
        train, valid, test: The parts.
    """

    folder: Path
    vocab: list[str]
    classes: list[str]
    fingerprint: str
    facts: dict[str, Fact]
    baseline: Baseline
    notes: tuple[str, ...]
    train: Part
    valid: Part
    test: Part

    def part(self, name: str) -> Part:
        """Returns the part called "train", "valid" or "test"."""
        if name not in PARTS:
            raise ValueError(f"a corpus has no part {name!r}; allowed are {', '.join(PARTS)}.")
        part: Part = getattr(self, name)
        return part

    def whole(self, name: str) -> Part:
        """Returns the part called "train", "valid" or "test" before any cut of texts or words; its ids are codes."""
        return _open_part(self.folder, f"{WHOLE}.{name}")

    def words(self) -> list[str]:
        """Returns the token of each code."""
        return list(json.loads((self.folder / WORDS).read_text(encoding="utf-8")))

    def baseline_about(self, positive: str | None) -> Baseline:
        """Returns the baseline as it is measured by a study with this `study.positive`; None or empty: of no class."""
        return self.baseline.about(self.classes.index(positive) if positive else None)

    def test_texts(self, rows: Collection[int]) -> dict[int, str]:
        """Returns texts of the test part, as they were read, by row; {} where they were not kept."""
        path = self.folder / TEST_TEXTS
        if not path.is_file():
            return {}
        with path.open(encoding="utf-8") as file:
            return {row: json.loads(line) for row, line in enumerate(file) if row in rows}


def open_corpus(folder: str | Path) -> Corpus:
    """Returns the corpus `prepare` left in `folder`, its ids memory-mapped.

    Raises:
        FileNotFoundError: If there is none.
    """
    folder = Path(folder)
    try:
        described = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        train, valid, test = (_open_part(folder, name) for name in PARTS)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{folder} holds no prepared corpus ({Path(error.filename).name} is missing); delete the folder and start "
            "the study again, which prepares the data anew."
        ) from error
    return Corpus(
        folder=folder,
        vocab=described["vocab"],
        classes=described["classes"],
        fingerprint=described["facts"]["fingerprint"],
        facts=described["facts"],
        baseline=Baseline(**described["baseline"]),
        notes=tuple(described["notes"]),
        train=train,
        valid=valid,
        test=test,
    )


class MustDownload(Exception):
    """The texts are not on this machine."""


def find_prepared(config: DataConfig) -> Path | None:
    """Returns the folder that `prepare` would return at once; None where it would have to make it. Reads no text.

    Raises:
        MustDownload: if the texts would be downloaded first.
        ValueError, FileNotFoundError: as `prepare` does for what can be told without reading.
    """

    def refuse(_done: int, _total: int) -> None:
        raise MustDownload

    check_fractions(config)
    _check_settings(config)
    source: Source = config.open(refuse)
    is_cache = is_folder(expanded(config.cache))
    return Cache(config.cache).find(digest(_signature(config, source))) if is_cache else None


def prepared_names(cache: str) -> list[str]:
    """Returns the names of the data whose corpora are in the folder `data.cache`, sorted."""
    return sorted({path.parent.name.rpartition("-")[0] for path in expanded(cache).glob("*/corpus.json")})


def prepare(config: DataConfig, *, on_progress: OnProgress | None = None, on_note: OnNote = lambda _: None) -> Path:
    """Returns the folder of the prepared corpus, making it if these texts were never prepared, or are damaged.

    Args:
        config: The texts and how they become ids.
        on_progress: Called with (stage, done, total); stages are "download", "files" and "texts".
        on_note: Called with a sentence on what is damaged, and on a baseline that could not be fitted.

    Raises:
        ValueError: If a setting or the data is not what it must be; the message names the config path.
        FileNotFoundError: If a path is not there.
    """
    report = on_progress or (lambda _stage, _done, _total: None)
    check_fractions(config)
    _check_settings(config)
    source: Source = config.open(lambda done, total: report("download", done, total))
    cache = Cache(config.cache, on_note=on_note)
    signature = digest(_signature(config, source))
    known = cache.find(signature)
    if known is not None:
        return known
    read, emptied = drop_empty(source.read(lambda done, total: report("files", done, total)), config)
    texts = check_texts(read, config, source=source.shown)
    said = [*emptied, *texts.notes]
    config = replace(config, tokenizer=choose_tokenizer(config.tokenizer, texts.texts))
    parts = split_texts(texts, config)
    said += absent_classes(parts, texts.labels)
    key = digest(_content(config, source, texts, parts, said))
    name = re.sub(r"[^\w.-]+", "_", config.name)
    folder = cache.make(
        f"{name}-{key}", lambda folder: _write_corpus(folder, config, source, texts, parts, said, report)
    )
    cache.remember(signature, folder)
    baseline = open_corpus(folder).baseline
    if config.baseline is LinearBaseline.linear and not baseline.valid:
        on_note(f"baseline: {baseline.settings}.")
    return folder


def _check_settings(config: DataConfig) -> None:
    lowest = {"min_freq": 1, "max_vocab": len(SPECIAL) + 1, "max_tokens": 2}
    for name, low in lowest.items():
        value: int | None = getattr(config, name)
        if value is not None and value < low:
            raise ValueError(f"data.{name}={value} is too low; the lowest allowed is {low}.")


def _open_part(folder: Path, name: str) -> Part:
    return Part(
        ids=np.load(folder / f"{name}.ids.npy", mmap_mode="r"),
        offsets=np.load(folder / f"{name}.offsets.npy"),
        labels=np.load(folder / f"{name}.labels.npy"),
    )


def _signature(config: DataConfig, source: Source) -> Iterator[str]:
    settings = {name: value for name, value in asdict(config).items() if name != "cache"}
    yield _as_json({"format": FORMAT, "kind": source.kind, "config": settings, "source": source.signature})
    yield _as_json(tokenizer_versions(config.tokenizer))


def _content(
    config: DataConfig, source: Source, texts: Texts, parts: Mapping[str, Rows], said: Sequence[str]
) -> Iterator[bytes | str]:
    names = ("tokenizer", "min_freq", "max_vocab", "max_tokens", "keep", "baseline")
    yield _as_json({"format": FORMAT, "kind": source.kind, "versions": texts.versions, "said": said})
    yield _as_json({name: getattr(config, name) for name in names})
    yield _as_json(tokenizer_versions(config.tokenizer))
    for part, rows in parts.items():
        yield part
        for row in rows:
            yield texts.labels[row]
            yield texts.texts[row]


def _write_corpus(
    folder: Path,
    config: DataConfig,
    source: Source,
    texts: Texts,
    parts: Mapping[str, Rows],
    said: Sequence[str],
    report: OnProgress,
) -> None:
    numbered = number_texts(texts, parts, config, on_progress=lambda done, total: report("texts", done, total))
    vocab = numbered.vocab
    written: list[bytes | str] = [_as_json([vocab, texts.classes])]
    for name, part in numbered.parts.items():
        for kind, array in asdict(part).items():
            np.save(folder / f"{name}.{kind}.npy", array)
            np.save(folder / f"{WHOLE}.{name}.{kind}.npy", asdict(numbered.whole[name])[kind])
            written.append(array.tobytes())
    (folder / WORDS).write_text(json.dumps(numbered.words), encoding="utf-8")
    facts: dict[str, Fact] = {
        "fingerprint": digest(written),
        "name": config.name,
        "source": source.kind,
        "tokenizer": config.tokenizer.value,
        **{f"n_{name}": len(part) for name, part in numbered.parts.items()},
        "n_classes": len(texts.classes),
        "n_vocab": len(vocab),
        "n_tokens": sum(len(part.ids) for part in numbered.parts.values()),
    }
    if texts.versions:
        versions = ", ".join(f"{package} {version}" for package, version in texts.versions.items())
        facts |= {"versions": versions, "fingerprint": f"{facts['fingerprint']} ({versions})"}
    with (folder / TEST_TEXTS).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(texts.texts[row]) + "\n" for row in parts["test"])
    described = {
        "baseline": asdict(_baseline(config, numbered, n_classes=len(texts.classes))),
        "notes": [*said, *numbered.overlaps.sentences, *_unknown(numbered.parts, config)],
        "facts": facts,
        "classes": texts.classes,
        "vocab": vocab,
    }
    (folder / "corpus.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")


def _unknown(parts: Mapping[str, Part], config: DataConfig) -> Iterator[str]:
    """Yields a sentence for each part whose words are mostly unknown."""
    for name, part in parts.items():
        known = coverage(part)
        if known < LOW_COVERAGE:
            yield (
                f"{1 - known:.0%} of the words of the {name} part are unknown, being rarer in the train part than "
                f"data.min_freq={config.min_freq}: little is left to learn from; lower it, or give another "
                f"data.tokenizer than {config.tokenizer.value}."
            )


def _baseline(config: DataConfig, numbered: Numbered, *, n_classes: int) -> Baseline:
    """Returns the baseline of the data, or why it could not be fitted: that stops nothing."""
    if config.baseline is LinearBaseline.none:
        return Baseline({}, {}, "none was asked for (data.baseline=none)")
    is_word = np.array([word not in SPECIAL for word in numbered.words])
    try:
        return fit_baseline(numbered.whole, is_word, n_classes=n_classes)
    except Exception as error:  # whatever it was, networks can be trained
        what = str(error).rstrip(".") or type(error).__name__
        return Baseline({}, {}, f"none, it could not be fitted ({what}); data.baseline=none leaves it out")


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else str(value)
