"""What an exception says: why it was raised, in how few words.

Which of them pass, and what a person is told to do, is for those to say who know the library that raised it.
"""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields `error`, then what it was raised for or in the handling of, and so on to the innermost."""
    seen: list[BaseException] = []  # an error raised again out of what it caused is in its own chain
    inner: BaseException | None = error
    while inner is not None and inner not in seen:
        seen.append(inner)
        yield inner
        inner = inner.__cause__ or inner.__context__


def first_line(error: BaseException) -> str:
    """Returns the first line of what `error` says, without its full stop; its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
