"""Eight small records whose verdicts were computed by hand; the arithmetic stands beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.claims import Comparison
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Verdict
from hpo.report.reading.terms import Terms, settle
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import experiment, normal, study


def records(rope: float = 0.0, **losses: Sequence[float]) -> Experiment:
    """Returns an experiment of one trial a study, a strategy for each sequence of losses."""
    studies = tuple(study(name, seed, [loss]) for name, own in losses.items() for seed, loss in enumerate(own))
    empty = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=1)
    return settle(replace(empty, studies=studies, budget=1, rope=rope), Terms(rope=rope))


def differing(by: Sequence[float], rope: float = 0.0) -> Experiment:
    """Returns strategies a and b with these differences a - b around losses of .5."""
    return records(rope, a=[0.5 + difference for difference in by], b=[0.5] * len(by))


def judged(of: Experiment) -> tuple[Comparison, str]:
    """Returns the first pair and its sentence."""
    analysis = Analysis(of, n_resamples=50)
    box = build_verdict(analysis).blocks[0]
    assert isinstance(box, Verdict)
    return analysis.looks[0].comparisons[0], box.claims[0].text


def ends(of: Comparison) -> list[float | None]:
    return [of.interval.low, of.interval.high]


def test_six_wins_of_six() -> None:
    """Differences -.01 to -.06. All six signs agree: p = 2 / 2^6 = .03125.

    Only a rank sum of 0 is rejected (2 (1 + 1) / 64 = .0625), so the interval reaches from the lowest Walsh average to
    the highest, -.06 to -.01, and has the level 1 - .03125. The averages are symmetric around -.035.
    """
    one, text = judged(differing([-0.01, -0.02, -0.03, -0.04, -0.05, -0.06]))
    assert (one.kind, one.p, one.adjusted, one.interval.level) == ("better", 0.03125, 0.03125, 0.96875)
    assert [one.shift, *ends(one)] == pytest.approx([-0.035, -0.06, -0.01])
    assert text == (
        "a better than b by 0.035 valid_loss (95 % interval 0.010 to 0.060): Holm p = 0.031, a ahead in 6, b in 0 of 6 "
        "seeds."
    )


def test_five_wins_of_five() -> None:
    """p = 2 / 2^5 = .0625: no 95 % interval, and no claim however large the differences."""
    one, text = judged(differing([-1.0, -2.0, -3.0, -4.0, -5.0]))
    assert (one.kind, one.p, one.interval.low) == ("underpowered", 0.0625, None)
    assert text == (
        "a and b underpowered with 5 seeds: difference (a − b) −3 valid_loss (no 95 % interval exists with 5 seeds); "
        "a ahead in 5, b in 0 of 5."
    )


def test_ties_and_a_zero() -> None:
    """|d| in hundredths 0 3 3 3 5 6 7 7, one 3 against the others: ranks 1, 3 3 3, 5, 6, 7.5 7.5.

    The rarer sign has 3 and half of the zero's 1, 3.5, counted as 4: sums up to 4 of different ranks 1..8 are {}, 1, 2,
    3, 4, 1+2 and 1+3, 2 * 7 / 2^8 = .055. Over the signs of the seven that are not zero sums up to 3 are {} and each 3:
    2 * 4 / 2^7 = .0625, the larger one. It is the same in percent.
    """
    differences = [0.0, 0.03, 0.03, 0.06, -0.03, 0.07, 0.07, 0.05]
    for unit in (1.0, 100.0):
        one, _ = judged(records(a=[unit * (0.66 + d) for d in differences], b=[unit * 0.66] * 8))
        assert (one.kind, one.p, one.wins, one.defeats, one.ties) == ("undecided", 0.0625, 1, 6, 1)


def test_equivalent_within_the_rope() -> None:
    """Differences in thousandths -2 -2 -1 1 1 2; the interval of six is from lowest to highest, inside ±5.

    Twice the 21 Walsh averages: -4 three times, -3 twice, -2, -1 four times, 0 four times, then 7 above 0. The 11th of
    21 is a 0, the typical difference.
    """
    one, text = judged(differing([-0.002, -0.002, -0.001, 0.001, 0.001, 0.002], rope=0.005))
    assert (one.kind, one.shift) == ("equivalent", 0.0)
    assert ends(one) == pytest.approx([-0.002, 0.002])
    assert "difference (a − b) 0.0000 valid_loss (95 % interval −0.0020 to 0.0020), inside the ROPE of ±0.005" in text


def test_a_penalty_value_is_a_failure_that_ranks_last() -> None:
    """Ten wins of ten, one of them against 1e12: p = 2 / 2^10 = .00195.

    The nine other differences are .1. Of the 55 Walsh averages ten hold the infinite one, the other 45 are .1, so the
    28th is .1; P(W <= 8) * 2 = .0488 with n = 10, so the interval is from the 9th to the 9th from above, which is one
    of the ten: there is no bound.
    """
    one, text = judged(records(a=[1e12, *[0.6] * 9], b=[0.5] * 10))
    assert (one.kind, one.p, one.shift) == ("better", 2 / 1024, pytest.approx(0.1))
    assert ends(one) == [pytest.approx(0.1), np.inf]
    assert text.startswith("b better than a by 0.1")
    assert "to no bound): Holm p = 0.002, a ahead in 0, b in 10 of 10 seeds." in text


def test_friedman_stands_in_the_way() -> None:
    """a beats b in 7 of 7, p = 2 / 2^7 = .0156, times 3 pairs .047; c is best in 4 seeds and worst in 3.

    Rank sums: a 4 * 2 + 3 * 1 = 11, b 4 * 3 + 3 * 2 = 18, c 4 * 1 + 3 * 3 = 13. Chi2 = 12 / (7 * 3 * 4) times
    (121 + 324 + 169) less 3 * 7 * 4: 87.714 - 84 = 3.714 with 2 degrees of freedom, p = exp(-3.714 / 2) = .156.
    """
    a = [0.50, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56]
    b = [loss + 0.001 * (seed + 1) for seed, loss in enumerate(a)]
    one, text = judged(records(a=a, b=b, c=[0.1] * 4 + [0.9] * 3))
    assert (one.kind, one.adjusted) == ("undecided", 3 * 2 / 2**7)
    assert text.startswith(
        "a and b not distinguishable with 7 seeds: Holm p = 0.047, but Friedman's test over all strategies "
        "(χ²(2) = 3.71, p = 0.16) stands in the way, difference (a − b) "
    )


def test_a_sure_difference_that_does_not_matter() -> None:
    """Eight wins by 1 to 8 thousandths: p = 2 / 2^8 = .0078, typical difference 4.5, below the ROPE of 5.

    P(W <= 3) * 2 = 10 / 256 = .039 and P(W <= 4) * 2 = .055: the interval begins at the 4th Walsh average. These are 1,
    1.5, 2 and 2 (1+3 and 2+2), and mirrored: 2 to 7, which is not inside ±5 either.
    """
    one, text = judged(differing([-0.001 * k for k in range(1, 9)], rope=0.005))
    assert (one.kind, one.p) == ("undecided", 2 / 256)
    assert [one.shift, *ends(one)] == pytest.approx([-0.0045, -0.007, -0.002])
    assert "Holm p = 0.0078, but the difference is not above the ROPE of ±0.005, difference (a − b) −0.0045" in text


def test_nothing_differs() -> None:
    """All differences are 0: p = 1, and their spread, 0, says nothing of what could have been detected."""
    one, text = judged(differing([0.0] * 8))
    assert (one.kind, one.p, one.shift, one.detectable, *ends(one)) == ("undecided", 1.0, 0.0, None, 0.0, 0.0)
    assert text.endswith("all differences are equal, so the smallest detectable one cannot be computed.")
