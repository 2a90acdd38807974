"""Contract of every sampler in conf/sampler, and the grid's ledger."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import Trial, TrialState

from hpo.config.search import ParamValue
from hpo.contracts.records import REASON
from hpo.machine.paths import conf_folder
from hpo.search.grid import CellSampler
from hpo.search.samplers import SeededRandom, build_sampler
from hpo.space.read import read_space
from hpo.space.space import Space, canonical
from tests.support.studies import compose_config

SAMPLERS = sorted(path.stem for path in (conf_folder() / "sampler").glob("*.yaml"))
CONDITIONAL = (
    "+space.train={schedule: {type: categorical, choices: [one_cycle, fine_tune]}, freeze_epochs: "
    "{type: int, low: 1, high: 2, when: {param: train.schedule, in: [fine_tune]}}}"
)


def make(name: str, *overrides: str, seed: int = 0) -> tuple[optuna.samplers.BaseSampler, Space]:
    config, _ = compose_config(f"sampler={name}", *overrides)
    space = read_space(config)
    return build_sampler(config.sampler, space, seed), space


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
    for params in fill(open_study(sampler), space, 25):
        assert ("train.freeze_epochs" in params) == (params["train.schedule"] == "fine_tune")
        for param in space.params:
            if param.path in params:
                assert param.distribution._contains(param.distribution.to_internal_repr(params[param.path]))


def test_same_seed_same_proposals_other_seed_other_proposals(name: str) -> None:
    runs = [fill(open_study(make(name, seed=seed)[0]), make(name)[1], 14) for seed in (3, 3, 4)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_study_in_pieces_is_the_study_in_one(name: str) -> None:
    whole = fill(open_study(make(name)[0]), make(name)[1], 18)
    storage = optuna.storages.InMemoryStorage()
    pieces = []
    for n in (5, 1, 12):
        sampler, space = make(name)
        study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
        pieces += fill(study, space, n)
    assert pieces == whole


def test_params_lost_in_the_middle_of_a_proposal_are_proposed_again(name: str) -> None:
    whole = fill(open_study(make(name)[0]), make(name)[1], 13)
    sampler, space = make(name)
    study = open_study(sampler)
    fill(study, space, 12)
    trial = study.ask()
    first = space.params[0]
    Space(params=(first,), fixed=space.fixed).suggest(trial)  # the driver dies here, one param written
    again, _ = make(name)
    study.sampler = again
    assert space.suggest(Trial(study, trial._trial_id)) == whole[12]


def test_random_and_tpe_share_their_start_up_proposals() -> None:
    start = [fill(open_study(make(name, seed=7)[0]), make(name)[1], 10) for name in ("random", "tpe")]
    assert start[0] == start[1]


def test_tpe_adapts_after_its_start_up() -> None:
    late = [fill(open_study(make(name, seed=7)[0]), make(name)[1], 16)[10:] for name in ("random", "tpe")]
    assert late[0] != late[1]


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
