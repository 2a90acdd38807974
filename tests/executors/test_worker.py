"""What a worker does before its first job."""

from __future__ import annotations

import subprocess
import sys

WORK = """
import sys
from hpo.executors.worker import Pause, work
def preload():
    import colorsys
class Closed:
    def send(self, message):
        print(message[0], "colorsys" in sys.modules)
    def recv(self):
        raise EOFError
assert "colorsys" not in sys.modules
work(Closed(), Pause(), slot=0, preload=preload)
"""


def test_a_worker_is_ready_when_it_has_imported_what_trainings_need() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    assert done.stdout == "ready True\n"


def test_workers_of_the_network_have_its_libraries_before_their_first_trial() -> None:
    code = "import sys; from hpo.config.registry import options; options()['trainer']['awd_lstm'].preload(None); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print('fastai' in sys.modules)"], capture_output=True, text=True
    )
    assert done.stdout == "True\n", done.stderr
