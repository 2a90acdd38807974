"""What an AWD-LSTM says of texts: one or two networks that read tokens in the order of training.

Files and answers of other kinds are not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import cuda

from hpo.data.vocabulary import SPECIAL, Part, to_ids
from hpo.model.answer import Answer, Probabilities
from hpo.model.folder import DESCRIPTION, WEIGHTS, Description, read_file
from hpo.model.reading import Read
from hpo.trainers.awd_lstm.network.classifier import n_chunks_dropped, read_architecture
from hpo.trainers.awd_lstm.network.outputs import class_probabilities
from hpo.trainers.awd_lstm.network.weights import load_network

BATCH_SIZE = 32
UNKNOWN = 0  # the id of xxunk

Ids = NDArray[np.int64]


class Network:
    """The network in a folder.

    Raises:
        ValueError: If it is damaged, or unknown to this version.
    """

    def __init__(self, folder: Path, description: Description, *, device: str) -> None:
        if device == "auto":
            device = "cuda" if cuda.is_available() else "cpu"
        self._description = description
        try:
            self._architecture = read_architecture(description.architecture)
            n_wanted = (self._architecture.n_vocab, self._architecture.n_classes)
            if n_wanted != (len(description.vocab), len(description.classes)):
                raise ValueError("words and classes are not as many as its network has")
        except ValueError as error:
            raise ValueError(
                f"{folder / DESCRIPTION} describes a network unknown to this version ({error}); copy the model's "
                "folder again, or use the version that wrote it."
            ) from error
        network = load_network(self._architecture, read_file(folder, description, WEIGHTS), folder / WEIGHTS)
        self._network = network.to(device)
        self._device = device

    def answer(self, read: Read) -> list[Answer]:
        """Returns an answer for each text."""
        tokens = read.tokens
        flat = to_ids(tokens.words, self._description.vocab)[tokens.codes].astype(np.int64)
        ids = list(np.split(flat, np.cumsum(tokens.lengths)[:-1]))
        readable = [i for i in range(len(read.lengths)) if (ids[i] >= len(SPECIAL)).any()]
        answers = [Answer(None, "no known word" if length else "too long") for length in read.lengths]
        found = self._probabilities([ids[i] for i in readable])
        for i, probabilities in zip(readable, found, strict=True):
            answers[i] = Answer(probabilities, self._note(ids[i], read.lengths[i]))
        return answers

    def _note(self, ids: Ids, n_tokens: int) -> str:
        notes = []
        if len(ids) < n_tokens:
            notes.append(f"{len(ids):,} of {n_tokens:,} tokens read, as in training")
        a = self._architecture
        n_read = len(ids) - a.bptt * n_chunks_dropped(len(ids), bptt=a.bptt, max_len=a.max_len)
        if n_read < len(ids):
            ends = "first and the last" if a.bidir else "last"
            notes.append(f"the {ends} {n_read:,} of {len(ids):,} tokens decide, as in training")
        n_unknown, n_known = int((ids == UNKNOWN).sum()), int((ids >= len(SPECIAL)).sum())
        if n_unknown > n_known:
            notes.append(f"{n_unknown:,} of {n_unknown + n_known:,} words unknown")
        return "; ".join(notes)

    def _probabilities(self, texts: Sequence[Ids]) -> Probabilities:
        """Returns the probabilities of each text, in their order."""
        ends = np.cumsum([0, *(len(ids) for ids in texts)], dtype=np.int64)
        flat = np.concatenate([np.empty(0, dtype=np.uint32), *texts]).astype(np.uint32)
        part = Part(flat, ends, np.zeros(len(texts), dtype=np.int64))
        return class_probabilities(
            self._network, self._architecture, part, batch_size=BATCH_SIZE, device=self._device, alone=True
        )
