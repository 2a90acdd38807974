"""Cells for every strategy and seed, on terminals wide and narrow."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from hpo.compare.progress import ComparisonProgress
from hpo.compare.table import short_value, study_label, table
from hpo.contracts.records import PRUNED, Budget
from tests.support.comparison_events import (
    BUDGET,
    N_EPOCHS,
    auditing,
    confirming,
    going_on,
    plan_shown,
    retraining,
    search,
)
from tests.support.mlflow_contents import make_trial

N_TRIALS = BUDGET // N_EPOCHS


def lines(progress: ComparisonProgress, width: int, n_rows: int = 24, *, ascii_only: bool = False) -> list[str]:
    return table(progress, width, n_rows, ascii_only=ascii_only).plain.split("\n")


def phases() -> ComparisonProgress:
    """Returns two strategies on three seeds, each study in another phase."""
    progress = ComparisonProgress(plan_shown(seeds=[0, 1, 2]))
    search(progress, 0, 2)
    search(progress, 1, N_TRIALS)
    for index, n_retrained in ((3, 1), (4, 2), (5, 2)):
        confirmation = confirming(search(progress, index, N_TRIALS, has_ended=True))
        progress.find(confirmation.name)[1].open(confirmation, [], Budget())
        for number in range(n_retrained):
            progress.find(confirmation.name)[1].change(retraining(number, N_TRIALS - 1, number))
    progress.ended(confirmation.name, confirmation)
    return progress


def test_a_wide_terminal_shows_bars_and_incumbents() -> None:
    assert lines(phases(), 80) == [
        "seed                0              1              2",
        "random  ▮▮▮▮▯▯▯▯ .510  ▮▮▮▮▮▮▮▮ .530  ▯▯▯▯▯▯▯▯    -",
        "tpe         c50% .530      test .530         ✓ .530",
        "c confirming   t testing   ✓ done",
    ]


def test_an_audit_has_its_letter() -> None:
    progress = ComparisonProgress(plan_shown(["tpe"], [0], top_k=0, audit=0.5))
    record = search(progress, 0, N_TRIALS - 1)
    progress.find(record.name)[1].change(make_trial(N_TRIALS - 1, PRUNED))
    progress.ended(record.name, record)
    assert lines(progress, 80)[1:] == ["tpe        a0% .520", "a auditing"]
    audit = auditing(record)
    progress.find(audit.name)[1].open(audit, [going_on(0, N_TRIALS - 1)], Budget())
    progress.ended(audit.name, audit)
    assert lines(progress, 80)[1:] == ["tpe          ✓ .520", "✓ done"]


def test_a_narrower_one_a_character_and_the_incumbent() -> None:
    assert lines(phases(), 30) == [
        "seed         0       1       2",
        "random  ▅ .510  █ .530  ·    -",
        "tpe     c .530  t .530  ✓ .530",
        "c confirming   t testing   ✓ done",
    ]
    assert lines(phases(), 24)[1:3] == ["random ▅.510 █.530 ·   -", "tpe    c.530 t.530 ✓.530"]


def test_a_narrow_one_percentages() -> None:
    assert lines(phases(), 22)[1:3] == ["random  50% 100%   0%", "tpe    c50% test    ✓"]


def test_and_where_there_is_no_room_for_cells_a_line_for_each_strategy() -> None:
    progress = ComparisonProgress(plan_shown(seeds=list(range(40))))
    search(progress, 0, N_TRIALS)
    search(progress, 1, 2)
    assert lines(progress, 80) == [
        "random ▯▯▯▯▯▯▯▯   2 %  0/40 done  median .520 (.510 to .530)",
        "tpe    ▯▯▯▯▯▯▯▯   0 %  0/40 done",
    ]
    assert lines(progress, 40)[0] == "random ▯▯▯▯▯▯▯▯   2 %  0/40 done"
    assert lines(progress, 24)[0] == "random   2 %  0/40 done"
    assert lines(progress, 14)[0] == "random   2 %"


def test_ascii_terminals_get_bars_or_percentages() -> None:
    assert lines(phases(), 80, ascii_only=True)[1:3] == [
        "random  ####.... .510  ######## .530  ........    -",
        "tpe         c50% .530      test .530      done .530",
    ]
    assert lines(phases(), 30, ascii_only=True)[1:3] == ["random   50%  100%    0%", "tpe     c50%  test  done"]
    for width in (5, 14, 22, 30, 80):
        assert "\n".join(lines(phases(), width, ascii_only=True)).isascii()


def test_ten_seeds_fit_eighty_columns() -> None:
    progress = ComparisonProgress(plan_shown(["grid", "random", "tpe+asha"], list(range(10))))
    for index in range(30):
        search(progress, index, index % 5)
    shown = lines(progress, 80)
    assert [len(line) for line in shown] == [78, 78, 78, 78]
    assert shown[1].startswith("grid     ·    - ▃ .500 ▅ .510 ▇ .520 █ .530 ")


def test_several_tasks_are_told_apart_even_where_their_names_are_long() -> None:
    progress = ComparisonProgress(plan_shown(tasks=["docs", "a-very-long-name-of-a-task"]))
    assert [line[:20] for line in lines(progress, 80)] == [
        "              seed  ",
        "docs          random",
        "docs          tpe   ",
        "a-very-long-… random",
        "a-very-long-… tpe   ",
    ]
    assert study_label(progress, next(iter(progress.studies.values()))) == "docs random seed 0"


def test_too_many_rows_become_a_line_for_each_strategy_and_then_fewer() -> None:
    progress = ComparisonProgress(plan_shown([f"s{i}" for i in range(9)], tasks=["a", "b"]))
    assert len(lines(progress, 80, 19)) == 19
    assert len(lines(progress, 80, 18)) == 9
    assert lines(progress, 80, 3)[2] == "and 7 more strategies"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_nothing_is_ever_wider_than_the_terminal(ascii_only: bool) -> None:
    names = ["tpe", "寻找寻找寻找寻找", "a" * 30]
    for progress in (ComparisonProgress(plan_shown(names, [7, 4_000_000_000])), phases()):
        for width in range(12, 130, 3):
            text = table(progress, width, 20, ascii_only=ascii_only)
            shown = [line for line in text.plain.split("\n") if "confirming" not in line]
            assert all(cell_len(line) <= width for line in shown), (width, shown)


def test_names_cannot_steer_the_terminal() -> None:
    progress = ComparisonProgress(plan_shown(["a\x1b[2J\nb", "tpe"], tasks=["t\x07", "u"]))
    for width in (10, 80):
        assert not {"\x1b", "\x07", "\r"} & set(table(progress, width, 20, ascii_only=False).plain)
        assert len(lines(progress, width)) == (5 if width == 80 else 2)
    assert study_label(progress, next(iter(progress.studies.values()))).isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8431, ".843"),
        (0.0, ".000"),
        (0.99951, "1.00"),
        (0.9994, ".999"),
        (1.25, "1.25"),
        (9.996, "10.0"),
        (12.34, "12.3"),
        (99.96, "100"),
        (9999.4, "9999"),
        (12345.0, "1e+04"),
        (0.0123, ".012"),
        (0.00049, "5e-04"),
        (-0.523, "-.523"),
        (-2e-5, "-2e-05"),
    ],
)
def test_a_value_has_three_digits(value: float, text: str) -> None:
    assert short_value(value) == text
