"""Climbs the ladder: drives each step as an ordinary study, keeps the best model so far, and mixes them at the end.

Each step goes on where it was interrupted because its study does; what is printed is passed to `say`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.artifacts.folders import MODEL_FOLDER, study_folder
from hpo.best.ensemble import Choice, Score, choose_ensemble, spread
from hpo.best.ladder import BASELINE, SEARCHES, WORDS, Allowance, skipped
from hpo.best.table import Row, as_text
from hpo.contracts.records import test_name
from hpo.data.corpus import Corpus, find_prepared, open_corpus
from hpo.data.metrics import measure_of, score_probabilities
from hpo.data.tokens import Tokens
from hpo.machine.files import write_json
from hpo.machine.locks import StudyHeld
from hpo.model.answers import TextModel
from hpo.model.ensemble import keep_ensemble
from hpo.model.folder import DESCRIPTION, read_description, write_model
from hpo.study.plan import Plan
from hpo.study.refusal import Refused
from hpo.study.session import Report, run
from hpo.terminal.display import Display

ENSEMBLE, SUMMARY = "ensemble", "best.json"
N_TIMED = 200  # texts that a model is asked to see how fast it is

PlanStep = Callable[[Sequence[str]], Plan]
"""Plans a study of what was typed and these words more."""


@dataclass
class Ladder:
    """What is known so far.

    Attributes:
        name: Of the whole; a step's study has its name behind it.
        allowance: What may be spent.
        plan_step: Plans a step.
        build_display: Shows a study.
        say: Shows a sentence.
        rows: What became of each step.
        stopped: The report of the study that a signal or an obstacle ended, if one did.
    """

    name: str
    allowance: Allowance
    plan_step: PlanStep
    build_display: Callable[[], Display]
    say: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    stopped: Report | None = None
    _probabilities: list[NDArray[np.float64]] = field(default_factory=list)
    _members: list[Path] = field(default_factory=list)
    _tokens_per_s: float | None = None

    def climb(self) -> bool:
        """Tries each step, then an ensemble; returns whether it came to the end.

        Raises:
            ValueError, Refused: if the data or a setting cannot be used, which the first step finds out.
            StudyHeld: if another driver works on one of the studies.
        """
        if not self._step(BASELINE):
            return False
        for step in SEARCHES:
            reason = skipped(step, self.allowance, self._facts, tokens_per_s=self._tokens_per_s, spent_s=self._spent_s)
            if reason:
                self.rows.append(Row(step, reason))
                self.say(f"{step}: skipped, {reason}.")
            elif not self._step(step):
                return False
        self._mix()
        self._write(has_ended=True)
        return True

    @property
    def folder(self) -> Path:
        """Where its model and its summary are, beside the studies of its steps."""
        return study_folder(self._plan.config.storage, self.name)

    @property
    def best(self) -> Row:
        """The row of the model that it ends with, or has so far."""
        kept = [row for row in self.rows if row.valid is not None]
        ensembles = [row for row in kept if row.step == ENSEMBLE]
        sign = self._plan.config.study.goal.sign
        return ensembles[0] if ensembles else min(kept, key=lambda row: sign * (row.valid or 0.0))

    @property
    def summary(self) -> str:
        """What people read at the end: the table, and which model it is."""
        best, searched = self.best, [row for row in self.rows if row.step in SEARCHES and row.valid is not None]
        lines = [as_text(self.rows, metric=self._plan.config.study.metric), ""]
        if not searched:
            lines.append("best    the baseline is the answer here: nothing else was worth trying, as said above")
        else:
            lines.append(f"best    {best.step}" + (f" (study {best.study})" if best.study else ""))
        lines += [f"model   hpo predict model={self.name} 'some text'", f"folder  {self.folder / MODEL_FOLDER}"]
        return "\n".join(lines)

    @property
    def _spent_s(self) -> float:
        return sum(row.seconds for row in self.rows)

    def _step(self, step: str) -> bool:
        """Drives one step; returns whether the next may follow. One that fails is left behind, but for the first."""
        name = f"{self.name}-{step}"
        words = [*WORDS[step], *self.allowance.words(step, spent_s=self._spent_s), f"study.name={name}"]
        started = time.monotonic()
        try:
            self._plan = planned = replace(self.plan_step(words), experiment_name=self.name)
            self.say(f"{step}: study {name}")
            display = self.build_display()
            try:
                report = run(planned, display)
            finally:
                display.close()
        except StudyHeld:
            raise
        except (ValueError, OSError, Refused) as error:
            if step == BASELINE:
                raise
            return self._fail(step, str(error))
        spent_s = self._spent(step, time.monotonic() - started)
        if report.signal is not None or report.obstacle:
            self.stopped = report
            return False
        folder = Path(report.study.folder) / MODEL_FOLDER
        if not (folder / DESCRIPTION).is_file():
            errors = [trial.error or trial.reason or "" for trial in report.trials if trial.reason]
            return self._fail(step, next(iter(errors), "no trial is complete"), seconds=spent_s)
        self._take(Row(step, study=name, seconds=spent_s), folder, report)
        return True

    def _fail(self, step: str, error: str, *, seconds: float = 0.0) -> bool:
        sentence = error.strip().splitlines()[-1].rstrip(".") if error.strip() else "no trial is complete"
        self.rows.append(Row(step, sentence, seconds=seconds))
        self.say(f"{step}: failed ({sentence}); it goes on without it.")
        return True

    def _take(self, row: Row, folder: Path, report: Report) -> None:
        """Measures the model of a step, and keeps it as the best so far if it is."""
        if row.step == BASELINE:
            self._open(report)
        speeds = [epoch.metrics.get("tokens_per_s") for trial in report.trials for epoch in trial.epochs]
        if row.step not in (BASELINE, SEARCHES[0]) and any(speeds):
            self._tokens_per_s = float(np.median([speed for speed in speeds if speed]))
        test = report.study.test.get(test_name(report.study.metric))
        self._measure(row, folder, test)
        if self._has_ended():  # before: what that ended with stays until there is something else
            return
        if self.best.step == row.step:
            _copy(folder, self.folder / MODEL_FOLDER)
            self.say(f"{row.step}: the best so far; usable now: hpo predict model={self.name} 'some text'")
        self._write(has_ended=False)

    def _has_ended(self) -> bool:
        path = self.folder / SUMMARY
        return path.is_file() and bool(json.loads(path.read_text()).get("has_ended"))

    def _open(self, report: Report) -> None:
        config = self._plan.config
        prepared = find_prepared(config.data)
        assert prepared is not None
        self._corpus = open_corpus(prepared)
        self._facts: Mapping[str, int] = {
            "n_train": len(self._corpus.train),
            "n_valid": len(self._corpus.valid),
            "n_tokens": len(self._corpus.train.ids),
            "encoder_epochs": config.encoder.epochs,
        }
        self._labels = np.asarray(self._corpus.valid.labels)
        self._score = _score_of(report.study.metric, config.study.positive, self._corpus, sign=-config.study.goal.sign)

    def _measure(self, row: Row, folder: Path, test: float | None) -> None:
        """Adds a row with what its model scores on valid."""
        model = TextModel(folder)
        found = _ask(model, self._corpus, "valid")
        sign = -self._plan.config.study.goal.sign
        measured = {
            "valid": sign * self._score(found, self._labels),
            "error": spread(found, self._labels, self._score),
            "test": test,
            "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            "texts_per_s": _speed(model, self._corpus),
        }
        self.rows.append(Row(**{**asdict(row), **measured}))
        self._probabilities.append(found)
        self._members.append(folder)

    def _mix(self) -> None:
        """Keeps an ensemble of the steps' models if it is worth it, and tests it."""
        started = time.monotonic()
        kept = [row for row in self.rows if row.valid is not None]
        best = kept.index(self.best)
        target = self.folder / MODEL_FOLDER
        choice = choose_ensemble(self._probabilities, self._labels, self._score, best=best)
        if choice.reason:
            self.rows.append(Row(ENSEMBLE, choice.reason, seconds=time.monotonic() - started))
            self.say(f"{ENSEMBLE}: none, {choice.reason}.")
            _copy(self._members[best], target)
            return
        test = self._keep(choice, target, {}, best=best)
        self._keep(choice, target, test, best=best)
        metric = test_name(self._plan.config.study.metric)
        self._measure(Row(ENSEMBLE, seconds=time.monotonic() - started), target, test.get(metric))
        self.say(
            f"{ENSEMBLE}: kept, {choice.gain:.4f} better than the best single model, the noise {choice.noise:.4f}."
        )

    def _keep(self, choice: Choice, target: Path, test: Mapping[str, float], *, best: int) -> dict[str, float]:
        """Writes the ensemble; returns its test metrics, known or not."""
        rows = sorted(np.flatnonzero(choice.weights).tolist(), key=lambda row: row != best)
        members, weights = [self._members[row] for row in rows], [choice.weights[row] for row in rows]
        keep_ensemble(target, members, weights, study=self.name, test=test)
        if test:
            return dict(test)
        found = _ask(TextModel(target), self._corpus, "test")
        config = self._plan.config.study
        measure = measure_of(config.metric, config.positive, self._corpus.classes)
        scores = score_probabilities(found, np.asarray(self._corpus.test.labels), measure).plain
        return {**{f"test_{name}": value for name, value in scores.items()}, "n_test": float(len(found))}

    def _write(self, *, has_ended: bool) -> None:
        """Notes what is known; what only clocks say is beside the rest."""
        clocks = ("seconds", "texts_per_s")
        rows = [{name: value for name, value in asdict(row).items() if name not in clocks} for row in self.rows]
        timed = {row.step: {name: getattr(row, name) for name in clocks} for row in self.rows}
        content = {"name": self.name, "has_ended": has_ended, "best": self.best.step, "steps": rows, "clocks": timed}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / SUMMARY, content)

    def _spent(self, step: str, seconds: float) -> float:
        """Returns the seconds of a step over all commands; notes them."""
        path = self.folder / "seconds.json"
        known: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, {**known, step: known.get(step, 0.0) + seconds})
        return known.get(step, 0.0) + seconds


