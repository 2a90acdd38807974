"""`hpo show`: what is in the data a study would use.

Prepares the data as a study does and reads its train and valid parts; of the test part its size is shown, and what the
baseline reaches on it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, PAUSED, command, compose_and_call, refuse

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpo.config.schema import Config
    from hpo.data.baseline import Baseline
    from hpo.data.corpus import Corpus

USAGE = """hpo show [data=docstrings] [data.path=FILE ...]

Shows the data that `hpo` with the same settings would train on: classes, lengths, how much of it the
vocabulary knows, texts as the network sees them, and what a linear model of words and word pairs makes of it."""

PARTS = ("train", "valid", "test")
SAMPLE_WIDTH, MAX_CLASSES = 160, 40


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    return compose_and_call(argv, lambda job: _show(job.config))


def _show(config: Config) -> int:
    """Shows the data; a mistake in what was given ends in a sentence."""
    from hpo.config.limits import check_limits
    from hpo.data.corpus import open_corpus, prepare
    from hpo.data.metrics import find_class
    from hpo.machine.files import lack_of_room
    from hpo.terminal.console import open_console, unless_gone

    try:
        check_limits(config)
        corpus = open_corpus(prepare(config.data, on_note=lambda note: print(f"hpo: {note}", file=sys.stderr)))
        if positive := config.study.positive:
            find_class(positive, corpus.classes, setting="study.positive")
    except (ValueError, OSError) as error:
        obstacle = lack_of_room(error)
        return refuse(obstacle, code=PAUSED) if obstacle else refuse(error)
    console = open_console()
    with unless_gone(console):
        _print_corpus(console, corpus, corpus.baseline_about(positive))
    return DONE


def _print_corpus(console: Console, corpus: Corpus, baseline: Baseline) -> None:
    from rich.text import Text

    from hpo.data.vocabulary import FAKE
    from hpo.machine.escaping import printable

    name, fingerprint = printable(str(corpus.facts["name"])), printable(corpus.fingerprint)
    console.print(Text(f"{name}, fingerprint {fingerprint}", "bold"), soft_wrap=True)
    console.print("", _table(["class", *PARTS], _class_rows(corpus)), "", sep="\n")
    console.print(_table(["tokens a text", "least", "median", "95 %", "most", "words known"], _length_rows(corpus)))
    n_words = sum(word != FAKE for word in corpus.vocab)
    tokenizer = f"data.tokenizer={corpus.facts['tokenizer']}"
    console.print(f"vocabulary: {n_words:,} tokens, those of the train part, by {tokenizer}", "", sep="\n")
    for note in corpus.notes:
        console.print(Text(printable(note), "yellow"), "", sep="\n", soft_wrap=True)
    sample = _table(["class", "a text of the train part, as the network sees it"], _sample_rows(corpus))
    sample.columns[-1].justify = "left"
    console.print(sample, "")
    for line in _baseline_lines(baseline):
        console.print(Text(printable(line)), soft_wrap=True)


def _baseline_lines(baseline: Baseline) -> Iterator[str]:
    if not baseline.valid:
        yield f"baseline: {baseline.settings}"
        return
    yield f"baseline: a linear model of {baseline.settings}"
    for part, scores in (("valid", baseline.valid), ("test", baseline.test)):
        shown = (f"{metric.removeprefix('valid_')} {value:.4f}" for metric, value in scores.items())
        yield f"  on {part}: {', '.join(shown)}"
    yield f"  chosen and fitted in {math.ceil(baseline.cpu_s)} s of one core"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from hpo.machine.escaping import printable

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _class_rows(corpus: Corpus) -> Iterator[list[str]]:
    import numpy as np

    counts = [np.bincount(corpus.part(name).labels, minlength=len(corpus.classes)) for name in PARTS]
    for i, name in enumerate(corpus.classes[:MAX_CLASSES]):
        yield [name, *(f"{count[i]:,}" for count in counts)]
    if len(corpus.classes) > MAX_CLASSES:
        yield [f"and {len(corpus.classes) - MAX_CLASSES:,} more"]
    yield ["all", *(f"{len(corpus.part(name)):,}" for name in PARTS)]


def _length_rows(corpus: Corpus) -> Iterator[list[str]]:
    import numpy as np

    from hpo.data.vocabulary import coverage

    for name in PARTS[:2]:
        part = corpus.part(name)
        quantiles = np.quantile(np.diff(part.offsets), [0, 0.5, 0.95, 1], method="nearest")
        yield [name, *(f"{int(value):,}" for value in quantiles), f"{100 * coverage(part):.2f} %"]


def _sample_rows(corpus: Corpus) -> Iterator[list[str]]:
    import numpy as np

    from hpo.data.vocabulary import as_seen

    for i, name in enumerate(corpus.classes[:MAX_CLASSES]):
        row = int(np.flatnonzero(corpus.train.labels == i)[0])
        seen = as_seen(corpus.train, row, corpus.vocab)
        yield [name, seen if len(seen) <= SAMPLE_WIDTH else f"{seen[:SAMPLE_WIDTH]}…"]
