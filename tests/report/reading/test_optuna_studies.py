"""Experiments from storages of Optuna's that hpo did not make; every file here is one that Optuna wrote."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING
from hpo.report.analysis.records import Experiment
from hpo.report.reading.optuna_studies import database_of, read_optuna
from hpo.report.reading.terms import Terms

DASHES = "{strategy}-{task}-{seed}"
BEGAN = datetime.datetime(2024, 1, 1)
SPACE = {"lr": FloatDistribution(0.01, 1.0, log=True)}


def ended(
    value: float | None,
    *,
    curve: Sequence[float] = (),
    steps: Sequence[int] = (),
    state: TrialState = TrialState.COMPLETE,
) -> FrozenTrial:
    """A trial as Optuna keeps it, of a minute's length."""
    reported = dict(zip(steps or range(len(curve)), curve, strict=True))
    params, space = {"lr": 0.1}, SPACE
    trial = create_trial(state=state, value=value, params=params, distributions=space, intermediate_values=reported)
    trial.datetime_start = BEGAN
    trial.datetime_complete = BEGAN + datetime.timedelta(minutes=1) if state.is_finished() else None
    return trial


Made = Callable[..., Path]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = tmp_path_factory.mktemp("optuna") / "x.db"
    RDBStorage(f"sqlite:///{path}").engine.dispose()
    return path.read_bytes()


@pytest.fixture
def make(empty: bytes, tmp_path: Path) -> Made:
    def made(studies: dict[str, Sequence[FrozenTrial]], **settings: object) -> Path:
        path = tmp_path / "x.db"
        path.write_bytes(path.read_bytes() if path.exists() else empty)
        storage = RDBStorage(f"sqlite:///{path}")
        for name, trials in studies.items():
            study = optuna.create_study(storage=storage, study_name=name, **settings)  # type: ignore[arg-type]  # as given
            study.add_trials(trials)
        storage.engine.dispose()
        return path

    return made


def read(path: Path, names: str = DASHES, *, terms: Terms | None = None) -> Experiment:
    return read_optuna(path, study_names=names, terms=terms)


def test_names_say_strategy_task_and_seed_and_the_file_is_left_as_it_is(make: Made) -> None:
    path = make({f"{s}-{t}-{seed}": [ended(1.0)] for s in ("tpe", "random") for t in ("a", "b") for seed in (2, 10)})
    before = path.read_bytes(), sorted(path.parent.iterdir())
    experiment = read(path)
    assert [(s.task, s.strategy, s.seed) for s in experiment.studies] == [
        (task, strategy, seed) for task in ("a", "b") for strategy in ("tpe", "random") for seed in (2, 10)
    ]
    assert (experiment.name, experiment.metric, experiment.direction, experiment.unit) == (
        "x",
        "value",
        "minimize",
        "trials",
    )
    assert "x.db" in experiment.facts["source"]
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before


def test_states_values_epochs_and_seconds_are_those_of_the_trials(make: Made) -> None:
    trials = [
        ended(0.3, curve=[0.9, 0.5, 0.3]),
        ended(0.8, curve=[0.8], state=TrialState.PRUNED),
        ended(None, curve=[math.nan], state=TrialState.FAIL),
        ended(math.inf, curve=[0.7, 0.6]),
        ended(None, state=TrialState.RUNNING),
        ended(None, state=TrialState.WAITING),
    ]
    experiment = read(make({"tpe_0": trials}), "{strategy}_{seed}")
    (study,) = experiment.studies
    assert [(t.state, t.value, t.epochs, t.curve) for t in study.trials] == [
        (COMPLETE, 0.3, 3, (0.9, 0.5, 0.3)),
        (PRUNED, 0.8, 1, (0.8,)),
        (FAIL, None, 1, ()),
        (FAIL, None, 2, (0.7, 0.6)),
        (RUNNING, None, 1, ()),
    ]
    assert [t.reason for t in study.trials] == [None, None, "unknown", "diverged", None]
    assert [t.seconds for t in study.trials] == [60, 60, 60, 60, 0]
    assert {t.ended_s for t in study.finished} == {60}
    assert (study.task, study.is_ended, experiment.unit) == ("task", False, "epochs")
    assert "tpe: 1 COMPLETE trial without a finite value (up to 1e+100) charged as failed." in experiment.deviations
    assert experiment.spaces == {"task": SPACE}
    assert "1 of 5 trials have none and were charged one epoch" in " ".join(experiment.notes)


