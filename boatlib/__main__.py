"""`python -m boatlib`."""

import os
import sys

from boatlib import environment

if __name__ == "__main__":
    environment.in_utf8()
    if "XDG_CACHE_HOME" in (places := environment.without_home()):
        os.environ |= places
        where = os.path.dirname(places["XDG_CACHE_HOME"])
        print(f"Your home folder cannot be written, so caches go to {where}.", file=sys.stderr)
    from boatlib.cli import main

    sys.exit(main())
