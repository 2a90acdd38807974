"""A small file of the format of fastai's language model of Wikipedia, and small studies that start from it."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch

from hpo.machine.fastai_import import fastai_import
from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM, awd_lstm_lm_config

with fastai_import():
    from fastai.text.models.core import get_language_model

WORDS = ["xxunk", "xxpad", "xxbos", "the", "cat", "dog", "bone", "wikipedia"]


SMALL = (
    "data=table",
    "data.path=texts.csv",
    "data.tokenizer=words",
    "data.min_freq=1",
    "data.cache=cache",
    "tracking=none",
    "executor=inline",
    "~space.model.n_hid",
    "model.emb_sz=6",
    "model.n_hid=8",
    "train.batch_size=8",
    "~space.train.epochs",
    "train.epochs=2",
    "encoder.epochs=2",
    "encoder.batch_size=2",
    "study.n_trials=1",
    "study.test=false",
)


def lay_out(folder: Path) -> dict[str, torch.Tensor]:
    """Writes a small language model as fastai's archive has it; returns its tensors."""
    config = {**awd_lstm_lm_config, "emb_sz": 6, "n_hid": 8, "n_layers": 2}
    torch.manual_seed(1)
    model = get_language_model(AWD_LSTM, len(WORDS), config)
    torch.nn.init.normal_(model[1].decoder.bias)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for layer in (0, 1):  # a file of 2019 has these, too
        state[f"0.rnns.{layer}.module.weight_hh_l0"] = state[f"0.rnns.{layer}.weight_hh_l0_raw"].clone()
    folder.mkdir(parents=True)
    torch.save(state, folder / "lstm_fwd.pth")
    (folder / "itos_wt103.pkl").write_bytes(pickle.dumps(WORDS))
    return state
