def _refuse_writes(connection: "DBAPIConnection", _record: "ConnectionPoolEntry") -> None:
    cursor = connection.cursor()
    cursor.execute("{{ db.refuse_writes }}")
    cursor.close()
{% if db.write_refused %}


def _report_refused_write(context: "ExceptionContext") -> ProgrammingError | None:
    """Return a `ProgrammingError`, since the program is at fault and the server works."""
    error = context.original_exception
    if {{ db.write_refused }}:
        return ProgrammingError(context.statement, None, error, hide_parameters=True)
    return None
{% endif %}
