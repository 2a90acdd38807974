"""Studies from Python: run as they are typed, searched over a function, opened.

What there is to look at is in `study`, comparisons are in `comparisons`; what drives a study is `study.session`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.composing import Refused, composed, refusing, words_of
from hpo.api.spaces import Dimension, describe_space
from hpo.api.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from hpo.config.compose import Composition

N_NAMED = 5  # studies that are named where the one asked for is not there


def run(*overrides: str, data: pd.DataFrame | str | Path | None = None, verbose: bool = True, **settings: Any) -> Study:
    """Runs a study as `hpo` does, or goes on with it, and returns it.

    Args:
        overrides: As they are typed: "sampler=tpe", "study.n_trials=24".
        data: Texts with labels: a table with the columns text and label, or a path to a file or a folder of texts.
        verbose: Whether it says a line for every trial.
        settings: Settings whose path is a plain word: sampler="tpe", seed=3; `name` and `n_trials` are the study's.

    Raises:
        Refused: if something cannot be used as it was given.
        KeyboardInterrupt: if it was interrupted; the same call goes on.
    """
    renamed = {"name": "study.name", "n_trials": "study.n_trials", "metric": "study.metric"}
    with refusing():
        words = [*data_words(data), *overrides, *words_of({renamed.get(k, k): v for k, v in settings.items()})]
        with composed(words) as job:
            return _drive(job, verbose=verbose)


def search(
    train: Callable[..., Any],
    space: Mapping[str, Dimension],
    *,
    metric: str,
    direction: str | None = None,
    n_trials: int | None = 20,
    epochs: int | None = None,
    sampler: str = "tpe",
    pruner: str = "none",
    name: str | None = None,
    seed: int = 0,
    test: Callable[..., Any] | None = None,
    executor: str = "inline",
    overrides: tuple[str, ...] | list[str] = (),
    params: Mapping[str, Any] | None = None,
    verbose: bool = True,
) -> Study:
    """Searches the params of a training function, or goes on with it, and returns the study.

    Args:
        train: A generator that yields a dict of metrics after every epoch, or a function that takes `on_epoch` and
            calls it with one. It takes its params by name; and seed, epochs, device, threads, folder, resume, if it
            names them.
        space: The dimensions, by the name of the argument; "train.epochs" for the number of epochs.
        metric: Which of its metrics is optimised.
        direction: "maximize" or "minimize"; may be left out for the metrics of text classifiers.
        n_trials: The budget; None if `overrides` give another.
        epochs: What `train` is given as such.
        sampler, pruner: As in sampler=tpe.
        name: The study's; None follows from what it is.
        seed: Of the search and, with the trial's number, of each trial.
        test: Returns a dict of test metrics of what `train` left in `folder`.
        executor: "inline" in this very process; "processes", "ray", "slurm" for functions in a module.
        overrides: Anything else that can be typed: "tracking=none", "storage.path=mine.db".
        params: Arguments with a fixed value.
        verbose: Whether it says a line for every trial.

    Raises:
        Refused: if something cannot be used as it was given.
        KeyboardInterrupt: if it was interrupted; the same call goes on.
    """
    with refusing():
        words = function_words(train, space, test=test, executor=executor, params=params or {})
        if epochs is not None and "train.epochs" in space:
            raise Refused(f"epochs={epochs} and space['train.epochs'] both say how many epochs; give one of them.")
        settings = {
            "study.metric": metric,
            "study.direction": direction,
            "study.n_trials": "null" if n_trials is None else n_trials,
            "train.epochs": epochs,
            "sampler": sampler,
            "pruner": pruner,
            "study.name": name,
            "seed": seed,
            "executor": executor,
        }
        with composed([*words, *words_of(settings), *overrides]) as job:
            return _drive(job, verbose=verbose)


def open_study(name: str, storage: str | Path = "hpo.db") -> Study:
    """Returns a study of the record, as it stands.

    Args:
        name: The study's.
        storage: The file of the record, or an override such as "storage=postgres".

    Raises:
        Refused: if there is none.
    """
    from hpo.storage.record import open_record, read_study, study_names

    word = str(storage) if "=" in str(storage) else f"storage.path={storage}"
    with refusing(), composed([word]) as job:
        record = open_record(job.config.storage)
        if name not in (names := sorted(study_names(record))):
            near = ", ".join(get_close_matches(name, names, n=N_NAMED, cutoff=0)) or "none"
            raise Refused(f"There is no study '{name}' in {storage}; it has {len(names)}, the nearest: {near}.")
        return Study(*read_study(record, name))


def function_words(
    train: Callable[..., Any],
    space: Mapping[str, Dimension],
    *,
    test: Callable[..., Any] | None,
    executor: str,
    params: Mapping[str, Any],
) -> list[str]:
    """Returns the words that make a command line of a function and its space.

    Raises:
        ValueError: in a sentence, if workers could not find the function.
    """
    from hpo.trainers.function.find import name_call

    name, path = name_call(train, test, is_inline=executor == "inline")
    searched = describe_space(space)
    return [
        "trainer=function",
        *words_of({"trainer.call": name, "trainer.path": path}),
        "space=function",
        *(word for section, entries in searched.items() for word in words_of({f"+space.{section}": entries})),
        *words_of({f"params.{key}": value for key, value in params.items()}),
    ]


def _drive(job: Composition, *, verbose: bool) -> Study:
    from hpo.study.plan import plan
    from hpo.study.session import run as run_planned
    from hpo.terminal.display import Display, build_display

    display = build_display() if verbose else Display()
    try:
        report = run_planned(plan(job), display)
    finally:
        display.close()
    if report.signal is not None:
        raise KeyboardInterrupt(f"Study '{report.study.name}' was interrupted; the same call goes on with it.")
    if report.obstacle:
        raise Refused(report.obstacle)
    return Study(report.study, report.trials)


def data_words(data: Any) -> list[str]:
    """Returns the words for texts that are a table in memory, or a path."""
    if data is None:
        return []
    if isinstance(data, str | Path):
        from hpo.data.table_files import holds_tables

        path = Path(data)
        is_folder = path.is_dir() and not holds_tables(path)
        return words_of({"data": "folder" if is_folder else "table", "data.path": str(path)})
    from hpo.data.frames import write_frame

    return words_of({"data": "table", "data.path": str(write_frame(data))})
