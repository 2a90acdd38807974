"""What records say of a comparison that is still to be run: noise of known size is found again, too few is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.planning import noise_between, noise_of_pilot, seconds_of_pilot, seconds_of_studies
from hpo.report.analysis.records import Experiment
from tests.support.noise_experiments import confirmed, experiment, normal, study


def one_trial(n_seeds: int, sd: float = 3.0, **changes: object) -> Experiment:
    """Returns an experiment whose studies are a draw each, so that a difference has sqrt(2) of their spread."""
    strategies = {"a": normal(sd=sd), "b": normal(sd=sd)}
    return experiment(strategies, rng=np.random.default_rng(1), n_seeds=n_seeds, n_trials=1, **changes)  # type: ignore[arg-type]


def test_noise_between_strategies_is_the_spread_of_their_differences() -> None:
    noise = noise_between(one_trial(400))
    assert noise.sd == pytest.approx(3 * 2**0.5, rel=0.08)
    assert noise.sd < noise.upper < 1.05 * noise.sd
    assert noise.source.startswith("1 pair of 'made up' with 400 seeds, ")
    few = noise_between(one_trial(3))
    assert few.upper == pytest.approx(few.sd * (2 / 0.4463) ** 0.5, rel=1e-3)  # chi2(2): its .2 quantile is .4463


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (one_trial(2), "has no two strategies with 3 seeds in common"),
        (one_trial(5, tasks=("x", "y")), "has 2 tasks, and its strategies are paired by task"),
        (one_trial(5, sd=0.0), "all differences of a pair are equal: there is no noise"),
    ],
)
def test_what_says_nothing_is_refused(made: Experiment, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        noise_between(made)


def pilot(values: list[float], again: list[float]) -> Experiment:
    made = study("random", 9, values, confirmed=(confirmed(min(values), again),) if again else ())
    return replace(one_trial(1), studies=(made,))


def test_a_pilot_has_the_luck_of_searching_and_the_noise_of_training_twice() -> None:
    rng = np.random.default_rng(2)
    values, again = rng.normal(size=2000), [0.0, 2.0]
    searched = noise_of_pilot(pilot(values.tolist(), []), n_trials=1)
    assert searched.sd == pytest.approx(2**0.5, rel=0.06)
    both = noise_of_pilot(pilot(values.tolist(), again), n_trials=1)
    assert both.sd**2 == pytest.approx(searched.sd**2 + 2 * np.var(again, ddof=1) / 2)
    assert noise_of_pilot(pilot(values.tolist(), []), n_trials=50).sd < 0.6 * searched.sd
    assert "2,000" not in searched.source
    assert "none of them retrained" in searched.source


def test_of_few_trials_no_more_are_drawn_than_there_are() -> None:
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    many, few = (noise_of_pilot(pilot(values, []), n_trials=n) for n in (100, 6))
    assert many.sd == few.sd
    assert many.source == f"{few.source}, and studies of 100 trials vary less"
    with pytest.raises(ValueError, match="has 3 complete trials, and needs at least 4"):
        noise_of_pilot(pilot(values[:3], []), n_trials=2)
    with pytest.raises(ValueError, match="have one value"):
        noise_of_pilot(pilot([1.0] * 6, []), n_trials=2)


def test_seconds_are_those_of_all_parts_of_a_study() -> None:
    made = pilot([1.0, 2.0, 3.0, 4.0], [1.0, 2.0])  # two seconds and an epoch a trial; ten to train again
    assert seconds_of_studies(made) == {"random": 18.0}
    assert seconds_of_pilot(made, n_epochs=30) == 70.0
