"""`python -m hpo.curves`: what it does is in `commands.curves`."""

import sys

from hpo.commands.curves import main

if __name__ == "__main__":
    sys.exit(main())
