def _check_queries(connection: Connection) -> Iterator[Check]:
    for name, query, beginning, fix in QUERIES:
        found = str(_fetch(connection, query))
        yield _judge(name, found, fix, good=found.startswith(beginning))
