"""How a study's best trial stands to the linear model of the words, in a sentence.

What the linear model reached is in the record; nothing is fitted here.
"""

from __future__ import annotations

from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.statistics.proportion import difference_interval
from hpo.terminal.format import format_number


def baseline_sentence(study: StudyRecord, best: TrialRecord) -> str | None:
    """Returns how the best trial stands to the linear model on the same texts; None if there is none.

    Test is held against test; a word is said of them only where an interval of the difference is without 0.
    """
    name = study.test_metric.replace("test_", "test_baseline_")
    own, held = study.test.get(study.test_metric), study.test.get(name)
    if own is None or held is None:
        known = study.corpus.get(f"baseline_{study.metric}")
        if not isinstance(known, float) or best.value is None:
            return None
        beside = f"trial {best.number}, which was chosen there, {format_number(best.value)}"
        return f"a linear model of the words has {study.metric} {format_number(known)} on valid, {beside}"
    tested = f"trial {int(study.test.get('trial', best.number))}"
    values = f"a linear model of the words has {study.metric} {format_number(held)} on test"
    difference = f"difference {format_number(own - held)}"
    n_test = int(study.test.get("n_test", 0))
    if study.metric != "accuracy" or not n_test:
        return f"{values}, {tested} {format_number(own)} ({difference})"
    low, high = difference_interval(own, held, n_test)
    word = "beaten by" if low > 0 else "not beaten by" if high < 0 else "not told apart from"
    return f"{values}: {word} {tested} ({difference}, 95 % interval {format_number(low)} to {format_number(high)})"
