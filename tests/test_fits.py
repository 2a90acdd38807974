from __future__ import annotations

from pathlib import Path

import pytest
from trials import make_request

from hpo.config import Schedule
from hpo.fits import plan_fits


@pytest.mark.parametrize("schedule", list(Schedule))
@pytest.mark.parametrize("epochs", [1, 2, 5])
@pytest.mark.parametrize("freeze_epochs", [0, 1, 3])
def test_epochs_add_up(tmp_path: Path, schedule: Schedule, epochs: int, freeze_epochs: int) -> None:
    train = make_request(tmp_path, schedule=schedule, epochs=epochs, freeze_epochs=freeze_epochs).train
    fits = plan_fits(train)
    assert sum(fit.n_epochs for fit in fits) == epochs
    assert all(fit.n_epochs > 0 for fit in fits)
    n_frozen = sum(fit.n_epochs for fit in fits if fit.is_frozen)
    assert n_frozen == (min(freeze_epochs, epochs) if schedule is Schedule.fine_tune else 0)


def test_fine_tune_calls_what_fastais_calls(tmp_path: Path) -> None:
    from hpo.fastai_api import Learner

    class Recorded(Learner):  # type: ignore[misc]
        def __init__(self) -> None:
            self.calls: list[object] = []

        def freeze(self) -> None:
            self.calls.append("frozen")

        def unfreeze(self) -> None:
            self.calls.append("unfrozen")

        def fit_one_cycle(self, n_epoch: int, lr_max: slice, **options: float) -> None:
            options.setdefault("pct_start", 0.25)
            options.setdefault("div", 25.0)
            self.calls.append((n_epoch, lr_max, options["pct_start"], options["div"]))

    recorded = Recorded()
    recorded.fine_tune(4, 3e-3, freeze_epochs=2)
    fits = plan_fits(make_request(tmp_path, schedule=Schedule.fine_tune, epochs=6, freeze_epochs=2, lr=3e-3).train)
    ours: list[object] = []
    for fit in fits:
        ours += ["frozen" if fit.is_frozen else "unfrozen", (fit.n_epochs, fit.lr, fit.pct_start, fit.div)]
    assert ours == recorded.calls
