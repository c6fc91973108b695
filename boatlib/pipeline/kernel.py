"""The kernel of a notebook: when it begins to listen, it has imported what the notebook will need.

    python -m boatlib.pipeline.kernel NOTEBOOK -f CONNECTION_FILE

JupyterLab starts its kernels in the usual way, and imports what is needed when it is needed.
"""

import ast
import contextlib
import importlib
import json
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

# Which modules functions import when they are called, so that a notebook in JupyterLab begins sooner
LATER = {
    "01_exploration": ("scipy.sparse.csgraph", "matplotlib.figure"),
    "02_split": (),
    "03_training": ("timm", "torch._dynamo", "openvino", "scipy.optimize", "scipy.linalg", "matplotlib.figure"),
    "04_evaluation": (
        "openvino",
        "scipy.stats",
        "sklearn.linear_model",
        "sklearn.decomposition",
        "matplotlib.figure",
        "seaborn",
    ),
    "05_tta": ("openvino", "scipy.stats"),
    "06_summary": ("babel.dates", "scipy.stats", "matplotlib.figure"),
    "07_new_photos": ("openvino", "matplotlib.figure"),
}


def import_for(notebook: Path) -> None:
    """Import what the first cell imports, and what functions will. What fails, fails again in the notebook, which says so."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for name in [*_named(notebook), *LATER.get(notebook.stem, ())]:
            with contextlib.suppress(Exception, SystemExit):  # also where it is no module, but something in one
                importlib.import_module(name)


def _named(notebook: Path) -> Iterator[str]:
    """What the cell tagged `imports` imports, in its order; of a notebook that cannot be read, nothing."""
    with contextlib.suppress(Exception):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if "imports" in cell["metadata"].get("tags", [])]
        for node in ast.walk(ast.parse("\n".join(sources))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


if __name__ == "__main__":
    import_for(Path(sys.argv.pop(1)))
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
