"""What `model.json` must be like, whoever wrote it: its hash says that it is as it was written, not by whom.

Plain types alone; whether the weights fit the network is found out by `answers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hpo.config.schema import Keep, Tokenizer
from hpo.data.vocabulary import FAKE

Check = Callable[[object], bool]


def check_description(values: Mapping[str, object], path: Path) -> None:
    """Refuses a description that nothing could be made of.

    Args:
        values: The content of `model.json`, without its format and its hash.
        path: Where it was read from.

    Raises:
        ValueError: naming the key that is not as it must be.
    """
    for key, is_right in DESCRIPTION.items():
        if key not in values or not is_right(values[key]):
            raise ValueError(
                f"{path} is no description of a model that hpo wrote ({key} is not as it must be); "
                "copy the model's folder again, or run its study again."
            )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_texts(value: object) -> bool:
    """Whether these are names, each once: of classes, of words."""
    return isinstance(value, list) and len(value) >= 1 and all(map(_is_text, value)) and len({*value}) == len(value)


def _is_vocabulary(value: object) -> bool:
    """Whether these are words, each once but the one that fills up."""
    return isinstance(value, list) and _are_texts([word for word in value if word != FAKE])


def _maps_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_text(item) for pair in value.items() for item in pair)


def _is_tokenizer(value: object) -> bool:
    if not isinstance(value, Mapping) or {*value} != {"name", "max_tokens", "keep", "versions"}:
        return False
    name, keep, limit = value["name"], value["keep"], value["max_tokens"]
    is_known = _is_text(name) and name in Tokenizer.__members__ and _is_text(keep) and keep in Keep.__members__
    return is_known and (limit is None or _is_count(limit)) and _maps_texts(value["versions"])


def _is_provenance(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    names = ("study", "study_uid", "experiment", "metric", "data_fingerprint")
    tests = value.get("test", {})
    return (
        all(_is_text(value.get(name)) for name in names)
        and isinstance(value.get("params"), Mapping)
        and isinstance(tests, Mapping)
        and all(map(_is_number, tests.values()))
        and _maps_texts(value.get("versions"))
    )


DESCRIPTION: Mapping[str, Check] = {
    "architecture": lambda value: isinstance(value, Mapping),
    "n_params": _is_count,
    "vocab": _is_vocabulary,
    "classes": _are_texts,
    "tokenizer": _is_tokenizer,
    "provenance": _is_provenance,
    "files": _maps_texts,
    "is_logged": lambda value: isinstance(value, bool),
}
