"""The pictures of the manual: MLflow's list and run, a report, an evaluation, a terminal, a notebook.

    python docs/pictures.py WORKDIR [OUT]         runs the studies in WORKDIR, or continues with what is there
    python docs/pictures.py WORKDIR STUDY OUT     one study that is there in MLflow: its run and its evaluation
    python docs/pictures.py http://… STUDY OUT    the same, of an MLflow on 127.0.0.1 that runs already

Writes PNGs into OUT, docs/pictures by default. Needs chromium, the first also tmux and some minutes.
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

from PIL import Image  # noqa: E402

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
LONG = ["experiment=smoke", "sampler=random", "seed=2", "study.n_trials=500", "study.name=long"]  # is interrupted
N_TRIALS = 8  # before it is interrupted
HOME = "/home/you"  # in place of where the studies ran here
PICTURES = ROOT / "docs" / "pictures"
N_COLOURS = 64
DESK, PHONE = (1280, 700), (390, 844)
TERMINAL = (80, 24)
SETTLE_S = 2.0  # for what fades in
# MLflow opens an assistant and a notice on its telemetry at first.
QUIET = """
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
localStorage.setItem("mlflow.settings.telemetry.info-dismissed_v1", "true");
localStorage.setItem("mlflow.workflowType_v1", '"machine_learning"');
"""
# The name of this machine, and what lies where on it, is nobody's business.
COVER = """
(() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const [name, shown] of Object.entries(COVERED)) {
      const text = texts.currentNode;
      if (text.data.includes(name)) text.data = text.data.replaceAll(name, shown);
    }
  }
})()
"""
SCROLL = """
(title => Boolean(title) && (title.scrollIntoView(), true))(
  [...document.querySelectorAll("h2")].find(each => each.textContent.toLowerCase().includes("NAME")))
"""
# Where artifacts lie on this machine is nobody's business either; the page shows that line late.
HIDE = """
(lines => lines.length > 0 && lines.every(each => (each.style.visibility = "hidden", true)))(
  [...document.body.querySelectorAll("*")].filter(each => each.textContent.includes("file:///")
    && ![...each.children].some(child => child.textContent.includes("file:///"))))
