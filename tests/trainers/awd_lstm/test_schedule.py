from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.training import Schedule, Unfreeze
from hpo.trainers.awd_lstm.schedule import Fit, check_fits, plan_fits
from tests.support.trial_requests import make_request


@pytest.mark.parametrize("schedule", list(Schedule))
@pytest.mark.parametrize("epochs", [1, 2, 5])
@pytest.mark.parametrize("freeze_epochs", [0, 1, 3])
def test_epochs_add_up(tmp_path: Path, schedule: Schedule, epochs: int, freeze_epochs: int) -> None:
    train = make_request(tmp_path, schedule=schedule, epochs=epochs, freeze_epochs=freeze_epochs).train
    fits = plan_fits(train, n_groups=4)
    assert sum(fit.n_epochs for fit in fits) == epochs
    assert all(fit.n_epochs > 0 for fit in fits)
    n_frozen = sum(fit.n_epochs for fit in fits if fit.freeze_to == -1)
    assert n_frozen == (min(freeze_epochs, epochs) if schedule is Schedule.fine_tune else 0)


def test_fine_tune_calls_what_fastais_calls(tmp_path: Path) -> None:
    from hpo.trainers.awd_lstm.network.fastai import Learner

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
    fits = plan_fits(
        make_request(tmp_path, schedule=Schedule.fine_tune, epochs=6, freeze_epochs=2, lr=3e-3).train, n_groups=4
    )
    ours: list[object] = []
    for fit in fits:
        ours += ["frozen" if fit.freeze_to == -1 else "unfrozen", (fit.n_epochs, fit.lr, fit.pct_start, fit.div)]
    assert ours == recorded.calls


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("freeze_epochs", [0, 1, 2])
def test_gradual_unfreezing_keeps_epochs_for_the_whole(tmp_path: Path, epochs: int, freeze_epochs: int) -> None:
    train = make_request(tmp_path, unfreeze=Unfreeze.gradual, epochs=epochs, freeze_epochs=freeze_epochs).train
    fits = plan_fits(train, n_groups=4)
    assert sum(fit.n_epochs for fit in fits) == epochs
    n_stages = min(3, (epochs - 1) // freeze_epochs) if freeze_epochs else 0
    assert [fit.freeze_to for fit in fits] == [*[-1, -2, -3][:n_stages], 0]
    assert fits[-1].n_epochs >= 1


def test_what_knows_wikipedia_is_unfrozen_gradually_at_falling_rates(tmp_path: Path) -> None:
    """ULMFiT's classifier fine-tuning, with the rates of fastai's text tutorial: a group's over that below is 2.6."""
    train = make_request(tmp_path, epochs=5, lr=0.04).train
    fits = plan_fits(train, n_groups=5, knows_wikipedia=True)
    assert [(fit.n_epochs, fit.freeze_to) for fit in fits] == [(1, -1), (1, -2), (1, -3), (2, 0)]
    for fit, peak in zip(fits, (0.04, 0.02, 0.01, 0.005), strict=True):
        assert isinstance(fit.lr, slice)
        assert (fit.lr.start, fit.lr.stop) == (pytest.approx(peak / 2.6**4), peak)


def test_from_scratch_nothing_changes(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    assert plan_fits(request.train, n_groups=4) == [Fit(3, freeze_to=0, lr=0.01)]


def test_one_layer_has_fewer_stages(tmp_path: Path) -> None:
    train = make_request(tmp_path, unfreeze=Unfreeze.gradual, epochs=9).train
    assert [fit.freeze_to for fit in plan_fits(train, n_groups=3)] == [-1, -2, 0]


def test_what_contradicts_itself_is_refused(tmp_path: Path) -> None:
    train = make_request(tmp_path, schedule=Schedule.fine_tune, unfreeze=Unfreeze.gradual).train
    with pytest.raises(ValueError, match=r"train\.schedule=fine_tune unfreezes all layers"):
        check_fits(train)


def test_fine_tune_has_two_names(tmp_path: Path) -> None:
    one = make_request(tmp_path, schedule=Schedule.fine_tune, epochs=4).train
    other = make_request(tmp_path, unfreeze=Unfreeze.fine_tune, epochs=4).train
    assert plan_fits(one, n_groups=4) == plan_fits(other, n_groups=4, knows_wikipedia=True)
