"""What the scripts do at once, in threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from packages.database.config import engine, read_engine
from sqlalchemy import MetaData
from sqlalchemy.orm import Session

WAIT_SECONDS = 30


class Barrier(threading.Barrier):
    """Lets so many threads go on together; one that waits longer than 30 seconds has lost its partner."""

    def __init__(self, parties: int) -> None:
        """Begin with no thread."""
        super().__init__(parties, timeout=WAIT_SECONDS)


class Runner:
    """Runs functions one after the other."""

    def run(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function to its end."""
        return function(*arguments)

    def close(self) -> None:
        """Close the connections."""
        engine.dispose()
        read_engine.dispose()


def at_once(*functions: Callable[[], None]) -> None:
    """Call all functions at once, and wait for them."""
    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(function) for function in functions]:
            future.result()


def call(_db: Session, function: Callable[..., object], *arguments: object) -> None:
    """Call a function that waits for a database."""
    function(*arguments)


def create_tables(metadata: MetaData) -> None:
    """Create tables in place of those of an earlier run."""
    metadata.drop_all(engine)
    metadata.create_all(engine)


def run(main: Callable[[], None]) -> None:
    """Run the script's main function, and close the connections."""
    main()
    Runner().close()
