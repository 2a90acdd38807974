"""The encoders of one command's studies: found or prepared, then trained where they lack, and shown.

One encoder is trained by `encoders.training`, its weights are `network.encoder`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.contracts.executor import Executor, NoWorkers
from hpo.study.opening import Session
from hpo.study.plan import Plan
from hpo.study.refusal import refused_by
from hpo.terminal.display import Announcer
from hpo.trainers.awd_lstm.encoders.needed import NeededEncoder, StudyEncoders, open_encoders
from hpo.trainers.awd_lstm.encoders.record import Progress, finished_record, running_record
from hpo.trainers.awd_lstm.encoders.training import EncoderEvents, EncoderFailed, EncoderTraining
from hpo.trainers.awd_lstm.network.encoder import read_encoder


def open_all_encoders(
    plans: Sequence[Plan], corpora: Mapping[str, Path], display: Announcer
) -> dict[str, StudyEncoders]:
    """Returns the encoders by study name, trained or to be trained.

    Raises:
        ValueError: if one of them cannot be used.
    """
    return {
        planned.name: open_encoders(planned.config, planned.space, corpora[planned.name], on_progress=display.preparing)
        for planned in plans
        if planned.name in corpora
    }


def train_encoders(plans: Sequence[Plan], session: Session, executor: Executor, folders: Mapping[str, Path]) -> None:
    """Trains what encoders the studies lack, each once; shows all of them, each beside the first study that needs it.

    Raises:
        Refused: if one of them cannot be trained.
        NoRoom: if the disk is full, or no worker begins.
    """
    needed: dict[str, tuple[NeededEncoder, Plan]] = {}
    for planned in plans:
        for encoder in session.encoders.get(planned.name, StudyEncoders()).needed:
            needed.setdefault(encoder.name, (encoder, planned))
    if not needed:
        return

    def show(encoder: NeededEncoder, progress: Progress) -> None:
        planned = needed[encoder.name][1]
        folder = str(folders[planned.name])
        session.tracker.encoder(running_record(encoder, progress, experiment=planned.experiment, folder=folder))

    display = session.display_of(plans[0].name)
    events = EncoderEvents(display.note, display.preparing, show)
    try:
        EncoderTraining(plans[0].config, executor, session.stop, events).run(
            [encoder for encoder, _ in needed.values()]
        )
        for encoder, planned in needed.values():
            if encoder.folder.is_dir():
                trained, folder = read_encoder(encoder.folder), str(folders[planned.name])
                session.tracker.encoder(finished_record(trained, experiment=planned.experiment, folder=folder))
    except (EncoderFailed, NoWorkers, OSError, ValueError) as error:
        raise refused_by(error) from error
