"""Runs the benchmark: python -m benchmarks [full] [row=NAME…] [repeats=N]; see docs/benchmarks.md.

With row= or repeats= what is found is shown and not kept.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.material import make_material
from benchmarks.results import Result, keep, ratios_of, said_of, worse_than
from benchmarks.rows import ROWS, Row, Shared


def main(words: list[str]) -> None:
    names = [word.removeprefix("row=") for word in words if word.startswith("row=")]
    repeats = next((int(word.removeprefix("repeats=")) for word in words if word.startswith("repeats=")), None)
    unknown = [name for name in names if not any(name in row.name for row in ROWS)]
    if unknown or {word for word in words if "=" not in word} - {"full"}:
        sys.exit(f"No such row: {unknown or words}; those are {', '.join(row.name for row in ROWS)}.")
    chosen = [row for row in ROWS if (row.is_quick or "full" in words or names)]
    if names:
        chosen = [row for row in chosen if any(name in row.name for name in names)]
    root = Path(tempfile.mkdtemp(prefix="hpo-benchmarks-"))
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
    try:
        print(f"material: {root}", flush=True)
        make_material(root / "material")
        results = [_run(row, root, repeats or row.n_repeats) for row in chosen]
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for line in worse_than(results):
        print(line)
    if not names and repeats is None:
        keep(results)


def _run(row: Row, root: Path, n_repeats: int) -> Result:
    """Measures hpo and its peers in turns, so that what else the machine does falls on all of them."""
    present = row.present()
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *present)}
    load = []
    for repeat in range(n_repeats):
        Shared.repeat = repeat
        measured = list({"ours": row.ours, **present}.items())
        for name, run in measured if repeat % 2 == 0 else reversed(measured):
            load.append(os.getloadavg()[0])
            folder = root / "run"
            shutil.copytree(root / "material", folder, symlinks=True)
            seconds[name].append(run(folder))
            shutil.rmtree(folder)
    result = ratios_of(row, seconds, load)
    print(said_of(result), flush=True)
    for name, values in seconds.items():
        print(f"    {name}: {' '.join(f'{value:.4g}' for value in values)} s", flush=True)
    return result


if __name__ == "__main__":
    main(sys.argv[1:])