def test_steps_from_one_on_and_with_gaps_are_epochs_too(make: Made) -> None:
    trials = [ended(0.3, curve=[0.9, 0.3], steps=[1, 2]), ended(0.2, curve=[0.4, 0.2], steps=[1, 9])]
    (study,) = read(make({"tpe-t-0": trials})).studies
    assert [(t.epochs, t.curve) for t in study.trials] == [(2, (0.9, 0.3)), (9, ())]


def test_words_for_states_and_the_direction_come_from_where_they_are_given(make: Made) -> None:
    path = make({"tpe-t-0": [ended(0.8, state=TrialState.PRUNED)]}, direction="maximize")
    experiment = read(path, terms=Terms(states={"pruned": "COMPLETE"}))
    assert (experiment.direction, experiment.studies[0].trials[0].state) == ("maximize", COMPLETE)
    with pytest.raises(ValueError, match=r"report.direction=minimize contradicts .*x.db, which says maximize"):
        read(path, terms=Terms(direction="minimize"))


def test_studies_with_other_names_are_left_out_and_listed(make: Made) -> None:
    experiment = read(make({"tpe-t-0": [ended(1.0)], "notes": [ended(2.0)], "tpe-t-last": [ended(3.0)]}))
    assert [study.seed for study in experiment.studies] == [0]
    assert "Left out, as their names do not fit report.study_names: notes, tpe-t-last." in experiment.deviations


@pytest.mark.parametrize(
    ("names", "study_names", "said"),
    [
        (["a-t-0"], None, "has studies called 'a-t-0'; say what their names are made of"),
        (["a-t-0"], "{strategy}/{seed}", "fits no study of records=sqlite:///.*, which has 'a-t-0'"),
        (["a-t-0"], "{task}-{seed}", "must have {strategy} and {seed}"),
        (["a-t-0"], "{strategy}-{tsk}-{seed}", "must have {strategy} and {seed}"),
        (["a-b-c-0"], DASHES, "in several ways: strategy a, task b-c, seed 0, or strategy a-b, task c, seed 0"),
        (["a-x-0", "a-y-0"], "{strategy}-{}-{seed}", "makes 'a-x-0' and 'a-y-0' one study: strategy a, seed 0"),
    ],
)
def test_names_that_do_not_tell_studies_apart_are_refused(
    make: Made, names: list[str], study_names: str, said: str
) -> None:
    path = make({name: [ended(1.0)] for name in names})
    with pytest.raises(ValueError, match=said):
        read(path, study_names)


def test_what_is_no_single_question_is_refused(make: Made) -> None:
    path = make({"a-t-0": [ended(1.0)]})
    make({"a-t-1": [ended(1.0)]}, direction="maximize")
    with pytest.raises(ValueError, match="one direction, but 'a-t-0' has minimize and 'a-t-1' has maximize"):
        read(path)
    make({"b-t-0": []}, directions=["minimize", "maximize"])
    with pytest.raises(ValueError, match="study 'b-t-0' has 2 objectives; a report is on one"):
        read(path)


def test_a_file_that_holds_no_studies_of_others_is_refused(make: Made, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist; give the file of an Optuna storage"):
        read(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database, but a long enough text that says so. " * 30)
    with pytest.raises(ValueError, match=r"text.db is no storage of Optuna's"):
        read(tmp_path / "text.db")
    with pytest.raises(ValueError, match=r"has no study but those of hpo, if any; for them give storage.path="):
        read(make({}))


def test_a_database_is_told_by_its_address_or_its_first_bytes(make: Made, tmp_path: Path) -> None:
    path = make({})
    assert database_of(f"sqlite:///{path}") == database_of(str(path)) == path
    assert database_of("sqlite:///x.db") == Path("x.db")
    assert database_of(str(tmp_path / "none.csv")) is None
    with pytest.raises(ValueError, match="records=postgresql://… is no file; give sqlite:///FILE"):
        database_of("postgresql://me:secret@host/x")
