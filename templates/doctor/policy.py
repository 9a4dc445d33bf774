def _check_policy(connection: Connection) -> Iterator[Check]:
    for name, query, expected in POLICY:
        found = _fetch(connection, query)
        fix = f"expected {expected}: check the URL{{ " and any pooler" if db.server }}"
        yield _judge(name, found, fix, good=found == expected, or_else="error")
