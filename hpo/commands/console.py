"""`hpo`, or `python -m hpo`: hands a command line to the command that a word names, or else to a study.

What a command does is its own module's business; a new one is a module beside this one, and a word here.
"""

from __future__ import annotations

import os
import resource
import sys
from importlib import import_module

from hpo import __version__
from hpo.commands.command import DONE, PAUSED, give_up_output, refuse, split_plugins
from hpo.machine.files import lack_of_memory

WORDS = {
    "best": "the best classifier that the time allows: linear models, networks, both together",
    "compare": "strategies x paired seeds, and a report that says which was better, if any",
    "report": "that report again from what is recorded, or from the CSV of another tuner",
    "reproduce": "a trial of a report trained again, every epoch compared; the report's own digits checked",
    "curves": "one's own learning curves as a table to search instead of training",
    "show": "what is in the data: classes, lengths, a baseline",
    "predict": "what the model of a study says of texts and files",
    "sync": "brings MLflow up to date with the record",
    "copy": "studies from one record into another, from a file to a database",
    "ui": "MLflow's pages on every trial, in the browser",
    "doctor": "whether a study would run here, and what to do if not",
}
"""The commands beside a study, in the order of the help, and what each does; each is a module here."""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it sends SIGINT where memory for its threads is refused
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:  # nobody reads any more, as behind `| head`
        give_up_output()
        return DONE
    except Exception as error:
        if not (obstacle := lack_of_memory(error)):
            raise
        return refuse(obstacle, code=PAUSED)


def _main(words: list[str]) -> int:
    place = next((i for i, word in enumerate(words) if "=" not in word), len(words))  # it may stand behind overrides
    first, following = [*words[place:], "", ""][:2]
    if first in WORDS:
        return int(import_module(f"hpo.commands.{first}").main([*words[:place], *words[place + 1 :]]))
    if first == "--version":
        print(f"hpo {__version__}")
        return DONE
    if {"-h", "--help"} & set(words):
        from hpo.commands.help import print_help

        try:
            print_help(WORDS, plugins=split_plugins(words)[0])
            sys.stdout.flush()
        except ValueError as error:
            return refuse(error)
        return DONE
    sentence = _unknown(first, following)
    if sentence:
        return refuse(sentence)
    from hpo.commands.study import main as run_study

    return run_study(words)


def _unknown(word: str, following: str) -> str:
    """Returns what to say of a word that may have been meant as a command, "" of one that was not."""
    if not word.isidentifier():  # an option, or an override
        return ""
    from difflib import get_close_matches

    nearest = get_close_matches(word.lower(), [*WORDS, "--help", "--version"], n=1)
    if nearest:
        return f"There is no command '{word}'; did you mean hpo {nearest[0]}?"
    if following.isidentifier():  # sampler tpe, which a study's refusal explains
        return ""
    return f"There is no command '{word}'; there are {', '.join(WORDS)}, and a study needs none: hpo sampler=tpe."
