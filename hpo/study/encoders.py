"""The encoders of one command's studies: found or prepared, then trained where they lack, and shown.

One encoder is trained by `pretraining`, its weights are `encoder`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.contracts.executor import Executor, NoWorkers
from hpo.study.opening import Site
from hpo.study.plan import Plan
from hpo.study.refusal import refused_by
from hpo.terminal.display import Announcer
from hpo.trainers.awd_lstm.encoders.catalogue import Bank, Wanted, open_bank
from hpo.trainers.awd_lstm.encoders.pretraining import Audience, EncoderFailed, Pretraining
from hpo.trainers.awd_lstm.encoders.record import Progress, kept_record, running_record
from hpo.trainers.awd_lstm.network.encoder import read_encoder


def open_banks(plans: Sequence[Plan], corpora: Mapping[str, Path], display: Announcer) -> dict[str, Bank]:
    """Returns the encoders by study name, trained or to be trained.

    Raises:
        ValueError: if one of them cannot be used.
    """
    return {
        planned.name: open_bank(planned.config, planned.space, corpora[planned.name], on_progress=display.preparing)
        for planned in plans
        if planned.name in corpora
    }


def train_encoders(plans: Sequence[Plan], site: Site, executor: Executor, folders: Mapping[str, Path]) -> None:
    """Trains what encoders the studies lack, each once; shows all of them, each beside the first study that wants it.

    Raises:
        Refused: if one of them cannot be trained.
        NoRoom: if the disk is full, or no worker begins.
    """
    wanted: dict[str, tuple[Wanted, Plan]] = {}
    for planned in plans:
        for each in site.banks.get(planned.name, Bank()).wanted:
            wanted.setdefault(each.name, (each, planned))
    if not wanted:
        return

    def show(each: Wanted, progress: Progress) -> None:
        planned = wanted[each.name][1]
        folder = str(folders[planned.name])
        site.tracker.encoder(running_record(each, progress, experiment=planned.experiment, folder=folder))

    display = site.display_of(plans[0].name)
    audience = Audience(display.note, display.preparing, show)
    try:
        Pretraining(plans[0].config, executor, site.stop, audience).run([each for each, _ in wanted.values()])
        for each, planned in wanted.values():
            if each.folder.is_dir():
                encoder, folder = read_encoder(each.folder), str(folders[planned.name])
                site.tracker.encoder(kept_record(encoder, experiment=planned.experiment, folder=folder))
    except (EncoderFailed, NoWorkers, OSError, ValueError) as error:
        raise refused_by(error) from error
