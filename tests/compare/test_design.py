"""The design card: registered before the first trial, hashed, every later change an amendment."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from hpo.commands.compare import main
from hpo.compare.comparison import Comparison
from hpo.compare.design import card_hash, describe, find_registered, n_trials, register, to_yaml, write_card
from hpo.data.corpus import open_corpus
from hpo.executors.inline import InlineExecutor
from hpo.storage.record import DESIGN
from hpo.study.preparation import prepare_all, prepare_corpora
from hpo.study.session import drive_all
from hpo.terminal.display import build_display
from tests.support.comparisons import SMALL, plan_compared, run_compared, watch
from tests.support.studies import plan_study


def card_of(*overrides: str, rope: float | None = None) -> dict[str, Any]:
    comparison = plan_compared("trainer=synthetic", "tracking=none", *overrides)
    return describe(comparison, rope=rope, is_cached=True, corpora={})


def test_the_card_says_what_was_fixed(workdir: Path) -> None:
    pruned = "strategies={tpe+asha: {sampler: tpe, pruner: asha, sampler.n_startup_trials: 7}}"
    card = card_of("seeds=[4,9]", "samplers=[random]", pruned, "budget.size=30", "name=mine")
    assert (card["experiment"], card["metric"], card["direction"]) == ("mine", "accuracy", "maximize")
    assert (card["unit"], card["budget"], card["seeds"], card["n_concurrent"]) == ("epochs", 30, [4, 9], 1)
    assert list(card["strategies"]) == ["random", "tpe+asha"]
    strategy = card["strategies"]["tpe+asha"]
    assert strategy["overrides"] == ["sampler=tpe", "pruner=asha", "sampler.n_startup_trials=7"]
    assert (strategy["sampler"]["name"], strategy["sampler"]["n_startup_trials"]) == ("tpe", 7)
    assert strategy["sampler"]["constant_liar"] is True  # all settings, not only those that were given
    assert (strategy["pruner"]["name"], strategy["pruner"]["reduction_factor"]) == ("asha", 3)
    task = card["tasks"]["synthetic"]
    assert "log=True" in task["space"]["train.lr"]
    assert task["levels"]["train.epochs"] == [2, 4, 6]
    assert task["trainer"]["name"] == "synthetic"
    assert card["confirm"] == {"top_k": 1, "n_seeds": 3, "tested": True}
    assert "retrained with 3 fresh seeds" in card["primary"]
    assert card["versions"]["optuna"] == optuna.__version__
    assert json.loads(json.dumps(card)) == card  # what the record gives back is what was given


@pytest.mark.parametrize(
    ("overrides", "given", "rope"),
    [
        ((), None, 0.005),
        (("study.metric=macro_f1",), None, 0.005),
        (("study.metric=valid_loss",), None, 0.01),
        ((), 0.0, 0.0),
        ((), 0.02, 0.02),
    ],
)
def test_the_rope_follows_from_the_metric(
    workdir: Path, overrides: tuple[str, ...], given: float | None, rope: float
) -> None:
    assert card_of(*overrides, "seeds=1", rope=given)["rope"] == rope


def test_what_a_strategy_changes_of_a_task_is_noted_with_it(workdir: Path) -> None:
    wide = "strategies={plain: {sampler: random}, wide: {sampler: random, space.train.lr.high: 0.5}}"
    task = card_of(wide, "seeds=3")["tasks"]["synthetic"]
    assert "high=0.1" in task["space"]["train.lr"]
    assert list(task["except"]) == ["wide"]
    assert list(task["except"]["wide"]) == ["space", "levels"]
    assert "high=0.5" in task["except"]["wide"]["space"]["train.lr"]


def test_the_encoders_that_are_trained_are_noted_with_those_who_want_them(workdir: Path) -> None:
    arms = "strategies={scratch: {sampler: tpe}, domain: {model.encoder: domain, encoder.epochs: 7}}"
    task = card_of(arms, "seeds=3", "encoder.seed=${seed}")["tasks"]["synthetic"]
    assert "encoder" not in task
    assert task["except"]["domain"]["encoder"]["epochs"] == 7
    assert task["follow the seed"] == ["encoder.seed"]
    assert "follow the seed" not in card_of("seeds=3")["tasks"]["synthetic"]


def test_a_condition_is_part_of_the_space(workdir: Path) -> None:
    when = "+space.train.lr.when={param: model.n_hid, in: [64]}"
    assert "when model.n_hid in [64]" in card_of(when, "seeds=1")["tasks"]["synthetic"]["space"]["train.lr"]


def test_the_card_names_the_data_by_their_content_and_not_by_their_place(workdir: Path) -> None:
    lines = "".join(f"{'ab'[n % 2]},word{n} and word{n % 7} again\n" for n in range(60))
    Path("texts.csv").write_text("label,text\n" + lines)
    own = ("data=table", "data.path=texts.csv", "data.tokenizer=words", "data.min_freq=1")
    comparison = plan_compared(*own, "data.cache=here", "tracking=none", "seeds=1", "samplers=[random]")
    corpora = prepare_corpora(comparison.plans, build_display())
    card = describe(comparison, rope=None, is_cached=True, corpora=corpora)
    corpus = card["tasks"]["texts"]["corpus"]
    assert corpus["fingerprint"] == open_corpus(next(iter(corpora.values()))).fingerprint
    assert corpus["n_train"] + corpus["n_valid"] + corpus["n_test"] == 60
    assert card["tasks"]["texts"]["data"]["path"] == "texts.csv"
    assert "here" not in json.dumps(card)


def test_the_hash_is_that_of_the_canonical_json() -> None:
    text = '{"a":[1,2.5],"b":{"c":null,"d":"x"}}'
    assert card_hash({"b": {"d": "x", "c": None}, "a": [1, 2.5]}) == hashlib.sha256(text.encode()).hexdigest()
    assert card_hash({"a": 1}) != card_hash({"a": 2})


FIRST = {"seeds": [0, 1], "tasks": {"t": {"space": {"lr": "0 to 1"}}}, "strategies": {"a": {}}, "budget": 10}


def changed(**changes: Any) -> dict[str, Any]:
    return {**FIRST, **changes}


def test_a_first_registration_amends_nothing() -> None:
    design = register(FIRST, None, n_trials=0, command="python -m x")
    own = card_hash(FIRST)
    assert design == {"hash": own, "first_hash": own, "card": FIRST, "amendments": [], "command": "python -m x"}
    again = register(FIRST, design, n_trials=9, command="python -m y")
    assert (again["amendments"], again["hash"], again["command"]) == ([], design["hash"], "python -m y")


@pytest.mark.parametrize(
    ("card", "amendment"),
    [
        (changed(seeds=[0, 1, 2]), "After 1,234 trials: seeds was [0, 1] and is now [0, 1, 2]."),
        (changed(strategies={"a": {}, "b": {"x": 1}}), "After 1,234 trials: strategies.b was added."),
        (changed(strategies={}), "After 1,234 trials: strategies.a was taken out."),
        (
            changed(budget=20, tasks={"t": {"space": {"lr": "0 to 2"}}}),
            'After 1,234 trials: budget was 10 and is now 20; tasks.t.space.lr was "0 to 1" and is now "0 to 2".',
        ),
    ],
)
def test_a_change_after_trials_is_an_amendment(card: dict[str, Any], amendment: str) -> None:
    first = register(FIRST, None, n_trials=0, command="")
    second = register(card, first, n_trials=1234, command="")
    assert second["amendments"] == [amendment]
    assert second["hash"] == card_hash(card)
    assert second["first_hash"] == first["hash"]
    back = register(FIRST, second, n_trials=2000, command="")
    assert back["amendments"][0] == amendment
    assert len(back["amendments"]) == 2  # nothing is taken back silently
    assert first["amendments"] == []


def test_a_change_before_the_first_trial_is_none() -> None:
    first = register(FIRST, None, n_trials=0, command="")
    assert register(changed(budget=20), first, n_trials=0, command="")["amendments"] == []


def test_long_values_are_cut_in_amendments() -> None:
    first = register(FIRST, None, n_trials=0, command="")
    (amendment,) = register(changed(seeds=list(range(500))), first, n_trials=1, command="")["amendments"]
    assert len(amendment) < 250
    assert "…" in amendment


def test_the_file_is_the_card_for_people(tmp_path: Path) -> None:
    design = {**register(FIRST, None, n_trials=0, command=""), "amendments": ["After 3 trials: é\nbudget: x."]}
    write_card(design, tmp_path / "reports" / "mine")
    text = (tmp_path / "reports" / "mine" / "design.yaml").read_text("utf-8")
    assert text == to_yaml(design)
    assert yaml.safe_load(text) == FIRST
    assert f"# SHA-256 of this card as canonical JSON: {card_hash(FIRST)}\n" in text
    write_card({**design, "card": {"a": 1}}, tmp_path / "reports" / "mine")
    assert [path.name for path in (tmp_path / "reports" / "mine").iterdir()] == ["design.yaml"]


TINY = (
    *SMALL[:3],
    "samplers=[random,tpe]",
    "seeds=2",
    "budget.unit=trials",
    "budget.size=2",
    "study.confirm.n_seeds=1",
)


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends comparisons before their report, which takes longer than they do."""
    monkeypatch.setattr("hpo.compare.running.report_on", lambda *_: (None, Path(), ""))
    monkeypatch.setattr("hpo.report.assemble.headlines", lambda *_: [])


