def _check_reading({{ "workers: int" if checks.limit }}) -> Iterator[Check]:
    if settings.DATABASE_READ_URL is None:
        yield Check("reading", "ok", "from the same server; DATABASE_READ_URL names no replica")
        return
    try:
        with read_engine{{ ".sync_engine" if is_async }}.connect(){{ " as connection" if checks.replica or checks.limit }}:
            yield {{ "_check_replica(connection)" if checks.replica else 'Check("reading", "ok", "DATABASE_READ_URL answers")' }}
            {{- lines('yield _check_limit(connection, "connections that read", workers, 1)' if checks.limit) | indent(12) }}
    except (SQLAlchemyError, OSError) as error:
        yield Check("reading", "error", describe_reason(error), "check DATABASE_READ_URL")
