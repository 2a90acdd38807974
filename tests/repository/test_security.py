"""What no module may do: run what a file or a setting says, unpack blindly, listen to the world."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hpo
from hpo.machine.paths import conf_folder
from tests.support import ROOT

PACKAGE = Path(hpo.__path__[0])
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "conf" not in path.relative_to(PACKAGE).parts)
# Modules that execute what they read, or import what they are told to.
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "code", "importlib"}
HARMLESS = {"importlib.metadata", "importlib.resources", "importlib.util"}  # versions, files, whether a module is there
BUILTINS = {"eval", "exec", "compile", "__import__"}
# Functions, by the end of their dotted name: they unpickle, run a shell, or call what a text names.
CALLS = {
    "load_learner": "unpickles",
    "load_encoder": "unpickles: fastai 2.8.12 opens it with weights_only=False",
    "load_pretrained": "unpickles: fastai 2.8.12 opens it with weights_only=False",
    "read_pickle": "unpickles",
    "to_pickle": "makes a file that only unpickling reads",
    "joblib.load": "unpickles",
    "hub.load": "runs what it downloads",
    "pyfunc.load_model": "unpickles",
    "pytorch.load_model": "unpickles",
    "os.system": "runs a shell",
    "os.popen": "runs a shell",
    "getoutput": "runs a shell",
    "getstatusoutput": "runs a shell",
    "create_subprocess_shell": "runs a shell",
    "instantiate": "calls what a setting names",
    "get_method": "imports what a setting names",
    "import_module": "imports what a text names",
    "untar_data": "unpacks without looking where to, and checks a hash only if fastai knows one",
    "unpack_archive": "unpacks without looking where to",
    "yaml.unsafe_load": "calls what a file names",
    "yaml.full_load": "calls what a file names",
    "urlretrieve": "downloads without a check",
    "HTTPServer": "listens",
    "TCPServer": "listens",
    "create_server": "listens",
    "start_server": "listens",
    "listen": "listens",
    "bind": "listens",
}


def offences(tree: ast.AST) -> Iterator[str]:
    """Yields what a module does that none may, with the line."""
    for node in ast.walk(tree):
        for offence in _imported(node) if isinstance(node, ast.Import | ast.ImportFrom) else _done(node):
            yield f"line {getattr(node, 'lineno', 0)}: {offence}"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
    else:
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        yield from (f"imports {alias.name}: it {CALLS[alias.name]}" for alias in node.names if alias.name in CALLS)
    for name in names:
        if name.split(".")[0] in MODULES and not any(f"{name}.".startswith(f"{each}.") for each in HARMLESS):
            yield f"imports {name}"


def _done(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"_target_|0\.0\.0\.0", node.value):
        yield f"has the text {node.value!r}"
    if isinstance(node, ast.Attribute) and node.attr == "_target_":
        yield "reads _target_"
    if isinstance(node, ast.Call):
        yield from _called(_dotted(node.func), {keyword.arg: keyword.value for keyword in node.keywords}, node)


def _called(name: str, given: dict[str | None, ast.expr], node: ast.Call) -> Iterator[str]:
    if name in BUILTINS:
        yield f"calls {name}"
    for end, reason in CALLS.items():
        if name == end or name.endswith(f".{end}"):
            yield f"calls {name}, which {reason}"
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        yield "calls torch.load without weights_only=True"
    if name.endswith(".load") and "allow_pickle" in given and not _is(given["allow_pickle"], False):
        yield f"calls {name} with allow_pickle"
    if name == "yaml.load" and "Safe" not in ast.unparse(node):
        yield "calls yaml.load without a safe loader"
    if "shell" in given and not _is(given["shell"], False):
        yield f"calls {name} with a shell"
    if name.endswith((".extractall", ".extract")) and not _is(given.get("filter"), "data"):
        yield f'calls {name} without filter="data"'
    if {"host", "hostname"} & set(given) and "127.0.0.1" not in ast.unparse(node):
        yield f"calls {name} with a host that may not be 127.0.0.1"


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _dotted(node: ast.expr) -> str:
    """Returns `np.load` for that expression; what is no name before the last dot is left out."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


