"""A report as the analyses might build it: four strategies, ten seeds, every kind of mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.document.content import Claim, Column, Report, Section, Table, Text, Verdict

STRATEGIES = ("random", "tpe", "gp", "tpe+hyperband")
N_SEEDS, N_TRIALS = 10, 40
Curves = dict[str, np.ndarray]  # by strategy: (n_seeds, n_trials)


def make_curves(strategies: Sequence[str] = STRATEGIES, n_seeds: int = N_SEEDS, n_trials: int = N_TRIALS) -> Curves:
    """Returns the best accuracy after each trial."""
    rng = np.random.default_rng(0)
    curves = {}
    for place, strategy in enumerate(strategies):
        values = 0.78 + 0.01 * place + 0.08 * rng.beta(2, 4, (n_seeds, n_trials))
        curves[strategy] = np.maximum.accumulate(values, axis=1)
    return curves


def make_report(strategies: Sequence[str] = STRATEGIES, n_seeds: int = N_SEEDS, n_trials: int = N_TRIALS) -> Report:
    curves = make_curves(strategies, n_seeds, n_trials)
    sections = [
        Section("verdict", "Verdict", [make_verdict(strategies)], {"primary": "test accuracy", "n_pairs": 6}),
        Section("design", "Design", _design(strategies), {"budget": 120, "hash": "9a" * 32}, {"host": "node-7"}),
        Section("performance", "Final performance", _performance(curves), _performance_numbers(curves)),
        Section("anytime", "Anytime performance", [_anytime(curves), _regret(curves)], {"auc": {"tpe": 0.31}}),
        Section("tasks", "Tasks", [_shades(strategies)]),
        Section("statistics", "Statistics", [_forest(strategies), _effects(strategies)]),
        Section("learned", "What the search learned", [_importances(), _slices(curves), _parallel(strategies)]),
        Section("cost", "Cost", [_cost(curves)], {}, {"seconds": {"tpe": 812.25}}),
        Section("reproduce", "Threats and how to repeat this", _reproduce()),
    ]
    subtitle = "docstrings, 4 strategies with 10 paired seeds each, 120 epochs per study"
    return Report("Which strategy finds the best classifier?", subtitle, strategies, sections)


def make_verdict(strategies: Sequence[str] = STRATEGIES) -> Verdict:
    kinds: list[Literal["better", "equivalent", "undecided"]] = ["better", "equivalent", "undecided"]
    texts = {
        "better": "{} better than {}: +0.0118 accuracy [0.0071, 0.0166], p = 0.012",
        "equivalent": "{} and {} practically equivalent: −0.0008 accuracy [−0.0031, 0.0016]",
        "undecided": "{} and {} not distinguishable with 10 seeds (smallest detectable difference 0.0094)",
    }
    pairs = [(a, b) for place, a in enumerate(strategies) for b in strategies[:place]]
    claims = [Claim(texts[kinds[n % 3]].format(*pair), kinds[n % 3]) for n, pair in enumerate(pairs)]
    looks = Table(
        "looks",
        "The same pairs earlier in the budget",
        [Column("pair"), Column("at 25 %"), Column("at 50 %"), Column("at 100 %")],
        [[f"{a} – {b}", "undecided", "undecided", kinds[n % 3]] for n, (a, b) in enumerate(pairs)],
        "An early leader need not lead at the end; each look counts only where every later one agrees.",
    )
    reading = (
        "The primary endpoint is the test accuracy of the confirmed configuration; “better” means a Holm-adjusted "
        "p below 0.05 and a difference above 0.005."
    )
    return Verdict("No winner: no strategy is better than every other.", claims, looks, reading)


def _design(strategies: Sequence[str]) -> list[Text | Table]:
    rows = [
        [name, "tpe" if "tpe" in name else name, 10, 24, "none", 400, 0.05 * n] for n, name in enumerate(strategies)
    ]
    columns = ["strategy", "sampler", "start-up trials", "candidates", "pruner", "trials"]
    return [
        Text("The design was registered before the first trial ran."),
        Text("Two seeds of gp are missing; every pair with gp has 8 seeds.", "warning"),
        Table("design", "Strategies", [*map(Column, columns), Column("failed", ".1%")], rows, "Effective settings."),
        Text("Grid orders are shuffled by seed.", "note"),
    ]


def _performance(curves: Curves) -> list[Table | Figure]:
    columns = [Column("strategy"), *(Column(title, ".4f") for title in ("validation", "test", "gap", "IQM", "sd"))]
    rows = []
    for name, curve in curves.items():
        final = curve[:, -1]
        rows.append([name, final.mean(), final.mean() - 0.006, -0.006, float(np.median(final)), final.std(ddof=1)])
    note = "Mean over seeds of the accuracy of the configuration chosen on validation."
    return [
        Table("performance", "Accuracy by strategy", columns, rows, note),
        _seeds(curves),
        _slopes(curves),
        _gap(curves),
    ]


def _performance_numbers(curves: Curves) -> dict[str, object]:
    return {name: {"mean": float(curve[:, -1].mean()), "missing": float("nan")} for name, curve in curves.items()}


def _seeds(curves: Curves) -> Figure:
    series = [
        Series(
            name, "box", [name] * len(curve), list(curve[:, -1]), name, text=[f"seed {s}" for s in range(len(curve))]
        )
        for name, curve in curves.items()
    ]
    view = View("accuracy", Axis("strategy", categories=list(curves)), Axis("test accuracy"), series)
    return Figure("seeds", "Every seed", "Each point is one seed; the box holds the middle half of them.", [view])


def _slopes(curves: Curves) -> Figure:
    lines = [
        Series(
            f"seed {seed}", "line", list(curves), [float(curve[seed, -1]) for curve in curves.values()], in_legend=False
        )
        for seed in range(len(next(iter(curves.values()))))
    ]
    view = View("slopes", Axis("", categories=list(curves)), Axis("test accuracy"), lines)
    return Figure("slopes", "Seed by seed", "Each line is one seed, paired across strategies.", [view])


def _gap(curves: Curves) -> Figure:
    rng = np.random.default_rng(1)
    series = [
        Series(
            name,
            "points",
            list(curve[:, -1]),
            list(curve[:, -1] - 0.006 + 0.004 * rng.standard_normal(len(curve))),
            name,
        )
        for name, curve in curves.items()
    ]
    lines = [("diagonal", 0.0, "test = validation")]
    view = View("gap", Axis("validation accuracy"), Axis("test accuracy"), series, lines)  # type: ignore[arg-type]
    return Figure("gap", "Validation against test", "Points below the line promised more than they kept.", [view])


def _anytime(curves: Curves) -> Figure:
    units = {"epochs": 3.0, "trials": 1.0, "seconds": 41.5}
    views = [_anytime_view(curves, unit, scale) for unit, scale in units.items()]
    caption = "Best accuracy so far: mean over seeds, its 95 % bootstrap band, and every seed as a faint line."
    return Figure("anytime", "Best accuracy over the budget", caption, views)


def _anytime_view(curves: Curves, unit: str, scale: float) -> View:
    series: list[Series] = []
    for name, curve in curves.items():
        x = [scale * (n + 1) for n in range(curve.shape[1])]
        series += [Series(f"{name} seed", "thin", x, list(one), name, in_legend=False) for one in curve]
        half = 1.96 * curve.std(axis=0, ddof=1) / np.sqrt(len(curve))
        mean = curve.mean(axis=0)
        series.append(
            Series(f"{name} band", "band", x, (), name, list(mean - half), list(mean + half), in_legend=False)
        )
        series.append(Series(name, "step", x, list(mean), name))
    lines = [("x", 10 * scale, "adaptive from here")]
    return View(unit, Axis(f"{unit} spent"), Axis("validation accuracy of the incumbent"), series, lines)  # type: ignore[arg-type]


def _regret(curves: Curves) -> Figure:
    best = max(float(curve.max()) for curve in curves.values())
    series: list[Series] = []
    for name, curve in curves.items():
        regret = (best - curve) / 0.06
        x = [3.0 * (n + 1) for n in range(curve.shape[1])]
        low, high = regret.min(axis=0), regret.max(axis=0)
        series.append(Series(f"{name} band", "band", x, (), name, list(low), list(high), in_legend=False))
        series.append(Series(name, "step", x, list(regret.mean(axis=0)), name))
    title = "normalised regret (0: best value known, 1: median of random search)"
    view = View("regret", Axis("epochs spent"), Axis(title, is_log=True), series, [("y", 0.1, "one tenth")])
    return Figure("regret", "Normalised regret", "Lower is better; a step of ten is one grid line.", [view])


def _shades(strategies: Sequence[str]) -> Figure:
    tasks = ["LSTM-128, patch 32", "GRU-64", "VRNN-128", "IRNN-64"]
    rng = np.random.default_rng(2)
    cells = [(name, task, float(rng.random())) for task in tasks for name in strategies]
    x, y, z = zip(*cells, strict=True)
    series = Series("regret", "shade", x, y, z=z, text=[f"{0.2 * (1 - value):.3f}" for value in z])
    view = View("tasks", Axis("", categories=list(strategies)), Axis("task", categories=tasks), [series])
    return Figure("tasks", "Regret by task", "Dark is good; the number is the mean regret over seeds.", [view])


def _forest(strategies: Sequence[str]) -> Figure:
    pairs = [f"{a} – {b}" for place, a in enumerate(strategies) for b in strategies[:place]]
    middle = [0.004 * (n - 2) for n in range(len(pairs))]
    series = Series(
        "difference",
        "whisker",
        middle,
        pairs,
        None,
        [m - 0.006 for m in middle],
        [m + 0.005 for m in middle],
        in_legend=False,
    )
    lines = [("x", -0.005, "− ROPE"), ("x", 0.005, "+ ROPE")]
    view = View("pairs", Axis("difference in test accuracy"), Axis("", categories=pairs), [series], lines)  # type: ignore[arg-type]
    return Figure(
        "forest", "Differences with 95 % intervals", "Between the dashed lines a difference does not matter.", [view]
    )


def _effects(strategies: Sequence[str]) -> Table:
    columns = [
        Column("pair"),
        Column("n"),
        Column("p"),
        Column("Holm p"),
        Column("A12", ".2f"),
        Column("95 % interval"),
    ]
    rows = [[f"{a} – random", 10, 0.00195, None, 0.81, "0.0118 [0.0071, 0.0166]"] for a in strategies]
    return Table("effects", "Paired tests against random search", columns, rows)


def _importances() -> Figure:
    params = ["train.lr", "model.drop_mult", "train.epochs", "model.n_hid", "train.wd"]
    shares = {"random": [0.52, 0.21, 0.14, 0.08, 0.05], "tpe": [0.41, 0.3, 0.1, 0.14, 0.05]}
    series = [Series(name, "bar", params, share, name) for name, share in shares.items()]
    view = View("fANOVA", Axis("", categories=params), Axis("share of the variance"), series)
    return Figure("importances", "Importance of each param (fANOVA)", "Tall bars are the params that matter.", [view])


def _slices(curves: Curves) -> Figure:
    rng = np.random.default_rng(3)
    series = []
    for name in curves:
        lr = 10 ** rng.uniform(-4, -1, 100)
        value = 0.85 - 0.03 * (np.log10(lr) + 2.3) ** 2 + 0.005 * rng.standard_normal(100)
        series.append(Series(name, "points", list(lr), list(value), name, text=[f"trial {n}" for n in range(100)]))
    view = View("train.lr", Axis("train.lr", is_log=True), Axis("validation accuracy"), series)
    return Figure("slices", "Value by each param", "Each point is a complete trial.", [view])


def _parallel(strategies: Sequence[str]) -> Figure:
    rng = np.random.default_rng(4)
    params = ["train.lr", "model.drop_mult", "train.epochs", "model.n_hid"]
    series = [
        Series(name, "line", params, list(rng.random(4)), name, in_legend=n == 0)
        for name in strategies
        for n in range(5)
    ]
    view = View("best trials", Axis("", categories=params), Axis("place in the range of the param"), series)
    return Figure("parallel", "Params of the best trials", "Lines that run together agree.", [view])


def _cost(curves: Curves) -> Figure:
    rng = np.random.default_rng(5)
    series = [
        Series(name, "points", list(600 + 300 * rng.random(len(curve))), list(curve[:, -1]), name)
        for name, curve in curves.items()
    ]
    whiskers = [
        Series(name, "whisker", [name], [700.0 + 40 * n], name, [640.0 + 40 * n], [790.0 + 40 * n])
        for n, name in enumerate(curves)
    ]
    views = [
        View("quality", Axis("seconds per study"), Axis("test accuracy"), series),
        View("seconds", Axis("", categories=list(curves)), Axis("seconds per study"), whiskers),
    ]
    return Figure("cost", "Quality against cost", "Up and to the left is better.", views)


def _reproduce() -> list[Text]:
    return [
        Text("One task says nothing about others.", "warning"),
        Text("hpo compare strategies='[random,tpe,gp,tpe+hyperband]' seeds=10 study.n_epochs=120", "code"),
        Text("Python 3.11.7, torch 2.13, fastai 2.8.12, optuna 5.0.0", "note"),
    ]
