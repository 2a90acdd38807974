"""fastai's language models of Wikipedia (WT103), forward and backward, made encoders for the vocabulary of a corpus.

It lies where fastai keeps it, and is downloaded there if need be. Nothing of it is unpickled.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from hpo.config.training import WT103, Sizes
from hpo.data.corpus import Corpus
from hpo.machine.cache import Cache, digest
from hpo.machine.download import Archive, download, fastai_folder, unpack
from hpo.machine.fastai_import import fastai_import
from hpo.machine.files import hash_bytes
from hpo.trainers.awd_lstm.network.encoder import (
    FORMAT,
    Encoder,
    check_fit,
    read_encoder,
    vocab_digest,
    write_encoder,
)
from hpo.trainers.awd_lstm.network.weights import DECODER_BIAS, pack

ADVICE = (
    "choose model.encoder=domain (with encoder.start=scratch), which trains a language model on the texts themselves, "
    "or model.encoder=scratch"
)
ARCHIVE = Archive(  # fastai.data.external.URLs.WT103_FWD, and what fastai 2.0 (fastai/data/checks.txt) says of it
    url="https://s3.amazonaws.com/fast-ai-modelzoo/wt103-fwd.tgz",
    size_bytes=105_067_061,
    head_md5="7d1114cd9684bf9d1ca3c9f6a54da6f9",
    advice=ADVICE,
)
BACKWARD_ARCHIVE = Archive(  # URLs.WT103_BWD likewise
    url="https://s3.amazonaws.com/fast-ai-modelzoo/wt103-bwd.tgz",
    size_bytes=105_205_312,
    head_md5="20b06f5830fd5a891d21044c28d3097f",
    advice=ADVICE,
)
PUBLISHED = Encoder(Sizes(emb_sz=400, n_hid=1152, n_layers=3), vocab="", sha256="")  # of both archives
_WORDS = ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE")
_STRUCTURE = ("PROTO", "FRAME", "EMPTY_LIST", "LIST", "MARK", "APPEND", "APPENDS", "STOP")

OnBytes = Callable[[int, int], None]


def prepare_wt103(
    cache: str, corpus: Corpus, *, sizes: Sizes, asked: str = WT103, backward: bool = False, on_bytes: OnBytes
) -> Path:
    """Returns the folder of the encoder, its vocabulary matched to that of a corpus as fastai's `match_embeds` does.

    Args:
        cache: The cache it is kept in.
        corpus: Whose vocabulary it gets.
        sizes: What the networks that start from it have.
        asked: The `model.encoder` that wants it.
        backward: Whether it reads texts backwards.
        on_bytes: Called with the bytes downloaded and all of them.

    Raises:
        FileNotFoundError: If it is neither there nor to be had.
        ValueError: If it is not a language model of fastai's AWD-LSTM, or has other sizes.
    """
    weights, words = _find(BACKWARD_ARCHIVE if backward else ARCHIVE, sizes, asked, on_bytes)
    sha256 = hash_bytes(weights.read_bytes())
    key = digest([str(FORMAT), sha256, hash_bytes(words.read_bytes()), *corpus.vocab])

    def write(folder: Path) -> None:
        tensors = _matched(_read_weights(weights), read_words(words), corpus.vocab, shown=str(weights))
        data = pack(tensors)
        facts: dict[str, str | int | float] = {"name": folder.name, "kind": WT103, "data": str(corpus.facts["name"])}
        facts |= {"file_sha256": sha256, **({"encoder.backward": True} if backward else {})}
        write_encoder(folder, data, Encoder(_sizes(tensors), vocab_digest(corpus.vocab), hash_bytes(data), facts))

    way = "-backward" if backward else ""
    folder = Cache(cache).make(f"encoder-wt103-{corpus.facts['name']}{way}-{key}", write)
    check_fit(asked, read_encoder(folder), sizes=sizes)
    return folder


def read_words(path: Path) -> list[str]:
    """Returns the list of texts in a pickle file by looking at its operations; nothing in it is carried out.

    Raises:
        ValueError: If it holds anything else.
    """
    words: list[str] = []
    kept: dict[int, str | None] = {}
    newest: str | None = None
    try:
        for operation, argument, _ in pickletools.genops(path.read_bytes()):
            match operation.name:
                case name if name in _WORDS:
                    newest = str(argument)
                    words.append(newest)
                case "MEMOIZE" | "BINPUT" | "LONG_BINPUT" | "PUT":
                    kept[len(kept) if argument is None else int(str(argument))] = newest
                case "BINGET" | "LONG_BINGET" | "GET" if isinstance(again := kept[int(str(argument))], str):
                    words.append(again)
                case name if name in _STRUCTURE:
                    newest = None
                case name:
                    raise ValueError(f"it has the operation {name}")
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not a plain list of words ({error}); delete its folder to download it anew, or {ADVICE}."
        ) from error
    return words


def _find(published: Archive, sizes: Sizes, asked: str, on_bytes: OnBytes) -> tuple[Path, Path]:
    """Returns the files of weights and of words, where `untar_data(URLs.WT103_FWD, c_key="model")` would put them.

    One that would have to be downloaded is refused before that if it has other sizes than those asked for.
    """
    name = published.url.rpartition("/")[2]
    folder, archive = fastai_folder("model") / name.removesuffix(".tgz"), fastai_folder("archive") / name
    if not folder.is_dir():
        if not archive.is_file():
            check_fit(asked, PUBLISHED, sizes=sizes)
            try:
                download(published, archive, on_bytes)
            except OSError as error:
                raise FileNotFoundError(
                    f"model.encoder=wt103 is neither in fastai's folder of models ({folder}) nor to be downloaded "
                    f"({error}); connect to the network, {ADVICE}."
                ) from error
        unpack(published, archive, folder)
    found = [next(iter(sorted(folder.glob(f"*.{kind}"))), None) for kind in ("pth", "pkl")]
    weights, words = found
    if weights is None or words is None:
        raise ValueError(
            f"{folder} lacks its {'.pth' if weights is None else '.pkl'} file; delete it to download it anew, or "
            f"{ADVICE}."
        )
    return weights, words


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        found = found["model"] if set(found) == {"model", "opt"} else found
        if not all(isinstance(tensor, Tensor) for tensor in found.values()):
            raise TypeError("it holds more than tensors")
    except Exception as error:  # whatever torch makes of a damaged or malicious file
        reason = str(error).strip().partition("\n")[0][:200].rstrip(".")
        raise ValueError(
            f"{path} is not a file of weights ({type(error).__name__}: {reason}); delete its folder to download it "
            f"anew, or {ADVICE}."
        ) from error
    return dict(found)


def _matched(found: dict[str, Tensor], words: list[str], vocab: list[str], *, shown: str) -> dict[str, Tensor]:
    """Returns the tensors of an encoder with a row for each token of `vocab`, the mean row for those not in `words`."""
    with fastai_import():
        from fastai.text.learner import clean_raw_keys, match_embeds
    try:
        if len(words) != len(found["0.encoder.weight"]):
            raise ValueError(f"{len(found['0.encoder.weight'])} rows for {len(words)} words")
        matched = match_embeds(clean_raw_keys(found), words, vocab)
        body = {name.removeprefix("0."): tensor for name, tensor in matched.items() if name.startswith("0.")}
        body = {name: tensor for name, tensor in body.items() if not name.startswith("encoder_dp.")}
        return {**body, DECODER_BIAS: matched["1.decoder.bias"]}
    except (KeyError, ValueError) as error:
        raise ValueError(f"{shown} is not a language model of fastai's AWD-LSTM ({error}); {ADVICE}.") from error


def _sizes(tensors: dict[str, Tensor]) -> Sizes:
    n_layers = len([name for name in tensors if name.endswith(".weight_hh_l0_raw")])
    return Sizes(
        emb_sz=tensors["encoder.weight"].shape[1],
        n_hid=tensors["rnns.0.weight_hh_l0_raw"].shape[1],
        n_layers=n_layers,
    )
