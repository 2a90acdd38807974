"""Small studies whose trials start from encoders of their own texts."""

from __future__ import annotations

from hpo.config.compose import Composition
from hpo.config.schema import Config
from hpo.data.corpus import prepare
from hpo.study.plan import plan
from hpo.trainers.awd_lstm.encoders.needed import StudyEncoders, open_encoders
from tests.support.studies import compose_config

WORDS = {
    "cats": ["cat", "purr", "mouse", "fur", "whisker", "claw", "nap"],
    "dogs": ["dog", "bark", "bone", "tail", "fetch", "stick", "walk"],
}


SMALL = (
    "data=table",
    "data.path=texts.csv",
    "data.tokenizer=words",
    "data.min_freq=1",
    "data.cache=cache",
    "tracking=none",
    "executor=inline",
    "model.emb_sz=6",
    "space.model.n_hid.choices=[6,8]",
    "~space.train.epochs",
    "train.epochs=2",
    "train.batch_size=8",
    "encoder.epochs=2",
    "encoder.batch_size=2",
    "study.n_trials=2",
    "study.test=false",
)


DOMAIN = (*SMALL, "model.encoder=domain")


SIX = ("~space.model.n_hid", "model.n_hid=6")


def domain_encoders(*overrides: str) -> tuple[Config, StudyEncoders]:
    config, choices = compose_config(*DOMAIN, *overrides)
    planned = plan(Composition(config, choices))
    corpus = prepare(config.data)
    return config, open_encoders(config, planned.space, corpus, on_progress=lambda *_: None)
