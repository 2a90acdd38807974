"""docs/configuration.md is what docs/configuration.py writes of conf/ and the types behind it, and says all of it."""

from __future__ import annotations

import re
import runpy

from tests.support import ROOT

PAGE = runpy.run_path(str(ROOT / "docs" / "configuration.py"))
TEXT = PAGE["reference"]()
ROW = re.compile(r"^\| `(?P<path>[\w.]+)` \| (?P<default>.*) \| (?P<values>.*) \| (?P<meaning>.*) \|$", re.M)


def test_it_is_what_the_settings_are() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert written == TEXT, "settings have changed since it was written: run python docs/configuration.py"


def test_every_setting_has_values_and_a_meaning() -> None:
    rows = list(ROW.finditer(TEXT))
    assert len(rows) == len(re.findall(r"^\| `", TEXT, re.M)) > 100
    assert [row["path"] for row in rows if not row["meaning"]] == [], "say in a comment behind it in conf/ what it is"
    assert [row["path"] for row in rows if not row["values"]] == []


def test_it_knows_types_limits_and_defaults() -> None:
    rows = {row["path"]: row for row in ROW.finditer(TEXT)}
    assert rows["study.confirm.top_k"]["values"] == "whole number at least 0 and at most 100"
    assert rows["train.unfreeze"]["values"] == "`all`, `gradual`, `fine_tune`, `null`"
    assert (rows["trainer.call"]["default"], rows["trainer.call"]["values"]) == ("", "text")
    assert rows["storage.url"]["meaning"].startswith("postgresql://USER:PASSWORD@HOST:5432/DATABASE, as env:NAME")
    assert rows["tracking.uri"]["default"] == "`sqlite:///mlflow.db`"
