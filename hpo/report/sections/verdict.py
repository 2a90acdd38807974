"""Section 0: the verdict, one sentence of a fixed vocabulary for each pair of strategies.

Which claims are allowed is decided in `claims` and `report.analysis.claims`; this only says them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Look
from hpo.report.analysis.endpoints import chosen
from hpo.report.analysis.incumbents import exhausts_table
from hpo.report.analysis.outcomes import standing_numbers, unbeaten_sentences
from hpo.report.analysis.phrases import (
    budget_text,
    count,
    effect_text,
    listing,
    number,
)
from hpo.report.analysis.records import Experiment, Place
from hpo.report.analysis.sequential import Course, course_numbers
from hpo.report.analysis.within_tasks import Within, within_tasks
from hpo.report.document.content import Block, Column, Section, Table, Text, Verdict
from hpo.report.reading.terms import beyond_sentence
from hpo.report.sections.groups import group_claims
from hpo.report.sections.pairs import build_forest
from hpo.report.sections.sentences import claim_of, claim_within, friedman_of, loser
from hpo.report.sections.sequential import (
    sequential_claim,
    sequential_headline,
    sequential_reading,
    sequential_table,
    waiting_claims,
)
from hpo.statistics.paired import fewest_seeds
from hpo.statistics.signed_rank import FEWEST


def build_verdict(analysis: Analysis) -> Section:
    """Returns the box at the top: the winner or that there is none, a claim for each pair, the looks."""
    experiment, looks = analysis.experiment, analysis.looks
    within = within_tasks(experiment, looks[0].endpoint)
    verdict = _sequential(analysis, analysis.course) if analysis.course else _fixed(analysis, within)
    standings = analysis.standings
    sentences = [*unbeaten_sentences(experiment, standings), *_exhausted(experiment)]
    warnings: list[Block] = [Text(text, "warning") for text in sentences]
    notes: list[Block] = [Text(text, "note") for text in _notes(experiment, looks)]
    numbers = _numbers(analysis) | ({"baseline": standing_numbers(standings)} if standings else {})
    numbers |= {"sequential": course_numbers(analysis.course)} if analysis.course else {}
    numbers |= {"within_tasks": [asdict(pair) | {"better": pair.better} for pair in within]} if within else {}
    forest = [build_forest(analysis)] if len(experiment.strategies) > 1 else []
    return Section("verdict", "Verdict", [verdict, *forest, *warnings, *notes], numbers=numbers)


def _fixed(analysis: Analysis, within: Sequence[Within]) -> Verdict:
    """Returns the verdict on a number of seeds, or tasks, that was fixed beforehand."""
    experiment, looks = analysis.experiment, analysis.looks
    return Verdict(
        headline=_headline(experiment, looks[0]),
        claims=[
            *(claim_of(analysis, c, called=name) for c, name in looks[0].compared),
            *(claim_within(pair) for pair in within),
        ],
        looks=_looks_table(experiment, looks),
        reading=_reading(analysis, looks[0]),
        groups=group_claims(analysis),
    )


def _sequential(analysis: Analysis, course: Course) -> Verdict:
    """Returns the verdict of a comparison that stops when it is decided."""
    stages = course.stages
    return Verdict(
        headline=sequential_headline(analysis, course),
        claims=[sequential_claim(analysis, course, one) for one in stages[-1].standings]
        if stages
        else waiting_claims(analysis.looks[0]),
        looks=sequential_table(course),
        reading=sequential_reading(analysis, course),
    )


def _headline(experiment: Experiment, look: Look) -> str:
    names = experiment.strategies
    if len(names) < 2:
        return f"{listing(names)} alone: nothing to compare." if names else "No study: nothing to compare."
    if _is_empty(look):
        return "No winner: no study has a COMPLETE trial to show for its budget, so nothing could be compared."
    winner = look.winner(names)
    pairs = [comparison.pair.n for comparison in look.comparisons]
    seeds = (
        f"{count(min(pairs), experiment.paired_by)}"
        if min(pairs) == max(pairs)
        else f"{min(pairs)} to {max(pairs)} {experiment.paired_by}s"
    )
    if winner is not None:
        others = listing([name for name in names if name != winner])
        return f"Winner: {winner}, better than {others} ({seeds} a pair, {look.endpoint.title})."
    if not max(pairs) and (reason := beyond_sentence(experiment)):
        return f"No winner: {reason}"
    if max(pairs) < FEWEST:
        return f"No winner: underpowered with {seeds} a pair, at least {FEWEST} are needed for any claim."
    beaten = {loser(c, name) for c, name in look.compared if name}
    if not beaten:
        return f"No winner: no two of {listing(names)} could be told apart ({seeds} a pair, {look.endpoint.title})."
    left = [name for name in names if name not in beaten]
    return f"No winner: no strategy beats every other; unbeaten {'are' if len(left) > 1 else 'is'} {listing(left)}."


def _exhausted(experiment: Experiment) -> list[str]:
    """Returns which strategies had every configuration of their recorded table, and what that makes of the verdict."""
    n_exhausted = Counter(study.strategy for study in experiment.studies if exhausts_table(experiment, study))
    if not n_exhausted:
        return []
    listed = listing([f"{name} in {n} of {len(experiment.of(strategy=name))}" for name, n in n_exhausted.items()])
    return [
        f"Studies had every configuration of their recorded table ({listed}): what these end with is the best of the "
        "table, however it was searched; only a smaller budget can tell such strategies apart."
    ]


def _is_empty(look: Look) -> bool:
    """Whether studies have ended and none of them has anything to show."""
    values = [value for by_place in look.endpoint.losses.values() for value in by_place.values()]
    return bool(values) and all(math.isinf(value) for value in values)


def _looks_table(experiment: Experiment, looks: Sequence[Look]) -> Table:
    """Returns a row for each pair and one for the winner; columns from the earliest look to the primary endpoint."""
    by_time = list(reversed(looks))
    columns = [Column("pair"), *(Column(_look_title(look)) for look in by_time)]
    winners: list[str | None] = ["winner", *(look.winner(experiment.strategies) or "no winner" for look in by_time)]
    rows: list[list[str | None]] = [winners] if len(experiment.strategies) > 1 else []
    for index, comparison in enumerate(looks[0].comparisons):
        names = f"{comparison.pair.first} – {comparison.pair.second}"
        rows.append([names, *(_look_cell(look, index) for look in by_time)])
    note = (
        "Read from the right: a pair is named at an earlier look only if it was named at every look to its right; "
        "'ahead' is exploratory and no claim."
    )
    return Table("verdict-looks", f"The same pairs over the budget of {budget_text(experiment)}", columns, rows, note)


def _look_title(look: Look) -> str:
    return look.endpoint.key if look.endpoint.key in ("test", "retrained") else f"{look.endpoint.key} (validation)"


def _look_cell(look: Look, index: int) -> str:
    comparison, called = look.comparisons[index], look.called[index]
    by = f"by {effect_text(abs(comparison.shift), comparison.interval)} " if math.isfinite(comparison.shift) else ""
    size = f"{by}(n = {comparison.pair.n})"
    if called is not None:
        return f"{called} better {size}"
    if not comparison.pair.n:
        return "nothing paired"
    if comparison.kind == "equivalent":
        return f"practically equivalent (n = {comparison.pair.n})"
    return f"level (n = {comparison.pair.n})" if comparison.ahead is None else f"{comparison.ahead} ahead {size}"


def _reading(analysis: Analysis, look: Look) -> str:
    experiment, unit = analysis.experiment, analysis.experiment.paired_by
    averaged = "" if unit == "seed" else f", seeds averaged within each task as {analysis.experiment.quantity}"
    return (
        f"Primary endpoint: {look.endpoint.title}, paired by {unit}{averaged}; 'better' means {_omnibus(look)}a "
        f"Holm-adjusted p < .05 (exact paired Wilcoxon) and a typical difference (Hodges–Lehmann) above the ROPE of "
        f"{number(analysis.rope)} {experiment.quantity}, 'practically equivalent' the 95 % interval of that difference "
        "inside it and no study with nothing to show; an interval excludes 0 exactly when the pair's own p, before "
        "Holm's correction, is below .05; if all strategies are equal, one is called "
        "better anywhere in this box with a probability of at most 5 %, and everything outside it is exploratory."
    )


def _omnibus(look: Look) -> str:
    if look.omnibus is None:
        return ""
    return f"Friedman's p < .05 over all strategies (here {friedman_of(look)}), "


def _notes(experiment: Experiment, looks: Sequence[Look]) -> list[str]:
    """Returns what a reader must know: who was left out, what was imputed, what is preliminary."""
    notes = []
    running = [study.name for study in experiment.studies if not study.is_ended]
    if running:
        of = f"{len(running)} of {count(len(experiment.studies), 'study')}"
        notes.append(f"Preliminary: {of} have not reached the budget; they count only up to where they are.")
    if looks[0].endpoint.key != "test" and any(one.tests for study in experiment.studies for one in study.confirmed):
        n_confirmed = sum(chosen(experiment, study) is not None for study in experiment.studies)
        notes.append(
            f"{f'Only {n_confirmed}' if n_confirmed else 'None'} of {count(len(experiment.studies), 'study')} have a "
            f"confirmed test value of what they found within the budget of {budget_text(experiment)}, so the primary "
            "endpoint is the validation value."
        )
    notes += _left_out(experiment, looks[0])
    return notes + [text for text in [_imputed(experiment, looks[0])] if text]


def _left_out(experiment: Experiment, look: Look) -> list[str]:
    """Returns a sentence for each strategy that lacks seeds others have, and for seeds it has twice."""
    losses = look.endpoint.losses
    every = dict.fromkeys((study.task, study.seed) for study in experiment.studies)
    sentences = []
    for strategy in experiment.strategies:
        missing = [place for place in every if place not in losses[strategy]]
        n_studies = Counter((study.task, study.seed) for study in experiment.of(strategy=strategy))
        twice = [place for place, n in n_studies.items() if n > 1]
        if missing and len(experiment.strategies) > 1:
            names = _named(experiment, missing)
            sentences.append(f"{strategy} has no value for {names}; every pair with {strategy} is without.")
        if twice:
            sentences.append(
                f"{strategy} has several studies for {_named(experiment, twice)}; the first of them counts."
            )
    return sentences


def _named(experiment: Experiment, places: Sequence[Place]) -> str:
    return listing([f"seed {seed}{experiment.on(task)}" for task, seed in places])


def _imputed(experiment: Experiment, look: Look) -> str | None:
    """Returns the sentence on studies that had nothing to show."""
    empty = [
        (strategy, *place)
        for strategy, by_place in look.endpoint.losses.items()
        for place, value in by_place.items()
        if math.isinf(value)
    ]
    if not empty:
        return None
    per_strategy = {name: sum(strategy == name for strategy, *_ in empty) for name in experiment.strategies}
    who = listing([f"{count(n, 'study')} of {name}" for name, n in per_strategy.items() if n])
    worst = look.endpoint.worst
    values = listing([f"{number(experiment.sign * worst[t])} on {t}" for t in experiment.tasks if t in worst])
    return (
        f"Nothing to show for their budget (no COMPLETE trial, or every retraining failed): {who}; tests rank them "
        f"worse than any value, and so do typical differences; means over seeds use the worst value seen on the task "
        f"({values}, {experiment.metric})."
    )


def _numbers(analysis: Analysis) -> dict[str, object]:
    strategies, primary = analysis.experiment.strategies, analysis.looks[0]
    return {
        "primary": primary.endpoint.title,
        "unit": analysis.experiment.paired_by,
        "quantity": analysis.experiment.quantity,
        "rope": analysis.rope,
        "winner": primary.winner(strategies),
        "fewest_units_for_a_claim": fewest_seeds(len(strategies)),
        "looks": {look.endpoint.key: _look_numbers(look, strategies) for look in analysis.looks},
    }


def _look_numbers(look: Look, strategies: Sequence[str]) -> dict[str, object]:
    pairs = [
        {
            "first": c.pair.first,
            "second": c.pair.second,
            "n": c.pair.n,
            "better": called,
            **({} if c.p is None else {"p": c.p, "holm_p": c.adjusted}),
            "shift_in_loss": c.shift,
            "low_in_loss": c.interval.low,
            "high_in_loss": c.interval.high,
            "level": None if c.interval.low is None else c.interval.level,
            "excludes_zero": c.interval.excludes_zero,
        }
        for c, called in look.compared
    ]
    has_p = any(c.p is not None for c in look.comparisons)
    friedman = {"friedman_p": look.omnibus, "friedman_chi2": look.ranking.chi2 if look.ranking else None}
    friedman = friedman if has_p or not look.comparisons else {}
    return {"winner": look.winner(strategies), **friedman, "pairs": pairs}
