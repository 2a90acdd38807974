"""Texts without labels, numbered with the vocabulary of a corpus: what a language model reads beside its train part.

They change no corpus; which folder or row has no label is told by the sources.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from hpo.config.schema import DataConfig, Tokenizer
from hpo.data.corpus import Corpus
from hpo.data.sources import OnRead, Source
from hpo.data.tokenizer_pool import tokenize_texts
from hpo.data.tokens import Cut, tokenizer_versions
from hpo.data.vocabulary import Text, cut_texts, to_ids
from hpo.machine.cache import Cache, digest

FORMAT = 1


def prepare_unlabelled(config: DataConfig, corpus: Corpus, *, on_progress: OnRead) -> Path | None:
    """Returns the folder of the prepared texts without labels, made if need be; None where the data have none.

    Raises:
        ValueError: If they are not what they must be.
    """
    source: Source | None = config.open_unlabelled()
    if source is None:
        return None
    config = replace(config, tokenizer=Tokenizer[str(corpus.facts["tokenizer"])])
    cache = Cache(config.cache)
    settings = [str(getattr(config, name)) for name in ("tokenizer", "max_tokens", "keep")]
    pieces = [str(FORMAT), *settings, repr(tokenizer_versions(config.tokenizer)), *corpus.vocab]
    signature = digest([*pieces, source.kind, json.dumps(source.signature, default=str), repr(asdict(config))])
    known = cache.find(signature)
    if known is not None:
        return known
    found = source.read(on_progress)
    kept = [row for row, text in enumerate(found.texts) if text.strip()]
    if not kept:
        return None
    texts, places = [found.texts[row] for row in kept], [found.places[row] for row in kept]

    def write(folder: Path) -> None:
        cut = Cut(config.max_tokens, config.keep)
        tokens = tokenize_texts(texts, config.tokenizer, cut, places=places, on_progress=on_progress)
        np.save(folder / "ids.npy", to_ids(tokens.words, corpus.vocab)[tokens.codes])
        np.save(folder / "offsets.npy", np.concatenate([[0], np.cumsum(tokens.lengths)]).astype(np.int64))

    name = f"unlabelled-{digest([*pieces, *texts])}"
    folder = cache.make(name, write)
    cache.remember(signature, folder)
    return folder


def open_unlabelled(folder: str | Path) -> list[Text]:
    """Returns the ids of each text, memory-mapped."""
    ids = np.load(Path(folder) / "ids.npy", mmap_mode="r")
    return cut_texts(ids, np.load(Path(folder) / "offsets.npy"))
