"""Chooses and builds the executor, with no more workers than there are cores.

How each runs its jobs is in the module of its name.
"""

from __future__ import annotations

from importlib.util import find_spec

from hpo.config.schema import (
    ExecutorConfig,
    InlineConfig,
    ProcessesConfig,
    RayConfig,
    SimulatedConfig,
    SlurmConfig,
    TrainerConfig,
)
from hpo.contracts.executor import Executor
from hpo.machine.cores import n_cores, visible_gpus
from hpo.machine.signals import StopRequest

LOCAL = "local"  # the cluster that is started on this machine
PACKAGES = {"ray": "ray", "slurm": "submitit"}  # what an executor needs beyond what is always there


def n_workers(config: ExecutorConfig) -> int:
    """Returns how many trials of a study `config` runs at once: as asked, else as many as there is room for.

    There is room for one on each core, or, where there are GPUs, on each share of one. Simulated workers need no
    cores; there is one unless more are asked for.

    Raises:
        ValueError: if there is no room for so many.
    """
    if isinstance(config, SimulatedConfig):
        return config.n_workers or 1
    if isinstance(config, RayConfig):
        return _n_actors(config)
    if isinstance(config, SlurmConfig):
        return config.n_workers
    cores = n_cores()
    if config.threads > cores:
        raise ValueError(f"executor.threads={config.threads} is more than the {cores} cores this process may use.")
    if not isinstance(config, ProcessesConfig):
        return 1
    if config.n_workers is None:
        n_gpus = 0 if config.device == "cpu" else len(visible_gpus())
        return max(1, min(n_gpus * config.trials_per_gpu or cores, cores // config.threads))
    if config.n_workers * config.threads > cores:
        raise ValueError(
            f"executor.n_workers={config.n_workers} x executor.threads={config.threads} is more than the "
            f"{cores} cores this process may use; lower one of them."
        )
    return config.n_workers


def _n_actors(config: RayConfig) -> int:
    """Returns how many actors `config` has; a cluster that may grow gets those asked for when it has."""
    size, nodes = _ray_size(config), _ray_nodes(config)
    fit = sum(min(int(node.get(kind, 0) / each + 1e-9) for kind, each in size.items() if each) for node in nodes)
    wanted = f"executor.cpus_per_trial={size['CPU']:g}, executor.gpus_per_trial={size['GPU']:g}"
    if fit == 0 and (config.n_workers is None or config.address == LOCAL):
        most = {kind: max(node.get(kind, 0) for node in nodes) for kind in size}
        raise ValueError(
            f"{wanted} is more than any node has: {most['CPU']:g} cores, {most['GPU']:g} GPUs; lower them."
        )
    if config.n_workers is None:
        return fit
    if config.n_workers > fit and config.address == LOCAL:
        raise ValueError(f"executor.n_workers={config.n_workers} with {wanted} is more than the {fit} that fit here.")
    return config.n_workers


def _ray_size(config: RayConfig) -> dict[str, float]:
    """Returns what an actor holds, by Ray's names."""
    gpus = config.gpus_per_trial
    if gpus is None:
        gpus = float(config.device != "cpu" and any(node.get("GPU") for node in _ray_nodes(config)))
    if gpus > 1 and gpus != int(gpus):
        raise ValueError(
            f"executor.gpus_per_trial={gpus:g} is no share of a GPU and no number of them; give {int(gpus)}."
        )
    return {"CPU": config.cpus_per_trial or config.threads, "GPU": gpus}


def _ray_nodes(config: RayConfig) -> list[dict[str, float]]:
    if config.address == LOCAL:
        return [{"CPU": n_cores(), "GPU": len(visible_gpus())}]
    from hpo.executors.ray_cluster import connect, nodes

    connect(config.address)
    return nodes()


def build_executor(config: ExecutorConfig, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
    """Returns the executor that `config` describes; its workers start with the first job.

    Args:
        config: The section `executor`.
        trainer: What trains the trials.
        stop: Asked by the jobs that run in this very process whether they must pause.
    """
    preload = trainer.needs_torch
    match config:
        case InlineConfig():
            from hpo.executors.inline import InlineExecutor

            return InlineExecutor(lambda: stop is not None and stop.is_set)
        case ProcessesConfig():
            from hpo.executors.processes import ProcessesExecutor

            gpus = visible_gpus() if config.device == "auto" else []
            return ProcessesExecutor(n_workers=n_workers(config), threads=config.threads, preload=preload, gpus=gpus)
        case RayConfig():
            from hpo.executors.ray import RayExecutor
            from hpo.executors.ray_cluster import connect

            cluster, size = connect(config.address, n_gpus=len(visible_gpus())), _ray_size(config)
            return RayExecutor(
                config, cluster, n_workers=n_workers(config), n_cpus=size["CPU"], n_gpus=size["GPU"], preload=preload
            )
        case SlurmConfig():
            from hpo.executors.slurm import SlurmExecutor

            return SlurmExecutor(config, preload=preload)
        case SimulatedConfig():
            from hpo.executors.simulated import MANY, SimulatedExecutor

            check_simulation(config, trainer)
            return SimulatedExecutor(n_workers=config.n_workers or MANY)
    raise ValueError(f"executor={type(config).__name__} is not one of inline, processes, ray, slurm, simulated.")


def check_simulation(config: ExecutorConfig, trainer: TrainerConfig) -> None:
    """Refuses to simulate the time of a training that really takes place.

    Raises:
        ValueError: naming what may be given.
    """
    if isinstance(config, SimulatedConfig) and not trainer.is_simulated:
        raise ValueError(
            f"executor=simulated does not wait, but trainer={trainer.option} trains; choose executor=processes or "
            "inline, or a trainer that knows its curves: replay, synthetic."
        )


def is_shared(config: ExecutorConfig) -> bool:
    """Returns whether several studies can run on one executor; a simulated clock is one study's own."""
    return not isinstance(config, SimulatedConfig)


def check_executor(config: ExecutorConfig) -> None:
    """Refuses an executor whose package is not installed, and a device that is not there.

    Raises:
        ValueError: naming what may be given.
    """
    name = type(config).__name__.removesuffix("Config").lower()
    package = PACKAGES.get(name)
    if package is None:
        check_device(config.device)
        return
    if find_spec(package) is None:
        raise ValueError(f'executor={name} needs the package {package}; pip install "hpo[{name}]" installs it.')
    if config.device not in ("auto", "cpu", "cuda"):
        raise ValueError(
            f"executor.device={config.device} cannot be chosen for executor={name}, whose workers get theirs from the "
            "cluster; give auto, cpu or cuda."
        )


def check_device(device: str, *, setting: str = "executor.device") -> None:
    """Refuses a device that is not there; `setting` is what gave it.

    Raises:
        ValueError: naming what may be given.
    """
    if device in ("auto", "cpu"):
        return
    kind, _, index = device.partition(":")
    if kind != "cuda" or (index and not index.isdigit()):
        raise ValueError(f"{setting}={device} is not a device; give auto, cpu, cuda or cuda:<number>.")
    import torch

    if not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise ValueError(f"{setting}={device} is not on this machine, which has {count} usable GPUs; try auto.")
