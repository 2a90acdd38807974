"""What is left out of fastai's import is there for whoever uses it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys

import hpo.model.answers

heavy = ("sklearn", "scipy.stats", "scipy.ndimage", "matplotlib.pyplot", "torch._dynamo")
assert not [name for name in heavy if name in sys.modules]

import matplotlib

matplotlib.use("agg")
from fastai.data.transforms import TrainTestSplitter
from fastai.metrics import skm
from fastai.torch_core import subplots

train, valid = TrainTestSplitter(test_size=0.25, random_state=0)(list(range(8)))
assert sorted([*train, *valid]) == list(range(8)) and len(valid) == 2
assert skm.accuracy_score([0, 1], [0, 0]) == 0.5
figure, axes = subplots(1, 2)
assert type(figure).__name__ == "Figure" and len(axes) == 2

from scipy import ndimage, stats
from sklearn import metrics, model_selection

assert metrics.f1_score([1, 0], [1, 0]) == 1.0 and model_selection.KFold(2).n_splits == 2
assert stats.norm.cdf(0) == 0.5 and ndimage.maximum([1, 3]) == 3
print("well")
"""


def test_what_is_left_out_is_there_for_whoever_uses_it() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("well\n", "")