def registered(comparison: Comparison) -> dict[str, Any]:
    storage = optuna.storages.RDBStorage("sqlite:///hpo.db")
    found = find_registered(storage, comparison)
    storage.engine.dispose()
    assert found is not None
    return found


def test_the_design_is_registered_before_the_first_trial_and_with_every_study(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, without_report: None
) -> None:
    watched = watch(monkeypatch, InlineExecutor)
    seen: list[str] = []
    submit = type(watched).submit

    def look(self: Any, job: Any) -> None:
        seen.append(Path("reports/synthetic/design.yaml").read_text())
        submit(self, job)

    monkeypatch.setattr(type(watched), "submit", look)
    assert main([*TINY]) == 0
    assert len(set(seen)) == 1
    comparison = plan_compared(*TINY)
    design = registered(comparison)
    assert seen[0] == to_yaml(design) == Path("reports/synthetic/design.yaml").read_text()
    assert design["command"].startswith("hpo compare trainer=synthetic")
    storage = optuna.storages.RDBStorage("sqlite:///hpo.db")
    kept = [s.system_attrs.get(DESIGN) for s in storage.get_all_studies() if not s.study_name.endswith("-confirm")]
    assert kept == [design] * 4
    assert n_trials(storage, comparison) == 8
    storage.engine.dispose()


