"""Pictures of a study in the MLflow UI: its run, the confusion matrix, the calibration, the most confident mistakes.

    python screenshots.py WORKDIR STUDY OUT       WORKDIR holds mlflow.db; an MLflow is started for the pictures
    python screenshots.py http://… STUDY OUT      an MLflow on 127.0.0.1 that runs already

Writes mlflow-run.png, mlflow-confusion.png, mlflow-calibration.png, mlflow-classes.png (classes and matrix of
the evaluation's page) and mlflow-mistakes.png into OUT. Needs chromium.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parents[1])]

from hpo.tracking.client import open_client  # noqa: E402
from tests.chaos.server import MlflowServer  # noqa: E402
from tests.support.browser import Page, open_page  # noqa: E402

WIDTH, HEIGHT = 1400, 900
SETTLE_S = 1.5  # for what fades in
# MLflow opens an assistant and its GenAI pages at first.
QUIET = """
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
localStorage.setItem("mlflow.workflowType_v1", '"machine_learning"');
"""
SCROLL = """
(title => Boolean(title) && (title.scrollIntoView(), true))(
  [...document.querySelectorAll("h2")].find(each => each.textContent.toLowerCase().includes("NAME")))
"""
# Where artifacts lie on this machine is nobody's business; the page shows that line late.
HIDE = """
(lines => lines.length > 0 && lines.every(each => (each.style.visibility = "hidden", true)))(
  [...document.body.querySelectorAll("*")].filter(each => each.textContent.includes("file:///")
    && ![...each.children].some(child => child.textContent.includes("file:///"))))
"""
FRAME = "blob:"  # what MLflow shows an HTML artifact in


def main(argv: list[str]) -> int:
    if len(argv) != 3:
        print(__doc__)
        return 2
    place, study, out = argv[0], argv[1], Path(argv[2])
    with served(place) as uri:
        address = f"{uri}/#{run_path(uri, study)}"
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            take_pictures(address, out, Path(profile))
    return 0


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


def take_pictures(address: str, out: Path, profile: Path) -> None:
    with open_page("about:blank", profile, width=WIDTH, height=HEIGHT) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=QUIET)
        open_anew(page, address)
        page.wait("document.body.innerText.includes('Parameters (')")
        save(page, out / "mlflow-run.png")
        for name in ("confusion", "calibration"):
            open_anew(page, f"{address}/artifacts/evaluation/{name}.png")
            page.wait(f"[...document.images].some(each => each.alt.endsWith('{name}.png') && each.naturalWidth > 500)")
            hide_place(page)
            save(page, out / f"mlflow-{name}.png")
        open_anew(page, f"{address}/artifacts/evaluation/evaluation.html")
        for name in ("classes", "mistakes"):
            page.wait_within(FRAME, SCROLL.replace("NAME", name))
            hide_place(page)
            save(page, out / f"mlflow-{name}.png")


def hide_place(page: Page) -> None:
    """Hides the path of an artifact, which the UI shows where MLflow keeps artifacts in a folder."""
    page.wait(HIDE)


def open_anew(page: Page, address: str) -> None:
    """Opens a page of the UI from the start: it does not follow an address that names another artifact."""
    page.open("about:blank")
    page.open(address)


def save(page: Page, path: Path) -> None:
    time.sleep(SETTLE_S)
    page.save(path)
    print(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
