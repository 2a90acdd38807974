"""`python -m hpo.show`: what is in the data a study would use.

Prepares the data as a study does and reads its train and valid parts; of the test part only the size is shown.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, PAUSED, compose_and_call, refuse

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpo.config.schema import Config
    from hpo.data.corpus import Corpus
    from hpo.data.vocabulary import Part

USAGE = """python -m hpo.show [data=docstrings] [data.path=FILE ...]

Shows the data that `python -m hpo` with the same settings would train on: classes, lengths, how much of it the
vocabulary knows, texts as the network sees them, and what logistic regression on bags of words makes of it."""

PARTS = ("train", "valid", "test")
SAMPLE_WIDTH, MAX_CLASSES = 160, 40


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return DONE
    return compose_and_call(argv, lambda config, _: _show(config))


def _show(config: Config) -> int:
    """Shows the data; a mistake in what was given ends in a sentence."""
    from hpo.config.limits import check_limits
    from hpo.data.corpus import open_corpus, prepare
    from hpo.machine.files import lack_of_room
    from hpo.machine.paths import os_sentence
    from hpo.terminal.console import open_console, unless_gone

    try:
        check_limits(config)
        corpus = open_corpus(prepare(config.data))
    except (ValueError, OSError) as error:
        if obstacle := lack_of_room(error):
            return refuse(obstacle, code=PAUSED)
        return refuse(os_sentence(error) if isinstance(error, OSError) else str(error))
    console = open_console()
    with unless_gone(console):
        _print_corpus(console, corpus)
    return DONE


def _print_corpus(console: Console, corpus: Corpus) -> None:
    from rich.text import Text

    from hpo.machine.escaping import printable

    name, fingerprint = printable(str(corpus.facts["name"])), printable(corpus.fingerprint)
    console.print(Text(f"{name}, fingerprint {fingerprint}", "bold"), soft_wrap=True)
    console.print()
    _print_classes(console, corpus)
    _print_lengths(console, corpus)
    _print_doubles(console, corpus)
    _print_sample(console, corpus)
    held = ", ".join(f"{metric} {value:.4f}" for metric, value in corpus.baseline.items())
    console.print(Text(f"Logistic regression on bags of words, on valid: {held}"), soft_wrap=True)


def _print_classes(console: Console, corpus: Corpus) -> None:
    import numpy as np

    table = _table("class", *PARTS)
    counts = {name: np.bincount(corpus.part(name).labels, minlength=len(corpus.classes)) for name in PARTS}
    for i, name in enumerate(corpus.classes[:MAX_CLASSES]):
        _add(table, name, *(f"{counts[part][i]:,}" for part in PARTS))
    if len(corpus.classes) > MAX_CLASSES:
        _add(table, f"and {len(corpus.classes) - MAX_CLASSES:,} more", "", "", "")
    _add(table, "all", *(f"{len(corpus.part(name)):,}" for name in PARTS))
    console.print(table, "")


def _print_lengths(console: Console, corpus: Corpus) -> None:
    from hpo.data.vocabulary import FAKE, coverage

    table = _table("tokens a text", "least", "median", "95 %", "most", "words known")
    for name in PARTS[:2]:
        part = corpus.part(name)
        _add(table, name, *_quantiles(part), f"{100 * coverage(part):.2f} %")
    console.print(table)
    n_words = sum(word != FAKE for word in corpus.vocab)
    console.print(f"vocabulary: {n_words:,} tokens, those of the train part", "", sep="\n")


def _print_doubles(console: Console, corpus: Corpus) -> None:
    doubles = [f"{n:,} of {len(corpus.part(name)):,} texts of {name}" for name, n in corpus.doubles.items() if n]
    if doubles:
        console.print(f"also in train, letter by letter: {' and '.join(doubles)}", "", sep="\n")


def _quantiles(part: Part) -> list[str]:
    import numpy as np

    lengths = np.diff(part.offsets)
    return [f"{int(value):,}" for value in np.quantile(lengths, [0, 0.5, 0.95, 1], method="nearest")]


def _print_sample(console: Console, corpus: Corpus) -> None:
    import numpy as np

    from hpo.data.vocabulary import as_seen

    table = _table("class", "a text of the train part, as the network sees it")
    for i, name in enumerate(corpus.classes[:MAX_CLASSES]):
        row = int(np.flatnonzero(corpus.train.labels == i)[0])
        seen = as_seen(corpus.train, row, corpus.vocab)
        _add(table, name, seen if len(seen) <= SAMPLE_WIDTH else f"{seen[:SAMPLE_WIDTH]}…")
    table.columns[-1].justify = "left"
    console.print(table, "")


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    from rich.text import Text

    from hpo.machine.escaping import printable

    table.add_row(*(Text(printable(cell)) for cell in cells))
