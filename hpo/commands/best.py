"""`hpo best`: the best classifier for one's texts within the time, whatever family it comes from.

Reads what is typed and says what came of it; the steps are climbed by `best.running`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hpo.commands.command import DONE, HELD, MISTAKE, PAUSED, command, compose_and_call, refuse, split_words

if TYPE_CHECKING:
    from hpo.best.running import Ladder
    from hpo.config.compose import Composition

USAGE = """hpo best hours=2 [data=table data.path=reviews.csv] [any other override]

Ends with the best classifier that the time allows: a linear model in seconds, usable at once; then a search of linear
models, networks from scratch, networks that start from a language model of the texts, each under its share of the
time, steps that cannot pay skipped with the reason; then an ensemble, if it beats the best of them by more than the
noise. The same command again continues.

  hours=2              what it may take in all
  trials=24            instead: trials of the linear search, a third and a sixth of them of networks; reproducible
  shares='{linear: 0.2, awd_lstm: 0.3, domain: 0.4}'    of the time; or numbers of trials
  steps='[linear, awd_lstm]'                            these searches alone, whether they can pay or not
  name=NAME            of the whole: the model is in studies/NAME/model, its summary is studies/NAME/best.json

Each step is an ordinary study, named NAME-linear and so on: hpo ui, hpo report and hpo predict take them."""

SETTINGS = ("hours", "trials", "shares", "steps", "name")
OWN = "trainer space sampler experiment params study.name study.n_trials study.timeout_s study.n_epochs study.trials_s"


@command(USAGE)
def main(argv: list[str]) -> int:
    """Runs the command line `argv` and returns its exit code."""
    from hpo.best.ladder import read_allowance

    given, words = split_words(argv, SETTINGS)
    given = dict.fromkeys(SETTINGS, "") | given
    for word in words:
        path = word.lstrip("+~").partition("=")[0]
        if path in (*OWN.split(), "study.enqueue") or path.startswith(("space.", "params.")):
            return refuse(
                f"{word} is chosen by hpo best for each of its steps; leave it out, or run a study: hpo {word}."
            )
        if word in ("-m", "--multirun"):
            return refuse("hpo best already runs several studies; leave out -m.")
    try:
        allowance = read_allowance(given)
    except ValueError as error:
        return refuse(error)

    def call(job: Composition) -> int:
        from hpo.best.running import Ladder
        from hpo.config.compose import compose_job, given_overrides
        from hpo.machine.paths import as_name
        from hpo.study.plan import Plan, plan
        from hpo.terminal.display import build_display

        overrides, found_by = given_overrides()

        def plan_step(more: object) -> Plan:
            return plan(compose_job("config", [*found_by, *overrides, *more]))  # type: ignore[misc]  # words

        subject = job.config.data.subject or job.choices["data"]
        name = as_name(given["name"] or f"best-{subject}")
        ladder = Ladder(name, allowance, plan_step, build_display, lambda sentence: print(sentence, flush=True))
        return _climb(ladder, argv)

    return compose_and_call(words, call)


def _climb(ladder: Ladder, argv: list[str]) -> int:
    from hpo.machine.locks import StudyHeld
    from hpo.machine.secrets import mask
    from hpo.study.refusal import NoRoom, Refused

    try:
        is_done = ladder.climb()
    except StudyHeld as error:
        return refuse(str(error), code=HELD)
    except (ValueError, OSError, Refused) as error:
        return refuse(error, code=PAUSED if isinstance(error, NoRoom) else MISTAKE)
    if not is_done:
        stopped = ladder.stopped
        print(f"continue with: {shlex.join(['hpo', 'best', *map(mask, argv)])}")
        return PAUSED if stopped is None or stopped.signal is None else 128 + stopped.signal
    print(f"\n{ladder.summary}")
    return DONE
