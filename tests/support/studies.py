"""Configurations, plans and studies as the command line would make them, in this process."""

from __future__ import annotations

from collections.abc import Callable

from hydra import compose, initialize_config_dir
from omegaconf import open_dict

from hpo.config.compose import Composition, compose_job, hydra_initialized, register_schemas, to_config
from hpo.config.overrides import read_arguments, split_jobs
from hpo.config.schema import Config
from hpo.machine.paths import conf_folder
from hpo.study.plan import Plan, plan
from hpo.study.session import Report, run
from hpo.terminal.display import build_display

Composer = Callable[..., tuple[Config, dict[str, str]]]


def compose_config(*overrides: str) -> tuple[Config, dict[str, str]]:
    """Returns the configuration of a command line and the chosen option of every group."""
    register_schemas()
    with initialize_config_dir(str(conf_folder().absolute()), version_base="1.3"):
        composed = compose("config", overrides=list(overrides), return_hydra_config=True)
    chosen = composed.hydra.runtime.choices
    choices = {str(group): str(option) if option else "" for group, option in chosen.items()}
    with open_dict(composed):
        del composed["hydra"]
    return to_config(composed), choices


def plan_study(*overrides: str) -> Plan:
    return plan(Composition(*compose_config(*overrides)))


def plan_typed(*words: str) -> Plan:
    """Returns the plan of what is typed, named after what of it makes it another study."""
    register_schemas()
    with hydra_initialized():
        return plan(compose_job("config", split_jobs(read_arguments(words))[0]))


def run_study(*overrides: str) -> Report:
    """Runs a study in this process as `hpo` would and returns what it left to say."""
    display = build_display()
    try:
        return run(plan_study(*overrides), display)
    finally:
        display.close()


SYNTHETIC = ("trainer=synthetic", "tracking=none", "executor=inline")


TINY = (
    "study.name=tiny",
    "data.n_per_class=60",
    "executor=inline",
    "space.model.n_hid.choices=[16]",
    "space.train.lr.low=0.05",
    "train.epochs=4",
    "train.batch_size=16",
    "study.n_trials=2",
)
