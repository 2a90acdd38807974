"""Grid search: every cell once, in an order shuffled by the seed.

Which cells there are is said by the space.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from hpo.config.search import ParamValue
from hpo.contracts.records import REASON
from hpo.contracts.seeds import derive_seed
from hpo.contracts.trainer import Reason
from hpo.search.finite import Ledger
from hpo.space.space import canonical

CELL = "hpo:cell"  # system attribute: the cell a trial of the grid was given


class CellSampler(Ledger):
    """Visits every cell of a grid once, in an order shuffled by the seed.

    The ledger is the study itself: a cell is taken by the trial that was given it, so neither
    several workers, nor another seed, nor a grid extended later visits a cell twice. A cell
    whose trial failed for a reason that may pass (anything but divergence) is offered once more,
    after all others.
    """

    key = CELL

    def __init__(self, cells: Sequence[Mapping[str, ParamValue]], seed: int) -> None:
        self.cells = {canonical(cell): dict(cell) for cell in cells}
        order = sorted(self.cells)
        random.Random(derive_seed(seed, "grid")).shuffle(order)
        self._order = order

    def n_left(self, trials: Sequence[FrozenTrial]) -> int:
        """Returns how many cells are still to be given out."""
        return len(self._open(trials))

    def choose(self, study: optuna.Study, trial: FrozenTrial, others: Sequence[FrozenTrial]) -> str:
        still_open = self._open(others)
        if not still_open:
            raise RuntimeError("every cell of the grid has its trial; ask `n_left` first")
        return still_open[0]

    def params_of(self, proposal: str) -> Mapping[str, ParamValue]:
        params: Mapping[str, ParamValue] = json.loads(proposal)
        return params

    def proposal_of(self, params: Mapping[str, ParamValue]) -> str | None:
        cell = canonical(params)
        return cell if cell in self.cells else None

    def _open(self, trials: Sequence[FrozenTrial]) -> list[str]:
        taken: dict[str, int] = {}
        for trial in trials:
            cell = trial.system_attrs.get(CELL)
            if cell is not None:
                may_pass = trial.state == TrialState.FAIL and trial.user_attrs.get(REASON) != Reason.DIVERGED.value
                taken[cell] = taken.get(cell, 0) + (1 if may_pass else 2)
        return [c for c in self._order if c not in taken] + [c for c in self._order if taken.get(c) == 1]
