"""A pool of processes gives what one process gives, and dies with its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import pytest

from hpo.config.schema import Keep, Tokenizer
from hpo.data.tokenizer_pool import _start_process, tokenize_texts
from hpo.data.tokens import SPACY_MAX_CHARS, Cut
from tests.support.worker_processes import spawned

CUT = Cut(5, Keep.both)
SLEEPER = """
import time
from hpo.config.schema import Keep, Tokenizer
from hpo.data.tokenizer_pool import _start_process, tokenize_texts
from hpo.data.tokens import SPACY_MAX_CHARS, Cut

def stop(done, total):
    if done:
        print("started", flush=True)
        time.sleep(600)

if __name__ == "__main__":
    texts = ["some words"] * 3000
    tokenize_texts(texts, Tokenizer.words, Cut(None, Keep.head), on_progress=stop, n_processes=2)
"""


def test_processes_give_the_same_tokens_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    texts = [f"text {i} of words {i % 7}, and more" for i in range(1300)]
    reports: list[tuple[int, int]] = []
    pooled = tokenize_texts(texts, Tokenizer.words, CUT, on_progress=lambda *r: reports.append(r), n_processes=2)
    inline = tokenize_texts(texts, Tokenizer.words, CUT, on_progress=lambda *_: None)
    assert pooled.words == inline.words
    assert (pooled.codes == inline.codes).all()
    assert pooled.lengths.tolist() == inline.lengths.tolist() == [5] * 1300
    assert reports == [(0, 1300), (500, 1300), (1000, 1300), (1300, 1300)]
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_process_forgets_the_passwords_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "CANARY")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_start_process, initargs=(Tokenizer.words,)) as pool:
        assert pool.submit(os.getenv, "PGPASSWORD").result() is None


def test_an_interruption_ends_the_pool() -> None:
    def interrupt(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(KeyboardInterrupt) as error:
        tokenize_texts(["text"] * 5000, Tokenizer.words, CUT, on_progress=interrupt, n_processes=1)
    left = set(spawned())
    assert error.tb is not None  # which keeps the frames alive
    assert not left - before


@pytest.mark.parametrize("n_processes", [0, 1])
def test_a_text_that_is_too_long_for_spacy_is_named(n_processes: int) -> None:
    """Capitals become two tokens each before spaCy sees them: this text is too long although its characters are not."""
    texts = ["a few words"] * 501 + ["Word Next " * 99_500] + ["a few words"]
    assert len(texts[501]) < SPACY_MAX_CHARS
    with pytest.raises(ValueError, match=r"^The text in line 501 has 995,000 characters; data\.tokenizer=spacy takes"):
        tokenize_texts(
            texts,
            Tokenizer.spacy,
            CUT,
            places=[f"line {i}" for i in range(503)],
            on_progress=lambda *_: None,
            n_processes=n_processes,
        )
    found = tokenize_texts(texts, Tokenizer.words, Cut(None, Keep.head), on_progress=lambda *_: None, n_processes=0)
    assert found.lengths[501] == 199_001  # what splits words alone takes any length


def test_a_process_that_is_killed_is_said_to_be(tmp_path: Path) -> None:
    def kill(done: int, _total: int) -> None:
        for process in spawned() if done else ():
            process.kill()

    with pytest.raises(ValueError, match=r"^A process that tokenizes texts was ended from outside, usually for want"):
        tokenize_texts(["text"] * 50_000, Tokenizer.words, CUT, on_progress=kill, n_processes=1)


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"started\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 20
    while alive := [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.1)
