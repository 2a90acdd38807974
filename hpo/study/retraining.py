"""What to type to train as a study does: the options and settings that its params alone do not say.

The params are added where they are known, by `contracts.records.StudyRecord`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from hpo.config.compose import Composition
from hpo.config.override_text import override_line
from hpo.config.schema import SECTIONS, Config
from hpo.machine.paths import working_conf
from hpo.study.fingerprint import flatten

GROUPS = ("experiment", "space", "data", "model", "encoder", "train", "trainer")
NOT_TRAINED = ("data.cache", "model.log", "trainer.metric")


def retraining(composition: Composition, own_config: Config, options: Mapping[str, str]) -> str:
    """Returns the words of a command line that trains as this job does, but for the params that it searches.

    Args:
        composition: The job.
        own_config: The settings that its options have by themselves.
        options: Those that are not the default ones, by group.
    """
    now, before = _settings(composition.config), _settings(own_config)
    words: dict[str, object] = {"plugins": modules} if (modules := _plugins(composition.config)) else {}
    words |= {group: options[group] for group in GROUPS if group in options}
    words |= {path: value for path, value in now.items() if value != before.get(path)}
    for section in SECTIONS:  # what the options search and this job does not
        names = getattr(own_config.space, section).keys() - getattr(composition.config.space, section).keys()
        words |= {path: now[path] for name in sorted(names) if (path := f"{section}.{name}") in now}
    found = re.findall(r"file://([^\],']*)", " ".join(composition.search_path))
    folders = [folder for folder in found if folder != str(working_conf())]  # which is found without being typed
    return " ".join([*(f"--config-dir {shlex.quote(folder)}" for folder in folders), override_line(words)]).strip()


def _settings(config: Config) -> dict[str, object]:
    """Returns what a trial is trained by, and what it is measured by."""
    sections = ("model", "train", "trainer", *(("data", "encoder") if config.trainer.reads_texts else ()))
    settings = flatten(config.params, "params") | {"study.metric": config.study.metric}
    settings["study.positive"] = config.study.positive
    settings["study.direction"] = config.study.direction and config.study.direction.value
    for section in sections:
        settings |= flatten(getattr(config, section), section)
    return {path: value for path, value in settings.items() if path not in NOT_TRAINED}


def _plugins(config: Config) -> list[str]:
    """Returns the modules of options that are not this package's."""
    modules = {type(getattr(config, section)).__module__ for section in ("data", "model", "train", "trainer")}
    return sorted(module for module in modules if not module.startswith("hpo."))
