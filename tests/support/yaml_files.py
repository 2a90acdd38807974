"""YAML files that a user may write into a folder of their own, more or less right, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import strategies as st
from omegaconf import DictConfig

from tests.support.command_lines import DEAR, QUICK, composed, is_quick, mild_values, overrides, settings
from tests.support.fuzz_cases import FILES, Case
from tests.support.vocabulary import BREAKS, DEFAULTS, ENTRY, FIELDS, HEADS, RAW, SCALARS, WORDS


def files() -> st.SearchStrategy[Case]:
    """Returns command lines that choose one or two files of the user's own."""
    return _files().filter(is_quick)


@st.composite
def _files(draw: st.DrawFn) -> Case:
    written: dict[str, str] = {}
    words: list[str] = []
    if draw(st.integers(0, 2)) < 2:
        written["experiment/x.yaml"] = draw(_text(_experiments()))
        words.append("experiment=x")
    if not words or draw(st.booleans()):
        written["space/x.yaml"] = draw(_text(_spaces()))
        words.append("space=x")
    if draw(st.integers(0, 9)) == 0:
        group = draw(st.sampled_from(["sampler", "data", "pruner", "storage", "study"]))
        written[f"{group}/x.yaml"] = draw(_text(_experiments()))
        words.append(f"{group}=x")
    if draw(st.integers(0, 9)) == 0:
        words.append(draw(overrides("config")))
    return Case(("--config-dir", f"../{FILES}", *words, *QUICK), written)


@st.composite
def _experiments(draw: st.DrawFn) -> str:
    """Returns what an experiment file says."""
    lines = draw(st.lists(st.sampled_from(DEFAULTS), max_size=2)) if draw(st.booleans()) else []
    defaults = "".join(f"  - {line}\n" for line in lines)
    said: dict[str, Any] = {}
    if draw(st.booleans()):
        for path in draw(st.lists(st.sampled_from(sorted(settings("config"))), max_size=3)):
            _put(said, path.split("."), draw(_scalar(path)))
    else:
        there = composed("config", *QUICK)
        leaves = sorted(path for path, node in there.items() if not isinstance(node, DictConfig))
        for path in draw(st.lists(st.sampled_from(leaves), max_size=4)):
            _put(said, path.split("."), yaml.safe_load(draw(mild_values(path, there[path]))))
    if draw(st.integers(0, 3)) == 0:
        said["space"] = draw(_space())
    text = yaml.safe_dump(said, allow_unicode=draw(st.booleans()), default_flow_style=draw(st.booleans()))
    return draw(st.sampled_from(HEADS)) + (f"defaults:\n{defaults}" if lines else "") + text


@st.composite
def _spaces(draw: st.DrawFn) -> str:
    """Returns what a space file says."""
    return yaml.safe_dump(draw(_space()), default_flow_style=draw(st.booleans()))


@st.composite
def _space(draw: st.DrawFn) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3)):
        section, _, name = path.partition(".")
        said.setdefault(section, {})[name] = draw(_entry())
    if draw(st.integers(0, 9)) == 0:
        said[draw(st.sampled_from(["model", "train", "data", "x", "_target_"]))] = draw(st.sampled_from(SCALARS))
    return said


@st.composite
def _entry(draw: st.DrawFn) -> Any:
    starts: Sequence[dict[str, Any]] = [
        {"type": "float", "low": 0.001, "high": 0.5},
        {"type": "int", "low": 2, "high": 5},
        {"type": "categorical", "choices": [64, 96]},
        {"type": "categorical", "choices": ["one_cycle", "fine_tune"]},
        {},
    ]
    entry = dict(draw(st.sampled_from(starts)))
    for key in draw(st.lists(st.sampled_from(sorted(ENTRY)), max_size=3)):
        entry[key] = draw(_parsed(ENTRY[key]) | st.sampled_from(SCALARS))
    return draw(st.sampled_from([*[entry] * 12, *SCALARS[:6], [entry], {"entry": entry}]))


def _parsed(texts: Sequence[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from([yaml.safe_load(text) for text in texts])


def _scalar(path: str) -> st.SearchStrategy[Any]:
    small = st.integers(0, 5) | st.floats(0, 1) | st.booleans()
    wild = st.sampled_from(SCALARS) | st.sampled_from(
        [word for word in WORDS if "\ud800" not in word and "\udcff" not in word]
    )
    return small if DEAR.search(path) else small | wild


def _put(said: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Puts `value` at `path` in nested dictionaries, over whatever is there."""
    if len(path) == 1:
        said[path[0]] = value
        return
    inside = said.get(path[0])
    said[path[0]] = inside = inside if isinstance(inside, dict) else {}
    _put(inside, path[1:], value)


@st.composite
def _text(draw: st.DrawFn, sober: st.SearchStrategy[str]) -> str:
    """Returns a file as it was meant, or with a slip in it, or something else altogether."""
    care = draw(st.integers(0, 9))
    if care == 0:
        return draw(st.sampled_from(HEADS[-3:] + HEADS[:2])) + draw(st.sampled_from(RAW))
    text = draw(sober)
    for _ in range(draw(st.integers(1, 2)) if care < 4 else 0):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(BREAKS)) + text[at + draw(st.integers(0, 1)) :]
    return text
