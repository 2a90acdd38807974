"""How a study was run, as far as its facts and trials say: sampler, pruner, workers, planned epochs.

What follows for the report's claims is said in `threats`.
"""

from __future__ import annotations

import re

from hpo.report.analysis.labels import text_of
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.space.space import canonical

EPOCHS = "train.epochs"
# Random search, grid 3x3, random+asha, random-median, grid (coarse): not random_forest, random embedding or gridlock.
CALLED = re.compile(
    r"(random|grid)([ _-]?search)?([ _-]*(asha|hyperband|median|none|\d.*)|\s*[^\w\s-].*)?", re.IGNORECASE | re.DOTALL
)
TRAINING = ("model.", "train.", "trainer.")  # settings that change what is trained
PLACES = ("trainer.path", "trainer.card", "model.log")  # of these, those that do not: where things are


def sampler_of(study: Study) -> str:
    """Returns the sampler's name; for records that do not say, what the strategy's name says; "" if unknown."""
    recorded = study.facts.get("sampler")
    if recorded:
        return recorded
    match = CALLED.fullmatch(study.strategy.strip())
    return match[1].casefold() if match else ""


def is_random(study: Study) -> bool:
    """Whether a study is random search: its sampler says so, or, without facts, the name of its strategy."""
    return sampler_of(study) == "random"


def is_grid(study: Study) -> bool:
    return sampler_of(study) == "grid"


def is_unpruned(study: Study) -> bool:
    return study.facts.get("pruner", "none") == "none" and not any(trial.state == "PRUNED" for trial in study.trials)


def control(experiment: Experiment) -> str | None:
    """Returns the strategy others are held against: random search, without pruning where there is one."""
    drawn = [study for study in experiment.studies if is_random(study)]
    whole = [study.strategy for study in drawn if is_unpruned(study)]
    return next(iter(whole or [study.strategy for study in drawn]), None)


def random_studies(experiment: Experiment, task: str) -> tuple[Study, ...]:
    """Returns the studies of random search on a task: those without pruning where there are any."""
    chosen = [study for study in experiment.of(task=task) if is_random(study)]
    whole = [study for study in chosen if is_unpruned(study)]
    return tuple(whole or chosen)


def pruner_of(study: Study) -> str:
    """Returns the pruner's name; "" without one."""
    pruner = study.facts.get("pruner", "")
    return "" if pruner == "none" else pruner


def strategies_with(experiment: Experiment, sampler: str) -> list[str]:
    """Returns the strategies that sample with `sampler`."""
    names = {study.strategy for study in experiment.studies if sampler_of(study) == sampler}
    return [strategy for strategy in experiment.strategies if strategy in names]


def n_startup_of(study: Study) -> int:
    """Returns how many trials its sampler draws at random before it learns; 0 if it never does, or that is unknown."""
    text = study.facts.get("n_startup_trials", "")
    return int(text) if text.isdigit() else 0


def planned_epochs(study: Study) -> set[float]:
    """Returns the different lengths the study's trials were planned with; empty when that is not a param."""
    planned = (trial.params.get(EPOCHS) for trial in study.trials)
    return {float(epochs) for epochs in planned if isinstance(epochs, int | float)}


def n_workers(study: Study) -> int | None:
    """Returns how many trials of the study could run at once; None if unknown."""
    text = study.facts.get("n_workers", "")
    return int(text) if text.isdigit() else None


def training_of(study: Study, trial: Trial) -> str:
    """Returns a text that is equal for trials of a task whose trainings differ in nothing but seed and machine.

    What was searched replaces what the study was given; settings of an encoder count where it is trained for the task.
    """
    settings = {path: text for path, text in study.facts.items() if path.startswith(TRAINING) and path not in PLACES}
    settings |= {path: text_of(value) for path, value in trial.params.items()}
    if settings.get("model.encoder") == "domain":
        settings |= {path: text for path, text in study.facts.items() if path.startswith("encoder.")}
    return canonical(settings)
