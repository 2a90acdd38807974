"""The section on pruning: what early values foretell, what was saved, what was lost by it.

Each part is computed in a module of its own; this puts them in order.
"""

from __future__ import annotations

from hpo.record import PRUNED
from hpo.report.audit import build_audit
from hpo.report.content import Section
from hpo.report.correlation import build_correlation
from hpo.report.factorial import build_factorial
from hpo.report.fates import build_fates
from hpo.report.records import Experiment
from hpo.report.savings import build_savings


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
