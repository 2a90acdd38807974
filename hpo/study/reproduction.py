"""One trial of a report, trained again from what the report carries, and compared epoch by epoch.

What was carried is read by `report.reading.carried`. No code comes from it: a function and plug-ins are typed again.
"""

from __future__ import annotations

import json
import math
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hpo import __version__
from hpo.config.compose import Composition
from hpo.config.override_text import override_line, override_value
from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord
from hpo.machine.secrets import cover_settings
from hpo.machine.signals import Ending
from hpo.study.fingerprint import CALL, CODE, flatten
from hpo.study.plan import Plan, plan
from hpo.study.preparation import prepare_all
from hpo.study.provenance import plain
from hpo.study.refusal import Refused
from hpo.study.resume import asked_fingerprint
from hpo.study.session import Report, drive_all
from hpo.terminal.display import Display

GROUPS = ("experiment", "space", "data", "model", "encoder", "train", "trainer")
MEASURED = ("study.metric", "study.direction", "study.positive")
PLACES = ("data.cache", "model.log", "trainer.path", "trainer.card", CODE)  # `_check_data` compares the code
ALONE = {  # one trial, and nothing around it
    "sampler": "random",
    "pruner": "none",
    "storage": "sqlite",
    "tracking": "none",
    "executor": "processes",
    "executor.n_workers": 1,
    "study.n_trials": 1,
    "study.timeout_s": None,
    "study.n_epochs": None,
    "study.trials_s": None,
    "study.confirm.top_k": 0,
    "study.audit": 0,
    "study.test": False,
    "study.ordered": False,
    "study.enqueue": None,
    "study.learn_from": [],
    "model.log": "none",
}
DECISIVE = ("torch", "fastai", "numpy", "scipy")  # libraries that compute; the others only keep and show
ACCEPT = "accept_versions=true"
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A trial that is to be trained again.

    Attributes:
        name: As it is called: tpe/3/17.
        study, trial: What the report says of them.
        versions: Of what the report's trials were trained with, by library, as far as it says.
    """

    name: str
    study: Json
    trial: Json
    versions: Mapping[str, str]

    @property
    def n_epochs(self) -> int:
        return len(self.trial["epochs"])


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        is_equal: Whether every epoch that the report has came out the same, bit for bit.
        sentence: What was equal, or what was not.
        report: What the session leaves to say; its ending says whether there is an outcome at all.
    """

    is_equal: bool
    sentence: str
    report: Report

    @property
    def is_done(self) -> bool:
        return self.report.ending not in (Ending.INTERRUPTED, Ending.PAUSED)


def words_for(asked: Asked, folder: Path, typed: Sequence[str]) -> list[str]:
    """Returns the command line that trains a trial again.

    Args:
        asked: The trial.
        folder: Where it is trained; what is there is continued.
        typed: What was typed beside it; it comes last.

    Raises:
        ValueError: if it needs code that was not typed, or never began.
    """
    if not asked.n_epochs:
        raise ValueError(f"trial={asked.name} has no epoch to compare: it ended as {asked.trial['state']} before one.")
    call = asked.study["settings"].get("trainer", {}).get("call")
    if call and not any(word.startswith(f"{CALL}=") for word in typed):
        raise ValueError(
            f"trial={asked.name} was trained by a function, {call}, and no report brings code to run; if it is yours, "
            f"type it behind the command: {CALL}={call}."
        )
    try:
        kept = [word for word in shlex.split(asked.study["words"]) if _trains(word)]
    except ValueError:
        raise ValueError(f"trial={asked.name} cannot be trained again: its words in the report are damaged.") from None
    params = {**asked.study["unsearched"], **asked.trial["params"]}
    unknown = [path for path in params if path.partition(".")[0] not in (*GROUPS, "params")]
    if unknown:
        raise ValueError(f"trial={asked.name} has params that no section has: {', '.join(unknown)}.")
    alone: dict[str, object] = ALONE | _surroundings(asked) | _stop(asked)
    if any(word.startswith("executor=") for word in typed):
        alone.pop("executor.n_workers")  # of which another may know nothing
    place = {"study.name": _study_name(asked), "storage.path": str(folder / "hpo.db"), "storage.folder": str(folder)}
    lines = (override_line(words) for words in (params, alone, place))
    return [*kept, *(word for line in lines for word in shlex.split(line)), *typed]


