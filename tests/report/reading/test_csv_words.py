"""What single fields of a CSV file mean."""

from __future__ import annotations

import math

import pytest

from hpo.report.reading.csv_words import check_states, known_words, read_number, read_params, read_state, read_whole


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("COMPLETE", "COMPLETE", None),
        ("completed", "COMPLETE", None),
        (" OK ", "COMPLETE", None),
        ("Success", "COMPLETE", None),
        ("TrialState.COMPLETE", "COMPLETE", None),
        ("stopped", "PRUNED", None),
        ("Early_Stopped", "PRUNED", None),
        ("ERROR", "FAIL", None),
        ("failed", "FAIL", None),
        ("out of memory", "FAIL", "oom"),
        ("timed-out", "FAIL", "timeout"),
        ("Crashed", "FAIL", "crash-loop"),
        ("In Progress", "RUNNING", None),
    ],
)
def test_states_of_other_tuners_are_understood(text, state, reason) -> None:
    assert read_state(text) == (state, reason)


def test_an_unknown_state_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"state 'perhaps' is unknown.*PRUNED is also pruned, stopped"):
        read_state("perhaps")
    with pytest.raises(ValueError, match="state '' is unknown"):
        read_state("")
    assert "FAIL is also" in known_words()


def test_a_word_that_tuners_use_for_different_states_is_refused() -> None:
    with pytest.raises(ValueError, match=r"state 'TERMINATED' is ambiguous: Ray Tune .*; write COMPLETE or PRUNED"):
        read_state("TERMINATED")


@pytest.mark.parametrize("text", ["", "NaN", "NA", "none", "null", "-"])
def test_a_value_that_is_not_there_is_nan(text) -> None:
    assert math.isnan(read_number(text))


def test_numbers() -> None:
    assert read_number("1e-3") == 0.001
    assert read_number("-inf") == -math.inf
    for text in ("abc", "0,93", "1_000"):
        with pytest.raises(ValueError, match=r".*"):
            read_number(text)


def test_whole_numbers() -> None:
    assert [read_whole(text) for text in ("7", "7.0", " 12345678901234567890 ")] == [7, 7, 12345678901234567890]
    for text in ("7.5", "", "seven", "1e3", "nan"):
        with pytest.raises(ValueError, match=r".*"):
            read_whole(text)


def test_a_param_has_one_type_in_all_rows() -> None:
    assert read_params(["1", "", "2"]) == [1, None, 2]
    assert read_params(["1", "2.5"]) == [1.0, 2.5]
    assert read_params(["true", "False"]) == [True, False]
    assert read_params(["1", "adam"]) == ["1", "adam"]
    assert read_params(["nan", "1.0"]) == ["nan", "1.0"]


@pytest.mark.parametrize("large", ["9007199254740993", "-18446744073709551615", "9" * 400, "9" * 9000])
def test_whole_numbers_that_no_float_holds_are_text(large: str) -> None:
    assert read_params(["1", large]) == ["1", large]
    assert read_params(["1.5", "", large]) == ["1.5", None, large]


def test_large_numbers_are_numbers() -> None:
    assert read_params(["9007199254740991", "-3"]) == [2**53 - 1, -3]
    assert read_params(["1e300", "123456789012345678.5"]) == [1e300, 123456789012345678.5]


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("StatusType.SUCCESS", "COMPLETE", None),
        ("StatusType.MEMOUT", "FAIL", "oom"),
        ("TrialStatus.EARLY_STOPPED", "PRUNED", None),
        ("Status.in_progress", "RUNNING", None),
        ("TrialStatus.ABANDONED", "FAIL", None),
        ("USER_CANCELED", "FAIL", None),
        ("preempted", "FAIL", None),
    ],
)
def test_words_of_other_tuners_are_states(text: str, state: str, reason: str | None) -> None:
    assert read_state(text) == (state, reason)


def test_a_word_means_what_it_is_said_to_mean() -> None:
    states = check_states({"Terminated": "complete", "killed": "FAIL", "nix": "PRUNED"})
    assert read_state("TERMINATED", states) == ("COMPLETE", None)
    assert read_state("Killed", states) == ("FAIL", None)
    assert read_state("Status.nix", states) == ("PRUNED", None)
    with pytest.raises(ValueError, match=r"report\.states\.odd=BEST is no state; allowed are COMPLETE, PRUNED, FAIL"):
        check_states({"odd": "BEST"})
