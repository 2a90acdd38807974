"""`python -m hpo`: the same as `hpo`, what it does is in `commands.console`."""

import sys

from hpo.commands.console import main

if __name__ == "__main__":
    sys.exit(main())
