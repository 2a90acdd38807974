"""What MLflow says of a study in words, its description in Markdown: what, best, how it goes on, where more is.

All of it comes from the record, so a rebuild says the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from hpo.contracts.honest import honest_sentence
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, StudyRecord, TrialRecord
from hpo.machine.escaping import for_markdown
from hpo.tracking.content import to_text

WORDS = {COMPLETE: "complete", PRUNED: "pruned", FAIL: "failed", RUNNING: "to be continued"}


def study_note(study: StudyRecord, trials: Sequence[TrialRecord], *, is_finished: bool) -> str:
    """Returns the description of a study that no driver works on; near its top what MLflow does not fold away."""
    best = study.best(list(trials))
    parts = [_what(study, trials, is_finished=is_finished), _best(study, best), _on(study, is_finished=is_finished)]
    if best is not None:
        params = sorted(best.params.items())
        rows = [f"| {for_markdown(path)} | {for_markdown(to_text(value))} |" for path, value in params]
        parts += ["\n".join(["| param | best |", "|---|---|", *rows])]
        parts += [] if study.is_recorded else [f"To train it again:\n\n    hpo {study.retraining(best.params)}"]
    return "\n\n".join(filter(None, parts))


def _what(study: StudyRecord, trials: Sequence[TrialRecord], *, is_finished: bool) -> str:
    counts = Counter(trial.state for trial in trials)
    states = ", ".join(f"{counts[state]} {word}" for state, word in WORDS.items() if counts[state])
    done = "" if is_finished else ", interrupted"
    trials_word = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    return (
        f"**{for_markdown(study.name)}**{done}: {study.direction} {for_markdown(study.metric)}, "
        f"{trials_word}{f' ({states})' if states else ''}."
    )


def _best(study: StudyRecord, best: TrialRecord | None) -> str:
    if best is None or best.value is None:
        return "No trial is complete."
    metric, test = for_markdown(study.metric), study.test
    sentences = [f"Best {metric} **{_number(best.value)}** in trial {best.number}"]
    if study.test_metric in test:
        sentences[0] += f", **{_number(test[study.test_metric])}** on the test part"
    held = study.corpus.get(f"baseline_{study.metric}")
    if isinstance(held, float):
        on_test = test.get(study.test_metric.replace("test_", "test_baseline_", 1))
        also = "" if on_test is None else f", {_number(on_test)} on the test part"
        sentences.append(f"A linear model of the words has {_number(held)}{also}")
    if honest := honest_sentence(study):
        sentences.append(f"What to expect of it: {for_markdown(honest)}")
    return "".join(f"{sentence}. " for sentence in sentences).strip()


def _on(study: StudyRecord, *, is_finished: bool) -> str:
    """Returns how to go on, and where more is to be read."""
    if "strategy" in study.tags:
        report = f"reports/{study.experiment}/report.html"
        return (
            f"Part of the comparison **{for_markdown(study.experiment)}**: the same `hpo compare` command continues "
            f"it; its report is `{report}`, and in the run *comparison* of this experiment."
        )
    more = "Tables and figures: the artifacts `trials.csv` and `plots`."
    if not study.command:
        return more
    goes_on = "To search on, with a larger budget (`study.n_trials=…`)" if is_finished else "To continue"
    return f"{goes_on}:\n\n    {study.command}\n\n{more}"


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else str(value)
