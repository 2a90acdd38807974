"""The files of a report in their folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.document.content import Report, Section
from hpo.report.document.files import EXPORTS, write_report, written_files
from tests.support.sample_report import make_report


def without(report: Report, key: str) -> Report:
    return replace(report, sections=[section for section in report.sections if section.key != key])


def small(*keys: str) -> Report:
    """Returns the sample report's sections of these keys; drawing all of it takes seconds."""
    report = make_report()
    return replace(report, sections=[section for section in report.sections if section.key in keys])


def test_everything_is_written_and_named(tmp_path: Path) -> None:
    paths = write_report(make_report(), tmp_path / "deep" / "report")
    names = [path.relative_to(tmp_path / "deep" / "report").as_posix() for path in paths]
    assert names[:3] == ["report.html", "report.json", "summary.md"]
    assert {"figures/anytime.png", "figures/anytime.csv", "tables/looks.csv"} <= set(names)
    assert len(names) == 3 + 4 + 2 * 11
    assert all(path.stat().st_size > 0 for path in paths)
    assert written_files(tmp_path / "deep" / "report") == sorted(paths)


def test_exports_are_written_where_asked_for_and_removed_where_not(tmp_path: Path) -> None:
    report = small("verdict", "tasks")
    first = {path: path.read_bytes() for path in write_report(report, tmp_path, exports=EXPORTS)}
    endings = {path.suffix: content for path, content in first.items()}
    assert endings[".pdf"].startswith(b"%PDF")
    assert b"<svg" in endings[".svg"]
    assert rb"\toprule" in endings[".tex"]
    assert first == {path: path.read_bytes() for path in write_report(report, tmp_path, exports=EXPORTS)}
    assert {path.suffix for path in write_report(report, tmp_path)} == {".html", ".json", ".md", ".csv", ".png"}
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".pdf", ".svg", ".tex")]


def test_the_same_report_changes_no_byte(tmp_path: Path) -> None:
    report = small("verdict", "tasks")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in write_report(report, tmp_path)}
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in write_report(report, tmp_path)}
    assert before == after


def test_what_a_later_report_lacks_is_removed_unless_changed_or_not_ours(tmp_path: Path) -> None:
    report = small("verdict", "tasks", "statistics")
    write_report(report, tmp_path)
    (tmp_path / "figures" / "mine.png").write_bytes(b"my own")
    (tmp_path / "tables" / "effects.csv").write_text("edited")
    write_report(without(report, "statistics"), tmp_path)
    assert not (tmp_path / "figures" / "forest.png").exists()
    assert (tmp_path / "figures" / "mine.png").exists()
    assert (tmp_path / "tables" / "effects.csv").read_text() == "edited"


@pytest.mark.parametrize("listed", ["not json", "[]", '{"files": 3}', '{"files": {"../precious": "0"}}'])
def test_a_list_gone_wrong_removes_nothing(tmp_path: Path, listed: str) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (tmp_path / "precious").write_text("")
    (folder / "files.json").write_text(listed)
    write_report(small("verdict"), folder)
    assert (tmp_path / "precious").exists()
    assert "report.html" in json.loads((folder / "files.json").read_text())["files"]


def test_a_report_may_be_read_by_whoever_may_read_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    for mode, expected in ((0o755, 0o644), (0o700, 0o600)):
        folder.chmod(mode)
        (folder / "report.html").unlink(missing_ok=True)
        write_report(small("verdict"), folder)
        assert (folder / "report.html").stat().st_mode & 0o777 == expected


def test_a_contradiction_writes_nothing(tmp_path: Path) -> None:
    wrong = Figure("f", "F", "", [View("v", Axis("x"), Axis("y"), [Series("s", "line", [1, 2], [1])])])
    with pytest.raises(ValueError, match="2 x and 1 y"):
        write_report(Report("t", "", [], [Section("s", "S", [wrong])]), tmp_path / "report")
    with pytest.raises(ValueError, match="2 sections with the key"):
        write_report(Report("t", "", [], [Section("s", "S", [])] * 2), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_lone_surrogate_does_not_stop_the_report(tmp_path: Path) -> None:
    write_report(replace(small("verdict", "tasks"), title="a\ud800b", subtitle="\ud800"), tmp_path)
    assert "a b" in (tmp_path / "report.html").read_text()
