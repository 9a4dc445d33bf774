"""Imports all modules of a package, so that a new model or route needs no entry in a list."""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def import_modules(package: ModuleType) -> list[ModuleType]:
    """Import everything below a package, at any depth; return the modules sorted by name.

    A subfolder needs no `__init__.py`. An error in a module is raised: no module is skipped.
    """
    names = set()
    for folder in map(Path, package.__path__):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            names.add(".".join([package.__name__, *parts]).removesuffix(".__init__"))
    modules = [import_module(name) for name in sorted(names)]
    return [module for module in modules if not hasattr(module, "__path__")]
