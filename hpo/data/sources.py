"""What every source of texts is: an option of the `data` group opens one; each has its module.

A source says cheaply what its texts depend on, and reads them when asked. Splitting, tokens and
the cache are `splits`, `tokens` and `corpus`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hpo.data.texts import Texts

OnRead = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """Where texts come from.

    Attributes:
        kind: The option of the `data` group.
        shown: What errors call it, with its config path: "data.path=reviews.csv".
        signature: Whatever changes when the texts may have changed, known without reading them.
        read: Reads the texts, calling its argument with (done, total).
    """

    kind: str
    shown: str
    signature: Mapping[str, object]
    read: Callable[[OnRead], Texts]
