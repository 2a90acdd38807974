"""The recurrent body of a classifier or a language model: fastai's AWD-LSTM, without detours through modules.

The same function of the same masks as fastai's, bit by bit, and its parameters under the same names; but kernels are
given the dropped weights instead of modules that hold copies of them. What stands before and behind it is
`classifier`'s business.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding

from hpo.config.training import Sizes
from hpo.trainers.awd_lstm.network.batches import PAD
from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM, WeightDropout

Hidden = tuple[Tensor, Tensor]


def build_body(n_vocab: int, sizes: Sizes, dropouts: Mapping[str, float]) -> nn.Module:
    """Returns the untrained body of a classifier or of a language model.

    Its `encoder_dp` takes ids and the length of a chunk; its forward, with `from_embeds=True`, what that returns.
    """
    body = Body(n_vocab, sizes.emb_sz, sizes.n_hid, sizes.n_layers, pad_token=PAD, **dropouts)
    embedding_dropout = body.encoder_dp
    body.encoder_dp = _EmbeddingDropout(embedding_dropout.emb, embedding_dropout.embed_p)
    return body


class Body(AWD_LSTM):  # type: ignore[misc]  # fastai is untyped
    """AWD_LSTM whose layers are read by one call each."""

    hidden: list[Hidden]

    def _one_rnn(self, n_in: int, n_out: int, bidir: bool, weight_p: float, _layer: int) -> nn.Module:
        return _WeightDropout(nn.LSTM(n_in, n_out, 1, batch_first=True, bidirectional=bidir), weight_p)

    def forward(self, inp: Tensor, from_embeds: bool = False) -> Tensor:
        """Returns the outputs of vectors, shape (rows, tokens, emb_sz); of ids where they are none yet."""
        vectors = inp if from_embeds else self.encoder_dp(inp, inp.shape[1])
        return self.read(vectors)

    def read(self, vectors: Tensor) -> Tensor:
        """Returns the outputs of the next vectors, shape (rows, tokens, emb_sz), and keeps the hidden state."""
        n_rows = vectors.shape[0]
        if n_rows != self.bs:
            self._change_hidden(n_rows)
        output = self._drop(vectors, self.input_dp.p)
        for layer, rnn in enumerate(self.rnns):
            output, *hidden = rnn.read(output, self.hidden[layer])
            self.hidden[layer] = (hidden[0].detach(), hidden[1].detach())
            if layer != self.n_layers - 1:
                output = self._drop(output, self.hidden_dps[layer].p)
        return output

    def reset(self) -> None:
        """Forgets the hidden state."""
        start, sizes = self.encoder.weight, [self.n_hid] * (self.n_layers - 1) + [self.emb_sz]
        zeros = [start.new_zeros(1, self.bs, size) for size in sizes]
        self.hidden = [(zero, zero) for zero in zeros]

    def _drop(self, vectors: Tensor, p: float) -> Tensor:
        """Returns vectors with the same of their elements dropped at every token; draws as fastai's RNNDropout."""
        if not self.training or p == 0:
            return vectors
        n_rows, _, size = vectors.shape
        return vectors * vectors.new_empty(n_rows, 1, size).bernoulli_(1 - p).div_(1 - p)


class _WeightDropout(WeightDropout):  # type: ignore[misc]  # fastai is untyped
    """WeightDropout that calls the kernel with the weights as they are dropped, also at p = 0.

    There F.dropout returns the parameter itself (fastai/text/models/awdlstm.py:56), assigning it to the
    LSTM registers it, and the next reset raises "cannot assign 'torch.FloatTensor' as parameter".
    """

    def read(self, vectors: Tensor, hidden: Hidden) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the outputs of vectors, shape (rows, tokens, features), and the state behind them."""
        layer, recurrent = self.module, self.weight_hh_l0_raw
        if self.training and self.weight_p > 0:
            recurrent = dropout(recurrent, self.weight_p)
        weights = [layer.weight_ih_l0, recurrent, layer.bias_ih_l0, layer.bias_hh_l0]
        if vectors.is_cuda:
            with warnings.catch_warnings():  # that the weights are not one piece of memory
                warnings.simplefilter("ignore", category=UserWarning)
                return torch.lstm(vectors, hidden, weights, True, 1, 0.0, self.training, False, True)
        return torch.lstm(vectors, hidden, weights, True, 1, 0.0, self.training, False, True)

    def reset(self) -> None:
        """Has nothing to forget: the dropped weights are kept nowhere."""


class _EmbeddingDropout(nn.Module):
    """EmbeddingDropout over a whole batch: scales the rows it looks up instead of copies of the table.

    Same distribution as fastai's: every chunk of `bptt` tokens drops words of its own. One lookup per
    batch instead of one per chunk means one dense gradient of the table instead of one per chunk.
    """

    def __init__(self, emb: nn.Embedding, embed_p: float) -> None:
        super().__init__()
        self.emb, self.embed_p = emb, embed_p

    def forward(self, words: Tensor, bptt: int) -> Tensor:
        """Returns the vectors of `words`, shape (rows, tokens, emb_sz)."""
        vectors = embedding(words, self.emb.weight, self.emb.padding_idx)
        if not self.training or self.embed_p == 0:
            return vectors
        chunk = torch.arange(words.shape[1], device=words.device) // bptt
        n_words, n_chunks, kept = self.emb.num_embeddings, -(-words.shape[1] // bptt), 1 - self.embed_p
        mask = vectors.new_empty(n_chunks * n_words).bernoulli_(kept).div_(kept)
        return vectors * mask[words + chunk * n_words].unsqueeze(-1)
