"""The settings of the trainer of fastai's AWD-LSTM; those of its language models are `config.training.EncoderConfig`.

Training is done by the module that they build from: torch and fastai take seconds to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.config.limits import setting
from hpo.config.registry import option
from hpo.config.schema import TrainerConfig

if TYPE_CHECKING:
    from hpo.contracts.trainer import Trainer


@option("trainer", "awd_lstm")
@dataclass
class AwdLstmConfig(TrainerConfig):
    divergence_loss: float = setting(above=0)

    reads_texts = True
    needs_torch = True

    def preload(self) -> None:
        import hpo.trainers.awd_lstm.trainer  # noqa: F401  # for its imports

    def build(self) -> Trainer:
        from hpo.trainers.awd_lstm.trainer import AwdLstm

        return AwdLstm()
