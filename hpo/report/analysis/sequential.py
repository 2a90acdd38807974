"""A comparison that stops when it is decided: what its group-sequential test said at each look, and whether it is over.

The rules are those of the design card; boundaries and intervals are in `statistics.sequential`. The same records give
the same decision, whoever asks and however often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hpo.report.analysis.claims import Comparison, Look, Pair, pair_up
from hpo.report.analysis.endpoints import endpoints
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.regrets import scales
from hpo.statistics.equality import exceeds
from hpo.statistics.interval import NO_INTERVAL
from hpo.statistics.sequential import boundaries, conditional_power, reject, repeated_interval
from hpo.statistics.signed_rank import ALPHA, hodges_lehmann, rank_sum

BETTER, EQUIVALENT, FUTILE, OPEN = "better", "practically equivalent", "futile", "open"


@dataclass(frozen=True)
class Rules:
    """What was registered of the stopping.

    Attributes:
        looks: Numbers of seeds, ascending; the last one is all of them.
        futility: Probability of being told apart in the end, up to which a pair is given up; non-binding.
        rope: Differences up to this do not matter.
    """

    looks: tuple[int, ...]
    futility: float
    rope: float


@dataclass(frozen=True)
class Standing:
    """A pair at a look.

    Attributes:
        comparison: With its estimate and its repeated interval; it has no p.
        rank_sum: Of the rarer sign, as if nothing were tied.
        power: Probability of being told apart at the last look if things go on like this.
        word: better, practically equivalent, futile or open.
    """

    comparison: Comparison
    rank_sum: int
    power: float
    word: str


@dataclass(frozen=True)
class Stage:
    """A look that is done.

    Attributes:
        n: Seeds.
        look: What may be said of the pairs.
        standings: One a pair.
        reason: Why the comparison is over; "" while it goes on.
    """

    n: int
    look: Look
    standings: Sequence[Standing]
    reason: str


@dataclass(frozen=True)
class Course:
    """The looks that are done, up to the one that decided.

    Attributes:
        rules: What was registered.
        stages: In their order.
        n_ready: Seeds that all strategies have, counted in the order of the design up to the first that is not there.
    """

    rules: Rules
    stages: Sequence[Stage]
    n_ready: int

    @property
    def is_over(self) -> bool:
        return bool(self.stages) and bool(self.stages[-1].reason)


def rules_of(experiment: Experiment) -> Rules | None:
    """Returns what was registered of the stopping; None for a comparison of all planned seeds."""
    stop = experiment.card.get("stop")
    if not isinstance(stop, Mapping):
        return None
    return Rules(tuple(stop["looks"]), float(stop["futility"]), experiment.rope)


def follow(experiment: Experiment, rules: Rules) -> Course:
    """Returns the course of the comparison, as far as its seeds go; what came after a decision is not looked at."""
    seeds, n_ready = _ready(experiment)
    stages: list[Stage] = []
    for n in rules.looks:
        if n > n_ready or (stages and stages[-1].reason):
            break
        part = first_seeds(experiment, seeds[:n])
        endpoint = endpoints(part, by_task := scales(part))[0]
        pairs = pair_up(part, endpoint, by_task)
        if any(pair.n < n for pair in pairs):
            break
        standings = judge(pairs, rules, n=n)
        look = Look(endpoint, None, [one.comparison for one in standings], [_called(one) for one in standings])
        stages.append(Stage(n, look, standings, _reason(standings, look, experiment.strategies, rules, n=n)))
    return Course(rules, stages, n_ready)


def preliminary(experiment: Experiment) -> Look:
    """Returns what may be said before the first look: nothing but who is paired with whom."""
    seeds, n_ready = _ready(experiment)
    part = first_seeds(experiment, seeds[:n_ready])
    endpoint = endpoints(part, by_task := scales(part))[0]
    pairs = pair_up(part, endpoint, by_task)
    comparisons = [
        Comparison(pair, None, None, hodges_lehmann(pair.differences), NO_INTERVAL, None, True, "undecided")
        for pair in pairs
    ]
    return Look(endpoint, None, comparisons, [None] * len(pairs))


def judge(pairs: Sequence[Pair], rules: Rules, *, n: int) -> list[Standing]:
    """Returns every pair at the look with n seeds; a pair has the differences of these seeds."""
    rejected = reject([pair.differences for pair in pairs], rules.looks, n=n)
    return [_standing(pair, rules, is_rejected=is_rejected) for pair, is_rejected in zip(pairs, rejected, strict=True)]


def first_seeds(experiment: Experiment, seeds: Sequence[int]) -> Experiment:
    """Returns the experiment with the studies of these seeds alone."""
    return replace(experiment, studies=tuple(study for study in experiment.studies if study.seed in seeds))


def course_numbers(course: Course) -> dict[str, Any]:
    """Returns what report.json holds of the course."""
    n_pairs = len(course.stages[0].standings) if course.stages else 1
    return {
        "looks": list(course.rules.looks),
        "futility": course.rules.futility,
        "seeds_ready": course.n_ready,
        "is_over": course.is_over,
        "reason": course.stages[-1].reason if course.stages else "",
        "alpha": ALPHA,
        "stages": [_stage_numbers(stage, course.rules, n_pairs) for stage in course.stages],
    }


def _stage_numbers(stage: Stage, rules: Rules, n_pairs: int) -> dict[str, Any]:
    at = rules.looks.index(stage.n)
    alone, first = (boundaries(rules.looks, alpha)[at] for alpha in (ALPHA, ALPHA / n_pairs))
    return {
        "seeds": stage.n,
        "rejects_up_to": first.rank_sum,
        "rejects_up_to_alone": alone.rank_sum,
        "alpha_spent": max(s * boundaries(rules.looks, ALPHA / s)[at].spent for s in range(1, n_pairs + 1)),
        "pairs": [
            {
                "first": one.comparison.pair.first,
                "second": one.comparison.pair.second,
                "rank_sum": one.rank_sum,
                "conditional_power": one.power,
                "decision": one.word,
                "shift_in_loss": one.comparison.shift,
                "low_in_loss": one.comparison.interval.low,
                "high_in_loss": one.comparison.interval.high,
            }
            for one in stage.standings
        ],
    }


def _standing(pair: Pair, rules: Rules, *, is_rejected: bool) -> Standing:
    shift, interval = hodges_lehmann(pair.differences), repeated_interval(pair.differences, rules.looks)
    power = conditional_power(pair.differences, rules.looks)
    if is_rejected and exceeds(abs(shift), rules.rope):
        word = BETTER
    elif pair.is_whole and rules.rope > 0 and interval.is_within(rules.rope):
        word = EQUIVALENT
    else:
        word = FUTILE if power <= rules.futility and not is_rejected else OPEN
    kinds: Mapping[str, Any] = {BETTER: "better", EQUIVALENT: "equivalent"}
    comparison = Comparison(pair, None, None, shift, interval, None, True, kinds.get(word, "undecided"))
    return Standing(comparison, rank_sum(pair.differences), power, word)


def _called(standing: Standing) -> str | None:
    return standing.comparison.ahead if standing.word == BETTER else None


def _reason(standings: Sequence[Standing], look: Look, strategies: Sequence[str], rules: Rules, *, n: int) -> str:
    """Returns why nothing more is trained; "" if something is."""
    words = {one.word for one in standings}
    if winner := look.winner(strategies):
        return f"{winner} is better than {'the other' if len(strategies) == 2 else 'every other'}"
    if n == rules.looks[-1]:
        return "all planned seeds are there"
    if words <= {BETTER, EQUIVALENT}:
        return "every pair is decided"
    if OPEN not in words:
        return (
            f"no pair that is left would be told apart by {rules.looks[-1]} seeds with a probability above "
            f"{rules.futility:g} if things went on as they did"
        )
    return ""


def _ready(experiment: Experiment) -> tuple[list[int], int]:
    """Returns the seeds in the order of the design, and how many of them all strategies have, without a gap."""
    card = experiment.card
    seeds, strategies = [list(card[key]) for key in ("seeds", "strategies")]  # type: ignore[call-overload]
    by_place = {(study.strategy, study.seed): study for study in experiment.studies}
    is_confirmed = bool(dict(card.get("confirm") or {}).get("top_k"))  # type: ignore[call-overload]
    for n, seed in enumerate(seeds):
        if not all(_is_done(by_place.get((name, seed)), is_confirmed=is_confirmed) for name in strategies):
            return seeds, n
    return seeds, len(seeds)


def _is_done(study: Study | None, *, is_confirmed: bool) -> bool:
    """Returns whether nothing more is going to change what a study is compared by."""
    if study is None or not study.is_ended:
        return False
    return not is_confirmed or not study.complete or study.facts.get("confirmation", "running") != "running"
