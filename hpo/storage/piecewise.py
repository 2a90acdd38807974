"""The trials of a study, read from its database piece by piece, so that many of them take little memory and time.

Optuna's own reading holds every trial and all that is attached to it as objects of its mapper at once, 35 kB a trial.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, Row, text

from hpo.storage.enduring import EnduringStorage

PIECE = 1000  # trials
STEP_TYPES = {"FINITE", "INF_POS", "INF_NEG", "NAN"}
INFINITE = {"FINITE": None, "INF_POS": math.inf, "INF_NEG": -math.inf}  # by the type of a value
TRIALS = text("SELECT trial_id, number, state FROM trials WHERE study_id = :study AND trial_id > :after "
    "ORDER BY trial_id LIMIT :piece")  # fmt: skip
ATTACHED = "SELECT a.trial_id, {} FROM {} a JOIN trials t ON t.trial_id = a.trial_id "
WITHIN = "WHERE t.study_id = :study AND t.trial_id > :after AND t.trial_id <= :last"
ATTRS = text(ATTACHED.format("a.key, a.value_json", "trial_system_attributes") + WITHIN)
VALUES = text(ATTACHED.format("a.value, a.value_type", "trial_values") + WITHIN)
STEPS = text(
    "SELECT DISTINCT a.intermediate_value_type FROM trial_intermediate_values a "
    "JOIN trials t ON t.trial_id = a.trial_id " + WITHIN
)
PARAMS = text(
    ATTACHED.format("a.param_name, a.param_value, a.distribution_json", "trial_params")
    + WITHIN
    + " ORDER BY a.param_id"
)


def all_trials(storage: BaseStorage, study_id: int) -> Iterator[FrozenTrial]:
    """Yields the trials of a study in the order of their numbers.

    From a database with their state, value, params and system attributes alone; a trial that changes meanwhile is as it
    was when its piece was read.
    """
    if isinstance(storage, EnduringStorage):
        after = -1
        while piece := storage.ask(_read_piece, study_id, after):
            yield from piece.values()
            after = max(piece)
    else:
        yield from storage.get_all_trials(study_id, deepcopy=False)


def _read_piece(connection: Connection, study_id: int, after: int) -> dict[int, FrozenTrial]:
    """Returns the next trials by their ids, in the order of these."""
    where: dict[str, object] = {"study": study_id, "after": after, "piece": PIECE}
    found = connection.execute(TRIALS, where).all()  # first: what belongs to a state was written before it
    if not found:
        return {}
    where["last"] = found[-1].trial_id
    params: dict[int, dict[str, Any]] = {}
    for row in connection.execute(PARAMS, where):
        distribution = _distribution(row.distribution_json)
        params.setdefault(row.trial_id, {})[row.param_name] = distribution.to_external_repr(row.param_value)
    values = {row.trial_id: INFINITE[row.value_type] or row.value for row in connection.execute(VALUES, where)}
    if odd := set(connection.execute(STEPS, where).scalars()) - STEP_TYPES:  # nobody reads them; they show damage
        raise LookupError(f"{odd.pop()!r} is no type of an intermediate value")
    attrs = _attrs(connection.execute(ATTRS, where).all())
    return {
        row.trial_id: _trial(row, params.get(row.trial_id, {}), values, attrs.get(row.trial_id, {})) for row in found
    }


def _attrs(rows: Sequence[Row[Any]]) -> dict[int, dict[str, Any]]:
    """Returns the system attributes by trial; read as one text, so that equal keys are one string."""
    attrs: dict[int, dict[str, Any]] = {}
    for row, value in zip(rows, json.loads(f"[{','.join(row.value_json for row in rows)}]"), strict=True):
        attrs.setdefault(row.trial_id, {})[row.key] = value
    return attrs


def _trial(
    row: Row[Any], params: Mapping[str, Any], values: Mapping[int, float], attrs: Mapping[str, Any]
) -> FrozenTrial:
    return FrozenTrial(
        number=row.number,
        state=TrialState[row.state],
        value=values.get(row.trial_id),
        datetime_start=None,
        datetime_complete=None,
        params=dict(params),
        distributions={},
        user_attrs={},
        system_attrs=dict(attrs),
        intermediate_values={},
        trial_id=row.trial_id,
    )


@lru_cache(maxsize=1024)
def _distribution(written: str) -> BaseDistribution:
    return json_to_distribution(written)
