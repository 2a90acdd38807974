"""The pictures of the manual: MLflow's list and run, a report, an evaluation, a terminal, a notebook.

    python docs/pictures.py WORKDIR [OUT]

Runs the studies in WORKDIR, or continues with what is there, and writes the PNGs into OUT, docs/pictures by default.
Needs chromium and tmux, and some minutes.
"""

from __future__ import annotations

import html
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT)]

from hpo.tracking.client import open_client  # noqa: E402
from tests.chaos.server import MlflowServer  # noqa: E402
from tests.support.browser import Page, open_page  # noqa: E402

FIRST = ["sampler=tpe", "study.n_trials=4", "data.n_per_class=100", "study.name=first"]
STUDIES = [
    FIRST,
    ["experiment=smoke"],
    ["experiment=smoke", "sampler=random"],
    ["experiment=smoke", "seed=1"],
    ["compare", "experiment=smoke", "seeds=7", "study.n_trials=8"],
]
LONG = ["experiment=smoke", "sampler=random", "seed=2", "study.n_trials=500"]  # is interrupted
INTERRUPTED_S = 25.0
DESK, PHONE = (1280, 700), (390, 844)
TERMINAL = (80, 24)
SETTLE_S = 2.0  # for what fades in
# MLflow opens an assistant and a notice on its telemetry at first.
QUIET = """
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
localStorage.setItem("mlflow.settings.telemetry.info-dismissed_v1", "true");
"""
# The name of this machine is nobody's business.
COVER = """
(() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(HOST, "a-machine");
})()
"""
TERMINAL_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: #14171a; color: #e4e7ea; }}
pre {{ margin: 0; padding: 12px; font: 15px/1.25 "DejaVu Sans Mono", monospace; display: inline-block; }}
{css}</style><pre>{text}</pre>"""
NOTEBOOK_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 2rem auto; max-width: 60rem; font: 15px/1.5 system-ui, sans-serif; }}
pre {{ overflow-x: auto; font: 13px/1.4 "DejaVu Sans Mono", monospace; }}
.source {{ padding: .6rem .9rem; background: #f5f7f9; border-left: 3px solid #0b5fa5; }}
</style>{cells}"""


def main(argv: list[str]) -> int:
    if len(argv) not in (1, 2):
        print(__doc__)
        return 2
    missing = [name for name in ("chromium", "tmux") if shutil.which(name) is None]
    if missing:
        sys.exit(f"{' and '.join(missing)} must be installed.")
    workdir, out = Path(argv[0]).resolve(), Path(argv[1] if len(argv) > 1 else ROOT / "docs" / "pictures").resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    run_studies(workdir)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        take_terminal(workdir, scratch, out)
        take_pages(workdir, scratch, out)
        take_mlflow(workdir, scratch, out)
    return 0


def hpo(*words: str) -> list[str]:
    return [sys.executable, "-m", "hpo", *words]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def run_studies(workdir: Path) -> None:
    for words in STUDIES:
        subprocess.run(hpo(*words), cwd=workdir, env=environ(), check=True, stdout=subprocess.DEVNULL)
    long = subprocess.Popen(hpo(*LONG), cwd=workdir, env=environ(), stdout=subprocess.DEVNULL)
    time.sleep(INTERRUPTED_S)
    long.terminate()
    long.wait()
    subprocess.run(hpo("sync"), cwd=workdir, env=environ(), check=True, stdout=subprocess.DEVNULL)


