"""`python -m boatlib` is the command line of `boatlib.cli`."""

import sys

from boatlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
