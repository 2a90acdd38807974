"""The search itself: what a plan asks for, with the sampler and the budget it names.

Its confirmation and its audit follow it, in modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.config.schema import ModelConfig, ModelLog
from hpo.contracts.records import Budget, StudyRecord, TrialRecord
from hpo.contracts.seeds import derive_seed
from hpo.data.corpus import Corpus, open_corpus
from hpo.search.once import once
from hpo.search.samplers import build_sampler
from hpo.search.told import Told
from hpo.study.audit import Audit, draw_sample
from hpo.study.confirmation import Confirmation, chosen_trials
from hpo.study.honest import shrunken_number
from hpo.study.plan import Plan
from hpo.study.provenance import new_study
from hpo.study.resume import asked_fingerprint
from hpo.study.role import Role
from hpo.trainers.awd_lstm.encoders.needed import StudyEncoders


class Search(Role):
    """Searches a space for the best params.

    Args:
        planned: What is asked for.
        folder: The study's folder.
        corpus: Folder of the prepared corpus; None for trainers that read no data.
        encoders: The encoders its networks start from; None for trainers that read no data.
        design: The registered design; None outside comparisons.
    """

    def __init__(
        self,
        planned: Plan,
        folder: Path,
        *,
        corpus: Path | None = None,
        encoders: StudyEncoders | None = None,
        design: Mapping[str, object] | None = None,
    ) -> None:
        config = planned.config
        self.name, self.folder, self.config, self.space = planned.name, folder, config, planned.space
        told = Told(
            build_sampler(config.sampler, planned.space, config.seed),
            planned.space,
            first=config.study.enqueue or (),
            prior_weight=config.study.prior_weight,
            seed=config.seed,
        )
        self.sampler = once(told, planned.space, config.seed)
        self.learns_from = tuple(config.study.learn_from)
        limits = config.study
        self.budget = Budget(limits.n_trials, limits.timeout_s, limits.n_epochs, limits.trials_s)
        self.n_concurrent = planned.n_workers
        self.corpus, self.design = corpus, design
        self.keeps_weights = "all" if config.model.log is ModelLog.all else "best"
        self._plan = planned
        self._encoders = encoders or StudyEncoders()

    def new_record(self, *, now_ms: int) -> tuple[StudyRecord, dict[str, str]]:
        facts = _facts(open_corpus(self.corpus), self.config.study.positive) if self.corpus else {}
        asked = asked_fingerprint(self._plan, self.corpus, self._encoders)
        return new_study(self._plan, corpus=facts, fingerprint=asked, folder=self.folder, now_ms=now_ms), asked

    def seed_of(self, number: int) -> int:
        if self._plan.trial_seed is not None:
            return self._plan.trial_seed
        return derive_seed(self.config.seed, self.config.sampler.seed_number(number))

    def encoders_of(self, model: ModelConfig) -> tuple[str, str]:
        return self._encoders.folders_of(model)

    def to_keep(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> list[int]:
        """Returns the incumbent, unless a confirmation is to choose."""
        best = None if self.config.study.confirm.top_k else study.best(list(trials))
        return [best.number] if best else []

    def honest(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> Mapping[str, float]:
        """Returns the best value seen, shrunken, unless retrainings that choose nothing are to come."""
        confirm = self.config.study.confirm
        if confirm.top_k and (confirm.n_seeds > 1 or confirm.top_k == 1):
            return {}
        return shrunken_number(study, trials, self.space, seed=self.config.seed)

    def successor(self, study: StudyRecord, trials: Sequence[TrialRecord], *, n_workers: int) -> Role | None:
        """Returns the confirmation of the search; where there is none, or after it, its audit."""
        asked = self.config.study
        counted = self.budget.counted(trials, is_ordered=asked.ordered)
        sample = draw_sample(counted, share=asked.audit, seed=self.config.seed)
        audit = Audit(self, study, trials, sample=sample, n_workers=n_workers) if sample else None
        chosen = chosen_trials(study, counted, top_k=asked.confirm.top_k)
        return Confirmation(self, study, chosen, n_workers=n_workers, audit=audit) if chosen else audit


def _facts(corpus: Corpus, positive: str | None) -> dict[str, str | int | float]:
    """Returns what the record says of prepared data: its facts, and what the baseline scores on its valid part."""
    return {**corpus.facts, **corpus.baseline_about(positive).facts}
