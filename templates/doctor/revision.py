def _check_revision(connection: Connection) -> Check:
    revisions = read_revisions(connection)
    state = compare(revisions)
    found = f"{', '.join(sorted(revisions)) or 'none'}, {state}"
    fix = REVISION_FIXES[state]
    return _judge("revision", found, fix, good=not fix, or_else="error")
