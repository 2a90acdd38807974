"""What every command line of the package shares: composing its arguments, refusing in one sentence.

What a command does is its own module's business.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from hpo.config import Config

DONE, MISTAKE, HELD, PAUSED, INTERRUPTED = 0, 2, 3, 4, 130

Call = Callable[["Config", dict[str, str]], int]
"""Does a command's work, given the settings and the option chosen in every group; returns an exit code."""


def compose_and_call(
    argv: Sequence[str],
    call: Call,
    *,
    name: str = "config",
    root: type[Config] | None = None,
    may_lack: bool = False,
) -> int:
    """Composes `argv` with conf/ and calls `call`, once per job of a multirun.

    Args:
        argv: The command line without the program.
        call: Does the work.
        name: Which file of conf/ is the primary one.
        root: The type of the whole configuration; None means `Config`.
        may_lack: Whether values may be missing, because `call` composes again with more overrides.

    Returns:
        The largest exit code; 2 with a sentence on stderr if `argv` cannot be composed.
    """
    from hpo.compose import register_schemas
    from hpo.config import Config
    from hpo.output import masked_output
    from hpo.secret import cover_word

    register_schemas(root or Config)
    with masked_output():
        return _run_hydra([cover_word(word) for word in argv], call, name=name, may_lack=may_lack)


def _run_hydra(argv: Sequence[str], call: Call, *, name: str, may_lack: bool) -> int:
    import hydra

    from hpo.compose import explain, is_composition_error
    from hpo.paths import conf_folder

    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing and exiting with 1
    sys.argv = [sys.argv[0], *argv]
    signal.signal(signal.SIGTERM, _terminate)
    codes: list[int] = []
    is_composed = False

    def task(composed: DictConfig) -> None:
        nonlocal is_composed
        is_composed = True
        codes.append(_call(composed, call, may_lack=may_lack))
        if codes[-1] > 128:  # stopped by a signal: so are the jobs after it
            raise SystemExit(codes[-1])

    command = hydra.main(version_base="1.3", config_path=str(conf_folder().absolute()), config_name=name)(task)
    try:
        command()
    except SystemExit as end:
        return int(end.code or 0)
    except KeyboardInterrupt:
        return refuse("interrupted; the same command continues.", code=INTERRUPTED)
    except Exception as error:
        if is_composed and not is_composition_error(error):
            raise
        return refuse(explain(error))
    return max(codes, default=DONE)


def _terminate(number: int, _: FrameType | None) -> None:
    """Ends the command by an exception, so that what it holds is let go; studies handle signals themselves."""
    raise SystemExit(128 + number)


def _call(composed: DictConfig, call: Call, *, may_lack: bool) -> int:
    from hydra.core.hydra_config import HydraConfig

    from hpo.compose import explain, fix_overridden, is_composition_error, to_config

    choices = read_choices(HydraConfig.get().runtime.choices)
    try:
        config, fixing = fix_overridden(to_config(composed, may_lack=may_lack), HydraConfig.get().overrides.task)
    except Exception as error:
        if is_composition_error(error):
            return refuse(explain(error))
        if isinstance(error, ValueError):
            return refuse(str(error))
        raise
    return call(config, {**choices, "fixed": fixing})


def read_choices(chosen: Mapping[str, object]) -> dict[str, str]:
    """Returns the option chosen in each config group, "" where none is."""
    return {str(group): str(option) if option and option != "None" else "" for group, option in chosen.items()}


def refuse(sentence: str, *, code: int = MISTAKE) -> int:
    """Prints `sentence` on stderr and returns `code`; its secrets are masked, and names cannot command the terminal."""
    from hpo.secret import mask

    shown = "".join(char if char.isprintable() or char == "\n" else " " for char in mask(sentence))
    print(f"hpo: {shown}", file=sys.stderr)
    return code
