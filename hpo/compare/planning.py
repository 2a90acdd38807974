"""What a comparison would take, before anything is spent on it: seeds for a difference of interest, and hours.

Noise comes from an earlier experiment of the record, or from a pilot: one ordinary study whose trials take no part in
the comparison. What is known of it without either is in `outlook`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hpo.compare.comparison import Comparison, mean_epochs, plan_comparison
from hpo.config.compare import BudgetConfig, CompareConfig, Stop, Unit
from hpo.machine.files import write_atomically
from hpo.report.analysis.planning import Noise, noise_between, noise_of_pilot, seconds_of_pilot, seconds_of_studies
from hpo.report.analysis.records import Experiment
from hpo.report.reading.record import experiment_names, read_experiment
from hpo.report.reading.scales import ROPE
from hpo.statistics.paired import n_pairs_of
from hpo.statistics.power import MOST, Effort, Question, effort
from hpo.storage.record import open_record


@dataclass(frozen=True)
class Forecast:
    """What a comparison would take.

    Attributes:
        metric, difference, rope: What is looked for, in units of the metric.
        strategies: How many.
        noise: How differences vary.
        fixed, decided: Seeds at the noise as it is estimated, all of them or with looks; None where 120 are too few.
        fixed_upper: Seeds at the upper limit of the noise.
        study_s: Seconds of training of a study of each strategy.
        n_workers: How many train at once.
    """

    metric: str
    difference: float
    rope: float
    strategies: int
    noise: Noise
    fixed: Effort | None
    fixed_upper: Effort | None
    decided: Effort | None
    study_s: Mapping[str, float]
    n_workers: int

    def hours(self, n_seeds: float) -> float:
        """Returns the hours that so many seeds take, with all workers busy."""
        return n_seeds * sum(self.study_s.values()) / self.n_workers / 3600


def check_plannable(comparison: Comparison, config: CompareConfig) -> None:
    """Refuses what no number of seeds follows from.

    Raises:
        ValueError: in a sentence.
    """
    if len(comparison.strategies) < 2:
        raise ValueError("plan=true is about the difference of two strategies; name more in samplers or strategies.")
    if len(comparison.tasks) > 1:
        raise ValueError(
            f"plan=true says how many seeds a comparison on one task takes; {len(comparison.tasks)} were given, and "
            "over several tasks it is the tasks that count. Plan for one of them."
        )
    rope, difference = _rope(config), _difference(config)
    if difference <= rope:
        given = (
            f"difference={difference:g} is" if config.difference is not None else f"With rope={rope:g} a difference is"
        )
        raise ValueError(
            f"{given} not above the ROPE of {rope:g} {config.study.metric}, so it does not matter by your own words; "
            "give difference=… above it, in units of study.metric."
        )


def earlier_experiment(comparison: Comparison, config: CompareConfig) -> Experiment | None:
    """Returns the experiment of the record that noise is known from; None where a pilot has to find it out.

    Raises:
        ValueError: if one was named that is not there, or the record cannot be read.
    """
    name = config.noise or comparison.name
    if not (config.storage.file and Path(config.storage.file).exists()) and config.storage.option != "postgres":
        names: list[str] = []
    else:
        storage = open_record(config.storage)
        names = experiment_names(storage)
    if name in names:
        return read_experiment(storage, name)
    if config.noise:
        listed = f"it has {', '.join(names)}" if names else "it has none yet"
        raise ValueError(
            f"noise={config.noise} names no experiment of the record; {listed}. Leave noise out for a pilot."
        )
    return None


def pilot_of(comparison: Comparison, config: CompareConfig) -> tuple[Comparison, CompareConfig]:
    """Returns the pilot: a study of random search, or else of the first strategy, with a seed that is not compared."""
    variants = {variant.strategy: variant for variant in comparison.variants}
    variant = variants.get("random", comparison.variants[0])
    asked = replace(
        config,
        name=f"{comparison.name}-pilot",
        seeds=[max(comparison.seeds) + 1],
        budget=BudgetConfig(Unit.trials, float(config.pilot)),
        stop=Stop.planned,
        looks=None,
    )
    return replace(plan_comparison(asked, [variant]), is_pilot=True), asked


def forecast(
    comparison: Comparison, config: CompareConfig, *, earlier: Experiment | None, pilot: Experiment | None
) -> Forecast:
    """Returns what the comparison would take.

    Args:
        comparison: What is planned.
        config: The settings.
        earlier, pilot: What noise is known from; one of them.

    Raises:
        ValueError: if nothing follows from it, in a sentence.
    """
    if earlier is not None:
        noise, by_strategy = noise_between(earlier), seconds_of_studies(earlier)
        if (earlier.unit, earlier.budget) != (comparison.unit.value, comparison.budget):
            now = f"{comparison.budget:g} {comparison.unit.value}"
            source = f"{noise.source}; its studies had {earlier.budget:g} {earlier.unit} each, not {now}"
            noise = replace(noise, source=source)
        share = comparison.budget / earlier.budget if earlier.unit == comparison.unit.value and earlier.budget else 1.0
        by_strategy = {name: seconds * share for name, seconds in by_strategy.items()}
        mean = sum(by_strategy.values()) / len(by_strategy)
        study_s = {name: by_strategy.get(name, mean) for name in comparison.strategies}
    else:
        assert pilot is not None
        mean = mean_epochs(comparison.plans[0].space, comparison.plans[0].config.train.epochs)
        n_trials = comparison.budget / mean if comparison.unit is Unit.epochs else comparison.budget
        noise = noise_of_pilot(pilot, n_trials=n_trials)
        n_epochs = comparison.budget * (mean if comparison.unit is Unit.trials else 1)
        seconds = seconds_of_pilot(pilot, n_epochs=n_epochs)
        study_s = dict.fromkeys(
            comparison.strategies, comparison.budget if comparison.unit is Unit.seconds else seconds
        )
    n_tests = n_pairs_of(len(comparison.strategies))
    difference, rope = _difference(config), _rope(config)

    def question(sd: float) -> Question:
        return Question(_rounded(difference / sd), _rounded(rope / sd), n_tests, config.futility)

    return Forecast(
        metric=config.study.metric,
        difference=difference,
        rope=rope,
        strategies=len(comparison.strategies),
        noise=noise,
        fixed=effort(question(noise.sd), has_looks=False),
        fixed_upper=effort(question(noise.upper), has_looks=False),
        decided=effort(question(noise.sd), has_looks=True),
        study_s=study_s,
        n_workers=config.executor.count_workers(),
    )


def forecast_lines(found: Forecast, command: str) -> list[str]:
    """Returns what is printed of it.

    Args:
        found: What it would take.
        command: The command without plan=true and seeds, to go on with.
    """
    unit = found.metric
    lines = [
        f"noise   from seed to seed the difference of two strategies has a standard deviation of {found.noise.sd:.2g} "
        f"{unit} (80 % sure: below {found.noise.upper:.2g}); from {found.noise.source}",
        f"seek    a difference of {found.difference:g} {unit}, found with 80 % power and above the ROPE of "
        f"{found.rope:g}",
        *_seeds_lines(found),
    ]
    n_pairs = n_pairs_of(found.strategies)
    pairs = (
        "1 pair"
        if n_pairs == 1
        else f"{n_pairs} pairs corrected together (Holm's first step; with looks, closed tests)"
    )
    lines.append(f"test    exact signed-rank, {pairs}; simulated for normal noise")
    if found.decided:
        lines.append(f"next    {command} stop=decided seeds={found.decided.n}")
    elif found.fixed:
        lines.append(f"next    {command} seeds={found.fixed.n}")
    return lines


def write_forecast(found: Forecast, folder: Path) -> Path:
    """Writes it as plan.json into the folder of the report; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "plan.json"
    write_atomically(path, (json.dumps(asdict(found), indent=1, sort_keys=True) + "\n").encode())
    return path


