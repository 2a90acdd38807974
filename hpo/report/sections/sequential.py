"""What is said of a comparison that stops when it is decided: its headline, a sentence a pair, a row a look.

Nothing here, or anywhere in such a report, is the p of a test at a number of seeds fixed beforehand: that number was
not fixed. What was decided is computed in `report.analysis.sequential`.
"""

from __future__ import annotations

import math

from hpo.figures.figure import Cell
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Look
from hpo.report.analysis.phrases import count, effect_text, interval_text, listing, number
from hpo.report.analysis.sequential import BETTER, EQUIVALENT, FUTILE, Course, Standing, course_numbers
from hpo.report.document.content import Block, Claim, Column, Table, Text
from hpo.statistics.sequential import SPENDING

HEADS = ("seeds", "pair", "rank sum", "rejects up to", "α spent", "told apart in the end", "decision")


def sequential_headline(analysis: Analysis, course: Course) -> str:
    """Returns the winner, that there is none, or that nothing is decided yet; then where and why it stopped."""
    names, stages = analysis.experiment.strategies, course.stages
    if not stages:
        first = course.rules.looks[0]
        return f"Nothing is decided yet: the first look is after {first} seeds, {course.n_ready} are there."
    stage = stages[-1]
    where = f"{_looks_text(course)}, {stage.look.endpoint.title}"
    if winner := stage.look.winner(names):
        others = listing([name for name in names if name != winner])
        return f"Winner: {winner}, better than {others} ({where})."
    if not stage.reason:
        return f"Nothing is decided yet ({where}); the next look is after {course.rules.looks[len(stages)]} seeds."
    called = [name for name in stage.look.called if name]
    if not called:
        return f"No winner: no two of {listing(names)} were told apart ({where}): {stage.reason}."
    lost = {loser for one in stage.standings if (loser := _loser(one))}
    left = [name for name in names if name not in lost]
    verb = "are" if len(left) > 1 else "is"
    return f"No winner: no strategy beats every other; unbeaten {verb} {listing(left)} ({where}): {stage.reason}."


def sequential_claim(analysis: Analysis, course: Course, standing: Standing) -> Claim:
    """Returns one sentence on a pair: the word, the look, the estimate with the interval that holds at every look."""
    comparison, stage = standing.comparison, course.stages[-1]
    pair, experiment = comparison.pair, analysis.experiment
    wins = f"{pair.first} ahead in {comparison.wins}, {pair.second} in {comparison.defeats} of {pair.n}"
    shown = f"{_estimate(analysis, standing)}, {wins} seeds"
    look = f"look {len(course.stages)} of {len(course.rules.looks)}"
    match standing.word:
        case "better":
            words = f"{comparison.ahead} better than {_loser(standing)}"
            return Claim(f"{words}, decided by {look}: {shown}.", "better")
        case "practically equivalent":
            inside = f"inside the ROPE of ±{number(course.rules.rope)} {experiment.metric}"
            return Claim(
                f"{pair.first} and {pair.second} practically equivalent at {look}: {shown}, {inside}.", "equivalent"
            )
    words = f"{pair.first} and {pair.second} not told apart by {look}"
    outlook = "" if stage.n == course.rules.looks[-1] else f"; going on like this, it is with {_chance(standing)}"
    return Claim(f"{words}: {shown}{outlook}.", "undecided")


def waiting_claims(look: Look) -> list[Claim]:
    """Returns one sentence on each pair before the first look."""
    return [
        Claim(
            f"{one.pair.first} and {one.pair.second}: no look yet, {count(one.pair.n, 'seed')} in common.", "undecided"
        )
        for one in look.comparisons
    ]


