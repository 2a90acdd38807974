"""The values each number of the configuration may have, and the sentence for one that it may not.

Types are checked when the configuration is composed; whether the data exist is found out by `data.sources`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from hpo.config.schema import Config


@dataclass(frozen=True)
class Limit:
    """An interval; `above` and `below` exclude their ends, `low` and `high` include them."""

    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high and self.above < value < self.below

    def __str__(self) -> str:
        parts = [
            f"at least {self.low:.10g}" if self.low > -math.inf else "",
            f"above {self.above:g}" if self.above > -math.inf else "",
            f"at most {self.high:.10g}" if self.high < math.inf else "",
            f"below {self.below:g}" if self.below < math.inf else "",
        ]
        return " and ".join(part for part in parts if part) or "finite"


MAX_INT = 2**63 - 1  # what databases and tensors hold
MAX_S = 1e9  # 30 years: more than clocks and timers are asked to wait
COUNT, SHARE, SECONDS = Limit(low=1), Limit(above=0, below=1), Limit(above=0, high=MAX_S)

LIMITS: dict[str, Limit] = {
    "seed": Limit(low=0, high=2**32 - 1),
    "study.n_trials": COUNT,
    "study.timeout_s": SECONDS,
    "study.n_epochs": COUNT,
    "study.trials_s": SECONDS,
    "study.confirm.top_k": Limit(low=0, high=100),
    "study.confirm.n_seeds": Limit(low=1, high=100),
    "study.audit": Limit(low=0, high=1),
    "trial.timeout_s": SECONDS,
    "sampler.n_startup_trials": Limit(low=0),
    "sampler.n_ei_candidates": Limit(low=1, high=100_000),
    "pruner.n_startup_trials": Limit(low=0),
    "pruner.n_warmup_epochs": Limit(low=0),
    "pruner.min_epochs": COUNT,
    "pruner.max_epochs": COUNT,
    "pruner.reduction_factor": Limit(low=2),
    "data.n_per_class": Limit(low=10),
    "data.min_words": COUNT,
    "data.max_words": COUNT,
    "data.min_freq": COUNT,
    "data.max_vocab": Limit(low=10),
    "data.max_tokens": Limit(low=4),
    "data.train_fraction": Limit(above=0, high=1),
    "data.valid": SHARE,
    "data.test": SHARE,
    "data.split_seed": Limit(low=0, high=2**32 - 1),
    "model.drop_mult": Limit(low=0, below=2),
    "model.n_hid": COUNT,
    "model.emb_sz": COUNT,
    "model.n_layers": COUNT,
    "encoder.epochs": COUNT,
    "encoder.lr": Limit(above=0),
    "encoder.batch_size": COUNT,
    "encoder.bptt": Limit(low=2),
    "encoder.drop_mult": Limit(low=0, below=4),
    "encoder.weight_decay": Limit(low=0),
    "encoder.valid": SHARE,
    "encoder.seed": Limit(low=0, high=2**32 - 1),
    "train.lr": Limit(above=0),
    "train.epochs": COUNT,
    "train.batch_size": Limit(low=2),
    "train.weight_decay": Limit(low=0),
    "train.freeze_epochs": Limit(low=0),
    "train.bptt": Limit(low=2),
    "train.max_len": Limit(low=2),
    "train.lr_decay": Limit(low=1, high=100),
    "trainer.divergence_loss": Limit(above=0),
    "trainer.noise": Limit(low=0),
    "trainer.epoch_s": Limit(low=0, high=MAX_S),
    "tracking.flush_timeout_s": Limit(low=0, high=MAX_S),
    "executor.threads": COUNT,
    "executor.n_workers": COUNT,
    "executor.trials_per_gpu": COUNT,
    "executor.cpus_per_trial": Limit(above=0),
    "executor.gpus_per_trial": Limit(low=0),
    "executor.minutes": COUNT,
    "executor.gpus_per_worker": Limit(low=0),
    "executor.mem_gb": Limit(above=0),
    "n_concurrent": COUNT,
    "budget.size": Limit(high=1e12),
}


def check_limits(config: Config, *, only: str | None = None) -> None:
    """Refuses a number outside its interval.

    Args:
        config: Any configuration whose types are right.
        only: Look at this path alone.

    Raises:
        ValueError: naming the first such path, what was given and what is allowed.
    """
    for path, value in _numbers(config, ""):
        if only not in (None, path):
            continue
        limit = LIMITS.get(path, Limit())
        if isinstance(value, int) and abs(value) > MAX_INT:
            raise ValueError(f"{path} is a whole number of more than 64 bits; give a smaller one.")
        if not math.isfinite(value):
            raise ValueError(f"{path}={value:g} must be a finite number.")
        if not limit.allows(value):
            raise ValueError(f"{path}={value:.10g} must be {limit}.")


def _numbers(node: object, path: str) -> Iterator[tuple[str, float]]:
    if is_dataclass(node):
        for field in fields(node):
            if field.name != "space":
                yield from _numbers(getattr(node, field.name), f"{path}.{field.name}".lstrip("."))
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, node
