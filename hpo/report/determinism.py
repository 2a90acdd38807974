"""Whether equal trainings end equally: what the record happens to hold of trials with equal settings and seeds.

Nothing is trained again for it, and a trial taken from an equal one proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.report.conduct import training_of
from hpo.report.content import Section, Text
from hpo.report.records import Experiment, Trial


def build_determinism(experiment: Experiment) -> Section | None:
    """Returns the part of the section on noise about equal trainings; None where there are none."""
    groups = equal_trainings(experiment)
    if not groups:
        return None
    trained = [own for group in groups if len(own := [trial for trial in group if not trial.is_cached]) > 1]
    n_cached = sum(trial.is_cached for group in groups for trial in group)
    n_equal = sum(_is_equal(group) for group in trained)
    text = f"{len(groups)} times several strategies asked for the same training: equal task, settings, seed and number."
    if n_cached:
        text += f" {n_cached} of these trials were taken from an equal one instead of trained, which proves nothing."
    if trained:
        text += (
            f" {len(trained)} times it was trained more than once, and {n_equal} of {len(trained)} times every value "
            "was equal to the last bit."
        )
    if any(study.facts.get("trainer") == "replay" for study in experiment.studies):
        text += " Values read from a recorded table are equal by nature: this says nothing of training."
    elif not trained:
        text += " None was trained twice, so whether training is deterministic is not known from this experiment."
    clock = {"n_cached": n_cached, "n_trained_again": len(trained), "n_equal": n_equal}
    return Section("determinism", "Determinism", [Text(text)], {"n_equal_trainings": len(groups)}, clock=clock)


def equal_trainings(experiment: Experiment) -> list[list[Trial]]:
    """Returns the complete trials of several studies that were to be the same training, group by group."""
    groups: dict[tuple[str, int, int, str], list[Trial]] = {}
    for study in experiment.studies:
        for trial in study.complete:
            if trial.params:
                key = (study.task, study.seed, trial.number, training_of(study, trial))
                groups.setdefault(key, []).append(trial)
    return [group for group in groups.values() if len(group) > 1]


def _is_equal(group: Sequence[Trial]) -> bool:
    return len({(trial.value, trial.curve) for trial in group}) == 1
