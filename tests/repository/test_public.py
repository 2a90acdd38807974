"""What `import hpo` offers: light, typed, callable where a package has the name."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import hpo
import hpo.search.grid

HEAVY = ("torch", "fastai", "optuna", "mlflow", "hydra", "pandas", "numpy", "sqlalchemy")


def test_every_public_name_is_there_and_documented() -> None:
    for name in hpo.__all__:
        thing = getattr(hpo, name)
        assert inspect.getdoc(thing), name
    assert set(hpo.__all__) <= set(dir(hpo))
    with pytest.raises(AttributeError, match="module 'hpo' has no attribute 'serach'"):
        hpo.serach  # type: ignore[attr-defined]  # noqa: B018  # a slip of the pen


def test_editors_are_told_the_same_names() -> None:
    stub = ast.parse(Path(hpo.__path__[0], "__init__.pyi").read_text("utf-8"))
    told = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(hpo.__all__)


def test_a_function_with_the_name_of_a_package_is_both() -> None:
    assert callable(hpo.search)
    assert callable(hpo.compare)
    assert callable(hpo.report)
    assert hpo.search.grid.__name__ == "hpo.search.grid"


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, hpo; hpo.Float, hpo.Refused, hpo.search; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
