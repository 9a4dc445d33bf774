# Errors of the program or of a row, which the driver reports in the class of a lost connection.
MISREPORTED: dict[type[DBAPIError], set[object]] = {
    {{ db.misreported | indent }}
}


def _correct_class(context: "ExceptionContext") -> DBAPIError | None:
    """Return an error of the class that says what is at fault, to be raised instead."""
    error = context.sqlalchemy_exception
    if isinstance(error, OperationalError) and error.orig is not None:
        code = {{ db.error_code }}
        for kind, codes in MISREPORTED.items():
            if code in codes:
                return kind(context.statement, None, error.orig, hide_parameters=True)
    return None
