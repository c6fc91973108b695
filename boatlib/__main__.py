"""`python -m boatlib`."""

import sys

from boatlib import environment

if __name__ == "__main__":
    environment.in_utf8()
    if words := environment.caches_elsewhere():
        print(words, file=sys.stderr)
    from boatlib.cli import main

    sys.exit(main())
