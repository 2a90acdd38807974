"""The executors one can choose: their settings, how many trials each runs at once, and how it is built.

How each runs its jobs is in the module of its name; Slurm has its settings there, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from hpo.config.limits import MISSING, count, setting
from hpo.config.registry import option
from hpo.config.schema import ExecutorConfig, TrainerConfig
from hpo.contracts.executor import Executor
from hpo.machine.cores import n_cores, visible_gpus
from hpo.machine.signals import StopRequest

LOCAL = "local"  # the cluster that is started on this machine


@dataclass
class MachineConfig(ExecutorConfig):
    """Trials run on this machine, with no more threads than it has cores."""

    def count_workers(self) -> int:
        if self.threads > n_cores():
            raise ValueError(
                f"executor.threads={self.threads} is more than the {n_cores()} cores this process may use."
            )
        return 1

    def check(self, trainer: TrainerConfig) -> None:
        check_device(self.device)


@option("executor", "inline")
@dataclass
class InlineConfig(MachineConfig):
    def build(self, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
        from hpo.executors.inline import InlineExecutor

        return InlineExecutor(lambda: stop is not None and stop.is_set)


@option("executor", "processes")
@dataclass
class ProcessesConfig(MachineConfig):
    n_workers: int | None = count(None)
    trials_per_gpu: int = count()

    def count_workers(self) -> int:
        super().count_workers()
        cores = n_cores()
        if self.n_workers is None:
            n_gpus = 0 if self.device == "cpu" else len(visible_gpus())
            return max(1, min(n_gpus * self.trials_per_gpu or cores, cores // self.threads))
        if self.n_workers * self.threads > cores:
            raise ValueError(
                f"executor.n_workers={self.n_workers} x executor.threads={self.threads} is more than the "
                f"{cores} cores this process may use; lower one of them."
            )
        return self.n_workers

    def build(self, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
        from hpo.executors.processes import ProcessesExecutor

        return ProcessesExecutor(
            n_workers=self.count_workers(),
            threads=self.threads,
            preload=trainer.preload,
            gpus=visible_gpus() if self.device == "auto" else [],
        )


@dataclass
class ClusterConfig(ExecutorConfig):
    """Trials run on machines of a cluster, by a package that is not always there.

    Attributes:
        package: What is imported.
        requirement: What pip installs, as pyproject.toml has it.
    """

    package, requirement = "", ""

    def check(self, trainer: TrainerConfig) -> None:
        if find_spec(self.package) is None:
            install = f'pip install "{self.requirement}"'
            raise ValueError(f"executor={self.option} needs the package {self.package}; {install} installs it.")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ValueError(
                f"executor.device={self.device} cannot be chosen for executor={self.option}, whose workers get theirs "
                "from the cluster; give auto, cpu or cuda."
            )


@option("executor", "ray")
@dataclass
class RayConfig(ClusterConfig):
    """Actors of a Ray cluster; null: as many as it has room for, a core for each thread, a GPU where there are any."""

    address: str = MISSING
    n_workers: int | None = count(None)
    cpus_per_trial: float | None = setting(None, above=0)
    gpus_per_trial: float | None = setting(None, low=0)

    package, requirement = "ray", "ray>=2.60,<3"

    def count_workers(self) -> int:
        """Returns how many actors there are to be; a cluster that may grow gets those asked for when it has."""
        size, nodes = self.actor_size(), self._nodes()
        fit = sum(min(int(node.get(kind, 0) / part + 1e-9) for kind, part in size.items() if part) for node in nodes)
        wanted = f"executor.cpus_per_trial={size['CPU']:g}, executor.gpus_per_trial={size['GPU']:g}"
        if fit == 0 and (self.n_workers is None or self.address == LOCAL):
            most = {kind: max(node.get(kind, 0) for node in nodes) for kind in size}
            raise ValueError(
                f"{wanted} is more than any node has: {most['CPU']:g} cores, {most['GPU']:g} GPUs; lower them."
            )
        if self.n_workers is None:
            return fit
        if self.n_workers > fit and self.address == LOCAL:
            raise ValueError(f"executor.n_workers={self.n_workers} with {wanted} is more than the {fit} that fit here.")
        return self.n_workers

    def actor_size(self) -> dict[str, float]:
        """Returns what an actor holds, by Ray's names."""
        gpus = self.gpus_per_trial
        if gpus is None:
            gpus = float(self.device != "cpu" and any(node.get("GPU") for node in self._nodes()))
        if gpus > 1 and gpus != int(gpus):
            raise ValueError(
                f"executor.gpus_per_trial={gpus:g} is no share of a GPU and no number of them; give {int(gpus)}."
            )
        return {"CPU": self.cpus_per_trial or self.threads, "GPU": gpus}

    def _nodes(self) -> list[dict[str, float]]:
        if self.address == LOCAL:
            return [{"CPU": n_cores(), "GPU": len(visible_gpus())}]
        from hpo.executors.ray_cluster import connect, nodes

        connect(self.address)
        return nodes()

    def build(self, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
        from hpo.executors.ray import RayExecutor
        from hpo.executors.ray_cluster import connect

        cluster, size = connect(self.address, n_gpus=len(visible_gpus())), self.actor_size()
        return RayExecutor(
            cluster,
            n_workers=self.count_workers(),
            threads=self.threads,
            n_cpus=size["CPU"],
            n_gpus=size["GPU"],
            preload=trainer.preload,
        )


@option("executor", "simulated")
@dataclass
class SimulatedConfig(ExecutorConfig):
    n_workers: int | None = count(None)

    is_shared = False

    def count_workers(self) -> int:
        return self.n_workers or 1

    def check(self, trainer: TrainerConfig) -> None:
        check_device(self.device)
        if not trainer.is_simulated:
            raise ValueError(
                f"executor=simulated does not wait, but trainer={trainer.option} trains; choose executor=processes or "
                "inline, or a trainer that knows its curves: replay, synthetic."
            )

    def build(self, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
        from hpo.executors.simulated import MANY, SimulatedExecutor

        self.check(trainer)
        return SimulatedExecutor(n_workers=self.n_workers or MANY)


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
