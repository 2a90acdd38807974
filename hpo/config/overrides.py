"""The words of a command line: the options of a command, its overrides, and the jobs that `-m` makes of them.

What an override changes is `compose`'s business.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from hpo.config.bounds import MAX_WORD
from hpo.config.override_text import quoted_override
from hpo.machine.paths import expanded, is_folder

MAX_JOBS = 1000
SWITCHES = {"-m": "-m", "--multirun": "-m", "--resolve": "--resolve"}
VALUED = {"-c": "--cfg", "--cfg": "--cfg", "-p": "--package", "--package": "--package"}
VALUED |= {"-cd": "--config-dir", "--config-dir": "--config-dir"}
PARAM = re.compile(r"space\.\w+\.\w+")
MAY_BE_NULL = {"experiment": "any", "comparison": "compare"}  # groups without a default, and the file that has them
OPTION = re.compile(r"(?!.*\.ya?ml$)[^/.$][^/$]*")


@dataclass(frozen=True)
class Arguments:
    """A command line, read.

    Attributes:
        overrides: The words that are no options, in their order.
        is_multirun: Whether there is a study for each combination of the values given.
        is_shown: Whether the configuration is printed instead of used.
        package: Which part of it is printed; None means all.
        is_resolved: Whether it is printed with its interpolations resolved.
        config_dir: A folder of YAML files beside ours.
    """

    overrides: tuple[str, ...]
    is_multirun: bool = False
    is_shown: bool = False
    package: str | None = None
    is_resolved: bool = False
    config_dir: Path | None = None


def read_arguments(argv: Sequence[str]) -> Arguments:
    """Returns what `argv`, the command line without the program, says; options may stand anywhere.

    Raises:
        ValueError: for a word that cannot be read.
    """
    options: dict[str, str] = {}
    overrides: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if len(word) > MAX_WORD:
            raise ValueError(
                f"{name[:100]}=… has {len(word):,} characters, at most {MAX_WORD:,} are read; put it into a YAML file, "
                "as in conf/space/mine.yaml for space=mine."
            )
        if not word.startswith("-"):
            overrides.append(word)
        elif word in SWITCHES:
            options[SWITCHES[word]] = ""
        elif name in VALUED:
            options[VALUED[name]] = value if equals else next(words, "")
        else:
            raise ValueError(_no_option(word))
    folder = _folder(options["--config-dir"]) if "--config-dir" in options else None
    if options.get("--cfg", "job") != "job":
        raise ValueError(f"--cfg {options['--cfg']} shows nothing; write --cfg job, which shows all settings.")
    if "--cfg" in options and "-m" in options:
        raise ValueError("--cfg job shows the settings of one study; leave out -m.")
    for name in ("--package", "--resolve"):
        if name in options and "--cfg" not in options:
            raise ValueError(f"{name} says how settings are shown; give it with --cfg job.")
    return Arguments(
        tuple(overrides),
        is_multirun="-m" in options,
        is_shown="--cfg" in options,
        package=options.get("--package"),
        is_resolved="--resolve" in options,
        config_dir=folder,
    )


def split_jobs(arguments: Arguments, name: str = "config") -> list[list[str]]:
    """Returns the overrides of each study: of one, or with `-m` of every combination of values.

    Called where Hydra is initialized.

    Args:
        arguments: The command line.
        name: Which file of conf/ is the primary one.

    Raises:
        ValueError: for an override that cannot be read, or that belongs to no study of ours.
    """
    loader = GlobalHydra.instance().config_loader()
    parser, groups = OverridesParser.create(config_loader=loader), loader.list_groups("")
    words = [_readable(parser, word, may_be_several=arguments.is_multirun) for word in arguments.overrides]
    read = [_read(parser, word, following) for word, following in itertools.zip_longest(words, words[1:], fillvalue="")]
    for word, override in zip(words, read, strict=True):
        _check(word, override)
        if override.key_or_group in groups:
            _check_option(word, override, may_be_null=MAY_BE_NULL.get(override.key_or_group) in (name, "any"))
        if override.is_sweep_override() and not arguments.is_multirun:
            raise ValueError(_several(word))
    choices = [[word] if not o.is_sweep_override() else _values(o) for word, o in zip(words, read, strict=True)]
    jobs = list(itertools.islice(itertools.product(*choices), MAX_JOBS + 1))
    if not jobs:
        raise ValueError("-m has no study to run: a list of values is empty; name at least one value.")
    if len(jobs) > MAX_JOBS:
        raise ValueError(f"-m makes more than {MAX_JOBS:,} studies of these values; name fewer.")
    return [list(job) for job in jobs]


def mapped_names(override: str) -> list[str]:
    """Returns the names that an override gives values, as in train={lr: 0.01, epochs: 3}."""
    return list(map(str, cast("Mapping[str, object]", OverridesParser.create().parse_override(override).value())))


def unreadable(override: str) -> str:
    """Returns the sentence for an override that Hydra's grammar does not know."""
    path, equals, value = override.partition("=")
    if not override.strip():
        return "A word of the command line is empty, as of a variable that is not set; leave it out."
    if not equals:
        return f"The override '{override}' cannot be read; write path=value."
    return (
        f"The override '{override}' cannot be read; a value with spaces or signs needs two pairs of quotes, "
        f"""'{path}="{value}"', and a list brackets, '{path}=[a,b]'."""
    )


