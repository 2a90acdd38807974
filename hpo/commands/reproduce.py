"""`hpo reproduce`: a trial of a report trained again, every epoch compared; the report's own digits checked.

What is trained again, and how, is decided in `study.reproduction`, what is checked in `report.checking`.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.commands.command import (
    DONE,
    FRUITLESS,
    HELD,
    MISTAKE,
    PAUSED,
    command,
    compose_and_call,
    refuse,
    split_words,
)

if TYPE_CHECKING:
    from hpo.config.compose import Composition
    from hpo.config.schema import Config
    from hpo.report.reading.carried import Json
    from hpo.study.reproduction import Asked

USAGE = """hpo reproduce reports/NAME/report.json trial=tpe/3/17 [check=true]

Trains a trial of a report again, from what the report carries, and compares every epoch bit for bit.

  trial=tpe/3/17           its strategy, seed and number; TASK/tpe/3/17 where there are several tasks; several of
                           them: 'trial=[tpe/3/17,random/0/1]'
  trials=20                so many of the report's trials, drawn at random; trials_seed=0 draws others
  check=true               compare report.json with the hash that the page prints, with MLflow and with the record:
                           a digit that was changed is found; storage.path=hpo.db and tracking.uri say where they are
  accept_versions=true     train all the same where packages are of other versions, by which bits can differ
  study.accept_code=true   likewise where the file of a function has changed since
  trainer.call=mine:train  a report brings no code: a function, plugins=[…] and --config-dir are typed again

What is typed behind is added to the settings of the report. The same command goes on after an interruption. It ends
with 0 if all is equal, and with 5 if it is not."""
OWN = ("trial", "trials", "trials_seed", "check", "accept_versions")
FOLDER, DONE_FILE = "reproduced", "done.json"  # beside the report, while there is something to go on with


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    values, words = split_words(argv, OWN)
    places = [i for i, word in enumerate(words) if "=" not in word and not _is_option(words, i)]
    if len(places) != 1:
        return refuse("Give one report, and what of it: hpo reproduce reports/NAME/report.json trial=tpe/3/17.")
    path = Path(words.pop(places[0])).expanduser()
    if problem := _problem(values):
        return refuse(problem)
    from hpo.report.reading.carried import read_report

    try:
        content = read_report(path)
        names = _names(content, values)
    except (ValueError, OSError) as error:
        return refuse(error)
    if values.get("check") == "true":
        code = _check(path, content, [] if names else words)
        if code != DONE or not names:
            return code
    return _reproduce_all(path, content, names, words, accepts=values.get("accept_versions") == "true")


def _is_option(words: Sequence[str], place: int) -> bool:
    """Returns whether a word is an option, or the value behind one."""
    return words[place].startswith("-") or (place > 0 and words[place - 1] in ("--config-dir", "-cd"))


def _problem(values: Mapping[str, str]) -> str:
    """Returns what is wrong with the words that are this command's own, in a sentence; "" if nothing is."""
    for key in ("check", "accept_versions"):
        if values.get(key, "true") not in ("true", "false"):
            return f"{key}={values[key]} is neither true nor false."
    for key in ("trials", "trials_seed"):
        if not re.fullmatch(r"\d{1,9}", values.get(key, "0")):
            return f"{key}={values[key]} is no whole number; give one, as in trials=20."
    if values.get("trials") == "0":
        return "trials=0 trains nothing; give at least 1."
    if "trial" in values and "trials" in values:
        return "trial= says which trials, trials= how many drawn at random; give one of them."
    if not {"trial", "trials"} & set(values) and values.get("check") != "true":
        return "Say what to do: trial=STRATEGY/SEED/NUMBER trains a trial of it again, check=true checks its digits."
    return ""


def _names(content: Json, values: Mapping[str, str]) -> list[str]:
    """Returns the trials that are asked for, each checked to be there.

    Raises:
        ValueError: if one is not.
    """
    from hpo.report.reading.carried import find_trial, trial_names

    if "trials" in values:
        names = trial_names(content)
        if not names:
            find_trial(content, "")
        n = int(values["trials"])
        if n > len(names):
            raise ValueError(f"trials={n} is more than the {len(names)} trials with an epoch in this report.")
        return random.Random(int(values.get("trials_seed", "0"))).sample(names, n)
    names = [name for name in re.split(r"[][\s,'\"]+", values.get("trial", "")) if name]
    for name in names:
        find_trial(content, name)
    return names


