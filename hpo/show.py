"""`python -m hpo.show`: what it does is in `commands.show`."""

import sys

from hpo.commands.show import main

if __name__ == "__main__":
    sys.exit(main())
