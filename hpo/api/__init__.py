"""What `import hpo` offers to notebooks and scripts; the terminal's side of the same is `commands`.

Nothing heavy is imported before it is used, and nothing exits. The names are gathered in `hpo/__init__.py`.
"""

__all__: list[str] = []
