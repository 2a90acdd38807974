"""A fastai callback that reports epochs to whoever listens to a training function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastai.callback.core import Callback
from fastai.learner import Recorder

UNTOLD = ("epoch", "time")


class Reporter(Callback):  # type: ignore[misc]  # fastai has no types
    """Reports the row that fastai prints after an epoch. See `hpo.fastai_callback`."""

    order = Recorder.order + 10  # when the row is written

    def __init__(self, on_epoch: Callable[[dict[str, float]], None], *, frozen: bool) -> None:
        super().__init__()
        self.report, self.frozen = on_epoch, frozen

    def after_epoch(self) -> None:
        learn: Any = self.learn
        if not self.frozen and learn.opt.frozen_idx > 0:
            return
        names, row = learn.recorder.metric_names, learn.recorder.log
        self.report({name: value for name, value in zip(names, row, strict=False) if name not in UNTOLD})
