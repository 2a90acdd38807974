"""Studies of ensembles: encoders in both directions, where they lie, what is refused, and what the kept model says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpo.config.training import Sizes
from hpo.executors.ray_worker import pack
from hpo.machine.cache import DIGESTS
from hpo.model.answers import TextModel
from hpo.storage.record import open_record
from hpo.study.fingerprint import fingerprint
from hpo.study.mirroring import sync_study
from hpo.study.refusal import Refused
from hpo.tracking.client import open_client
from hpo.trainers.awd_lstm.network.encoder import WEIGHTS, Encoder, read_encoder
from hpo.trainers.awd_lstm.network.ensemble import Ensemble
from hpo.trainers.awd_lstm.network.wikipedia import BACKWARD_ARCHIVE
from tests.support.encoder_studies import DOMAIN, SIX, SMALL, domain_encoders
from tests.support.kept_models import described, mlflow_at, trained_answers
from tests.support.mlflow_contents import new_db
from tests.support.studies import compose_config, plan_study, run_study
from tests.support.wikipedia_models import SMALL as WT103
from tests.support.wikipedia_models import lay_out

ONE = (*SIX, "study.n_trials=1")


def pair(folder: str = "cache") -> list[Path]:
    """Returns the folders of the encoders, forward ones first."""
    return sorted(Path(folder).glob("encoder-*"), key=lambda path: (path.name.count("backward"), path.name))


def named() -> list[str]:
    return [path.name.rpartition("-")[0] for path in pair()]


def test_a_backward_encoder_is_trained_where_it_is_needed_or_asked_for(texts: Path) -> None:
    report = run_study(*DOMAIN, *ONE, "model.bidir=true")
    (trial,) = report.trials
    assert trial.state == "COMPLETE"
    assert named() == ["encoder-table-6-6x2", "encoder-table-6-6x2-backward"]
    forwards, backwards = pair()
    assert (trial.facts["encoder"], trial.facts["backward_encoder"]) == (forwards.name, backwards.name)
    assert [read_encoder(folder).is_backward for folder in pair()] == [False, True]
    assert all("perplexity" in epoch for epoch in read_encoder(backwards).history)
    assert (forwards / WEIGHTS).read_bytes() != (backwards / WEIGHTS).read_bytes()
    before = {folder.name for folder in pair()}
    assert {each.name for each in domain_encoders(*SIX, "encoder.backward=true")[1].needed} == before
    assert {each.name for each in domain_encoders(*SIX)[1].needed} == {forwards.name}  # it is what it was without


def test_encoders_of_before_are_found(texts: Path) -> None:
    names = ["encoder-table-6-6x2-dbb7dfa5d86ce8ce", "encoder-table-6-8x2-fd9fd85b41a7cbde"]
    assert [each.name for each in domain_encoders()[1].needed] == names
    assert {each.name for each in domain_encoders("model.bidir=true")[1].needed} > set(names)


def test_it_can_be_searched_from_scratch(texts: Path) -> None:
    both = "+space.model={bidir: {type: categorical, choices: [false, true]}}"
    few = ("space.train.lr.n_levels=1", "space.model.drop_mult.n_levels=1", "space.model.n_hid.levels=[6]")
    report = run_study(*SMALL, both, "sampler=grid", "study.n_trials=null", *few)
    found = {trial.params["model.bidir"]: int(trial.facts["n_params"]) for trial in report.trials}
    assert found[True] == 2 * found[False]
    config = compose_config(both)[0]
    folders = domain_encoders(both)[1].folders
    assert {key[:2] for key in folders if key[2]} == {key[:2] for key in folders if not key[2]}
    assert "space.model.bidir" in plan_fingerprint(both)
    assert config.model.bidir is False


def plan_fingerprint(*overrides: str) -> dict[str, str]:
    planned = plan_study(*overrides)
    return fingerprint(planned.config, planned.space, "", n_workers=1)


def test_a_study_is_not_continued_as_an_ensemble(texts: Path) -> None:
    report = run_study(*SMALL, *ONE)
    with pytest.raises(Refused, match=r"model\.bidir was False and is now True"):
        run_study(*SMALL, *ONE, "model.bidir=true", f"study.name={report.study.name}")


def test_an_own_encoder_needs_its_backward_one(texts: Path) -> None:
    run_study(*DOMAIN, *ONE, "encoder.backward=true")
    forwards, backwards = pair()
    own = Path(shutil.copytree(forwards, "own")).absolute()
    given = (*SMALL, f"model.encoder={own}", *ONE, "model.bidir=true", "study.name=own")
    with pytest.raises(ValueError, match=rf"has no backward encoder.* copy its folder to {own}/backward, or choose"):
        plan_study(*given)
    shutil.copytree(forwards, own / "backward")
    with pytest.raises(ValueError, match="reads texts forwards, but lies where a backward encoder belongs"):
        plan_study(*given)
    shutil.rmtree(own / "backward")
    shutil.copytree(backwards, own / "backward")
    assert run_study(*given).trials[0].state == "COMPLETE"
    assert plan_fingerprint(*given)["model.encoder/backward"] == read_encoder(backwards).sha256
    assert set(pack(own)) == {"encoder.json", WEIGHTS, DIGESTS}  # what a node of Ray gets, each by itself
    (own / "backward" / "encoder.json").unlink()
    with pytest.raises(ValueError, match="as it lacks encoder"):
        plan_study(*given)
    with pytest.raises(ValueError, match="reads texts backwards; give the folder of one that reads them forwards"):
        plan_study(*SMALL, f"model.encoder={backwards.absolute()}", *ONE)


def test_it_starts_from_both_language_models_of_wikipedia(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(models)
    monkeypatch.setattr(
        "hpo.trainers.awd_lstm.network.wikipedia.PUBLISHED", Encoder(Sizes(6, 8, 2), vocab="", sha256="")
    )
    with pytest.raises(Refused, match=r"(?s)neither in .*wt103-bwd.*model\.encoder=domain"):
        run_study(*WT103, "model.encoder=wt103", "model.bidir=true")
    lay_out(models.with_name("wt103-bwd"))
    assert run_study(*WT103, "model.encoder=wt103", "model.bidir=true").trials[0].state == "COMPLETE"
    assert named() == ["encoder-wt103-table", "encoder-wt103-table-backward"]
    overrides = ("model.encoder=domain", "encoder.start=wt103", "model.bidir=true", "study.name=domain")
    assert run_study(*WT103, *overrides).trials[0].state == "COMPLETE"
    found = [(each.is_backward, each.facts.get("encoder.start")) for each in map(read_encoder, pair())]
    assert found == [(False, "wt103"), (False, None), (True, "wt103"), (True, None)]
    assert BACKWARD_ARCHIVE.url.endswith("/wt103-bwd.tgz")


def keep_ensemble(*overrides: str) -> Path:
    """Returns the folder of a study whose model is an ensemble."""
    tested = [override for override in SMALL if override not in ("study.test=false", "tracking=none")]
    report = run_study(
        *tested, *ONE, *overrides, "model.bidir=true", "train.lr=0.1", "train.max_len=12", "train.bptt=4"
    )
    return Path(report.study.folder)


def test_the_kept_model_averages_both(texts: Path) -> None:
    study = keep_ensemble("tracking=none")
    asked, trained = trained_answers(study, Path("cache"), data="table")
    model = TextModel(study / "model")
    np.testing.assert_allclose(probabilities(model, asked), trained, rtol=0, atol=1e-6)
    assert described(study / "model")["architecture"]["bidir"] is True  # type: ignore[index]
    assert "two classifiers, one of which reads each text backwards" in (study / "model" / "README.md").read_text()
    assert "means over two classifiers" in (study / "model" / "evaluation.html").read_text()
    (long,) = model.answer(["cat purr " * 20])
    assert "the first and the last 9 of 41 tokens decide" in long.note
    assert isinstance(model._kind._network, Ensemble)
    model._kind._network = model._kind._network.forwards
    assert np.abs(probabilities(model, asked) - trained).max() > 1e-4


def probabilities(model: TextModel, asked: list[str]) -> np.ndarray:
    return np.array([answer.probabilities for answer in model.answer(asked)])


@pytest.mark.slow
def test_mlflow_serves_the_mean_of_both(texts: Path) -> None:
    import mlflow

    uri = new_db(texts / "mlflow")
    study = keep_ensemble(f"tracking.uri={uri}")
    asked, trained = trained_answers(study, Path("cache"), data="table")
    with mlflow_at(uri):
        loaded = mlflow.pyfunc.load_model("models:/texts@champion")
        table = loaded.predict(pd.DataFrame({"text": asked}))
    served = table[[f"probability.{name}" for name in ("cats", "dogs")]].to_numpy(dtype=float)
    np.testing.assert_allclose(served, trained, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_mlflow_shows_both_encoders_at_once_or_later(texts: Path) -> None:
    uri = new_db(texts / "mlflow")
    tracked = [override for override in DOMAIN if override != "tracking=none"]
    report = run_study(*tracked, *ONE, "model.bidir=true", f"tracking.uri={uri}")
    assert report.n_unmirrored == 0
    later = new_db(texts / "later")
    storage = open_record(compose_config()[0].storage)
    assert sync_study(storage, report.study.name, Path(report.study.folder), later)[1] == []
    for each in (uri, later):
        client = open_client(each)
        experiment = client.get_experiment_by_name("texts")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], filter_string="tags.`hpo.role` = 'encoder'")
        assert sorted(run.info.run_name for run in runs) == sorted(folder.name for folder in pair())
        assert sorted(run.data.params["encoder.backward"] for run in runs) == ["false", "true"]
        for run in runs:
            assert [point.step for point in client.get_metric_history(run.info.run_id, "perplexity")] == [1, 2]
