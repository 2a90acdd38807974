"""Threats in how strategies searched: each rule fires and does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.sections import threats_search as rules

LEVELS = {"tasks": {"t": {"levels": {"x": [0, 1, 2], "y": [0, 1]}}}}


def trial(number: int, x: float, *, epochs: float = 1, **params: float) -> Trial:
    return Trial(number, "COMPLETE", x, epochs, 1.0, number + 1.0, params={"x": x, **params})


def study(strategy: str, seed: int, xs: Sequence[float], **facts: str) -> Study:
    trials = tuple(trial(number, x) for number, x in enumerate(xs))
    own = {"sampler": strategy, **{key.replace("__", "."): text for key, text in facts.items()}}
    return Study(f"{strategy}-{seed}", "t", strategy, seed, trials, facts=own)


def made(*studies: Study, **changes: object) -> Experiment:
    fields = {"unit": "epochs", "budget": 100, "rope": 0.0, **changes}
    return Experiment("e", "valid_loss", "minimize", studies=studies, **fields)  # type: ignore[arg-type]


def test_grid_levels() -> None:
    part = made(study("grid", 0, [0, 1]), study("grid", 1, [2, 1, 0]), card=LEVELS)
    assert "grid visited 2 to 3 of the 6 cells" in next(rules.grid_levels(part))
    assert "x 3, y 2 levels" in next(rules.grid_levels(part))
    whole = made(study("grid", 0, [0, 1, 2, 3, 4, 5]), card=LEVELS)
    assert "visited all 6 cells" in next(rules.grid_levels(whole))
    assert "nothing between the 2 cells" in next(rules.grid_levels(made(study("grid", 0, [0, 1]))))
    assert list(rules.grid_levels(made(study("random", 0, [0, 1]), card=LEVELS))) == []


def test_grid_order() -> None:
    assert list(rules.grid_order(made(study("grid", 0, [0, 1, 2]), study("grid", 1, [2, 1, 0])))) == []
    same = made(study("grid", 0, [0, 1, 2]), study("grid", 1, [0, 1]))
    assert "All seeds of grid visited the cells of its grid in the same order" in next(rules.grid_order(same))
    assert list(rules.grid_order(made(study("random", 0, [0, 1]), study("random", 1, [0, 1])))) == []


def test_shared_starts() -> None:
    pairs = made(
        study("random", 0, [1, 2, 3]),
        study("random", 1, [4, 5, 6]),
        study("tpe", 0, [1, 2, 9]),
        study("tpe", 1, [4, 5, 6]),
        study("grid", 0, [8, 2, 3]),
        study("grid", 1, [9, 5, 6]),
    )
    assert "random and tpe the first 2. " in next(rules.shared_starts(pairs))
    assert list(rules.shared_starts(made(study("random", 0, [1]), study("tpe", 0, [2])))) == []
    assert list(rules.shared_starts(made(study("random", 0, [1]), study("tpe", 1, [1])))) == []


def test_shared_starts_are_told_by_group() -> None:
    group = made(*(study(name, 0, [1, 2, *rest]) for name, rest in (("a", [3]), ("b", [4]), ("c", [5]))))
    assert "a, b and c the first 2." in next(rules.shared_starts(group))


def test_never_adapted() -> None:
    stuck = made(study("tpe", 0, [1, 2], n_startup_trials="2"), study("tpe", 1, [1, 2, 3], n_startup_trials="2"))
    assert "In 1 of 2 studies tpe never left its 2 start-up trials" in next(rules.never_adapted(stuck))
    assert list(rules.never_adapted(made(study("tpe", 0, [1, 2, 3], n_startup_trials="2")))) == []
    assert list(rules.never_adapted(replace(made(study("tpe", 0, [1, 2, 3], n_startup_trials="2")), budget=2)))
    assert list(rules.never_adapted(made(study("random", 0, [1])))) == []


@pytest.mark.parametrize("schedule", ["one_cycle", "fine_tune"])
def test_unequal_epochs(schedule: str) -> None:
    facts = {"pruner": "asha", "pruner__same_epochs": "false", "train__schedule": schedule}
    given = study("tpe", 0, [1, 2], **facts)
    trials = tuple(replace(t, params={"train.epochs": 3 + t.number}) for t in given.trials)
    sentence = next(rules.unequal_epochs(made(replace(given, trials=trials))))
    assert ("one-cycle" in sentence) == (schedule == "one_cycle")
    assert list(rules.unequal_epochs(made(given))) == []
    fenced = study("tpe", 0, [1, 2], **{**facts, "pruner__same_epochs": "true"})
    assert list(rules.unequal_epochs(made(replace(fenced, trials=trials)))) == []
    unpruned = study("tpe", 0, [1, 2], **{**facts, "pruner": "none"})
    assert list(rules.unequal_epochs(made(replace(unpruned, trials=trials)))) == []


def test_trials_of_unequal_length() -> None:
    given = study("tpe", 0, [1, 2])
    longer = replace(given, trials=tuple(replace(t, epochs=2.0 + t.number) for t in given.trials))
    assert "trained 2 to 3 epochs" in next(rules.trials_of_unequal_length(made(longer, unit="trials")))
    assert list(rules.trials_of_unequal_length(made(longer, unit="epochs"))) == []
    assert list(rules.trials_of_unequal_length(made(given, unit="trials"))) == []


def test_seconds_as_budget() -> None:
    assert list(rules.seconds_as_budget(made(study("tpe", 0, [1]), unit="seconds")))
    assert list(rules.seconds_as_budget(made(study("tpe", 0, [1])))) == []
    assert list(rules.seconds_as_budget(made(study("tpe", 0, [1], executor="simulated"), unit="seconds"))) == []


def test_hidden_seed() -> None:
    assert "brackets of tpe" in next(rules.hidden_seed(made(study("tpe", 0, [1], pruner="hyperband"))))
    assert list(rules.hidden_seed(made(study("tpe", 0, [1], pruner="asha")))) == []


def test_several_workers() -> None:
    assert list(rules.several_workers(made(study("tpe", 0, [1], executor="inline", n_workers="1")))) == []
    four = made(study("tpe", 0, [1], executor="processes", n_workers="4"))
    assert "Up to 4 trials of a study ran at once" in next(rules.several_workers(four))
    unknown = made(study("tpe", 0, [1], executor="processes"))
    assert "1 study ran as many trials at once as the machine had cores" in next(rules.several_workers(unknown))
    assert list(rules.several_workers(made(study("tpe", 0, [1])))) == []


def test_mapped_proposals() -> None:
    mapped = made(study("tpe", 0, [1], mapping="tpe proposes freely and is mapped to the nearest of 9"))
    assert "Proposals of tpe were replaced" in next(rules.mapped_proposals(mapped))
    shuffled = made(study("random", 0, [1], mapping="random visits the 9 configurations in an order of its own"))
    assert list(rules.mapped_proposals(shuffled)) == []
