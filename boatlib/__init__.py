"""From a folder of labelled photos to executed reports: the package that the notebooks call."""

import os
import sys

__version__ = "0.1.0"

if sys.platform == "win32":
    raise ImportError(
        "boatlib runs on Linux and macOS. On Windows, use it inside WSL: learn.microsoft.com/windows/wsl/install"
    )

# Threads of torch that wait for each other keep a core from whoever works beside them: for a moment only, then they sleep.
# GNU's OpenMP reads this when it is loaded (benchmarks/README.md, "Two runs side by side")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