def _readable(parser: OverridesParser, word: str, *, may_be_several: bool) -> str:
    """Returns an override as Hydra can read it; a shell's quotes are enough around a path with blanks, `~` or ö."""
    for written in (word, quoted_override(word, may_be_several=may_be_several)):
        with suppress(Exception):  # whatever the grammar makes of it
            parser.parse_overrides([written])
            return written
    return word


def _read(parser: OverridesParser, word: str, following: str) -> Override:
    try:
        return parser.parse_overrides([word])[0]
    except Exception as error:  # whatever the grammar makes of it
        if word.isidentifier() and following.isidentifier():
            raise ValueError(f"'{word} {following}' are two words; write {word}={following}.") from error
        raise ValueError(unreadable(word)) from error


def _check(word: str, override: Override) -> None:
    """Refuses what Hydra can read, but what makes no sense here."""
    key = override.key_or_group
    if not key:
        raise ValueError(unreadable(word))
    if override.is_hydra_override():
        raise ValueError(f"The override '{word}' is about Hydra, which does nothing here but compose; leave it out.")
    if override.is_sweep_override() and not override.is_discrete_sweep():
        raise ValueError(f"The override '{word}' is no list of values; name them: '{override.get_key_element()}=1,2'.")
    if override.is_delete() and (not PARAM.fullmatch(key) or "=" in word):
        raise ValueError(f"{word} is not possible: only params can be deleted, as in '~space.train.lr'.")
    if override.package is not None:
        raise ValueError(f"{word} names a package behind its @, which nothing here has; leave it out.")


def _check_option(word: str, override: Override, *, may_be_null: bool) -> None:
    """Refuses what is no name of an option where a config group takes one."""
    key, value = override.key_or_group, word.partition("=")[2]
    if override.is_add() or override.is_force_add():
        raise ValueError(f"{key} is there already; leave out the plus: {key}={value}.")
    option = override.value() if not override.is_sweep_override() else None
    is_none = option is None and (may_be_null or override.is_sweep_override())
    if not is_none and not isinstance(option, dict) and not (isinstance(option, str) and OPTION.fullmatch(option)):
        raise ValueError(f"{word} names no option; {key} takes the name of one, as --help lists them.")


def _values(override: Override) -> list[str]:
    """Returns an override for each value of a sweep; one more than may be, if there are too many."""
    key = override.get_key_element()
    try:
        return [f"{key}={value}" for value in itertools.islice(override.sweep_string_iterator(), MAX_JOBS + 1)]
    except Exception as error:  # whatever Hydra makes of ranges and patterns
        raise ValueError(unreadable(override.input_line or key)) from error


def _several(word: str) -> str:
    path, _, value = word.partition("=")
    return (
        f"'{word}' gives several values; put -m before it for a study with each, or write '{path}=[{value}]' for a "
        f"""list and '{path}="{value}"' for a text."""
    )


def _no_option(word: str) -> str:
    setting = word.lstrip("-")
    example = setting if "=" in setting[1:] else "sampler=tpe"
    return (
        f"{word} is no option; those are --help, --cfg job, --config-dir FOLDER and -m. "
        f"Settings are given without dashes, as in {example}."
    )


def _folder(text: str) -> Path:
    folder = expanded(text)
    if not text or not is_folder(folder):
        raise ValueError(f"--config-dir {text} is no folder; give one with YAML files, as in --config-dir conf.")
    return folder.absolute()
