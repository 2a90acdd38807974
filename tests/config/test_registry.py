"""Options of somebody's own come in by `plugins=[module]` alone: a module and a YAML file each, nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.config.registry import load_plugins, option, options
from hpo.config.schema import ExecutorConfig
from tests.support import ROOT

MODULE = '''
"""One option of every kind."""
from dataclasses import dataclass

from hpo.config.limits import MISSING, setting
from hpo.config.registry import option
from hpo.config.schema import DataConfig, ExecutorConfig, StorageConfig, TrainerConfig
from hpo.config.search import PrunerConfig, SamplerConfig


@option("sampler", "middle")
@dataclass
class MiddleConfig(SamplerConfig):
    shift: float = setting(low=0, high=1)

    def build(self, space, seed):
        from optuna.samplers import QMCSampler

        return QMCSampler(seed=seed, warn_asynchronous_seeding=False, warn_independent_sampling=False)


@option("pruner", "second")
@dataclass
class SecondConfig(PrunerConfig):
    def build(self, *, max_epochs):
        from optuna.pruners import ThresholdPruner

        return ThresholdPruner(lower=2.0, n_warmup_steps=1)


@option("trainer", "constant")
@dataclass
class ConstantConfig(TrainerConfig):
    value: float = MISSING
    is_simulated = True

    def build(self):
        return Constant()


class Constant:
    def train(self, request, on_epoch, must_pause=lambda: False):
        from hpo.contracts.trainer import Decision, EpochReport, TrialResult

        metrics = dict.fromkeys(("train_loss", "valid_loss", "accuracy", "macro_f1"), request.trainer.value)
        for epoch in range(1, request.train.epochs + 1):
            if on_epoch(EpochReport(epoch, {**metrics, "seconds": 0.001})) is Decision.STOP:
                return TrialResult(epoch, stopped=True)
        return TrialResult(request.train.epochs)

    def test(self, request):
        return {"test_accuracy": request.trainer.value}


@option("data", "twowords")
@dataclass
class TwoWordsConfig(DataConfig):
    def open(self, on_download=None):
        from hpo.data.sources import Source
        from hpo.data.texts import Texts

        words = [f"{'good' if i % 2 else 'bad'} text {i}" for i in range(60)]
        labels = ["pos" if i % 2 else "neg" for i in range(60)]
        texts = Texts(words, labels, [f"text {i}" for i in range(60)])
        return Source("twowords", "data=twowords", {"n": 60}, lambda on_read: texts)


@option("executor", "mine")
@dataclass
class MineConfig(ExecutorConfig):
    def count_workers(self):
        return 1

    def build(self, trainer, stop=None):
        from hpo.executors.inline import InlineExecutor

        return InlineExecutor(lambda: False)


@option("storage", "fleeting")
@dataclass
class FleetingConfig(StorageConfig):
    is_kept = False

    def open(self, *, must_exist=False):
        from optuna.storages import InMemoryStorage

        return InMemoryStorage()
'''
DATA = """name: twowords
tokenizer: words
min_freq: 1
max_vocab: 100
max_tokens: null
keep: both
train_fraction: 1.0
valid: 0.2
split_seed: 0
cache: cache
"""
YAML = {
    "sampler/middle": "shift: 0.5\n",
    "pruner/second": "same_epochs: false\n",
    "trainer/constant": "value: 0.5\n",
    "data/twowords": DATA,
    "executor/mine": "device: cpu\nthreads: 1\n",
    "storage/fleeting": "folder: studies\n",
}
PLAIN = ("trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=3", "study.name=x")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A working directory with the module `myoptions` and, in `mine`, its YAML files."""
    (tmp_path / "myoptions.py").write_text(MODULE, encoding="utf-8")
    for name, text in YAML.items():
        path = tmp_path / "mine" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"defaults:\n  - /schema/{name}@_here_\n  - _self_\n\n{text}", encoding="utf-8")
    return tmp_path


