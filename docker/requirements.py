"""Prints what pyproject.toml asks for, one requirement a line: images install it before the sources are copied.

python docker/requirements.py EXTRA [--with-project]
"""

import sys
import tomllib
from pathlib import Path

extra, *others = sys.argv[1:]
project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
print(*project["optional-dependencies"][extra], sep="\n")
if "--with-project" in others:
    print(*project["dependencies"], sep="\n")
