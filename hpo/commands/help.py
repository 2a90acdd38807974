"""The text of `hpo --help`, read from the lines of conf/.

Composes nothing and imports nothing heavy, so that it is there at once.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.machine.paths import conf_folder

WIDTH = 100
DEFAULT = re.compile(r"^\s+- (?P<group>\w+): (?P<option>\S+)(?:\s+#\s*(?P<purpose>.*))?$")

OPENING = """\
Finds hyperparameters of fastai AWD-LSTM text classifiers: one study, many trials, each in MLflow.

usage: hpo [group=option ...] [path=value ...]
       hpo COMMAND ...

examples
  hpo sampler=tpe
  hpo data=table data.path=reviews.csv study.n_trials=50
  hpo experiment=imdb pruner=asha
"""

COMMANDS = "commands, each with --help; without one, a study runs"
GROUPS = "groups: what a study is made of, one option each; * is the default\n"

CLOSING = """\
settings
  study.n_trials=50             a total: the same command again continues the study to it
  study.timeout_s=3600          also a total, in seconds; study.n_epochs=500 in epochs
  study.metric=valid_loss       what is optimised: accuracy, macro_f1, f1, roc_auc …
  study.name=mine               a study of its own; the default name follows from the options
  seed=1                        another study, all else equal

  model.encoder=domain          trials start from a language model of the texts, trained before them
  model.bidir=true              two classifiers a trial, one reads texts backwards; their probabilities are averaged

search space
  space.train.lr.high=0.05      moves a bound
  '~space.train.lr'             fixes a param at its value in train; train.lr=0.01 sets that value
  '+space.train={weight_decay: {type: float, low: 0.001, high: 0.3, log: true}}'
                                adds a param; its name is the config path it sets

results, in the working directory
  studies/<name>/               the weights of the best trial
  hpo.db                        the record (Optuna's): studies continue from it
  mlflow.db, mlartifacts/       what `hpo ui` shows: every trial, and the study's tables and figures

more
  --cfg job                     prints the composed configuration with every value, and runs nothing
  -m sampler=grid,random,tpe    multirun: one study after another
  --config-dir FOLDER           finds YAML files of your own, too: FOLDER/space/mine.yaml is space=mine
  plugins=[MODULE]              takes the options of a Python module of your own, too; --help lists them
  exit codes                    0 done, 2 a mistake in the input, 3 the study is held by another
                                driver, 4 paused by what the last line says, 130 or 143
                                interrupted: the same command continues
"""


@dataclass(frozen=True)
class Group:
    """One noun of the configuration, with its options and what each is."""

    name: str
    purpose: str
    default: str
    options: dict[str, str]


def print_help(commands: Mapping[str, str], *, plugins: Sequence[str]) -> None:
    """Prints usage, examples, commands and what each does, every group with its options, and where results go.

    Raises:
        ValueError: if the options of one of the modules `plugins`, or of an installed package, cannot be loaded.
    """
    from hpo.config.registry import plugin_options

    print(help_text(conf_folder(), commands, more=plugin_options(plugins)))


def help_text(conf: Path, commands: Mapping[str, str], *, more: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Returns the help for these commands, and for the options that the folder `conf` offers, and `more` by group."""
    lines = [f"  hpo {word:<12}{purpose}" for word, purpose in commands.items()]
    groups = (_group_text(group, (more or {}).get(group.name, {})) for group in read_groups(conf))
    return "\n".join([OPENING, COMMANDS, *lines, "", GROUPS, *groups, CLOSING])


def read_groups(conf: Path) -> Iterator[Group]:
    """Yields the groups of conf/config.yaml in their order."""
    for line in (conf / "config.yaml").read_text(encoding="utf-8").splitlines():
        match = DEFAULT.match(line)
        if match is not None:
            name, default = match["group"], "" if match["option"] == "null" else match["option"]
            yield Group(name, match["purpose"] or "", default, _options(conf / name))


def _options(folder: Path) -> dict[str, str]:
    return {path.stem: _purpose(path) for path in sorted(folder.glob("*.yaml"))}


def _purpose(path: Path) -> str:
    """Returns the first comment of an option file; `@package` lines are Hydra's."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and "@package" not in line:
            return line.lstrip("# ").strip()
    return ""


def _group_text(group: Group, more: Mapping[str, str]) -> str:
    none = "" if group.default else " (none by default)"
    lines = [f"{group.name}: {group.purpose}{none}" if group.purpose else f"{group.name}{none}"]
    options = {**group.options, **more}
    width = max((len(name) for name in options), default=0)
    for name, purpose in options.items():
        mark = "*" if name == group.default else " "
        label = f"  {mark} {name:<{width}}  "
        lines.append(textwrap.fill(purpose, WIDTH, initial_indent=label, subsequent_indent=" " * len(label)) or label)
    return "\n".join(line.rstrip() for line in lines) + "\n"
