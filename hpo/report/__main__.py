"""`python -m hpo.report`: what it does is in `commands.report`."""

import sys

from hpo.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
