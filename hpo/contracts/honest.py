"""What a study's best is worth, in words: the value to expect of it with fresh seeds, beside the best seen.

How it is computed is the business of `study.honest`.
"""

from __future__ import annotations

from hpo.contracts.records import StudyRecord

MIN_TRIALS = 5  # with a value; fewer say nothing of their noise


def honest_sentence(study: StudyRecord) -> str:
    """Returns what the chosen configuration of a study is worth; "" where nothing was computed."""
    honest = study.honest
    if not honest:
        return ""
    metric, seen = study.metric, _text(honest["seen"])
    if "value" not in honest:
        n, unknown = int(honest["n"]), f"the best {metric} seen, {seen}, is too good by an unknown amount"
        if n >= MIN_TRIALS:
            return f"{unknown}: its trials do not say how much of it is noise"
        few = f"{n} trials with a value say" if n != 1 else "one trial with a value says"
        return f"{unknown}: {few} nothing of their noise, at least {MIN_TRIALS} are needed"
    ends = f", 95 % interval {_text(honest['low'])} to {_text(honest['high'])}" if "low" in honest else ""
    worth = f"{metric} {_text(honest['value'])}{ends}"
    if "n_fresh" in honest:
        n = int(honest["n_fresh"])
        of = f"mean of {n} fresh retrainings" if n > 1 else "a fresh retraining, too few for an interval,"
        return f"{worth}: {of} of trial {int(honest['trial'])} that did not choose it (seen in the search: {seen})"
    return f"{worth}: the best seen, {seen}, shrunken by what {int(honest['n'])} trials say of their noise"


def _text(value: float) -> str:
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"
