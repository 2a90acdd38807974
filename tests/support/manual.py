"""The manual, README.md and docs/, as its fenced blocks: commands, programs, files, and what is not run here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpo.commands.console import WORDS
from tests.support import ROOT

README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))

FENCE = re.compile(r"(?P<mark><!-- (?P<words>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
FILE = re.compile(r"# (?P<name>[\w./-]+\.(?:py|yaml))\n")
WRITES = re.compile(r"> (?P<name>[\w.]+\.csv)$", re.M)
SHELL = ("bash", "sh", "console")
NEED_FILES = ("trainer.path=", "trainer=function", "space=narrow", "plugins=", "$PWD")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The document that has it.
        line: Where it begins there.
        language: What stands behind its fence; "" for nothing.
        text: What is in it.
        reason: Why it is not run; "" if it is.
    """

    page: Path
    line: int
    language: str
    text: str
    reason: str

    @property
    def file(self) -> str:
        """The name of the file that it is the content of: its first line says so; "" if it is none."""
        match = FILE.match(self.text)
        return match["name"] if match else ""

    @property
    def is_typed(self) -> bool:
        """Whether a reader is to type it, into a shell or into Python, and the tests do."""
        return not self.reason and not self.file and self.language in (*SHELL, "python")

    @property
    def commands(self) -> list[str]:
        """The commands of a shell's block that begin with `hpo`, without that word, a line each."""
        lines = self.text.replace("\\\n", " ").splitlines() if self.language in SHELL else []
        return [line.strip().removeprefix("hpo ") for line in lines if line.strip().startswith("hpo ")]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yields the blocks of a document in their order."""
    text = page.read_text("utf-8")
    for match in FENCE.finditer(text):
        line = text[: match.start("language")].count("\n") + 1
        reason = (match["words"] or "").partition("not run: ")[2]
        yield Block(page, line, match["language"], match["text"], reason)


def given_files() -> dict[str, Block]:
    """Returns the blocks of README.md that write files, by the names of these: other pages need not repeat them."""
    found = {}
    for block in blocks(README):
        written = WRITES.search(block.text) if block.language in SHELL and "hpo" not in block.text else None
        if name := block.file or (written["name"] if written else ""):
            found[name] = block
    return found


def study_commands() -> list[str]:
    """Returns the words behind each `hpo` of the manual that is a study and needs no file but those of its data."""
    commands = {command for page in PAGES for block in blocks(page) for command in block.commands}
    studies = {command for command in commands if command.split(" ")[0] not in WORDS and "--" not in command}
    return sorted(command for command in studies if not any(word in command for word in NEED_FILES))
