"""Contract of every sampler in conf/sampler, and the grid's ledger."""

from __future__ import annotations

import pickle
from functools import cache

import optuna
import pytest
from optuna.trial import Trial, TrialState

from hpo.config.schema import Config
from hpo.config.search import ParamValue
from hpo.contracts.records import REASON
from hpo.machine.paths import conf_folder
from hpo.search.grid import CellSampler
from hpo.search.once import n_left, once
from hpo.search.samplers import SeededRandom, build_sampler
from hpo.space.read import read_space
from hpo.space.space import Space, canonical
from tests.support.studies import compose_config

SAMPLERS = sorted(path.stem for path in (conf_folder() / "sampler").glob("*.yaml"))
CONDITIONAL = (
    "+space.train={schedule: {type: categorical, choices: [one_cycle, fine_tune]}, freeze_epochs: "
    "{type: int, low: 1, high: 2, when: {param: train.schedule, in: [fine_tune]}}}"
)
EARLY = {  # so that each learns within a few trials
    "cmaes": ["sampler.population_size=4"],
    "gp": ["sampler.n_startup_trials=3"],
    "nsga2": ["sampler.population_size=4"],
    "spsa": ["sampler.n_startup_trials=2"],
    "tpe": ["sampler.n_startup_trials=4"],
}
N_TRIALS = {"gp": 6}  # it takes a tenth of a second for each


def n_trials(name: str) -> int:
    return N_TRIALS.get(name, 14)


def make(name: str, *overrides: str, seed: int = 0) -> tuple[optuna.samplers.BaseSampler, Space]:
    config, space = compose_once(name, *overrides)
    return build_sampler(config.sampler, space, seed), space


@cache
def compose_once(name: str, *overrides: str) -> tuple[Config, Space]:
    config, _ = compose_config(f"sampler={name}", *EARLY.get(name, []), *overrides)
    return config, read_space(config)


def open_study(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    return optuna.create_study(sampler=sampler, pruner=optuna.pruners.NopPruner())


def fill(study: optuna.Study, space: Space, n: int) -> list[dict[str, ParamValue]]:
    """Runs `n` trials one after another with a value that depends on the params alone."""
    proposed = []
    for _ in range(n):
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, sum(len(str(value)) for value in params.values()) + float(str(params.get("train.lr", 0))))
        proposed.append(params)
    return proposed


