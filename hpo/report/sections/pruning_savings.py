"""Epochs that pruning saved: what the stopped trials were planned to take, less what they took.

Whether they were rightly stopped is `pruning_audit`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.contracts.records import COMPLETE, PRUNED
from hpo.figures.figure import Cell
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Block, Column, Section, Table, Text

EPOCHS_PARAMS = ("train.epochs", "epochs")


@dataclass(frozen=True)
class Saving:
    """What pruning saved a strategy over all of its studies; epochs are sums over trials.

    Attributes:
        strategy: Its name.
        n_studies, n_finished, n_pruned: Counts.
        done: Epochs that all finished trials took.
        saved: Epochs that the pruned ones were planned to take and did not.
    """

    strategy: str
    n_studies: int
    n_finished: int
    n_pruned: int
    done: float
    saved: float

    @property
    def share(self) -> float:
        """Saved epochs as a share of what would have been taken without pruning."""
        return self.saved / (self.done + self.saved) if self.saved else 0.0


def build_savings(experiment: Experiment) -> Section:
    """Returns the part of the pruning section on saved epochs, per strategy."""
    found = [_saving(experiment, strategy) for strategy in experiment.strategies]
    numbers = {
        one.strategy: {
            "n_finished": one.n_finished,
            "n_pruned": one.n_pruned,
            "epochs_done": one.done,
            "epochs_saved": one.saved,
            "share_saved": one.share,
        }
        for one in found
    }
    if not any(one.n_pruned for one in found):
        return Section("saved", "Epochs saved", [Text("No trial was pruned, so no epochs were saved.")], numbers)
    blocks: list[Block] = [_table(found), Text(_source(experiment), tone="note")]
    return Section("saved", "Epochs saved", blocks, numbers)


def planned_epochs(trial: Trial, longest: float) -> float:
    """Returns how many epochs a trial was to take: as searched, else as many as the longest of its task."""
    searched = next((trial.params[name] for name in EPOCHS_PARAMS if name in trial.params), None)
    is_number = isinstance(searched, int | float) and not isinstance(searched, bool)
    return max(float(searched) if is_number and searched is not None else longest, trial.epochs)


def longest_of(studies: Sequence[Study]) -> float:
    """Returns the epochs of the longest complete trial; of the longest of all where none is complete."""
    trials = [trial for study in studies for trial in study.finished]
    complete = [trial for trial in trials if trial.state == COMPLETE] or trials
    return max((max(trial.epochs, len(trial.curve)) for trial in complete), default=0.0)


def _saving(experiment: Experiment, strategy: str) -> Saving:
    studies = experiment.of(strategy=strategy)
    longest = {task: longest_of(experiment.of(task=task)) for task in experiment.tasks}
    trials = [(trial, longest[study.task]) for study in studies for trial in study.finished]
    pruned = [(trial, most) for trial, most in trials if trial.state == PRUNED]
    return Saving(
        strategy,
        n_studies=len(studies),
        n_finished=len(trials),
        n_pruned=len(pruned),
        done=float(sum(trial.epochs for trial, _ in trials)),
        saved=float(sum(planned_epochs(trial, most) - trial.epochs for trial, most in pruned)),
    )


def _table(found: Sequence[Saving]) -> Table:
    columns = [Column("Strategy"), Column("Trials a study", ".1f"), Column("Pruned trials (of all)")]
    columns += [Column("Epochs done"), Column("Epochs saved"), Column("Saved (% of done + saved)", ".1f")]
    rows: list[Sequence[Cell]] = [
        [
            one.strategy,
            one.n_finished / one.n_studies,
            f"{one.n_pruned}/{one.n_finished}",
            one.done,
            one.saved,
            100 * one.share,
        ]
        for one in found
    ]
    note = "Sums over all studies; saved is what pruned trials were planned to take and did not."
    return Table("pruning_saved", "Epochs saved by pruning", columns, rows, note)


def _source(experiment: Experiment) -> str:
    pruned = [trial for study in experiment.studies for trial in study.finished if trial.state == PRUNED]
    n_known = sum(any(name in trial.params for name in EPOCHS_PARAMS) for trial in pruned)
    known = f"{n_known} of {len(pruned)} pruned trials have their planned epochs among their params"
    rest = "the others count as planned for as many epochs as the longest complete trial of their task"
    spent = " With a budget of epochs, what was saved went into further trials." if experiment.unit == "epochs" else ""
    return f"{known}{'' if n_known == len(pruned) else f'; {rest}'}.{spent}"
