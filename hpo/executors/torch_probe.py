"""What PyTorch can do here: asked in a process of its own, which survives whatever is wrong with it.

`python -m hpo.executors.torch_probe DEVICE PRECISION` prints what it finds as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from hpo.machine.fastai_import import fastai_import

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Torch:
    """What was found.

    Attributes:
        version: As it calls itself, its build behind a plus sign.
        fastai: The version of fastai.
        cuda: The CUDA it was built for; "" for none.
        device: Where a trial would train: "cpu", or the name of a GPU.
        n_gpus: How many GPUs it sees.
        free_bytes, total_bytes: Memory of that GPU; 0 on a CPU.
        precision: What a trial would train in.
        has_bf16: Whether that GPU computes in bf16 itself, instead of imitating it.
    """

    version: str
    fastai: str
    cuda: str
    device: str
    n_gpus: int
    free_bytes: int
    total_bytes: int
    precision: str
    has_bf16: bool

    @property
    def shown(self) -> str:
        """Where a trial would train, for people."""
        if not self.total_bytes:
            return "trials train on the CPU"
        return f"{self.device}, {self.free_bytes / 1e9:.1f} of {self.total_bytes / 1e9:.1f} GB free"


class TorchProbe:
    """A probe under way, so that others can look at other things meanwhile."""

    def __init__(self, device: str, precision: str) -> None:
        command = [sys.executable, "-m", "hpo.executors.torch_probe", device, precision]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, errors="replace")

    def __enter__(self) -> TorchProbe:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def result(self) -> Torch:
        """Returns what was found.

        Raises:
            ValueError: if torch or fastai cannot be used, in one sentence.
        """
        try:
            out, err = self._process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise ValueError(f"torch has not trained a step after {TIMEOUT_S:.0f} s.") from None
        if self._process.returncode < 0:
            raise ValueError(f"torch ends Python by signal {-self._process.returncode}; install another build of it.")
        if self._process.returncode:
            said = [line.strip() for line in err.splitlines() if line.strip()]
            raise ValueError(f"torch and fastai cannot train here: {said[-1] if said else 'they do not say why'}")
        return Torch(**json.loads(out.splitlines()[-1]))


def _probe(device: str, precision: str) -> Torch:
    """Trains a step of a small network as a trial would."""
    with fastai_import():
        import fastai.text.learner
    import torch

    is_cuda = torch.cuda.is_available() and device != "cpu"
    place = torch.device(device if ":" in device else "cuda:0") if is_cuda else torch.device("cpu")
    dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16}
    dtype = dtypes.get(precision) if is_cuda else None
    network = torch.nn.LSTM(8, 8).to(place)
    with torch.autocast(place.type, dtype=dtype, enabled=dtype is not None):
        network(torch.ones(3, 2, 8, device=place))[0].float().sum().backward()
    free, total = torch.cuda.mem_get_info(place) if is_cuda else (0, 0)
    return Torch(
        version=str(torch.__version__),
        fastai=str(fastai.__version__),
        cuda=str(torch.version.cuda or ""),
        device=torch.cuda.get_device_name(place) if is_cuda else "cpu",
        n_gpus=torch.cuda.device_count() if torch.cuda.is_available() else 0,
        free_bytes=free,
        total_bytes=total,
        precision=precision if dtype is not None else "fp32",
        has_bf16=is_cuda and torch.cuda.is_bf16_supported(including_emulation=False),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_probe(*sys.argv[1:]))))
