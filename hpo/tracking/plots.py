"""Optuna's figures of a study as HTML pages that need no network, drawn from the record alone.

Comparisons of several studies are the report's business.
"""

from __future__ import annotations

import base64
import gzip
import html
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from plotly.graph_objects import Figure

MIN_COMPLETE = 2
TITLES = {
    "optimization_history": "Value of each trial and the best so far",
    "intermediate_values": "Value after each epoch",
    "param_importances": "Importance of each param (PED-ANOVA)",
    "slice": "Value by each param",
    "parallel_coordinate": "Params of each trial, coloured by value",
}
# plotly.js comes compressed (2 MB instead of 5) and is unpacked by the browser, none older than 2023.
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
 style-src 'unsafe-inline'; img-src data: blob:"></head>
<body><div id="{name}"></div>
<script type="application/json" id="figure">{figure}</script>
<script>
const packed = Uint8Array.from(atob("{plotly}"), character => character.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
new Response(unpacked).text().then(code => {{
  const script = document.createElement("script");
  script.textContent = code;
  document.head.append(script);
  const figure = JSON.parse(document.getElementById("figure").textContent);
  Plotly.newPlot("{name}", figure.data, figure.layout, {{responsive: true}});
}});
</script></body></html>
"""


def write_plots(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    distributions: Mapping[str, BaseDistribution],
    folder: Path,
) -> list[Path]:
    """Writes the figures that make sense for these trials into `folder` and returns their paths.

    Each page carries its own copy of plotly.js because MLflow shows an artifact without its
    neighbours. With fewer than two complete trials there is nothing to draw.

    Args:
        study: The study; its metric and direction name and orient the axes.
        trials: Its trials in any state.
        distributions: The space; params that are not in it are left out.
        folder: Is created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = _rebuild(study, trials, distributions)
    paths = []
    for name, draw in _drawings(study.metric, drawn).items():
        path = folder / f"{name}.html"
        path.write_text(_page(name, f"{study.name}: {TITLES[name]}", draw()), encoding="utf-8")
        paths.append(path)
    return paths


def _page(name: str, title: str, figure: Figure) -> str:
    figure.update_layout(title=title)
    data = figure.to_json().replace("<", "\\u003c")
    return PAGE.format(name=name, title=html.escape(title), figure=data, plotly=_packed_plotly())


@cache
def _packed_plotly() -> str:
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def _drawings(metric: str, study: optuna.Study) -> dict[str, Callable[[], Figure]]:
    """Returns how to draw each figure that makes sense, by its name."""
    from optuna import visualization
    from optuna.importance import PedAnovaImportanceEvaluator

    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == COMPLETE]
    if len(complete) < MIN_COMPLETE:
        return {}
    drawings: dict[str, Callable[[], Figure]] = {
        "optimization_history": lambda: visualization.plot_optimization_history(study, target_name=metric),
    }
    if any(trial.intermediate_values for trial in complete):
        drawings["intermediate_values"] = lambda: visualization.plot_intermediate_values(study).update_layout(
            xaxis_title="epoch", yaxis_title=metric
        )
    if not any(len(trial.params) for trial in complete):
        return drawings
    if len({trial.value for trial in complete}) > 1 and _shared_params(complete):
        drawings["param_importances"] = lambda: visualization.plot_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(), params=_shared_params(complete), target_name=metric
        )
    drawings["slice"] = lambda: visualization.plot_slice(study, target_name=metric)
    drawings["parallel_coordinate"] = lambda: visualization.plot_parallel_coordinate(study, target_name=metric)
    return drawings


def _shared_params(trials: Sequence[optuna.trial.FrozenTrial]) -> list[str]:
    """Returns the params that every trial has, in the order of the first, and that differ between trials."""
    return [
        path
        for path in trials[0].params
        if all(path in trial.params for trial in trials) and len({trial.params[path] for trial in trials}) > 1
    ]


def _rebuild(
    study: StudyRecord, trials: Sequence[TrialRecord], distributions: Mapping[str, BaseDistribution]
) -> optuna.Study:
    """Returns an Optuna study in memory that holds these trials and nothing else."""
    import optuna

    logging.getLogger("optuna.storages._in_memory").setLevel(logging.WARNING)  # it announces each study
    storage = optuna.storages.InMemoryStorage()
    direction = optuna.study.StudyDirection[study.direction.upper()]
    storage.create_new_study([direction], study.name)
    rebuilt = optuna.Study(study_name=study.name, storage=storage)
    for trial in trials:
        if trial.is_finished:
            rebuilt.add_trial(_rebuild_trial(study, trial, distributions))
    return rebuilt


def _rebuild_trial(
    study: StudyRecord, trial: TrialRecord, distributions: Mapping[str, BaseDistribution]
) -> optuna.trial.FrozenTrial:
    import optuna

    known = {path: value for path, value in trial.params.items() if path in distributions}
    values = {epoch.epoch: epoch.metrics.get(study.metric, math.nan) for epoch in trial.epochs}
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[trial.state],
        value=trial.value if trial.state == COMPLETE else None,
        params=known,
        distributions={path: distributions[path] for path in known},
        intermediate_values={epoch: value for epoch, value in values.items() if math.isfinite(value)},
    )
