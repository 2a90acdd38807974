"""The direction of the arrows: who may import whom, who may touch which library, how long a thing may be."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import hpo

# Each room, and the rooms it may import from; docs/architecture.md says what lives in them. `config.registry` loads
# the modules of options by their names when it is first asked for one: the only way up.
EVERYTHING = "machine statistics figures config contracts space data artifacts search trainers storage terminal model "
EVERYTHING += "executors tracking study report compare best"
ROOMS = {
    "machine": "",
    "statistics": "",
    "figures": "machine",
    "config": "machine",
    "contracts": "machine config",
    "space": "config contracts",
    "data": "machine config contracts",
    "artifacts": "machine config contracts",
    "search": "config contracts space",
    "trainers": "machine config contracts space data artifacts",
    "storage": "machine config contracts space search artifacts",
    "terminal": "machine statistics config contracts artifacts",
    "model": "machine config data trainers figures statistics",
    "executors": "machine config contracts artifacts trainers",
    "tracking": "machine config contracts space artifacts storage model",
    "study": "machine statistics config contracts space data artifacts search trainers storage terminal model "
    "executors tracking",
    "report": "machine statistics figures config contracts space data storage tracking",
    "compare": "machine statistics config contracts space data storage terminal executors study report",
    "best": "machine config contracts data artifacts terminal model study",
    "commands": EVERYTHING,
    "api": EVERYTHING,
}
# What a person types: five lines each, that call the command of the same name.
DOORS = ("__main__", "predict", "show", "curves", "copy", "sync", "compare.__main__", "report.__main__")
# Libraries, and the only modules that may import them, be it inside a function.
FENCES = {
    "hydra omegaconf": "config.bounds config.compose config.explain config.overrides",
    "mlflow": "tracking.* model.serving report.mlflow",
    "optuna sqlalchemy": "storage.* search.* space.read space.space study.repeating study.role "
    "study.fingerprint study.mirroring study.opening study.preparation study.refusal study.resume study.trials "
    "tracking.client tracking.plots tracking.reach trainers.replay.recorder trainers.replay.space compare.comparison "
    "compare.design compare.running commands.compare commands.copy commands.curves commands.sync report.reading.record "
    "report.reading.optuna_studies report.analysis.records report.analysis.spaces report.analysis.importances",
    "prodigyopt": "trainers.awd_lstm.network.prodigy",
    "torch torchvision fastai fastcore": "trainers.awd_lstm.* trainers.function.fastai model.network contracts.seeds "
    "data.tokens executors.options executors.torch_probe executors.worker",
    "psycopg": "storage.address storage.claims storage.postgres",
    "ray": "executors.ray executors.ray_cluster executors.ray_worker",
    "submitit": "executors.slurm",
    "fsspec": "machine.remote",
}
# What each of these reaches through everything it imports: commands before they do anything, others at any time.
HEAVY = "hydra omegaconf optuna mlflow torch fastai numpy pandas"
COMMANDS = "console best doctor doctor_checks ui study compare report predict show curves copy sync"
UNREACHABLE = {f"commands.{name}": HEAVY for name in COMMANDS.split()} | {
    "commands.help": f"{HEAVY} rich psycopg",
    "executors.worker": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "executors.ray_worker": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "executors.slurm_worker": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "trainers.awd_lstm.options": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "trainers.replay.trainer": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "trainers.function.trainer": "hydra omegaconf optuna mlflow sqlalchemy psycopg torch fastai",
    "trainers.synthetic": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
}
MAX_FILE, MAX_FUNCTION = 300, 60
MAX_ENTRIES, MAX_MODULES, MAX_FLOORS = 30, 8, 11  # of the package

PACKAGE = Path(hpo.__path__[0])


def _name(path: Path) -> str:
    """Returns a module's name within the package, `report.document.html` for hpo/report/document/html.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


FILES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if "conf" not in path.parts}
TREES = {module: ast.parse(path.read_text("utf-8")) for module, path in FILES.items()}


def imports(module: str, *, lazy: bool = True) -> set[str]:
    """Returns what a module imports: our modules as `.name`, libraries by name; not `lazy`: on its top level."""
    found: set[str] = set()
    for node in ast.walk(TREES[module]) if lazy else TREES[module].body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"hpo/{module}.py line {node.lineno}: write the import absolutely."
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {f".{_module(name)}" for name in found if name.split(".")[0] == "hpo"}
    return ours | {name.split(".")[0] for name in found if name.split(".")[0] != "hpo"}


def _module(imported: str) -> str:
    """Returns the module of ours that `hpo.report.analysis.records.Trial` is in."""
    parts = imported.split(".")[1:]
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in TREES), "__init__")


