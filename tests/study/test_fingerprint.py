"""What changes results is in the fingerprint, what does not is not: every key of the configuration is sorted."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.config.schema import Config
from hpo.space.read import read_space
from hpo.study.fingerprint import check_fingerprint, fingerprint, flatten
from tests.support.studies import compose_config

# Budgets, places, workers, displays, and `data`, which is in by the digest of the prepared texts.
OUTSIDE = (
    "study.name",
    "study.n_trials",
    "study.timeout_s",
    "study.n_epochs",
    "study.trials_s",
    "study.confirm.",
    "study.audit",
    "study.test",
    "trial.",
    "storage.path",
    "storage.url",
)
OUTSIDE += ("tracking.", "executor.", "data.", "model.log")
# What every trial sets anyway.
SEARCHED = ("model.drop_mult", "model.n_hid", "train.lr", "train.epochs")
# What trains the encoders that no trial of this configuration starts from.
OUTSIDE += ("encoder.",)
# What is known of the metric, and whether a user's function may change.
OUTSIDE += ("study.direction", "study.accept_code")
# When a search ends, and what counts only where the space has priors.
OUTSIDE += ("study.stop.", "study.prior_weight")


def found(config: Config) -> dict[str, str]:
    return fingerprint(config, read_space(config), "digest", n_workers=2)


def keys() -> list[str]:
    config = compose_config("pruner=median")[0]
    return [path for path in flatten(config, "") if not path.startswith("space.")]


def changed(node: object, path: str) -> object:
    """Returns a copy of `node` in which the value at `path` is another one of its kind."""
    from dataclasses import replace

    name, _, rest = path.partition(".")
    assert is_dataclass(node)
    assert name in {field.name for field in fields(node)}
    value = getattr(node, name)
    return replace(node, **{name: changed(value, rest) if rest else another(value)})  # type: ignore[type-var]


def another(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case Enum():
            return next(member for member in type(value) if member is not value)
        case "scratch":
            return "domain"
        case "accuracy":
            return "valid_loss"
        case str():
            return value + "x"
        case list():
            return [*value, "x"]
        case _:
            return 7


@pytest.mark.parametrize("path", [*keys(), "storage.url"])
def test_every_key_is_inside_or_outside_on_purpose(path: str) -> None:
    config = compose_config("pruner=median", *(["storage=postgres"] if path == "storage.url" else []))[0]
    other = changed(config, path)
    assert isinstance(other, Config)
    assert (found(other) == found(config)) == (path in SEARCHED or path.startswith(OUTSIDE)), path


@pytest.mark.parametrize("path", [path for path in keys() if path.startswith("encoder.")])
def test_what_trains_an_encoder_is_inside_where_trials_start_from_it(path: str) -> None:
    config = compose_config("model.encoder=domain")[0]
    other = changed(config, path)
    assert isinstance(other, Config)
    is_used = path != "encoder.backward"  # no trial starts from it unless model.bidir says so
    assert (found(other) != found(config)) == is_used, path


def test_a_metric_of_ones_own_has_its_direction_inside() -> None:
    auc = ("study.metric=auc", "study.direction=maximize")
    assert found(compose_config(*auc)[0])["study.direction"] == "maximize"
    assert found(compose_config(*auc)[0]) != found(compose_config(auc[0], "study.direction=minimize")[0])


def test_what_trains_no_encoder_of_the_study_is_outside() -> None:
    assert not [path for path in found(compose_config()[0]) if path.startswith("encoder")]


def test_a_grid_may_grow_and_be_reordered() -> None:
    grid = ("sampler=grid",)
    assert found(compose_config(*grid)[0]) == found(compose_config(*grid, "space.train.lr.n_levels=5", "seed=4")[0])
    assert found(compose_config(*grid)[0]) == found(compose_config(*grid, "space.train.lr.high=0.5")[0])
    assert found(compose_config(*grid)[0]) != found(compose_config(*grid, "space.model.n_hid.choices=[64]")[0])
    assert found(compose_config()[0]) != found(compose_config("space.train.lr.high=0.5")[0])


def test_a_study_is_the_same_in_every_storage() -> None:
    in_file, in_database, in_memory = (
        compose_config(f"storage={kind}")[0] for kind in ("sqlite", "postgres", "memory")
    )
    assert found(in_file) == found(in_database) == found(in_memory)


def test_ordered_results_depend_on_the_number_of_workers() -> None:
    for ordered, is_equal in (("true", False), ("false", True)):
        config = compose_config(f"study.ordered={ordered}")[0]
        two, four = (fingerprint(config, read_space(config), "", n_workers=n) for n in (2, 4))
        assert (two == four) is is_equal


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text()), st.dictionaries(st.text(min_size=1), st.text()))
def test_only_equal_fingerprints_pass(stored: dict[str, str], given: dict[str, str]) -> None:
    stored, given = {**stored, "format": "1"}, {**given, "format": "1"}
    if stored == given:
        check_fingerprint("x", stored, given, free="study.name=x-2")
    else:
        with pytest.raises(
            ValueError, match=r"(?s)cannot be continued with other settings.* a name that is free: study\.name=x-2\."
        ):
            check_fingerprint("x", stored, given, free="study.name=x-2")


def test_a_record_of_another_version_says_so() -> None:
    with pytest.raises(ValueError, match="made by another version of hpo"):
        check_fingerprint("x", {"format": "0"}, {"format": "1"}, free="study.name=x-2")
