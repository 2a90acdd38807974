"""The names of fastai this package uses.

Nothing else: importing from here instead of from fastai keeps `-W error` usable and the import short.
fastai is untyped, so every name is opaque to mypy.
"""
# mypy: implicit-reexport
# ruff: noqa: F401

from hpo.machine.fastai_import import fastai_import

with fastai_import():
    from fastai.callback.core import Callback, TrainEvalCallback, event
    from fastai.callback.fp16 import AMPMode, MixedPrecision
    from fastai.callback.rnn import rnn_cbs
    from fastai.callback.schedule import ParamScheduler  # its module gives Learner fit_one_cycle
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import Optimizer
    from fastai.text.models.awdlstm import (
        AWD_LSTM,
        WeightDropout,
        awd_lstm_clas_config,
        awd_lstm_clas_split,
        awd_lstm_lm_config,
        awd_lstm_lm_split,
    )
    from fastai.text.models.core import LinearDecoder, PoolingLinearClassifier, SentenceEncoder, SequentialRNN
