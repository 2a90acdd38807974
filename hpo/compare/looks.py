"""What a comparison that stops when it is decided registers: its looks, their boundaries, what it refuses.

What is made of them while it runs is the business of `stopping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hpo.config.compare import CompareConfig, Stop
from hpo.statistics.paired import n_pairs_of
from hpo.statistics.sequential import SPENDING, boundaries, usual_looks
from hpo.statistics.signed_rank import ALPHA, FEWEST


def stop_rule(
    config: CompareConfig, strategies: Sequence[str], tasks: Sequence[str], *, n_max: int
) -> dict[str, Any] | None:
    """Returns what the design card says of the stopping; None where all planned seeds are trained.

    Raises:
        ValueError: in one sentence, for what cannot be decided so.
    """
    if config.stop is not Stop.decided:
        if config.looks is not None:
            raise ValueError(f"looks={config.looks} are those of stop=decided; add it, or leave looks out.")
        return None
    if len(strategies) < 2:
        raise ValueError("stop=decided needs at least two strategies; name them in samplers or strategies.")
    if len(tasks) > 1:
        raise ValueError(
            f"stop=decided pairs studies by their seeds, on one task; {len(tasks)} were given ({', '.join(tasks)}). "
            "Compare on one, or leave stop out."
        )
    if n_max < FEWEST:
        raise ValueError(
            f"stop=decided needs at least {FEWEST} seeds, as fewer cannot show any difference; {n_max} were given. "
            "Give seeds=20, say: that is the most it takes."
        )
    n_pairs = n_pairs_of(len(strategies))
    looks = _looks(config.looks, n_max, n_pairs)
    of_all, alone = boundaries(looks, ALPHA / n_pairs), boundaries(looks, ALPHA)
    if all(one.rank_sum is None for one in of_all):
        raise ValueError(_too_few(n_max, len(strategies)))
    return {
        "rule": config.stop.value,
        "test": "exact signed-rank, two-sided; closed testing over all pairs of strategies",
        "alpha": ALPHA,
        "spending": SPENDING,
        "n_max": n_max,
        "looks": list(looks),
        "rejects_up_to": [one.rank_sum for one in of_all],
        "rejects_up_to_alone": [one.rank_sum for one in alone],
        "futility": config.futility,
    }


def _looks(given: Any, n_max: int, n_pairs: int) -> tuple[int, ...]:
    if given is None:
        try:
            return usual_looks(n_max, n_tests=n_pairs)
        except ValueError as error:
            n_strategies = next(k for k in range(2, 1000) if n_pairs_of(k) == n_pairs)
            raise ValueError(_too_few(n_max, n_strategies)) from error
    is_list = isinstance(given, list) and bool(given) and all(type(look) is int for look in given)
    if not is_list or any(later <= earlier for earlier, later in pairwise(given)):
        raise ValueError(f"looks={given} must be a list of ascending numbers of seeds, as in 'looks=[8,11,15,20]'.")
    if given[0] < FEWEST or given[-1] != n_max:
        raise ValueError(
            f"looks={given} must begin with {FEWEST} seeds or more and end with all {n_max}: nothing can be shown "
            "earlier, and what is trained must be tested."
        )
    return tuple(given)


def _too_few(n_max: int, n_strategies: int) -> str:
    return (
        f"stop=decided cannot tell {n_strategies} strategies apart with {n_max} seeds, however different they are; "
        "give more seeds, or fewer strategies."
    )
