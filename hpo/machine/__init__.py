"""What the computer gives: files, paths, locks, caches, remote folders, downloads, secrets, signals, cores, patience.

Nothing here knows of studies, trials or settings.
"""

__all__ = [
    "cache",
    "capacity",
    "collecting",
    "cores",
    "download",
    "errors",
    "escaping",
    "fastai_import",
    "files",
    "locks",
    "modules",
    "paths",
    "patience",
    "remote",
    "secrets",
    "signals",
]