def sequential_table(course: Course) -> Table:
    """Returns a row for every pair at every look that is done."""
    rows: list[list[Cell]] = []
    for stage, numbers in zip(course.stages, course_numbers(course)["stages"], strict=True):
        first, alone = numbers["rejects_up_to"], numbers["rejects_up_to_alone"]
        limit = _limit(first) if first == alone else f"{_limit(first)} ({_limit(alone)})"
        for one in stage.standings:
            pair = one.comparison.pair
            names = f"{pair.first} – {pair.second}"
            spent = f"{numbers['alpha_spent']:.3f}"
            chance = "–" if stage.n == course.rules.looks[-1] else _chance(one)
            rows.append([stage.n, names, one.rank_sum, limit, spent, chance, _decision(one)])
    note = (
        "The rank sum is that of the rarer sign among all differences so far; one up to the limit tells the pair apart "
        "(in brackets the limit of a pair alone, once no other can be equal with it). α spent is the probability of "
        "any false call by that look; "
        "'told apart in the end' is that of a pair alone at the last look, if things go on as they did."
    )
    title = "The looks: " + ", ".join(map(str, course.rules.looks)) + " seeds"
    return Table("verdict-looks", title, [Column(head) for head in HEADS], rows, note)


def sequential_reading(analysis: Analysis, course: Course) -> str:
    """Returns what was tested how, and what the words and the interval mean."""
    look, rules = analysis.looks[0], course.rules
    return (
        f"Primary endpoint: {look.endpoint.title}, paired by seed, tested after {listing(rules.looks)} seeds as "
        f"registered before the first trial; 'better' means that the exact signed-rank test crossed the boundary of a "
        f"look (α spent as {SPENDING}; closed testing over all pairs) and a typical difference (Hodges–Lehmann) above "
        f"the ROPE of {number(rules.rope)} {analysis.experiment.metric}, 'practically equivalent' the repeated "
        "interval inside it; if all strategies are equal, one is called better at any look with a probability of at "
        "most 5 %, whenever it is stopped and for whatever reason; the interval holds at all looks together with 95 %; "
        "the estimate after an early stop is too large on average, which the interval allows for."
    )


def sequential_blocks(course: Course) -> list[Block]:
    """Returns what the section on statistics says of the tests."""
    n_left = course.rules.looks[-1] - (course.stages[-1].n if course.stages else 0)
    saved = f"; {count(n_left, 'seed')} a strategy were not needed" if course.is_over and n_left else ""
    reason = course.stages[-1].reason if course.stages else ""
    over = f"It stopped as {reason}{saved}." if course.is_over else "It is not over yet."
    rule = (
        f"Futility is non-binding: to go on where it says stop leaves the 5 % as they are. It says so where no pair "
        f"that is left would be told apart at the last look with a probability above {course.rules.futility:g}."
    )
    return [Text(over), Text(rule, "note")]


def sequential_finding(course: Course) -> str:
    """Returns the line of the section on statistics."""
    if not course.stages:
        return "no look yet"
    return f"{_looks_text(course)}: {course.stages[-1].reason or 'not decided yet'}"


def _looks_text(course: Course) -> str:
    stage = course.stages[-1]
    return f"look {len(course.stages)} of {len(course.rules.looks)}, {stage.n} of {course.rules.looks[-1]} seeds"


def _estimate(analysis: Analysis, standing: Standing) -> str:
    comparison, experiment = standing.comparison, analysis.experiment
    if math.isinf(comparison.shift):
        return "too many studies with nothing to show for a typical difference"
    sign = experiment.sign
    size, interval = sign * comparison.shift + 0.0, comparison.interval.times(sign)
    shown = f"difference ({comparison.name}) {effect_text(size, interval)} {experiment.metric}"
    return f"{shown} (repeated {interval_text(size, interval)})"


def _loser(standing: Standing) -> str | None:
    pair = standing.comparison.pair
    if standing.word != BETTER:
        return None
    return pair.second if standing.comparison.ahead == pair.first else pair.first


def _limit(rank_sum: int | None) -> str:
    return "none" if rank_sum is None else str(rank_sum)


def _chance(standing: Standing) -> str:
    """Returns the probability of being told apart in the end; a dash where that is past."""
    if standing.word in (BETTER, EQUIVALENT):
        return "–"
    return f"{100 * standing.power:.0f} %"


def _decision(standing: Standing) -> str:
    if standing.word == BETTER:
        return f"{standing.comparison.ahead} better"
    return standing.word if standing.word in (EQUIVALENT, FUTILE) else "goes on"
