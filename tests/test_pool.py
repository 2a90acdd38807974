"""A pool of processes gives what one process gives, and dies with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hpo.config import Keep, Tokenizer
from hpo.pool import tokenize_texts
from hpo.tokens import Cut

from spawned import spawned

CUT = Cut(5, Keep.both)
SLEEPER = """
import time
from hpo.config import Keep, Tokenizer
from hpo.pool import tokenize_texts
from hpo.tokens import Cut

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
