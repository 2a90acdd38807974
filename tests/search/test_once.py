"""What takes the place of a repetition: the nearest configuration that is left, or a draw where none can be listed."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hpo.config.search import ParamValue
from hpo.contracts.records import ORIGIN, REPEATED
from hpo.search.grid import CellSampler
from hpo.search.once import Once, n_left, once
from hpo.search.told import Told
from hpo.space.space import Condition, Param, Space, canonical

SIZE = Param("size", IntDistribution(1, 5), ())
KIND = Param("kind", CategoricalDistribution(("a", "b")), ())
RATE = Param("rate", FloatDistribution(0.0, 1.0, step=0.25), (), Condition("kind", ("b",)))
SMALL = Space((SIZE, KIND, RATE), {})  # 5 x (1 + 5)
LARGE = Space((Param("x", IntDistribution(0, 999_999_999), ()),), {})


class Stubborn(BaseSampler):
    """Proposes the same again and again."""

    def __init__(self, params: Mapping[str, ParamValue]) -> None:
        self._params = params

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        return self._params[param_name]


def ask(sampler: BaseSampler, space: Space, n: int) -> tuple[optuna.Study, list[dict[str, ParamValue]]]:
    study = optuna.create_study(sampler=sampler)
    return study, [space.suggest(study.ask()) for _ in range(n)]


def test_the_nearest_that_is_left_takes_the_place_of_a_repetition() -> None:
    study, proposed = ask(once(Stubborn({"size": 3, "kind": "a"}), SMALL, 0), SMALL, 5)
    assert proposed[0] == {"size": 3, "kind": "a"}
    assert {canonical(params) for params in proposed[1:3]} == {canonical({"size": n, "kind": "a"}) for n in (2, 4)}
    assert {canonical(params) for params in proposed[3:]} == {canonical({"size": n, "kind": "a"}) for n in (1, 5)}
    assert [trial.system_attrs.get(ORIGIN) for trial in study.trials] == [None, *[REPEATED] * 4]


def test_every_configuration_comes_once_and_then_none_is_left() -> None:
    sampler = once(Stubborn({"size": 3, "kind": "b", "rate": 0.5}), SMALL, 0)
    study, proposed = ask(sampler, SMALL, 30)
    assert len({canonical(params) for params in proposed}) == 30
    assert n_left(sampler, study.trials) == 0
    assert n_left(sampler, study.trials[:-1]) == 1


def test_of_more_than_can_be_listed_another_is_drawn() -> None:
    sampler = once(Stubborn({"x": 7}), LARGE, 0)
    study, proposed = ask(sampler, LARGE, 20)
    assert proposed[0] == {"x": 7}
    assert len({params["x"] for params in proposed}) == 20
    assert n_left(sampler, study.trials) is None


def test_what_a_user_has_enqueued_stays() -> None:
    first = [{"size": 3, "kind": "a"}] * 2
    told = Told(Stubborn({"size": 3, "kind": "a"}), SMALL, first=first, prior_weight=0.0, seed=0)
    _, proposed = ask(once(told, SMALL, 0), SMALL, 3)
    assert proposed[:2] == first
    assert proposed[2] != first[0]


def test_samplers_that_need_it_alone_are_kept_from_repeating() -> None:
    cells = Told(CellSampler([{"kind": "a"}, {"kind": "b"}], 0), Space((KIND,), {}), first=(), prior_weight=0, seed=0)
    assert once(cells, Space((KIND,), {}), 0) is cells
    some = Stubborn({})
    assert once(some, Space((), {}), 0) is some
    assert once(some, Space((KIND, Param("lr", FloatDistribution(0, 1), ())), {}), 0) is some
    assert isinstance(once(some, Space((KIND,), {}), 0), Once)