def reach(module: str, *, lazy: bool) -> set[str]:
    """Returns everything a module imports, directly or through others of ours."""
    seen, waiting = set[str](), {f".{module}"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name.startswith("."):
            waiting |= imports(name[1:], lazy=lazy) - seen
    return seen


def stands_in(module: str, names: str) -> bool:
    return any(fnmatch(module, name) for name in names.split())


def room(module: str) -> str:
    return module.partition(".")[0]


def entries(package: str) -> list[str]:
    """Returns the modules that the face of a package offers to other rooms: its `__all__`."""
    for node in TREES[package].body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


PACKAGES = [module for module, path in FILES.items() if path.name == "__init__.py" and module != "__init__"]
INSIDE = [module for module in TREES if module not in DOORS and module != "__init__"]


@pytest.mark.parametrize("module", INSIDE)
def test_imports_point_downwards(module: str) -> None:
    own = room(module)
    assert own in ROOMS, f"hpo/{module}.py is in no room of ROOMS in {Path(__file__).name}."
    allowed = {own, "__init__", *ROOMS[own].split()}
    strays = {name for name in imports(module) if name.startswith(".") and room(name[1:]) not in allowed}
    assert not strays, f"hpo/{module}.py imports {strays}; {own} may import from {ROOMS[own] or 'no room'}."


@pytest.mark.parametrize("module", TREES)
def test_rooms_are_entered_by_their_faces(module: str) -> None:
    for name in imports(module):
        if not name.startswith(".") or room(name[1:]) == room(module):
            continue
        parts = name[1:].split(".")
        for length in range(1, len(parts)):
            package = ".".join(parts[:length])
            assert parts[length] in entries(package), (
                f"hpo/{module}.py imports hpo{name}: not among the entries of {package}."
            )


@pytest.mark.parametrize("package", PACKAGES)
def test_a_face_offers_what_others_use(package: str) -> None:
    strangers = {name for module in TREES if room(module) != room(package) for name in imports(module)}
    for entry in entries(package):
        offered = f".{package}.{entry}"
        assert offered[1:] in TREES, f"hpo/{package}/__init__.py offers {entry}, which is not there."
        is_used = any(name == offered or name.startswith(f"{offered}.") for name in strangers)
        assert is_used, f"hpo/{package}/__init__.py offers {entry}, which no other room imports."


def test_rooms_stand_on_few_floors() -> None:
    floors: dict[str, int] = {}
    for name in TopologicalSorter({name: below.split() for name, below in ROOMS.items()}).static_order():
        floors[name] = 1 + max((floors[below] for below in ROOMS[name].split()), default=0)
    assert max(floors.values()) <= MAX_FLOORS, floors


def test_the_package_has_few_entries() -> None:
    there = [path for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "conf")]
    modules = [path for path in there if path.is_file()]
    assert len(there) <= MAX_ENTRIES, sorted(path.name for path in there)
    assert len(modules) <= MAX_MODULES, sorted(path.name for path in modules)
    assert {path.name for path in there if path.is_dir()} <= set(ROOMS)


@pytest.mark.parametrize("module", DOORS)
def test_doors_only_call_their_command(module: str) -> None:
    command = "console" if module == "__main__" else module.removesuffix(".__main__")
    assert imports(module) == {"sys", f".commands.{command}"}


def test_no_import_cycle() -> None:
    graph = {module: {name[1:] for name in imports(module) if name.startswith(".")} for module in TREES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("libraries", FENCES)
def test_libraries_stay_behind_their_fence(libraries: str) -> None:
    for module in TREES:
        strays = imports(module) & set(libraries.split())
        allowed = FENCES[libraries]
        assert not strays or stands_in(module, allowed), f"hpo/{module}.py imports {strays}; only {allowed} may."


@pytest.mark.parametrize("module", UNREACHABLE)
def test_heavy_imports_are_out_of_reach(module: str) -> None:
    strays = reach(module, lazy=room(module) != "commands") & set(UNREACHABLE[module].split())
    assert not strays, f"hpo/{module}.py reaches {strays} through what it imports."


@pytest.mark.parametrize("module", TREES)
def test_files_and_functions_are_short(module: str) -> None:
    n_lines = len(FILES[module].read_text("utf-8").splitlines())
    assert n_lines <= MAX_FILE, f"{FILES[module].name} has {n_lines} lines, at most {MAX_FILE}: is it still one noun?"
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, (
                f"{FILES[module].name}: {node.name} has {length} lines, at most {MAX_FUNCTION}."
            )


TESTS = Path(__file__).parent.parent
IMPORT = re.compile(
    r"^\s*\"?(?:from ((?:hpo|tests)[\w.]*) import ([\w, ]+)|import ((?:hpo|tests)\.[\w.]+))", re.MULTILINE
)


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_share_by_support_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules = [name for name in names if any(part.startswith("test_") for part in name.split(".")[:-1])]
        assert not [name for name in modules if name.startswith("tests.")], "move what is shared to tests/support."


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_what_tests_import_is_there(path: Path) -> None:
    """Also in the programs that they write for other processes."""
    for match in IMPORT.finditer(path.read_text("utf-8")):
        module = (match[1] or match[3]).replace(".", "/")
        assert any((TESTS.parent / name).exists() for name in (f"{module}.py", f"{module}/__init__.py")), match[0]


BEHAVIOURS = ("system", "repository", "chaos", "support")  # their tests are named after what users see


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(TESTS.rglob("test_*.py")) if path.relative_to(TESTS).parts[0] not in BEHAVIOURS],
    ids=lambda path: str(path.relative_to(TESTS)),
)
def test_a_room_tests_its_modules(path: Path) -> None:
    """By its name, or by its name and what of it: `test_claims_pairs` tests `claims`."""
    words = path.stem.removeprefix("test_").split("_")
    modules = ["_".join(words[:length]) for length in range(len(words), 0, -1)]
    folder = PACKAGE / path.relative_to(TESTS).parent
    is_contract = path.stem.endswith("_contract")  # of every option of a kind
    is_there = [(folder / f"{module}.py").exists() or (folder / module).is_dir() for module in modules]
    assert is_contract or any(is_there), f"hpo/{folder.relative_to(PACKAGE)} has none of {modules}."