def take_terminal(workdir: Path, scratch: Path, out: Path) -> None:
    """Types the first study's command again, which sums it up, and draws what a terminal shows then."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    tmux = ["tmux", "-L", f"pictures-{os.getpid()}"]
    shell = f"cd {workdir}; PS1='$ ' exec bash --norc --noprofile"
    width, height = TERMINAL
    command = [*tmux, "new-session", "-d", "-x", str(width), "-y", str(height), shell]
    subprocess.run(command, env=environ(), check=True)
    try:
        words = " ".join(hpo(*FIRST))
        subprocess.run([*tmux, "send-keys", f"clear; {words}; echo done-with-it; clear -x", "Enter"], check=True)
        subprocess.run([*tmux, "send-keys", "", ""], check=True)
        screen = _wait_for(tmux, "texts ")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True)
    for line in screen.rstrip().splitlines():
        console.print(Text.from_ansi(line), soft_wrap=True)
    page = scratch / "terminal.html"
    text = console.export_html(inline_styles=True, code_format="{code}", theme=MONOKAI)
    page.write_text(TERMINAL_PAGE.format(css="", text=text), encoding="utf-8")
    with open_page(page, scratch / "terminal", width=780, height=490) as shown:
        save(shown, out / "terminal.png")


def _wait_for(tmux: list[str], words: str) -> str:
    deadline = time.monotonic() + 300
    while True:
        screen = subprocess.run([*tmux, "capture-pane", "-e", "-p"], capture_output=True, text=True, check=True).stdout
        if words in screen or time.monotonic() > deadline:
            return screen
        time.sleep(0.5)


def take_pages(workdir: Path, scratch: Path, out: Path) -> None:
    report = workdir / "reports" / "smoke" / "report.html"
    evaluations = (workdir / "mlartifacts").rglob("evaluation/evaluation.html")
    pages = {"report": report, "evaluation": next(evaluations)}
    views = [("", DESK, False), ("-dark", DESK, True), ("-phone", PHONE, False), ("-phone-dark", PHONE, True)]
    for name, page in pages.items():
        for suffix, (width, height), is_dark in views:
            is_phone, profile = width == PHONE[0], scratch / f"{name}{suffix}"
            with open_page(page, profile, width=width, height=height, is_dark=is_dark, is_phone=is_phone) as shown:
                save(shown, out / f"{name}{suffix}.png")
    notebook = scratch / "notebook.html"
    notebook.write_text(NOTEBOOK_PAGE.format(cells="".join(_cells())), encoding="utf-8")
    with open_page(notebook, scratch / "notebook", width=1040, height=900) as shown:
        save(shown, out / "notebook.png")


def _cells() -> Iterator[str]:
    """Yields the code of the notebook and what it showed; nothing but its first figure."""
    for cell in json.loads((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        yield f'<pre class="source">{html.escape("".join(cell["source"]))}</pre>'
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "text/html" in data and "plotly" not in "".join(data["text/html"])[:4000].lower():
                yield "".join(data["text/html"])
            elif "text" in output or "text/plain" in data:
                yield f"<pre>{html.escape(''.join(output.get('text') or data['text/plain']))}</pre>"


def take_mlflow(workdir: Path, scratch: Path, out: Path) -> None:
    with served(workdir) as uri, open_page("about:blank", scratch / "mlflow", width=1280, height=860) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=QUIET)
        client = open_client(uri)
        experiment = client.get_experiment_by_name("smoke").experiment_id
        study = "tags.`hpo.study` = 'smoke-awd_lstm_small-tpe-none-s0' AND tags.`hpo.state` = 'finished'"
        run = client.search_runs([experiment], filter_string=study)[0].info.run_id
        where = f"{uri}/#/experiments/{experiment}/runs"
        views = {
            "list": "",
            "run": f"/{run}",
            "metrics": f"/{run}/model-metrics",
            "test": f"/{run}/artifacts/test.json",
        }
        known = {"list": "matching runs", "run": "Parameters (", "metrics": "best_accuracy", "test": "best trial"}
        for name, path in views.items():
            page.open("about:blank")
            page.open(f"{where}{path}?workflowType=machine_learning")
            page.wait(f"document.body.innerText.includes({json.dumps(known[name])})")
            save(page, out / f"mlflow-{name}.png")


@contextmanager
def served(workdir: Path) -> Iterator[str]:
    server = MlflowServer(workdir)
    server.start()
    try:
        yield server.uri
    finally:
        server.kill()


def save(page: Page, path: Path) -> None:
    time.sleep(SETTLE_S)
    page.evaluate(COVER.replace("HOST", json.dumps(socket.gethostname())))
    page.save(path)
    print(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