def _trains(word: str) -> bool:
    """Returns whether a word of a report chooses or sets what is trained; none that names code or folders of it."""
    key = word.partition("=")[0]
    is_setting = key.partition(".")[0] in GROUPS or key in MEASURED or key.startswith("params.")
    return "=" in word and is_setting and key not in (CALL, CODE)


def _surroundings(asked: Asked) -> dict[str, object]:
    """Returns where it is to be trained, as far as that decides bits."""
    known, threads = asked.study["surroundings"], asked.study["settings"].get("executor", {}).get("threads")
    device = str(known.get("device", "")).partition(":")[0]
    return ({"executor.threads": int(threads)} if threads else {}) | (
        {"executor.device": device} if device in ("cpu", "cuda") else {}
    )


def _stop(asked: Asked) -> dict[str, object]:
    """Returns what ends the training where the trial was stopped."""
    if asked.trial["state"] != "PRUNED":
        return {}
    return {"pruner": "threshold", "pruner.lower": 1e300, "pruner.n_warmup_epochs": asked.n_epochs - 1}


def _study_name(asked: Asked) -> str:
    return "again-" + "".join(sign if sign.isalnum() else "-" for sign in asked.name)[:100]


def check_versions(asked: Asked, *, trains_texts: bool, accepts: bool) -> list[str]:
    """Returns a sentence on packages of other versions than the trial was trained with.

    Args:
        asked: The trial.
        trains_texts: Whether libraries that compute train it; a closed form needs none of them.
        accepts: Whether it is trained all the same where bits can differ.

    Raises:
        ValueError: if one of them decides bits, unless that is accepted.
    """
    decisive = {"hpo", *(DECISIVE if trains_texts else ())}
    now = {name: _installed(name) for name in asked.versions}
    others = {
        name: f"{name} was {was} and is now {now[name]}"
        for name, was in asked.versions.items()
        if was not in (now[name], "none", None)
    }
    differing = [sentence for name, sentence in others.items() if name in decisive]
    if differing and not accepts:
        raise ValueError(
            f"trial={asked.name} was trained with other versions, by which bits can differ: {'; '.join(differing)}. "
            f"Install those, or give {ACCEPT}."
        )
    return [f"Other versions: {'; '.join(others.values())}."] if others else []


def _installed(name: str) -> str:
    if name in ("hpo", "python"):
        return __version__ if name == "hpo" else platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def train_again(
    asked: Asked, composition: Composition, display: Display, *, accepts: bool, accepts_code: bool
) -> Outcome:
    """Trains a trial again, or goes on with what was interrupted, and compares every epoch.

    Args:
        asked: The trial.
        composition: The settings that `words_for` makes.
        display: Shows the training.
        accepts: Whether other versions are, where bits can differ.
        accepts_code: Whether a file of a function that has changed is.

    Raises:
        ValueError, Refused: if this is not what the report has, in a sentence.
        StudyHeld: if it is being trained already.
    """
    planned = replace(plan(composition), trial_seed=int(asked.trial["seed"]))
    trainer = planned.config.trainer
    _check_settings(asked, planned)
    for sentence in check_versions(
        asked, trains_texts=trainer.reads_texts or bool(asked.study["settings"]["trainer"].get("call")), accepts=accepts
    ):
        display.note(sentence)
    prepared = prepare_all([planned], display)
    now = asked_fingerprint(planned, prepared.corpora.get(planned.name), prepared.encoders.get(planned.name))
    _check_data(asked, now, accepts_code=accepts_code)
    report = drive_all(prepared, display, display_of=lambda _: display)[0]
    if report.signal is not None or report.obstacle or not report.trials:
        return Outcome(False, report.obstacle, report)
    return Outcome(*compare(asked, report.study, report.trials[0]), report)


