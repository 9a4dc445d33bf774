def _check_questions(connection: Connection) -> Iterator[Check]:
    for name, question, beginning, fix in QUESTIONS:
        found = str(_ask(connection, question))
        yield _judge(name, found, fix, good=found.startswith(beginning))
