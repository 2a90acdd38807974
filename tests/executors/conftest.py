"""What tests of several executors need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def ray_started() -> Iterator[None]:
    """Starts Ray once; its executors use what is there."""
    from hpo.executors.ray_cluster import connect

    cluster = connect("local")
    yield
    cluster.close()
