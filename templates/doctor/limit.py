def _check_limit(connection: Connection, name: str, workers: int, engines: int) -> Check:
    fits, found = compare_with_limit(connection, workers, engines)
    return _judge(name, found, FIX, good=fits, or_else="error")
