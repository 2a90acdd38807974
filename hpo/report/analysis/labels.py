"""Names of the strategy and the task of studies that were started one by one, from what differs in their settings.

Studies of a comparison bring their names along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.contracts.records import StudyRecord

COMPARED = ("sampler", "pruner", "model", "train", "trainer", "trial")  # sections that make a strategy
GROUPED = ("sampler", "pruner", "space", "trainer")  # of these only studies with the same option are compared
PLACES = ("trainer.path", "trainer.card", "trainer.sha256")  # make a task, not a strategy
UNSET, ABSENT = "null", "fixed"


@dataclass(frozen=True)
class Label:
    """What a study is called within its experiment."""

    task: str
    strategy: str


def label_studies(studies: Sequence[StudyRecord]) -> list[Label]:
    """Returns the label of each study: as tagged, else by its settings."""
    return [
        Label(study.tags.get("task") or task, study.tags.get("strategy") or strategy)
        for study, task, strategy in zip(studies, _tasks(studies), _strategies(studies), strict=True)
    ]


def flatten_settings(config: Mapping[str, object], path: str = "") -> dict[str, str]:
    """Returns the leaves of nested settings as text, by config path."""
    leaves: dict[str, str] = {}
    for key, value in config.items():
        where = f"{path}.{key}" if path else str(key)
        leaves |= flatten_settings(value, where) if isinstance(value, Mapping) else {where: text_of(value)}
    return leaves


def text_of(value: object) -> str:
    """Returns a setting as facts hold it."""
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(text_of(item) for item in value)}]"
    return str(value)


def _strategies(studies: Sequence[StudyRecord]) -> list[str]:
    settings = [_compared_settings(study) for study in studies]
    differing: list[dict[str, str]] = [{} for _ in studies]
    for path in sorted({path for of_study in settings for path in of_study}):
        for members in _groups(path, studies):
            values = {
                place: settings[place].get(path, ABSENT if path.startswith("space.") else UNSET) for place in members
            }
            if len(set(values.values())) > 1:
                for place, value in values.items():
                    differing[place][path] = value
    return [_strategy(study, differences) for study, differences in zip(studies, differing, strict=True)]


def _compared_settings(study: StudyRecord) -> dict[str, str]:
    """Returns what may tell strategies apart, by path; a space's params as one text each."""
    sections = {key: study.config[key] for key in COMPARED if key in study.config}
    settings = {path: text for path, text in flatten_settings(sections).items() if path not in PLACES}
    is_grid = study.tags.get("sampler") == "grid"
    for section, params in _mapping(study.config.get("space")).items():
        for name, param in _mapping(params).items():
            settings[f"space.{section}.{name}"] = _describe_param(_mapping(param), is_grid=is_grid)
    return settings | {"space": study.tags.get("space", "")}


def _describe_param(param: Mapping[str, object], *, is_grid: bool) -> str:
    """Returns a param's range in a few words; its levels matter to a grid alone."""
    levels = ("levels", "n_levels")
    chosen = [key for key in levels if param.get(key) is not None] if is_grid else []
    if chosen:
        return text_of(param[chosen[0]]) if chosen[0] == "levels" else f"{text_of(param['n_levels'])} levels"
    if param.get("choices") is not None:
        return text_of(param["choices"])
    described = f"{text_of(param.get('low'))}..{text_of(param.get('high'))}"
    if param.get("step") is not None:
        described += f" by {text_of(param['step'])}"
    return f"{described} log" if param.get("log") else described


def _mapping(node: object) -> Mapping[str, object]:
    return node if isinstance(node, Mapping) else {}


def _groups(path: str, studies: Sequence[StudyRecord]) -> list[list[int]]:
    """Returns which studies are compared with each other in the setting `path`: those with the same option."""
    section, _, rest = path.partition(".")
    groups: dict[str, list[int]] = {}
    for place, study in enumerate(studies):
        option = study.tags.get(section, "") if section in GROUPED and rest else ""
        is_grid = section == "space" and study.tags.get("sampler") == "grid"
        groups.setdefault(f"{option} {is_grid}", []).append(place)
    return list(groups.values())


def _strategy(study: StudyRecord, differing: Mapping[str, str]) -> str:
    pruner = study.tags.get("pruner", "none")
    name = study.tags.get("sampler", "unknown") + (f"+{pruner}" if pruner not in ("none", "") else "")
    differences = ", ".join(f"{path}={value}" for path, value in sorted(differing.items()))
    return f"{name} ({differences})" if differences else name


def _tasks(studies: Sequence[StudyRecord]) -> list[str]:
    """Returns what each study is about: its data or recorded table, with trainer or fingerprint if need be."""
    names = [_subject(study) for study in studies]
    prints = [study.tags.get("table_sha256") or study.tags.get("data_fingerprint", "none") for study in studies]
    trainers = [study.tags.get("trainer", "") for study in studies]
    n_prints = Counter(name for name, _ in set(zip(names, prints, strict=True)))
    n_trainers = Counter(name for name, _ in set(zip(names, trainers, strict=True)))
    return [
        name
        + (f" ({trainer})" if n_trainers[name] > 1 else "")
        + (f" [{data[:8]}]" if n_prints[name] > 1 and n_trainers[name] == 1 else "")
        for name, data, trainer in zip(names, prints, trainers, strict=True)
    ]


def _subject(study: StudyRecord) -> str:
    data = study.tags.get("table") or study.tags.get("data", "none")
    return study.tags.get("trainer", "unknown") if data == "none" else data
