"""How far a comparison is: each study's phase, spending and incumbent, and the work that is left.

Told what happens, asked what to show; how it looks is `table`'s and `screen`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from hpo.compare.comparison import Comparison, mean_epochs
from hpo.config.compare import Unit
from hpo.contracts.records import REPETITION, SEARCHED, StudyRecord, TrialRecord
from hpo.study.audit import audit_name, draw_sample, is_auditable, sample_size
from hpo.study.confirmation import chosen_trials, confirmation_name
from hpo.study.plan import Plan
from hpo.study.repeating import Replicate
from hpo.terminal.progress import Tally, planned_epochs


class Phase(Enum):
    """What is being done for a study."""

    WAITING = "waiting"
    SEARCHING = "searching"
    CONFIRMING = "confirming"
    TESTING = "testing"
    AUDITING = "auditing"
    DONE = "done"


class StudyProgress:
    """A search, its confirmation and its audit.

    Attributes:
        name: The search's name.
        task, strategy, seed: Its place in the comparison.
        search, confirmation, audit: The counts of each.
        budget: What the search may spend, in the comparison's unit.
    """

    def __init__(self, planned: Plan, unit: Unit, budget: float) -> None:
        study = planned.config.study
        self.name = planned.name
        self.task, self.strategy, self.seed = planned.tags["task"], planned.tags["strategy"], planned.config.seed
        self.search, self.confirmation, self.audit = Tally(), Tally(self._is_wanted), Tally()
        self.budget = budget
        self._unit = unit
        self._is_tested = study.test
        self._top_k, self._n_seeds = study.confirm.top_k, study.confirm.n_seeds
        self._audit_share = study.audit
        self._chosen: list[TrialRecord] | None = None
        self._sample: list[TrialRecord] | None = None
        self._mean_epochs = mean_epochs(planned.space, planned.config.train.epochs)

    @property
    def phase(self) -> Phase:
        if self.search.study is None:
            return Phase.WAITING
        if self.confirmation.is_ended or (self.search.is_ended and not self.n_retrainings):
            return Phase.DONE if self.audit.is_ended or not self.n_audits else Phase.AUDITING
        if self.search.is_ended:
            is_trained = self._is_tested and self.confirmation.n_finished >= self.n_retrainings
            return Phase.TESTING if is_trained else Phase.CONFIRMING
        is_searched = self.spent >= self.budget and not self.search.n_running
        return Phase.TESTING if self._is_tested and not self._top_k and is_searched else Phase.SEARCHING

    @property
    def n_retrainings(self) -> int:
        """Trials of the confirmation: as many as asked for, then as there are configurations to confirm."""
        return (self._top_k if self._chosen is None else len(self._chosen)) * self._n_seeds

    @property
    def n_audits(self) -> int:
        """Pruned trials to train to their end: as many as there would be now, then as many as there are."""
        if self._sample is None and self._audit_share:
            return sample_size(sum(map(is_auditable, self.search.trials)), self._audit_share)
        return len(self._sample or [])

    @property
    def wanted(self) -> frozenset[Replicate]:
        """The retrainings asked for, once the search has ended."""
        return frozenset(Replicate(trial.number, i) for trial in self._chosen or [] for i in range(self._n_seeds))

    @property
    def spent(self) -> float:
        """What the search has spent of its budget, without what running trials overshoot."""
        return min(_amount(self.search, self._unit), self.budget)

    @property
    def total(self) -> float:
        """What the search spends in the end: its budget, or less where it ran out of proposals."""
        return self.spent if self.search.is_ended else self.budget

    @property
    def share(self) -> float:
        """How much of its present phase is done, in [0, 1]."""
        match self.phase:
            case Phase.SEARCHING:
                return self.spent / self.budget
            case Phase.CONFIRMING | Phase.AUDITING as phase:
                done, left = self.confirmation_work if phase is Phase.CONFIRMING else self.audit_work
                return done / (done + left) if done else 0.0
        return 0.0 if self.phase is Phase.WAITING else 1.0

    @property
    def search_work(self) -> tuple[float, float]:
        """Work done and left in the search: seconds where those are the budget, else epochs."""
        left = 0.0 if self.search.is_ended else self.budget - self.spent
        return _work(self.search, self._unit), left * self._trial_work if self._unit is Unit.trials else left

    @property
    def confirmation_work(self) -> tuple[float, float]:
        """Work done and left in the confirmation; as of the incumbent until it is known what is retrained."""
        done, n, best = _work(self.confirmation, self._unit), self.n_retrainings, self.search.best
        if self.phase in (Phase.TESTING, Phase.DONE) or self.confirmation.n_finished >= n:
            return done, 0.0
        return done, max(n * self._mean_work(self._chosen or ([best] if best else [])) - done, 0.0)

    @property
    def audit_work(self) -> tuple[float, float]:
        """Work done and left in the audit."""
        done, n = _work(self.audit, self._unit), self.n_audits
        left = 0.0 if self.phase is Phase.DONE or not n else n * self._mean_work(self._sample or []) - done
        return done, max(left, 0.0)

    @property
    def works(self) -> list[tuple[float, float]]:
        """Work done and left in each of its parts."""
        return [self.search_work, self.confirmation_work, self.audit_work]

    def search_ended(self, study: StudyRecord) -> None:
        self._chosen = chosen_trials(study, self.search.counted, top_k=self._top_k) if self._top_k else []
        self._sample = draw_sample(self.search.counted, share=self._audit_share, seed=self.seed)
        self.search.end(study)

    def _is_wanted(self, trial: TrialRecord) -> bool:
        """Returns whether a retraining is one of those asked for now: the study may hold others from before."""
        if SEARCHED not in trial.facts:  # it is not finished
            return True
        return Replicate(int(trial.facts[SEARCHED]), int(trial.facts[REPETITION])) in self.wanted

    @property
    def _trial_work(self) -> float:
        """Work of a trial of the search: what those that are over took on average, else what is expected."""
        if self.search.n_finished:
            return _work(self.search, self._unit) / self.search.n_finished
        return 0.0 if self._unit is Unit.seconds else self._mean_epochs

    def _mean_work(self, trials: Sequence[TrialRecord]) -> float:
        """Work of training `trials` again: epochs as planned; in seconds, what trials of the search took on average."""
        study = self.search.study
        if self._unit is Unit.seconds:
            return self._trial_work
        planned = [planned_epochs(study, trial) or self._mean_epochs for trial in trials] if study else []
        return sum(planned) / len(planned) if planned else self._mean_epochs


class ComparisonProgress:
    """All studies of a comparison, in its order.

    Attributes:
        comparison: What was planned.
        studies: By the name of the search; those that have not begun can be left out, else they never change.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.metric = comparison.plans[0].config.study.metric
        self.studies = {
            planned.name: StudyProgress(planned, comparison.unit, comparison.budget) for planned in comparison.plans
        }
        self._parts = {name: (study, study.search) for name, study in self.studies.items()}
        self._parts |= {confirmation_name(name): (study, study.confirmation) for name, study in self.studies.items()}
        self._parts |= {audit_name(name): (study, study.audit) for name, study in self.studies.items()}

    def find(self, name: str) -> tuple[StudyProgress, Tally]:
        """Returns the study that a search, a confirmation or an audit belongs to, and that one's counts."""
        return self._parts[name]

    def ended(self, name: str, record: StudyRecord) -> None:
        study, tally = self.find(name)
        if tally is study.search:
            study.search_ended(record)
        else:
            tally.end(record)

    def leave_out_waiting(self) -> None:
        """Leaves out the studies that have not begun: nothing of them is left to do."""
        self.studies = {name: study for name, study in self.studies.items() if study.phase is not Phase.WAITING}
        self._parts = {name: part for name, part in self._parts.items() if part[0].name in self.studies}

    @property
    def tallies(self) -> list[Tally]:
        return [tally for _, tally in self._parts.values()]

    @property
    def n_done(self) -> int:
        """Studies with nothing left to do."""
        return sum(study.phase is Phase.DONE for study in self.studies.values())

    @property
    def share(self) -> float:
        """How much of all work is done, in [0, 1]; 1 only when the last test is, too."""
        if self.n_done == len(self.studies):
            return 1.0
        done, left = self._work()
        return min(done / (done + left), 0.999) if left else 0.999

    def left_s(self, elapsed_s: float) -> float | None:
        """Returns the seconds left at the pace of training in `elapsed_s`; None where nothing can be said."""
        _, left = self._work()
        is_seconds = self.comparison.unit is Unit.seconds
        trained = sum(tally.trained_s if is_seconds else tally.n_trained for tally in self.tallies)
        return 0.0 if not left else elapsed_s * left / trained if trained > 0 else None

    def _work(self) -> tuple[float, float]:
        works = [work for study in self.studies.values() for work in study.works]
        return sum(done for done, _ in works), sum(left for _, left in works)


def _amount(tally: Tally, unit: Unit) -> float:
    match unit:
        case Unit.trials:
            return tally.n_finished
        case Unit.epochs:
            return tally.n_epochs
    return tally.seconds


def _work(tally: Tally, unit: Unit) -> float:
    """Returns what the trials took: seconds where those are the budget, else epochs."""
    return tally.seconds if unit is Unit.seconds else tally.n_epochs
