"""What must hold of a study and its MLflow once it has ended, however often it was killed on the way.

I1 to I7 in the order in which they are checked; each returns what is wrong, nothing if all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, TrialRecord
from hpo.space.space import canonical
from hpo.tracking.client import open_client

STATUS = {COMPLETE: "FINISHED", PRUNED: "KILLED", FAIL: "FAILED"}
METRICS = ("train_loss", "valid_loss", "accuracy", "macro_f1")


def violations(
    trials: Sequence[TrialRecord],
    *,
    undisturbed: Sequence[TrialRecord],
    noted: Mapping[int, int],
    folder: Path,
    tracking_uri: str,
    study_uid: str,
) -> list[str]:
    """Returns what is wrong with a study that has ended.

    Args:
        trials: Its trials.
        undisturbed: The trials of the same study without disturbance.
        noted: Epochs that the record held of each trial that a kill cut short, at the last such kill.
        folder: Where it ran.
        tracking_uri: Its MLflow.
        study_uid: What identifies it there.
    """
    found = [
        *(f"I1: {len(trials)} trials instead of {len(undisturbed)}" for _ in [0] if len(trials) != len(undisturbed)),
        *(f"I2: trial {trial.number} is still RUNNING" for trial in trials if trial.state == RUNNING),
        *(f"I3: params {params} were tried {n} times" for params, n in _doubles(trials)),
        *_mlflow(trials, tracking_uri, study_uid),
        *_repeated(trials, noted),
        *_differences(trials, undisturbed),
        *(f"I7: {path.relative_to(folder)} is left" for path in leftovers(folder)),
    ]
    return list(found)


def n_repeated(trials: Sequence[TrialRecord], noted: Mapping[int, int]) -> int:
    """Returns how many epochs that were noted in the record had to be trained again."""
    return sum(max(0, noted.get(t.number, 0) - int(t.facts.get("resumed_from", 0))) for t in trials)


def leftovers(folder: Path) -> list[Path]:
    """Returns temporary files, locks and checkpoints below a folder in which nothing runs."""
    files = [path for path in folder.rglob("*") if path.is_file() and "mlflow" not in path.parts]
    return [path for path in files if path.name.startswith(".") or path.name == "lock" or "checkpoints" in path.parts]


def facts(trial: TrialRecord) -> tuple[object, ...]:
    """Returns what must not depend on what happened on the way: all but clocks, attempts and speed."""
    epochs = [[epoch.metrics[name] for name in METRICS] for epoch in trial.epochs]
    return trial.number, trial.state, canonical(trial.params), trial.value, trial.seed, epochs


def _doubles(trials: Sequence[TrialRecord]) -> list[tuple[str, int]]:
    return [(params, n) for params, n in Counter(canonical(trial.params) for trial in trials).items() if n > 1]


def _mlflow(trials: Sequence[TrialRecord], uri: str, study_uid: str) -> Iterator[str]:
    client = open_client(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.`hpo.study_uid` = '{study_uid}'", max_results=1000)
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    by_number = Counter(int(run.data.tags["hpo.trial"]) for run in children)
    if len(runs) - len(children) != 1:
        yield f"I4: {len(runs) - len(children)} runs for the study"
    for trial in trials:
        if by_number[trial.number] != 1:
            yield f"I4: {by_number[trial.number]} runs for trial {trial.number}"
    recorded = {trial.number: trial for trial in trials}
    for run in children:
        trial = recorded.get(int(run.data.tags["hpo.trial"]))
        if trial is None:
            yield f"I4: a run for trial {run.data.tags['hpo.trial']}, which is not in the record"
            continue
        if run.info.status != STATUS.get(trial.state):
            yield f"I4: trial {trial.number} is {trial.state} and its run {run.info.status}"
        for name in METRICS:
            curve = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
            if sorted(curve) != [(epoch.epoch, epoch.metrics[name]) for epoch in trial.epochs]:
                yield f"I4: trial {trial.number} has another {name} in MLflow"


def _repeated(trials: Sequence[TrialRecord], noted: Mapping[int, int]) -> Iterator[str]:
    for trial in trials:
        n_lost = noted.get(trial.number, 0) - int(trial.facts.get("resumed_from", 0))
        if n_lost > 0:
            yield f"I5: trial {trial.number} trained {n_lost} epochs again that were in the record"


def _differences(trials: Sequence[TrialRecord], undisturbed: Sequence[TrialRecord]) -> Iterator[str]:
    for trial, reference in zip(trials, undisturbed, strict=False):
        if facts(trial) != facts(reference):
            yield f"I6: trial {trial.number} is not what it is without disturbance"
