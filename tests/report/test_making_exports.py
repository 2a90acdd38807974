"""What `report.export` may ask for."""

from __future__ import annotations

import pytest

from hpo.report.making import checked_exports


@pytest.mark.parametrize(
    ("given", "names"), [(None, []), ("tex", ["tex"]), (["pdf", "svg"], ["pdf", "svg"]), ("all", ["tex", "pdf", "svg"])]
)
def test_some_or_all_are_asked_for(given, names) -> None:
    assert checked_exports(given) == names


@pytest.mark.parametrize("given", ["doc", ["tex", "doc"], 3])
def test_what_nothing_is_written_as_is_refused(given) -> None:
    with pytest.raises(ValueError, match=r"is nothing a report is written as; give tex .* or all\."):
        checked_exports(given)
