"""Command lines of the commands beside `hpo`: compare, report, sync, curves; and tables for them to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from tests.support.command_lines import Texts, is_quick, lines, overrides, plausible, values
from tests.support.fuzz_cases import FILES, Case
from tests.support.vocabulary import COLUMNS, MORE, NAMES, NUMBERS, PATHS, SETS, STATES, WORDS

COMPARED = ("trainer=synthetic", "tracking=none", "executor=inline", "storage=memory", "samplers=[random]", "seeds=1")
COMPARED += ("study.n_trials=2", "study.confirm.top_k=0")
TABLE = f"../{FILES}/x.csv"
LONG = "x" * 300


def _of(words: str, *more: str) -> Texts:
    return st.sampled_from([*words.split(), *more])


@st.composite
def _named_sets(draw: st.DrawFn) -> str:
    """Returns what strategies= and tasks= take, in Hydra's grammar or as a text."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(SETS)), max_size=3))
    entries = [f"{name}: {given}" for name, given in pairs]
    text = "{" + ", ".join(entries) + "}" if draw(st.booleans()) else "[" + ", ".join(f"{{{e}}}" for e in entries) + "]"
    return text if draw(st.booleans()) else f'"{text}"'


OWN = {
    "strategies": _named_sets() | values,
    "tasks": _named_sets() | values,
    "samplers": _of("[] [tpe] [grid,random] [tpe,tpe] tpe [nope] [null] null [1] [[a]] {a:1}"),
    "seeds": _of("0 1 2 -1 [0] [0,0] [1,2] [] [a] [-1] [4294967296] 1.5 true null 2000"),
    "budget.unit": _of("epochs trials seconds hours null"),
    "budget.size": _of("0 1 3 2.5 -1 inf nan null a 1e-9"),
    "budget": values,
    "n_concurrent": _of("0 1 2 9999999999999 -1 null 1.5"),
    "cache": _of("true false null maybe"),
    "rope": _of("0 0.01 -1 inf nan null 1e308 a"),
    "reports": _of("'' . x/y file/x /proc/x /dev/null null studies", "'a\tb'", "'é $x'", LONG),
    "name": st.sampled_from(NAMES).map(lambda name: f"'{name}'") | values,
    "comparison": _of("smoke replay nope null"),
    "experiment": _of("smoke replay nope null imdb 'é' ~x", LONG),
    "study.metric": _of("accuracy valid_loss macro_f1 a"),
    "study.confirm.top_k": _of("0 1 -1 a"),
    "study.audit": _of("0 1 0.5 2 -1"),
    "study.test": _of("true false"),
    "study.name": values,
    "study.timeout_s": _of("1 null"),
    "study.n_epochs": _of("1 5 null"),
    "study.trials_s": _of("1 0.01 null"),
    "pruner": _of("median asha hyperband none"),
}
RECORD = {
    "storage.path": st.sampled_from(PATHS),
    "storage": _of("memory sqlite nope null"),
    "tracking": _of("none nope null"),
}
SYNCED = RECORD | {
    "study.name": _of("tried nope '' null 'é' .. '$x' [a]"),
    "tracking.uri": _of("foo '' 'http://127.0.0.1:9' 'http://[' 'sqlite:////proc/x.db' file:x databricks null"),
}
REPORTED = RECORD | {
    "experiment": _of("synthetic nope '' a=b null é $ 'synthetic' ${x} [a] .. a\\ ' \"", ""),
    "records": _of(f"{TABLE} [] null nope.csv . [nope.csv] hpo.db {{a:1}} [[a]] 3 /dev/null [{TABLE},{TABLE}]", ""),
    "report.folder": _of("reports '' . file /proc/x hpo.db null a/b", LONG),
    "report.rope": _of("0 0.1 -1 inf nan null a"),
    "report.unit": _of("epochs trials seconds a null"),
    "report.budget": _of("0 1 2.5 -1 inf nan 1e308 null 1e-9"),
    "report.direction": _of("minimize maximize min null"),
    "report.n_resamples": _of("1 2 0 -1 null a 1.5"),
    "report.seed": _of("0 1 -1 99999999999999999999 null a"),
    "name": _of("synthetic nope null"),
}
CURVED = RECORD | {
    "experiment": _of("synthetic nope '' é .. a/b $", "", LONG),
    "path": _of("a.parquet x/a.parquet a.csv /proc/x.parquet file/x.parquet .parquet é.parquet ~.parquet", "", LONG),
    "task": _of("none nope docstrings tried synthetic", ""),
}


