"""What every command line of the package shares: help, composing its arguments, refusing in one sentence.

What a command does is its own module's business.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING

from hpo.machine.signals import SIGNALS

if TYPE_CHECKING:
    from hpo.config.compose import Composition
    from hpo.config.schema import Config

DONE, MISTAKE, HELD, PAUSED, FRUITLESS, INTERRUPTED = 0, 2, 3, 4, 5, 130

Call = Callable[["Composition"], int]
"""Does a command's work, given its settings as composed; returns an exit code."""

Main = Callable[..., int]
"""Runs a command line, that of the program unless another is given, and returns its exit code."""


def command(usage: str) -> Callable[[Callable[[list[str]], int]], Main]:
    """Makes a command of a function of the words of a command line: one that says its usage when asked for help."""

    def decorate(run: Callable[[list[str]], int]) -> Main:
        @wraps(run)
        def main(argv: list[str] | None = None) -> int:
            words = sys.argv[1:] if argv is None else argv
            if {"-h", "--help"} & set(words):
                print(usage)
                return DONE
            return run(words)

        return main

    return decorate


def split_words(argv: Sequence[str], keys: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Returns the values of the keys that are of one command alone, the last of each, and the other words."""
    pairs = [word for word in argv if "=" in word and word.partition("=")[0] in keys]
    return dict(word.split("=", 1) for word in pairs), [word for word in argv if word not in pairs]


def split_plugins(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the modules of options that `plugins=[…]` names, and the other words."""
    values, words = split_words(argv, ("plugins",))
    return [name for name in re.split(r"[][\s,'\"]+", values.get("plugins", "")) if name], words


def compose_and_call(
    argv: Sequence[str],
    call: Call,
    *,
    name: str = "config",
    root: type[Config] | None = None,
    may_lack: bool = False,
) -> int:
    """Composes `argv` with conf/ and calls `call`, once per job of a multirun.

    Args:
        argv: The command line without the program.
        call: Does the work.
        name: Which file of conf/ is the primary one.
        root: The type of the whole configuration; None means `Config`.
        may_lack: Whether values may be missing, because `call` composes again with more overrides.

    Returns:
        The largest exit code; 2 with a sentence on stderr if `argv` cannot be composed.
    """
    try:
        from hpo.config.compose import register_schemas
        from hpo.config.registry import load_plugins
        from hpo.config.schema import Config
        from hpo.machine.secrets import cover_word, masked_output

        with masked_output():
            plugins, words = split_plugins([cover_word(word) for word in argv])
            try:
                load_plugins(plugins)
                register_schemas(root or Config)
            except ValueError as error:
                return refuse(error)
            return _compose_and_call(words, call, name=name, may_lack=may_lack)
    except KeyboardInterrupt:  # as early as the imports, which take long enough to change one's mind
        return _interrupted(INTERRUPTED)


def _compose_and_call(argv: Sequence[str], call: Call, *, name: str, may_lack: bool) -> int:
    from hpo.config.compose import compose_job, hydra_initialized, search_path, show_job
    from hpo.config.overrides import read_arguments, split_jobs

    sys.argv = [sys.argv[0], *argv]  # multiprocessing hands it on to workers
    for number in SIGNALS:
        if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    try:
        with hydra_initialized():
            try:
                words = read_arguments(argv)
                jobs = [[*search_path(words.config_dir), *job] for job in split_jobs(words, name)]
                if words.is_shown:
                    print(show_job(name, jobs[0], package=words.package, is_resolved=words.is_resolved), end="")
                    return DONE
                composed = [compose_job(name, job, may_lack=may_lack) for job in jobs]
            except ValueError as error:
                return refuse(str(error))
            return _call_all(composed, call)
    except SystemExit as end:
        code = int(end.code or 0)
        return _interrupted(code) if code > 128 else code


def _call_all(jobs: Sequence[Composition], call: Call) -> int:
    """Returns the largest exit code of the jobs; what pauses or interrupts one stops those after it, too."""
    codes = [DONE]
    for job in jobs:
        codes.append(call(job))
        if codes[-1] == PAUSED or codes[-1] > 128:
            return codes[-1]
    return max(codes)


def _terminate(number: int, _: FrameType | None) -> None:
    """Ends the command by an exception, so that what it holds is let go; studies handle signals themselves."""
    raise SystemExit(128 + number)


def _interrupted(code: int) -> int:
    with suppress(OSError):  # the terminal may be what is lost
        refuse("interrupted; the same command continues.")
    return code


def refuse(sentence: str | Exception, *, code: int = MISTAKE) -> int:
    """Prints a sentence, or what an error says, on stderr, as one line with its secrets masked; returns `code`."""
    from hpo.machine.escaping import as_line
    from hpo.machine.paths import os_sentence
    from hpo.machine.secrets import mask

    if isinstance(sentence, OSError):
        sentence = os_sentence(sentence)
    print(f"hpo: {as_line(mask(str(sentence)))}", file=sys.stderr)
    return code


def give_up_output() -> None:
    """Lets Python end without writing what is left of the output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def absent(what: str, names: Iterable[str]) -> ValueError:
    """Returns the error that the record has no `what`, but others of these names."""
    return ValueError(f"There is no {what}; the record has {', '.join(names) or 'none'}.")
