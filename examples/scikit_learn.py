"""Two search strategies over a scikit-learn model, compared with paired seeds; passes over the data are its epochs.

    python examples/scikit_learn.py [seeds=8] [study.n_trials=12] [any other override]

The data are scikit-learn's own: 1,797 handwritten digits.
"""

import sys

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo


def parts(seed=0):
    x, y = load_digits(return_X_y=True)
    rest, test = train_test_split(range(len(x)), test_size=0.25, random_state=seed, stratify=y)
    fit, valid = train_test_split(rest, test_size=0.25, random_state=seed, stratify=y[rest])
    return [(x[part] / 16, y[part]) for part in (fit, valid, test)]


def train(alpha, eta0, penalty, *, seed, epochs):
    (x, y), (valid_x, valid_y), _ = parts()
    model = make(alpha, eta0, penalty, seed)
    for _ in range(epochs):
        model.partial_fit(x, y, classes=range(10))
        yield {"accuracy": model.score(valid_x, valid_y)}


def test(alpha, eta0, penalty, *, seed, epochs):
    (x, y), _, (test_x, test_y) = parts()
    model = make(alpha, eta0, penalty, seed)
    for _ in range(epochs):
        model.partial_fit(x, y, classes=range(10))
    return {"accuracy": model.score(test_x, test_y), "n": len(test_y)}


def make(alpha, eta0, penalty, seed):
    return SGDClassifier(
        "log_loss", alpha=alpha, eta0=eta0, learning_rate="constant", penalty=penalty, random_state=seed
    )


if __name__ == "__main__":
    space = {
        "alpha": hpo.Float(1e-6, 1e-1, log=True),
        "eta0": hpo.Float(1e-4, 1.0, log=True),
        "penalty": hpo.Categorical(["l1", "l2"]),
    }
    words = {"samplers": ["random", "tpe"], "seeds": 6, "n_trials": 15, "metric": "accuracy"}
    comparison = hpo.compare("train.epochs=3", *sys.argv[1:], train=train, test=test, space=space, **words)
    print(comparison.path)
