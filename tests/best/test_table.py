"""The summary's rows as text."""

from __future__ import annotations

from hpo.best.table import Row, as_text


def test_a_row_a_step_and_the_reason_where_there_is_none() -> None:
    rows = [
        Row("linear", study="x-linear", seconds=61.0, valid=0.9, error=0.01, test=0.89, size_bytes=2_000_000),
        Row("domain", "too little text"),
    ]
    heading, linear, domain = as_text(rows, metric="accuracy").splitlines()
    assert heading.split()[:4] == ["step", "seconds", "accuracy", "on"]
    assert linear.split() == ["linear", "1", "min", "01", "s", "0.9000", "±", "0.0196", "0.8900", "2.0", "MB", "0"]
    assert domain.split()[0] == "domain"
    assert domain.endswith("none: too little text")
