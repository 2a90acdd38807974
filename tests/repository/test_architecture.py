"""The direction of the arrows: who may import whom, who may touch which library, how long a thing may be."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import hpo

# A module imports from rows below its own, and from its own row. A new module goes into the lowest row it can.
LAYERS = (
    "__main__ sync copy compare curves predict show report.__main__",
    "command study_copy comparison comparison_* design variants session refusal opening continuation fleet study "
    "encoders pretraining attempts trial_book spending assignment "
    "model.keeping confirmation audit provenance plan display stages screen progress summary help terminal",
    "executors inline processes ray ray_cluster slurm pooled simulated",
    "worker ray_worker slurm_worker",
    "report.* mlflow_report model.card model.evaluation_page model.evaluation_figures",
    "report",
    "model.formats model.serving",
    "bank wt103 encoder_record synthetic replay language_model awd_lstm encoder_weights windows model.evaluation "
    "learner fits optimizer monitor scores snapshot",
    "samplers candidates ledger pruners storage study_store sqlite postgres outage transfer claim study_tests history "
    "trial_memory fingerprint lock tracking mirror mlflow_* newest plots curve_recorder",
    "model.answers model.outputs classifier ensemble batches weights fastai_api",
    "model.description model.folder model.texts_file model.code model",
    "encoder unlabelled corpus baseline scoring remote_trial cache ids pool data docstrings imdb archive folder table "
    "delimited encoding parts texts tokens",
    "space space_file table_space curve_table curve_columns curve_card cube params limits compose explanation "
    "arguments notation places record stop signals executor trainer trial_cache trial_folder study_folder checkpoint "
    "remote_folder seeds steps files cores",
    "config training_config search_config compare_config report_config paths secret address tables output __init__",
)
# Libraries, and the only modules that may import them, be it inside a function.
FENCES = {
    "hydra omegaconf": "arguments compose explanation config search_config variants",
    "mlflow": "tracking mirror mlflow_* model.serving",
    "optuna sqlalchemy": "sync copy study_copy compare comparison design session refusal opening continuation "
    "trial_book assignment confirmation storage study_store sqlite postgres outage transfer tables history "
    "trial_memory fingerprint samplers candidates ledger pruners space space_file table_space curves curve_recorder "
    "tracking mirror mlflow_* plots report.records report.stored report.spaces report.places report.importances",
    "torch torchvision fastai fastcore": "wt103 language_model encoder_weights windows model.answers model.outputs "
    "awd_lstm learner classifier ensemble batches optimizer monitor scores snapshot weights fastai_api checkpoint "
    "seeds tokens executors worker",
    "psycopg": "address claim postgres",
    "ray": "ray ray_cluster ray_worker",
    "submitit": "slurm",
    "fsspec": "remote_folder",
}
# What each of these reaches through everything it imports: commands before they do anything, others at any time.
UNREACHABLE = {
    "help": "hydra omegaconf optuna mlflow torch fastai numpy pandas rich psycopg",
    "__main__": "hydra omegaconf optuna mlflow torch fastai numpy pandas matplotlib",
    "copy": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "sync": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "compare": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "curves": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "show": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "predict": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "report.__main__": "hydra omegaconf optuna mlflow torch fastai numpy pandas",
    "worker": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "ray_worker": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
    "slurm_worker": "hydra omegaconf optuna mlflow sqlalchemy psycopg",
}
MAX_FILE, MAX_FUNCTION = 300, 60

PACKAGE = Path(hpo.__path__[0])


def _name(path: Path) -> str:
    """Returns a module's name within the package, `report.records` for hpo/report/records.py."""
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


def row(module: str) -> int:
    rows = [number for number, names in enumerate(LAYERS) if stands_in(module, names)]
    assert rows, (
        f"hpo/{module}.py is in no row of LAYERS in tests/test_architecture.py; add it to the lowest it can be in."
    )
    return rows[0]


@pytest.mark.parametrize("module", TREES)
def test_imports_point_downwards(module: str) -> None:
    own = row(module)
    for imported in imports(module):
        if imported.startswith("."):
            assert own <= row(imported[1:]), f"hpo/{module}.py imports hpo{imported}, which lies above it in LAYERS."


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


@pytest.mark.parametrize("module", [module for module in UNREACHABLE if module in TREES])
def test_heavy_imports_are_out_of_reach(module: str) -> None:
    strays = reach(module, lazy=module not in LAYERS[0].split()) & set(UNREACHABLE[module].split())
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