@pytest.fixture(params=SAMPLERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_proposals_lie_in_the_space_and_respect_conditions(name: str) -> None:
    sampler, space = make(name, CONDITIONAL)
    for params in fill(open_study(sampler), space, n_trials(name) + 6):
        assert ("train.freeze_epochs" in params) == (params["train.schedule"] == "fine_tune")
        for param in space.params:
            if param.path in params:
                assert param.distribution._contains(param.distribution.to_internal_repr(params[param.path]))


def make_once(name: str, *overrides: str) -> tuple[optuna.samplers.BaseSampler, Space]:
    sampler, space = make(name, *overrides)
    return once(sampler, space, 0), space


@pytest.mark.parametrize("condition", [(), (CONDITIONAL,)])
def test_nothing_is_proposed_twice_where_the_space_is_finite(name: str, condition: tuple[str, ...]) -> None:
    levels = "space.train.epochs.levels=[2,3]"  # the grid's, all there are
    words = ("~space.train.lr", "~space.model.drop_mult", "space.train.epochs.high=3", levels, *condition)
    n = 6 * (3 if condition else 1)
    whole = fill_to_the_end(open_study(make_once(name, *words)[0]), name, words)
    assert len({canonical(params) for params in whole}) == len(whole) == n
    study = open_study(make_once(name, *words)[0])
    pieces = fill(study, make_once(name, *words)[1], n // 2)
    study.sampler = make_once(name, *words)[0]
    assert pieces + fill_to_the_end(study, name, words) == whole


def fill_to_the_end(study: optuna.Study, name: str, words: tuple[str, ...]) -> list[dict[str, ParamValue]]:
    """Runs trials until nothing is left to be proposed."""
    space, proposed = make_once(name, *words)[1], list[dict[str, ParamValue]]()
    while n_left(study.sampler, study.get_trials(deepcopy=False)):
        proposed += fill(study, space, 1)
    return proposed


def test_same_seed_same_proposals_other_seed_other_proposals(name: str) -> None:
    runs = [fill(open_study(make(name, seed=seed)[0]), make(name)[1], n_trials(name)) for seed in (3, 3, 4)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_study_in_pieces_is_the_study_in_one(name: str) -> None:
    whole = fill(open_study(make(name)[0]), make(name)[1], n_trials(name))
    storage = optuna.storages.InMemoryStorage()
    pieces = []
    for n in (4, 1, n_trials(name) - 5):
        sampler, space = make(name)
        study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
        pieces += fill(study, space, n)
    assert pieces == whole


def test_params_lost_in_the_middle_of_a_proposal_are_proposed_again(name: str) -> None:
    n = n_trials(name) - 1
    whole = fill(open_study(make(name)[0]), make(name)[1], n + 1)
    sampler, space = make(name)
    study = open_study(sampler)
    fill(study, space, n)
    trial = study.ask()
    first = space.params[0]
    Space(params=(first,), fixed=space.fixed).suggest(trial)  # the driver dies here, one param written
    again, _ = make(name)
    study.sampler = again
    assert space.suggest(Trial(study, trial._trial_id)) == whole[n]


def test_trials_that_run_side_by_side_lie_in_the_space(name: str) -> None:
    sampler, space = make(name)
    study = open_study(sampler)
    running: list[Trial] = []
    seen = []
    for _ in range(n_trials(name)):
        trial = study.ask()
        params = space.suggest(trial)
        seen.append(canonical(params))
        assert all(p.distribution._contains(p.distribution.to_internal_repr(params[p.path])) for p in space.params)
        running.append(trial)
        if len(running) == 3:
            study.tell(running.pop(0), float(len(seen)))
    if name != "nsga2":  # whose children may be like a parent
        assert len(set(seen)) == len(seen)


def test_failed_and_pruned_trials_leave_it_a_study_in_one_piece(name: str) -> None:
    def some(study: optuna.Study, space: Space, n: int) -> list[dict[str, ParamValue]]:
        proposed = []
        for _ in range(n):
            trial = study.ask()
            proposed.append(space.suggest(trial))
            trial.report(float(trial.number), 1)
            way = trial.number % 3
            state = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)[way]
            study.tell(trial, float(trial.number) if way == 0 else None, state=state)
        return proposed

    sampler, space = make(name)
    n = n_trials(name)
    whole = some(open_study(sampler), space, n + 6)
    study = open_study(make(name)[0])
    pieces = some(study, space, n)
    study.sampler = make(name)[0]
    assert pieces + some(study, space, 6) == whole


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_the_start_is_that_of_random_search_and_what_follows_is_not(name: str) -> None:
    random, other = (fill(open_study(make(n, seed=7)[0]), make(n)[1], 6) for n in ("random", name))
    assert random[:3] == other[:3]
    assert random[4:] != other[4:]


def test_what_a_sampler_notes_is_no_pickle(name: str) -> None:
    sampler, space = make(name)
    study = open_study(sampler)
    fill(study, space, n_trials(name))
    noted = [study._storage.get_study_system_attrs(study._study_id), *(trial.system_attrs for trial in study.trials)]
    texts = [str(value) for attrs in noted for value in attrs.values()]
    assert not [text for text in texts if text.startswith(pickle.dumps(0)[:2].hex())]


def test_seeded_draws_do_not_depend_on_draws_before() -> None:
    space = make("random")[1]
    study = open_study(SeededRandom(1))
    fill(study, space, 3)
    other = open_study(SeededRandom(1))
    for _ in range(3):
        other.tell(other.ask(), 0.0)
    assert fill(study, space, 1) == fill(other, space, 1)


SMALL = ("~space.train.lr", "~space.model.drop_mult")  # 3 hidden sizes x 3 epochs


def grid(*overrides: str, seed: int = 0) -> tuple[CellSampler, Space]:
    sampler, space = make("grid", *SMALL, *overrides, seed=seed)
    assert isinstance(sampler, CellSampler)
    return sampler, space


def test_grid_visits_each_cell_once_with_several_workers() -> None:
    sampler, space = grid()
    study = open_study(sampler)
    running: list[Trial] = []
    seen = []
    while sampler.n_left(study.get_trials(deepcopy=False)):
        trial = study.ask()
        seen.append(canonical(space.suggest(trial)))
        running.append(trial)
        if len(running) == 4:
            study.tell(running.pop(0), 1.0)
    assert sorted(seen) == sorted(sampler.cells)


def test_grid_resumed_with_another_seed_visits_each_cell_once() -> None:
    sampler, space = grid(seed=1)
    study = open_study(sampler)
    seen = [canonical(p) for p in fill(study, space, 5)]
    study.sampler = other = grid(seed=2)[0]
    seen += [canonical(p) for p in fill(study, space, 4)]
    assert sorted(seen) == sorted(sampler.cells)
    assert other.n_left(study.get_trials()) == 0


def test_grid_extended_later_visits_only_the_new_cells() -> None:
    sampler, space = grid()
    study = open_study(sampler)
    fill(study, space, 9)
    study.sampler, wide = grid("space.train.epochs.levels=[2,3,4,6]")
    assert study.sampler.n_left(study.get_trials()) == 3
    assert all(params["train.epochs"] == 3 for params in fill(study, wide, 3))


def test_grid_offers_a_failed_cell_once_more_but_never_a_diverged_one() -> None:
    sampler, space = grid()
    study = open_study(sampler)
    cells = []
    for reason in ("error", "diverged"):
        trial = study.ask()
        cells.append(canonical(space.suggest(trial)))
        trial.set_user_attr(REASON, reason)
        study.tell(trial, state=TrialState.FAIL)
    seen = [canonical(p) for p in fill(study, space, 8)]
    assert sampler.n_left(study.get_trials()) == 0
    assert seen[-1] == cells[0]
    assert cells[1] not in seen


def test_grid_order_depends_on_the_seed() -> None:
    orders = [[canonical(p) for p in fill(open_study(grid(seed=seed)[0]), grid()[1], 9)] for seed in (0, 1)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
