"""Names of studies that were started one by one."""

from __future__ import annotations

from hpo.report.analysis.labels import Label, flatten_settings, label_studies
from tests.support.study_records import recorded_study


def strategies(*changes: dict) -> list[str]:
    return [label.strategy for label in label_studies([recorded_study(**change) for change in changes])]


def tasks(*changes: dict) -> list[str]:
    return [label.task for label in label_studies([recorded_study(tags=change) for change in changes])]


def test_a_strategy_is_named_by_its_sampler_and_pruner() -> None:
    assert strategies({"tags": {"sampler": "grid"}}, {"tags": {"sampler": "tpe", "pruner": "asha"}}) == [
        "grid",
        "tpe+asha",
    ]


def test_settings_that_differ_are_part_of_the_name() -> None:
    assert strategies({}, {"config": {"train": {"batch_size": 64}}}) == [
        "tpe (train.batch_size=32)",
        "tpe (train.batch_size=64)",
    ]
    assert strategies({}, {"config": {"sampler": {"n_startup_trials": 5}}}) == [
        "tpe (sampler.n_startup_trials=10)",
        "tpe (sampler.n_startup_trials=5)",
    ]


def test_settings_of_other_samplers_pruners_and_spaces_are_not_compared() -> None:
    random = {"tags": {"sampler": "random"}, "config": {"sampler": {"n_startup_trials": None}}}
    asha = {"tags": {"pruner": "asha"}, "config": {"pruner": {"same_epochs": True, "min_epochs": 1}}}
    assert strategies({}, random, asha) == ["tpe", "random", "tpe+asha"]
    grid = {"tags": {"sampler": "grid"}, "config": {"space": {"train": {"lr": {"levels": [0.01, 0.1]}}}}}
    assert strategies({}, grid) == ["tpe", "grid"]


def test_seeds_budgets_and_places_are_no_part_of_the_name() -> None:
    other = {
        "seed": 1,
        "study": {"n_trials": 99, "ordered": True},
        "tracking": {"uri": "http://elsewhere"},
        "executor": {"threads": 4},
    }
    assert strategies({}, {"config": other, "tags": {"seed": "1", "executor": "processes"}}) == ["tpe", "tpe"]


def test_spaces_that_differ_are_named_and_fixed_params_said_to_be() -> None:
    assert strategies({}, {"tags": {"space": "awd_lstm"}, "config": {"space": {"train": {"lr": {"high": 1.0}}}}}) == [
        "tpe (space=awd_lstm_small)",
        "tpe (space=awd_lstm)",
    ]
    assert strategies({}, {"config": {"space": {"train": {"lr": {"high": 1.0}}}}}) == [
        "tpe (space.train.lr=0.001..0.1 log)",
        "tpe (space.train.lr=0.001..1.0 log)",
    ]
    assert strategies({}, {"config": {"space": {"train": {"lr": None}}}})[1] == "tpe (space.train.lr=fixed)"


def test_tasks_are_named_by_data_table_or_trainer() -> None:
    assert tasks({}) == ["synthetic"]
    assert tasks({"data": "imdb"}, {"data": "docstrings"}) == ["imdb", "docstrings"]
    assert tasks({"trainer": "replay", "table": "lstm"}) == ["lstm"]


def test_tasks_of_one_name_are_told_apart() -> None:
    one, other = {"data": "imdb", "data_fingerprint": "a" * 40}, {"data": "imdb", "data_fingerprint": "b" * 40}
    assert tasks(one, other) == ["imdb [aaaaaaaa]", "imdb [bbbbbbbb]"]
    assert tasks({"data": "imdb"}, {"data": "imdb", "trainer": "awd_lstm"}) == ["imdb (synthetic)", "imdb (awd_lstm)"]


def test_tags_of_a_comparison_win() -> None:
    given = recorded_study(tags={"strategy": "mine", "task": "docs"})
    assert label_studies([given]) == [Label("docs", "mine")]


def test_settings_are_flattened_to_text() -> None:
    given = {"a": {"b": None, "c": True, "d": [1, "x"]}, "e": 0.1}
    assert flatten_settings(given) == {"a.b": "null", "a.c": "true", "a.d": "[1,x]", "e": "0.1"}