"""
TERMINAL_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0c0c0c; color: #d9d9d9; }}
pre {{ margin: 0; padding: 12px; font: 15px/1.25 "DejaVu Sans Mono", monospace; display: inline-block; }}
</style><pre>{text}</pre>"""
NOTEBOOK_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 2rem auto; max-width: 60rem; font: 15px/1.5 system-ui, sans-serif; }}
pre {{ margin: 0; overflow-x: auto; font: 13px/1.4 "DejaVu Sans Mono", monospace; }}
.source {{ margin: .9rem 0; padding: .6rem .9rem; background: #f5f7f9; border-left: 3px solid #0b5fa5; }}
table {{ border: 0; border-collapse: collapse; font-size: 13px; }}
th, td {{ border: 0; padding: .35rem .7rem; text-align: right; }}
tbody tr:nth-child(odd) {{ background: #f5f7f9; }}
</style>{cells}"""


def main(argv: list[str]) -> int:
    if len(argv) not in (1, 2, 3):
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if len(argv) == 3:
            take_study(argv[0], argv[1], Path(argv[2]), Path(folder))
        else:
            take_manual(Path(argv[0]).resolve(), Path([*argv, PICTURES][1]).resolve(), Path(folder))
    return 0


def need(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        sys.exit(f"{' and '.join(missing)} must be installed.")


def take_manual(workdir: Path, out: Path, scratch: Path) -> None:
    need("chromium", "tmux")
    workdir.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    run_studies(workdir)
    take_terminal(workdir, scratch, out)
    take_pages(workdir, scratch, out)
    take_mlflow(workdir, scratch, out)


def hpo(*words: str) -> list[str]:
    return [sys.executable, "-m", "hpo", *words]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def run_studies(workdir: Path) -> None:
    for words in STUDIES:
        subprocess.run(hpo(*words), cwd=workdir, env=environ(), check=True, stdout=subprocess.DEVNULL)
    seen = {**environ(), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(hpo(*LONG), cwd=workdir, env=seen, stdout=subprocess.PIPE, text=True) as long:
        next((line for line in long.stdout or () if line.startswith(f"[{N_TRIALS}/")), None)
        long.terminate()
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
    console.print(Text.from_ansi(screen.strip().replace(str(workdir), HOME)), soft_wrap=True)
    page = scratch / "terminal.html"
    text = console.export_html(inline_styles=True, code_format="{code}", theme=MONOKAI)
    page.write_text(TERMINAL_PAGE.format(text=text), encoding="utf-8")
    with open_page(page, scratch / "terminal", width=780, height=420) as shown:
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
    evaluation = next(evaluations)
    views = {
        "report": (report, DESK, False),
        "report-dark": (report, DESK, True),
        "report-phone": (report, PHONE, False),
        "evaluation": (evaluation, DESK, False),
        "evaluation-phone": (evaluation, PHONE, False),
        "evaluation-phone-dark": (evaluation, PHONE, True),
    }
    for name, (page, (width, height), is_dark) in views.items():
        is_phone, profile = width == PHONE[0], scratch / name
        with open_page(page, profile, width=width, height=height, is_dark=is_dark, is_phone=is_phone) as shown:
            save(shown, out / f"{name}.png")
    notebook = scratch / "notebook.html"
    notebook.write_text(NOTEBOOK_PAGE.format(cells="".join(_cells())), encoding="utf-8")
    with open_page(notebook, scratch / "notebook", width=1040, height=1150) as shown:
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
    with served(str(workdir)) as uri, open_page("about:blank", scratch / "mlflow", width=1280, height=860) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=QUIET)
        run = run_path(uri, "first")
        views = {
            "list": (run_path(uri, "smoke-awd_lstm_small-tpe-none-s0").rpartition("/")[0], "matching runs"),
            "run": (run, "Parameters ("),
            "test": (f"{run}/artifacts/test.json", "best trial"),
        }
        for name, (path, known) in views.items():
            open_anew(page, f"{uri}/#{path}?workflowType=machine_learning")
            page.wait(f"document.body.innerText.includes({json.dumps(known)})")
            save(page, out / f"mlflow-{name}.png", workdir)


def take_study(place: str, study: str, out: Path, scratch: Path) -> None:
    """Takes a study's run, and its evaluation as MLflow shows it: confusion, calibration, classes and mistakes."""
    with served(place) as uri:
        need("chromium")
        address = f"{uri}/#{run_path(uri, study)}"
        out.mkdir(parents=True, exist_ok=True)
        with open_page("about:blank", scratch / "mlflow", width=1400, height=900) as page:
            page.call("Page.addScriptToEvaluateOnNewDocument", source=QUIET)
            open_anew(page, address)
            page.wait("document.body.innerText.includes('Parameters (')")
            save(page, out / "mlflow-run.png")
            for name in ("confusion", "calibration"):
                open_anew(page, f"{address}/artifacts/evaluation/{name}.png")
                shown = f"each.alt.endsWith('{name}.png') && each.naturalWidth > 500"
                page.wait(f"[...document.images].some(each => {shown})")
                page.wait(HIDE)
                save(page, out / f"mlflow-{name}.png")
            open_anew(page, f"{address}/artifacts/evaluation/evaluation.html")
            for name in ("classes", "mistakes"):
                page.wait_within("blob:", SCROLL.replace("NAME", name))  # what MLflow shows an HTML artifact in
                page.wait(HIDE)
                save(page, out / f"mlflow-{name}.png")


@contextmanager
def served(place: str) -> Iterator[str]:
    """Yields the address of an MLflow that shows what is at `place`."""
    if place.startswith("http"):
        yield place.rstrip("/")
        return
    if not (Path(place) / "mlflow.db").is_file():
        sys.exit(f"{place} has no mlflow.db; give the folder that studies ran in, or the address of an MLflow.")
    server = MlflowServer(Path(place).resolve())
    server.start()
    try:
        yield server.uri
    finally:
        server.kill()


def run_path(uri: str, study: str) -> str:
    """Returns the path of a study's run within the UI."""
    client = open_client(uri)
    experiments = [each.experiment_id for each in client.search_experiments()]
    name = f"tags.`hpo.study` = '{study}' AND tags.`hpo.state` = 'finished'"  # its trials have the name, too
    runs = client.search_runs(experiments, filter_string=name)
    if not runs:
        sys.exit(f"MLflow at {uri} shows no study {study}; its name is that of its folder in studies/.")
    return f"/experiments/{runs[0].info.experiment_id}/runs/{runs[0].info.run_id}"


def open_anew(page: Page, address: str) -> None:
    """Opens a page of the UI from the start: it does not follow an address that names another artifact."""
    page.open("about:blank")
    page.open(address)


def save(page: Page, path: Path, workdir: Path = ROOT) -> None:
    """Writes what is to be seen, in as few colours as make no difference."""
    time.sleep(SETTLE_S)
    covered = {socket.gethostname(): "a-machine", str(workdir): HOME}
    page.evaluate(COVER.replace("COVERED", json.dumps(covered)))
    page.save(path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(N_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
