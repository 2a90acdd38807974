"""Owners of studies."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from hpo.storage.checks import owner


def owner_at(url: str) -> str:
    return owner(create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool))
