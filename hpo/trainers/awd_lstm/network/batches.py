"""Padded batches of token ids cut straight from a part's flat arrays, in fastai's length-sorted order.

Nothing is tokenized or looked up here, and no generator but the one given is drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from hpo.data.vocabulary import Part

PAD = 1  # fastai's index of xxpad
_SORTED_TOGETHER = 50  # batches among which texts of similar length meet (fastai.text.data.SortedDL)

Rows = npt.NDArray[np.int64]
Generator = np.random.Generator | np.random.RandomState


class Batches:
    """Iterates over a part's (ids, labels) batches on `device`; what fastai calls a DataLoader.

    With a `generator`, the order is that of `SortedDL(shuffle=True)`: the longest text in the first
    batch, texts sorted within groups of 50 batches, batches shuffled. Without, longest to shortest.
    A shuffled last batch of a single text is left out: batch norm cannot train on it.
    Padding is that of `Pad_Chunk`: whole chunks of `bptt` in front, the rest behind, so that
    `SentenceEncoder` can skip the chunks in which a short text has not begun.

    `n_skipped` batches are left out of the next iteration; `drawn_from` is the generator's state before
    the order of the last one was drawn.

    ids: int64, shape (rows, longest text of the batch). labels: int64, shape (rows,).
    """

    def __init__(
        self,
        part: Part,
        *,
        batch_size: int,
        bptt: int,
        generator: Generator | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.batch_size, self.bptt, self.generator = batch_size, bptt, generator
        self.device = torch.device(device)
        self.n_skipped = 0
        self.drawn_from: Mapping[str, object] = {}
        self.n_inp = 1  # fastai.learner.Learner._split: how many of a batch's items are inputs
        # plain views: indexing a memmap costs microseconds more per slice
        self._ids = np.asarray(part.ids)
        self._starts: Rows = np.asarray(part.offsets[:-1], dtype=np.int64)
        self._lengths: Rows = np.asarray(part.offsets[1:], dtype=np.int64) - self._starts
        self._labels: Rows = np.asarray(part.labels, dtype=np.int64)

    @property
    def n_rows(self) -> int:
        return len(self._lengths)

    @property
    def n_tokens(self) -> int:
        """Tokens of the part, padding not counted."""
        return int(self._lengths.sum())

    def __len__(self) -> int:
        return -(-self._n_used // self.batch_size)

    @property
    def _n_used(self) -> int:
        is_lonely = self.generator is not None and self.n_rows % self.batch_size == 1
        return self.n_rows - is_lonely

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if isinstance(self.generator, np.random.Generator):
            self.drawn_from = self.generator.bit_generator.state
        order = self.order()[: self._n_used]
        first, self.n_skipped = self.n_skipped * self.batch_size, 0
        for start in range(first, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.ids_of(rows), self._send(self._labels[rows])

    def ids_of(self, rows: Rows) -> torch.Tensor:
        """Returns the texts of `rows` as one batch."""
        return self._send(self._pad(rows))

    def batch_of(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the texts of `rows` and their labels as one batch, the longest first."""
        rows = self._longest_first(rows)
        return self.ids_of(rows), self._send(self._labels[rows])

    def order(self) -> Rows:
        """Returns the rows in the order of one epoch; draws twice from the generator, if there is one."""
        if self.generator is None:
            return self._longest_first(np.arange(self.n_rows))
        rows = self.generator.permutation(self.n_rows)
        longest = int(np.flatnonzero(rows == np.argmax(self._lengths))[0])
        rows[0], rows[longest] = rows[longest], rows[0]
        group = self.batch_size * _SORTED_TOGETHER
        rows = np.concatenate([self._longest_first(rows[i : i + group]) for i in range(0, len(rows), group)])
        batches = [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        if len(batches) > 2:  # the first holds the longest text, the last may be short: both stay
            middle = [batches[1 + i] for i in self.generator.permutation(len(batches) - 2)]
            batches = [batches[0], *middle, batches[-1]]
        return np.concatenate(batches)

    def _longest_first(self, rows: Rows) -> Rows:
        return rows[np.argsort(-self._lengths[rows], kind="stable")]

    def _pad(self, rows: Rows) -> Rows:
        """Returns the texts of `rows` as one padded matrix, by one gather instead of a copy per text."""
        lengths = self._lengths[rows]
        width = int(lengths.max())
        ends = np.cumsum(lengths)
        token = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)  # 0, 1, 2... within each text
        first = np.arange(len(rows)) * width + (width - lengths) // self.bptt * self.bptt
        padded = np.full(len(rows) * width, PAD, dtype=np.int64)
        padded[np.repeat(first, lengths) + token] = self._ids[np.repeat(self._starts[rows], lengths) + token]
        return padded.reshape(len(rows), width)

    def _send(self, array: Rows) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cpu":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)
