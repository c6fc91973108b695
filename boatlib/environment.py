"""What our processes inherit: nothing from the user's configuration of other programs, UTF-8, and caches that can be written.

`own` is for the chain and whatever it starts; JupyterLab itself begins with the user's ways (`for_lab`), its kernels do not.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

from boatlib.run import cache_folder, temporary_caches

# Settings of other programs that would change how steps run or what figures look like
DROPPED = (
    "MATPLOTLIBRC", "PYTHONIOENCODING", "PYTHONSTARTUP", "PYTHONINSPECT", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH",
    "JUPYTER_PREFER_ENV_PATH", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
DROPPED_GROUPS = ("SNAKEMAKE_", "PAPERMILL_")


def own() -> dict[str, str]:
    """The environment of this process, without what is the user's own, for processes that nobody watches."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    kept = {name: value for name, value in kept.items() if not name.startswith(DROPPED_GROUPS)}
    jupyter = str(cache_folder("jupyter"))
    places = {"JUPYTER_CONFIG_DIR": jupyter, "JUPYTER_DATA_DIR": jupyter, "JUPYTER_RUNTIME_DIR": f"{jupyter}/runtime"}
    return kept | _kernels() | places | {"JUPYTER_NO_CONFIG": "1", "MPLBACKEND": "agg", "PYTHONUNBUFFERED": "1"}


def for_lab() -> dict[str, str]:
    """The environment of JupyterLab: the user's, but its kernels are this interpreter's, with no settings of other programs."""
    ours = Path(sys.prefix, "share", "jupyter")
    others = os.environ.get("JUPYTER_PATH")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MATPLOTLIBRC", "PYTHONIOENCODING", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE", "MPLBACKEND")
    }
    path = os.pathsep.join([str(ours), *([others] if others else [])])
    own = {  # and not those of a Lab of another project
        "JUPYTERLAB_WORKSPACES_DIR": str(cache_folder("lab") / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(_own_settings()),
    }
    return own | kept | _kernels() | {"JUPYTER_PATH": path, "JUPYTER_PREFER_ENV_PATH": "1"}


def _own_settings() -> Path:
    """This project's settings of JupyterLab, which begin as the user's."""
    place = cache_folder("lab") / "settings"
    users = Path(os.environ.get("JUPYTER_CONFIG_DIR") or Path.home() / ".jupyter", "lab", "user-settings")
    if not place.is_dir():
        with contextlib.suppress(OSError):  # where there are none, or none that can be read, they begin empty
            shutil.copytree(users, place)
    return place


def _kernels() -> dict[str, str]:
    """Of every kernel: places of its own for the settings of IPython and matplotlib; memory that tables free is free."""
    return {
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # Arrow's own pool keeps it
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # without that thread a process can be copied
        "IPYTHONDIR": str(cache_folder("ipython")),
        "MPLCONFIGDIR": str(cache_folder("matplotlib")),
        "PYTHONUTF8": "1",
    } | without_home()


def without_home() -> dict[str, str]:
    """Other places for what libraries keep in the home folder, where that cannot be written (as in containers)."""
    if os.access(Path.home(), os.W_OK):
        return {}
    place = cache_folder("home")
    names = {
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "KAGGLEHUB_CACHE": "kaggle",
    }
    return {name: str(place / inside) for name, inside in names.items() if name not in os.environ}


def in_utf8() -> None:
    """Start this process again in Python's UTF-8 mode, where the system's language would make names of files unreadable."""
    utf8 = {sys.getfilesystemencoding(), *(stream.encoding for stream in (sys.stdin, sys.stdout, sys.stderr) if stream)}
    if not sys.flags.utf8_mode and utf8 != {"utf-8"}:
        os.environ["PYTHONUTF8"] = "1"
        os.environ.pop("PYTHONIOENCODING", None)  # it would outweigh the mode
        os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "boatlib", *sys.argv[1:]])


def caches_elsewhere() -> str:
    """A sentence where caches do not lie in their usual place; the libraries' own get another place too. "" otherwise."""
    words = []
    if "XDG_CACHE_HOME" in (places := without_home()):
        os.environ |= places
        words.append(f"Your home folder cannot be written, so caches go to {cache_folder('home')}.")
    if not os.environ.get("BOATLIB_CACHE") and (place := cache_folder(".")).is_relative_to(temporary_caches()):
        words.append(
            f"The usual folder for caches cannot be written, so they go to {place}, where the system may delete them."
        )
    return " ".join(words)
