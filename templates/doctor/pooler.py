def _check_pooler(connection: Connection) -> Check:
    """Compare the process ids: a pooler gives its clients other ids than the server's."""
    driver: Any = connection.connection.driver_connection
    if {{ db.pooler_seen }}:
        fix = "set DATABASE_POOLER to transaction, unless it is in session mode"
        return _judge("pooler", "in front of the server", fix, good=settings.is_pooled)
    return Check("pooler", "ok", f"not seen; DATABASE_POOLER is {settings.DATABASE_POOLER}")