def run(folder: Path, *words: str, module: str = "hpo") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", module, "--config-dir", "mine", *words]  # -P: as the script `hpo` does
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sampler=middle",), "3 complete"),
        (("pruner=second",), "3 pruned"),
        (("trainer=constant", "trainer.value=0.25"), "accuracy 0.2500"),
        (("trainer=constant", "executor=processes", "executor.n_workers=1"), "accuracy 0.5000"),
        (("executor=mine",), "3 complete"),
        (("storage=fleeting",), "in memory, gone now (storage=fleeting)"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_option_from_outside_runs_a_study(plugin: Path, words: tuple[str, ...], said: str) -> None:
    done = run(plugin, "plugins=[myoptions]", *PLAIN, *words)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_a_source_from_outside_is_prepared_and_shown(plugin: Path) -> None:
    done = run(plugin, "plugins=[myoptions]", "data=twowords", module="hpo.show")
    assert done.returncode == 0, done.stderr
    assert "pos" in done.stdout


def test_its_limits_count_and_its_settings_are_explained(plugin: Path) -> None:
    done = run(plugin, "plugins=[myoptions]", *PLAIN, "sampler=middle", "sampler.shift=3")
    assert (done.returncode, done.stderr) == (2, "hpo: sampler.shift=3 must be at least 0 and at most 1.\n")


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        ("plugins=[nowhere]", "plugins=[nowhere] cannot be imported: No module named 'nowhere'"),
        ("plugins=['hpo.machine.files']", "plugins=[hpo.machine.files] has no options; an option is a dataclass"),
        ("plugins=[json.tool]", "plugins=[json.tool] has no options; an option is a dataclass below @option"),
    ],
)
def test_a_module_without_options_is_refused_in_a_sentence(plugin: Path, plugins: str, said: str) -> None:
    done = run(plugin, plugins, *PLAIN)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hpo: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_what_is_stored_imports_nothing(plugin: Path) -> None:
    """A record made with somebody's options is read without them: only what is typed is loaded."""
    assert run(plugin, "plugins=[myoptions]", *PLAIN, "sampler=middle").returncode == 0
    (plugin / "myoptions.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    read = run(plugin, "experiment=x", "path=x.parquet", module="hpo.curves")
    assert "imported" not in read.stderr + read.stdout
    written = run(plugin, "tracking=none", "report.folder=out", module="hpo.report")
    assert written.returncode == 0, written.stderr
    assert json.loads(next(plugin.glob("out/*/report.json")).read_text("utf-8"))


def test_a_name_is_given_once() -> None:
    assert options()["executor"]["inline"].option == "inline"
    with pytest.raises(ValueError, match=r"executor=inline is an option of hpo\.executors\.options already"):
        option("executor", "inline")(type("Other", (ExecutorConfig,), {}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('@option("sampler", "tpe")\n@dataclass\nclass Mine(RandomConfig):\n    pass', "sampler=tpe is an option of"),
        ('@option("pruner", "mine")\n@dataclass\nclass Mine(PrunerConfig):\n    pass', "which lacks build; define it."),
        ('@option("storage", "mine")\n@dataclass\nclass Mine(StorageConfig):\n    pass', "which lacks open; define"),
        ('@option("sampler", "mine")\n@dataclass\nclass Mine(Option):\n    pass', "derive it from hpo.config.search."),
        (
            '@option("samplers", "mine")\n@dataclass\nclass Mine(RandomConfig):\n    pass',
            "samplers, which is no group",
        ),
    ],
)
def test_an_option_that_is_none_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "wrong.py").write_text(
        "from dataclasses import dataclass\n\nfrom hpo.config.registry import Option, option\n"
        "from hpo.config.schema import StorageConfig\nfrom hpo.config.search import PrunerConfig\n"
        f"from hpo.search.options import RandomConfig\n\n\n{text}\n",
        encoding="utf-8",
    )
    done = run(tmp_path, "plugins=[wrong]", *PLAIN)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert said in done.stderr
    assert "as Python imports it" not in done.stderr


def test_the_help_lists_them_beside_the_options_of_this_package(plugin: Path) -> None:
    (plugin / "myoptions.py").write_text(
        MODULE.replace("(SamplerConfig):\n", '(SamplerConfig):\n    """In the middle."""\n\n'),
        encoding="utf-8",
    )
    listed = run(plugin, "plugins=[myoptions]", "--help").stdout.splitlines()
    assert ["middle", "In", "the", "middle."] in [line.split() for line in listed]
    assert "    fleeting" in listed
    assert run(plugin, "plugins=[nowhere]", "--help").returncode == 2


def test_nothing_is_loaded_twice() -> None:
    load_plugins(["hpo.search.options"])
    assert options()["sampler"]["tpe"].__module__ == "hpo.search.options"
