"""Looks every installed package up in the published advisories, by pip-audit.

What is known and stays stands in SECURITY.md, with its reason. The exit code is 0 if nothing else was found, 1 if
something was, 2 if the advisories could not be asked. Arguments go to pip-audit: --vulnerability-service osv.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ACCEPTED = "## Accepted advisories"
ROW = re.compile(r"\|\s*(?P<id>[A-Z]+-[\w-]+)\s*\|\s*[\w.-]+\s*\|\s*(?P<reason>[^|]*[^|\s])\s*\|\s*")
OURS = {"hpo-studies", "hpo"}  # and its earlier name, which an environment may have it under
CLEAN, FOUND, UNKNOWN = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    """Prints what concerns the installed packages and returns the exit code."""
    installed = installed_packages()
    try:
        packages = ask(installed, argv)
    except RuntimeError as error:
        print(f"The advisories cannot be looked up ({error}); nothing was audited: try again with a network.")
        return UNKNOWN
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        print(
            f"The advisories cannot be looked up: the service knows none of the {len(installed)} packages, as a mirror "
            "without advisories does; nothing was audited: try again where PyPI itself can be reached."
        )
        return UNKNOWN
    unknown = sorted(package["name"] for package in packages if "skip_reason" in package)
    if unknown:
        print(f"not looked up, as the service does not know them: {', '.join(unknown)}")
    n_new = report(known, accepted_advisories(Path(__file__).parents[1] / "SECURITY.md"))
    print(f"{len(known)} packages audited, {n_new or 'no'} advisories that SECURITY.md does not accept")
    return FOUND if n_new else CLEAN


def installed_packages() -> list[str]:
    """Returns the requirements that stand for this environment; what marks a build, as in 2.13.0+cpu, is left out."""
    found = {each.metadata["Name"].lower(): each.version.partition("+")[0] for each in distributions()}
    return sorted(f"{name}=={version}" for name, version in found.items() if name not in OURS)


def ask(installed: Sequence[str], argv: Sequence[str]) -> list[dict[str, Any]]:
    """Returns what pip-audit says of each package.

    Raises:
        RuntimeError: if it says nothing, with the last of its words.
    """
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "installed.txt"
        requirements.write_text("\n".join(installed) + "\n", encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", *argv]
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), *options]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        last = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
        raise RuntimeError(last[-1][:300] if last else f"pip-audit ended with {ran.returncode}") from None
    return packages


def report(packages: Sequence[Mapping[str, Any]], accepted: Mapping[str, str]) -> int:
    """Prints every advisory, with the reason of those that are accepted; returns how many are not."""
    n_new = 0
    for package in packages:
        for advisory in package["vulns"]:
            names = [advisory["id"], *advisory["aliases"]]
            reason = next((accepted[name] for name in names if name in accepted), None)
            fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
            n_new += reason is None
            print(f"{package['name']} {package['version']}: {' = '.join(names)}, fixed in {fixed}")
            print(f"    {'accepted: ' + reason if reason else ' '.join(advisory['description'].split())[:300]}")
    return n_new


def accepted_advisories(path: Path) -> dict[str, str]:
    """Returns the reason of each advisory in the table under `ACCEPTED`."""
    section = path.read_text(encoding="utf-8").partition(ACCEPTED)[2].partition("\n## ")[0]
    return {row["id"]: row["reason"] for row in map(ROW.fullmatch, section.splitlines()) if row}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
