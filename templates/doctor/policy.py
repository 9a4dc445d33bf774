def _check_policy(connection: Connection) -> Iterator[Check]:
    for name, question, expected in POLICY:
        found = _ask(connection, question)
        fix = f"asked for {expected}: look at the URL{{ " and at any pooler" if db.server }}"
        yield _judge(name, found, fix, good=found == expected, or_else="error")