ALLOWED = {
    # the modules of our own options
    ("config/registry.py", "imports import_module: it imports what a text names"),
    ("config/registry.py", "imports importlib.import_module"),
    ("config/registry.py", "calls import_module, which imports what a text names"),
    # what somebody typed as trainer.call=… or plugins=[…]
    ("machine/modules.py", "imports import_module: it imports what a text names"),
    ("machine/modules.py", "imports importlib.import_module"),
    ("machine/modules.py", "calls import_module, which imports what a text names"),
    # the public names of its own table
    ("__init__.py", "imports import_module: it imports what a text names"),
    ("__init__.py", "imports importlib.import_module"),
    ("__init__.py", "calls import_module, which imports what a text names"),
    # the commands of its own table
    ("commands/console.py", "imports import_module: it imports what a text names"),
    ("commands/console.py", "imports importlib.import_module"),
    ("commands/console.py", "calls import_module, which imports what a text names"),
    # what its own table puts off
    ("machine/fastai_import.py", "imports import_module: it imports what a text names"),
    ("machine/fastai_import.py", "imports importlib.import_module"),
    ("machine/fastai_import.py", "calls import_module, which imports what a text names"),
    ("config/compose.py", "has the text '_target_'"),  # the refusal itself
    # for jobs on other machines, which prove by a key
    ("executors/slurm.py", "calls socket.create_server, which listens"),
    # of a model that it has just written from code, where MLflow is told to refuse pickles
    ("tracking/registered_models.py", "calls mlflow.pyfunc.load_model, which unpickles"),
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_runs_what_it_reads_or_listens(path: Path) -> None:
    found = offences(ast.parse(path.read_text(encoding="utf-8")))
    place = str(path.relative_to(PACKAGE))
    assert not [offence for offence in found if (place, offence.partition(": ")[2]) not in ALLOWED], path


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import os.path, cloudpickle as c",
        "from importlib import import_module",
        "from fastai.learner import load_learner",
        "from fastai.data.external import untar_data",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=chosen)",
        "learner.load_encoder('x')",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=given)",
        "pd.read_pickle(path)",
        "mlflow.pyfunc.load_model(uri)",
        "torch.hub.load(name)",
        "eval(text)",
        "exec(text)",
        "__import__(name)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "subprocess.getoutput(text)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text, yaml.UnsafeLoader)",
        "hydra.utils.instantiate(config)",
        "config['_target_']",
        "config._target_",
        "archive.extractall(folder)",
        "shutil.unpack_archive(path, folder)",
        "HTTPServer(('127.0.0.1', 0), Handler)",
        "sock.bind(('', 5000))",
        "app.run(host='0.0.0.0')",
        "uvicorn.run(app, host=chosen)",
    ],
)
def test_each_of_these_lines_would_be_found(line: str) -> None:
    assert list(offences(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "model.eval()",
        "json.load(file)",
        "np.load(path, mmap_mode='r')",
        "np.load(path, allow_pickle=False)",
        "torch.load(path, weights_only=True)",
        "yaml.safe_load(text)",
        "yaml.load(text, Loader=yaml.CSafeLoader)",
        "subprocess.run(['git', 'rev-parse'])",
        "archive.extractall(folder, filter='data')",
        "from importlib.metadata import version",
        "from importlib import metadata",
        "re.compile(text)",
    ],
)
def test_none_of_these_lines_is_an_offence(line: str) -> None:
    assert list(offences(ast.parse(line))) == []


def test_no_configuration_names_code() -> None:
    for path in conf_folder().rglob("*.yaml"):
        assert not re.search(r"\b_(target|partial)_\b", path.read_text(encoding="utf-8")), path


def test_mlflow_is_started_by_hpo_ui_alone() -> None:
    """How that starts it is tested with it: it listens on this machine, runs no jobs and loads no pickles."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^ui: .*\n\t\$\(BIN\)/hpo ui port=\$\(PORT\)$", makefile, re.MULTILINE)
    assert not re.search(r"mlflow (ui|server)|http\.server", makefile)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for line in re.findall(r"mlflow (?:ui|server)[^`\n]*", path.read_text(encoding="utf-8")):
            assert not re.search(r"--host[= ](?!127\.0\.0\.1)", line), line
