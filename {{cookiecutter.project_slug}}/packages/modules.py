{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""Imports all modules of a package, so that a new model or route needs no entry in a list."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from packages import database

# The parts of `packages.database` that have no models.
TOOLS = ("__main__", "autogenerate", {{ '"batch", ' if not db.server else "" }}"commands", "copying")


def import_models() -> None:
    """Import each module of `packages.database` that may have a model: all but the tools.

    Alembic compares only models that are imported, and a relationship may name any of them. The
    tools are slow to import, and a command of yours may need a package that is installed for
    development alone.
    """
    import_modules(database, but=TOOLS)


def import_modules(package: ModuleType, *, but: tuple[str, ...] = ()) -> list[ModuleType]:
    """Import everything below a package, at any depth; return the modules sorted by name.

    A subfolder needs no `__init__.py`. An error in a module is raised: no module is skipped, except
    the modules and subpackages that `but` names.
    """
    names = set()
    for folder in map(Path, package.__path__):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if parts[0] not in but:
                names.add(".".join([package.__name__, *parts]).removesuffix(".__init__"))
    modules = [import_module(name) for name in sorted(names)]
    return [module for module in modules if not hasattr(module, "__path__")]
