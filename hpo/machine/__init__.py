"""What the computer gives: files, paths, locks, caches, remote folders, downloads, secrets, signals, cores.

Nothing here knows of studies, trials or settings.
"""

__all__ = [
    "cache",
    "cores",
    "download",
    "escaping",
    "files",
    "locks",
    "modules",
    "paths",
    "remote",
    "secrets",
    "signals",
]
