"""The settings of a user's own training function, and what is refused of it before a study begins.

Calling it is `trainer`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.config.limits import MISSING
from hpo.config.registry import option
from hpo.config.schema import TrainerConfig
from hpo.machine.paths import as_name, expanded, is_folder

if TYPE_CHECKING:
    from hpo.config.schema import Config
    from hpo.contracts.trainer import Trainer
    from hpo.space.space import Space
    from hpo.trainers.function.find import Call


@option("trainer", "function")
@dataclass
class FunctionConfig(TrainerConfig):
    """A function of a user: `call` is MODULE:FUNCTION; `sha256: null` whatever its file holds."""

    call: str = MISSING
    path: str = MISSING
    sha256: str | None = None
    metric: str = MISSING

    metrics = ()

    @property
    def subject(self) -> str:
        return as_name(self.call.replace(":", "."))

    @property
    def needs_torch(self) -> bool:  # type: ignore[override]  # a constant of other trainers
        try:
            return "device" in self.find().arguments
        except ValueError:  # whoever trains says so
            return False

    @property
    def has_test(self) -> bool:  # type: ignore[override]  # a constant of other trainers
        return self.find().test is not None

    def preload(self) -> None:
        """Imports nothing: a module that cannot be imported is to be the trial's obstacle, not the worker's end."""

    def build(self) -> Trainer:
        from hpo.trainers.function.trainer import Function

        return Function(self.call, path=self.path, metric=self.metric)

    def keep(self, folder: Path, target: Path, made: Mapping[str, object]) -> None:
        from hpo.trainers.function.files import keep_files

        keep_files(folder, target, made)

    def find(self) -> Call:
        """Returns the function.

        Raises:
            ValueError: in a sentence, if it cannot be found or used.
        """
        from hpo.trainers.function.find import find_call

        return find_call(self.call, str(expanded(self.path).absolute()))

    def settled(self) -> FunctionConfig:
        if not is_folder(expanded(self.path)):
            raise ValueError(f"trainer.path={self.path} is no folder; give the one that has the module.")
        return replace(self, path=str(expanded(self.path).absolute()), sha256=self.sha256 or self.find().sha256)

    def check(self, config: Config, space: Space) -> None:
        """Refuses params that the function does not take, and a function that lacks some. See `TrainerConfig`."""
        call, searched = self.find(), [param.path for param in space.params]
        for path in searched:
            if not path.startswith("params.") and path != "train.epochs":
                raise ValueError(
                    f"The space searches {path}, which {self.call} does not see; its arguments are searched under "
                    "space.params, as in conf/space/mine.yaml with params: {lr: {type: float, low: 1e-4, high: 0.1}}."
                )
        if "train.epochs" in searched and "epochs" not in call.arguments and not call.takes_anything:
            raise ValueError(
                f"The space searches train.epochs, but {self.call} does not take epochs; add the argument."
            )
        given = {path.partition(".")[2]: path for path in [*searched, *(f"params.{name}" for name in config.params)]}
        given.pop("epochs", None)
        _check_names(call, {name: path for name, path in given.items() if path.startswith("params.")}, set(searched))
        sometimes = {param.path.partition(".")[2] for param in space.params if param.when is not None}
        for name in call.needed:
            if name not in given or (name in sometimes and name not in config.params):
                raise ValueError(
                    f"{self.call} takes {name}, which {'not every trial has' if name in given else 'has no value'}; "
                    f"give it a default, search it as space.params.{name}, or give params.{name}=VALUE."
                )


def _check_names(call: Call, given: dict[str, str], searched: set[str]) -> None:
    from hpo.trainers.function.find import RESERVED

    for name, path in given.items():
        where = f"space.{path}" if path in searched else path
        if name in RESERVED:
            raise ValueError(f"{where}: {name} is what hpo gives a function itself; name the param otherwise.")
        if name not in call.arguments and not call.takes_anything:
            takes = ", ".join(call.params) or "no param"
            raise ValueError(f"{where} is no argument of {call.name}, which takes {takes}; rename one of them.")
