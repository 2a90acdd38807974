"""The analysis of an experiment: what every section may ask of it, computed once, when it is first asked for.

What a number means is said where it is computed; which of them are shown is the sections' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from hpo.report.analysis.claims import Look, rope_of, take_looks
from hpo.report.analysis.conduct import control
from hpo.report.analysis.endpoints import Summary, summarise
from hpo.report.analysis.outcomes import Outcomes, Standing, all_outcomes, standings
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Regrets, Scale, regrets, scales
from hpo.report.analysis.sequential import Course, follow, preliminary, rules_of
from hpo.report.analysis.spaces import Space, space_of
from hpo.statistics.bootstrap import N_RESAMPLES, Resampling


@dataclass(frozen=True)
class Analysis:
    """What the records of an experiment say.

    Attributes:
        experiment: The records.
        seed: Of everything that is drawn at random.
        n_resamples: Of every bootstrap.
    """

    experiment: Experiment
    seed: int = 0
    n_resamples: int = N_RESAMPLES

    @cached_property
    def closely(self) -> Analysis | None:
        """The analysis of the tasks that are shown one by one; None where there are none, of many."""
        part = self.experiment.closely()
        if part is self.experiment:
            return self
        return replace(self, experiment=part) if part.studies else None

    @property
    def source(self) -> Resampling:
        """Of resamples."""
        return Resampling(self.seed, self.n_resamples)

    @cached_property
    def scales(self) -> Mapping[str, Scale]:
        """The scale of regret on each task."""
        return scales(self.experiment)

    @cached_property
    def rope(self) -> float:
        """The region of practical equivalence in the units of differences between strategies."""
        return rope_of(self.experiment, self.scales)

    @cached_property
    def control(self) -> str | None:
        """The strategy others are held against, if there is random search."""
        return control(self.experiment)

    @property
    def looks(self) -> Sequence[Look]:
        """All pairs at every endpoint, the primary one first; that one alone where the test of `course` counts."""
        return self._tested[0]

    @cached_property
    def course(self) -> Course | None:
        """The looks of a comparison that stops when it is decided; None for one of all planned seeds."""
        rules = rules_of(self.experiment)
        return follow(self.experiment, rules) if rules else None

    @property
    def summaries(self) -> Sequence[Summary]:
        """Every strategy at the primary endpoint."""
        return self._tested[1]

    @cached_property
    def _tested(self) -> tuple[Sequence[Look], Sequence[Summary]]:
        if self.course is None:
            looks = take_looks(self.experiment, self.scales)
        else:
            stages = self.course.stages
            looks = [stages[-1].look if stages else preliminary(self.experiment)]
        return looks, summarise(self.experiment, looks[0].endpoint, self.scales, source=self.source)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What every study came to."""
        return all_outcomes(self.experiment)

    @cached_property
    def standings(self) -> Sequence[Standing]:
        """How the strategies stand to the baseline of each task."""
        return standings(self.experiment, self.outcomes)

    @cached_property
    def regrets(self) -> Regrets | None:
        """Regret over the budget; None without a COMPLETE trial."""
        return regrets(self.experiment, self.scales)

    @cached_property
    def spaces(self) -> Mapping[str, Space]:
        """The search space of each task."""
        return {task: space_of(self.experiment, task) for task in self.experiment.tasks}
