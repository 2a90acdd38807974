"""What is refused of a linear model before a study begins."""

from __future__ import annotations

import pytest

from hpo.trainers.linear.options import LinearConfig
from hpo.trainers.linear.settings import Weighting
from tests.support.studies import plan_study

CONFIG = LinearConfig(words=2, chars=0, min_df=1, weighting=Weighting.both, C=30.0)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"words": 0}, "params.words=0 must be at least 1"),
        ({"words": 1.5}, "params.words=1.5 must be a whole number"),
        ({"C": -1}, "params.C=-1 must be above 0"),
        ({"C": True}, "params.C=True must be a number"),
        ({"weighting": "tf"}, "params.weighting='tf' must be one of idf, nb, both"),
    ],
)
def test_a_value_that_cannot_be_is_refused(params: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CONFIG.with_params(params)


def test_params_replace_the_settings() -> None:
    settings = CONFIG.with_params({"weighting": "nb", "C": 3, "chars": 4.0})
    assert (settings.weighting, settings.C, settings.chars, settings.words) == (Weighting.nb, 3.0, 4, 2)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("space=awd_lstm_small",), "model.drop_mult is nothing that a linear model has; it has params.words"),
        (("+params.depth=3",), "params.depth is nothing that a linear model has"),
        (("+params.C=-1",), "params.C=-1 must be above 0"),
        (("model.encoder=domain",), "model.encoder=domain is what a network starts from"),
        (("space.params.words.low=0",), "params.words=0 must be at least 1"),
        (("sampler=gradient",), "sampler=gradient"),
    ],
)
def test_a_study_of_it_is_refused(given: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        plan_study("trainer=linear", "space=linear", *given)
