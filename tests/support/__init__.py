"""What several rooms of tests share, by nouns: small data, made-up records, real servers, odd commands."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the repository
