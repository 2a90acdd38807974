"""A document as data, and the files it becomes: HTML, Markdown, JSON, CSV, pictures.

What it says is decided by `sections`.
"""

__all__ = ["content", "json"]
