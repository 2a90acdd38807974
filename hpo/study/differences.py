"""What of a study is not as its options have it: what tells it from its like, in its name and in what trains it again.

What may be continued as what is decided in `fingerprint`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hpo.config.compose import Composition
from hpo.config.defaults import default_job, own_job
from hpo.config.schema import Config
from hpo.space.read import read_space
from hpo.space.space import Space
from hpo.study.fingerprint import CALL, CODE, fingerprint, flatten
from hpo.study.retraining import retraining

GROUPS = ("data", "trainer", "space", "sampler", "pruner", "model", "encoder", "train")
UNNAMED = ("format", "seed", "storage.folder", "executor.n_workers")  # has a word of its own, or is about where and how
SAID = ("data.path", "data.name", CALL, CODE)  # by the subject
ABSENT = "absent"
N_WORDS = 2  # in a name


@dataclass(frozen=True)
class Differences:
    """How a study differs from what its options say by themselves.

    Attributes:
        options: The option of each group that has not its default one, by group.
        settings: What its results depend on and what its options have otherwise, by path, as text.
        words: Words for some of these, to be read in its name.
        retraining: What to type behind `hpo`, beside its params, to train as it does.
        seed: The seed that it would have if none were given.
    """

    options: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    retraining: str = ""
    seed: int = 0

    def digest(self, more: Mapping[str, str]) -> str:
        """Returns a short hash of the settings and of `more`; "" without any."""
        content = {**self.settings, **more}
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8] if content else ""


def find_differences(composition: Composition, config: Config, space: Space) -> Differences:
    """Returns how a study differs from what its options say; called where Hydra is initialized.

    Args:
        composition: What was composed.
        config: What became of its settings.
        space: What is searched.
    """
    if not composition.file:
        return Differences()
    experiment = composition.choices.get("experiment", "")
    default = default_job(composition.file, composition.search_path, experiment)
    options = {group: composition.choices[group] for group in GROUPS}
    others = {group: name for group, name in options.items() if name != default.choices[group]}
    more = {"experiment": experiment} if experiment else {}
    own_config = own_job(composition).config
    now, before = _identity(config, space), _own_identity(own_config)
    settings = {path: now.get(path, ABSENT) for path in {**before, **now} if now.get(path) != before.get(path)}
    words = tuple(dict.fromkeys(_words(settings, space)))[:N_WORDS] if before else ()
    changed = {**more, **others}
    trained = replace(composition, config=replace(composition.config, train=config.train))  # as its sampler asks
    return Differences(changed, settings, words, retraining(trained, own_config, changed), default.config.seed)


def _own_identity(own_config: Config) -> dict[str, str]:
    """Returns what the options alone make of a study; {} if that is nothing, as without a file that they must have.

    Then all that it is counts as changed.
    """
    try:
        return _identity(own_config, read_space(own_config, may_be_empty=True))
    except ValueError:
        return {}


def _identity(config: Config, space: Space) -> dict[str, str]:
    """Returns what makes a study another one, as far as it is known before the data are read."""
    identity = fingerprint(config, space, "", n_workers=0)
    if config.trainer.reads_texts:
        identity |= {path: str(value) for path, value in flatten(config.data, "data").items() if path != "data.cache"}
    unnamed = (
        *UNNAMED,
        *([CODE] if CALL in identity else []),
    )  # refused under the name it began with
    return {path: value for path, value in identity.items() if path not in unnamed}


def _words(settings: Mapping[str, str], space: Space) -> Iterable[str]:
    params = {f"space.{param.path}": param for param in space.params}
    for path, value in settings.items():
        name = path.rpartition(".")[2]
        if path in params:
            word = f"{name}{params[path].from_unit(0.0)}-{params[path].from_unit(1.0)}"
        elif value in ("True", "False"):
            word = name if value == "True" else f"no-{name}"
        else:
            word = value if re.match("[a-z]", value) else f"{name}{value}"
        if path not in SAID and value != ABSENT:
            yield word if re.fullmatch(r"[\w.+-]{1,20}", word) else name
