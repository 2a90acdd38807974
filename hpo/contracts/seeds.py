"""Seeds derived from seeds, and the seeding of every generator a trial draws from.

No generator lives here: callers pass seeds around as plain integers.
"""

from __future__ import annotations

import hashlib


def derive_seed(*parts: object) -> int:
    """Returns a 32-bit seed that depends on nothing but `parts` (sha256 of their text)."""
    text = ":".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def seed_everything(seed: int, *, device: str = "cpu") -> None:
    """Seeds Python's, numpy's and torch's global generators and asks for deterministic kernels."""
    import os
    import random

    import numpy
    import torch

    if device.startswith("cuda"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
