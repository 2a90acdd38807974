"""Samplers over a finite list: each candidate once, the nearest unseen one, resumable at any point."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import Trial, TrialState

from hpo.config.schema import Config
from hpo.config.search import ParamValue
from hpo.machine.paths import conf_folder
from hpo.search.candidates import CANDIDATE, CandidateSampler, mapping_note
from hpo.search.samplers import build_sampler
from hpo.space.space import Param, Space, canonical
from hpo.trainers.replay.space import table_space
from hpo.trainers.replay.trainer import ReplayConfig
from tests.support.curve_tables import make_columns, write_table
from tests.support.studies import compose_config, run_study

SAMPLERS = sorted(path.stem for path in (conf_folder() / "sampler").glob("*.yaml"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "curves.parquet", make_columns(40))


def read(name: str, table: Path) -> tuple[Config, Space]:
    config = compose_once(name)
    assert isinstance(config.trainer, ReplayConfig)
    config = replace(config, trainer=replace(config.trainer, path=str(table)))
    return config, table_space(config)


@cache
def compose_once(name: str) -> Config:
    early = ["sampler.n_startup_trials=8"] if name == "gp" else []  # it takes a tenth of a second a trial
    return compose_config("experiment=replay", "trainer.path=curves.parquet", f"sampler={name}", *early)[0]


def make(name: str, table: Path, *, seed: int = 0) -> tuple[CandidateSampler, Space]:
    config, space = read(name, table)
    sampler = build_sampler(config.sampler, space, seed)
    assert isinstance(sampler, CandidateSampler)
    return sampler, space


def open_study(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    return optuna.create_study(sampler=sampler, pruner=optuna.pruners.NopPruner())


def fill(study: optuna.Study, space: Space, n: int) -> list[str]:
    """Runs `n` trials one after another with a value that depends on the params alone."""
    proposed = []
    for _ in range(n):
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, abs(float(np.log10(float(str(params["rate"])))) + 2) + float(str(params["size"])) / 1000)
        proposed.append(canonical(params))
    return proposed


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_candidate_is_proposed_once_and_nothing_else(
    name: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler, space = make(name, table)
    study = open_study(sampler)
    monkeypatch.setattr(optuna.samplers.GPSampler, "sample_relative", lambda *_: {})  # slow, and no matter here
    assert sorted(fill(study, space, 40)) == sorted(canonical(candidate) for candidate in space.candidates)
    assert sampler.n_left(study.get_trials()) == 0
    with pytest.raises(RuntimeError, match="ask `n_left` first"):
        study.ask()


@pytest.mark.parametrize("name", SAMPLERS)
def test_same_seed_same_proposals_in_one_piece_or_in_several(name: str, table: Path) -> None:
    whole = fill(open_study(make(name, table)[0]), make(name, table)[1], 15)
    other = fill(open_study(make(name, table, seed=1)[0]), make(name, table)[1], 15)
    storage, pieces = optuna.storages.InMemoryStorage(), []
    for n in (11, 1, 3):
        sampler, space = make(name, table)
        study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
        pieces += fill(study, space, n)
    assert pieces == whole
    assert other != whole


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_proposal_cut_in_the_middle_stays_that_candidate_whatever_ended_since(name: str, table: Path) -> None:
    sampler, space = make(name, table)
    study = open_study(sampler)
    fill(study, space, 12)
    running, trial = study.ask(), study.ask()
    space.suggest(running)
    Space(space.params[:1], {}, space.candidates).suggest(trial)  # the driver dies here, one param written
    study.tell(running, 0.0)
    study.sampler = make(name, table)[0]
    noted = study.trials[13]
    adopted = space.suggest(Trial(study, trial._trial_id))
    assert adopted == space.candidates[noted.system_attrs[CANDIDATE]]
    assert adopted.items() >= noted.params.items() != {}


def test_running_trials_count_as_seen(table: Path) -> None:
    sampler, space = make("tpe", table)
    study = open_study(sampler)
    asked = [canonical(space.suggest(study.ask())) for _ in range(40)]
    assert len(set(asked)) == 40


def test_strategies_with_one_seed_start_with_the_same_configurations(table: Path) -> None:
    random = fill(open_study(make("random", table)[0]), make("random", table)[1], 16)
    tpe = fill(open_study(make("tpe", table)[0]), make("tpe", table)[1], 16)
    grid = fill(open_study(make("grid", table)[0]), make("grid", table)[1], 16)
    assert random[:10] == tpe[:10]
    assert random != tpe
    assert random != grid


def test_tpe_finds_the_good_candidates_sooner_than_random(table: Path) -> None:
    best = sorted((abs(np.log10(rate) + 2), i) for i, rate in enumerate(make_columns(40)["rate"]))[:10]
    wanted = {canonical(make("random", table)[1].candidates[i]) for _, i in best}
    found = {}
    for name in ("random", "tpe"):
        runs = [fill(open_study(make(name, table, seed=seed)[0]), make(name, table)[1], 22) for seed in range(6)]
        found[name] = sum(len(wanted & set(run)) for run in runs)
    assert found["tpe"] > found["random"]


class Fixed(optuna.samplers.RandomSampler):
    """Always proposes the same."""

    def __init__(self, params: dict[str, ParamValue]) -> None:
        super().__init__()
        self._params = params

    def sample_independent(self, study: object, trial: object, param_name: str, param_distribution: object) -> object:
        return self._params[param_name]


def test_a_free_proposal_becomes_the_nearest_candidate_not_yet_seen() -> None:
    numbers = [0.0, 0.3, 0.45, 1.0]
    distributions = {
        "x": optuna.distributions.FloatDistribution(0, 1),
        "constant": optuna.distributions.IntDistribution(7, 7),
        "kind": optuna.distributions.CategoricalDistribution(("a", "b")),
    }
    space = Space(
        tuple(Param(path, distribution, ()) for path, distribution in distributions.items()),
        {},
        tuple({"x": x, "constant": 7, "kind": kind} for kind in "ab" for x in numbers),
    )
    sampler = CandidateSampler(space, range(8), behind=Fixed({"x": 0.4, "constant": 7, "kind": "b"}))
    study = open_study(sampler)
    chosen = []
    for _ in range(6):
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, 0.0)
        chosen.append((params["x"], params["kind"]))
    assert chosen == [(0.45, "b"), (0.3, "b"), (0.0, "b"), (1.0, "b"), (0.45, "a"), (0.3, "a")]
    assert study.trials[0].params == {"x": 0.45, "constant": 7, "kind": "b"}  # what is learnt from


def test_pruners_with_one_seed_see_the_same_configurations(workdir: Path, table: Path) -> None:
    asked = ["experiment=replay", f"trainer.path={table}", "sampler=random", "study.n_epochs=60"]
    none, asha, hyperband = (run_study(*asked, f"pruner={pruner}").trials for pruner in ("none", "asha", "hyperband"))
    assert len(asha) > len(none)
    for pruned in (asha, hyperband):
        assert [trial.params for trial in pruned[: len(none)]] == [trial.params for trial in none]


def test_a_study_ends_when_all_have_been_seen(workdir: Path, table: Path) -> None:
    report = run_study("experiment=replay", f"trainer.path={table}", "study.n_epochs=null", "executor.n_workers=3")
    assert len({canonical(trial.params) for trial in report.trials}) == len(report.trials) == 40


def test_a_proposal_from_a_thousand_candidates_takes_under_a_millisecond() -> None:
    rng = np.random.default_rng(0)
    names = [f"p{i}" for i in range(8)]
    space = Space(
        tuple(Param(name, optuna.distributions.FloatDistribution(0, 1), ()) for name in names),
        {},
        tuple(dict(zip(names, map(float, row), strict=True)) for row in rng.random((1000, 8))),
    )
    sampler = CandidateSampler(space, range(1000), behind=Fixed(dict.fromkeys(names, 0.5)))
    study = open_study(sampler)
    done = [
        optuna.trial.create_trial(state=TrialState.COMPLETE, value=0.0, system_attrs={CANDIDATE: i}) for i in range(264)
    ]
    study.add_trials(done)
    study.ask()
    took = []
    for _ in range(20):
        began = time.process_time()
        *others, trial = study.get_trials(deepcopy=False)
        sampler.choose(study, trial, others)
        took.append(time.process_time() - began)
    assert min(took) < 0.002  # half a millisecond where nothing else runs


def test_the_note_says_how_proposals_are_mapped(table: Path) -> None:
    notes = {name: mapping_note(read(name, table)[1], read(name, table)[0].sampler) for name in SAMPLERS}
    assert notes["random"] == "random visits the 40 recorded configurations in an order shuffled by the seed, each once"
    assert notes["grid"].startswith("grid visits the 40")
    assert notes["tpe"] == (
        "tpe proposes freely and is mapped to the nearest of 40 recorded configurations not yet seen; "
        "its first 10 trials are those of random with the same seed"
    )
    config, _ = compose_config("sampler=tpe")
    assert mapping_note(Space((), {}), config.sampler) == ""