def compared() -> st.SearchStrategy[Case]:
    """Returns command lines of `hpo compare`."""
    own = _asked("compare", COMPARED, OWN, name="compare")
    return own | own | own | plausible("compare", COMPARED, "compare") | lines("compare", COMPARED, "compare")


@st.composite
def reported(draw: st.DrawFn) -> Case:
    """Returns a command line of `hpo report`, and a table of trials for it."""
    base = ("tracking=none", "report.n_resamples=5")
    if draw(st.integers(0, 2)) == 0:
        return Case((*base, f"records={TABLE}"), {"x.csv": draw(_tables())}, "report")
    case = draw(_asked("report", base, REPORTED, name="report"))
    files = {"x.csv": draw(_tables())} if any(TABLE in word for word in case.argv) else {}
    return Case(case.argv, files, "report")


def synced() -> st.SearchStrategy[Case]:
    """Returns command lines of `hpo sync`."""
    return _asked("sync", (), SYNCED, name="config")


def curved() -> st.SearchStrategy[Case]:
    """Returns command lines of `hpo curves`."""
    return _asked("curves", ("experiment=synthetic",), CURVED, name="config")


def _asked(command: str, base: Sequence[str], own: Mapping[str, Texts], *, name: str) -> st.SearchStrategy[Case]:
    @st.composite
    def case(draw: st.DrawFn) -> Case:
        keys = draw(st.lists(st.sampled_from(sorted(own)), max_size=3, unique=True))
        words = [f"{key}={draw(own[key])}" for key in keys]
        words += [draw(overrides(name))] if draw(st.integers(0, 3)) == 0 else []
        flags = [[]] * 9 + [["-m"], ["--cfg", "job"], ["x"], ["--help"], ["--nope"], ["--config-dir", "nope"]]
        return Case((*base, *words, *draw(st.sampled_from(flags))), command=command)

    return case().filter(is_quick)


@st.composite
def _tables(draw: st.DrawFn) -> str:
    """Returns a CSV of trials, more or less."""
    columns = [*COLUMNS, *draw(st.lists(st.sampled_from(MORE), max_size=2, unique=True))]
    if draw(st.integers(0, 5)) == 0:
        columns.remove(draw(st.sampled_from(COLUMNS)))
    delimiter = draw(st.sampled_from([*",,,", ";", "\t", "|"]))
    rows = [delimiter.join(columns)]
    for number in range(draw(st.integers(0, 5))):
        row = {"experiment": "e", "task": "t", "strategy": "ab"[number % 2], "seed": "0", "trial": str(number)}
        row |= {"value": f"0.{number + 1}", "state": "COMPLETE", "epochs": "2", "seconds": "1.5"}
        for column in draw(st.lists(st.sampled_from(columns), max_size=1)):
            row[column] = draw(st.sampled_from([*STATES, *NUMBERS[:40], *WORDS[:40], "min", "maximize"]))
        rows.append(delimiter.join(row.get(column, "") for column in columns))
    text = draw(st.sampled_from(["\n", "\n", "\r\n"])).join(rows)
    endings = [
        text,
        text,
        text,
        text,
        text,
        "\ufeff" + text,
        text + "\n\n",
        "",
        text[:-3],
        text + '\n"',
        "\udcff" + text,
    ]
    return draw(st.sampled_from(endings))
