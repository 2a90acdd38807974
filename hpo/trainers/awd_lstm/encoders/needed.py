"""The encoders of a study: which there must be before its trials, one for each architecture of the space.

Those of `model.encoder=domain` are trained by `training`; here it is found out which, and where they lie.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from hpo.config.schema import Config, ModelConfig
from hpo.config.search import ParamValue
from hpo.config.training import DOMAIN, SCRATCH, WT103, EncoderConfig, Schedule, Sizes, Start, Unfreeze
from hpo.data.corpus import Corpus, open_corpus
from hpo.data.unlabelled import prepare_unlabelled
from hpo.machine.cache import digest
from hpo.machine.paths import expanded
from hpo.space.apply import apply_params
from hpo.space.space import MAX_VALUES, Space, values_of
from hpo.trainers.awd_lstm.network.encoder import (
    BACKWARD,
    FORMAT,
    backward_folder,
    check_direction,
    check_fit,
    is_path,
    read_encoder,
    read_weights,
    sizes_of,
    vocab_digest,
)
from hpo.trainers.awd_lstm.schedule import check_fits

MAX_ENCODERS = 32
SIZES = ("emb_sz", "n_hid", "n_layers")

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class NeededEncoder:
    """A language model that is to be trained before the trials.

    Attributes:
        name: Of its folder in the cache; equal for equal texts, vocabulary, sizes and settings.
        sizes, config: What it is, and how it is trained; `config.backward` says which way it reads.
        corpus: Folder of the corpus.
        cache: The cache it is kept in.
        more_texts: Folder of the texts without labels; "" if there are none.
        start: Folder of the encoder it begins with; "" for initial weights.
    """

    name: str
    sizes: Sizes
    config: EncoderConfig
    corpus: Path
    cache: str
    more_texts: str = ""
    start: str = ""

    @property
    def label(self) -> str:
        """What people are told of it."""
        return f"{self.sizes} {BACKWARD}" if self.config.backward else str(self.sizes)

    @property
    def folder(self) -> Path:
        """Where it lies, once it is trained."""
        return expanded(self.cache).absolute() / self.name


@dataclass(frozen=True)
class StudyEncoders:
    """The encoders of one study.

    Attributes:
        folders: Where that of a `model.encoder` and sizes lies, or will; True: that which reads texts backwards.
        needed: Those that are trained on the study's own texts, there or not.
        more_texts: Folder of the texts without labels that they read; "" if there are none.
    """

    folders: Mapping[tuple[str, Sizes, bool], str] = field(default_factory=dict)
    needed: tuple[NeededEncoder, ...] = ()
    more_texts: str = ""

    def folders_of(self, model: ModelConfig) -> tuple[str, str]:
        """Returns the folders of the forward and the backward encoder that a trial starts from; "" for none."""
        if model.encoder == SCRATCH:
            return "", ""
        asked = model.encoder, sizes_of(model)
        return self.folders[*asked, False], self.folders[*asked, True] if model.bidir else ""


def check_encoders(config: Config, space: Space) -> None:
    """Refuses encoders that cannot be had for every trial, and fits that contradict each other; reads no texts.

    Raises:
        ValueError: in one sentence.
    """
    if not config.trainer.reads_texts:
        return
    _check_fits(config, space)
    encoders = _encoders(config, space)
    fixed = {encoder for encoder in encoders if encoder == WT103 or is_path(encoder)}
    for encoder in sorted(fixed):
        _check_unsearched(f"model.encoder={encoder}", encoder, space)
        if is_path(encoder):
            for folder, _ in _own_folders(encoder, config, space):
                check_fit(folder, read_encoder(folder), sizes=sizes_of(config.model))
    if DOMAIN in encoders:
        if config.encoder.start is Start.wt103:
            _check_unsearched("encoder.start=wt103", DOMAIN, space)
        n_sizes = len(_all_sizes(config, space))
        if n_sizes > MAX_ENCODERS:
            raise ValueError(
                "model.encoder=domain trains an encoder for each architecture, and space.model has more than "
                f"{MAX_ENCODERS} of them; give fewer, as in space.model.n_hid.type=categorical with choices, or "
                "model.encoder=scratch."
            )


def open_encoders(config: Config, space: Space, corpus_folder: Path, *, on_progress: OnProgress) -> StudyEncoders:
    """Returns the encoders of a study; whatever need not be trained is prepared.

    Args:
        config: Its settings.
        space: What is searched.
        corpus_folder: Its prepared texts.
        on_progress: Called with (stage, done, total).

    Raises:
        ValueError: If an encoder is damaged, of another vocabulary or of other sizes.
        FileNotFoundError: If wt103 is neither there nor to be had.
    """
    encoders = _encoders(config, space)
    if set(encoders) <= {SCRATCH}:
        return StudyEncoders()
    corpus = open_corpus(corpus_folder)
    own = sizes_of(config.model)
    folders: dict[tuple[str, Sizes, bool], str] = {}
    for encoder in filter(is_path, encoders):
        for folder, backward in _own_folders(encoder, config, space):
            check_fit(folder, read_encoder(folder), sizes=own, vocab=vocab_digest(corpus.vocab))
            read_weights(folder)
            folders[encoder, own, backward] = str(expanded(folder).absolute())
    is_domain_from_wt103 = DOMAIN in encoders and config.encoder.start is Start.wt103
    if WT103 in encoders or is_domain_from_wt103:
        from hpo.trainers.awd_lstm.network.wikipedia import (
            prepare_wt103,  # imports torch, and fastai if it is not prepared yet
        )

        asked, on_bytes = WT103 if WT103 in encoders else DOMAIN, partial(on_progress, "download")
        make = partial(prepare_wt103, config.data.cache, corpus, sizes=own, asked=asked, on_bytes=on_bytes)
        for backward in _ways(config, space, is_domain=is_domain_from_wt103):
            folders[WT103, own, backward] = str(make(backward=backward))
    if DOMAIN not in encoders:
        return StudyEncoders(folders)
    texts = prepare_unlabelled(
        config.data, corpus, on_progress=lambda done, total: on_progress("unlabelled", done, total)
    )
    more_texts = str(texts or "")
    needed = []
    for sizes, backward in itertools.product(_all_sizes(config, space), _ways(config, space, is_domain=True)):
        settings = replace(config.encoder, backward=backward)
        start = folders[WT103, own, backward] if is_domain_from_wt103 else ""
        needed.append(_needed(config.data.cache, settings, sizes, corpus, more_texts=more_texts, start=start))
        folders[DOMAIN, sizes, backward] = str(needed[-1].folder)
    return StudyEncoders(folders, tuple(needed), more_texts)


def _ways(config: Config, space: Space, *, is_domain: bool = False) -> tuple[bool, ...]:
    """Returns which encoders there must be: False stands for one that reads forwards, True for one backwards."""
    bidir = _values(config, space, "bidir")
    return (False, True) if True in bidir or (is_domain and config.encoder.backward) else (False,)


def _own_folders(encoder: str, config: Config, space: Space) -> list[tuple[str, bool]]:
    """Returns the folders of the encoders behind a path, and whether each reads backwards.

    Raises:
        ValueError: if one is missing or reads the other way.
    """
    ways = _ways(config, space)
    found = [(str(backward_folder(encoder)) if backward else encoder, backward) for backward in ways]
    for folder, backward in found:
        check_direction(folder, read_encoder(folder), backward=backward)
    return found


def _encoders(config: Config, space: Space) -> list[str]:
    """Returns every value of `model.encoder` that a trial may have."""
    return [str(value) for value in _values(config, space, "encoder")]


def _all_sizes(config: Config, space: Space) -> list[Sizes]:
    """Returns each architecture of the space once, the smallest first."""
    paths = [f"model.{name}" for name in SIZES]
    values = itertools.product(*(_values(config, space, name) for name in SIZES))
    params = (dict(zip(paths, chosen, strict=True)) for chosen in itertools.islice(values, MAX_VALUES))
    found = {sizes_of(apply_params(config, each).model) for each in params}
    return sorted(found, key=lambda sizes: (sizes.n_layers, sizes.n_hid, sizes.emb_sz))


def _values(config: Config, space: Space, name: str) -> Sequence[ParamValue]:
    """Returns every value that a setting of the section `model` may have."""
    return values_of(space, f"model.{name}", getattr(config.model, name), on_grid=config.sampler.is_grid)


def _check_fits(config: Config, space: Space) -> None:
    schedules = values_of(space, "train.schedule", config.train.schedule.name)
    unfreezes = values_of(space, "train.unfreeze", config.train.unfreeze.name if config.train.unfreeze else None)
    for schedule, unfreeze in itertools.product(schedules, unfreezes):
        given = {"schedule": Schedule[str(schedule)], "unfreeze": Unfreeze[str(unfreeze)] if unfreeze else None}
        check_fits(replace(config.train, **given))  # type: ignore[arg-type]  # its keys say which is which


def _check_unsearched(setting: str, encoder: str, space: Space) -> None:
    """Refuses searched sizes where the encoder's are what they are."""
    for param in space.params:
        section, _, name = param.path.partition(".")
        if section != "model" or name not in SIZES:
            continue
        if param.when is not None and param.when.path == "model.encoder" and encoder not in param.when.values:
            continue
        raise ValueError(
            f"{setting} has sizes of its own, but space.{param.path} is searched; give {param.path} the encoder's "
            "value, which takes it out of the search, or choose model.encoder=domain, which trains one for each size."
        )


def _needed(
    cache: str, config: EncoderConfig, sizes: Sizes, corpus: Corpus, *, more_texts: str, start: str
) -> NeededEncoder:
    plain = {name: value for name, value in asdict(config).items() if name != "backward" or value}  # it came later
    settings = json.dumps(plain, sort_keys=True, default=lambda value: value.value)
    pieces: list[str | bytes] = [
        str(FORMAT),
        settings,
        str(sizes),
        Path(more_texts).name,
        Path(start).name,
        *corpus.vocab,
    ]
    key = digest([*pieces, *_texts(config, corpus)])
    shown = f"{corpus.facts['name']}-{sizes}" + (f"-{BACKWARD}" if config.backward else "")
    return NeededEncoder(f"encoder-{shown}-{key}", sizes, config, corpus.folder, cache, more_texts, start)


def _texts(config: EncoderConfig, corpus: Corpus) -> Iterator[bytes]:
    for part in (corpus.train, *((corpus.valid, corpus.test) if config.use_all_texts else ())):
        yield part.ids.tobytes()
        yield part.offsets.tobytes()
