"""What all programs of the benchmark read: real texts as a table, the same texts as ready ids, and hpo's own corpus.

2,100 documentation strings to train on, 450 to validate on; which library each is of is the label.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

TEXTS, IDS, VOCAB, SPACE, CACHE, CORPUS = (
    "texts.csv",
    "ids.npz",
    "vocab.json",
    "conf/space/small.yaml",
    "cache",
    "corpus.txt",
)
SEARCHED = """\
model:
  drop_mult: {type: float, low: 0.05, high: 1.0}
train:
  lr: {type: float, low: 0.001, high: 0.1, log: true}
"""


def make_material(folder: Path) -> None:
    """Fills `folder`, from which every program is then started."""
    import pandas as pd

    from hpo.api.composing import composed
    from hpo.data.corpus import open_corpus, prepare
    from hpo.data.docstrings import read_docstrings
    from hpo.data.splits import split_texts

    (folder / SPACE).parent.mkdir(parents=True)
    (folder / SPACE).write_text(SEARCHED)
    with composed([f"data.cache={folder / CACHE}", "data.tokenizer=spacy"]) as composition:
        config = composition.config.data
    texts = read_docstrings(config)
    parts = split_texts(texts, config)
    frames = [
        pd.DataFrame({"text": [texts.texts[i] for i in parts[part]], "label": [texts.labels[i] for i in parts[part]]})
        for part in ("train", "valid")
    ]
    table = pd.concat([frame.assign(is_valid=part == 1) for part, frame in enumerate(frames)])
    table.to_csv(folder / TEXTS, index=False)
    corpus = open_corpus(prepare(config))
    arrays = {}
    for name in ("train", "valid"):
        part = corpus.part(name)
        arrays |= {f"{name}_{kind}": np.asarray(getattr(part, kind)) for kind in ("ids", "offsets", "labels")}
    np.savez(folder / IDS, **arrays)
    (folder / VOCAB).write_text(json.dumps({"vocab": corpus.vocab, "classes": corpus.classes}))
    (folder / CORPUS).write_text(str(corpus.folder))
