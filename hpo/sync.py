"""`python -m hpo.sync`: what it does is in `commands.sync`."""

import sys

from hpo.commands.sync import main

if __name__ == "__main__":
    sys.exit(main())