def _check(path: Path, content: Json, words: Sequence[str]) -> int:
    from hpo.config.report import ReportConfig

    def call(config: Config) -> int:
        from hpo.report.checking import check_report

        assert isinstance(config, ReportConfig)
        checks = check_report(path, content, config)
        for check in checks:
            print(f"{check.witness}: {check.sentence}")
        if any(check.is_equal is False for check in checks):
            return refuse(f"{path} is not as it was written.", code=FRUITLESS)
        if all(check.is_equal is None for check in checks):
            return refuse(f"Nothing says what {path} was; run it where its page, its record or its MLflow are.")
        return DONE

    return compose_and_call(words, lambda job: call(job.config), name="report", root=ReportConfig)


def _reproduce_all(path: Path, content: Json, names: Sequence[str], words: Sequence[str], *, accepts: bool) -> int:
    """Trains each trial again; what is done is kept until all are, so that the same command goes on."""
    from hpo.machine.files import hash_bytes, write_json
    from hpo.report.reading.carried import find_trial
    from hpo.study.reproduction import Asked, words_for

    folder = path.absolute().parent / FOLDER
    key = hash_bytes(path.read_bytes())[:12]
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        return refuse(f"{folder} cannot be written, where trials are trained: {error.strerror}; copy the report.")
    done: dict[str, bool] = _done(folder, key)
    for name in names:
        if name in done:
            print(f"{name}: done before the interruption, {'equal' if done[name] else 'not equal'}.")
            continue
        carried = find_trial(content, name)
        asked = Asked(name, carried.study, carried.trial, _versions(carried.study, carried.facts))
        place = folder / f"{key}-{re.sub('[^A-Za-z0-9._-]', '-', name)[:100]}"
        try:
            again = words_for(asked, place, words)
        except ValueError as error:
            return refuse(error)
        ended: list[bool] = []
        code = compose_and_call(again, lambda job, asked=asked, ended=ended: _train(asked, job, accepts, ended))  # type: ignore[misc]
        if not ended:
            return code
        done[name] = ended[0]
        write_json(folder / DONE_FILE, {"report": key, "done": done})
        shutil.rmtree(place, ignore_errors=True)
    n_equal = sum(done[name] for name in names)
    shutil.rmtree(folder, ignore_errors=True)
    if len(names) > 1:
        print(f"{n_equal} of {len(names)} trials equal in every epoch.")
    return DONE if n_equal == len(names) else FRUITLESS


def _done(folder: Path, key: str) -> dict[str, bool]:
    """Returns what an interrupted command of the same report had done."""
    try:
        noted = json.loads((folder / DONE_FILE).read_bytes())
        return dict(noted["done"]) if noted["report"] == key else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _versions(study: Json, facts: Mapping[str, str]) -> dict[str, str]:
    """Returns the versions that a report says its trials were trained with, by package."""
    libraries = {key.removeprefix("version."): text for key, text in facts.items() if key.startswith("version.")}
    return libraries | {name: text for name, text in study["versions"].items() if text}


def _train(asked: Asked, job: Composition, accepts: bool, ended: list[bool]) -> int:
    """Trains one trial again; notes in `ended` whether it came out equal, if it came to an end."""
    from hpo.machine.locks import StudyHeld
    from hpo.study.refusal import NoRoom, Refused
    from hpo.study.reproduction import train_again
    from hpo.terminal.display import build_display

    display = build_display()
    try:
        outcome = train_again(asked, job, display, accepts=accepts, accepts_code=job.config.study.accept_code)
    except StudyHeld as error:
        return refuse(str(error), code=HELD)
    except Refused as error:
        return refuse(str(error), code=PAUSED if isinstance(error, NoRoom) else MISTAKE)
    except (ValueError, OSError) as error:
        return refuse(error)
    finally:
        display.close()
    if outcome.report.signal is not None:
        return 128 + outcome.report.signal
    if outcome.report.obstacle:
        return PAUSED
    ended.append(outcome.is_equal)
    print(outcome.sentence)
    return DONE
