"""A command's plan: its settings checked as a whole, before anything of it is on disk.

Doing it is `session`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hpo.config.compose import Composition
from hpo.config.limits import check_limits
from hpo.config.metric import KNOWN
from hpo.config.schema import Config
from hpo.machine.paths import as_name
from hpo.search.candidates import mapping_note
from hpo.search.samplers import build_sampler
from hpo.space.read import read_space
from hpo.space.space import Space
from hpo.study.differences import Differences, find_differences
from hpo.study.enqueue import read_enqueued
from hpo.study.stopping import check_stop
from hpo.trainers.awd_lstm.adaptation import settle_adaptation
from hpo.trainers.awd_lstm.encoders.needed import check_encoders
from hpo.trainers.replay.space import check_space_choice, describe_table, fit_to_table, table_space

MAX_NAME_BYTES = 200


@dataclass(frozen=True)
class Plan:
    """A checked configuration, ready to be driven; nothing of it is on disk yet.

    Attributes:
        config: The settings.
        choices: The option chosen in each config group, by group.
        seeded: The paths of the settings that follow the seed.
        differences: How it differs from what its options say by themselves.
        space: The search space.
        n_workers: Trials of this study at once.
        notes: What is to be said before it begins, a sentence each.
        tags: What it is within a comparison, its strategy and its task; what its recorded table is.
        experiment_name: The experiment it belongs to; "" leaves it to the configuration.
        typed: The overrides as they were given.
        trial_seed: The seed of its trials, where one of a report is trained again; None: each has its own.
    """

    config: Config
    choices: Mapping[str, str]
    space: Space
    n_workers: int
    seeded: Sequence[str] = ()
    differences: Differences = field(default_factory=Differences)
    notes: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    experiment_name: str = ""
    typed: Sequence[str] = ()
    trial_seed: int | None = None

    @property
    def experiment(self) -> str:
        """The experiment it belongs to: as named, else what it is about."""
        return self.experiment_name or self.config.tracking.experiment or self.subject

    @property
    def name(self) -> str:
        """The study's name: as given, else what identifies it."""
        if self.config.study.name:
            return self.config.study.name
        differences = self.differences
        words = {"subject": self.subject} | {group: self.choices[group] for group in ("space", "sampler", "pruner")}
        words["seed"] = f"s{self.config.seed}"
        differing = {"subject"} if differences.options.keys() & {"experiment", "data", "trainer"} else set()
        differing |= differences.options.keys() | ({"seed"} if self.config.seed != differences.seed else set())
        first = [word for key, word in words.items() if key in differing]
        others = [word for key, word in words.items() if key not in differing]
        return "-".join(filter(None, [*first, *differences.words, *others, self.digest(words)]))

    def digest(self, named: Collection[str] = ()) -> str:
        """Returns a short hash of what makes it another study than its options do, but for the groups `named`."""
        config, options = self.config, self.differences.options
        unread = () if config.trainer.reads_texts else ("data", "model", "encoder")
        more = {group: name for group, name in options.items() if group not in (*named, *unread, "experiment")}
        more = {group: name for group, name in more.items() if not named or name != self.subject}
        if config.study.ordered:
            more["executor.n_workers"] = str(self.n_workers)
        return self.differences.digest(more)

    @property
    def subject(self) -> str:
        """What the study is about: a recorded table's name, else the experiment's, the trainer's or the data's."""
        if self.config.trainer.subject:
            return self.config.trainer.subject
        if self.choices.get("experiment"):
            return self.choices["experiment"]
        if not self.config.trainer.reads_texts:
            return self.choices["trainer"]
        return self.config.data.subject or self.choices["data"]


def plan(composition: Composition) -> Plan:
    """Returns what is going to be done.

    Raises:
        ValueError: for a setting that makes no sense, in one sentence.
    """
    config = composition.config
    check_limits(config)
    config.executor.check(config.trainer)
    config.tracking.check(config.storage)
    config, space, tags = _search(config, composition)
    budget = (config.study.n_trials, config.study.timeout_s, config.study.n_epochs, config.study.trials_s)
    if all(limit is None for limit in budget) and not (config.sampler.is_grid or space.candidates):
        raise ValueError("study.n_trials=null leaves the study without an end; give study.timeout_s or study.n_epochs.")
    build_sampler(config.sampler, space, config.seed)
    config = _with_first_trials(config, space)
    check_stop(config)
    n_workers = config.executor.count_workers()
    differences = find_differences(composition, config, space)
    longest = space.max_of("train.epochs", config.train.epochs)
    are_equal = all(param.path != "train.epochs" for param in space.params)
    config.pruner.check(max_epochs=longest, are_equal=are_equal)
    notes = (*composition.notes, *config.sampler.notes(config), *config.pruner.notes(max_epochs=longest))
    choices = {**composition.choices, "pruner": config.pruner.option}  # a sampler may bring its own
    planned = Plan(config, choices, space, n_workers, composition.seeded, differences, notes, tags)
    planned = replace(planned, typed=composition.typed)
    if planned.name != as_name(planned.name) or len(planned.name.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"study.name={planned.name!r} must be a file name: at most {MAX_NAME_BYTES} bytes, "
            "no slash, colon, star, quote, leading dot or character that cannot be seen."
        )
    return planned


def _search(config: Config, composition: Composition) -> tuple[Config, Space, dict[str, str]]:
    """Returns the settings, what is searched under them, and what the record says of a recorded table."""
    check_space_choice(config, composition.choices["space"])
    _check_metric(config)
    config = replace(config, trainer=config.trainer.settled())
    if not config.trainer.is_recorded:
        space = read_space(config, may_be_empty=bool(composition.fixed or config.params))
        config = settle_adaptation(config.sampler.settled(config, space), space, composition.typed)
        check_encoders(config, space)
        config.trainer.check(config, space)
        if not config.trainer.has_test:
            config = replace(config, study=replace(config.study, test=False))
        return config, space, {}
    config = fit_to_table(config)
    space = table_space(config)
    config = config.sampler.settled(config, space)
    note = mapping_note(space, config.sampler)
    return config, space, {**describe_table(config), **({"mapping": note} if note else {})}


def _with_first_trials(config: Config, space: Space) -> Config:
    """Returns the settings with the first configurations as they are; refuses what the sampler can do nothing with."""
    name = config.sampler.option
    for param in space.params:
        if param.prior is not None and config.sampler.is_grid:
            raise ValueError(
                f"space.{param.path}.prior has no say in sampler={name}, which visits all cells; remove it."
            )
    if config.study.learn_from and not config.sampler.learns_from_others:
        raise ValueError(
            f"study.learn_from teaches sampler={name} nothing, which learns from no trial that it did not propose; "
            "leave it out, or choose sampler=tpe, gp or spsa."
        )
    enqueued = [dict(params) for params in read_enqueued(config, space)]
    return replace(config, study=replace(config.study, enqueue=enqueued or None))


def _check_metric(config: Config) -> None:
    """Refuses a metric that the trainer does not measure, and the wrong direction of one that is known."""
    metric, metrics = config.study.metric, config.trainer.metrics
    if metrics and metric not in metrics:
        raise ValueError(f"study.metric={metric} is not measured; give one of {', '.join(metrics)}.")
    if config.study.positive is not None and not config.trainer.reads_texts:
        raise ValueError(
            f"study.positive={config.study.positive} is a class of texts, which are not read here; leave it out."
        )
    goal = None if config.trainer.is_recorded else config.study.goal
    if metrics and goal is not KNOWN[metric]:
        raise ValueError(
            f"study.direction={goal} is the wrong way for {metric}, which is to {KNOWN[metric]}; leave it out."
        )
