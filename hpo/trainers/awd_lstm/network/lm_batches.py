"""Texts as one long row of tokens, cut into windows: what a language model is trained and measured on.

The windows are those of fastai's LMDataLoader. No labels here, and no generator but the one given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hpo.data.vocabulary import Text

Rows = npt.NDArray[np.int64]


class Windows:
    """Iterates over (ids, the ids one further) of at most `bptt` tokens in `batch_size` rows on `device`.

    The texts follow each other in one stream, in a new order each time where there is a `generator`; each row of the
    batches goes through its share of the stream, so a network keeps its hidden state from window to window. Tokens
    that do not fill the last column of all rows are left out, as fastai does.

    `n_skipped` and `drawn_from` are as in `Batches`.

    ids: int64, shape (batch_size, at most bptt).
    """

    def __init__(
        self,
        texts: Sequence[Text],
        *,
        batch_size: int,
        bptt: int,
        generator: np.random.Generator | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.bptt, self.generator = bptt, generator
        self.device = torch.device(device)
        self.n_skipped = 0
        self.drawn_from: Mapping[str, object] = {}
        self.n_inp = 1  # fastai.learner.Learner._split: how many of a batch's items are inputs
        self._texts = list(texts)
        self.n_tokens = sum(len(text) for text in self._texts)
        # a stream of few tokens makes fewer rows, so that each has something to predict
        self.batch_size = max(1, min(batch_size, (self.n_tokens - 1) // 2))

    @property
    def _n_columns(self) -> int:
        return (self.n_tokens - 1) // self.batch_size

    def __len__(self) -> int:
        return -(-self._n_columns // self.bptt)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = np.arange(len(self._texts))
        if self.generator is not None:
            self.drawn_from = self.generator.bit_generator.state
            order = self.generator.permutation(len(self._texts))
        stream = np.concatenate([self._texts[text] for text in order]).astype(np.int64)
        n_used = self._n_columns * self.batch_size
        inputs = stream[:n_used].reshape(self.batch_size, -1)
        targets = stream[1 : n_used + 1].reshape(self.batch_size, -1)
        first, self.n_skipped = self.n_skipped * self.bptt, 0
        for start in range(first, self._n_columns, self.bptt):
            columns = slice(start, start + self.bptt)
            yield self._send(inputs[:, columns]), self._send(targets[:, columns])

    def _send(self, array: Rows) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
