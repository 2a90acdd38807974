"""Tokenizing many texts, inline when they are few and in a process pool when they are many.

What a token is, is `tokens`'s concern.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import closing

from hpo.config.schema import Tokenizer
from hpo.data.tokens import SPACY_MAX_CHARS, Cut, Tokenize, Tokens, build_tokenizer, encode, join_tokens
from hpo.machine.cores import THREAD_VARIABLES, environment, n_cores
from hpo.machine.modules import main_aside
from hpo.machine.secrets import forget_credentials
from hpo.machine.signals import die_with_parent

# fewer texts are done sooner than processes start
N_INLINE = {Tokenizer.spacy: 5_000, Tokenizer.unicode: 20_000, Tokenizer.words: 100_000}
N_CHUNK = 500

OnTokenize = Callable[[int, int], None]

_tokenize: Tokenize | None = None  # one per pool process


class _Refused(ValueError):
    """The tokenizer takes no text as long as the one in the row that is the only argument."""


def tokenize_texts(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    cut: Cut,
    *,
    places: Sequence[str] = (),
    on_progress: OnTokenize,
    n_processes: int | None = None,
) -> Tokens:
    """Returns the cut tokens of `texts` in their order.

    Args:
        texts: What to tokenize.
        tokenizer: How.
        cut: Which tokens of a long text stay.
        places: Where each text was found, for errors.
        on_progress: Called with (texts done, texts in all).
        n_processes: 0 for none; None for the CPUs at hand if there are many texts, else none.

    Raises:
        ValueError: If a text is too long for the tokenizer, or a process of the pool was killed.
    """
    chunks = [texts[start : start + N_CHUNK] for start in range(0, len(texts), N_CHUNK)]
    if n_processes is None:
        n_processes = 0 if len(texts) < N_INLINE[tokenizer] else n_cores()
    encoded = _pooled(chunks, tokenizer, cut, n_processes) if n_processes else _inline(chunks, tokenizer, cut)
    done, results = 0, []
    on_progress(0, len(texts))
    with closing(encoded):  # else an exception's traceback would keep the pool at work
        try:
            for tokens in encoded:
                results.append(tokens)
                done += len(tokens.lengths)
                on_progress(done, len(texts))
        except _Refused as error:
            row = done + int(error.args[0])
            place = places[row] if places else f"row {row + 1}"
            raise ValueError(_too_long(texts[row], place)) from error
        except BrokenExecutor as error:
            raise ValueError(
                "A process that tokenizes texts was ended from outside, usually for want of memory; free some, let "
                "fewer run (taskset -c 0 python …), or give data.tokenizer=words, which needs less."
            ) from error
    return join_tokens(results)


def _too_long(text: str, place: str) -> str:
    return (
        f"The text in {place} has {len(text):,} characters; data.tokenizer=spacy takes {SPACY_MAX_CHARS:,} at most, "
        "the marks of capitals and repetitions among them: split the text, or give data.tokenizer=words."
    )


def _inline(chunks: Sequence[Sequence[str]], tokenizer: Tokenizer, cut: Cut) -> Generator[Tokens, None, None]:
    tokenize = build_tokenizer(tokenizer)
    for chunk in chunks:
        yield _encode(chunk, tokenize, cut)


def _pooled(
    chunks: Sequence[Sequence[str]], tokenizer: Tokenizer, cut: Cut, n_processes: int
) -> Generator[Tokens, None, None]:
    context = multiprocessing.get_context("spawn")
    with environment(dict.fromkeys(THREAD_VARIABLES, "1")):
        pool = ProcessPoolExecutor(n_processes, mp_context=context, initializer=_start_process, initargs=(tokenizer,))
        try:
            with main_aside():
                futures = [pool.submit(_encode_chunk, chunk, cut) for chunk in chunks]
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start_process(tokenizer: Tokenizer) -> None:
    """Builds this process's tokenizer; lets it die with its parent, which alone answers Ctrl-C."""
    global _tokenize
    forget_credentials()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()  # its work queue would keep it waiting for ever
    _tokenize = build_tokenizer(tokenizer)


def _encode_chunk(texts: Sequence[str], cut: Cut) -> Tokens:
    assert _tokenize is not None, "the pool's initializer builds it"
    return _encode(texts, _tokenize, cut)


def _encode(texts: Sequence[str], tokenize: Tokenize, cut: Cut) -> Tokens:
    try:
        return encode(texts, tokenize, cut)
    except ValueError as error:  # of spaCy's, on what fastai's rules have made of a text it does not name
        for row, text in enumerate(texts):
            if _is_refused(text, tokenize):
                raise _Refused(row) from error
        raise


def _is_refused(text: str, tokenize: Tokenize) -> bool:
    try:
        return not list(tokenize([text]))
    except ValueError:
        return True