def _check_settings(asked: Asked, planned: Plan) -> None:
    """Refuses to train by other settings than the report's.

    Raises:
        ValueError: naming each that differs.
    """
    searched = {*asked.study["unsearched"], *asked.trial["params"], *PLACES}
    config = json.loads(json.dumps(plain(asdict(cover_settings(planned.config)))))
    carried = asked.study["settings"]
    was = {path: value for path, value in flatten(carried, "").items() if value is not None}
    was.pop("executor.threads", None)  # which need no check where they were typed
    sections = {name: config.get(name, {}) for name in carried if name not in ("study", "executor")}
    sections["study"] = {key: config["study"].get(key) for key in carried.get("study", {})}
    now = {path: value for path, value in flatten(sections, "").items() if value is not None}
    changed = [path for path in sorted({*was, *now} - searched) if was.get(path) != now.get(path)]
    if changed:
        listed = "; ".join(f"{path} was {_text(was.get(path))} and is now {_text(now.get(path))}" for path in changed)
        raise ValueError(
            f"trial={asked.name} would be trained by other settings than in the report: {listed}; type what is "
            "missing behind the command, as `plugins=…`, `--config-dir` and settings of options of your own."
        )


def _text(value: object) -> str:
    return "absent" if value is None else override_value(value)


def _check_data(asked: Asked, now: Mapping[str, str], *, accepts_code: bool) -> None:
    """Refuses texts, encoders and a function's file that have changed since.

    Raises:
        Refused: naming what has.
    """
    was = asked.study["fingerprint"]
    paths = ("data", *(path for path in was if path.startswith(("model.encoder", "encoder.texts", "trainer.sha256"))))
    for path in paths:
        if path == CODE and accepts_code:
            continue
        if path in was and was[path] != now.get(path):
            what = {"data": "The data have changed", CODE: "The file of the function has changed"}
            fix = f", or give study.accept_code=true for one of {CALL}" if path == CODE else ""
            raise Refused(
                f"{what.get(path, f'{path} has changed')} since trial={asked.name} was trained: the fingerprint was "
                f"{was[path]} and is now {now.get(path, 'absent')}; bring back what it was{fix}."
            )


def compare(asked: Asked, study: StudyRecord, trial: TrialRecord) -> tuple[bool, str]:
    """Returns whether all epochs that the report has of a trial are equal to those trained now, and a sentence on it.

    Numbers are equal if their bits are; what clocks measure is not in the report.
    """
    names, epochs = asked.study["metrics"], asked.trial["epochs"]
    for number, row in enumerate(epochs, start=1):
        if number > trial.n_epochs:
            end = f"{trial.state}{f', {trial.reason}' if trial.reason else ''}"
            return False, f"{asked.name}: it ended after {trial.n_epochs} of {len(epochs)} epochs ({end})."
        now = trial.epochs[number - 1].metrics
        for name, was in zip(names, row, strict=True):
            if not _is_same(was, now.get(name)):
                equal = f"{number - 1} of {len(epochs)} epochs equal"
                return False, f"{asked.name}: epoch {number}: {name} was {was} and is now {now.get(name)}; {equal}."
    is_whole = asked.trial["state"] == COMPLETE
    if is_whole and not (trial.state == COMPLETE and _is_same(asked.trial["value"], trial.value)):
        return False, f"{asked.name}: {study.metric} was {asked.trial['value']} and is now {trial.value}."
    n = f"{len(epochs)} epochs" if len(epochs) > 1 else "its epoch"
    return True, f"{asked.name}: trained again, {n} equal bit for bit ({', '.join(names)}; seed {asked.trial['seed']})."


def _is_same(was: float | None, now: float | None) -> bool:
    """Returns whether two numbers are the same; what is not finite has no form in a report."""
    return was == (None if now is None or not math.isfinite(now) else now)
