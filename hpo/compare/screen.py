"""What a comparison under way looks like: its lines, its totals and its frame.

The cells are `table`'s; when anything is drawn, and where, is `display`'s.
"""

from __future__ import annotations

from statistics import fmean, stdev

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.text import Text

from hpo.compare.comparison import Comparison
from hpo.compare.progress import ComparisonProgress, StudyProgress
from hpo.compare.table import study_label, table
from hpo.config.compare import Unit
from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.machine.escaping import printable
from hpo.study.audit import count_audit
from hpo.study.confirmation import to_test
from hpo.terminal.format import (
    format_count,
    format_duration,
    format_failure,
    format_number,
    format_params,
    format_times,
)
from hpo.terminal.progress import Tally
from hpo.terminal.screen import bar, title

MIN_BAR = 8  # characters, with the spaces around it


def opening_line(progress: ComparisonProgress) -> Text:
    """Returns what is compared."""
    comparison, study = progress.comparison, progress.comparison.plans[0].config.study
    n_tasks = len(comparison.tasks)
    factors = [
        format_count(n_tasks, "task") if n_tasks > 1 else "",
        format_count(len(comparison.strategies), "strategy"),
        format_count(len(comparison.seeds), "seed"),
    ]
    confirm = study.confirm.top_k * study.confirm.n_seeds
    then = f", then {format_count(confirm, 'retraining')}" if confirm else ""
    return Text.assemble(
        "comparison ",
        (printable(comparison.name), "bold"),
        f": {' x '.join(factor for factor in factors if factor)} = {format_count(len(comparison.plans), 'study')}; "
        f"{study.goal} {progress.metric}; {_amount(comparison, comparison.budget)} each{then}",
    )


def ended_line(progress: ComparisonProgress, study: StudyProgress, tally: Tally, *, ascii_only: bool) -> Text:
    """Returns what came out of a search, a confirmation or an audit, whichever has the counts `tally`."""
    if tally is study.search:
        return searched_line(progress, study)
    if tally is study.audit:
        return audited_line(progress, study)
    return confirmed_line(progress, study, ascii_only=ascii_only)


def searched_line(progress: ComparisonProgress, study: StudyProgress) -> Text:
    """Returns what a search found and spent."""
    search = study.search
    odd = [f"{n} {word}" for n, word in ((search.n_failed, "failed"), (search.n_cached, "cached")) if n]
    spent = [format_count(search.n_finished, "trial") + (f" ({', '.join(odd)})" if odd else "")]
    spent.append(format_count(search.n_epochs, "epoch"))
    spent += [f"{format_duration(search.seconds)} of training"] if search.seconds >= 1 else []
    line = Text.assemble((study_label(progress, study), "bold"), " searched: ")
    if search.best is None or search.best.value is None:
        return line.append("no trial is complete", "red").append(f"; {', '.join(spent)}")
    line.append(f"{progress.metric} {format_number(search.best.value)}", "bold green")
    line.append(f"{_test(search.study)}, trial {search.best.number}; {', '.join(spent)}")
    return line.append(f"; {format_params(search.best.params)}", "dim")


def confirmed_line(progress: ComparisonProgress, study: StudyProgress, *, ascii_only: bool) -> Text:
    """Returns how the best configuration did when it was trained again: mean and standard deviation."""
    tally = study.confirmation
    line = Text.assemble((study_label(progress, study), "bold"), " confirmed: ")
    numbers = to_test(tally.study, tally.trials, study.wanted) if tally.study else []
    values = [trial.value for trial in tally.trials if trial.number in numbers and trial.value is not None]
    failed = f", {tally.n_failed} failed" if tally.n_failed else ""
    if not values:
        return line.append("no retraining is complete", "red").append(failed)
    spread = f" {'+/-' if ascii_only else '±'} {stdev(values):.4f}" if len(values) > 1 else ""
    line.append(f"{progress.metric} {fmean(values):.4f}{spread}", "bold green")
    return line.append(f"{_test(tally.study)} ({format_count(len(values), 'fresh seed')}{failed})")


