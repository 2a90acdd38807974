"""A study as Python sees it: its trials and curves as tables, its best, a figure, a page in a notebook.

Running one is the business of `running`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.composing import Refused

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

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
        """A row a trial: number, state, value, a column for each param, epochs, seconds, seed, reason, error.

        `seconds` are those of training; `reason` and `error` say why a trial failed.
        """
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
                "error": trial.error,
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
            raise Refused(f"No trial of study '{self.name}' is complete; the column error of study.trials says why.")
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
        best = self.trials.loc[[trial.number for trial in ranked]].dropna(axis=1, how="all")  # reasons that are none
        table = best.to_html(index=False, float_format="{:.4g}".format)
        tests = ", ".join(f"{name} {value:.4g}" for name, value in self.record.test.items())
        tested = f"<p>Tested: {html.escape(tests)}</p>" if tests else ""
        return f"<p><b>{html.escape(repr(self)[1:-1])}</b></p>{table if ranked else ''}{tested}"


def _short(params: Mapping[str, Any]) -> dict[str, Any]:
    return {path.removeprefix("params."): value for path, value in params.items()}


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in _short(params).items())