def _seeds_lines(found: Forecast) -> Iterator[str]:
    if found.fixed is None:
        yield (
            f"seeds   more than {MOST}: the difference is small beside the noise. Longer trials, more texts in valid "
            "and test, or more retrainings (study.confirm.n_seeds) make the noise smaller"
        )
        return
    upper = f"{found.fixed_upper.n}" if found.fixed_upper else f"more than {MOST}"
    yield f"seeds   {found.fixed.n} ({upper} at the upper limit of the noise): {_cost(found, found.fixed.n)}"
    if found.decided:
        yield (
            f"        stop=decided: at most {found.decided.n}, on average {found.decided.mean:.1f} where there is "
            f"such a difference and {found.decided.mean_without:.1f} where there is none: "
            f"{_cost(found, found.decided.mean)}"
        )


def _cost(found: Forecast, n_seeds: float) -> str:
    hours = found.hours(n_seeds)
    time = (
        f"{hours:.1f} h"
        if hours >= 1
        else f"{max(1, round(60 * hours))} min"
        if hours * 60 >= 1
        else f"{3600 * hours:.0f} s"
    )
    workers = f", {found.n_workers} trials at once" if found.n_workers > 1 else ""
    return f"{time} of training{workers}"


def _rope(config: CompareConfig) -> float:
    return ROPE.get(config.study.metric, 0.0) if config.rope is None else config.rope


def _difference(config: CompareConfig) -> float:
    """Returns the difference of interest: what was given, or twice what does not matter."""
    return 2 * _rope(config) if config.difference is None else config.difference


def _rounded(value: float) -> float:
    """Returns a value with three figures, so that equal questions are asked once."""
    return float(f"{value:.3g}") if math.isfinite(value) else value
