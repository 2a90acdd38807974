"""The sentence of the verdict on one pair: the word that is allowed, then the numbers it rests on.

Which word that is is decided in `report.analysis.claims`; the box around the sentences is `verdict`.
"""

from __future__ import annotations

import math

import numpy as np

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Comparison, Look
from hpo.report.analysis.conduct import n_startup_of
from hpo.report.analysis.incumbents import never_learned
from hpo.report.analysis.phrases import count, effect_text, friedman_text, interval_text, listing, number, p_value
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.within_tasks import Within
from hpo.report.document.content import Claim
from hpo.statistics.paired import fewest_units, n_pairs_of
from hpo.statistics.signed_rank import ALPHA


def claim_of(analysis: Analysis, comparison: Comparison, *, called: str | None) -> Claim:
    """Returns one sentence: the words first, then the numbers they rest on; a second one of who never learned."""
    return _with_startup(analysis.experiment, comparison, _on_pair(analysis, comparison, called=called))


def claim_within(of: Within) -> Claim:
    """Returns one sentence on a pair compared within its tasks, worded for these alone."""
    test = f"stratified permutation test of seeds within tasks, Holm {p_value(of.adjusted)}"
    where, ahead = f"On these {of.n_tasks} tasks alone", f"{of.first} ahead in {of.wins}, {of.second} in {of.defeats}"
    if of.better is None:
        words = f"{of.first} and {of.second} not distinguishable"
        return Claim(f"{where}, {words}: {ahead} of {of.n} paired studies ({test}).", "undecided")
    other = of.second if of.better == of.first else of.first
    return Claim(
        f"{where}, {of.better} better than {other}: {ahead} of {of.n} paired studies ({test}); nothing is claimed of "
        "other tasks.",
        "better",
    )


def _on_pair(analysis: Analysis, comparison: Comparison, *, called: str | None) -> Claim:
    experiment, pair = analysis.experiment, comparison.pair
    units = count(pair.n, experiment.paired_by)
    wins = f"{pair.first} ahead in {comparison.wins}, {pair.second} in {comparison.defeats} of {pair.n}"
    if pair.n and np.isinf(pair.blocks.ranked).all():
        words = "underpowered" if comparison.kind == "underpowered" else "not distinguishable"
        neither = "neither has anything to show for its budget"
        return Claim(f"{pair.first} and {pair.second} {words} with {units}: {neither}.", comparison.kind)
    adjusted = 1.0 if comparison.adjusted is None else comparison.adjusted
    holm_p = f"Holm {p_value(adjusted)}"
    match comparison.kind:
        case "better":
            words = f"{called} better than {loser(comparison, str(called))}"
            if math.isinf(comparison.shift):
                return Claim(f"{words}: {holm_p}, {_empty(comparison)}, {wins} {experiment.paired_by}s.", "better")
            lead = _lead(experiment, comparison)
            return Claim(f"{words} by {lead}: {holm_p}, {wins} {experiment.paired_by}s.", "better")
        case "equivalent":
            inside = f"inside the ROPE of ±{number(analysis.rope)}"
            words = f"{pair.first} and {pair.second} practically equivalent with {units}"
            return Claim(f"{words}: {_effect(experiment, comparison)}, {inside}; {wins}.", "equivalent")
        case "underpowered":
            words = f"{pair.first} and {pair.second} underpowered with {units}"
            said = f"{words}: {_effect(experiment, comparison)}; {wins}."
            return Claim(said if pair.n else f"{words} in common.", "underpowered")
    words = f"{pair.first} and {pair.second} not distinguishable with {units}"
    effect, detectable = _effect(experiment, comparison), _detectable(experiment, comparison)
    return Claim(f"{words}: {holm_p}{_in_the_way(analysis, comparison)}, {effect}, {wins}; {detectable}.", "undecided")


def _in_the_way(analysis: Analysis, comparison: Comparison) -> str:
    """Returns why a pair with a Holm-adjusted p below .05 is not told apart."""
    if comparison.adjusted is None or comparison.adjusted >= ALPHA:
        return ""
    if not comparison.is_open:
        return f", but Friedman's test over all strategies ({friedman_of(analysis.looks[0])}) stands in the way"
    return f", but the difference is not above the ROPE of ±{number(analysis.rope)}"


def _lead(experiment: Experiment, comparison: Comparison) -> str:
    """Returns by how much the better one is, as a number above 0 with its interval."""
    size, interval = abs(comparison.shift), comparison.interval.times(math.copysign(1, comparison.shift))
    return f"{effect_text(size, interval)} {experiment.quantity} ({interval_text(size, interval)})"


def _with_startup(experiment: Experiment, comparison: Comparison, claim: Claim) -> Claim:
    """Returns a claim that says of a strategy that never learned what it is a claim about: random search."""
    for name in (comparison.pair.first, comparison.pair.second):
        studies = experiment.of(strategy=name)
        if studies and all(never_learned(experiment, study) for study in studies):
            most = max(map(n_startup_of, studies))
            said = f"{name} never left its {count(most, 'start-up trial')}, so it was random search throughout"
            return Claim(f"{claim.text} But {said}: this says nothing of what {name} does once it learns.", claim.kind)
    return claim


def _effect(experiment: Experiment, comparison: Comparison) -> str:
    """Returns first - second with its interval, in units of the metric (of regret over several tasks)."""
    if math.isinf(comparison.shift):
        return _empty(comparison)
    sign = experiment.shown_sign
    size, interval = sign * comparison.shift + 0.0, comparison.interval.times(sign)
    shown = f"difference ({comparison.name}) {effect_text(size, interval)} {experiment.quantity}"
    lacking = f" with {count(comparison.pair.n, experiment.paired_by)}" if interval.low is None else ""
    return f"{shown} ({interval_text(size, interval)}{lacking})"


def _empty(comparison: Comparison) -> str:
    """Returns how often there was nothing to show, where that decides: no difference of values is typical then."""
    pair = comparison.pair
    n_empty = zip((pair.first, pair.second), np.isinf(pair.blocks.ranked).sum(axis=1), strict=True)
    return listing([f"{name} with nothing to show in {n} of {pair.n}" for name, n in n_empty if n])


def _detectable(experiment: Experiment, comparison: Comparison) -> str:
    units = count(comparison.pair.n, experiment.paired_by)
    needed = fewest_units(n_pairs_of(len(experiment.strategies)))
    if comparison.pair.n < needed:
        return f"no difference could have been shown, that takes at least {count(needed, experiment.paired_by)}"
    if comparison.detectable is None:
        return "all differences are equal, so the smallest detectable one cannot be computed"
    spread = f"for the spread estimated from these {units}"
    return f"smallest detectable difference {comparison.detectable:.2g} {experiment.quantity} (80 % power, {spread})"


def loser(comparison: Comparison, called: str) -> str:
    """Returns the other one of a pair."""
    return comparison.pair.second if called == comparison.pair.first else comparison.pair.first


def friedman_of(look: Look) -> str:
    """Returns the result of Friedman's test at a look; "" where not all strategies are ranked together."""
    return friedman_text(look.ranking) if look.ranking else ""