def _score_of(metric: str, positive: str | None, corpus: Corpus, *, sign: float) -> Score:
    measure = measure_of(metric, positive, corpus.classes)

    def score(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
        return sign * score_probabilities(probabilities, labels, measure).metrics.get(metric, -np.inf)

    return score


def _ask(model: TextModel, corpus: Corpus, name: str) -> NDArray[np.float64]:
    """Returns the probabilities that a kept model gives the texts of a part; equal ones where it has no answer."""
    part = corpus.whole(name)
    tokens = Tokens(corpus.words(), np.asarray(part.ids, dtype=np.uint32), np.diff(part.offsets))
    n = len(corpus.classes)
    answers = [answer.probabilities for answer in model.answer_tokens(tokens)]
    return np.array([np.full(n, 1 / n) if found is None else found for found in answers])


def _speed(model: TextModel, corpus: Corpus) -> float:
    """Returns how many of the first texts of the test part a model answers a second."""
    texts = list(islice(corpus.test_texts(range(N_TIMED)).values(), N_TIMED))
    started = time.perf_counter()
    model.answer(texts)
    return len(texts) / max(1e-9, time.perf_counter() - started)


def _copy(source: Path, target: Path) -> None:
    """Replaces the model in `target` by that in `source`."""
    description = read_description(source)
    files = {name: source / name for name in description.files}
    others = [path for path in source.iterdir() if path.is_file() and path.name not in (*files, DESCRIPTION)]
    write_model(target, description, files, {path.name: path.read_bytes() for path in others})
