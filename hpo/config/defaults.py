"""What a job would be without the rest of its command line: the defaults, and what its options say by themselves.

Composing is `compose`'s business; what the difference makes of a study is `study.differences`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hpo.config.compose import Composition, compose_aside


@cache
def default_job(file: str, search_path: Sequence[str], experiment: str) -> Composition:
    """Returns the job that names nothing but an experiment, "" for none; called where Hydra is initialized.

    Raises:
        ValueError: if that cannot be composed.
    """
    return compose_aside(file, [*search_path, *([f"experiment={experiment}"] if experiment else [])])


def own_job(composition: Composition) -> Composition:
    """Returns the job that has the options and the seed of `composition`, and nothing else of its command line.

    Raises:
        ValueError: if that cannot be composed.
    """
    chosen = {group: name for group, name in composition.choices.items() if "/" not in group and group != "comparison"}
    options = [f"{group}={name}" for group, name in chosen.items() if name]
    return compose_aside(composition.file, [*composition.search_path, *options, f"seed={composition.config.seed}"])
