"""Opening studies: what cannot be continued is refused before anything is changed, confirmations included."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.artifacts.folders import study_folder
from hpo.executors.inline import InlineExecutor
from hpo.machine.locks import StudyHeld, StudyLock
from hpo.machine.signals import StopRequest
from hpo.storage.record import STUDY, is_ended, read_distributions, read_study
from hpo.study.opening import Opener, Session
from hpo.study.plan import Plan
from hpo.study.preparation import prepare_all
from hpo.study.refusal import Refused
from hpo.study.resume import check_record
from hpo.study.session import drive_all
from hpo.study.trial_cache import TrialCache
from hpo.terminal.display import build_display
from hpo.tracking.tracker import NoTracker
from tests.support.comparisons import SMALL, plan_compared, read_all, run_compared
from tests.support.studies import plan_study

PLAIN = ("trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=2")
COMPARED = (*SMALL[:3], "samplers=[random,tpe]", "seeds=2", "budget.size=8")


def open_in(storage: optuna.storages.BaseStorage, held: ExitStack) -> Opener:
    display = build_display()
    session = Session(storage, NoTracker(), StopRequest(), TrialCache(is_on=False), lambda _: display, {})
    return Opener(session, held, now_ms=InlineExecutor().now_ms, n_workers=1)


def snapshot(storage: optuna.storages.BaseStorage) -> str:
    """Returns everything the record holds."""
    studies = storage.get_all_studies()
    held = [(s.study_name, s.user_attrs, s.system_attrs, storage.get_n_trials(s._study_id)) for s in studies]
    return json.dumps(held, sort_keys=True, default=str)


def folder_of(planned: Plan) -> Path:
    return study_folder(planned.config.storage, planned.name)


def test_a_new_study_has_its_facts_and_a_continued_one_keeps_them(workdir: Path) -> None:
    storage, planned = optuna.storages.InMemoryStorage(), plan_study(*PLAIN, "study.name=x")
    with ExitStack() as held:
        first = open_in(storage, held).open_search(planned, folder_of(planned)).study
    with ExitStack() as held:
        second = open_in(storage, held).open_search(planned, folder_of(planned)).study
    assert second == first == read_study(storage, "x")[0]
    assert list(read_distributions(storage, "x")) == list(planned.space.distributions())
    assert Path(first.folder).is_absolute()


def test_a_study_is_held_while_it_is_open(workdir: Path) -> None:
    storage, planned = optuna.storages.InMemoryStorage(), plan_study(*PLAIN, "study.name=x")
    folder = folder_of(planned)
    with ExitStack() as held:
        open_in(storage, held).open_search(planned, folder)
        with pytest.raises(StudyHeld, match="Study 'x' is held by process"), ExitStack() as other:
            open_in(storage, other).open_search(planned, folder)
    with StudyLock(folder, "x"):
        pass


def test_studies_in_memory_have_folders_of_their_own_each_time(workdir: Path) -> None:
    planned = plan_study(*PLAIN, "storage=memory")
    assert folder_of(planned) != folder_of(planned)
    kept = plan_study(*PLAIN, "storage.path=deep/hpo.db", "study.name=x")
    assert folder_of(kept) == workdir / "deep" / "studies" / "x"


def refusal(storage: optuna.storages.BaseStorage, *overrides: str) -> str:
    before = snapshot(storage)
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the callers look at the sentence
        check_record([plan_study(*PLAIN, "study.name=x", *overrides)], storage, {})
    assert snapshot(storage) == before
    return str(refused.value)


def test_a_study_of_somebody_else_is_refused() -> None:
    storage = optuna.storages.InMemoryStorage()
    foreign = optuna.create_study(storage=storage, study_name="x")
    check_record([plan_study(*PLAIN, "study.name=x")], storage, {})  # empty: nothing to lose
    foreign.tell(foreign.ask(), 1.0)
    assert "'x' was not made by hpo" in refusal(storage)


def test_a_study_is_not_continued_as_another_one(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_one(storage, "study.name=x")
    assert "sampler was TPE and is now Random" in refusal(storage, "sampler=random")


def test_the_name_that_a_refusal_names_is_free(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_one(storage, "study.name=x")
    run_one(storage, "study.name=x-2")
    (workdir / "studies" / "x-3").mkdir(parents=True)
    assert refusal(storage, "sampler=random").endswith("Give the old values, or a name that is free: study.name=x-4.")
    run_one(storage, "sampler=random", "study.name=x-4")


def run_one(storage: optuna.storages.BaseStorage, *overrides: str) -> None:
    display = build_display()
    plans = [plan_study(*PLAIN, *overrides)]
    drive_all(prepare_all(plans, display, storage=storage), display, display_of=lambda _: display)


def test_what_has_the_name_of_the_confirmation_is_refused_before_the_search(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_one(storage, "study.name=x-confirm")
    sentence = refusal(storage, "study.confirm.top_k=1")
    assert sentence.startswith(
        "Study 'x-confirm' is there already and does not confirm 'x'; give another name, study.name=x-2, or"
    )
    check_record([plan_study(*PLAIN, "study.name=x")], storage, {})  # nobody asks for a confirmation


def test_a_confirmation_is_not_continued_as_a_search(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_one(storage, "study.name=x", "study.confirm.top_k=1")
    before = snapshot(storage)
    with pytest.raises(ValueError, match="'x-confirm' is the confirmation of another"):
        check_record([plan_study(*PLAIN, "study.name=x-confirm")], storage, {})
    assert snapshot(storage) == before
    check_record([plan_study(*PLAIN, "study.name=x", "study.confirm.top_k=2")], storage, {})


def test_a_comparison_refused_for_one_of_its_studies_changes_none(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*COMPARED, "name=one", "samplers=[tpe]", "seeds=[1]"), storage)
    before, files = snapshot(storage), sorted(workdir.rglob("*"))
    other = plan_compared(*COMPARED, "name=one", "trainer.noise=0.5")
    display = build_display()
    with pytest.raises(
        Refused, match=r"'one-tpe-s1' cannot .* trainer.noise was 0.01 and is now 0.5.* is free: name=one-2\."
    ):
        prepare_all(other.plans, display, storage=storage)
    assert snapshot(storage) == before
    assert sorted(workdir.rglob("*")) == files


def test_a_study_begun_alone_joins_a_comparison(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_one(storage, "sampler=tpe", "study.n_trials=1")
    comparison = plan_compared(*COMPARED)
    (first,) = read_all(storage).values()
    run_compared(comparison, storage)
    alone = next(planned for planned in comparison.plans if planned.name.endswith("tpe-none-s0"))
    assert read_all(storage)[alone.name][0][:1] == first[0]


def test_a_confirmation_belongs_to_its_search(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_one(storage, "study.name=x", "study.confirm.top_k=1", "pruner=median")
    search, found = read_study(storage, "x")[0], read_study(storage, "x-confirm")[0]
    assert {key: found.tags[key] for key in ("role", "confirms", "pruner", "seed", "sampler")} == {
        "role": "confirmation",
        "confirms": "x",
        "pruner": "none",
        "seed": "0",
        "sampler": "tpe",
    }
    assert found.uid != search.uid
    assert found.folder == f"{search.folder}-confirm"
    same: Any = replace(found, name="x", uid=search.uid, tags=search.tags, folder=search.folder, test={})
    assert replace(same, created_ms=search.created_ms) == replace(search, test={})
    assert is_ended(storage, "x")
    assert is_ended(storage, "x-confirm")
    assert STUDY in next(s for s in storage.get_all_studies() if s.study_name == "x-confirm").system_attrs
