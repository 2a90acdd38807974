"""Docstrings of installed distributions: small made-up ones, and some real ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.data.docstrings import docstring_versions, read_docstrings
from tests.support.data_sources import docstrings

VERBS = ["open", "close", "read", "write", "find", "sort", "merge"]


def install(site: Path, name: str, *, n_docs: int, more: str = "") -> None:
    """Writes a distribution whose only module raises when imported."""
    verbs = [(first, second) for first in VERBS for second in VERBS][:n_docs]
    kind = name[::-1]
    functions = [
        f'def f{i}():\n    """The {kind} of {name}.tools.run can {first} and {second} np.array of {name}."""\n'
        for i, (first, second) in enumerate(verbs)
    ]
    files = {
        f"{name}/__init__.py": f'raise ImportError("never imported")\n{more}\n' + "\n".join(functions),
        f"{name}/tests/test_it.py": '"""A docstring of tests, which nobody wants to see here."""\n',
        f"{name}/template.py": "this is {{ no python",
        f"{name}-1.2.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n",
    }
    for place, content in files.items():
        (site / place).parent.mkdir(parents=True, exist_ok=True)
        (site / place).write_text(content)
    record = [f"{place},," for place in (*files, f"{name}-1.2.dist-info/RECORD")]
    (site / f"{name}-1.2.dist-info" / "RECORD").write_text("\n".join(record) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder Python finds distributions in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_docstrings_are_chosen_by_seed_and_masked(site: Path, tmp_path: Path) -> None:
    install(site, "alpha", n_docs=30)
    install(site, "omega", n_docs=40, more='class A:\n    """Alone in a class it says something."""\n')
    config = docstrings(tmp_path, ["alpha", "omega"])
    found = read_docstrings(config)
    assert found.labels == ["alpha"] * 10 + ["omega"] * 10
    assert found.versions == docstring_versions(config) == {"alpha": "1.2", "omega": "1.2"}
    assert len(set(found.texts)) == 20
    assert not re.search(r"alpha|omega|np|tests|tools", " ".join(found.texts))
    assert found.texts[0].startswith("The ahpla of library can ")
    other = read_docstrings(docstrings(tmp_path, ["alpha", "omega"], split_seed=1))
    assert other.texts != found.texts


def test_the_order_of_files_changes_nothing(site: Path, tmp_path: Path) -> None:
    install(site, "alpha", n_docs=30)
    install(site, "omega", n_docs=30)
    before = read_docstrings(docstrings(tmp_path, ["alpha", "omega"]))
    record = site / "alpha-1.2.dist-info" / "RECORD"
    record.write_text("\n".join(reversed(record.read_text().splitlines())))
    assert read_docstrings(docstrings(tmp_path, ["alpha", "omega"])) == before


def test_duplicates_and_what_two_packages_say_are_dropped(site: Path, tmp_path: Path) -> None:
    shared = 'def shared():\n    """Says the very same words in both."""\n'
    install(site, "alpha", n_docs=9, more=shared + shared.replace("shared()", "again()"))
    install(site, "omega", n_docs=11, more=shared)
    with pytest.raises(ValueError, match=r"^data\.n_per_class=10, but alpha 1\.2 has 9 docstrings .*data\.min_words=3"):
        read_docstrings(docstrings(tmp_path, ["alpha", "omega"]))


def test_length_is_limited(site: Path, tmp_path: Path) -> None:
    for name in ("alpha", "omega"):
        install(site, name, n_docs=30, more='"""Short."""')
    found = read_docstrings(docstrings(tmp_path, ["alpha", "omega"], max_words=8))
    assert {len(text.split()) for text in found.texts} == {8}
    with pytest.raises(
        ValueError, match=r"has 0 docstrings of at least data\.min_words=50 words; lower one of the two"
    ):
        read_docstrings(docstrings(tmp_path, ["alpha", "omega"], min_words=50))


def test_refusals(site: Path, tmp_path: Path) -> None:
    install(site, "alpha", n_docs=30)
    with pytest.raises(ValueError, match=r"^data\.packages names 'no-such-thing', which is not installed; install it"):
        read_docstrings(docstrings(tmp_path, ["alpha", "no-such-thing"]))
    with pytest.raises(ValueError, match=r"^data\.packages=\['alpha'\] names fewer than two packages"):
        read_docstrings(docstrings(tmp_path, ["alpha"]))
    install(site, "omega", n_docs=1)
    (site / "omega-1.2.dist-info" / "RECORD").write_text("")
    with pytest.raises(ValueError, match="'omega', whose installation lists no Python files"):
        read_docstrings(docstrings(tmp_path, ["alpha", "omega"]))


def test_real_libraries_are_masked(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    config = docstrings(tmp_path, ["numpy", "matplotlib"], n_per_class=400, min_words=20, max_words=50)
    found = read_docstrings(config, on_file=lambda *report: reports.append(report))
    assert len(found) == 800
    names = r"(?i)numpy|matplotlib|\bmpl|pyplot|\bnp\.|\bplt\.|\blinalg\."
    assert not [text for text in found.texts if re.search(names, text)]
    assert reports[-1][0] == reports[-1][1] == len(reports)
