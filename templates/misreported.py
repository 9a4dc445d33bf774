# Errors of the program or of a row, which the driver reports in the class of a lost connection.
MISREPORTED: dict[type[DBAPIError], set[object]] = {
    {{ db.misreported | indent }}
}


def _correct_class(engine: Engine, misreported: dict[type[DBAPIError], set[object]]) -> None:
    """Raise errors in the class that says what is at fault."""

    def correct(context: "ExceptionContext") -> DBAPIError | None:
        error = context.sqlalchemy_exception
        if context.is_disconnect:
            return None
        if isinstance(error, OperationalError) and error.orig is not None:
            code = {{ db.error_code }}
            for kind, codes in misreported.items():
                if code in codes:
                    return kind(context.statement, None, error.orig, hide_parameters=True)
        return None

    event.listen(engine, "handle_error", correct, retval=True)
