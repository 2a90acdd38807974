"""Chooses and builds the executor, with no more workers than there are cores.

How each runs its jobs is in the module of its name.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from hpo.config import (
    AwdLstmConfig,
    ExecutorConfig,
    InlineConfig,
    ProcessesConfig,
    ReplayConfig,
    SimulatedConfig,
    SyntheticConfig,
    TrainerConfig,
)
from hpo.cores import n_cores
from hpo.executor import Executor
from hpo.stop import StopRequest


def n_workers(config: ExecutorConfig) -> int:
    """Returns how many trials of a study `config` runs at once: as asked, else one per GPU, else one per core.

    Simulated workers need no cores; there is one unless more are asked for.

    Raises:
        ValueError: if workers x threads exceed the cores.
    """
    if isinstance(config, SimulatedConfig):
        return config.n_workers or 1
    cores = n_cores()
    if config.threads > cores:
        raise ValueError(f"executor.threads={config.threads} is more than the {cores} cores this process may use.")
    if not isinstance(config, ProcessesConfig):
        return 1
    if config.n_workers is None:
        n_gpus = 0 if config.device == "cpu" else _n_gpus()
        return max(1, min(n_gpus or cores, cores // config.threads))
    if config.n_workers * config.threads > cores:
        raise ValueError(
            f"executor.n_workers={config.n_workers} x executor.threads={config.threads} is more than the "
            f"{cores} cores this process may use; lower one of them."
        )
    return config.n_workers


def build_executor(config: ExecutorConfig, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
    """Returns the executor that `config` describes; its workers start with the first job.

    Args:
        config: The section `executor`.
        trainer: What trains the trials.
        stop: Asked by the jobs that run in this very process whether they must pause.
    """
    match config:
        case InlineConfig():
            from hpo.inline import InlineExecutor

            return InlineExecutor(lambda: stop is not None and stop.is_set)
        case ProcessesConfig():
            from hpo.processes import ProcessesExecutor

            preload = isinstance(trainer, AwdLstmConfig)
            return ProcessesExecutor(n_workers=n_workers(config), threads=config.threads, preload=preload)
        case SimulatedConfig():
            from hpo.simulated import MANY, SimulatedExecutor

            check_simulation(config, trainer)
            return SimulatedExecutor(n_workers=config.n_workers or MANY)
    raise ValueError(f"executor={type(config).__name__} is not one of inline, processes, simulated.")


def check_simulation(config: ExecutorConfig, trainer: TrainerConfig) -> None:
    """Refuses to simulate the time of a training that really takes place.

    Raises:
        ValueError: naming what may be given.
    """
    if isinstance(config, SimulatedConfig) and not isinstance(trainer, ReplayConfig | SyntheticConfig):
        name = "awd_lstm" if isinstance(trainer, AwdLstmConfig) else type(trainer).__name__
        raise ValueError(
            f"executor=simulated does not wait, but trainer={name} trains; choose executor=processes or inline, "
            "or a trainer that knows its curves: replay, synthetic."
        )


def is_shared(config: ExecutorConfig) -> bool:
    """Returns whether several studies can run on one executor; a simulated clock is one study's own."""
    return not isinstance(config, SimulatedConfig)


def check_device(device: str) -> None:
    """Refuses a device that is not there.

    Raises:
        ValueError: naming what may be given.
    """
    if device in ("auto", "cpu"):
        return
    kind, _, index = device.partition(":")
    if kind != "cuda" or (index and not index.isdigit()):
        raise ValueError(f"executor.device={device} is not a device; give auto, cpu, cuda or cuda:<number>.")
    import torch

    if not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise ValueError(f"executor.device={device} is not on this machine, which has {count} usable GPUs; try auto.")


def _n_gpus() -> int:
    """Returns how many GPUs the driver tool lists; torch is too slow to ask before the first trial."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([part for part in visible.split(",") if part.strip() not in ("", "-1")])
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=20, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
