"""How a study was run, as far as its facts and trials say: sampler, pruner, workers, planned epochs.

What follows for the report's claims is said in `threats`.
"""

from __future__ import annotations

from hpo.report.records import Experiment, Study

EPOCHS = "train.epochs"


def sampler_of(study: Study) -> str:
    """Returns the sampler's name; for records that do not say, what the strategy's name begins with; "" if unknown."""
    known = study.facts.get("sampler")
    if known:
        return known
    name = study.strategy.casefold()
    return next((sampler for sampler in ("random", "grid") if name.startswith(sampler)), "")


def pruner_of(study: Study) -> str:
    """Returns the pruner's name; "" without one."""
    pruner = study.facts.get("pruner", "")
    return "" if pruner == "none" else pruner


def strategies_with(experiment: Experiment, sampler: str) -> list[str]:
    """Returns the strategies that sample with `sampler`."""
    found = {study.strategy for study in experiment.studies if sampler_of(study) == sampler}
    return [strategy for strategy in experiment.strategies if strategy in found]


def planned_epochs(study: Study) -> set[float]:
    """Returns the different lengths the study's trials were planned with; empty when that is not a param."""
    planned = (trial.params.get(EPOCHS) for trial in study.trials)
    return {float(epochs) for epochs in planned if isinstance(epochs, int | float)}


def n_workers(study: Study) -> int | None:
    """Returns how many trials of the study could run at once; None if unknown."""
    text = study.facts.get("n_workers", "")
    return int(text) if text.isdigit() else None
