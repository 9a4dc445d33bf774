"""The benchmarks, a small module each: `TITLE`, a docstring for the page, `measure(rig)` and `tables(measured)`."""

from types import ModuleType

from benchmarks.suite import (
    bulk_insert,
    distance,
    drivers,
    http,
    imports,
    instructions,
    layers,
    pages,
    processor,
    rendering,
    round_trips,
    sqlite,
)

# In the order of the page.
SUITE: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        round_trips,
        processor,
        instructions,
        layers,
        http,
        distance,
        sqlite,
        bulk_insert,
        pages,
        imports,
        rendering,
        drivers,
    )
}