def test_the_same_command_amends_nothing_and_another_says_what_changed(workdir: Path, without_report: None) -> None:
    small = (*TINY, "study.confirm.top_k=0", "study.test=false")
    assert main([*small]) == 0
    first = registered(plan_compared(*small))
    assert main([*small]) == 0
    assert registered(plan_compared(*small)) == first
    assert main([*small, "seeds=3", "rope=0.1"]) == 0
    last = registered(plan_compared(*small, "seeds=3"))
    assert last["amendments"] == [
        "After 8 trials: rope was 0.005 and is now 0.1; seeds was [0, 1] and is now [0, 1, 2]."
    ]
    assert last["hash"] != first["hash"]
    assert "# Amended. After 8 trials: rope" in Path("reports/synthetic/design.yaml").read_text()


def test_the_newest_of_several_designs_is_found(workdir: Path) -> None:
    comparison, storage = plan_compared(*TINY), optuna.storages.InMemoryStorage()
    assert find_registered(storage, comparison) is None
    card = {"experiment": comparison.name}
    for planned, amendments in zip(comparison.plans, ([], ["a", "b"], ["a"]), strict=False):
        study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], planned.name)
        storage.set_study_system_attr(study, DESIGN, {"card": card, "amendments": amendments})
    other = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], comparison.plans[3].name)
    storage.set_study_system_attr(other, DESIGN, {"card": {"experiment": "else"}, "amendments": ["a", "b", "c"]})
    found = find_registered(storage, comparison)
    assert found is not None
    assert found["amendments"] == ["a", "b"]
    assert n_trials(storage, comparison) == 0


def test_another_comparison_under_the_same_name_reports_on_its_own_studies(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = (*TINY, "study.confirm.top_k=0", "study.test=false")
    second = (*first, "pruner=median", "budget.size=3")

    def reported() -> dict[str, Any]:
        return dict(json.loads(Path("reports/synthetic/report.json").read_text())["sections"]["design"])

    assert main([*first]) == 0
    assert "another comparison" not in capsys.readouterr().out
    assert reported()["deviations"] == []
    for own, pruner, other in ((second, "median", "none"), (first, "none", "median")):
        assert main([*own]) == 0
        assert "Experiment synthetic holds another comparison already, of 4 studies; this" in capsys.readouterr().out
        found = reported()
        assert (found["budget"], found["amendments"]) == (3 if own is second else 2, [])
        assert {card["pruner"]["name"] for card in found["card"]["strategies"].values()} == {pruner}
        (left_out,) = found["deviations"]
        assert left_out.startswith("Of another comparison in this experiment and left out: ")
        assert len(re.findall(rf"\b{other}\b", left_out)) == 4


def test_nothing_is_registered_for_a_study_of_its_own(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    planned = plan_study(*SMALL[:4], "study.n_trials=1")
    prepared = prepare_all([planned], build_display(), storage=storage)
    drive_all(prepared, build_display(), display_of=lambda _: build_display())
    assert DESIGN not in storage.get_all_studies()[0].system_attrs
    run_compared(plan_compared(*SMALL, "budget.size=3", "seeds=1"), storage)  # without a registration, too
    assert not any(DESIGN in study.system_attrs for study in storage.get_all_studies())
