"""`python -m hpo.copy`: what it does is in `commands.copy`."""

import sys

from hpo.commands.copy import main

if __name__ == "__main__":
    sys.exit(main())
