"""`python -m hpo`: what it does is in `commands.study`."""

import sys

from hpo.commands.study import main

if __name__ == "__main__":
    sys.exit(main())
