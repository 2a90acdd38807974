"""Command lines of `hpo` as a user may type them, drawn at random from every setting there is.

What would rightly run for long is kept out here: real training, other processes and servers are never chosen, and
numbers that stand for trials, epochs or seconds stay small, as does whatever makes grids and candidates of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from hydra import compose, initialize_config_dir
from hypothesis import strategies as st
from omegaconf import BooleanNode, DictConfig, EnumNode, FloatNode, IntegerNode, Node

from hpo.config.compare import CompareConfig
from hpo.config.compose import register_schemas
from hpo.config.registry import options
from hpo.config.report import ReportConfig
from hpo.config.schema import Config
from hpo.machine.paths import conf_folder
from tests.support.fuzz_cases import Case
from tests.support.vocabulary import (
    ANYWHERE,
    CHOICES,
    ENTRY,
    FIELDS,
    FLAGS,
    NUMBERS,
    PREFIXES,
    SEPARATORS,
    SLIPS,
    SMALL,
    STARTS,
    TEXTS,
    WORDS,
)

QUICK = ("trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=2", "study.n_epochs=8")
GROUPS = (*options(), "space", "experiment", "comparison")
ROOTS: dict[str, type[Config]] = {"config": Config, "compare": CompareConfig, "report": ReportConfig}
HEAVY = re.compile(r"executor[=:].*processes|trainer[=:].*awd|tracking[=:].*mlflow")
DEAR = re.compile(
    r"n_trials|n_epochs|timeout_s|trials_s|epoch|top_k|n_seeds|n_ei|n_resamples|levels|high|seeds|size|study|space|range"
)
PLACES = re.compile(r"path|folder|cache|reports|records|storage|uri")
MAX_DEAR = 30

Texts = st.SearchStrategy[str]

simple = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(WORDS),
    st.integers(-20, 20).map(str),
    st.floats(-3, 3).map(repr),
    st.text(st.characters(exclude_characters="\0"), max_size=6),
    st.text("[]{}(),:=$'\"\\ ~+-.ab1", max_size=9),
)
sober = st.sampled_from(NUMBERS + [word for word in WORDS if re.fullmatch(r"[\w.\[\]{}:$\-~/ ]*", word)])


def _nest(inner: Texts) -> Texts:
    lists = st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    pairs = st.lists(st.tuples(st.sampled_from([*ENTRY, "param", "in", "a", "1", "sampler"]), inner), max_size=3)
    return lists | pairs.map(lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items) + "}")


values = sober | sober | simple | st.recursive(sober, _nest, max_leaves=5)


def lines(name: str = "config", base: Sequence[str] = QUICK, command: str = "hpo") -> st.SearchStrategy[Case]:
    """Returns command lines: something quick, with one to three words that were not thought over."""
    return _lines(name, base, command).filter(is_quick)


@st.composite
def _lines(draw: st.DrawFn, name: str, base: Sequence[str], command: str) -> Case:
    words = draw(st.lists(overrides(name), min_size=1, max_size=3, unique=True))
    argv = [*base, *words]
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(0, len(argv)))
        argv[at:at] = draw(st.sampled_from(FLAGS))
    if draw(st.integers(0, 9)) == 0:
        argv = draw(st.permutations(argv))
    return Case(tuple(argv), command=command)


def plausible(name: str = "config", base: Sequence[str] = QUICK, command: str = "hpo") -> st.SearchStrategy[Case]:
    """Returns command lines of options that exist, settings they have and values of the right kind."""
    return _plausible(name, base, command).filter(is_quick)


@st.composite
def _plausible(draw: st.DrawFn, name: str, base: Sequence[str], command: str) -> Case:
    groups = draw(st.lists(st.sampled_from(sorted(CHOICES)), max_size=3, unique=True))
    chosen = [f"{group}={draw(st.sampled_from(CHOICES[group]))}" for group in groups]
    there = dict(composed(name))
    for word in chosen:
        there |= composed(name, word) if not word.startswith("experiment") else {}
    leaves = [path for path, node in sorted(there.items()) if not isinstance(node, DictConfig) or path.count(".") == 2]
    words = draw(st.lists(st.sampled_from(leaves).flatmap(lambda path: _mild(path, there[path])), max_size=3))
    for path in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        section, _, field = path.partition(".")
        words.append(f"+space.{section}={{{field}:{draw(entries())}}}")
    if draw(st.integers(0, 3)) == 0:
        words.append(draw(overrides(name)))
    return Case((*base, *chosen, *words), command=command)


@st.composite
def overrides(draw: st.DrawFn, name: str) -> str:
    """Returns an override, or what somebody took for one."""
    there = settings(name)
    path = draw(st.sampled_from(sorted(there)))
    care = draw(st.integers(0, 9))
    if care < 8:
        return f"{path}={draw(_fitting(path, there[path]) if care < 5 else _anything(path))}"
    if draw(st.booleans()):
        at = draw(st.integers(0, len(path) - 1))
        path = draw(st.sampled_from(SLIPS)).format(before=path[:at], at=path[at], after=path[at + 1 :], path=path)
    prefix, separator = draw(st.sampled_from(PREFIXES)), draw(st.sampled_from(SEPARATORS))
    return f"{prefix}{path}{separator}{draw(_anything(path))}"


@cache
def settings(name: str) -> dict[str, Node | None]:
    """Returns every path there is, of groups, sections and settings of every option, with what stands there."""
    found: dict[str, Node | None] = dict.fromkeys(GROUPS)
    for group, choices in options().items():
        for option in choices:
            found |= composed(name, f"{group}={option}")
    return found


@cache
def composed(name: str, *words: str) -> dict[str, Node | None]:
    """Returns every path of the configuration that `words` choose, with what stands there."""
    register_schemas(ROOTS[name])
    with initialize_config_dir(str(conf_folder().absolute()), version_base="1.3"):
        return _nodes(compose(name, overrides=list(words)), "")


def _nodes(node: Node | None, path: str) -> dict[str, Node | None]:
    found: dict[str, Node | None] = {path: node} if path else {}
    if isinstance(node, DictConfig) and not node._is_missing() and not node._is_none():
        for key in node:
            found |= _nodes(node._get_node(key), f"{path}.{key}" if path else str(key))
    return found


def _fitting(path: str, node: Node | None) -> Texts:
    """Returns values of the type that stands at a path, most of them out of its range."""
    match node:
        case None | DictConfig() if path in GROUPS:
            return st.sampled_from(_options(path))
        case DictConfig():
            return values
        case EnumNode():
            return st.sampled_from([*node.enum_type.__members__, "null"])
        case BooleanNode():
            return st.sampled_from(["true", "false", "1", "0", "null", "yes", "2"])
        case IntegerNode() | FloatNode():
            return st.sampled_from([*NUMBERS[:24], "null"]) | st.integers(1, 10).map(str) | st.floats(0, 1).map(repr)
        case _ if PLACES.search(path):
            return st.sampled_from(ANYWHERE)
    return st.sampled_from(TEXTS)


def _options(group: str) -> list[str]:
    there = [file.stem for file in (conf_folder() / group).glob("*.yaml")]
    return [*sorted(there), "none", "null", "TPE", "x", "tpe.yaml", "../config", "config", "schema/x"]


def _anything(path: str) -> Texts:
    """Returns any value, but no place outside of what is looked at afterwards."""
    if PLACES.search(path):
        return st.sampled_from(ANYWHERE) | values.filter(lambda text: not re.search(r"/(?!proc|dev)|\.\.|~", text))
    return values


def _mild(path: str, node: Node | None) -> Texts:
    if isinstance(node, DictConfig) and path.count(".") == 2:
        return st.just(f"~{path}") | entries().map(lambda entry: f"{path}={entry}")
    plus = "+" if path.startswith("space.") and path.endswith(".when") else ""
    return mild_values(path, node).map(lambda value: f"{plus}{path}={value}")


def mild_values(path: str, node: Node | None) -> Texts:
    """Returns values that a setting may well have."""
    leaf = path.rpartition(".")[2]
    match node:
        case _ if path.startswith("space.") and leaf in ENTRY:
            return st.sampled_from(ENTRY[leaf])
        case EnumNode():
            return st.sampled_from(sorted(node.enum_type.__members__))
        case BooleanNode():
            return st.sampled_from(["true", "false"])
        case IntegerNode():
            return st.integers(1, 8).map(str) | st.sampled_from(["0", "null", "9223372036854775807", "4294967295"])
        case FloatNode():
            return st.sampled_from([*SMALL, *SMALL, "1e300", "-1e300"])
    return st.sampled_from(["a", "null", "'a b'", "hpo.db", "x/y", "'é'", "."])


@st.composite
def entries(draw: st.DrawFn) -> str:
    """Returns a param as a space file has it, more or less."""
    keys = dict(draw(st.sampled_from(STARTS)))
    for key in draw(st.lists(st.sampled_from(sorted(ENTRY)), max_size=4, unique=True)):
        keys[key] = draw(st.sampled_from(ENTRY[key]))
    return "{" + ",".join(f"{key}:{value}" for key, value in keys.items()) + "}"


def is_quick(case: Case) -> bool:
    """Returns whether a case ends in no time, or is refused."""
    given = [word for word in (*case.argv, *case.files.values()) if word not in QUICK]
    return all(_is_quick(re.sub(r"[\s'\"+\\]|schema/", "", word)) for word in given)


def _is_quick(word: str) -> bool:
    if HEAVY.search(word) or re.search(r"epoch_s\D*[1-9]|epoch_s.*[.e]", word):
        return False
    numbers = re.findall(r"[\d_]*\.?\d+(?:e[+-]?\d+)?", word) if DEAR.search(word) else []
    return all(_size(number) <= MAX_DEAR for number in numbers)


def _size(number: str) -> float:
    try:
        return float(number)
    except ValueError:
        return 0.0
