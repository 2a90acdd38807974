"""Search spaces put together and described."""

from __future__ import annotations

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.report.analysis.records import Trial
from hpo.report.analysis.spaces import describe_distribution, observed_space, widest_space


def observed(*params: dict) -> dict:
    return observed_space([Trial(n, "COMPLETE", 0.0, 1, 1.0, 1.0, params=own) for n, own in enumerate(params)])


def test_the_widest_space_holds_all_of_them() -> None:
    one = {
        "lr": FloatDistribution(0.01, 0.1, log=True),
        "n": IntDistribution(1, 3),
        "k": CategoricalDistribution(["a"]),
    }
    other = {
        "lr": FloatDistribution(0.001, 0.05, log=True),
        "n": IntDistribution(2, 9),
        "k": CategoricalDistribution(["b", "a"]),
        "more": FloatDistribution(0, 1),
    }
    assert widest_space([one, other]) == {
        "lr": FloatDistribution(0.001, 0.1, log=True),
        "n": IntDistribution(1, 9),
        "k": CategoricalDistribution(["a", "b"]),
        "more": FloatDistribution(0, 1),
    }
    assert widest_space([one, {"lr": IntDistribution(0, 5)}]) == one
    assert widest_space([]) == {}


def test_observed_ranges_are_those_of_the_trials() -> None:
    assert observed({"x": 1, "y": 0.5, "z": "b"}, {"x": 7, "y": 2, "z": "a"}, {"w": True}) == {
        "x": IntDistribution(1, 7),
        "y": FloatDistribution(0.5, 2.0),
        "z": CategoricalDistribution(["a", "b"]),
        "w": CategoricalDistribution([True]),
    }
    assert observed({}) == {}


def test_ranges_are_described_in_words() -> None:
    described = [
        describe_distribution(distribution)
        for distribution in (
            FloatDistribution(0.001, 0.1, log=True),
            FloatDistribution(0, 1, step=0.25),
            IntDistribution(2, 6),
            CategoricalDistribution([64, "x"]),
        )
    ]
    assert described == [
        "numbers from 0.001 to 0.1, on a log scale",
        "numbers from 0 to 1 in steps of 0.25",
        "whole numbers from 2 to 6",
        "one of 64, x",
    ]
