"""fastai's language model of Wikipedia, as a small file of the same format where fastai looks."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hpo.config.training import Sizes
from hpo.data.corpus import Corpus, open_corpus, prepare
from hpo.machine.fastai_import import fastai_import
from hpo.study.refusal import Refused
from hpo.trainers.awd_lstm.encoders.needed import open_encoders
from hpo.trainers.awd_lstm.network.encoder import WEIGHTS, read_encoder
from hpo.trainers.awd_lstm.network.weights import DECODER_BIAS
from hpo.trainers.awd_lstm.network.wikipedia import ARCHIVE, prepare_wt103, read_words
from tests.support.studies import compose_config, plan_study, run_study
from tests.support.wikipedia_models import SMALL, WORDS, lay_out

with fastai_import():
    pass


PUBLISHED_SIZES = ("model.emb_sz=400", "model.n_hid=1152", "model.n_layers=3")


def small_corpus() -> Corpus:
    config, _ = compose_config(*SMALL)
    return open_corpus(prepare(config.data))


def test_its_vocabulary_is_matched_as_fastai_does(models: Path) -> None:
    with fastai_import():
        from fastai.text.learner import match_embeds
    state = lay_out(models)
    corpus = small_corpus()
    folder = prepare_wt103("cache", corpus, sizes=Sizes(6, 8, 2), on_bytes=lambda *_: None)
    assert read_encoder(folder).sizes == Sizes(6, 8, 2)
    assert read_encoder(folder).knows_wikipedia
    ours, theirs = load_file(folder / WEIGHTS), match_embeds(dict(state), WORDS, corpus.vocab)
    assert torch.equal(ours["encoder.weight"], theirs["0.encoder.weight"])
    assert torch.equal(ours[DECODER_BIAS], theirs["1.decoder.bias"])
    assert torch.equal(ours["encoder.weight"][corpus.vocab.index("bone")], state["0.encoder.weight"][6])
    assert torch.allclose(ours["encoder.weight"][corpus.vocab.index("nap")], state["0.encoder.weight"].mean(0))
    for name in ("rnns.0.weight_hh_l0_raw", "rnns.1.module.bias_ih_l0"):
        assert torch.equal(ours[name], state[f"0.{name}"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # fastcore leaves a file open
def test_it_lies_where_fastai_puts_it(models: Path) -> None:
    with fastai_import():
        from fastai.data.external import URLs, fastai_cfg, untar_data
    lay_out(models)
    fastai_cfg.cache_clear()
    assert untar_data(URLs.WT103_FWD, c_key="model") == models
    fastai_cfg.cache_clear()
    assert ARCHIVE.url == URLs.WT103_FWD


def test_trials_and_language_models_start_from_it(models: Path) -> None:
    lay_out(models)
    assert run_study(*SMALL, "model.encoder=wt103").trials[0].state == "COMPLETE"
    report = run_study(*SMALL, "model.encoder=domain", "encoder.start=wt103", "study.name=domain")
    assert report.trials[0].state == "COMPLETE"
    assert all(read_encoder(folder).knows_wikipedia for folder in Path("cache").glob("encoder-*"))
    names = sorted(folder.name for folder in Path("cache").glob("encoder-*"))
    assert [name.rpartition("-")[0] for name in names] == ["encoder-table-6-8x2", "encoder-wt103-table"]


def test_without_network_the_alternatives_are_named(models: Path) -> None:
    with pytest.raises(Refused, match=r"(?s)neither in .*model\.encoder=domain.*model\.encoder=scratch") as refusal:
        run_study(*SMALL, *PUBLISHED_SIZES, "model.encoder=wt103")
    assert "\n" not in str(refusal.value)
    assert not models.exists()


def test_an_archive_that_is_another_is_refused(models: Path) -> None:
    archive = models.parents[1] / "archive" / "wt103-fwd.tgz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"something else")
    with pytest.raises(Refused, match="is not the published archive: it has 14 bytes instead of 105,067,061"):
        run_study(*SMALL, *PUBLISHED_SIZES, "model.encoder=wt103")
    assert len(ARCHIVE.head_md5) == 32


def test_other_sizes_are_refused_with_those_to_give(models: Path) -> None:
    lay_out(models)
    with pytest.raises(
        Refused, match=r"give model\.emb_sz=6 model\.n_hid=8 model\.n_layers=2, or model.encoder=domain"
    ):
        run_study(*SMALL, "model.encoder=wt103", "model.n_hid=9")


@pytest.mark.parametrize("encoder", [("model.encoder=wt103",), ("model.encoder=domain", "encoder.start=wt103")])
def test_other_sizes_are_refused_before_a_download(models: Path, encoder: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match=r"give model\.emb_sz=400 model\.n_hid=1152 model\.n_layers=3"):
        run_study(*SMALL, *encoder)


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return Path.touch, (Path("executed"),)  # type: ignore[return-value]


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "words",
        lambda f: (f / "itos_wt103.pkl").write_bytes(pickle.dumps([*WORDS, Evil()])),
        "not a plain list of words",
    ),
    ("words", lambda f: (f / "itos_wt103.pkl").write_bytes(b"garbage"), "not a plain list of words"),
    ("words", lambda f: (f / "itos_wt103.pkl").write_bytes(pickle.dumps(WORDS[:-1])), "8 rows for 7 words"),
    ("weights", lambda f: torch.save({"0.encoder.weight": Evil()}, f / "lstm_fwd.pth"), "not a file of weights"),
    ("weights", lambda f: (f / "lstm_fwd.pth").write_bytes(b"garbage"), "not a file of weights"),
    ("weights", lambda f: torch.save({"0.x": torch.ones(1)}, f / "lstm_fwd.pth"), "not a language model of fastai's"),
    ("weights", lambda f: (f / "lstm_fwd.pth").unlink(), r"lacks its \.pth file"),
]


@pytest.mark.parametrize(("_", "change", "sentence"), BROKEN)
def test_what_is_no_such_model_is_refused_and_nothing_of_it_executed(
    models: Path, _: str, change: Callable[[Path], object], sentence: str
) -> None:
    lay_out(models)
    change(models)
    with pytest.raises(ValueError, match=sentence) as refusal:
        prepare_wt103("cache", small_corpus(), sizes=Sizes(6, 8, 2), on_bytes=lambda *_: None)
    assert "\n" not in str(refusal.value)
    assert "model.encoder=domain" in str(refusal.value)
    assert not Path("executed").exists()
    assert not list(Path("cache").glob("encoder-*"))


@pytest.mark.parametrize("protocol", range(6))
def test_words_are_read_from_every_kind_of_pickle(tmp_path: Path, protocol: int) -> None:
    twice = "again"
    words = [*WORDS, twice, "é 日本", twice, "x" * 300]
    (tmp_path / "words.pkl").write_bytes(pickle.dumps(words, protocol=protocol))
    assert read_words(tmp_path / "words.pkl") == words


def test_a_study_with_both_has_each(models: Path) -> None:
    lay_out(models)
    planned = plan_study(*SMALL, "+space.model={encoder: {type: categorical, choices: [scratch, domain, wt103]}}")
    corpus = prepare(planned.config.data)
    encoders = open_encoders(planned.config, planned.space, corpus, on_progress=lambda *_: None)
    assert {encoder for encoder, *_ in encoders.folders} == {"domain", "wt103"}
    assert [each.start for each in encoders.needed] == [""]
