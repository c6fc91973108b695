"""Packages of topics: `from boatlib import show`, then `show.tta.verdict(...)` imports what it names, and no more."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType


def on_demand(package: str, path: Iterable[str]) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of such a package."""
    topics = sorted(module.name for module in pkgutil.iter_modules(path))

    def get(name: str) -> ModuleType:
        if name not in topics:
            raise AttributeError(f"{package} has no topic {name!r}. There are: {', '.join(topics)}.")
        return importlib.import_module(f"{package}.{name}")

    return get, lambda: topics
