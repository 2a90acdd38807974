"""How far the numbers at the end of a study are from the truth, in synthetic studies whose truth is known.

python honest_number.py 500 > honest-number.csv
"""

from __future__ import annotations

import csv
import sys

import numpy as np

from hpo.statistics.shrinkage import mean_interval, shrink

N_TRIALS, N_STARTUP = 24, 10
TOP_K, N_FRESH = 3, 4
NOISES = ("low: .1 to .3", "middle: .3 to .8", "high: .8 to 2", "all")
EDGES = {"low: .1 to .3": (0.1, 0.3), "middle: .3 to .8": (0.3, 0.8), "high: .8 to 2": (0.8, 2.0), "all": (0.0, 9.0)}
KINDS = ("random", "local", "random; 4 repeated", "local; 4 repeated")


def study(seed: int) -> dict[str, object]:
    """Returns one study: its noise in spreads of the landscape, and each number's error in these spreads."""
    rng = np.random.default_rng(seed)
    n_dimensions, kind = int(rng.integers(2, 5)), KINDS[seed % len(KINDS)]
    centre, weights = rng.uniform(0.2, 0.8, n_dimensions), rng.dirichlet(np.ones(n_dimensions))
    power, wave = rng.uniform(1.0, 2.0), rng.uniform(0.0, 0.15)

    def truth(x: np.ndarray) -> np.ndarray:
        bowl = np.sum(weights * np.abs(x - centre) ** power, axis=-1)
        return np.asarray(bowl + wave * np.sin(5 * x[..., 0]) * x[..., 1])

    spread = float(truth(rng.uniform(size=(2000, n_dimensions))).std())
    noise = spread * float(np.exp(rng.uniform(np.log(0.1), np.log(2.0))))
    x, y = _search(rng, truth, n_dimensions, noise, is_local=kind.startswith("local"), is_repeated="4" in kind)
    best = int(np.argmin(y))
    worth = shrink(x, y, best)
    assert worth is not None
    ranked = np.argsort(y)[:TOP_K]
    fresh = [truth(x[k]) + noise * rng.normal(size=N_FRESH) for k in ranked]
    luckiest = int(np.argmin([values.mean() for values in fresh]))
    chosen = int(np.argmin([np.mean(values[: N_FRESH // 2]) for values in fresh]))
    confirmed, real = mean_interval(fresh[chosen][N_FRESH // 2 :]), truth(x[ranked[chosen]])
    assert confirmed is not None
    return {
        "kind": kind,
        "noise": noise / spread,
        "curse": (y[best] - truth(x[best])) / spread,
        "shrunken": (worth.mean - truth(x[best])) / spread,
        "shrunken_holds": float(worth.low <= truth(x[best]) <= worth.high),
        "shrunken_width": (worth.high - worth.low) / spread,
        "confirmed": (confirmed.mean - real) / spread,
        "confirmed_holds": float(confirmed.low <= real <= confirmed.high),
        "all_fresh": (fresh[luckiest].mean() - truth(x[ranked[luckiest]])) / spread,
    }


def _search(rng, truth, n_dimensions, noise, *, is_local, is_repeated):  # type: ignore[no-untyped-def]
    """Returns places and noisy values: at random, or after ten near the best so far, as samplers that learn do."""
    x = rng.uniform(size=(N_TRIALS, n_dimensions))
    y = truth(x) + noise * rng.normal(size=N_TRIALS)
    for number in range(N_STARTUP, N_TRIALS) if is_local else ():
        incumbent = x[np.argmin(y[:number])]
        x[number] = np.clip(incumbent + 0.15 * rng.normal(size=n_dimensions), 0.0, 1.0)
        y[number] = truth(x[number]) + noise * rng.normal()
    if is_repeated:
        x[-4:] = x[:4]
        y[-4:] = truth(x[-4:]) + noise * rng.normal(size=4)
    return x, y


def main() -> None:
    found = [study(seed) for seed in range(int(sys.argv[1]))]
    columns = ("curse", "shrunken", "confirmed", "all_fresh")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    heads = [head for name in columns for head in (name, f"{name}_se")]
    writer.writerow(["group", "n", *heads, "shrunken_of_curse", "shrunken_holds", "shrunken_width", "confirmed_holds"])
    groups = {
        f"noise {name}": [one for one in found if low <= one["noise"] < high] for name, (low, high) in EDGES.items()
    }
    groups |= {kind: [one for one in found if one["kind"] == kind] for kind in KINDS}
    for name, ones in groups.items():
        values = {key: np.array([one[key] for one in ones], dtype=float) for key in found[0] if key != "kind"}
        errors = [
            f"{v:.4f}" for key in columns for v in (values[key].mean(), values[key].std(ddof=1) / len(ones) ** 0.5)
        ]
        share = values["shrunken"].mean() / values["curse"].mean()
        held = [f"{values[key].mean():.3f}" for key in ("shrunken_holds", "shrunken_width", "confirmed_holds")]
        writer.writerow([name, len(ones), *errors, f"{share:.3f}", *held])


if __name__ == "__main__":
    main()
