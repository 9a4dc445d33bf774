def _check_revision(connection: Connection) -> Check:
    try:
        revisions = read_revisions(connection)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        fix = "give this user the right to read alembic_version"
        return Check("revision", "error", describe_reason(error), fix)
    state = compare(revisions)
    found = f"{', '.join(sorted(revisions)) or 'none'}, {state}"
    # Alembic does not record which revisions have run, only the newest one.
    if state == "at head" and revisions and (difference := compare_tables()):
        return Check("revision", "warning", f"{found}, but {difference}", TABLES_FIX)
    fix = REVISION_FIXES[state]
    return _judge("revision", found, fix, good=not fix, or_else="error")
