"""From a folder of labelled photos to executed reports: the package that the notebooks call."""

import sys

__version__ = "0.1.0"

if sys.platform == "win32":
    raise ImportError(
        "boatlib runs on Linux and macOS. On Windows, use it inside WSL: learn.microsoft.com/windows/wsl/install"
    )
