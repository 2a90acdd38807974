"""Studies in Python: run, search, open, and what there is to look at.

What drives them is `study.session`; comparisons are in `comparisons`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.composing import Refused, composed, refusing, words_of
from hpo.api.spaces import Dimension, describe_space

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from hpo.config.compose import Composition
    from hpo.contracts.records import StudyRecord, TrialRecord

N_SHOWN = 5  # trials of a study in a notebook


class Study:
    """A study as it stood when it was run or opened.

    Attributes:
        record: What is known of the study itself: name, metric, direction, folder, test, ...
        records: Its trials, in the order of their numbers.
    """

    def __init__(self, record: StudyRecord, records: list[TrialRecord]) -> None:
        self.record, self.records = record, records

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def folder(self) -> Path:
        """Where its files are, the model it keeps among them."""
        return Path(self.record.folder)

    @property
    def trials(self) -> pd.DataFrame:
        """A row a trial: number, state, value, a column for each param, epochs, seconds of training, seed, reason."""
        import pandas as pd

        rows = [
            {
                "number": trial.number,
                "state": trial.state,
                "value": trial.value,
                **_short(trial.params),
                "epochs": trial.n_epochs,
                "seconds": trial.seconds,
                "seed": trial.seed,
                "reason": trial.reason,
            }
            for trial in self.records
        ]
        return pd.DataFrame(rows)

    @property
    def curves(self) -> pd.DataFrame:
        """A row an epoch: trial, epoch, and a column for each metric it reported."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"trial": trial.number, "epoch": epoch.epoch, **epoch.metrics}
                for trial in self.records
                for epoch in trial.epochs
            ]
        )

    @property
    def best_trial(self) -> TrialRecord:
        """The complete trial with the best value.

        Raises:
            Refused: if no trial is complete.
        """
        best = self.record.best(self.records)
        if best is None:
            raise Refused(f"No trial of study '{self.name}' is complete; its trials say why: study.trials.")
        return best

    @property
    def best_params(self) -> dict[str, Any]:
        """The params of the best trial, a function's by the names of its arguments."""
        return _short(self.best_trial.params)

    @property
    def best_value(self) -> float | None:
        """The metric of the best trial after its last epoch: the best of many, so better than it will be again."""
        return self.best_trial.value

    @property
    def test(self) -> dict[str, float]:
        """The test metrics of the trial that was tested, with its number; empty where none was."""
        return dict(self.record.test)

    def plot_history(self) -> go.Figure:
        """Returns a figure of every trial's value and of the best so far, over the trials."""
        import plotly.graph_objects as go

        done = [trial for trial in self.records if trial.value is not None]
        best, so_far = None, []
        for trial in done:
            is_better = best is None or self.record.sign * (trial.value or 0.0) < self.record.sign * best
            best = trial.value if trial.state == "COMPLETE" and is_better else best
            so_far.append(best)
        hover = [f"trial {trial.number}, {trial.state.lower()}<br>{_listed(trial.params)}" for trial in done]
        numbers = [trial.number for trial in done]
        figure = go.Figure(
            [
                go.Scatter(x=numbers, y=[t.value for t in done], mode="markers", name="trials", hovertext=hover),
                go.Scatter(x=numbers, y=so_far, mode="lines", line_shape="hv", name="best so far"),
            ]
        )
        return figure.update_layout(title=self.name, xaxis_title="trial", yaxis_title=self.record.metric)

    def __repr__(self) -> str:
        best = self.record.best(self.records)
        said = f"best {self.record.metric} {best.value:.6g} in trial {best.number}" if best else "no complete trial"
        return f"<hpo.Study {self.name}: {len(self.records)} trials, {said}>"

    def _repr_html_(self) -> str:
        ranked = self.record.ranked(self.records)[:N_SHOWN]
        table = self.trials.loc[[trial.number for trial in ranked]].to_html(index=False, float_format="{:.4g}".format)
        tests = ", ".join(f"{name} {value:.4g}" for name, value in self.record.test.items())
        tested = f"<p>Tested: {html.escape(tests)}</p>" if tests else ""
        return f"<p><b>{html.escape(repr(self)[1:-1])}</b></p>{table if ranked else ''}{tested}"


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
        direction: "maximize" or "minimize"; may be left out for accuracy, macro_f1 and valid_loss.
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
        if epochs is not None and "train.epochs" in space:
            raise Refused(f"epochs={epochs} and space['train.epochs'] both say how many epochs; give one of them.")
        words = function_words(train, space, test=test, executor=executor, params=params or {})
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
        if name not in study_names(record):
            names = ", ".join(sorted(study_names(record))) or "none"
            raise Refused(f"There is no study '{name}' in {storage}; it has {names}.")
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
    from hpo.trainers.function.call import name_call

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
        path = Path(data)
        return words_of({"data": "folder" if path.is_dir() else "table", "data.path": str(path)})
    from hpo.data.frames import write_frame

    return words_of({"data": "table", "data.path": str(write_frame(data))})


def _short(params: Mapping[str, Any]) -> dict[str, Any]:
    return {path.removeprefix("params."): value for path, value in params.items()}


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in _short(params).items())
