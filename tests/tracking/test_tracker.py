"""The choice of a tracker, and what every tracker promises."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.config.schema import TrackingConfig
from hpo.contracts.records import RUNNING
from hpo.tracking.client import prepare_import
from hpo.tracking.mirror import Mirror
from hpo.tracking.tracker import MlflowConfig, NoTracker, NoTrackingConfig, Tracker
from tests.support import ROOT
from tests.support.mlflow_contents import make_encoder, make_study, make_trial, make_trials, new_db

TRACKERS: list[Callable[[Path], TrackingConfig]] = [
    lambda _: NoTrackingConfig(),
    lambda folder: MlflowConfig(uri=new_db(folder), experiment=None, flush_timeout_s=60),
    lambda _: MlflowConfig(uri="http://127.0.0.1:9", experiment=None, flush_timeout_s=0),
]


@pytest.mark.parametrize("config", TRACKERS, ids=["none", "mlflow", "absent server"])
def test_no_tracker_ever_holds_a_study_up(config: Callable[[Path], TrackingConfig], tmp_path: Path) -> None:
    prepare_import()
    chosen = config(tmp_path)
    tracker: Tracker = chosen.build({})
    study, trials = make_study(tmp_path), make_trials()
    started_s = time.monotonic()
    tracker.study(study)
    for trial in trials:
        tracker.trial(study, make_trial(trial.number, RUNNING))
        tracker.trial(study, trial)
    tracker.encoder(make_encoder(tmp_path))
    tracker.finish(study, trials, tmp_path, is_finished=True)
    assert time.monotonic() - started_s < 2
    match chosen:
        case MlflowConfig(flush_timeout_s=timeout_s) if timeout_s == 0:
            assert tracker.close(timeout_s) == 6
        case _:
            assert tracker.close(60) == 0


def test_the_config_chooses() -> None:
    assert isinstance(NoTrackingConfig().build({}), NoTracker)
    assert isinstance(MlflowConfig("sqlite:///x.db", None, 1).build({}), Mirror)


def test_choosing_imports_no_mlflow() -> None:
    code = (
        "import sys; from hpo.tracking.tracker import *;"
        "NoTrackingConfig().build({}); assert 'hpo.tracking.mirror' not in sys.modules;"
        "MlflowConfig('sqlite:///x.db', None, 1).build({}); sys.exit('mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
