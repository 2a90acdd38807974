"""For training functions: what they raise, and what libraries that call back report by.

Calling functions is the business of `trainers.function`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hpo.trainers.function.find import Stop as Stop


def fastai_callback(on_epoch: Callable[[dict[str, float]], None], *, frozen: bool = False) -> Any:
    """Returns a fastai callback that reports every epoch's losses and metrics, by the names the table of fastai has.

    Args:
        on_epoch: What hpo gives a training function that names it.
        frozen: Whether epochs in which a part of the network is frozen are reported, too; fine_tune begins with one.
    """
    from hpo.trainers.function.fastai import Reporter

    return Reporter(on_epoch, frozen=frozen)
