"""`python -m hpo.compare`: what it does is in `commands.compare`."""

import sys

from hpo.commands.compare import main

if __name__ == "__main__":
    sys.exit(main())
