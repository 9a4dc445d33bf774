def _check_replica(connection: Connection) -> Check:
    try:
        row = connection.exec_driver_sql(LAG_QUERY).mappings().first()
    except DBAPIError as error:
        return Check("replica", "warning", describe_reason(error), "ask an administrator")
    if row is None:
        fix = "set DATABASE_READ_URL to a replica, or remove it"
        return Check("replica", "warning", "a server that is no replica answers", fix)
    lag = row["{{ db.lag_column }}"]
    if lag is None:
        return Check("replica", "error", "its replication has stopped", "look at the replica's log")
    fix = "check its load and its long queries"
    return _judge("replica", f"{lag:.1f} s behind", fix, good=lag <= MAX_LAG_SECONDS)
