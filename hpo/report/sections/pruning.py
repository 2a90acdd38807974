"""The section on pruning: what early values foretell, what was saved, what was lost by it.

Each part is computed in a module of its own; this puts them in order.
"""

from __future__ import annotations

from hpo.contracts.records import PRUNED
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Section
from hpo.report.sections.pruning_audit import build_audit
from hpo.report.sections.pruning_curves import build_fates
from hpo.report.sections.pruning_factorial import build_factorial
from hpo.report.sections.pruning_foresight import build_correlation
from hpo.report.sections.pruning_savings import build_savings


def build_pruning(experiment: Experiment) -> Section | None:
    """Returns the section on pruning; None without a curve of two epochs and without a pruned trial."""
    trials = [trial for study in experiment.studies for trial in study.finished]
    if not any(len(trial.curve) > 1 or trial.state == PRUNED for trial in trials):
        return None
    factorial = build_factorial(experiment)
    parts = [
        build_correlation(experiment),
        build_savings(experiment),
        build_audit(experiment),
        *([] if factorial is None else [factorial]),
        build_fates(experiment),
    ]
    blocks = [block for part in parts for block in part.blocks]
    return Section("pruning", "Pruning", blocks, {part.key: part.numbers for part in parts})
