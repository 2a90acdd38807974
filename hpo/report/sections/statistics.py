"""Section 6: every pair of strategies in full, all of them ranked together, and random search with twice the budget.

The words a reader may rely on are the verdict's; everything beyond its endpoints is exploratory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.figures.figure import Cell
from hpo.report.analysis.claims import block_losses, quantity_of, take_looks, unit_of
from hpo.report.analysis.endpoints import Endpoint
from hpo.report.analysis.phrases import count, p_value, turned
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Scale, scales
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.report.sections.controls import build_control
from hpo.report.sections.pair_tables import build_pairs, pair_numbers
from hpo.report.sections.profiles import build_profile, build_ranking
from hpo.statistics.bootstrap import N_RESAMPLES, Interval, Resampling, iqm, iqm_interval, resampling
from hpo.statistics.ranks import Ranking, rank

TITLE = "Statistics"


@dataclass(frozen=True)
class Summary:
    """A strategy's studies at the primary endpoint: values of the metric, or regrets over several tasks."""

    strategy: str
    n: int
    mean: float
    iqm: float
    interval: Interval


def build_statistics(experiment: Experiment, *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> Section:
    """Returns tests, intervals and effect sizes with the n they rest on."""
    if not experiment.studies:
        return Section("statistics", TITLE, [Text("No study, so there is nothing to test.", "warning")])
    known, source = scales(experiment), resampling(seed, n_resamples)
    primary = take_looks(experiment, known, source=source)[0]
    _, ranked, _ = block_losses(experiment, primary.endpoint, known, experiment.strategies)
    ranking = rank(experiment.strategies, ranked)
    summaries = _summaries(experiment, primary.endpoint, known, source=source)
    control_blocks, control_numbers = build_control(experiment, known)
    blocks: list[Block] = [
        Text(
            f"All tests are of the primary endpoint, the {primary.endpoint.title}; the verdict's words rest on the "
            "Holm-adjusted tests over all pairs, every other number here is exploratory.",
            "note",
        ),
        _summary_table(experiment, summaries, ranking),
    ]
    if len(experiment.strategies) > 1:
        blocks += build_pairs(experiment, known, primary)
        blocks += [Text(_friedman_sentence(experiment, ranking)), *build_ranking(experiment, ranking)]
    blocks += [*build_profile(experiment, known), *control_blocks]
    numbers = {
        "endpoint": primary.endpoint.title,
        "strategies": {one.strategy: _summary_numbers(one) for one in summaries},
        "pairs": pair_numbers(experiment, known, primary),
        "friedman": _ranking_numbers(ranking),
        "random_with_twice_the_budget": control_numbers,
    }
    return Section("statistics", TITLE, blocks, numbers)


def _summaries(
    experiment: Experiment, endpoint: Endpoint, known: Mapping[str, Scale], *, source: Resampling
) -> list[Summary]:
    """Returns the mean and the IQM of all studies of each strategy, resampled within tasks."""
    is_one = len(experiment.tasks) == 1
    sign = experiment.sign if is_one else 1.0
    found = []
    for strategy in experiment.strategies:
        groups: dict[str, list[float]] = {}
        for (task, _), loss in endpoint.losses[strategy].items():
            filled = loss if math.isfinite(loss) else endpoint.worst.get(task, math.nan)
            value = filled if is_one else known[task].regret(filled)
            if math.isfinite(value):
                groups.setdefault(task, []).append(value)
        values = np.array([value for group in groups.values() for value in group])
        if values.size:
            interval = iqm_interval([np.array(group) for group in groups.values()], source=source)
            middle, interval = sign * float(iqm(values)), turned(interval, sign=sign)
            found.append(Summary(strategy, values.size, sign * float(values.mean()), middle, interval))
    return found


def _summary_table(experiment: Experiment, summaries: Sequence[Summary], ranking: Ranking) -> Table:
    ranks = dict(zip(ranking.strategies, ranking.means, strict=False))
    rows: list[list[Cell]] = [
        [one.strategy, one.n, one.mean, one.iqm, one.interval.low, one.interval.high, ranks.get(one.strategy)]
        for one in summaries
    ]
    quantity, unit = quantity_of(experiment), unit_of(experiment)
    titles = [
        "strategy",
        "studies",
        f"mean ({quantity})",
        f"IQM ({quantity})",
        "IQM 95 % low",
        "IQM 95 % high",
        f"mean rank over {count(ranking.n, unit)}",
    ]
    note = (
        "IQM, the interquartile mean, leaves out the best and the worst quarter, so one bad seed cannot move it; its "
        "interval is a bootstrap within each task, and ranks (1 is best) are over what all strategies have."
    )
    return Table("statistics-strategies", "Every strategy at the primary endpoint", [*map(Column, titles)], rows, note)


def _friedman_sentence(experiment: Experiment, ranking: Ranking) -> str:
    blocks = count(ranking.n, unit_of(experiment))
    k = len(ranking.strategies)
    if ranking.p is None:
        return f"Friedman's test needs three strategies and two blocks; here are {k} strategies and {blocks} all have."
    finding = "the strategies differ" if ranking.is_significant else "no difference among them could be shown"
    return f"Friedman's test of {k} strategies over {blocks} that all of them have: {p_value(ranking.p)}, {finding}."


def _summary_numbers(of: Summary) -> dict[str, object]:
    return {"n": of.n, "mean": of.mean, "IQM": of.iqm, "IQM_low": of.interval.low, "IQM_high": of.interval.high}


def _ranking_numbers(of: Ranking) -> dict[str, object]:
    means = dict(zip(of.strategies, of.means, strict=False))
    return {"p": of.p, "n": of.n, "mean_ranks": means, "nemenyi_critical_difference": of.critical}
