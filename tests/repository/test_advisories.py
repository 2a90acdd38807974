"""`make audit`: real pip-audit, asking a service of advisories on this machine."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support import ROOT

pytest.importorskip("pip_audit", reason="pip-audit comes with the dev extra")

ADVISORY = {
    "id": "GHSA-0000-0000-0000",
    "aliases": ["CVE-2099-1"],
    "summary": "Everything\nis possible.",
    "affected": [
        {
            "package": {"name": "hydra-core", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
        }
    ],
}
Audit = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def service() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The address of a service that has one advisory, on hydra-core, and what it was asked."""
    asked: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"name": query["package"]["name"], "version": query["version"]})
            found = {"vulns": [ADVISORY]} if query["package"]["name"] == "hydra-core" else {}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Runs the audit of a repository whose SECURITY.md accepts what it is given."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "audit.py", tmp_path / ".ci" / "audit.py")

    def audit(url: str, *rows: str) -> subprocess.CompletedProcess[str]:
        table = "\n".join(["| advisory | package | why it stays |", "|---|---|---|", *rows])
        elsewhere = "## Else\n\n| CVE-2099-1 | hydra-core | in another section |\n"
        (tmp_path / "SECURITY.md").write_text(f"# Security\n\n## Accepted advisories\n\n{table}\n\n{elsewhere}")
        command = [sys.executable, str(tmp_path / ".ci" / "audit.py"), "--vulnerability-service", "osv"]
        options = ["--osv-url", url, "--cache-dir", str(tmp_path / "cache")]
        return subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)

    return audit


def test_an_advisory_is_named_with_its_remedy(audit: Audit, service: tuple[str, list[dict[str, str]]]) -> None:
    url, asked = service
    ran = audit(url)
    assert ran.returncode == 1, ran.stderr
    found = f"hydra-core {version('hydra-core')}: CVE-2099-1 = GHSA-0000-0000-0000, fixed in 9.9"
    assert ran.stdout.splitlines()[:2] == [found, "    Everything is possible."]
    assert ran.stdout.endswith("1 advisories that SECURITY.md does not accept\n")
    assert {"name": "torch", "version": version("torch").partition("+")[0]} in asked
    assert {"mlflow", "optuna", "fastai"} <= {each["name"] for each in asked}
    assert not {"hpo", "hpo-studies"} & {each["name"] for each in asked}


def test_an_accepted_advisory_is_shown_with_its_reason(audit: Audit, service: tuple[str, list[dict[str, str]]]) -> None:
    ran = audit(service[0], "| CVE-2099-1 | hydra-core | hydra.utils.instantiate is not used |")
    assert ran.returncode == 0, ran.stdout
    assert "    accepted: hydra.utils.instantiate is not used\n" in ran.stdout
    assert ran.stdout.endswith("no advisories that SECURITY.md does not accept\n")


def test_nothing_is_accepted_without_a_reason(audit: Audit, service: tuple[str, list[dict[str, str]]]) -> None:
    assert audit(service[0], "| CVE-2099-1 | hydra-core |  |").returncode == 1


def test_a_service_that_cannot_be_asked_is_one_sentence(audit: Audit) -> None:
    ran = audit("http://127.0.0.1:9/")
    assert ran.returncode == 2
    assert ran.stdout.startswith("The advisories cannot be looked up (")
    assert "nothing was audited" in ran.stdout
    assert ran.stdout.count("\n") == 1
    assert ran.stderr == ""
