"""What a search is told: first trials, draws from priors, and the ledger of finite samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import Trial

from hpo.config.search import ParamValue
from hpo.contracts.records import ENQUEUED, ORIGIN, PRIOR
from hpo.search.grid import CellSampler
from hpo.search.once import n_left
from hpo.search.options import TPEConfig
from hpo.search.samplers import build_sampler
from hpo.search.told import Told, is_whole
from hpo.space.prior import Prior
from hpo.space.space import Condition, Param, Space

X = Param("x", FloatDistribution(0.001, 1, log=True), (), prior=Prior(0.1, 0.9))
Y = Param("y", FloatDistribution(0, 1), ())
KIND = Param("kind", CategoricalDistribution(("a", "b")), ("a", "b"), prior=Prior("b", 0.8))
CHILD = Param("child", FloatDistribution(0, 1), (), Condition("kind", ("b",)))
SPACE = Space((KIND, X, Y, CHILD), {})
PLAIN = Space(tuple(Param(p.path, p.distribution, p.levels, p.when) for p in SPACE.params), {})
TPE = TPEConfig(4, 24, True, False, True)


def make(space: Space, first: Sequence[Mapping[str, ParamValue]] = (), *, weight: float = 10.0, seed: int = 0) -> Told:
    return Told(build_sampler(TPE, space, seed), space, first=first, prior_weight=weight, seed=seed)


def fill(study: optuna.Study, space: Space, n: int) -> list[dict[str, ParamValue]]:
    proposed = []
    for _ in range(n):
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, float(str(params["x"])))
        proposed.append(params)
    return proposed


def test_a_sampler_that_is_told_nothing_is_itself() -> None:
    told = optuna.create_study(sampler=make(PLAIN))
    assert fill(told, PLAIN, 8) == fill(optuna.create_study(sampler=build_sampler(TPE, PLAIN, 0)), PLAIN, 8)
    assert not any(ORIGIN in trial.system_attrs for trial in told.trials)


def test_the_first_trials_are_as_given_and_what_they_leave_out_is_proposed() -> None:
    first = [{"kind": "a", "x": 0.5, "y": 0.25}, {"x": 0.125}]
    study = optuna.create_study(sampler=make(PLAIN, first))
    whole, part, other = fill(study, PLAIN, 3)
    assert whole == first[0]
    assert part["x"] == 0.125
    assert {"kind", "y"} <= set(part)
    assert other["x"] not in (0.5, 0.125)
    assert [trial.system_attrs.get(ORIGIN) for trial in study.trials] == [ENQUEUED, ENQUEUED, None]


def test_draws_from_the_priors_grow_rare_and_lie_around_their_centres() -> None:
    study = optuna.create_study(sampler=make(SPACE, weight=5.0))
    proposed = fill(study, SPACE, 60)
    is_prior = [trial.system_attrs.get(ORIGIN) == PRIOR for trial in study.trials]
    assert is_prior[0]
    assert sum(is_prior[:10]) > sum(is_prior[-30:])
    drawn = [params for params, prior in zip(proposed, is_prior, strict=True) if prior]
    places = [X.to_unit(params["x"]) for params in drawn]
    assert abs(sum(places) / len(places) - X.to_unit(0.1)) < 0.05
    assert max(places) - min(places) < 0.4
    assert sum(params["kind"] == "b" for params in drawn) > len(drawn) / 2


def test_it_is_one_study_in_pieces_also_when_killed_within_a_proposal() -> None:
    first = [{"kind": "b", "x": 0.5, "y": 0.25, "child": 0.5}, {"x": 0.125}]
    whole = fill(optuna.create_study(sampler=make(SPACE, first)), SPACE, 12)
    study = optuna.create_study(sampler=make(SPACE, first))
    pieces: list[dict[str, ParamValue]] = []
    for n in range(12):
        study.sampler = make(SPACE, first)
        trial = study.ask()
        Space((KIND,), {}).suggest(trial)  # the driver dies here, one param written
        study.sampler = make(SPACE, first)
        params = SPACE.suggest(Trial(study, trial._trial_id))
        study.tell(n, float(str(params["x"])))
        pieces.append(params)
    assert pieces == whole


def test_a_cell_that_was_given_is_not_visited_again() -> None:
    cells: list[dict[str, ParamValue]] = [{"kind": "a"}, {"kind": "b"}]
    space = Space((Param("kind", KIND.distribution, ("a", "b")),), {})
    sampler = Told(CellSampler(cells, 0), space, first=[{"kind": "b"}], prior_weight=1.0, seed=0)
    study = optuna.create_study(sampler=sampler)
    assert n_left(sampler, study.trials) == 2
    seen = []
    for _ in range(2):
        trial = study.ask()
        seen.append(space.suggest(trial)["kind"])
        study.tell(trial, 0.0)
    assert seen == ["b", "a"]
    assert n_left(sampler, study.trials) == 0
    assert n_left(make(PLAIN), study.trials) is None


def test_params_are_whole_when_nothing_active_is_left() -> None:
    assert is_whole(PLAIN, {"kind": "a", "x": 0.5, "y": 0.5})
    assert not is_whole(PLAIN, {"kind": "b", "x": 0.5, "y": 0.5})