def audited_line(progress: ComparisonProgress, study: StudyProgress) -> Text:
    """Returns how often pruning was wrong, as far as the audit tells."""
    search, tally = study.search, study.audit
    assert search.study is not None
    line = Text.assemble((study_label(progress, study), "bold"), " audited: ")
    audit = count_audit(search.study, search.counted, tally.trials)
    failed = f", {tally.n_failed} failed" if audit.n_failed else ""
    line.append(f"{audit.n_won} of {audit.n_compared} would have beaten the incumbent")
    return line.append(
        f"; {audit.n_known} of {format_count(audit.n_pruned, 'pruned trial')} trained to their end{failed}"
    )


def failure_line(progress: ComparisonProgress, study: StudyProgress, trial: TrialRecord) -> Text:
    """Returns how a trial failed."""
    line = Text.assemble((study_label(progress, study), "bold"), f" trial {trial.number} ", ("failed", "red"))
    line.append(f": {format_failure(trial, format_count(trial.n_epochs, 'epoch'))}")
    return line.append(f"; {format_params(trial.params)}", "dim")


def total_line(progress: ComparisonProgress, elapsed_s: float) -> Text:
    """Returns how far the whole comparison is, in one line."""
    return Text(
        f"{int(100 * progress.share)} %: {_spent(progress)}; {_counts(progress)}; "
        f"{format_times(elapsed_s, progress.left_s(elapsed_s))}"
    )


def frame(
    progress: ComparisonProgress, elapsed_s: float, room: ConsoleDimensions, *, ascii_only: bool
) -> RenderableType:
    """Returns the cells and below them the totals, in at most the rows of `room` where that is possible."""
    head = title(f"{progress.comparison.name}: {progress.metric}", ascii_only=ascii_only)
    spent, times = _spent(progress), format_times(elapsed_s, progress.left_s(elapsed_s))
    below: list[RenderableType] = [bar(spent, progress.share, times)]
    if room.width < len(spent) + len(times) + MIN_BAR:
        below = [_line(f"{int(100 * progress.share)} %: {spent}"), _line(times)]
    below.append(_line(_counts(progress)))
    return Group(head, table(progress, room.width, room.height - len(below) - 1, ascii_only=ascii_only), *below)


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _spent(progress: ComparisonProgress) -> str:
    """Returns what the searches spent of their budgets."""
    studies, unit = progress.studies.values(), progress.comparison.unit
    spent, total = sum(study.spent for study in studies), sum(study.total for study in studies)
    if unit is Unit.seconds:
        return f"{format_duration(spent)} of {format_duration(total)}"
    return f"{spent:,.0f}/{total:,.0f} {unit.value}"


def _counts(progress: ComparisonProgress) -> str:
    """Returns how many studies are done, and how many trials are in which state."""
    studies, tallies = progress.studies.values(), progress.tallies
    n_retrained = sum(study.confirmation.n_finished for study in studies)
    n_retrainings, n_audits = sum(study.n_retrainings for study in studies), sum(study.n_audits for study in studies)
    n_cached, n_failed = sum(tally.n_cached for tally in tallies), sum(tally.n_failed for tally in tallies)
    odd = [f"{n} {word}" for n, word in ((n_cached, "cached"), (n_failed, "failed")) if n]
    trials = format_count(sum(tally.n_finished for tally in tallies), "trial")
    parts = [
        f"{progress.n_done}/{len(studies)} studies",
        f"{n_retrained}/{n_retrainings} retrainings" if n_retrainings else "",
        f"{sum(study.audit.n_finished for study in studies)}/{n_audits} audited" if n_audits else "",
        f"{sum(tally.n_running for tally in tallies)} running",
        trials + (f" ({', '.join(odd)})" if odd else ""),
    ]
    return ", ".join(part for part in parts if part)


def _amount(comparison: Comparison, amount: float) -> str:
    return format_duration(amount) if comparison.unit is Unit.seconds else f"{amount:,.0f} {comparison.unit.value}"


def _test(study: StudyRecord | None) -> str:
    """Returns the test metric that belongs to what is optimised, behind a comma; "" if there is none."""
    if study is None or study.test_metric not in study.test:
        return ""
    return f", {study.test_metric} {format_number(study.test[study.test_metric])}"
