"""Whatever is typed into a command line or a YAML file: a whole study or one sentence, no traceback, nothing half-made.

Draws the same cases every time, or others with `--hypothesis-seed=random`; a failure prints its case, which then
belongs among the `FOUND` ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.command_lines import QUICK, lines, plausible
from tests.support.commands import compared, curved, reported, synced
from tests.support.fuzz_cases import DONE, FILES, MISTAKE, Case, Outcome, attempt, check
from tests.support.yaml_files import files

KINDS = {
    "lines": lines(),
    "plausible": plausible(),
    "files": files(),
    "compare": compared(),
    "report": reported(),
    "curves": curved(),
    "sync": synced(),
}
FEW = {"lines": 4, "plausible": 3, "files": 3}
MANY = {"lines": 160, "plausible": 120, "files": 120, "compare": 40, "report": 30, "curves": 15, "sync": 15}


@pytest.mark.parametrize("kind", FEW)
def test_whatever_is_typed_ends_in_a_study_or_in_a_sentence(kind: str) -> None:
    fuzz(kind, n=FEW[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", MANY)
def test_whatever_is_typed_ends_in_a_study_or_in_a_sentence_each_of_500_times(kind: str) -> None:
    fuzz(kind, n=MANY[kind])


def fuzz(kind: str, *, n: int) -> None:
    """Tries `n` cases of a kind, and reports the smallest one found that breaks a promise."""

    @settings(
        max_examples=n,
        derandomize=False,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind])
    def hold(case: Case) -> None:
        check(attempt(case))

    hold()


def typed(*words: str, **yaml: str) -> Case:
    """Returns a quick study with `words`, and with a YAML file for each group named in `yaml`."""
    folder = ("--config-dir", f"../{FILES}") if yaml else ()
    chosen = [f"{group}=x" for group in yaml]
    return Case((*folder, *chosen, *QUICK, *words), {f"{group}/x.yaml": text for group, text in yaml.items()})


EXPERIMENT = "# @package _global_\n"
FOUND: list[tuple[Case, str]] = [
    # argparse printed its usage, seven lines, and knew only words that stood before or behind all options
    (typed("--sampler=tpe"), "Settings are given without dashes, as in sampler=tpe."),
    (typed("-n", "5"), "-n is no option"),
    (typed("--c"), "--c is no option"),
    (typed("sampler", "tpe"), "'sampler tpe' are two words; write sampler=tpe."),
    (typed("--cfg"), "write --cfg job"),
    (typed("--resolve"), "give it with --cfg job."),
    (typed("--config-dir", "nowhere"), "--config-dir nowhere is no folder"),
    (
        typed("--config-dir", "~no-such-user"),
        "--config-dir ~no-such-user is no folder",
    ),  # RuntimeError: no home directory
    (typed("--experimental-rerun", "x"), "is no option"),  # unpickled a file
    # folders and multirun.yaml were made before anything was looked at
    (typed("-m", "study.n_trials=0"), "study.n_trials=0 must be at least 1."),
    (typed("-m", "seed=range(0,99999999)"), "-m makes more than 1,000 studies"),
    (typed("-m", "seed=0,x"), "seed: Value 'x'"),
    (typed("hydra.run.dir=x"), "is about Hydra, which does nothing here but compose"),
    (typed("hydra/launcher=x"), "is about Hydra"),
    # more than one line on a terminal, or steering it
    (typed("study.name=a\nb"), "cannot be read"),
    (typed("study.name=\x1b[31m"), "\\x1b[31m"),
    (typed("x" * 5000), "…"),
    # words that Hydra reads, and that meant something else or broke what came after
    (typed("~seed"), "only params can be deleted"),  # '???' went to numpy as a seed
    (typed("~sampler"), "only params can be deleted"),
    (typed("~space.train.x"), "space.train.x is not there and cannot be deleted"),
    (typed("="), "cannot be read"),
    (typed(""), "is empty"),
    (Case(("tracking.uri='sqlite:////proc/x.db'",), {}, "sync"), "cannot be written"),  # MLflow tried for minutes
    (Case(("tracking.uri='sqlite:////proc/x.db'",), {}, "report"), "cannot be written"),
    (Case(("storage=null",), {}, "sync"), "storage=null names no option"),
    (typed("~"), "cannot be read"),
    (typed("sampler=[grid]"), "sampler=[grid] names no option"),
    (typed("executor=[[]]"), "names no option"),  # can only concatenate str (not "list") to str
    (typed("sampler=tpe.yaml"), "names no option"),  # composed, and named another study
    (typed("sampler=../config"), "names no option"),
    (typed("sampler@x=tpe"), "names a package"),
    (typed("+sampler=grid"), "leave out the plus: sampler=grid."),
    (typed("+space.train.x={}"), "A param is added as a whole: '+space.train={x: "),
    (typed("n_trials=5"), "did you mean study.n_trials?"),
    (typed("seed=0,1"), "put -m before it"),
    (typed("comparison=replay"), "comparison is no group here"),
    # types
    (typed("space.train=nul"), "space.train is a group of settings"),  # Dict[str, ParamConfig]
    (typed("space.model.n_hid=[]"), "space.model.n_hid is a group of settings"),
    (typed("space.train=${oc.env:HOME}"), "space.train must be a group of settings"),  # AttributeError: items
    (typed("space.train.lr.choices=${seed}"), "space.train.lr.choices must be a list"),
    (typed("space.train.lr.when=${seed}"), "space.train.lr.when must be a group of settings"),
    (typed("data.packages=3"), "data.packages takes a list"),
    (typed("study=null"), "study cannot be null"),
    (typed("train.lr=${x}"), "train.lr has an interpolation that stands for nothing"),
    (typed("train.lr=${oc.env:NO_SUCH_NAME}"), "Environment variable 'NO_SUCH_NAME' not found"),  # b'NO_SUCH_NAME'
    (typed("study.name=${study.name}"), "Recursive interpolation detected"),
    # numbers
    (typed("data.min_freq=" + "1" * 400), "more than 64 bits"),  # OverflowError
    (typed("executor=simulated", "trainer.epoch_s=1e308"), "trainer.epoch_s=1e+308 must be"),  # after the first trial
    (typed("executor=simulated", "trial.timeout_s=1e308"), "trial.timeout_s=1e+308 must be"),
    (typed("sampler.n_ei_candidates=9999999999"), "at most 100000"),
    (typed("space.train.lr.n_levels=1000000000"), "at most 100,000"),
    (typed("space.model.drop_mult.step=1e-300"), "makes too many steps"),
    (typed("+space.train={batch_size:{type:int,low:2,high:1e300}}"), "is too large a whole number"),
    (typed("space.model.drop_mult.step=0.765362479714734"), ""),  # Optuna's warning, once per trial
    # places: the database was there before the study's folder was refused
    (typed("storage.path=/proc/x/y.db"), "storage.path=/proc/x/y.db cannot be written"),
    (typed("storage.path=/dev/null"), "storage.path=/dev/null names no file"),
    (typed("storage.path="), "storage.path= names no file"),
    (typed(f"storage.path=a/{'x' * 300}"), "storage.path=a/"),  # made the folder a
    (typed("storage.folder=hpo.db"), "storage.folder=hpo.db is the record"),
    (typed("storage.folder=/dev/null"), "storage.folder=/dev/null cannot be written"),
    (typed("storage.folder=.", "study.name=hpo.db"), "study.name=hpo.db is the record"),
    (typed(experiment=f'{EXPERIMENT}study: {{name: "a\\x07b"}}\n'), "must be a file name"),
    (typed(experiment=f'{EXPERIMENT}storage: {{folder: "a\\0b"}}\n'), "cannot be written"),
    (Case(("trainer=synthetic", "tracking.uri='http://['"), {}), "is no address"),  # ValueError after the study
    (Case(("trainer=synthetic", "tracking.uri='sqlite:///hpo.db'"), {}), "is the record"),
    # files
    (typed(space="a: [1"), "is not YAML"),
    (typed(space="3"), "holds a single value"),
    (typed(space="train: {lr: {type: float, choices: 3}}"), "space.train.lr.choices takes a list"),
    (typed(space="model: {n_hid: {when: {null: 1}}}"), "has a key that is no text"),  # '$KEY_TYPE'
    (typed(space="train: {lr: &x {when: *x}}"), "holds itself"),
    (typed(space="\udcff"), "is not UTF-8"),
    (typed(space="defaults:\n"), "are no list"),
    (typed(space="# @package\n"), "is no package"),
    (typed(experiment="train: {lr: 0.1}\n"), "has to begin with the line '# @package _global_'"),
    (typed(experiment=f"{EXPERIMENT}study.n_trials: 3\n"), "write study: {n_trials: …}"),
    (typed(experiment=f"{EXPERIMENT}train: {{lr: a}}\n"), "(in experiment/x.yaml)"),
    (typed(experiment=f"{EXPERIMENT}defaults: [null]\n"), "have an entry that is none"),
    (typed(experiment=f"{EXPERIMENT}seed: '${{'\n"), "seed has an interpolation"),
    # the commands beside
    (Case(("experiment=" + "x" * 300,), {}, "compare"), "does not exist"),  # OSError: File name too long
    (Case(("+space.train={bptt: {low: 2}}",), {}, "compare"), "space.train.bptt.type has no value"),
    (Case(("storage.path=other.db",), {}, "sync"), "is the database of something else"),  # got Optuna's tables
    (Case(("storage.path=file",), {}, "sync"), "There is no record"),  # an empty file became a database
    (Case(("storage.path=other.db", "experiment=synthetic"), {}, "curves"), "is the database of something else"),
    (Case(("experiment=" + "x" * 300,), {}, "curves"), "There is no experiment="),  # path=None
    (Case(("storage.path=" + "x" * 300,), {}, "report"), "There is no record"),
    (Case(("report.budget=1e308",), {}, "report"), "report.budget=1e+308 must be"),  # overflow in a figure
]


@pytest.mark.parametrize("number", range(len(FOUND)))
def test_what_was_found_once_stays_mended(number: int) -> None:
    case, sentence = FOUND[number]
    outcome = attempt(case)
    assert check(outcome) == (MISTAKE if sentence else DONE)
    assert sentence in outcome.err


def test_options_may_stand_anywhere() -> None:
    words = ("sampler=random", "-m", "seed=0,1", "study.n_trials=1")
    outcome = attempt(typed(*words))
    assert check(outcome) == DONE
    assert [report.study.tags["seed"] for report in outcome.reports] == ["0", "1"]


BROKEN: Mapping[str, Outcome] = {
    "a traceback": Outcome(typed(), MISTAKE, "", "Traceback (most recent call last):\n", {}, {}, []),
    "two lines": Outcome(typed(), MISTAKE, "", "hpo: study is not.\nhpo: study is not.\n", {}, {}, []),
    "no end": Outcome(typed(), MISTAKE, "", "hpo: study.name is not good at all\n", {}, {}, []),
    "nothing named": Outcome(typed(), MISTAKE, "", "hpo: Something went wrong, sorry.\n", {}, {}, []),
    "the inside": Outcome(typed(), MISTAKE, "", "hpo: study has a <class 'int'> in it.\n", {}, {}, []),
    "half a study": Outcome(typed(), MISTAKE, "", "hpo: study.name is not good at all.\n", {}, {"hpo.db": b""}, []),
    "another exit code": Outcome(typed(), 1, "", "hpo: study.name is not good at all.\n", {}, {}, []),
    "no study": Outcome(typed(), DONE, "", "", {}, {}, []),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_promise_is_seen(what: str) -> None:
    with pytest.raises(AssertionError):
        check(BROKEN[what])
