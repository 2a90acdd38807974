"""`python -m hpo.predict`: what it does is in `commands.predict`."""

import sys

from hpo.commands.predict import main

if __name__ == "__main__":
    sys.exit(main())
