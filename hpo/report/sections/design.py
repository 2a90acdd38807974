"""Section 1, what was fixed before the first trial and every departure from it; section 12, how to get it all again.

Whether budgets came out equal is shown in `fairness`; what follows from departures in `threats`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hpo.figures.figure import Cell
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.phrases import budget_text, listing
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.spaces import describe_distribution
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.report.sections.checklist import checklist

UNREGISTERED = (
    "These studies were not registered beforehand: nothing proves that strategies, budget, seeds and endpoint were "
    "fixed before results were seen. `hpo compare` writes such a card before the first trial."
)
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


def build_design(analysis: Analysis) -> Section:
    """Returns the design card as a reader wants it, its hash, amendments and deviations."""
    experiment = analysis.experiment
    blocks: list[Block] = [
        *_registration(experiment),
        _terms(experiment),
        _strategies(experiment),
        _tasks(experiment),
        *_space(experiment),
        *(Text(note, "note") for note in experiment.notes),
    ]
    numbers = {
        "is_registered": bool(experiment.card),
        "card": experiment.card,
        "hash": experiment.card_hash,
        "amendments": list(experiment.amendments),
        "deviations": list(experiment.deviations),
        "notes": list(experiment.notes),
        "metric": experiment.metric,
        "direction": experiment.direction,
        "unit": experiment.unit,
        "budget": experiment.budget,
        "budgets": dict(experiment.budgets),
        "rope": experiment.rope,
        "strategies": list(experiment.strategies),
        "tasks": list(experiment.tasks),
        "seeds": _seeds(experiment),
    }
    return Section("design", "Design", blocks, numbers=numbers)


def _registration(experiment: Experiment) -> Iterator[Text]:
    if experiment.card:
        yield Text("Registered before the first trial. SHA-256 of the card, kept with every study:")
        yield Text(experiment.card_hash, "code")
    else:
        yield Text(UNREGISTERED, "warning")
    for amendment in experiment.amendments:
        yield Text(f"Amended. {amendment}", "warning")
    for deviation in experiment.deviations:
        yield Text(f"Deviation. {deviation}", "warning")
    if not experiment.deviations:
        yield Text("No deviation was found: all seeds are there, all studies ended, budgets are equal, nothing failed.")


def _terms(experiment: Experiment) -> Table:
    card = experiment.card
    rows: list[tuple[str, str]] = [("Metric", f"{experiment.metric}, {experiment.better} is better")]
    if card.get("primary"):
        rows.append(("Primary endpoint", str(card["primary"])))
    rows.append(("Budget of each study", budget_text(experiment)))
    rows.append(("Region of practical equivalence", f"differences up to {experiment.rope:g} {experiment.metric}"))
    rows.append(("Seeds", ", ".join(str(seed) for seed in _seeds(experiment))))
    stop = card.get("stop")
    if isinstance(stop, Mapping):
        rows.append(("Stopping", _stopping(stop)))
    confirm = card.get("confirm")
    if isinstance(confirm, Mapping):
        rows.append(("Confirmation", _confirmation(confirm)))
    if card.get("audit"):
        share = f"{card['audit']:.0%}".replace("%", " %")
        rows.append(("Audit", f"{share} of the pruned trials of each search, at least one, trained to their end"))
    titles = {"n_concurrent": "Trials of a study at once", "device": "Device", "threads": "Threads of a trial"}
    rows += [(title, str(card[key])) for key, title in titles.items() if key in card]
    if "cached" in card:
        rows.append(("Equal trials of several studies", "trained once" if card["cached"] else "trained each"))
    return Table("design_terms", "Terms", [Column("Term"), Column("Value")], rows)


def _stopping(stop: Mapping[str, Any]) -> str:
    looks, limits = stop["looks"], stop["rejects_up_to"]
    tested = [
        f"{n} seeds (rank sum up to {'none' if limit is None else limit})"
        for n, limit in zip(looks, limits, strict=True)
    ]
    return (
        f"when decided: looks after {listing(tested)}, {stop['test']}, {stop['alpha']:g} spent as {stop['spending']}; "
        f"futile at a conditional power up to {stop['futility']:g} (non-binding)"
    )


def _confirmation(confirm: Mapping[str, object]) -> str:
    if not confirm.get("top_k"):
        return "none"
    tested = ", then tested" if confirm.get("tested") else ""
    return f"the {confirm['top_k']} best of each search with {confirm['n_seeds']} fresh seeds{tested}"


def _strategies(experiment: Experiment) -> Table:
    rows: list[Sequence[Cell]] = []
    for strategy in experiment.strategies:
        sampler, pruner = (_option(experiment, strategy, kind) for kind in ("sampler", "pruner"))
        rows.append([strategy, *sampler, *pruner])
    columns = ["Strategy", "Sampler", "Its settings", "Pruner", "Its settings"]
    note = "" if experiment.card else "As far as the studies' own settings say."
    return Table("design_strategies", "Strategies", [Column(title) for title in columns], rows, note)


def _option(experiment: Experiment, strategy: str, kind: str) -> tuple[str | None, str | None]:
    """Returns the sampler or pruner of a strategy with its effective settings."""
    registered = _inner(experiment.card, "strategies", strategy, kind)
    if registered:
        settings = {key: value for key, value in registered.items() if key != "name"}
        return str(registered.get("name")), _listed(settings)
    facts = experiment.of(strategy=strategy)[0].facts
    settings = {path.partition(".")[2]: text for path, text in facts.items() if path.startswith(f"{kind}.")}
    return facts.get(kind), _listed(settings)


def _tasks(experiment: Experiment) -> Table:
    rows: list[Sequence[Cell]] = []
    for task in experiment.tasks:
        registered = _inner(experiment.card, "tasks", task)
        facts = experiment.of(task=task)[0].facts
        data, trainer = _inner(registered, "data"), _inner(registered, "trainer")
        is_read = facts.get("data") != "none"  # a trainer that reads no data has no use for their settings
        rows.append(
            [
                task,
                str(trainer.get("name") or facts.get("trainer") or "unknown"),
                str(facts.get("table") or facts.get("data") or data.get("name") or "unknown"),
                facts.get("table_sha256") or facts.get("data_fingerprint"),
                _listed({key: value for key, value in data.items() if key not in ("name", "cache")} if is_read else {}),
            ]
        )
    columns = ["Task", "Trainer", "Data", "Fingerprint of the data", "Settings of the data"]
    return Table("design_tasks", "Tasks", [Column(title) for title in columns], rows)


def _space(experiment: Experiment) -> Iterator[Table]:
    rows: list[Sequence[Cell]] = []
    for task, space in experiment.spaces.items():
        levels = _inner(experiment.card, "tasks", task, "levels")
        for param, distribution in space.items():
            values = levels.get(param)
            shown = ", ".join(str(level) for level in values) if isinstance(values, list) else None
            rows.append([task, param, describe_distribution(distribution), shown or None])
    if rows:
        columns = [Column("Task"), Column("Param"), Column("Range"), Column("Levels of a grid")]
        yield Table("design_space", "Search space", columns, rows, "Every strategy on a task searches this space.")


def _inner(node: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    for key in keys:
        inner = node.get(key)
        node = inner if isinstance(inner, Mapping) else {}
    return node


def _listed(settings: Mapping[str, object]) -> str | None:
    return ", ".join(f"{key}={_plain(value)}" for key, value in settings.items()) or None


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seeds(experiment: Experiment) -> list[int]:
    registered = experiment.card.get("seeds")
    return list(registered) if isinstance(registered, list) else sorted({study.seed for study in experiment.studies})


def build_reproduce(analysis: Analysis) -> Section:
    """Returns the commands, the versions and the hardware; hosts depend on where it ran and are kept apart."""
    experiment = analysis.experiment
    commands = _commands(experiment)
    blocks: list[Block] = []
    if "command" in experiment.facts:
        blocks.append(Text("The same command trains everything again, or continues:"))
        blocks.append(Text(experiment.facts["command"], "code"))
    elif not experiment.card:
        blocks.append(Text("The studies were started one by one; each one's settings are kept with it in the record."))
    blocks.append(Text("This report from what is stored, and from its own records.csv, which has no curves and tests:"))
    blocks.append(Text("\n".join(commands), "code"))
    blocks += [_surroundings(experiment), checklist(experiment)]
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
    from_record = f"hpo report {name}"
    from_file = f"hpo report records=records.csv {name}"
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
