"""Forks a program that has used the engine; prints what the parent and its children saw as JSON."""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

from concurrency import Runner
from packages.database.config import engine
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHILDREN = 4
QUERIES = 200
WAIT_SECONDS = 60
NUMBER = {"postgresql": "SELECT pg_backend_pid()", "mariadb": "SELECT CONNECTION_ID()"}

Report = dict[str, list[int]]


async def ask(connection: AsyncConnection, value: int) -> tuple[int, int]:
    """Return the server's number of the connection, and what it says when asked for a value."""
    number = await connection.scalar(text(NUMBER[engine.dialect.name]))
    return number, await connection.scalar(text(f"SELECT {value}"))


async def ask_often(first: int) -> Report:
    """Ask for many values, each over a connection of the pool."""
    numbers, values = set(), []
    for value in range(first, first + QUERIES):
        async with engine.connect() as connection:
            number, answer = await ask(connection, value)
        numbers.add(number)
        values.append(answer)
    return {"numbers": sorted(numbers), "values": values}


async def ask_on_three() -> Report:
    """Ask over three connections at once, so that the pool has as many."""
    async with engine.connect() as one, engine.connect() as two, engine.connect() as three:
        answers = [await ask(connection, value) for value, connection in enumerate((one, two, three))]
    return {"numbers": sorted(number for number, _ in answers), "values": [value for _, value in answers]}


def fork(work: Callable[[int], None]) -> list[int]:
    """Let children do the work; one ends as a program does, the others at once, as those of `multiprocessing` do."""
    children = []
    for number in range(CHILDREN):
        child = os.fork()
        if child == 0:
            work(number)
            if number == 0:
                sys.exit()
            os._exit(0)
        children.append(child)
    return children


def main() -> None:
    """Use the engine, fork, and let all children and the parent ask at once."""
    runner = Runner()
    before = runner.run(ask_on_three)
    pipes = [os.pipe() for _ in range(CHILDREN)]
    barrier = multiprocessing.get_context("fork").Barrier(CHILDREN + 1)

    def work(number: int) -> None:
        # A child that hangs is ended, and has reported nothing.
        signal.alarm(WAIT_SECONDS)
        barrier.wait()
        os.write(pipes[number][1], json.dumps(Runner().run(ask_often, (number + 1) * QUERIES)).encode())

    started = fork(work)
    barrier.wait(WAIT_SECONDS)
    meanwhile = runner.run(ask_often, 0)
    for child in started:
        os.waitpid(child, 0)
    for _, end in pipes:
        os.close(end)
    children = [json.loads(os.fdopen(pipe).read() or "null") for pipe, _ in pipes]
    after = runner.run(ask_on_three)
    print(json.dumps({"before": before, "meanwhile": meanwhile, "after": after, "children": children}))
    runner.close()


main()
