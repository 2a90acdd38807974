"""`hpo curves`: writes the learning curves of one's own trials as a table that can be replayed.

Reads the record and changes nothing in it; what a table holds is decided in `trainers.replay.recorder`.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, absent, command, compose_and_call, refuse, split_words

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.config.schema import Config
    from hpo.trainers.replay.recorder import Recording, Source

USAGE = """hpo curves experiment=NAME [path=NAME.parquet] [task=TASK] [storage.path=hpo.db | storage=postgres]
hpo curves from=FILE [path=NAME.parquet] [metrics=NAME:COLUMN,…] [direction=maximize] [seconds_are=cumulative]

Writes the learning curves of an experiment's trials into a Parquet table, and beside it the card that says
what its columns mean: params, metrics, seconds, seeds, tests. Complete trials have whole curves, and so
have diverged ones; the others are left out, and counted. The table takes the place of training:

  hpo experiment=replay trainer.path=NAME.parquet
  hpo compare experiment=replay trainer.path=NAME.parquet

  experiment=NAME      the experiment's name: what a study is about, or a comparison's name
  path=NAME.parquet    where to write; what is there already stays
  task=TASK            which of a comparison's tasks, if it has several: a table is about one

With from=FILE they are somebody else's: CSV, TSV, JSON or Parquet, a row an epoch, or a row a configuration with lists.
Columns with usual names are found, what is left over is params:

  metrics=NAME:COLUMN  what is optimised, and its column; several with commas; NAME alone where they are called alike
  direction=maximize   which values are better, of metrics that are not ours
  epoch= seconds= seed= trial= params=     columns; a trial is one curve, params with commas
  seconds_are=cumulative                   seconds are counted from the beginning of a curve"""

KEYS = ("experiment", "path", "task")  # keys of this command alone; `experiment` is also a config group
FROM, COLUMNS = "from", ("epoch", "seconds", "seed", "trial")
FROM_KEYS = (*KEYS, FROM, *COLUMNS, "metrics", "direction", "params", "seconds_are")


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    if any(word.startswith(f"{FROM}=") for word in argv):
        values, others = split_words(argv, FROM_KEYS)
        wrong = [*others, *(f"{key}={values[key]}" for key in ("experiment", "task") if key in values)]
        return refuse(f"{wrong[0]} is nothing that from=… takes; see hpo curves --help.") if wrong else _convert(values)
    values, overrides = split_words(argv, KEYS)
    if not values.get("experiment"):
        return refuse("experiment=NAME is missing; say whose trials to write, as in experiment=docstrings.")
    return compose_and_call(overrides, lambda job: _write(job.config, values))


def _write(config: Config, values: dict[str, str]) -> int:
    """Writes the table; a mistake in what was given ends in a sentence."""
    from hpo.trainers.replay.recorder import record_curves, write_recording

    name = values["experiment"]
    try:
        path = _path(values)
        sources = _choose(_read(config, name), name, values.get("task"))
        try:
            recording = record_curves(sources)
        except ValueError as error:
            raise ValueError(f"experiment={name}: {error}") from error
        write_recording(recording, path, title=f"Trials of the experiment {name}, written by hpo curves.")
    except ValueError as error:
        return refuse(error)
    except OSError as error:
        return refuse(f"path={values.get('path') or error.filename} cannot be written: {error.strerror}.")
    _say(recording, path)
    return DONE


def _convert(values: dict[str, str]) -> int:
    """Writes the table of somebody else's curves; a mistake in what was given ends in a sentence."""
    from hpo.machine.paths import expanded
    from hpo.trainers.replay.conversion import Asked, convert

    source = expanded(values[FROM])
    try:
        path = _path({"experiment": source.name.partition(".")[0], **values})
        pairs = [word.strip().partition(":") for word in values.get("metrics", "").split(",") if word.strip()]
        given = values.get("params")
        asked = Asked(
            metrics={name.strip(): column.strip() or name.strip() for name, _, column in pairs},
            direction=values.get("direction"),
            params=None if given is None else [name.strip() for name in given.split(",") if name.strip()],
            seconds_are=values.get("seconds_are"),
            **{key: values.get(key) for key in COLUMNS},
        )
        recording = convert(source, path, asked)
    except ValueError as error:
        return refuse(error)
    except OSError as error:
        return refuse(f"path={values.get('path') or error.filename} cannot be written: {error.strerror}.")
    _say(recording, path)
    return DONE


def _path(values: dict[str, str]) -> Path:
    from hpo.machine.paths import file_name

    path = Path(values.get("path") or f"{file_name(values['experiment'])}.parquet")
    if path.suffix != ".parquet":
        raise ValueError(f"path={path} must end in .parquet; the card is written beside it, in .yaml.")
    for file in (path, path.with_suffix(".yaml")):
        if file.exists():
            raise ValueError(f"{file} is there already; give another path=…, or remove it.")
    return path


def _read(config: Config, experiment: str) -> list[Source]:
    """Returns the studies of an experiment."""
    from hpo.storage.record import open_record, read_studies

    storage = open_record(config.storage)
    studies = read_studies(storage)
    names = [name for name, study in studies.items() if study.experiment == experiment]
    if not names:
        raise absent(f"experiment={experiment}", sorted({study.experiment for study in studies.values()}))
    return [_source(storage, name) for name in names]


def _source(storage: BaseStorage, name: str) -> Source:
    from hpo.contracts.records import TEST_VALUE, test_name
    from hpo.storage.record import TESTS, read_distributions, read_study
    from hpo.trainers.replay.recorder import Source

    study, trials = read_study(storage, name)
    attrs = storage.get_study_system_attrs(storage.get_study_id_from_name(name))
    replayed = {
        t.number: {test_name(study.metric): float(t.facts[TEST_VALUE])} for t in trials if TEST_VALUE in t.facts
    }
    tested = {int(number): dict(metrics) for number, metrics in (attrs.get(TESTS) or {}).items()}
    return Source(study, trials, read_distributions(storage, name), {**replayed, **tested})


def _choose(sources: list[Source], experiment: str, task: str | None) -> list[Source]:
    """Returns the studies of one task; a table of several would give one configuration several curves."""
    tasks = sorted({_task(source) for source in sources})
    if task is None and len(tasks) > 1:
        raise ValueError(f"experiment={experiment} has the tasks {', '.join(tasks)}; give one: task={tasks[0]}.")
    if task is not None and task not in tasks:
        raise ValueError(f"experiment={experiment} has no task={task}; it has {', '.join(tasks)}.")
    chosen = [source for source in sources if task in (None, _task(source))]
    for tag in ("trainer", "data_fingerprint"):
        values = sorted({source.study.tags.get(tag, "none") for source in chosen})
        if len(values) > 1:
            raise ValueError(
                f"experiment={experiment} has studies whose {tag} is {' and '.join(values)}: "
                "their curves cannot stand in one table; give the experiments different names."
            )
    return chosen


def _task(source: Source) -> str:
    return source.study.tags.get("task") or source.study.tags.get("data", "none")


def _say(recording: Recording, path: Path) -> None:
    print(f"{path}: {recording.n_rows:,} curves of {recording.n_configurations:,} configurations")
    if recording.left_out:
        print(f"left out: {', '.join(f'{n:,} {why}' for why, n in sorted(recording.left_out.items()))}")
    print(f"{path.with_suffix('.yaml')}: what its columns mean")
    print(f"next: {shlex.join(['hpo', 'experiment=replay', f'trainer.path={path}'])}")
