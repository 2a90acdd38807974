"""Names of columns: those that were given, and the usual ones of texts and labels, found in a table's header."""

from __future__ import annotations

from collections.abc import Collection, Sequence

TEXTS = (  # the first row that is there counts; of its names, there must be one only
    {"text", "texts"},
    {"sentence", "review", "content", "comment", "document", "tweet", "message", "body", "question", "utterance", "sms"}
    | {"description", "article", "post", "query", "abstract", "comment_text", "review_text", "reviewtext", "verbatim"}
    | {"title", "headline"},
)
LABELS = (
    {"label", "labels"},
    {"class", "category", "target", "sentiment", "intent", "topic", "rating", "ratings", "stars", "score", "polarity"}
    | {"y", "emotion", "tag"},
)
USUAL = {"text": TEXTS, "label": LABELS}
USUAL_NAMES = frozenset(name for rows in USUAL.values() for row in rows for name in row)
MAX_NAME, MAX_NAMES = 40, 20  # characters and columns of a header that errors show


def find_column(names: Sequence[str], name: str, *, setting: str, shown: str, encoding: str | None = None) -> int:
    """Returns the place of a column in a table's header.

    Args:
        names: The header.
        name: The column's.
        setting: What errors call the choice of the column: "data.text_column".
        shown: What errors call the table.
        encoding: What errors call the choice of its encoding; None where it has none to choose.

    Raises:
        ValueError: If there is none of that name, or several.
    """
    if names.count(name) == 1:
        return names.index(name)
    raise ValueError(
        f"{setting}={name} must be exactly one column of {shown}, which {_there(names, encoding)}; give another "
        f"{setting}=…{_header_hint(names, setting)}."
        if names
        else f"{setting}={name} must be exactly one column of {shown}, which is empty; give a file whose first row "
        "names its columns."
    )


def find_usual(names: Sequence[str], kind: str, *, setting: str, shown: str, encoding: str | None = None) -> int:
    """Returns the place of the column of texts or of labels, by the names that such columns usually have.

    Args:
        names: The header.
        kind: "text" or "label".
        setting, shown, encoding: As in `find_column`.

    Raises:
        ValueError: If there is none, or several.
    """
    if not names:
        raise ValueError(f"{shown} is empty; give a file whose first row names its columns.")
    lowered = [name.casefold() for name in names]
    for usual in USUAL[kind]:
        found = [i for i, name in enumerate(lowered) if name in usual]
        if len(found) == 1:
            return found[0]
        if found:
            several = " or ".join(repr(names[i]) for i in found)
            raise ValueError(f"{shown} may have its {kind}s in {several}; say in which by {setting}=….")
    raise ValueError(
        f"{shown} has no column with a usual name for {kind}s: it {_there(names, encoding)}; name the one of {kind}s "
        f"by {setting}=…{_header_hint(names, setting)}."
    )


def is_usual(names: Collection[str]) -> bool:
    """Returns whether one of the names is usual for texts."""
    return any(name.casefold() in row for name in names for row in TEXTS)


def _there(names: Sequence[str], encoding: str | None) -> str:
    columns = ", ".join(repr(other[:MAX_NAME]) for other in names[:MAX_NAMES])
    if encoding and not all(char.isprintable() for other in names for char in other):
        return f"has the columns {columns} (is it {encoding}=utf-16?)"
    return f"has the columns {columns}"


def _header_hint(names: Sequence[str], setting: str) -> str:
    """Returns what to do where the first row seems to be no header."""
    is_text = any(len(name.split()) > 3 or name.replace(".", "").isdigit() or not name for name in names)
    if not is_text:
        return ""
    if setting.startswith("data."):
        return ", or those of a file without a header row by 'data.columns=[text,label]'"
    return ", or give a list of texts as .txt, a text a line"
