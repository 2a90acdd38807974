"""What tests of several modules of the text classifier need."""

from __future__ import annotations

import random
from pathlib import Path
from urllib.error import URLError

import pytest

import hpo.machine.download


@pytest.fixture
def models(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where `untar_data` puts fastai's language model, and texts to match it with; no network."""
    rng = random.Random(0)
    rows = [f"{label},{' '.join(rng.choices([label, 'the', 'bone', 'nap'], k=9))}" for label in ("cat", "dog") * 30]
    (workdir / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    monkeypatch.setenv("FASTAI_HOME", str(workdir / "fastai"))

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(hpo.machine.download.urllib.request, "urlopen", unreachable)
    return workdir / "fastai" / "models" / "wt103-fwd"
