"""Audits: which pruned trials are drawn, that they train as they did, are billed apart, and go on after a kill."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.contracts.records import (
    COMPLETE,
    CONTINUED,
    FAIL,
    PRUNED,
    RUNNING,
    SEARCHED,
    EpochRecord,
    StudyRecord,
    TrialRecord,
)
from hpo.executors.inline import InlineExecutor
from hpo.executors.simulated import SimulatedExecutor
from hpo.report.reading.record import read_experiment
from hpo.storage.record import is_ended, read_study
from hpo.study.audit import AuditSampler, audit_name, audited_sentence, count_audit, draw_sample, sample_size
from hpo.study.preparation import prepare_all
from hpo.study.refusal import Refused
from hpo.study.repeating import Replicate
from hpo.study.session import Report, drive_all
from hpo.terminal.display import build_display
from tests.support.comparisons import SMALL, facts, plan_compared, read_all, run_compared, watch
from tests.support.curve_tables import write_table
from tests.support.mortal_storage import Killed, MortalStorage
from tests.support.studies import SYNTHETIC, plan_study, run_study


def trial(number: int, state: str = PRUNED, value: float | None = 0.5, **changes: Any) -> TrialRecord:
    made = TrialRecord(number, state, {"train.lr": float(number)}, value, 1000 + number, 1, (), 0, number)
    return replace(made, **changes)


def numbers(trials: Sequence[TrialRecord]) -> list[int]:
    return [each.number for each in trials]


@pytest.mark.parametrize(
    ("n_pruned", "share", "size"), [(0, 0.1, 0), (1, 0.1, 1), (10, 0.1, 1), (11, 0.1, 2), (30, 0.1, 3), (7, 1, 7)]
)
def test_the_share_is_rounded_up(n_pruned: int, share: float, size: int) -> None:
    assert sample_size(n_pruned, share) == size
    assert sample_size(n_pruned, 0) == 0


def test_pruned_trials_alone_are_drawn() -> None:
    trials = [trial(0), trial(1, COMPLETE), trial(2, FAIL, None), trial(3), trial(4, RUNNING, None)]
    assert sorted(numbers(draw_sample(trials, share=1, seed=0))) == [0, 3]
    known = trial(5, facts={CONTINUED: "0.5"})
    assert sorted(numbers(draw_sample([*trials, known], share=1, seed=0))) == [0, 3]


def test_the_draw_has_no_eye_for_results() -> None:
    trials = [trial(number) for number in range(40)]
    others = [trial(number, value=-number, epochs=(EpochRecord(1, {}, 1),)) for number in range(40)]
    drawn = numbers(draw_sample(trials, share=0.2, seed=3))
    assert numbers(draw_sample(others, share=0.2, seed=3)) == drawn
    assert numbers(draw_sample(trials[::-1], share=0.2, seed=3)) == drawn
    assert numbers(draw_sample(trials, share=0.1, seed=3)) == drawn[:4]
    assert numbers(draw_sample(trials, share=0.2, seed=4)) != drawn


def test_every_trial_is_as_likely_to_be_drawn() -> None:
    trials, n_seeds = [trial(number) for number in range(20)], 400
    drawn = Counter(n for seed in range(n_seeds) for n in numbers(draw_sample(trials, share=0.25, seed=seed)))
    assert sum(drawn.values()) == 5 * n_seeds
    assert all(60 <= drawn[number] <= 145 for number in range(20))  # 100 expected, sd 8.7: five of them


def ask(sampler: AuditSampler, study: optuna.Study) -> list[tuple[float, int, dict[str, str]]]:
    """Asks until nothing is left; returns params, seeds and facts of the new trials."""
    study.sampler, asked = sampler, []
    while sampler.n_left(study.get_trials()):
        new = study.ask()
        asked.append((new.suggest_float("train.lr", 0, 10), sampler.seed_of(new.number), sampler.facts_of(new.number)))
    return asked


def test_each_of_the_sample_is_proposed_once_with_its_own_seed() -> None:
    study, pruned = optuna.create_study(), [trial(number) for number in range(9)]
    first = ask(AuditSampler([pruned[7], pruned[2]], pruned), study)
    assert first == [(7.0, 1007, {SEARCHED: "7"}), (2.0, 1002, {SEARCHED: "2"})]
    assert ask(AuditSampler([pruned[7], pruned[2]], pruned), study) == []
    more = ask(AuditSampler([pruned[5], pruned[7], pruned[2]], pruned), study)
    assert more == [(5.0, 1005, {SEARCHED: "5"})]


def test_a_trial_begun_for_an_earlier_sample_is_gone_on_with() -> None:
    study, pruned = optuna.create_study(), [trial(number) for number in range(9)]
    study.sampler = AuditSampler([pruned[7]], pruned)
    begun = study.ask()  # killed before it had its params
    study.sampler = later = AuditSampler([pruned[2]], pruned)
    adopted = optuna.trial.Trial(study, begun._trial_id)
    assert adopted.suggest_float("train.lr", 0, 10) == 7.0
    assert later.seed_of(adopted.number) == 1007
    assert later.wanted == {Replicate(2, 0)}


def search(direction: str = "minimize") -> StudyRecord:
    return StudyRecord("x", "u", "e", "valid_loss", direction, {}, {}, {}, {}, "folder", 0)


SEARCH = [
    trial(0),  # pruned before there is an incumbent
    trial(1, COMPLETE, 0.5),
    trial(2),
    trial(3),
    trial(4),
    trial(5, COMPLETE, 0.3),
    trial(6),
    trial(7),
    trial(8),
]


def audited(number: int, searched: int, value: float | None, reason: str | None = None) -> TrialRecord:
    state = FAIL if value is None else COMPLETE
    return trial(number, state, value, reason=reason, facts={SEARCHED: str(searched)})


AUDITS = [
    audited(0, 0, 0.1),
    audited(1, 2, 0.4),  # beats the incumbent of its moment
    audited(2, 3, 0.5),  # is no better than it
    audited(3, 4, None, "diverged"),
    audited(4, 6, 0.4),  # the incumbent is better by now
    audited(5, 7, None, "oom"),
    trial(6, RUNNING, None),
]


def test_a_false_prune_would_have_beaten_the_incumbent_of_its_moment() -> None:
    found = count_audit(search(), SEARCH, AUDITS)
    assert (found.n_pruned, found.n_known, found.n_failed, found.n_compared, found.n_won) == (7, 5, 1, 4, 1)
    turned = [replace(each, value=None if each.value is None else -each.value) for each in AUDITS]
    searched = [replace(each, value=None if each.value is None else -each.value) for each in SEARCH]
    assert count_audit(search("maximize"), searched, turned) == found


def test_the_sentence_counts() -> None:
    assert audited_sentence(search(), SEARCH, AUDITS) == (
        "Audited: 5 of 7 pruned trials trained to their end (1 failed); "
        "1 of 4 would have beaten the incumbent of their moment."
    )
    assert "(" not in audited_sentence(search(), SEARCH, AUDITS[:2])


MANY = 10**6
PRUNING = ("pruner=median", "pruner.n_startup_trials=2", "sampler=random", "study.n_trials=14", "study.name=x")
AUDITED = (*SYNTHETIC, *PRUNING, "study.audit=0.5")


def record() -> optuna.storages.BaseStorage:
    return optuna.storages.RDBStorage("sqlite:///hpo.db")


def values(trial: TrialRecord) -> list[float]:
    return [epoch.metrics["accuracy"] for epoch in trial.epochs]


def check_audit(searched: Sequence[TrialRecord], audit: Sequence[TrialRecord]) -> None:
    """Asserts that each audited trial is the training of a pruned one, from the first epoch to the last."""
    assert len({each.facts[SEARCHED] for each in audit}) == len(audit)
    for each in audit:
        original = searched[int(each.facts[SEARCHED])]
        assert (original.state, each.state) == (PRUNED, COMPLETE)
        assert (each.params, each.seed) == (original.params, original.seed)
        assert values(each)[: original.n_epochs] == values(original)
        assert each.n_epochs == each.params["train.epochs"]


def test_pruned_trials_are_trained_to_their_end_as_they_began(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run_study(*AUDITED)
    pruned = [each for each in report.trials if each.state == PRUNED]
    found, audit = read_study(record(), "x-audit")
    assert len(audit) == sample_size(len(pruned), 0.5) >= 3
    check_audit(report.trials, audit)
    assert any(each.n_epochs > report.trials[int(each.facts[SEARCHED])].n_epochs for each in audit)
    assert (found.tags["role"], found.tags["audits"], found.tags["pruner"], found.test) == ("audit", "x", "none", {})
    assert report.audited == audited_sentence(report.study, report.trials, audit)
    assert report.audited in capsys.readouterr().out
    assert report.study.test["trial"] >= 0  # the search has its own test
    assert is_ended(record(), "x-audit")


def test_an_audit_keeps_no_weights(workdir: Path) -> None:
    run_study(*AUDITED)
    assert list((workdir / "studies" / "x").rglob("model.json"))
    assert not list((workdir / "studies" / "x-audit").rglob("model.json"))


def test_the_search_has_nothing_of_its_audit(workdir: Path) -> None:
    with_it = run_study(*AUDITED, "storage.path=a/hpo.db")
    without = run_study(*AUDITED, "storage.path=b/hpo.db", "study.audit=0")
    assert facts(with_it.trials) == facts(without.trials)
    assert (without.audited, with_it.study.test) == ("", without.study.test)
    assert not (workdir / "b" / "studies" / "x-audit").exists()


def test_what_is_done_is_not_done_again(workdir: Path) -> None:
    first, before = run_study(*AUDITED), read_study(record(), "x-audit")
    again = run_study(*AUDITED)
    assert again.audited == first.audited
    assert read_study(record(), "x-audit") == before


def test_a_search_is_audited_later_and_more_of_it(workdir: Path) -> None:
    assert run_study(*AUDITED, "study.audit=0").audited == ""
    run_study(*AUDITED, "study.audit=0.1")
    few = read_study(record(), "x-audit")[1]
    run_study(*AUDITED, "study.audit=1")
    trials, many = read_study(record(), "x")[1], read_study(record(), "x-audit")[1]
    assert facts(many[: len(few)]) == facts(few)
    assert len(many) == sum(each.state == PRUNED for each in trials) > len(few)
    check_audit(trials, many)


def test_a_longer_search_keeps_what_was_audited(workdir: Path) -> None:
    run_study(*AUDITED)
    before = read_study(record(), "x-audit")[1]
    report = run_study(*AUDITED, "study.n_trials=40")
    after = read_study(record(), "x-audit")[1]
    assert facts(after[: len(before)]) == facts(before)
    check_audit(report.trials, after)
    whole = run_study(*AUDITED, "study.n_trials=40", "storage.path=whole/hpo.db")
    at_once = read_study(optuna.storages.RDBStorage("sqlite:///whole/hpo.db"), "x-audit")[1]
    assert facts(whole.trials) == facts(report.trials)
    assert {each.facts[SEARCHED] for each in at_once} <= {each.facts[SEARCHED] for each in after}
    assert len(before) < len(at_once)


def test_a_search_that_pruned_nothing_is_not_audited(workdir: Path) -> None:
    report = run_study(*AUDITED, "pruner.n_startup_trials=99")
    assert report.audited == ""
    assert not (workdir / "studies" / "x-audit").exists()


def test_confirmation_comes_first(workdir: Path) -> None:
    report = run_study(*AUDITED, "study.confirm.top_k=1")
    assert report.confirmed.startswith("Confirmed: ")
    assert report.audited.startswith("Audited: ")
    confirmation, audit = (read_study(record(), f"x-{kind}")[1] for kind in ("confirm", "audit"))
    assert max(each.ended_ms or 0 for each in confirmation) <= min(each.started_ms for each in audit)
    check_audit(report.trials, audit)


KILLED = (*AUDITED, "study.n_trials=8", "trainer.epoch_s=0.0001")  # long enough for checkpoints


def test_an_audit_killed_anywhere_ends_as_if_nothing_had_happened(workdir: Path) -> None:
    planned, display = plan_study(*KILLED), build_display()

    def drive(storage: Any) -> Report:
        return drive_all(prepare_all([planned], display, storage=storage), display, display_of=lambda _: display)[0]

    undisturbed = optuna.storages.InMemoryStorage()
    counting = MortalStorage(undisturbed, MANY)
    whole = drive(counting)
    n_killed_within, life, names = 0, MANY - (counting._left or 0), ["x-audit"]
    while "x-audit" in names:  # back to before it was begun
        life -= 3
        shutil.rmtree(workdir / "studies")
        storage = optuna.storages.InMemoryStorage()
        with suppress(Killed):
            drive(MortalStorage(storage, life))
        names = [study.study_name for study in storage.get_all_studies()]
        n_killed_within += "x-audit" in names
        report = drive(storage)
        assert read_all(storage) == read_all(undisturbed), life
        assert report.audited == whole.audited
    assert n_killed_within > 10
    check_audit(whole.trials, read_study(undisturbed, "x-audit")[1])


def test_an_interrupted_audit_says_nothing_yet(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch(monkeypatch, InlineExecutor)
    submit = watched.submit

    def submit_once(job: Any) -> None:
        submit(job)
        if job.study == "x-audit":
            raise KeyboardInterrupt

    monkeypatch.setattr(watched, "submit", submit_once)
    with pytest.raises(KeyboardInterrupt):
        run_study(*AUDITED)
    assert not is_ended(record(), "x-audit")
    (begun,) = read_study(record(), "x-audit")[1]
    assert begun.state == RUNNING
    monkeypatch.undo()
    monkeypatch.chdir(workdir)
    report = run_study(*AUDITED)
    audit = read_study(record(), "x-audit")[1]
    assert audit[0].seed == begun.seed
    check_audit(report.trials, audit)


STRATEGIES = "strategies={pruned: {pruner: median, pruner.n_startup_trials: 2}, whole: {pruner: none}}"
PRUNED_ALONE = "strategies={pruned: {pruner: median, pruner.n_startup_trials: 2}}"
TERMS = (*SMALL[:4], "sampler=random", "seeds=2", "budget.size=40", "study.audit=0.5")
COMPARED = (*TERMS, STRATEGIES)


def split(storage: optuna.storages.BaseStorage) -> Mapping[str, dict[str, tuple[StudyRecord, list[TrialRecord]]]]:
    """Returns the studies of a record by role and name."""
    found: dict[str, dict[str, tuple[StudyRecord, list[TrialRecord]]]] = {}
    for each in storage.get_all_studies():
        study, trials = read_study(storage, each.study_name)
        found.setdefault(study.tags["role"], {})[study.name] = (study, trials)
    return found


@pytest.mark.parametrize("is_cached", [False, True])
def test_each_search_of_a_comparison_that_pruned_is_audited(workdir: Path, is_cached: bool) -> None:
    storage = optuna.storages.InMemoryStorage()
    reports = run_compared(plan_compared(*COMPARED), storage, is_cached=is_cached)
    found = split(storage)
    pruning = [report.study.name for report in reports if any(t.state == PRUNED for t in report.trials)]
    assert sorted(found["audit"]) == sorted(audit_name(name) for name in pruning)
    assert len(pruning) == 2  # those of one strategy
    for study, audit in found["audit"].values():
        check_audit(found["search"][study.tags["audits"]][1], audit)
        assert [each for each in audit if "cached_from" in each.facts] == [] or is_cached
    searched = [each for _, trials in found["search"].values() for each in trials]
    assert not any(SEARCHED in each.facts for each in searched)
    assert len(found["confirmation"]) == 4


def test_the_cache_serves_audits_and_is_served_by_them(workdir: Path) -> None:
    cached, trained = optuna.storages.InMemoryStorage(), optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*COMPARED), cached)
    run_compared(plan_compared(*COMPARED), trained, is_cached=False)
    assert read_all(cached) == read_all(trained)
    audits = [each for _, trials in split(cached)["audit"].values() for each in trials]
    assert any("cached_from" in each.facts for each in audits)
    later = optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*TERMS, PRUNED_ALONE, "study.audit=1"), later)
    run_compared(plan_compared(*COMPARED, "study.audit=1"), later)
    searched = [each for _, trials in split(later)["search"].values() for each in trials]
    served = [each for each in searched if "-audit/" in each.facts.get("cached_from", "")]
    assert served
    assert not any(SEARCHED in each.facts for each in served)


def test_audits_share_the_simulated_workers(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, command = optuna.storages.InMemoryStorage(), (*COMPARED, "trainer.epoch_s=0.1", "study.confirm.top_k=0")
    watched = watch(monkeypatch, lambda: SimulatedExecutor(n_workers=3))
    run_compared(plan_compared(*command, "study.audit=1", "study.test=false"), storage)
    assert max(sum(study.endswith("-audit") for study in out) for _, out in watched.waits) == 3
    found = split(storage)
    assert "confirmation" not in found
    for study, audit in found["audit"].values():
        check_audit(found["search"][study.tags["audits"]][1], audit)


def test_the_report_reads_what_was_audited(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    comparison = plan_compared(*COMPARED)
    run_compared(comparison, storage)
    experiment = read_experiment(storage, comparison.name)
    assert experiment.strategies == ("pruned", "whole")
    assert not any("left out" in sentence.lower() for sentence in experiment.deviations)
    audits = {study.tags["audits"]: trials for study, trials in split(storage)["audit"].values()}
    for study in experiment.studies:
        trials = audits.get(study.name, [])
        assert {t.number: t.continued for t in study.trials if t.continued is not None} == {
            int(each.facts[SEARCHED]): each.value for each in trials
        }
        assert (study.audit is None) == (not trials)
        if study.audit:
            assert (study.audit.n_trials, study.audit.n_failed, study.audit.is_ended) == (len(trials), 0, True)
            assert study.audit.epochs == sum(each.n_epochs for each in trials)


def test_a_recorded_table_needs_no_audit(workdir: Path) -> None:
    table = write_table(workdir / "curves.parquet")
    command = ["experiment=replay", f"trainer.path={table}", "pruner=median", "pruner.n_startup_trials=2"]
    report = run_study(*command, "study.n_epochs=100", "study.audit=1", "storage=sqlite", "study.name=x")
    pruned = [each for each in report.trials if each.state == PRUNED]
    assert pruned
    assert all(CONTINUED in each.facts for each in pruned)
    assert not any(CONTINUED in each.facts for each in report.trials if each.state == COMPLETE)
    assert report.audited == ""
    assert [study.study_name for study in record().get_all_studies()] == ["x"]
    (study,) = read_experiment(record(), report.study.experiment).studies
    assert {t.number: t.continued for t in study.trials if t.state == PRUNED} == {
        each.number: float(each.facts[CONTINUED]) for each in pruned
    }
    assert study.audit is None


def test_names_that_are_taken_are_refused_before_the_search(workdir: Path) -> None:
    run_study(*SYNTHETIC, "study.n_trials=1", "study.name=x-audit")
    with pytest.raises(Refused, match=r"'x-audit' is there already and does not audit 'x'; .* or study.audit=0"):
        run_study(*AUDITED)
    assert [study.study_name for study in record().get_all_studies()] == ["x-audit"]
    assert run_study(*AUDITED, "study.audit=0").audited == ""


def test_an_audit_is_not_continued_as_a_search(workdir: Path) -> None:
    run_study(*AUDITED)
    with pytest.raises(Refused, match="'x-audit' is the audit of another"):
        run_study(*SYNTHETIC, "study.n_trials=1", "study.name=x-audit")


@pytest.mark.parametrize("share", [-0.1, 1.01])
def test_the_share_has_limits(share: float) -> None:
    with pytest.raises(ValueError, match=r"study.audit=.* must be at least 0 and at most 1"):
        plan_study(*SYNTHETIC, f"study.audit={share}")
