"""Section 12: how to get these numbers again, and with what they were made.

The settings themselves are in the design section.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hpo.figures.figure import Cell
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Column, Section, Table, Text

SHOWN = {
    "source": "Read from",
    "git_commit": "Commit of the code",
    "trainer": "Trainer",
    "executor": "Executor",
    "device": "Device",
    "device_name": "Device name",
    "hpo_version": "hpo",
    "python": "Python",
}
VERSION = "version."


def build_reproduce(experiment: Experiment) -> Section:
    """Returns the commands, the versions and the hardware; hosts depend on where it ran and are kept apart."""
    commands = _commands(experiment)
    blocks: list[Block] = []
    if "command" in experiment.facts:
        blocks.append(Text("The same command trains everything again, or continues:"))
        blocks.append(Text(experiment.facts["command"], "code"))
    elif not experiment.card:
        blocks.append(Text("The studies were started one by one; each one's settings are kept with it in the record."))
    blocks.append(Text("This report from what is stored, and from its own records.csv, which has no curves and tests:"))
    blocks.append(Text("\n".join(commands), "code"))
    blocks.append(_surroundings(experiment))
    hosts = sorted({study.facts["host"] for study in experiment.studies if study.facts.get("host")})
    if hosts:
        blocks.append(Text(f"Hosts: {', '.join(hosts)}."))
    numbers = {
        "commands": commands,
        "command": experiment.facts.get("command"),
        "facts": dict(experiment.facts),
        "hash": experiment.card_hash,
    }
    return Section("reproduce", "Reproduce", blocks, numbers=numbers, clock={"hosts": hosts})


def _commands(experiment: Experiment) -> list[str]:
    name = shlex.quote(f"experiment={experiment.name}")
    from_record = f"python -m hpo.report {name}"
    from_file = f"python -m hpo.report records=records.csv {name}"
    return [from_record, from_file] if experiment.facts.get("source") == "record" else [from_file]


def _surroundings(experiment: Experiment) -> Table:
    facts = experiment.facts
    rows: list[Sequence[Cell]] = [[title, facts[key]] for key, title in SHOWN.items() if facts.get(key)]
    listed = {row[0] for row in rows}
    versions = {key.removeprefix(VERSION): text for key, text in facts.items() if key.startswith(VERSION)}
    rows += [[name, text] for name, text in versions.items() if name not in listed and text != "none"]
    if experiment.card_hash:
        rows.append(["Design card (SHA-256)", experiment.card_hash])
    return Table("reproduce_surroundings", "Made with", [Column("What"), Column("Which")], rows)
