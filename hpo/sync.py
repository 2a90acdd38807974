"""`python -m hpo.sync`: brings MLflow up to date with the record.

Reads the record, writes MLflow, changes nothing in the record; doing it twice adds nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.command import DONE, PAUSED, compose_and_call, refuse

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.config import Config
    from hpo.record import EncoderRecord, StudyRecord, TrialRecord

USAGE = """python -m hpo.sync [study.name=NAME] [storage.path=hpo.db | storage=postgres] [tracking.uri=…]

Rebuilds in MLflow (sqlite:///mlflow.db, or the one at tracking.uri) whatever it lacks of the record: all
studies, or the one named with its confirmation and its audit. Runs that a dead driver left RUNNING are
closed. Nothing is added the second time. When MLflow is away or refuses something, one sentence says so
and the exit code is 2."""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return DONE
    return compose_and_call(argv, _sync)


def _sync(config: Config, _: dict[str, str]) -> int:
    from hpo.config import MlflowConfig
    from hpo.outage import StorageAway
    from hpo.places import os_sentence
    from hpo.plan import check_tracking

    if not isinstance(config.tracking, MlflowConfig):
        return refuse("tracking=none has nothing to bring up to date; choose tracking=mlflow.")
    try:
        check_tracking(config)
        refusals = _sync_studies(config, config.tracking.uri)
    except StorageAway as error:
        return refuse(str(error), code=PAUSED)
    except (ValueError, OSError) as error:
        return refuse(os_sentence(error) if isinstance(error, OSError) else str(error))
    return refuse(f"MLflow refuses some runs; see {', '.join(refusals)}.") if refusals else DONE


def _sync_studies(config: Config, uri: str) -> list[str]:
    """Brings MLflow up to date with the studies that were asked for; returns the files of what it refuses."""
    from hpo.audit import audit_name
    from hpo.confirmation import confirmation_name
    from hpo.storage import open_record, read_studies
    from hpo.study_folder import kept_folder

    storage = open_record(config.storage)
    studies, asked = read_studies(storage), config.study.name
    names = list(studies)
    if asked is not None:
        if asked not in names:
            raise ValueError(f"There is no study.name={asked}; the record has {', '.join(names) or 'none'}.")
        names = [name for name in names if name in (asked, confirmation_name(asked), audit_name(asked))]
    refusals: list[str] = []
    for name in names:
        folder = kept_folder(config.storage, name, noted=studies[name].folder)
        done, refused = sync_study(storage, name, folder, uri)
        print(f"{name}: {done}")
        refusals += refused
    return refusals


def sync_study(storage: BaseStorage, name: str, folder: Path, uri: str) -> tuple[str, list[str]]:
    """Brings MLflow up to date with one study.

    Returns:
        What was done, in a few words, and the file of what MLflow refuses, if it does.

    Raises:
        ValueError: if MLflow cannot keep runs at `uri`, or the study was not made by hpo.
        ConnectionError: if MLflow cannot be reached or does not answer properly.
    """
    from hpo.lock import StudyHeld, StudyLock
    from hpo.mirror import Mirror
    from hpo.mlflow_refused import REFUSED_FILE
    from hpo.outage import held
    from hpo.storage import is_ended, moved_to, read_distributions, read_study

    place = moved_to(storage, name)
    if place:
        return f"left to the record it has moved to ({place})", []
    study, trials = read_study(storage, name)
    folder = folder.absolute()
    try:
        with StudyLock(folder, name), held(storage, name):
            mirror = Mirror(uri, {name: read_distributions(storage, name)})
            study = replace(study, folder=str(folder))  # it may have been moved
            encoders = _encoders(study, trials)
            n_changed = mirror.sync(study, trials, folder, is_finished=is_ended(storage, name), encoders=encoders)
    except StudyHeld as error:
        return f"left to its driver ({error})", []
    done = f"{n_changed} of {len(trials) + 1 + len(encoders)} runs created or changed"
    if mirror.refused:
        return f"{done}, {len(mirror.refused)} refused", [str(folder / REFUSED_FILE)]
    return done if n_changed else "already complete", []


def _encoders(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[EncoderRecord]:
    """Returns the encoders that a study's trials started from, as far as they were trained here and still lie there."""
    from hpo.encoder import read_encoder
    from hpo.encoder_record import kept_record
    from hpo.paths import expanded

    data = study.config.get("data")
    cache = expanded(str(data.get("cache"))) if isinstance(data, Mapping) else Path()
    found = []
    facts = ("encoder", "backward_encoder")
    for name in sorted({trial.facts[fact] for trial in trials for fact in facts if fact in trial.facts}):
        with suppress(ValueError):
            encoder = read_encoder(cache / name)
            if encoder.history:
                found.append(kept_record(encoder, experiment=study.experiment, folder=study.folder))
    return found


if __name__ == "__main__":
    sys.exit(main())
